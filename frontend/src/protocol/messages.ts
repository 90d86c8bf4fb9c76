/// The JSON messages of the WebSocket /api/run, as docs/protocol.md states them.

import type { Diagnostic, Outcome } from "./generated.ts";

export type PlaceKind =
  | "device"
  | "txq"
  | "qdisc"
  | "class"
  | "map"
  | "instance"
  | "egress"
  | "filter";

export interface Place {
  index: number;
  kind: PlaceKind;
  name: string;
  program?: string | null;
  parent: number;
  qdisc: number;
  capacity?: number | null;
  map_kind?: string;
  fields?: string[];
  inner?: number;
  less?: boolean;
  handle?: string;
  classid?: string;
  device?: number | string;
  globals?: { name: string; initial: number | number[] | string }[];
  instance?: number;
  maps?: number[];
  reasons?: string[];
}

export interface Flow {
  index: number;
  name: string;
  model: string;
  letter: string;
  device: number | string;
}

export interface ParamInfo {
  path: string;
  /// Place of the instance.
  instance: number | string;
  name: string;
  value: number | number[] | string;
  low: number | string | null;
  high: number | string | null;
  unit: string;
  help: string;
  kind: string;
}

export interface Started {
  run: string;
  seed: number;
  duration_ns: number;
  places: Place[];
  flows: Flow[];
  programs: Record<string, string>;
  params: ParamInfo[];
  engine: string;
  title: string;
  summary: string;
  look_for: string;
  story?: string;
}

export interface LogEntry {
  index: number;
  time_ns: number;
  line: number;
  place: number;
  skb: number;
  text: string;
}

export interface Fault {
  slug?: string;
  message: string;
  line?: number;
  place?: number;
  skb?: number;
  time_ns?: number;
  hint?: string;
}

export interface Expectation {
  text: string;
  ok: boolean;
  value: number | string | null;
}

export interface Finished {
  outcome: Outcome;
  digest: string;
  rows: number;
  time_ns: number;
  statistics: unknown;
  maps: unknown;
  tc_text: string;
  map_text: string;
  fault: Fault | null;
  expects: Expectation[];
  truncated: boolean;
  lines: Record<string, Record<string, number>>;
}

export interface ServiceError {
  slug: string;
  message: string;
  hint?: string;
  line?: number;
}

/// A live or scripted event, as a scenario's `[[event]]`.
export type EventTable = { at: string; do: string } & Record<string, string | number | boolean>;

export interface StartRequest {
  scenario: string;
  programs: Record<string, string>;
  files: Record<string, string>;
  params: Record<string, number | string>;
  seed: number | null;
  duration: string | null;
}

export type ServiceMessage =
  | { op: "diagnostics"; id: number; diagnostics: Diagnostic[]; ok: boolean }
  | ({ op: "started"; id: number } & Started)
  | { op: "rewound"; id: number; row: number }
  | { op: "log"; id: number; entries: LogEntry[] }
  | { op: "progress"; id: number; time_ns: number; rows: number; packets: number }
  | ({ op: "finished"; id: number } & Finished)
  | { op: "error"; id?: number; error: ServiceError }
  | { op: "busy"; id: number; position: number; seconds: number };

// Written by tools/generate_types.py from sandbox/protocol.py and sandbox/diagnostics.py.

export interface Fix {
  title: string;
  line: number;
  column: number;
  end_line: number;
  end_column: number;
  replacement: string;
}

export interface Diagnostic {
  slug: string;
  message: string;
  line: number;
  column: number;
  end_line: number;
  end_column: number;
  severity: "error" | "warning" | "advice";
  hint: string;
  fix: Fix | null;
  source: string;
}

export type Outcome =
  | "ok"
  | "compile-error"
  | "runtime-error"
  | "limit-cpu"
  | "limit-fuel"
  | "limit-memory"
  | "limit-output"
  | "limit-wall"
  | "crashed"
  | "cancelled";

export const RowKind = {
  arrive: 1,
  egress: 2,
  classify: 3,
  push: 4,
  verdict: 5,
  pop: 6,
  dequeue: 7,
  drop: 8,
  mark: 9,
  txStart: 10,
  txEnd: 11,
  receive: 12,
  throttle: 13,
  watchdog: 14,
  timer: 15,
  event: 16,
  link: 17,
  purge: 18,
  log: 19,
  setRank: 20,
  stolen: 21,
  fault: 22,
  ring: 23,
  cell: 32,
  bind: 33,
  ints: 34,
  after: 35,
} as const;

export const Verdict = {
  queued: 0,
  cn: 1,
  drop: 2,
  throttle: 3,
  bypass: 4,
  pass: 5,
  stolen: 6,
  ok: 7,
} as const;

export const DropCode = {
  verdict: 1,
  callBeforeEnqueue: 2,
  callAfterEnqueue: 3,
  noClass: 4,
  noChild: 5,
  egress: 6,
  filter: 7,
  wire: 8,
  bypass: 9,
  linkDown: 10,
  reset: 11,
  replaced: 12,
} as const;

export const EventKind = {
  rate: 1,
  flow: 2,
  param: 3,
  mapUpdate: 4,
  tc: 5,
  burst: 6,
} as const;

export const PROTOCOL_VERSION = 1;
export const ROWS_MAX = 2000000;
export const SOURCE_BYTES_MAX = 65536;
export const TEXT_BYTES_MAX = 262144;
export const FILES_MAX = 8;
export const FILES_BYTES_MAX = 8388608;
export const EVENTS_MAX = 256;

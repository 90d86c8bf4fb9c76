/// The plain HTTP side of the service: scenarios, library, helper table, opening trace.

import type { Diagnostic } from "./generated.ts";
import type { Finished, LogEntry, Started, StartRequest } from "./messages.ts";

export interface Verdict {
  ok: boolean;
  diagnostics: Diagnostic[];
}

export interface ScenarioItem {
  /// Its path in scenarios/ without the suffix, e.g. `latency/bufferbloat`.
  name: string;
  title: string;
  summary: string;
  look_for: string;
  story: string;
  text: string;
  programs: Record<string, string>;
  files: Record<string, string>;
}

export interface LibraryItem {
  name: string;
  title: string;
  doc: string;
  text: string;
}

export interface HelperItem {
  name: string;
  signature?: string;
  doc?: string;
  value?: string;
  allowed?: string[];
  bpf?: string;
}

/// The language's vocabulary as GET /api/helpers tells it.
export interface Vocabulary {
  helpers: HelperItem[];
  maps: (HelperItem & { methods: HelperItem[] })[];
  skb: HelperItem[];
  ctx: HelperItem[];
  entries: HelperItem[];
  verdicts: HelperItem[];
  constants: HelperItem[];
}

/// What opening.json holds beside the rows of opening.bin.
export interface Opening {
  scenario: string;
  programs: Record<string, string>;
  started: Started;
  finished: Finished | null;
  log: LogEntry[];
}

/// The checker's verdict on the texts of a run, without running them.
export async function check(request: StartRequest): Promise<Verdict> {
  const response = await fetch("/api/check", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  });
  if (!response.ok) throw new Error(`/api/check: ${response.status} ${response.statusText}`);
  return (await response.json()) as Verdict;
}

export async function fetchJson(path: string): Promise<unknown> {
  const response = await fetch(path, { headers: { accept: "application/json" } });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${response.statusText}`);
  return response.json();
}

/// Batches as /api/batches takes and tells them; docs/batches.md.

import type { Diagnostic } from "./generated.ts";

export interface BatchRequest {
  scenario: string;
  programs: Record<string, string>;
  files: Record<string, string>;
  compare: Record<string, string>;
  /// Null: the scenario's own axes; empty: no parameter varies.
  params: Record<string, string> | null;
  latin: number;
  latin_seed: number;
  list: string;
  seeds: number | null;
  seed: number | null;
  duration: string | null;
  metrics: string[];
}

export interface Axis {
  path: string;
  values: (number | string)[];
}

export interface PlanParam {
  path: string;
  name: string;
  value: unknown;
  low: number | string | null;
  high: number | string | null;
  unit: string;
  help: string;
  kind: string;
}

export interface Plan {
  ok: boolean;
  diagnostics: Diagnostic[];
  /// A sentence for each axis with something wrong.
  fields: Record<string, string>;
  estimate_s: number | null;
  title: string;
  count: number;
  programs: string[];
  axes: Axis[];
  seeds: number[];
  metrics: string[];
  params: PlanParam[];
}

export type BatchPhase = "queued" | "running" | "done" | "cancelled" | "interrupted";

export interface BatchState {
  id: string;
  url: string;
  title: string;
  state: BatchPhase;
  /// What interrupted it, as far as is known.
  reason: string;
  count: number;
  done: number;
  failed: number;
  limited: number;
  cached: number;
  eta_s: number | null;
  axes: Axis[];
  programs: string[];
  metrics: string[];
  seeds: number[];
}

/// One run with everything that decides it.
export interface PointJob {
  scenario: string;
  programs: Record<string, string>;
  files: Record<string, string>;
  params: Record<string, number | string>;
  seed: number;
  duration: string | null;
}

export type Row = Record<string, number | string>;

export interface Mean {
  mean: number;
  half_width: number | null;
  n: number;
}

export interface Group {
  program: string;
  params: Record<string, number | string>;
  runs: number;
  failed: number;
  values: Record<string, Mean>;
}

export interface Summary {
  metrics: string[];
  groups: Group[];
}

export interface Curves {
  program: string;
  params: Record<string, number | string>;
  flows: Record<string, [number, number][]>;
}

export class BatchError extends Error {
  constructor(
    readonly slug: string,
    message: string,
    readonly diagnostics: Diagnostic[] = [],
  ) {
    super(message);
  }
}

/// What a reader is told of an error; fetch throws a TypeError when nobody answers.
export function wordsOf(error: unknown): string {
  if (error instanceof TypeError) return "the service cannot be reached; try again";
  return error instanceof Error ? error.message : String(error);
}

const ID = /^\/sweep\/([A-Za-z0-9_-]{22})\/?$/;

/// The id of the batch that a path opens, or null.
export function batchIdOf(path: string): string | null {
  return ID.exec(path)?.[1] ?? null;
}

export function postPlan(request: BatchRequest): Promise<Plan> {
  return post("/api/batches/plan", request) as Promise<Plan>;
}

/// Begins a batch; a key makes it safe to send again.
export function postBatch(request: BatchRequest): Promise<BatchState> {
  const key = crypto.randomUUID();
  return post("/api/batches", request, { "idempotency-key": key }) as Promise<BatchState>;
}

export function act(id: string, what: "cancel" | "resume"): Promise<BatchState> {
  return post(`/api/batches/${id}/${what}`, {}) as Promise<BatchState>;
}

export async function get(path: string): Promise<unknown> {
  return answered(await fetch(path, { headers: { accept: "application/json" } }));
}

export interface Watcher {
  state(state: BatchState): void;
  rows(rows: Row[]): void;
  end(): void;
  away(): void;
}

/// Follows a batch until its end; the browser reconnects and goes on where it was.
export function watch(id: string, watcher: Watcher): () => void {
  const source = new EventSource(`/api/batches/${id}/events`);
  const data = (event: Event) => JSON.parse((event as MessageEvent<string>).data);
  source.addEventListener("state", (event) => watcher.state(data(event)));
  source.addEventListener("rows", (event) => watcher.rows(data(event).rows));
  source.addEventListener("end", () => {
    source.close();
    watcher.end();
  });
  source.addEventListener("error", () => watcher.away());
  return () => source.close();
}

async function post(path: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  return answered(response);
}

async function answered(response: Response): Promise<unknown> {
  const body: unknown = await response.json().catch(() => null);
  if (response.ok) return body;
  const error = (body as { error?: { slug: string; message: string; hint?: string } } | null)
    ?.error;
  if (!error) throw new BatchError("error", `the service answered ${response.status}`);
  const found = (error as { diagnostics?: Diagnostic[] }).diagnostics ?? [];
  const hint = error.hint ? `; ${error.hint}` : "";
  throw new BatchError(error.slug, `${error.message}${hint}`, found);
}

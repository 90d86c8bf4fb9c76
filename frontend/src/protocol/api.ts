/// The plain HTTP side of the service: scenarios, library, helper table, opening trace.

import type { Finished, LogEntry, Started } from "./messages.ts";

export interface ScenarioItem {
  name: string;
  topic: string;
  title: string;
  summary: string;
  scenario: string;
  programs: Record<string, string>;
  files: Record<string, string>;
}

export interface LibraryItem {
  name: string;
  title: string;
  source: string;
}

export interface HelperItem {
  name: string;
  signature: string;
  doc: string;
  kind: string;
  receiver?: string;
}

/// What opening.json holds beside the rows of opening.bin.
export interface Opening {
  scenario: string;
  programs: Record<string, string>;
  started: Started;
  finished: Finished | null;
  log: LogEntry[];
}

export async function fetchJson(path: string): Promise<unknown> {
  const response = await fetch(path, { headers: { accept: "application/json" } });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${response.statusText}`);
  return response.json();
}

export async function fetchOpening(): Promise<{ opening: Opening; rows: Uint8Array }> {
  const [json, binary] = await Promise.all([fetchJson("/opening.json"), fetch("/opening.bin")]);
  if (!binary.ok) throw new Error(`/opening.bin: ${binary.status} ${binary.statusText}`);
  return { opening: json as Opening, rows: new Uint8Array(await binary.arrayBuffer()) };
}

/// What a share link holds, as POST /api/shares takes it, and how a link that came is read.

import type { Selection } from "../state/player.svelte.ts";
import type { StartRequest } from "./messages.ts";

export const SHARE_VERSION = 1;
const ID = /^\/s\/([A-Za-z0-9_-]{22})\/?$/;

export interface ShareView {
  time_ns: number;
  row: number | null;
  selection: Selection;
  tab: string;
}

export interface SharePicture {
  curve: number[];
  at: number;
  boxes: { flow: number; width: number; marked: boolean }[];
}

export interface Share extends StartRequest {
  version: typeof SHARE_VERSION;
  title: string;
  view: ShareView;
  picture: SharePicture;
  digest: string;
  engine: string;
}

/// A link whose shape this page does not know: the texts that could be found, and why the rest
/// could not be read.
export interface Unreadable {
  problem: string;
  texts: { name: string; text: string }[];
}

export type Read = { share: Share } | { unreadable: Unreadable };

/// The id of the share that a path opens, or null.
export function shareIdOf(path: string): string | null {
  return ID.exec(path)?.[1] ?? null;
}

/// Reads what came from the service or from a fragment; nothing in it is trusted.
export function readShare(value: unknown): Read {
  const found = record(value);
  const version = found.version;
  if (version !== SHARE_VERSION) {
    const named = typeof version === "number" ? `version ${version}` : "no version";
    const problem = `this link has ${named}, and this page reads version ${SHARE_VERSION}`;
    return { unreadable: { problem, texts: textsOf(found) } };
  }
  if (typeof found.scenario !== "string") {
    return { unreadable: { problem: "this link has no scenario", texts: textsOf(found) } };
  }
  const view = record(found.view);
  return {
    share: {
      version: SHARE_VERSION,
      title: text(found.title),
      scenario: found.scenario,
      programs: textMap(found.programs),
      files: textMap(found.files),
      params: paramsOf(found.params),
      seed: typeof found.seed === "number" ? found.seed : null,
      duration: typeof found.duration === "string" ? found.duration : null,
      view: {
        time_ns: count(view.time_ns) ?? 0,
        row: count(view.row),
        selection: selectionOf(record(view.selection)),
        tab: text(view.tab),
      },
      picture: { curve: [], at: 0, boxes: [] },
      digest: text(found.digest),
      engine: text(found.engine),
    },
  };
}

function textsOf(found: Record<string, unknown>): Unreadable["texts"] {
  const texts = Object.entries(textMap(found.programs)).map(([name, text]) => ({ name, text }));
  if (typeof found.scenario === "string") {
    texts.unshift({ name: "scenario", text: found.scenario });
  }
  return texts;
}

function selectionOf(found: Record<string, unknown>): Selection {
  const [skb, place, slot, flow] = [found.skb, found.place, found.slot, found.flow].map(count);
  if (found.kind === "skb" && skb != null) return { kind: "skb", skb };
  if (found.kind === "flow" && flow != null) return { kind: "flow", flow };
  if (found.kind === "place" && place != null) return { kind: "place", place, slot: slot ?? 0 };
  return { kind: "none" };
}

function record(value: unknown): Record<string, unknown> {
  const plain = typeof value === "object" && value !== null && !Array.isArray(value);
  return plain ? (value as Record<string, unknown>) : {};
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function count(value: unknown): number | null {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null;
}

function textMap(value: unknown): Record<string, string> {
  const entries = Object.entries(record(value));
  return Object.fromEntries(entries.filter((e): e is [string, string] => typeof e[1] === "string"));
}

function paramsOf(value: unknown): Record<string, number | string> {
  const kept = Object.entries(record(value)).filter(
    (e): e is [string, number | string] => typeof e[1] === "string" || Number.isSafeInteger(e[1]),
  );
  return Object.fromEntries(kept);
}

export class ShareError extends Error {
  constructor(
    readonly slug: string,
    message: string,
  ) {
    super(message);
  }
}

/// Keeps a share; the answer says where, and until when (Unix seconds) if not for good.
export async function postShare(share: Share): Promise<{ url: string; expires_s: number | null }> {
  const response = await fetch("/api/shares", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(share),
  });
  if (!response.ok) throw await told(response);
  return (await response.json()) as { url: string; expires_s: number | null };
}

export async function fetchShare(id: string): Promise<Read> {
  const response = await fetch(`/api/shares/${id}`, { headers: { accept: "application/json" } });
  if (!response.ok) throw await told(response);
  return readShare(await response.json());
}

async function told(response: Response): Promise<ShareError> {
  try {
    const body = record(record(await response.json()).error);
    const hint = text(body.hint);
    return new ShareError(text(body.slug), `${text(body.message)}${hint && `; ${hint}`}`);
  } catch {
    return new ShareError("error", `the service answered ${response.status}`);
  }
}

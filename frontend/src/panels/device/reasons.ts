/// Words for verdicts, drops and rows, the same everywhere on the page.

import { formatBytes, formatDuration } from "../../base/format.ts";
import { DropCode, EventKind, Verdict } from "../../protocol/generated.ts";
import { Kind } from "../../protocol/rows.ts";
import type { Bin } from "../../state/queues.ts";
import type { Trace } from "../../state/trace.ts";

const DROP_WORDS: Record<number, string> = {
  [DropCode.verdict]: "verdict DROP",
  [DropCode.callBeforeEnqueue]: "drop() before enqueue",
  [DropCode.callAfterEnqueue]: "drop() after enqueue",
  [DropCode.noClass]: "no such class",
  [DropCode.noChild]: "class without a child",
  [DropCode.egress]: "egress verdict",
  [DropCode.filter]: "filter action",
  [DropCode.wire]: "lost on the wire",
  [DropCode.bypass]: "BYPASS",
  [DropCode.linkDown]: "link is down",
  [DropCode.reset]: "reset",
  [DropCode.replaced]: "qdisc replaced",
};

const VERDICT_NAMES = new Map<number, string>(
  Object.entries(Verdict).map(([name, value]) => [value, name.toUpperCase()]),
);
const EVENT_NAMES = new Map<number, string>(
  Object.entries(EventKind).map(([name, value]) => [value, name]),
);

export function verdictName(code: number): string {
  return VERDICT_NAMES.get(code) ?? `verdict ${code}`;
}

/// Why a packet was dropped: the program's own reason when it gave one.
export function dropReason(trace: Trace, place: number, code: number, aux: number): string {
  const reasons = instanceReasons(trace, place);
  const byCall = code === DropCode.callBeforeEnqueue || code === DropCode.callAfterEnqueue;
  const own = byCall ? reasons?.[aux] : undefined;
  return own || (DROP_WORDS[code] ?? `code ${code}`);
}

function instanceReasons(trace: Trace, place: number): string[] | undefined {
  const at = trace.place(place);
  if (at?.reasons) return at.reasons;
  return trace.started.places.find((other) => other.kind === "instance" && other.qdisc === place)
    ?.reasons;
}

/// The reasons of a bin with their counts, most frequent first.
export function binReasons(trace: Trace, bin: Bin): { text: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const [key, count] of bin.reasons) {
    const [place = 0, code = 0, aux = 0] = key.split(":").map(Number);
    const text = dropReason(trace, place, code, aux);
    counts.set(text, (counts.get(text) ?? 0) + count);
  }
  return [...counts].map(([text, count]) => ({ text, count })).sort((a, b) => b.count - a.count);
}

export function binText(trace: Trace, bin: Bin): string {
  const reasons = binReasons(trace, bin);
  const [only] = reasons;
  if (only && reasons.length === 1) return only.text;
  return reasons.map(({ text, count }) => `${text} ${count}`).join(", ");
}

/// One row in words, without its time.
export function rowText(trace: Trace, i: number): string {
  const { rows } = trace;
  const place = trace.place(rows.place(i))?.name ?? "";
  const slot = trace.place(rows.place(i))?.inner ? `[${rows.slot(i)}]` : "";
  switch (rows.kind(i)) {
    case Kind.arrive:
      return `arrives at ${place}, ${formatBytes(rows.aux(i))}`;
    case Kind.egress:
      return `egress program gives ${verdictName(rows.code(i))}`;
    case Kind.classify:
      return `classified to ${classid(rows.value(i))}`;
    case Kind.push:
      return `pushed to ${place}${slot}, rank ${rows.valueExact(i)}`;
    case Kind.verdict:
      return `enqueue in ${place} gives ${verdictName(rows.code(i))}`;
    case Kind.pop:
      return `popped from ${place}${slot}, rank ${rows.valueExact(i)}`;
    case Kind.dequeue:
      return dequeueText(trace, i, place);
    case Kind.drop:
      return `dropped: ${dropReason(trace, rows.place(i), rows.code(i), rows.aux(i))}`;
    case Kind.mark:
      return `marked with congestion experienced by ${place}`;
    case Kind.ring:
      return `in the ring of ${place}`;
    case Kind.txStart:
      return `on the wire for ${formatDuration(rows.value(i))}`;
    case Kind.txEnd:
      return "sent";
    case Kind.receive:
      return `received after ${formatDuration(rows.value(i))}`;
    case Kind.throttle:
      return `${place} waits until ${(rows.value(i) / 1e9).toFixed(6)} s`;
    case Kind.watchdog:
      return `watchdog of ${place} fires`;
    case Kind.timer:
      return `timer of ${place} fires`;
    case Kind.event:
      return `event: ${EVENT_NAMES.get(rows.code(i)) ?? "change"} of ${place}`;
    case Kind.link:
      return `link of ${place} ${rows.code(i) === 1 ? "up" : "down"}`;
    case Kind.purge:
      return `purged from ${place}${slot} because the link went down`;
    case Kind.log:
      return "wrote to the log";
    case Kind.setRank:
      return `rank of inner map ${rows.slot(i)} of ${place} set to ${rows.valueExact(i)}`;
    case Kind.stolen:
      return `taken over by ${place}`;
    case Kind.fault:
      return `fault in ${place}`;
    default:
      return `changes ${place}`;
  }
}

function dequeueText(trace: Trace, i: number, place: string): string {
  const code = trace.rows.code(i);
  if (code !== Verdict.queued) return `dequeue in ${place} gives ${verdictName(code)}`;
  return `dequeued from ${place} after ${formatDuration(trace.rows.value(i))}`;
}

/// A tc class id as tc writes it.
export function classid(value: number): string {
  const id = value >>> 0;
  return `${(id >>> 16).toString(16)}:${(id & 0xffff).toString(16)}`;
}

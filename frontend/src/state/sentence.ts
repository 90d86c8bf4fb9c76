/// The state of the run in one sentence, for everyone who cannot or will not watch the canvas.

import { formatCount, formatDuration, formatMomentShort, plural } from "../base/format.ts";
import { capacityText, mapTitle } from "./names.ts";
import { type QueueState, SLOTS } from "./queues.ts";
import { quantile } from "./series.ts";
import type { Trace } from "./trace.ts";

/// The number of a flow's departures up to a time.
function departuresUntil(times: readonly number[], timeNs: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] ?? 0) <= timeNs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/// The latest wait of a flow at a time, in ns, or NaN before its first departure.
export function waitAt(trace: Trace, flow: number, timeNs: number): number {
  const waits = trace.series.waits[flow];
  if (!waits) return Number.NaN;
  return waits.wait[departuresUntil(waits.time, timeNs) - 1] ?? Number.NaN;
}

/// Percentiles of a flow's waits up to a time, in ns.
export function waitQuantiles(trace: Trace, flow: number, timeNs: number) {
  const waits = trace.series.waits[flow];
  if (!waits) return { count: 0, p50: Number.NaN, p95: Number.NaN, p99: Number.NaN };
  const count = departuresUntil(waits.time, timeNs);
  const sorted = Float64Array.from(waits.wait.slice(0, count)).sort();
  return {
    count,
    p50: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    p99: quantile(sorted, 0.99),
  };
}

export function sentence(
  trace: Trace,
  state: QueueState,
  timeNs: number,
  playing: boolean,
): string {
  const parts = [`${playing ? "Playing" : "Paused"} at ${formatMomentShort(timeNs)}.`];
  for (const place of trace.started.places) {
    if (place.kind === "map" && (place.map_kind ?? "").match(/^(Skb|Flow)/)) {
      const text = mapSentence(trace, state, place.index, timeNs);
      if (text) parts.push(text);
    }
  }
  if (parts.length === 1) parts.push("Every queue is empty.");
  const { total } = state.drops;
  parts.push(total === 0 ? "Nothing dropped." : `${plural(total, "drop")} so far.`);
  if (state.purges.total > 0) parts.push(`${formatCount(state.purges.total)} purged by link down.`);
  for (const device of state.linksDown) parts.push(`${trace.place(device)?.name} is down.`);
  return parts.join(" ");
}

function mapSentence(trace: Trace, state: QueueState, place: number, timeNs: number): string {
  let count = 0;
  const flows = new Set<number>();
  let head = -1;
  for (const [key, pushes] of state.lists) {
    if (Math.floor(key / SLOTS) !== place || pushes.length === 0) continue;
    count += pushes.length;
    if (head < 0) head = pushes[0] ?? -1;
    for (const push of pushes) flows.add(trace.packets.flow(trace.rows, trace.rows.skb(push)));
  }
  if (count === 0) return "";
  const at = trace.place(place);
  if (!at) return "";
  const flow = trace.started.flows[trace.packets.flow(trace.rows, trace.rows.skb(head))];
  const waited = formatDuration(timeNs - trace.rows.time(head));
  return (
    `${mapTitle(trace.started, at)} holds ${formatCount(count)}${capacityText(at)} skbs from ${plural(flows.size, "flow")}; ` +
    `its head is ${flow?.name ?? "unknown"}, waiting ${waited}.`
  );
}

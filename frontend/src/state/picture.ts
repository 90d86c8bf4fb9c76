/// The facts from which the service draws the picture of a shared link.

import type { SharePicture } from "../protocol/shares.ts";
import type { QueueState } from "./queues.ts";
import { BINS } from "./series.ts";
import type { Trace } from "./trace.ts";

const COLUMNS = 150;
const BOXES = 48;
const FULL_BYTES = 1514;

/// Backlog over the run in percent of its most, and the packets that wait, head first.
export function pictureOf(trace: Trace, row: number, timeNs: number): SharePicture {
  const { backlogAll, lastBin } = trace.series;
  const most = Math.max(4, ...backlogAll.subarray(0, lastBin + 1));
  const each = BINS / COLUMNS;
  const curve = Array.from({ length: COLUMNS }, (_, column) => {
    const part = backlogAll.subarray(column * each, (column + 1) * each);
    return Math.round((Math.max(...part) / most) * 100);
  });
  const duration = Math.max(1, trace.started.duration_ns);
  return {
    curve,
    at: Math.min(1000, Math.max(0, Math.round((timeNs / duration) * 1000))),
    boxes: waiting(trace.stateAt(row), trace).map((skb) => ({
      flow: trace.packets.flow(trace.rows, skb),
      width: Math.min(
        100,
        Math.max(1, Math.round((trace.packets.lenBytes(trace.rows, skb) / FULL_BYTES) * 100)),
      ),
      marked: trace.packets.isMarked(skb, row),
    })),
  };
}

/// The first packets of every map in turn, so that many short queues are all seen.
function waiting(state: QueueState, trace: Trace): number[] {
  const lists = [...state.lists.entries()].sort(([a], [b]) => a - b).map(([, rows]) => rows);
  const longest = Math.max(0, ...lists.map((rows) => rows.length));
  const skbs: number[] = [];
  for (let at = 0; at < longest && skbs.length < BOXES; at++) {
    for (const rows of lists) {
      const row = rows[at];
      if (row !== undefined) skbs.push(trace.rows.skb(row));
    }
  }
  return skbs.slice(0, BOXES);
}

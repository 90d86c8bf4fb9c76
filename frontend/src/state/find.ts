/// Finding rows: the next or previous drop, mark, fault, row of a flow or of an skb.

import { Kind, type Rows } from "../protocol/rows.ts";
import type { Packets } from "./packets.ts";
import type { Until } from "./playback.ts";

export interface Target {
  until: Until;
  flow: number;
  skb: number;
}

export function matches(rows: Rows, packets: Packets, i: number, target: Target): boolean {
  switch (target.until) {
    case "end":
      return false;
    case "drop":
      return rows.kind(i) === Kind.drop || rows.kind(i) === Kind.purge;
    case "mark":
      return rows.kind(i) === Kind.mark;
    case "fault":
      return rows.kind(i) === Kind.fault;
    case "flow":
      return (
        rows.kind(i) < 32 && rows.skb(i) > 0 && packets.flow(rows, rows.skb(i)) === target.flow
      );
    case "skb":
      return rows.kind(i) < 32 && rows.skb(i) === target.skb && target.skb > 0;
    default: {
      const never: never = target.until;
      return never;
    }
  }
}

/// The first matching row at or after `from` (or, backwards, at or before it), or -1.
export function findRow(
  rows: Rows,
  packets: Packets,
  from: number,
  direction: 1 | -1,
  target: Target,
): number {
  for (let i = from; i >= 0 && i < rows.length; i += direction) {
    if (matches(rows, packets, i, target)) return i;
  }
  return -1;
}

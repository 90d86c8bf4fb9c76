/// What the device view draws: boxes of packets, bars of many, and the words they share.

import type { QueueState } from "../../state/queues.ts";
import type { Trace } from "../../state/trace.ts";

export interface Glyph {
  x: number;
  y: number;
  w: number;
  h: number;
  flow: number;
  skb: number;
  marked: boolean;
  /// 0 fresh … 1 has waited 200 ms or more.
  age: number;
  alpha: number;
}

export interface Bar {
  x: number;
  y: number;
  w: number;
  h: number;
  flow: number;
}

export interface DrawList {
  glyphs: Glyph[];
  bars: Bar[];
  /// How many inner maps hold packets but have no strip, by map place.
  hidden: Map<number, number>;
  /// The inner slot that each strip of a map of maps shows, by map place.
  slots: Map<number, number[]>;
}

export interface Moment {
  state: QueueState;
  timeNs: number;
  /// How long a packet takes to cross the picture, in simulated ns; 0 while paused.
  flightNs: number;
}

export interface Point {
  x: number;
  y: number;
}

export const PX_PER_BYTE_MAX = 26 / 1514;

export function glyphOf(
  trace: Trace,
  moment: Moment,
  skb: number,
  x: number,
  y: number,
  w: number,
  h: number,
  since: number,
): Glyph {
  return {
    x,
    y,
    w,
    h,
    flow: trace.packets.flow(trace.rows, skb),
    skb,
    marked: trace.packets.isMarked(skb, moment.state.rowCount),
    age: ageOf(moment.timeNs - since),
    alpha: 1,
  };
}

/// Waiting shown on a logarithmic scale from 2 ms to 200 ms.
export function ageOf(sojournNs: number): number {
  if (sojournNs <= 2e6) return 0;
  return Math.min(1, Math.log10(sojournNs / 2e6) / 2);
}

export function ease(t: number): number {
  return 1 - (1 - t) ** 3;
}

/// A point on the S-shaped curve that also carries the drawn connections.
export function curve(from: Point, to: Point, t: number): Point {
  const s = t * t * (3 - 2 * t);
  return { x: from.x + (to.x - from.x) * t, y: from.y + (to.y - from.y) * s };
}

/// Packets under way: where they came from, so that playing shows a movement and not a jump.

import { Kind } from "../../protocol/rows.ts";
import { SLOTS } from "../../state/queues.ts";
import type { Trace } from "../../state/trace.ts";
import { curve, ease, type Glyph, type Moment, type Point } from "./glyph.ts";
import type { Box, Layout } from "./layout.ts";

export const RECENT_ROWS_MAX = 2500;

export interface Flight {
  from: Point;
  at: number;
  lastsNs: number;
  /// Between these two x the path changes height, so that it never crosses labels.
  bend: [number, number];
}

export interface Flights {
  /// skb → where it came from and when it set off.
  started: Map<number, Flight>;
  /// list key → time of the latest pop from it, and the length of what left.
  popped: Map<number, { at: number; lenBytes: number }>;
  /// Rows of packets that left the picture a moment ago.
  left: number[];
}

export function recentFlights(trace: Trace, layout: Layout, moment: Moment): Flights {
  const flights: Flights = { started: new Map(), popped: new Map(), left: [] };
  if (moment.flightNs <= 0) return flights;
  const { rows, packets } = trace;
  const heads = headPoints(layout);
  const since = moment.timeNs - moment.flightNs;
  const first = Math.max(0, moment.state.rowCount - RECENT_ROWS_MAX);
  for (let i = moment.state.rowCount - 1; i >= first; i--) {
    const at = rows.time(i);
    if (at < since) break;
    const kind = rows.kind(i);
    const skb = rows.skb(i);
    if (kind === Kind.push && !flights.started.has(skb)) {
      const from = sourcePoint(layout, packets.flow(rows, skb));
      const strip = heads.get(rows.place(i))?.strip;
      if (from && strip && !layout.narrow) {
        const bend: [number, number] = [from.x, strip.x];
        flights.started.set(skb, { from, at, lastsNs: moment.flightNs, bend });
      }
    } else if (kind === Kind.pop) {
      const head = heads.get(rows.place(i));
      if (head && !flights.started.has(skb)) {
        const lastsNs = Math.min(moment.flightNs, departureNs(trace, skb, i));
        const bend: [number, number] = [head.x + 10, layout.txqs[0]?.ring.x ?? head.x + 40];
        flights.started.set(skb, { from: head, at, lastsNs, bend });
      }
      const key = rows.place(i) * SLOTS + rows.slot(i);
      if (!flights.popped.has(key)) {
        flights.popped.set(key, { at, lenBytes: packets.lenBytes(rows, skb) });
      }
    } else if (kind === Kind.drop || kind === Kind.purge || kind === Kind.receive) {
      flights.left.push(i);
    }
  }
  return flights;
}

/// How long an skb that was popped in row `i` is on its way to the end of its transmission.
export function departureNs(trace: Trace, skb: number, i: number): number {
  for (let row = trace.packets.next(i); row >= 0; row = trace.packets.next(row)) {
    if (trace.rows.kind(row) === Kind.txStart && trace.rows.skb(row) === skb) {
      return trace.rows.time(row) - trace.rows.time(i) + trace.rows.value(row) * 0.8;
    }
  }
  return 0;
}

export function headPoints(layout: Layout): Map<number, Point & { strip: Box }> {
  const heads = new Map<number, Point & { strip: Box }>();
  for (const card of layout.cards) {
    for (const map of card.maps) {
      const strip = map.strips[0];
      if (strip)
        heads.set(map.place, { x: strip.x + strip.w - 10, y: strip.y + strip.h / 2, strip });
    }
  }
  return heads;
}

export function sourcePoint(layout: Layout, flow: number): Point | null {
  const source = layout.flows.find((box) => box.flow === flow) ?? layout.flows.at(-1);
  if (!source) return null;
  const { x, y, w, h } = source.box;
  return layout.narrow ? { x: x + w / 2, y: y + h } : { x: x + w, y: y + h / 2 };
}

export function inFlight(glyph: Glyph, flights: Flights, moment: Moment): Glyph {
  const flight = flights.started.get(glyph.skb);
  if (!flight || moment.flightNs <= 0) return glyph;
  const share = (moment.timeNs - flight.at) / Math.max(1, flight.lastsNs);
  if (share >= 1) return glyph;
  const target = { x: glyph.x + glyph.w / 2, y: glyph.y + glyph.h / 2 };
  const at = bent(flight, target, ease(share));
  const h = Math.min(glyph.h, 14 + (glyph.h - 14) * share);
  const w = Math.max(4, glyph.w);
  return { ...glyph, x: at.x - w / 2, y: at.y - h / 2, w, h };
}

/// A point on a path that is level before and after its bend.
export function bent(flight: Flight, to: Point, t: number): Point {
  const { from, bend } = flight;
  if (to.x <= from.x || bend[1] <= bend[0]) return curve(from, to, t);
  const x = from.x + (to.x - from.x) * t;
  const s = Math.min(1, Math.max(0, (x - bend[0]) / (Math.min(bend[1], to.x) - bend[0] || 1)));
  return { x, y: from.y + (to.y - from.y) * s * s * (3 - 2 * s) };
}

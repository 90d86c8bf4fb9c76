/// Tx rings and wires: what waits in a ring, is being sent, or travels.

import { Kind } from "../../protocol/rows.ts";
import type { Trace } from "../../state/trace.ts";
import { type Flights, inFlight } from "./flights.ts";
import { type DrawList, type Glyph, glyphOf, type Moment, PX_PER_BYTE_MAX } from "./glyph.ts";
import type { Layout } from "./layout.ts";

export function describeTx(
  trace: Trace,
  layout: Layout,
  moment: Moment,
  flights: Flights,
  list: DrawList,
): void {
  const { rows, packets } = trace;
  for (const tx of layout.txqs) {
    let right = tx.ring.x + tx.ring.w - 4;
    for (const skb of moment.state.rings.get(tx.place) ?? []) {
      const w = Math.max(3, packets.lenBytes(rows, skb) * PX_PER_BYTE_MAX * 0.6);
      right -= w + 1;
      if (right < tx.ring.x + 2) break;
      const glyph = glyphOf(
        trace,
        moment,
        skb,
        right,
        tx.ring.y + 4,
        w,
        tx.ring.h - 8,
        moment.timeNs,
      );
      list.glyphs.push(inFlight(glyph, flights, moment));
    }
    const sending = moment.state.sending.get(tx.place);
    if (sending !== undefined) {
      const skb = rows.skb(sending);
      const share = (moment.timeNs - rows.time(sending)) / Math.max(1, rows.value(sending));
      const onLine = Math.min(1, share) * lineShare(trace, sending);
      list.glyphs.push(onWire(trace, layout, moment, tx.place, skb, onLine, flights));
    }
  }
  for (const skb of moment.state.wire) {
    const row = lastTransmission(trace, skb, moment.state.rowCount);
    if (row < 0) continue;
    const sent = rows.time(row);
    const receipt = packets.receipt(skb);
    const arrives = receipt >= 0 ? rows.time(receipt) : sent + 10e6;
    const along = Math.min(1, (moment.timeNs - sent) / Math.max(1, arrives - sent));
    const first = lineShare(trace, transmissionOf(trace, skb, row));
    const share = first + (1 - first) * along;
    list.glyphs.push(onWire(trace, layout, moment, rows.place(row), skb, share, flights));
  }
}

/// The tx_start that belongs to the tx_end in row `end`.
export function transmissionOf(trace: Trace, skb: number, end: number): number {
  let found = end;
  for (let i = trace.packets.arrival(skb); i >= 0 && i < end; i = trace.packets.next(i)) {
    if (trace.rows.kind(i) === Kind.txStart) found = i;
  }
  return found;
}

/// How much of the drawn wire a packet crosses while it is being sent; the rest is propagation.
export function lineShare(trace: Trace, start: number): number {
  const { rows, packets } = trace;
  const duration = rows.value(start);
  const receipt = packets.receipt(rows.skb(start));
  const whole = receipt >= 0 ? rows.time(receipt) - rows.time(start) : duration * 2;
  return Math.min(0.6, Math.max(0.08, duration / Math.max(1, whole)));
}

/// The latest tx_end of an skb before the playhead, or -1.
export function lastTransmission(trace: Trace, skb: number, rowCount: number): number {
  let found = -1;
  for (let i = trace.packets.arrival(skb); i >= 0 && i < rowCount; i = trace.packets.next(i)) {
    if (trace.rows.kind(i) === Kind.txEnd) found = i;
  }
  return found;
}

export function onWire(
  trace: Trace,
  layout: Layout,
  moment: Moment,
  place: number,
  skb: number,
  share: number,
  flights: Flights,
): Glyph {
  const tx = layout.txqs.find((box) => box.place === place) ?? layout.txqs[0];
  const w = Math.max(4, trace.packets.lenBytes(trace.rows, skb) * PX_PER_BYTE_MAX * 0.7);
  const from = tx?.wireFrom ?? 0;
  const to = (tx?.wireTo ?? 0) - w;
  const x = from + (to - from) * share;
  const glyph = glyphOf(trace, moment, skb, x, (tx?.y ?? 0) - 9, w, 18, moment.timeNs);
  return inFlight(glyph, flights, moment);
}

export function placeOfTx(trace: Trace, skb: number): number {
  for (const i of trace.packets.life(skb)) {
    if (trace.rows.kind(i) === Kind.txEnd) return trace.rows.place(i);
  }
  return -1;
}

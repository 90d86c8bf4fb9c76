/// The draw list of the device view: a pure function of trace, playhead and layout.

import { Kind } from "../../protocol/rows.ts";
import { type QueueState, SLOTS } from "../../state/queues.ts";
import type { Trace } from "../../state/trace.ts";
import { type Flights, headPoints, inFlight, recentFlights, sourcePoint } from "./flights.ts";
import {
  curve,
  type DrawList,
  ease,
  glyphOf,
  type Moment,
  type Point,
  PX_PER_BYTE_MAX,
} from "./glyph.ts";
import type { Box, Layout, MapBox } from "./layout.ts";
import { describeTx, placeOfTx } from "./wire.ts";

export type { DrawList, Glyph } from "./glyph.ts";
export { ageOf } from "./glyph.ts";

const MERGE_ABOVE = 400;

const BAR_W = 4;

export function describeDevice(trace: Trace, layout: Layout, moment: Moment): DrawList {
  const list: DrawList = { glyphs: [], bars: [], hidden: new Map(), slots: new Map() };
  const flights = recentFlights(trace, layout, moment);
  for (const card of layout.cards) {
    for (const map of card.maps) describeMap(trace, moment, map, flights, list);
  }
  describeTx(trace, layout, moment, flights, list);
  describeBin(trace, layout.drop, moment.state.drops.recent, list, moment);
  describeBin(trace, layout.purge, moment.state.purges.recent, list, moment);
  describeLeaving(trace, layout, moment, flights, list);
  return list;
}

function describeMap(
  trace: Trace,
  moment: Moment,
  map: MapBox,
  flights: Flights,
  list: DrawList,
): void {
  if (map.inner === 0) {
    const strip = map.strips[0];
    if (strip) describeList(trace, moment, map.place * SLOTS, strip, flights, list);
    return;
  }
  const slots = shownSlots(moment.state, map);
  list.slots.set(map.place, slots.shown);
  list.hidden.set(map.place, slots.hidden);
  slots.shown.forEach((slot, i) => {
    const strip = map.strips[i];
    if (strip) describeList(trace, moment, map.place * SLOTS + slot, strip, flights, list);
  });
}

/// Which inner maps get a strip: all when they fit, else the ones that hold packets, in slot order.
function shownSlots(state: QueueState, map: MapBox): { shown: number[]; hidden: number } {
  const room = map.strips.length;
  if (map.inner <= room) {
    return { shown: Array.from({ length: map.inner }, (_, i) => i), hidden: 0 };
  }
  const busy: number[] = [];
  for (const [key, skbs] of state.lists) {
    if (Math.floor(key / SLOTS) === map.place && skbs.length > 0) busy.push(key % SLOTS);
  }
  busy.sort((a, b) => a - b);
  return { shown: busy.slice(0, room), hidden: Math.max(0, busy.length - room) };
}

function describeList(
  trace: Trace,
  moment: Moment,
  key: number,
  strip: Box,
  flights: Flights,
  list: DrawList,
): void {
  const pushes = moment.state.lists.get(key);
  if (!pushes || pushes.length === 0) return;
  const { rows, packets } = trace;
  if (pushes.length > MERGE_ABOVE) {
    describeHistogram(trace, pushes, strip, list);
    return;
  }
  let totalBytes = 0;
  for (const push of pushes) totalBytes += Math.max(64, packets.lenBytes(rows, rows.skb(push)));
  const gap = pushes.length > 160 ? 0 : 1;
  const room = strip.w - 8 - gap * pushes.length;
  const scale = Math.min(PX_PER_BYTE_MAX, room / totalBytes);
  let right = strip.x + strip.w - 4 - headSlide(moment, flights, key, scale);
  for (const push of pushes) {
    const skb = rows.skb(push);
    const w = Math.max(64, packets.lenBytes(rows, skb)) * scale;
    right -= w + gap;
    const glyph = glyphOf(trace, moment, skb, right, strip.y + 4, w, strip.h - 8, rows.time(push));
    list.glyphs.push(inFlight(glyph, flights, moment));
  }
}

/// After a pop the others close up instead of jumping.
function headSlide(moment: Moment, flights: Flights, key: number, scale: number): number {
  const pop = flights.popped.get(key);
  if (pop === undefined || moment.flightNs <= 0) return 0;
  const share = Math.min(1, ((moment.timeNs - pop.at) / moment.flightNs) * 2);
  return (1 - ease(share)) * pop.lenBytes * scale;
}

/// Many packets become bars: place along the strip is rank (smallest right), height is how many.
function describeHistogram(trace: Trace, pushes: number[], strip: Box, list: DrawList): void {
  const { rows, packets } = trace;
  const columns = Math.max(8, Math.floor((strip.w - 8) / BAR_W));
  const flows = Math.max(1, trace.started.flows.length);
  const counts = new Uint32Array(columns * flows);
  const low = rows.value(pushes[0] ?? 0);
  const high = rows.value(pushes.at(-1) ?? 0);
  const span = Math.max(1, high - low);
  for (const [index, push] of pushes.entries()) {
    // Where every rank is the same, the order alone says who leaves first.
    const share = high > low ? (rows.value(push) - low) / span : index / pushes.length;
    const column = Math.min(columns - 1, Math.floor(share * columns));
    const at = column * flows + Math.min(flows - 1, packets.flow(rows, rows.skb(push)));
    counts[at] = (counts[at] ?? 0) + 1;
  }
  let most = 1;
  for (let column = 0; column < columns; column++) {
    let sum = 0;
    for (let flow = 0; flow < flows; flow++) sum += counts[column * flows + flow] ?? 0;
    most = Math.max(most, sum);
  }
  const unit = (strip.h - 8) / most;
  for (let column = 0; column < columns; column++) {
    let bottom = strip.y + strip.h - 4;
    const x = strip.x + strip.w - 4 - (column + 1) * BAR_W;
    for (let flow = 0; flow < flows; flow++) {
      const count = counts[column * flows + flow] ?? 0;
      if (count === 0) continue;
      const h = count * unit;
      bottom -= h;
      list.bars.push({ x, y: bottom, w: BAR_W - 1, h, flow });
    }
  }
}

function describeBin(
  trace: Trace,
  box: Box,
  recent: readonly number[],
  list: DrawList,
  moment: Moment,
): void {
  const w = 5;
  const count = Math.max(0, Math.min(recent.length, Math.floor((box.w - 12) / (w + 2))));
  for (let i = 0; i < count; i++) {
    const row = recent[recent.length - 1 - i];
    if (row === undefined) break;
    if (moment.flightNs > 0 && moment.timeNs - trace.rows.time(row) < moment.flightNs) continue;
    const x = box.x + 6 + i * (w + 2);
    const glyph = glyphOf(
      trace,
      moment,
      trace.rows.skb(row),
      x,
      box.y + box.h - 16,
      w,
      10,
      moment.timeNs,
    );
    list.glyphs.push({ ...glyph, alpha: 1 - (i / count) * 0.55 });
  }
}

/// Packets on their way into a bin, and those that have just reached the sink.
function describeLeaving(
  trace: Trace,
  layout: Layout,
  moment: Moment,
  flights: Flights,
  list: DrawList,
): void {
  const { rows, packets } = trace;
  for (const i of flights.left) {
    const skb = rows.skb(i);
    const share = (moment.timeNs - rows.time(i)) / moment.flightNs;
    const kind = rows.kind(i);
    if (kind === Kind.receive) {
      const tx = layout.txqs.find((box) => box.place === placeOfTx(trace, skb)) ?? layout.txqs[0];
      if (!tx) continue;
      const glyph = glyphOf(
        trace,
        moment,
        skb,
        tx.wireTo + 4 + share * 14,
        tx.y - 6,
        6,
        12,
        rows.time(i),
      );
      list.glyphs.push({ ...glyph, age: 0, alpha: 1 - share });
      continue;
    }
    const bin = kind === Kind.drop ? layout.drop : layout.purge;
    const from = queuedBefore(trace, layout, i) ?? sourcePoint(layout, packets.flow(rows, skb));
    if (!from) continue;
    const to = { x: bin.x + 10, y: bin.y + bin.h - 12 };
    const at = curve(from, to, ease(share));
    list.glyphs.push(glyphOf(trace, moment, skb, at.x - 4, at.y - 6, 9, 13, moment.timeNs));
  }
}

function queuedBefore(trace: Trace, layout: Layout, row: number): Point | null {
  const { rows, packets } = trace;
  let place = -1;
  for (let i = packets.arrival(rows.skb(row)); i >= 0 && i < row; i = packets.next(i)) {
    if (rows.kind(i) === Kind.push) place = rows.place(i);
  }
  return place < 0 ? null : (headPoints(layout).get(place) ?? null);
}

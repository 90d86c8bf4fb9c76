/// The draw list of the device view: a pure function of trace, playhead and layout.

import { Kind } from "../../protocol/rows.ts";
import { type QueueState, SLOTS } from "../../state/queues.ts";
import type { Trace } from "../../state/trace.ts";
import type { Box, Layout, MapBox } from "./layout.ts";

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

interface Point {
  x: number;
  y: number;
}

const MERGE_ABOVE = 400;
const PX_PER_BYTE_MAX = 26 / 1514;
const RECENT_ROWS_MAX = 2500;
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

interface Flight {
  from: Point;
  at: number;
  lastsNs: number;
  /// Between these two x the path changes height, so that it never crosses labels.
  bend: [number, number];
}

interface Flights {
  /// skb → where it came from and when it set off.
  started: Map<number, Flight>;
  /// list key → time and width share of the latest pop from its head.
  popped: Map<number, number>;
  /// Rows of packets that left the picture a moment ago.
  left: number[];
}

function recentFlights(trace: Trace, layout: Layout, moment: Moment): Flights {
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
      if (!flights.popped.has(key)) flights.popped.set(key, at);
    } else if (kind === Kind.drop || kind === Kind.purge || kind === Kind.receive) {
      flights.left.push(i);
    }
  }
  return flights;
}

/// How long an skb that was popped in row `i` is on its way to the end of its transmission.
function departureNs(trace: Trace, skb: number, i: number): number {
  for (let row = trace.packets.next(i); row >= 0; row = trace.packets.next(row)) {
    if (trace.rows.kind(row) === Kind.txStart && trace.rows.skb(row) === skb) {
      return trace.rows.time(row) - trace.rows.time(i) + trace.rows.value(row) * 0.8;
    }
  }
  return 0;
}

function headPoints(layout: Layout): Map<number, Point & { strip: Box }> {
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

function sourcePoint(layout: Layout, flow: number): Point | null {
  const source = layout.flows.find((box) => box.flow === flow) ?? layout.flows.at(-1);
  if (!source) return null;
  const { x, y, w, h } = source.box;
  return layout.narrow ? { x: x + w / 2, y: y + h } : { x: x + w, y: y + h / 2 };
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
  const at = flights.popped.get(key);
  if (at === undefined || moment.flightNs <= 0) return 0;
  const share = Math.min(1, ((moment.timeNs - at) / moment.flightNs) * 2);
  return (1 - ease(share)) * 1000 * scale;
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

function describeTx(
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
function transmissionOf(trace: Trace, skb: number, end: number): number {
  let found = end;
  for (let i = trace.packets.arrival(skb); i >= 0 && i < end; i = trace.packets.next(i)) {
    if (trace.rows.kind(i) === Kind.txStart) found = i;
  }
  return found;
}

/// How much of the drawn wire a packet crosses while it is being sent; the rest is propagation.
function lineShare(trace: Trace, start: number): number {
  const { rows, packets } = trace;
  const duration = rows.value(start);
  const receipt = packets.receipt(rows.skb(start));
  const whole = receipt >= 0 ? rows.time(receipt) - rows.time(start) : duration * 2;
  return Math.min(0.6, Math.max(0.08, duration / Math.max(1, whole)));
}

/// The latest tx_end of an skb before the playhead, or -1.
function lastTransmission(trace: Trace, skb: number, rowCount: number): number {
  let found = -1;
  for (let i = trace.packets.arrival(skb); i >= 0 && i < rowCount; i = trace.packets.next(i)) {
    if (trace.rows.kind(i) === Kind.txEnd) found = i;
  }
  return found;
}

function onWire(
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

function placeOfTx(trace: Trace, skb: number): number {
  for (const i of trace.packets.life(skb)) {
    if (trace.rows.kind(i) === Kind.txEnd) return trace.rows.place(i);
  }
  return -1;
}

function queuedBefore(trace: Trace, layout: Layout, row: number): Point | null {
  const { rows, packets } = trace;
  let place = -1;
  for (let i = packets.arrival(rows.skb(row)); i >= 0 && i < row; i = packets.next(i)) {
    if (rows.kind(i) === Kind.push) place = rows.place(i);
  }
  return place < 0 ? null : (headPoints(layout).get(place) ?? null);
}

function glyphOf(
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

function inFlight(glyph: Glyph, flights: Flights, moment: Moment): Glyph {
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

function ease(t: number): number {
  return 1 - (1 - t) ** 3;
}

/// A point on a path that is level before and after its bend.
function bent(flight: Flight, to: Point, t: number): Point {
  const { from, bend } = flight;
  if (to.x <= from.x || bend[1] <= bend[0]) return curve(from, to, t);
  const x = from.x + (to.x - from.x) * t;
  const s = Math.min(1, Math.max(0, (x - bend[0]) / (Math.min(bend[1], to.x) - bend[0] || 1)));
  return { x, y: from.y + (to.y - from.y) * s * s * (3 - 2 * s) };
}

/// A point on the S-shaped curve that also carries the drawn connections.
export function curve(from: Point, to: Point, t: number): Point {
  const s = t * t * (3 - 2 * t);
  return { x: from.x + (to.x - from.x) * t, y: from.y + (to.y - from.y) * s };
}

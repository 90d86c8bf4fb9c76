/// Recorded-looking rows for tests: one device, one rank-ordered map, two flows. Not part of the page.

import type { Started } from "../protocol/messages.ts";
import { Kind, ROW_BYTES } from "../protocol/rows.ts";

export interface RowFields {
  time: number;
  kind: number;
  skb?: number;
  code?: number;
  place?: number;
  value?: number | bigint;
  line?: number;
  slot?: number;
  aux?: number;
}

export function encodeRows(list: readonly RowFields[]): Uint8Array {
  const bytes = new Uint8Array(list.length * ROW_BYTES);
  const view = new DataView(bytes.buffer);
  list.forEach((row, i) => {
    const at = i * ROW_BYTES;
    view.setBigUint64(at, BigInt(row.time), true);
    view.setUint32(at + 8, row.skb ?? 0, true);
    view.setUint8(at + 12, row.kind);
    view.setUint8(at + 13, row.code ?? 0);
    view.setUint16(at + 14, row.place ?? 0, true);
    view.setBigInt64(at + 16, BigInt(row.value ?? 0), true);
    view.setUint16(at + 24, row.line ?? 0, true);
    view.setUint16(at + 26, row.slot ?? 0, true);
    view.setUint32(at + 28, row.aux ?? 0, true);
  });
  return bytes;
}

export const P = { device: 0, txq: 1, qdisc: 2, instance: 3, map: 4, flows: 5 } as const;

export const PROGRAM = `"""First in, first out: the order of arrival decides."""

limit = Param(1000, min=1, max=10000, unit="packets", help="packets the queue may hold")
queue = SkbMap(max_entries=limit)


def enqueue(skb, ctx):
    if not queue.push(skb, ctx.now):
        return DROP
    return QUEUED


def dequeue(ctx):
    return queue.pop()
`;

export function startedFixture(over: Partial<Started> = {}): Started {
  const place = { parent: -1, qdisc: -1, program: null, capacity: null };
  return {
    run: "fixture",
    seed: 1,
    duration_ns: 4_000_000_000,
    places: [
      { ...place, index: 0, kind: "device", name: "eth0" },
      { ...place, index: 1, kind: "txq", name: "eth0 txq 0", parent: 0, capacity: 4 },
      {
        ...place,
        index: 2,
        kind: "qdisc",
        program: "pfifo",
        name: "1:",
        parent: 0,
        handle: "1:",
        device: 0,
      },
      {
        ...place,
        index: 3,
        kind: "instance",
        name: "pfifo",
        program: "pfifo",
        qdisc: 2,
        globals: [{ name: "served", initial: 0 }],
        maps: [4, 5],
      },
      {
        ...place,
        index: 4,
        kind: "map",
        name: "queue",
        parent: 3,
        qdisc: 2,
        capacity: 250,
        map_kind: "SkbMap",
      },
      {
        ...place,
        index: 5,
        kind: "map",
        name: "flows",
        parent: 3,
        qdisc: 2,
        capacity: 64,
        map_kind: "HashMap",
        fields: ["bytes", "packets"],
      },
    ],
    flows: [
      { index: 0, name: "bulk", model: "cbr", letter: "B", device: 0 },
      { index: 1, name: "call", model: "cbr", letter: "C", device: 0 },
    ],
    programs: { pfifo: PROGRAM },
    params: [
      {
        path: "qdisc.1:.params.limit",
        instance: 3,
        name: "limit",
        value: 250,
        low: 1,
        high: 1000,
        unit: "packets",
        help: "packets the queue may hold",
        kind: "int",
      },
    ],
    engine: "fixture",
    title: "The call and the download",
    summary: "A download fills the buffer; the call waits behind it.",
    look_for: "the wait of the call, in ms",
    ...over,
  };
}

interface Knobs {
  durationNs: number;
  rateBps: number;
  bulkBps: number;
  limit: number;
  delayNs: number;
}

const DEFAULTS: Knobs = {
  durationNs: 4_000_000_000,
  rateBps: 10_000_000,
  bulkBps: 12_000_000,
  limit: 250,
  delayNs: 10_000_000,
};

/// A FIFO of `limit` packets in front of a slow link, with a bulk flow and a call.
export function fifoRows(knobs: Partial<Knobs> = {}): RowFields[] {
  const { durationNs, rateBps, bulkBps, limit, delayNs } = { ...DEFAULTS, ...knobs };
  const out: RowFields[] = [];
  const queue: { skb: number; len: number; at: number; flow: number }[] = [];
  const deliveries: { at: number; skb: number; len: number; born: number }[] = [];
  let busyUntil = -1;
  let sending: { skb: number; len: number; born: number } | null = null;
  let skb = 0;
  let bulkAt = 200_000_000;
  let callAt = 0;
  const bulkGap = Math.round((1514 * 8e9) / bulkBps);
  const start = (now: number): void => {
    const next = queue.shift();
    if (!next) return;
    const duration = Math.ceil((next.len * 8e9) / rateBps);
    out.push({
      time: now,
      kind: Kind.pop,
      skb: next.skb,
      place: P.map,
      value: next.at,
      line: 14,
      aux: queue.length,
    });
    out.push({
      time: now,
      kind: Kind.dequeue,
      skb: next.skb,
      place: P.qdisc,
      value: now - next.at,
      line: 14,
      aux: queue.length,
    });
    out.push({ time: now, kind: Kind.ring, skb: next.skb, place: P.txq, aux: 1 });
    out.push({
      time: now,
      kind: Kind.txStart,
      skb: next.skb,
      place: P.txq,
      value: duration,
      aux: next.len,
    });
    busyUntil = now + duration;
    sending = { skb: next.skb, len: next.len, born: next.at };
  };
  const arrive = (now: number, flow: number, len: number): void => {
    skb += 1;
    out.push({ time: now, kind: Kind.arrive, skb, place: P.device, slot: flow, aux: len });
    if (queue.length >= limit) {
      out.push({ time: now, kind: Kind.verdict, skb, code: 2, place: P.qdisc, line: 9 });
      out.push({ time: now, kind: Kind.drop, skb, code: 1, place: P.qdisc, line: 9 });
      return;
    }
    queue.push({ skb, len, at: now, flow });
    out.push({
      time: now,
      kind: Kind.push,
      skb,
      place: P.map,
      value: now,
      line: 8,
      aux: queue.length,
    });
    out.push({ time: now, kind: Kind.verdict, skb, code: 0, place: P.qdisc, line: 10 });
    if (busyUntil < 0) start(now);
  };
  for (;;) {
    const nextDelivery = deliveries[0]?.at ?? Number.POSITIVE_INFINITY;
    const sendEnd = busyUntil < 0 ? Number.POSITIVE_INFINITY : busyUntil;
    const now = Math.min(bulkAt, callAt, nextDelivery, sendEnd);
    if (now > durationNs) break;
    if (now === nextDelivery) {
      const done = deliveries.shift();
      if (done)
        out.push({
          time: now,
          kind: Kind.receive,
          skb: done.skb,
          place: P.device,
          value: now - done.born,
          aux: done.len,
        });
    } else if (now === sendEnd && sending) {
      const { skb: sent, len, born } = sending as { skb: number; len: number; born: number };
      out.push({ time: now, kind: Kind.txEnd, skb: sent, place: P.txq });
      deliveries.push({ at: now + delayNs, skb: sent, len, born });
      busyUntil = -1;
      sending = null;
      start(now);
    } else if (now === callAt) {
      arrive(now, 1, 200);
      callAt += 20_000_000;
    } else {
      arrive(now, 0, 1514);
      bulkAt += bulkGap;
    }
  }
  return out;
}

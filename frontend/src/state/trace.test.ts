import { describe, expect, it, vi } from "vitest";
import { HEADER_BYTES, Kind, ROW_BYTES, Rows, readFrameHeader } from "../protocol/rows.ts";
import { encodeRows, fifoRows, P, type RowFields, startedFixture } from "../testing/simulate.ts";
import { findRow } from "./find.ts";
import { atStart, reduce } from "./playback.ts";
import { Counter, QueueState, SLOTS } from "./queues.ts";
import { Trace } from "./trace.ts";

function traceOf(rows: readonly RowFields[]): Trace {
  const trace = new Trace(startedFixture());
  trace.append(encodeRows(rows));
  return trace;
}

const push = (time: number, skb: number, rank: number | bigint): RowFields[] => [
  { time, kind: Kind.arrive, skb, place: P.device, slot: skb % 2, aux: 100 },
  { time, kind: Kind.push, skb, place: P.map, value: rank, line: 8 },
];

const skbsIn = (trace: Trace, row: number, key = P.map * SLOTS): number[] =>
  (trace.stateAt(row).lists.get(key) ?? []).map((i) => trace.rows.skb(i));

describe("rows", () => {
  it("read every field exactly, 64-bit ranks included", () => {
    const rows = new Rows(1);
    const rank = (1n << 62n) + 12_345n;
    rows.append(
      encodeRows([
        {
          time: 2 ** 41 + 7,
          kind: 4,
          skb: 9,
          code: 3,
          place: 513,
          value: rank,
          line: 77,
          slot: 6,
          aux: 5e8,
        },
        { time: 2 ** 41 + 8, kind: 13, value: -5 },
      ]),
    );
    expect(rows.time(0)).toBe(2 ** 41 + 7);
    expect([rows.skb(0), rows.kind(0), rows.code(0), rows.place(0)]).toEqual([9, 4, 3, 513]);
    expect(rows.valueExact(0)).toBe(rank);
    expect([rows.line(0), rows.slot(0), rows.aux(0)]).toEqual([77, 6, 5e8]);
    expect(rows.value(1)).toBe(-5);
    expect(rows.valueExact(1)).toBe(-5n);
  });

  it("refuse a ragged tail and a frame that lies about its length", () => {
    expect(() => new Rows().append(new Uint8Array(33))).toThrow(/whole rows/);
    const frame = new ArrayBuffer(HEADER_BYTES + ROW_BYTES);
    const view = new DataView(frame);
    view.setUint8(0, 1);
    view.setUint8(1, 1);
    view.setUint32(4, 2, true);
    expect(() => readFrameHeader(frame)).toThrow(/expected 2 rows/);
  });
});

describe("state at a row", () => {
  it("keeps rank order with ties first-in first-out", () => {
    const trace = traceOf([...push(0, 1, 5), ...push(1, 2, 3), ...push(2, 3, 5), ...push(3, 4, 3)]);
    expect(skbsIn(trace, trace.rows.length)).toEqual([2, 4, 1, 3]);
  });

  it("puts a packet where the comparator of its map put it", () => {
    const started = startedFixture();
    const places = started.places.map((p) => (p.index === P.map ? { ...p, less: true } : p));
    const trace = new Trace({ ...started, places });
    const pushBehind = (time: number, skb: number, ahead: number): RowFields[] => [
      ...push(time, skb, 0),
      { time, kind: Kind.after, skb, place: P.map, value: ahead },
    ];
    trace.append(
      encodeRows([...pushBehind(0, 1, 0), ...pushBehind(1, 2, 0), ...pushBehind(2, 3, 2)]),
    );
    expect(skbsIn(trace, trace.rows.length)).toEqual([2, 3, 1]);
  });

  it("orders ranks that differ only below 2^53 exactly", () => {
    const big = 1n << 60n;
    const trace = traceOf([...push(0, 1, big + 2n), ...push(1, 2, big + 1n), ...push(2, 3, big)]);
    expect(skbsIn(trace, trace.rows.length)).toEqual([3, 2, 1]);
  });

  it("is the same whether reached forwards, backwards or from a checkpoint", () => {
    const trace = traceOf(fifoRows());
    const wanted = [100, 4095, 4096, 4097, 9000, trace.rows.length];
    const forwards = wanted.map((row) => [...skbsIn(trace, row)]);
    const backwards = [...wanted].reverse().map((row) => [...skbsIn(trace, row)]);
    expect(backwards.reverse()).toEqual(forwards);
  });

  it("conserves packets at every row", () => {
    const trace = traceOf(fifoRows({ durationNs: 1_500_000_000 }));
    for (let row = 0; row <= trace.rows.length; row += 97) {
      const state = trace.stateAt(row);
      const sum = (counter: number) => state.counter(0, counter) + state.counter(1, counter);
      const held =
        [...state.lists.values()].reduce((n, list) => n + list.length, 0) +
        [...state.rings.values()].reduce((n, list) => n + list.length, 0) +
        state.sending.size +
        state.wire.length;
      const away = sum(Counter.received) + sum(Counter.dropped) + held;
      expect(Math.abs(sum(Counter.arrived) - away)).toBeLessThanOrEqual(1);
    }
  });

  it("frees every skb of a map when the link goes down, counted apart from drops", () => {
    const purge = (skb: number): RowFields => ({ time: 10, kind: Kind.purge, skb, place: P.map });
    const trace = traceOf([
      ...push(0, 1, 5),
      ...push(1, 2, 3),
      { time: 10, kind: Kind.link, code: 0, place: P.device },
      purge(2),
      purge(1),
    ]);
    const state = trace.stateAt(trace.rows.length);
    expect(state.lists.get(P.map * SLOTS)).toEqual([]);
    expect([state.purges.total, state.drops.total]).toEqual([2, 0]);
    expect(state.linksDown.has(P.device)).toBe(true);
  });

  it("rebuilds hash entries, globals and int queues", () => {
    const trace = traceOf([
      { time: 0, kind: Kind.bind, code: 1, place: P.flows, value: 42, aux: 3 },
      { time: 1, kind: Kind.cell, place: P.flows, value: 700, slot: 1, aux: 3, line: 9 },
      { time: 2, kind: Kind.cell, place: P.instance, value: -8, slot: 0 },
      { time: 3, kind: Kind.bind, code: 0, place: P.flows, value: 42, aux: 3 },
    ]);
    const cell = (row: number) =>
      trace
        .stateAt(row)
        .cells.get(P.flows)
        ?.get(3 * 2 + 1);
    expect(trace.rows.value(cell(3) ?? -1)).toBe(700);
    expect(trace.rows.value(trace.stateAt(3).cells.get(P.instance)?.get(0) ?? -1)).toBe(-8);
    expect(cell(4)).toBeUndefined();
    expect(cell(2)).toBe(1);
  });

  it("replaces rows after a rewind", () => {
    const rows = fifoRows({ durationNs: 1_000_000_000 });
    const trace = traceOf(rows);
    trace.rewind(500);
    expect(trace.rows.length).toBe(500);
    trace.append(encodeRows(rows.slice(500)));
    expect(skbsIn(trace, rows.length)).toEqual(skbsIn(traceOf(rows), rows.length));
  });

  it("reaches any instant of a long trace by replaying one stride of rows at most", () => {
    const trace = new Trace(startedFixture({ duration_ns: 400e9 }));
    const bytes = encodeRows(fifoRows({ durationNs: 30e9, limit: 1000 }));
    const step = ROW_BYTES * 2000;
    for (let at = 0; at < bytes.length; at += step) trace.append(bytes.subarray(at, at + step));
    const count = trace.rows.length;
    expect(count).toBeGreaterThan(20 * trace.strideRows);
    const apply = vi.spyOn(QueueState.prototype, "apply");
    for (let i = 0; i < 60; i++) {
      apply.mockClear();
      trace.stateAt(Math.floor(((i * 37) % 60) * (count / 60)));
      expect(apply.mock.calls.length).toBeLessThanOrEqual(trace.strideRows);
    }
    apply.mockRestore();
  });
});

describe("an skb", () => {
  it("has a life of all its rows, in order", () => {
    const trace = traceOf(fifoRows({ durationNs: 300_000_000 }));
    const kinds = trace.packets.life(1).map((i) => trace.rows.kind(i));
    expect(kinds).toEqual([
      Kind.arrive,
      Kind.push,
      Kind.verdict,
      Kind.pop,
      Kind.dequeue,
      Kind.ring,
      Kind.txStart,
      Kind.txEnd,
      Kind.receive,
    ]);
  });
});

describe("playback", () => {
  const trace = traceOf(fifoRows());
  const rows = trace.rows;

  it("steps one event forwards and back, also within one instant", () => {
    let state = reduce(atStart, { type: "step", by: 1 }, rows);
    state = reduce(state, { type: "step", by: 1 }, rows);
    expect([state.row, state.timeNs]).toEqual([2, 0]);
    state = reduce(state, { type: "step", by: -1 }, rows);
    expect(state.row).toBe(1);
    expect(reduce(atStart, { type: "step", by: -1 }, rows).row).toBe(0);
  });

  it("plays at its speed and stops where rows end", () => {
    const playing = reduce({ ...atStart, speed: 0.1 }, { type: "play" }, rows);
    const later = reduce(playing, { type: "tick", wallMs: 100, endNs: 4e9, stopRow: -1 }, rows);
    expect(later.timeNs).toBe(10_000_000);
    expect(later.row).toBe(rows.countUntil(10_000_000));
    const end = reduce(playing, { type: "tick", wallMs: 1e9, endNs: 5e6, stopRow: -1 }, rows);
    expect(end.timeNs).toBe(5e6);
  });

  it("runs until the next drop and parks right behind it", () => {
    const drop = findRow(rows, trace.packets, 0, 1, { until: "drop", flow: 0, skb: 0 });
    expect(rows.kind(drop)).toBe(Kind.drop);
    const playing = { ...atStart, playing: true, speed: 10 };
    const state = reduce(playing, { type: "tick", wallMs: 1e6, endNs: 4e9, stopRow: drop }, rows);
    expect([state.row, state.playing, state.timeNs]).toEqual([drop + 1, false, rows.time(drop)]);
  });
});

import { describe, expect, it } from "vitest";
import { formatBytes, formatDuration, formatMoment, formatRate } from "../base/format.ts";
import { paragraphs } from "../base/prose.ts";
import { Kind } from "../protocol/rows.ts";
import { encodeRows, fifoRows, P, startedFixture } from "../testing/simulate.ts";
import { entriesOf, globalsOf, mapRows } from "./contents.ts";
import { appendEvent, eventsIn, flowIsOn } from "./events.ts";
import { sentence, waitAt, waitQuantiles } from "./sentence.ts";
import { Trace } from "./trace.ts";

function traceOf(rows: Parameters<typeof encodeRows>[0]): Trace {
  const trace = new Trace(startedFixture());
  trace.append(encodeRows(rows));
  return trace;
}

describe("numbers", () => {
  it("come in the unit a reader would choose", () => {
    expect([0, 999, 1300, 1.3e6, 1.12e8, 4.2e9].map(formatDuration)).toEqual([
      "0 ns",
      "999 ns",
      "1.30 µs",
      "1.30 ms",
      "112 ms",
      "4.20 s",
    ]);
    expect(formatRate(10_000_000)).toBe("10.0 Mbit/s");
    expect(formatBytes(1514)).toBe("1,514 B");
  });

  it("show a moment to the nanosecond", () => {
    expect(formatMoment(1_204_331_512)).toBe("1.204 331 512");
    expect(formatMoment(5)).toBe("0.000 000 005");
  });
});

describe("prose", () => {
  it("knows paragraphs, strong, em and code, and nothing that could be markup", () => {
    const [first, second] = paragraphs("A **b** and\n*c* `d<e>`.\n\nNext.");
    expect(first?.map((span) => span.form)).toEqual([
      "plain",
      "strong",
      "plain",
      "em",
      "plain",
      "code",
      "plain",
    ]);
    expect(first?.[5]?.text).toBe("d<e>");
    expect(second).toEqual([{ form: "plain", text: "Next." }]);
  });
});

describe("the sentence", () => {
  const trace = traceOf(fifoRows({ durationNs: 3e9 }));

  it("says what the canvas shows", () => {
    const row = trace.rows.countUntil(1e9);
    const text = sentence(trace, trace.stateAt(row), 1e9, false);
    expect(text).toMatch(
      /^Paused at 1\.000000 s\. queue holds \d+ of 250 skbs from 2 flows; its head is bulk, waiting \d+ ms\. Nothing dropped\.$/,
    );
  });

  it("says when everything is empty", () => {
    expect(sentence(trace, trace.stateAt(0), 0, false)).toContain("Every queue is empty.");
  });

  it("knows waits as they were at the time", () => {
    expect(waitAt(trace, 1, -1)).toBeNaN();
    expect(waitAt(trace, 1, 1e9)).toBeGreaterThan(50e6);
    const early = waitQuantiles(trace, 0, 5e8);
    const late = waitQuantiles(trace, 0, 3e9);
    expect(late.p95).toBeGreaterThan(early.p95);
    expect(late.p50).toBeLessThanOrEqual(late.p99);
  });
});

describe("events of a scenario", () => {
  const once = appendEvent("[flow]\na = {}\n", { at: "1500ms", do: "flow", flow: "a", on: false });
  const twice = appendEvent(once, { at: "2s", do: "flow", flow: "a", on: true });

  it("are appended without touching what was there", () => {
    expect(twice.startsWith("[flow]\na = {}\n")).toBe(true);
    expect(eventsIn(twice)).toHaveLength(2);
  });

  it("say whether a flow is on at a time", () => {
    expect([1.4e9, 1.5e9, 2e9].map((at) => flowIsOn(twice, "a", at))).toEqual([true, false, true]);
    expect(flowIsOn(twice, "b", 3e9)).toBe(true);
  });
});

describe("lines", () => {
  it("count once for all the rows of one pass", () => {
    const trace = traceOf(fifoRows({ durationNs: 2.9e9 }));
    const state = trace.stateAt(trace.rows.length);
    expect(state.lineCounts.get(0)?.[9]).toBe(state.drops.total);
  });
});

describe("map contents", () => {
  it("list skbs in rank order with exact ranks and the pushing line", () => {
    const trace = traceOf([
      { time: 0, kind: Kind.arrive, skb: 1, slot: 0, aux: 100, value: (7n << 32n) | 9n },
      { time: 0, kind: Kind.push, skb: 1, place: P.map, value: 2n ** 62n, line: 8 },
      { time: 1, kind: Kind.arrive, skb: 2, slot: 1, aux: 50 },
      { time: 1, kind: Kind.push, skb: 2, place: P.map, value: 4, line: 9 },
    ]);
    const { rows, total } = mapRows(trace, trace.stateAt(4), P.map, -1, 10);
    expect(total).toBe(2);
    expect(rows.map((row) => [row.skb, row.rank, row.line])).toEqual([
      [2, "4", 9],
      [1, "4611686018427387904", 8],
    ]);
    expect([rows[1]?.priority, rows[1]?.mark]).toEqual([7, 9]);
  });

  it("name the row that wrote an entry last", () => {
    const trace = traceOf([
      { time: 0, kind: Kind.bind, code: 1, place: P.flows, value: 42, aux: 0 },
      { time: 1, kind: Kind.cell, place: P.flows, value: 5, slot: 0, aux: 0, line: 6 },
      { time: 2, kind: Kind.cell, place: P.flows, value: 6, slot: 0, aux: 0, line: 7 },
    ]);
    const place = trace.place(P.flows);
    if (!place) throw new Error("the fixture has no such place");
    const entries = entriesOf(trace, trace.stateAt(3), place);
    expect(entries.rows).toEqual([{ id: 0, key: "42", values: ["6", "0"], row: 2 }]);
    expect(entriesOf(trace, trace.stateAt(2), place).rows[0]?.values).toEqual(["5", "0"]);
  });

  it("start globals at what the program says", () => {
    const trace = traceOf([{ time: 0, kind: Kind.cell, place: P.instance, value: 3, slot: 0 }]);
    const place = trace.place(P.instance);
    if (!place) throw new Error("the fixture has no such place");
    expect(globalsOf(trace, trace.stateAt(0), place)[0]?.value).toBe("0");
    expect(globalsOf(trace, trace.stateAt(1), place)[0]?.value).toBe("3");
  });
});

import { describe, expect, it } from "vitest";
import { Kind } from "../../protocol/rows.ts";
import { Trace } from "../../state/trace.ts";
import { encodeRows, fifoRows, P, type RowFields, startedFixture } from "../../testing/simulate.ts";
import { ageOf, describeDevice } from "./describe.ts";
import { layoutDevice } from "./layout.ts";

function scene(rows: readonly RowFields[], at: number, width = 880, flightNs = 0) {
  const trace = new Trace(startedFixture());
  trace.append(encodeRows(rows));
  const layout = layoutDevice(trace.started, width);
  const row = trace.rows.countUntil(at);
  const list = describeDevice(trace, layout, { state: trace.stateAt(row), timeNs: at, flightNs });
  return { trace, layout, list };
}

const waiting = (skb: number, rank: number, len: number): RowFields[] => [
  { time: 0, kind: Kind.arrive, skb, place: P.device, slot: skb % 2, aux: len },
  { time: 0, kind: Kind.push, skb, place: P.map, value: rank },
];

describe("the draw list of the device", () => {
  it("draws a map in rank order with its head at the right", () => {
    const { list } = scene(
      [...waiting(1, 30, 500), ...waiting(2, 10, 500), ...waiting(3, 20, 500)],
      0,
    );
    const byX = [...list.glyphs].sort((a, b) => b.x - a.x).map((glyph) => glyph.skb);
    expect(byX).toEqual([2, 3, 1]);
  });

  it("gives longer packets wider boxes", () => {
    const { list } = scene([...waiting(1, 1, 1500), ...waiting(2, 2, 300)], 0);
    const [long, short] = list.glyphs;
    expect((long?.w ?? 0) / (short?.w ?? 1)).toBeCloseTo(5, 1);
  });

  it("is a pure function of trace and time", () => {
    const rows = fifoRows({ durationNs: 1e9 });
    expect(scene(rows, 7e8, 880, 2e7).list).toEqual(scene(rows, 7e8, 880, 2e7).list);
  });

  it("keeps every box inside its strip, however many there are", () => {
    const { layout, list } = scene(fifoRows({ durationNs: 2e9 }), 1.9e9);
    const strip = layout.cards[0]?.maps[0]?.strips[0];
    const inStrip = list.glyphs.filter((glyph) => glyph.h === (strip?.h ?? 0) - 8);
    expect(inStrip.length).toBeGreaterThan(100);
    for (const glyph of inStrip) {
      expect(glyph.x).toBeGreaterThanOrEqual((strip?.x ?? 0) + 2);
      expect(glyph.x + glyph.w).toBeLessThanOrEqual((strip?.x ?? 0) + (strip?.w ?? 0));
    }
  });

  it("merges more than 400 packets into bars by rank", () => {
    const rows = Array.from({ length: 500 }, (_, i) => waiting(i + 1, i, 100)).flat();
    const { list } = scene(rows, 0);
    expect(list.glyphs).toEqual([]);
    expect(list.bars.length).toBeGreaterThan(50);
  });

  it("marks what carries a congestion mark, from the moment it does", () => {
    const rows = [...waiting(1, 1, 500), { time: 5, kind: Kind.mark, skb: 1, place: P.qdisc }];
    expect(scene(rows, 4).list.glyphs[0]?.marked).toBe(false);
    expect(scene(rows, 5).list.glyphs[0]?.marked).toBe(true);
  });

  it("ages packets on a logarithmic scale that ends at 200 ms", () => {
    expect([ageOf(1e6), ageOf(2e8), ageOf(1e10)]).toEqual([0, 1, 1]);
    expect(ageOf(2e7)).toBeCloseTo(0.5);
  });

  it("fits a phone: nothing stands outside 358 px", () => {
    const { layout } = scene([], 0, 358);
    const boxes = [
      ...layout.flows.map((flow) => flow.box),
      ...layout.cards.map((card) => card.box),
      ...layout.cards.flatMap((card) => card.maps.flatMap((map) => map.strips)),
      layout.drop,
      layout.purge,
    ];
    for (const box of boxes) {
      expect(box.x).toBeGreaterThanOrEqual(0);
      expect(box.x + box.w).toBeLessThanOrEqual(358);
    }
  });
});

import { describe, expect, it } from "vitest";
import { encodeRows, fifoRows, startedFixture } from "../testing/simulate.ts";
import { pictureOf } from "./picture.ts";
import { atStart, reduce } from "./playback.ts";
import { Trace } from "./trace.ts";

function fifoTrace(): Trace {
  const trace = new Trace(startedFixture());
  trace.append(encodeRows(fifoRows()));
  return trace;
}

describe("the picture of a link", () => {
  it("holds facts within the bounds that the service checks", () => {
    const trace = fifoTrace();
    for (const row of [0, 57, trace.rows.length]) {
      const timeNs = row === 0 ? 0 : trace.rows.time(row - 1);
      const picture = pictureOf(trace, row, timeNs);
      expect(picture.curve).toHaveLength(150);
      expect(picture.boxes.length).toBeLessThanOrEqual(48);
      for (const percent of picture.curve) {
        expect(Number.isInteger(percent) && percent >= 0 && percent <= 100).toBe(true);
      }
      for (const { width } of picture.boxes) {
        expect(Number.isInteger(width) && width >= 1 && width <= 100).toBe(true);
      }
      expect(picture.at).toBeGreaterThanOrEqual(0);
      expect(picture.at).toBeLessThanOrEqual(1000);
    }
  });

  it("is the same for the same moment", () => {
    expect(pictureOf(fifoTrace(), 57, 9)).toEqual(pictureOf(fifoTrace(), 57, 9));
  });
});

describe("a moment", () => {
  it("is a row among those of one instant, or the time where the row does not fit", () => {
    const { rows } = fifoTrace();
    const timeNs = rows.time(40);
    for (let row = rows.countBefore(timeNs); row <= rows.countUntil(timeNs); row++) {
      expect(reduce(atStart, { type: "moment", timeNs, row }, rows)).toMatchObject({ timeNs, row });
    }
    const stranger = reduce(atStart, { type: "moment", timeNs, row: 399 }, rows);
    expect(stranger).toMatchObject({ timeNs, row: rows.countUntil(timeNs) });
  });
});

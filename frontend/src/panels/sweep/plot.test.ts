import { describe, expect, it } from "vitest";
import { dashOf, logSplits } from "./plot.ts";

describe("a logarithmic axis", () => {
  it("is marked at round numbers within its ends", () => {
    expect(logSplits(8, 120)).toEqual([10, 20, 50, 100]);
    expect(logSplits(0.9, 5000)).toEqual([1, 10, 100, 1000]);
  });
});

describe("lines of one colour", () => {
  it("have another pattern", () => {
    expect(dashOf(0)).not.toEqual(dashOf(6));
  });
});

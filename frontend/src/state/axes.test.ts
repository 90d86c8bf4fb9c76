import { describe, expect, it } from "vitest";
import type { Group, PlanParam } from "../protocol/batches.ts";
import {
  aliasesOf,
  axisText,
  belongs,
  choiceOfText,
  firstChoice,
  isLog,
  linesOf,
  nameOf,
  numberOf,
} from "./axes.ts";

const limit: PlanParam = {
  path: "eth0 1:.limit",
  name: "limit",
  value: 1000,
  low: 1,
  high: 2000,
  unit: "packets",
  help: "",
  kind: "int",
};

function group(program: string, value: string, mean: number): Group {
  const values = { "total.drops": { mean, half_width: 1, n: 3 } };
  return { program, params: { "eth0 1:.limit": value }, runs: 3, failed: 0, values };
}

describe("axes of a form", () => {
  it("leave a parameter alone until it is chosen", () => {
    expect(axisText(firstChoice(limit))).toBeNull();
  });
  it("stay within the bounds of the parameter", () => {
    const first = firstChoice(limit);
    expect(Number(first.low)).toBeGreaterThanOrEqual(1);
    expect(Number(first.high)).toBeLessThanOrEqual(2000);
  });
  it("are written as the shell takes them", () => {
    const choice = { ...firstChoice(limit), mode: "range" as const, low: "10", high: "1000" };
    expect(axisText({ ...choice, steps: 3, log: true })).toBe("10..1000:3log");
    expect(axisText({ ...choice, steps: 4, log: false })).toBe("10..1000:4");
    expect(axisText({ ...choice, mode: "values", values: " 5,10 " })).toBe("5,10");
  });
});

describe("axes of a request", () => {
  it("come back as they were written", () => {
    for (const text of ["10..1000:3log", "1ms..20ms:4", "5,10,20", "7"]) {
      expect(axisText(choiceOfText(text))).toBe(text);
    }
    expect(axisText(choiceOfText("10..1000"), true)).toBe("10..1000");
  });
  it("may name a parameter shortly", () => {
    expect(aliasesOf(limit)).toContain("limit");
    expect(aliasesOf(limit)).toContain("1:.limit");
    expect(aliasesOf({ ...limit, path: "class.eth0 1:2.limit" })).toContain("eth0 1:2.limit");
  });
});

describe("a run", () => {
  it("belongs to its program and setting", () => {
    const row = { program: "pfifo", "param.eth0 1:.limit": "10", seed: 4 };
    expect(belongs(row, group("pfifo", "10", 1))).toBe(true);
    expect(belongs(row, group("pfifo", "100", 1))).toBe(false);
    expect(belongs(row, group("codel", "10", 1))).toBe(false);
  });
});

describe("values on a plot", () => {
  it("are numbers in the unit of the parameter", () => {
    expect(numberOf("5ms")).toBe(5e6);
    expect(numberOf("10mbit")).toBe(1e7);
    expect(numberOf(7)).toBe(7);
    expect(numberOf("codel")).toBeNull();
  });
  it("are drawn by ratio when they are chosen by ratio", () => {
    expect(isLog(["10", "100", "1000"])).toBe(true);
    expect(isLog(["10", "20", "30"])).toBe(false);
    expect(isLog(["a", "b", "c"])).toBe(false);
  });
});

describe("lines of a plot", () => {
  const groups = [group("fifo", "100", 4), group("fifo", "10", 9), group("codel", "10", 3)];
  const axis = { path: "eth0 1:.limit", values: ["10", "100"] };
  it("are one a program, from left to right, with their intervals", () => {
    const lines = linesOf(groups, axis, "total.drops");
    expect(lines.map((line) => line.name)).toEqual(["fifo", "codel"]);
    expect(lines[0]?.points).toMatchObject([
      { x: 10, mean: 9, half: 1 },
      { x: 100, mean: 4, half: 1 },
    ]);
  });
  it("leave out what has no such number", () => {
    expect(linesOf(groups, axis, "nothing")).toEqual([]);
  });
  it("are named by what differs", () => {
    expect(nameOf(groups[0] as Group)).toBe("fifo, limit 100");
    expect(nameOf({ program: "", params: {} })).toBe("as it is");
  });
});

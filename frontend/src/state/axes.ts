/// What a form says of parameters, as the axes of a request; pure, so that it can be tested.

import type { Axis, Group, PlanParam, Row } from "../protocol/batches.ts";

export type Mode = "fixed" | "values" | "range";

export interface Choice {
  mode: Mode;
  /// Set when a fixed parameter is not what the texts say.
  fixed: string;
  values: string;
  low: string;
  high: string;
  steps: number;
  log: boolean;
}

/// How a parameter stands in the form at first: fixed, with a range around its value at hand.
export function firstChoice(param: PlanParam): Choice {
  const value = typeof param.value === "number" ? param.value : 0;
  const low = clamp(Math.floor(value / 10), param);
  const high = clamp(Math.max(value * 4, value + 4), param);
  return {
    mode: "fixed",
    fixed: "",
    values: [low, value].filter((v, i, all) => all.indexOf(v) === i).join(","),
    low: String(low),
    high: String(high),
    steps: 5,
    log: low > 0 && high / low >= 20,
  };
}

function clamp(value: number, param: PlanParam): number {
  const low = Number(param.low ?? Number.NEGATIVE_INFINITY);
  const high = Number(param.high ?? Number.POSITIVE_INFINITY);
  return Math.min(Math.max(value, low), high);
}

/// An axis as the service reads it; null when the parameter stays as it is. A hypercube takes the
/// whole of a range, without steps.
export function axisText(choice: Choice, whole = false): string | null {
  if (choice.mode === "fixed") return choice.fixed.trim() || null;
  if (choice.mode === "values") return choice.values.trim();
  const ends = `${choice.low.trim()}..${choice.high.trim()}`;
  return whole ? ends : `${ends}:${choice.steps}${choice.log ? "log" : ""}`;
}

/// The choice that an axis of a request was, or a fixed value.
export function choiceOfText(text: string): Choice {
  const range = /^(.+?)\.\.(.+?)(?::(\d+)(log)?)?$/.exec(text.trim());
  return {
    mode: range ? "range" : text.includes(",") ? "values" : "fixed",
    fixed: text,
    values: range ? "" : text,
    low: range?.[1] ?? "",
    high: range?.[2] ?? "",
    steps: Number(range?.[3] ?? 5),
    log: range?.[4] === "log",
  };
}

/// The paths by which a request may name a parameter, its own first: `eth0 1:.limit`, `1:.limit`,
/// `limit`, each with the kind of its target before it or not.
export function aliasesOf(param: PlanParam): string[] {
  const target = param.path.replace(/^(qdisc|program|class)\./, "");
  const short = target.replace(/^\S+ /, "");
  const kinds = ["", "qdisc.", "program.", "class."];
  const paths = [target, short].flatMap((path) => kinds.map((kind) => kind + path));
  return [...new Set([param.path, ...paths, param.name])];
}

/// The number that a value of an axis stands for on a plot, or null for a word.
export function numberOf(value: number | string): number | null {
  if (typeof value === "number") return value;
  const found = /^\s*(-?\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*$/.exec(value);
  if (!found) return null;
  const scales: Record<string, number> = {
    "": 1,
    b: 1,
    bit: 1,
    kb: 1e3,
    kbit: 1e3,
    mb: 1e6,
    mbit: 1e6,
    gbit: 1e9,
    ns: 1,
    us: 1e3,
    ms: 1e6,
    s: 1e9,
  };
  const scale = scales[(found[2] ?? "").toLowerCase()];
  return scale === undefined ? null : Number(found[1]) * scale;
}

/// Whether an axis is better drawn on a logarithmic scale: its steps are ratios.
export function isLog(values: (number | string)[]): boolean {
  const numbers = values.map(numberOf).filter((v): v is number => v !== null && v > 0);
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  return numbers.length === values.length && numbers.length > 2 && high / low >= 20;
}

export interface Line {
  name: string;
  points: { x: number; mean: number; half: number | null; group: Group }[];
}

/// One line for each program and for each setting of the other axes. Without an axis the lines are
/// single points beside each other.
export function linesOf(groups: Group[], axis: Axis | null, metric: string): Line[] {
  const lines = new Map<string, Line>();
  for (const group of groups) {
    const found = group.values[metric];
    if (!found) continue;
    const name = nameOf(group, axis?.path ?? "");
    const line = lines.get(name) ?? { name, points: [] };
    lines.set(name, line);
    const value = axis ? (group.params[axis.path] ?? "") : "";
    const at = axis ? axis.values.findIndex((v) => String(v) === String(value)) : lines.size - 1;
    line.points.push({ x: numberOf(value) ?? at, mean: found.mean, half: found.half_width, group });
  }
  for (const line of lines.values()) line.points.sort((a, b) => a.x - b.x);
  return [...lines.values()];
}

/// Whether a run is one of a group's.
export function belongs(row: Row, group: Group): boolean {
  if (String(row.program) !== group.program) return false;
  return Object.entries(group.params).every(
    ([path, value]) => String(row[`param.${path}`]) === String(value),
  );
}

/// What tells a group from others beside the axis that is drawn.
export function nameOf(
  group: { program: string; params: Record<string, number | string> },
  without = "",
): string {
  const rest = Object.entries(group.params)
    .filter(([path]) => path !== without)
    .map(([path, value]) => `${short(path)} ${value}`);
  return [group.program, ...rest].filter((part) => part !== "").join(", ") || "as it is";
}

/// A parameter without the place it is at: `limit` of `eth0 1:.limit`.
export function short(path: string): string {
  return path.split(".").at(-1) ?? path;
}

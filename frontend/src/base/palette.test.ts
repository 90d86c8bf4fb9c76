import { describe, expect, it } from "vitest";
import { contrast, FLOW_COLOURS, GROUNDS, linear, type ThemeName } from "./palette.ts";

/// Dichromacies after Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
const SIGHTS: Record<string, number[][]> = {
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protan: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deutan: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritan: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

const dot = (a: readonly number[], b: readonly number[]) =>
  a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);

function lab(hex: string, sight: number[][]): number[] {
  const rgb = sight.map((row) => Math.min(1, Math.max(0, dot(row, linear(hex)))));
  const f = (t: number) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);
  const x = f(dot([0.4124, 0.3576, 0.1805], rgb) / 0.95047);
  const y = f(dot([0.2126, 0.7152, 0.0722], rgb));
  const z = f(dot([0.0193, 0.1192, 0.9505], rgb) / 1.08883);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

const distance = (a: number[], b: number[]) => Math.hypot(...a.map((v, i) => v - (b[i] ?? 0)));

describe.each(["light", "dark"] as ThemeName[])("flow colours, %s", (theme) => {
  const colours = FLOW_COLOURS[theme];

  it("stand out from every ground by 3 to 1", () => {
    for (const colour of colours) {
      for (const ground of GROUNDS[theme]) {
        expect(contrast(colour, ground), `${colour} on ${ground}`).toBeGreaterThanOrEqual(3);
      }
    }
  });

  it.each(Object.keys(SIGHTS))("are told apart by %s sight", (sight) => {
    colours.forEach((a, i) => {
      for (const b of colours.slice(i + 1)) {
        const matrix = SIGHTS[sight] ?? [];
        expect(distance(lab(a, matrix), lab(b, matrix)), `${a} ${b}`).toBeGreaterThanOrEqual(20);
      }
    });
  });
});

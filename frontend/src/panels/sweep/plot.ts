/// The two plots of a sweep: a metric over a parameter with its intervals, and curves of waits.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { flowColour, type ThemeName } from "../../base/palette.ts";
import { cssColour } from "../panel.ts";

export interface PlotLine {
  name: string;
  points: { x: number; mean: number; half: number | null }[];
}

export interface PlotOptions {
  theme: ThemeName;
  lines: PlotLine[];
  /// Whether each point has a mark.
  marks: boolean;
  logX: boolean;
  /// Names of the places on the x axis where it has no numbers.
  names: string[] | null;
  x: (value: number) => string;
  y: (value: number) => string;
  /// Called with the point that was clicked: its line and its place in it.
  pick?: (line: number, point: number) => void;
}

const PICK_PX = 24;

const DASHES = [[], [6, 3], [2, 3], [9, 3, 2, 3]];

/// The pattern of a line, by which lines of one colour differ.
export function dashOf(i: number): number[] {
  return DASHES[i % DASHES.length] ?? [];
}

/// Round places on a logarithmic axis: every decade, and 2 and 5 of each where there is room.
export function logSplits(low: number, high: number): number[] {
  const digits = high / low > 300 ? [1] : [1, 2, 5];
  const found: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const digit of digits) found.push(digit * 10 ** power);
  }
  return found.filter((value) => value >= low && value <= high);
}

/// Draws the lines into an element; the result takes it away again.
export function drawPlot(el: HTMLElement, options: PlotOptions): () => void {
  const plot = new uPlot(
    {
      width: Math.max(200, el.clientWidth),
      height: Math.max(160, el.clientHeight),
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false } },
      scales: {
        x: { time: false, ...(options.logX ? { distr: 3 as const } : {}), range: padded(options) },
      },
      axes: axesOf(options),
      series: [{}, ...options.lines.map((line, i) => seriesOf(line, i, options))],
      hooks: { draw: [(made) => drawIntervals(made, options)] },
    },
    dataOf(options.lines),
    el,
  );
  const observer = new ResizeObserver(() => {
    if (el.clientWidth > 60) plot.setSize({ width: el.clientWidth, height: el.clientHeight });
  });
  observer.observe(el);
  plot.over.addEventListener("click", (event) => pickNearest(plot, options, event));
  return () => {
    observer.disconnect();
    plot.destroy();
  };
}

/// Picks the point of any line that is nearest to a click, if one is near.
function pickNearest(plot: uPlot, options: PlotOptions, event: MouseEvent): void {
  const box = plot.over.getBoundingClientRect();
  const [x, y] = [event.clientX - box.left, event.clientY - box.top];
  const near = options.lines
    .flatMap((line, i) =>
      line.points.map((point, j) => ({
        i,
        j,
        far: Math.hypot(plot.valToPos(point.x, "x") - x, plot.valToPos(point.mean, "y") - y),
      })),
    )
    .sort((a, b) => a.far - b.far)[0];
  if (near && near.far <= PICK_PX) options.pick?.(near.i, near.j);
}

function padded(options: PlotOptions): uPlot.Range.Function {
  return (_, low, high) => {
    if (options.logX) return [low / 1.15, high * 1.15];
    const room = (high - low || 1) * 0.04;
    return [low - room, high + room];
  };
}

function axesOf(options: PlotOptions): uPlot.Axis[] {
  const axis = {
    stroke: cssColour("--ink-2"),
    grid: { stroke: cssColour("--line"), width: 1 },
    ticks: { show: false },
    font: "11px system-ui",
  };
  const { names } = options;
  return [
    {
      ...axis,
      size: 28,
      ...(names ? { splits: () => names.map((_, i) => i) } : {}),
      ...(options.logX
        ? {
            splits: (_: uPlot, __: number, low: number, high: number) => logSplits(low, high),
            filter: (_: uPlot, splits: number[]) => splits,
          }
        : {}),
      values: (_, splits) =>
        splits.map((v) => (v == null ? "" : names ? (names[v] ?? "") : options.x(v))),
    },
    {
      ...axis,
      size: 72,
      values: (_, splits) => splits.map((v) => (v == null ? "" : options.y(v))),
    },
  ];
}

function seriesOf(line: PlotLine, i: number, { theme, marks }: PlotOptions): uPlot.Series {
  const dash = dashOf(i);
  return {
    label: line.name,
    stroke: flowColour(theme, i),
    width: 1.8,
    spanGaps: true,
    points: { show: marks, size: 6 },
    ...(dash.length > 0 ? { dash } : {}),
  };
}

/// Columns for uPlot: every x that some line has, and each line's value there.
function dataOf(lines: PlotLine[]): uPlot.AlignedData {
  const xs = [...new Set(lines.flatMap((line) => line.points.map((p) => p.x)))].sort(
    (a, b) => a - b,
  );
  const columns = lines.map((line) => {
    const at = new Map(line.points.map((p) => [p.x, p.mean]));
    return xs.map((x) => at.get(x) ?? null);
  });
  return [xs, ...columns];
}

function drawIntervals(plot: uPlot, options: PlotOptions): void {
  const { ctx } = plot;
  const cap = 4 * devicePixelRatio;
  ctx.save();
  ctx.lineWidth = 1.2 * devicePixelRatio;
  for (const [i, line] of options.lines.entries()) {
    ctx.strokeStyle = flowColour(options.theme, i);
    ctx.beginPath();
    for (const point of line.points) {
      if (!point.half) continue;
      const x = plot.valToPos(point.x, "x", true);
      const [low, high] = [point.mean - point.half, point.mean + point.half].map((v) =>
        plot.valToPos(v, "y", true),
      );
      if (low === undefined || high === undefined) continue;
      ctx.moveTo(x, low);
      ctx.lineTo(x, high);
      for (const y of [low, high]) {
        ctx.moveTo(x - cap, y);
        ctx.lineTo(x + cap, y);
      }
    }
    ctx.stroke();
  }
  ctx.restore();
}

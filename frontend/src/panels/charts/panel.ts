/// One chart over the whole run, its cursor shared with the scrubber.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { flowColour, type ThemeName } from "../../base/palette.ts";
import type { Player } from "../../state/player.svelte.ts";
import { BINS } from "../../state/series.ts";
import type { Trace } from "../../state/trace.ts";
import { cssColour, type Panel } from "../panel.ts";

export type Metric = "wait" | "throughput" | "backlog" | "drops";

export interface ChartOptions {
  theme(): ThemeName;
  metric(): Metric;
  logarithmic(): boolean;
}

const DASHES = [[], [6, 3], [2, 3], [9, 3, 2, 3]];

function dashOf(flow: number): { dash?: number[] } {
  const dash = DASHES[flow % DASHES.length];
  return dash && dash.length > 0 ? { dash } : {};
}

export function mountChart(el: HTMLElement, player: Player, options: ChartOptions): Panel {
  let plot: uPlot | null = null;
  let madeFor = "";
  let filledFor = "";
  let line: HTMLElement | null = null;

  function update(): void {
    const trace = player.trace;
    const width = el.clientWidth;
    const height = el.clientHeight;
    if (!trace || width < 60 || height < 60) return;
    const form = `${trace.started.flows.length} ${options.metric()} ${options.theme()} ${options.logarithmic()}`;
    const key = `${form} ${trace.started.duration_ns}`;
    if (plot && key !== madeFor) {
      plot.destroy();
      plot = null;
    }
    const fill = `${trace.rows.length} ${trace.started.run} ${key}`;
    if (!plot) {
      plot = makePlot(el, trace, player, options, width, height);
      line = plot.over.appendChild(document.createElement("div"));
      line.className = "chart-now";
      madeFor = key;
      filledFor = fill;
    } else if (fill !== filledFor && (!player.play.playing || trace.rows.length % 7 !== 6)) {
      plot.setData(columns(trace, options.metric()));
      filledFor = fill;
    }
    if (plot.width !== width || plot.height !== height) plot.setSize({ width, height });
    if (line) {
      const x = plot.valToPos(player.play.timeNs / 1e9, "x");
      line.style.transform = `translateX(${x}px)`;
    }
  }

  const observer = new ResizeObserver(() => player.invalidate());
  observer.observe(el);
  const stop = player.onFrame(update);
  return {
    update,
    destroy: () => {
      stop();
      observer.disconnect();
      plot?.destroy();
    },
  };
}

function makePlot(
  el: HTMLElement,
  trace: Trace,
  player: Player,
  options: ChartOptions,
  width: number,
  height: number,
): uPlot {
  const ink = cssColour("--ink-2");
  const grid = { stroke: cssColour("--line"), width: 1 };
  const axis = { stroke: ink, grid, ticks: { show: false }, font: "11px system-ui" };
  const log = options.logarithmic() && options.metric() === "wait";
  const plot = new uPlot(
    {
      width,
      height,
      legend: { show: false },
      cursor: { y: false, drag: { x: true, y: false } },
      scales: {
        x: { time: false, range: [0, trace.started.duration_ns / 1e9] },
        y: log ? { distr: 3 } : {},
      },
      axes: [
        { ...axis, size: 26, values: (_, splits) => splits.map((v) => `${+v.toFixed(3)} s`) },
        {
          ...axis,
          size: 52,
          values: (_, splits) => splits.map((v) => (v == null ? "" : String(+v.toPrecision(4)))),
        },
      ],
      series: [
        {},
        ...trace.started.flows.map((flow, i) => ({
          label: flow.name,
          stroke: flowColour(options.theme(), i),
          width: 1.6,
          spanGaps: true,
          points: { show: false },
          ...dashOf(i),
        })),
      ],
    },
    columns(trace, options.metric()),
    el,
  );
  plot.over.addEventListener("click", (event) => {
    const seconds = plot.posToVal(event.offsetX, "x");
    player.dispatch({ type: "pause" });
    player.dispatch({ type: "seek", timeNs: Math.round(seconds * 1e9) });
  });
  return plot;
}

/// Chart columns of one metric in its unit: ms, Mbit/s, packets, packets.
export function columns(trace: Trace, metric: Metric): uPlot.AlignedData {
  const { series } = trace;
  const count = Math.min(BINS, series.lastBin + 1);
  const seconds = Array.from({ length: count }, (_, i) => ((i + 0.5) * series.binNs) / 1e9);
  const data = trace.started.flows.map((_, flow) => column(trace, metric, flow, count));
  return [seconds, ...data];
}

function column(trace: Trace, metric: Metric, flow: number, count: number): (number | null)[] {
  const { series } = trace;
  const at = (from: Float64Array | undefined, i: number) => from?.[i] ?? 0;
  return Array.from({ length: count }, (_, i) => {
    switch (metric) {
      case "wait": {
        const wait = series.waitMax[flow]?.[i] ?? Number.NaN;
        return Number.isNaN(wait) ? null : Math.max(wait, 1e3) / 1e6;
      }
      case "throughput":
        return smooth(series.receivedBytes[flow], i, count) * (8e9 / series.binNs / 1e6);
      case "backlog":
        return at(series.backlog[flow], i);
      case "drops":
        return smooth(series.drops[flow], i, count) * (1e9 / series.binNs);
      default: {
        const never: never = metric;
        return never;
      }
    }
  });
}

/// The mean over a few bins: single packets would make a comb of it.
function smooth(from: Float64Array | undefined, i: number, count: number): number {
  if (!from) return 0;
  const low = Math.max(0, i - 6);
  const high = Math.min(count - 1, i + 6);
  let sum = 0;
  for (let k = low; k <= high; k++) sum += from[k] ?? 0;
  return sum / (high - low + 1);
}

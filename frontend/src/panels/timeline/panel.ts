/// The ground of the scrubber: backlog over the run, ticks of what happened, and how far rows reach.

import type { ThemeName } from "../../base/palette.ts";
import type { Player } from "../../state/player.svelte.ts";
import { BINS, type MarkKind } from "../../state/series.ts";
import { cssColour, element, fitCanvas, type Panel } from "../panel.ts";

const TICKS: { kind: MarkKind; colour: string; row: number }[] = [
  { kind: "drop", colour: "--bad", row: 0 },
  { kind: "mark", colour: "--mark", row: 1 },
  { kind: "link", colour: "--ink", row: 2 },
  { kind: "event", colour: "--ink-2", row: 2 },
  { kind: "fault", colour: "--bad", row: 2 },
];

export function mountTimeline(
  el: HTMLElement,
  player: Player,
  options: { theme(): ThemeName },
): Panel {
  const canvas = element("canvas", "timeline-canvas");
  canvas.setAttribute("aria-hidden", "true");
  el.prepend(canvas);
  let drawnFor = "";

  function update(): void {
    const trace = player.trace;
    if (!trace) return;
    const width = el.clientWidth;
    const height = el.clientHeight;
    const at = Math.round((player.play.timeNs / trace.started.duration_ns) * width * 2) / 2;
    const key = `${trace.rows.length} ${width} ${height} ${at} ${options.theme()} ${trace.finished?.outcome}`;
    if (key === drawnFor) return;
    drawnFor = key;
    const ctx = fitCanvas(canvas, width, height);
    if (!ctx) return;
    ctx.clearRect(0, 0, width, height);
    drawBacklog(ctx, width, height, at);
    drawTicks(ctx, width, height);
    ctx.fillStyle = cssColour("--accent");
    ctx.fillRect(at - 1, 0, 2, height);
  }

  function drawBacklog(
    ctx: CanvasRenderingContext2D,
    width: number,
    height: number,
    at: number,
  ): void {
    const trace = player.trace;
    if (!trace) return;
    const { backlogAll, lastBin } = trace.series;
    const most = Math.max(4, ...backlogAll.subarray(0, lastBin + 1));
    const bottom = height - 14;
    const path = new Path2D();
    path.moveTo(0, bottom);
    for (let bin = 0; bin <= lastBin; bin++) {
      const y = bottom - ((backlogAll[bin] ?? 0) / most) * (bottom - 4);
      path.lineTo((bin / BINS) * width, y);
      path.lineTo(((bin + 1) / BINS) * width, y);
    }
    path.lineTo(((lastBin + 1) / BINS) * width, bottom);
    path.closePath();
    ctx.fillStyle = cssColour("--curve");
    ctx.fill(path);
    ctx.save();
    ctx.beginPath();
    ctx.rect(0, 0, at, height);
    ctx.clip();
    ctx.fillStyle = cssColour("--curve-past");
    ctx.fill(path);
    ctx.restore();
    if (!trace.finished || trace.finished.outcome === "ok") return;
    hatchEnd(ctx, ((lastBin + 1) / BINS) * width, width, height);
  }

  function hatchEnd(ctx: CanvasRenderingContext2D, from: number, to: number, height: number): void {
    ctx.save();
    ctx.beginPath();
    ctx.rect(from, 0, to - from, height);
    ctx.clip();
    ctx.strokeStyle = cssColour("--line");
    ctx.beginPath();
    for (let x = from - height; x < to; x += 7) {
      ctx.moveTo(x, height);
      ctx.lineTo(x + height, 0);
    }
    ctx.stroke();
    ctx.restore();
  }

  function drawTicks(ctx: CanvasRenderingContext2D, width: number, height: number): void {
    const trace = player.trace;
    if (!trace) return;
    const base = height - 11;
    for (const { kind, colour, row } of TICKS) {
      ctx.fillStyle = cssColour(colour);
      const counts = trace.series.marks[kind];
      let last = -9;
      for (let bin = 0; bin < BINS; bin++) {
        if ((counts[bin] ?? 0) === 0) continue;
        const x = (bin / BINS) * width;
        if (x - last < 2) continue;
        last = x;
        if (row === 2) ctx.fillRect(x - 1, 0, 2, height - 12);
        else ctx.fillRect(x, base + row * 6, 2, 5);
      }
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
      canvas.remove();
    },
  };
}

/// Puts a draw list on a canvas: flat rectangles sorted by colour, then rims, hatching and letters.

import { flowColour, inkOn, type ThemeName } from "../../base/palette.ts";
import type { DrawList, Glyph } from "./describe.ts";
import type { Layout } from "./layout.ts";

export interface Inks {
  theme: ThemeName;
  line: string;
  faint: string;
  ground: string;
  late: string;
  select: string;
  font: string;
}

export interface Scene {
  layout: Layout;
  list: DrawList;
  letters: readonly string[];
  selected: number;
  linksDown: ReadonlySet<number>;
}

export function drawDevice(ctx: CanvasRenderingContext2D, scene: Scene, inks: Inks): void {
  drawConnections(ctx, scene, inks);
  drawWires(ctx, scene, inks);
  const byFlow = new Map<number, Glyph[]>();
  for (const glyph of scene.list.glyphs) {
    const bucket = byFlow.get(glyph.flow);
    if (bucket) bucket.push(glyph);
    else byFlow.set(glyph.flow, [glyph]);
  }
  for (const bar of scene.list.bars) {
    ctx.fillStyle = flowColour(inks.theme, bar.flow);
    ctx.fillRect(bar.x, bar.y, bar.w, bar.h);
  }
  for (const [flow, glyphs] of byFlow) drawFlow(ctx, flow, glyphs, scene, inks);
  drawSelected(ctx, scene, inks);
}

function drawFlow(
  ctx: CanvasRenderingContext2D,
  flow: number,
  glyphs: readonly Glyph[],
  scene: Scene,
  inks: Inks,
): void {
  const colour = flowColour(inks.theme, flow);
  ctx.fillStyle = colour;
  for (const glyph of glyphs) {
    ctx.globalAlpha = glyph.alpha;
    box(ctx, glyph);
  }
  ctx.globalAlpha = 1;
  ctx.fillStyle = inks.late;
  for (const glyph of glyphs) {
    if (glyph.age <= 0.02) continue;
    ctx.globalAlpha = glyph.age * glyph.alpha;
    ctx.fillRect(glyph.x, glyph.y - 3, glyph.w, 2);
  }
  ctx.globalAlpha = 1;
  const ink = inkOn(colour);
  hatch(ctx, glyphs, ink);
  letter(ctx, glyphs, scene.letters[flow] ?? "", ink, inks.font);
}

function box(ctx: CanvasRenderingContext2D, glyph: Glyph): void {
  if (glyph.w < 6) {
    // Thin boxes end on whole device pixels; blurred edges would swallow the gaps between them.
    const ratio = ctx.getTransform().a || 1;
    const left = Math.round(glyph.x * ratio) / ratio;
    const right = Math.max(left + 1 / ratio, Math.round((glyph.x + glyph.w) * ratio) / ratio);
    ctx.fillRect(left, glyph.y, right - left, glyph.h);
    return;
  }
  ctx.beginPath();
  ctx.roundRect(glyph.x, glyph.y, glyph.w, glyph.h, 2.5);
  ctx.fill();
}

function hatch(ctx: CanvasRenderingContext2D, glyphs: readonly Glyph[], ink: string): void {
  ctx.strokeStyle = ink;
  ctx.lineWidth = 1.4;
  for (const glyph of glyphs) {
    if (!glyph.marked) continue;
    ctx.save();
    ctx.beginPath();
    ctx.rect(glyph.x, glyph.y, glyph.w, glyph.h);
    ctx.clip();
    ctx.beginPath();
    for (let x = glyph.x - glyph.h; x < glyph.x + glyph.w; x += 5) {
      ctx.moveTo(x, glyph.y + glyph.h);
      ctx.lineTo(x + glyph.h, glyph.y);
    }
    ctx.stroke();
    ctx.restore();
  }
}

function letter(
  ctx: CanvasRenderingContext2D,
  glyphs: readonly Glyph[],
  text: string,
  ink: string,
  font: string,
): void {
  ctx.fillStyle = ink;
  ctx.font = `600 11px ${font}`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  for (const glyph of glyphs) {
    if (glyph.w < 10 || glyph.h < 11 || glyph.marked) continue;
    ctx.fillText(text, glyph.x + glyph.w / 2, glyph.y + glyph.h / 2 + 0.5);
  }
}

function drawConnections(ctx: CanvasRenderingContext2D, scene: Scene, inks: Inks): void {
  const { layout } = scene;
  const card = layout.cards[0];
  if (!card || layout.narrow) return;
  ctx.strokeStyle = inks.line;
  ctx.lineWidth = 1.5;
  const strip = card.maps[0]?.strips[0];
  const y = strip ? strip.y + strip.h / 2 : card.box.y + card.box.h / 2;
  const entry = { x: card.box.x, y };
  for (const flow of layout.flows) {
    join(ctx, { x: flow.box.x + flow.box.w, y: flow.box.y + flow.box.h / 2 }, entry);
  }
  const exit = { x: card.box.x + card.box.w, y };
  for (const tx of layout.txqs) {
    join(ctx, exit, { x: tx.ring.x, y: tx.ring.y + tx.ring.h / 2 });
  }
}

function join(
  ctx: CanvasRenderingContext2D,
  from: { x: number; y: number },
  to: { x: number; y: number },
): void {
  const middle = (from.x + to.x) / 2;
  ctx.beginPath();
  ctx.moveTo(from.x, from.y);
  ctx.bezierCurveTo(middle, from.y, middle, to.y, to.x, to.y);
  ctx.stroke();
}

function drawWires(ctx: CanvasRenderingContext2D, scene: Scene, inks: Inks): void {
  for (const tx of scene.layout.txqs) {
    const down = scene.linksDown.has(tx.device);
    ctx.strokeStyle = down ? inks.faint : inks.line;
    ctx.lineWidth = 2;
    ctx.setLineDash(down ? [3, 6] : []);
    ctx.beginPath();
    ctx.moveTo(tx.wireFrom, tx.y);
    ctx.lineTo(tx.wireTo, tx.y);
    ctx.stroke();
    ctx.setLineDash([]);
  }
}

function drawSelected(ctx: CanvasRenderingContext2D, scene: Scene, inks: Inks): void {
  if (scene.selected === 0) return;
  for (const glyph of scene.list.glyphs) {
    if (glyph.skb !== scene.selected) continue;
    ctx.lineWidth = 2;
    ctx.strokeStyle = inks.ground;
    ctx.strokeRect(glyph.x - 2, glyph.y - 2, glyph.w + 4, glyph.h + 4);
    ctx.strokeStyle = inks.select;
    ctx.strokeRect(glyph.x - 3.5, glyph.y - 3.5, glyph.w + 7, glyph.h + 7);
  }
}

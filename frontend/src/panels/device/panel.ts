/// The device view: a canvas of packets under a layer of labelled, focusable parts.

import { formatBytes, formatCount, formatDuration } from "../../base/format.ts";
import { flowColour, inkOn, type ThemeName } from "../../base/palette.ts";
import { capacityText } from "../../state/names.ts";
import type { Player, Selection } from "../../state/player.svelte.ts";
import { Counter, type QueueState, SLOTS } from "../../state/queues.ts";
import type { Trace } from "../../state/trace.ts";
import { cssColour, element, fitCanvas, type Panel } from "../panel.ts";
import { type DrawList, describeDevice } from "./describe.ts";
import { drawDevice, type Inks } from "./draw.ts";
import { type Box, type Card, type Layout, layoutDevice, type MapBox, SINK_W } from "./layout.ts";
import { binText } from "./reasons.ts";

const FLIGHT_MS = 260;
const TEXT_EVERY_MS = 100;

interface Label {
  refresh(state: QueueState, list: DrawList): void;
}

export interface DeviceOptions {
  theme(): ThemeName;
}

export function mountDevice(el: HTMLElement, player: Player, options: DeviceOptions): Panel {
  const canvas = element("canvas", "device-canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute(
    "aria-label",
    "Packets in the device; the sentence below says the same in words",
  );
  const layer = element("div", "device-layer");
  el.append(canvas, layer);
  let layout: Layout | null = null;
  let laidOutFor: Trace | null = null;
  let labels: Label[] = [];
  let inks = readInks(options.theme());
  let drawn: DrawList | null = null;
  let lastTextMs = 0;

  function arrange(trace: Trace): Layout {
    const width = Math.max(280, el.clientWidth);
    if (layout && laidOutFor === trace && layout.width === width) return layout;
    layout = layoutDevice(trace.started, width);
    laidOutFor = trace;
    el.style.height = `${layout.height}px`;
    labels = buildLabels(layer, layout, trace, player, options);
    return layout;
  }

  function update(): void {
    const trace = player.trace;
    const state = player.state();
    if (!trace || !state) return;
    const now = arrange(trace);
    inks = readInks(options.theme(), inks);
    const { playing, speed, timeNs } = player.play;
    const flightNs = playing && !player.reducedMotion ? FLIGHT_MS * 1e6 * speed : 0;
    drawn = describeDevice(trace, now, { state, timeNs, flightNs });
    const ctx = fitCanvas(canvas, now.width, now.height);
    if (!ctx) return;
    ctx.clearRect(0, 0, now.width, now.height);
    const selected = player.selection.kind === "skb" ? player.selection.skb : 0;
    const letters = trace.started.flows.map((flow) => flow.letter);
    drawDevice(
      ctx,
      { layout: now, list: drawn, letters, selected, linksDown: state.linksDown },
      inks,
    );
    const wall = performance.now();
    if (playing && wall - lastTextMs < TEXT_EVERY_MS) return;
    lastTextMs = wall;
    for (const label of labels) label.refresh(state, drawn);
  }

  function pick(event: MouseEvent): void {
    const area = canvas.getBoundingClientRect();
    const x = event.clientX - area.left;
    const y = event.clientY - area.top;
    for (const glyph of [...(drawn?.glyphs ?? [])].reverse()) {
      const inside = x >= glyph.x - 2 && x <= glyph.x + glyph.w + 2;
      if (inside && y >= glyph.y - 3 && y <= glyph.y + glyph.h + 3) {
        player.select({ kind: "skb", skb: glyph.skb });
        return;
      }
    }
  }

  const observer = new ResizeObserver(() => player.invalidate());
  observer.observe(el);
  layer.addEventListener("click", (event) => {
    if (event.target === layer || (event.target as HTMLElement).dataset.through) pick(event);
  });
  const stop = player.onFrame(update);
  return {
    update,
    destroy: () => {
      stop();
      observer.disconnect();
      canvas.remove();
      layer.remove();
    },
  };
}

function readInks(theme: ThemeName, before?: Inks): Inks {
  if (before && before.theme === theme) return before;
  return {
    theme,
    line: cssColour("--line-strong"),
    faint: cssColour("--line"),
    ground: cssColour("--surface"),
    late: cssColour("--late"),
    select: cssColour("--ink"),
    font: "system-ui, sans-serif",
  };
}

function buildLabels(
  layer: HTMLElement,
  layout: Layout,
  trace: Trace,
  player: Player,
  options: DeviceOptions,
): Label[] {
  layer.replaceChildren();
  const labels: Label[] = [];
  const add = (node: HTMLElement, box: Box): HTMLElement => {
    place(node, box);
    layer.append(node);
    return node;
  };
  for (const box of layout.flows)
    labels.push(flowLabel(add, box.box, box.flow, trace, player, options));
  for (const card of layout.cards) {
    labels.push(cardLabel(add, card, trace, player));
    for (const map of card.maps) labels.push(mapLabel(add, map, trace, player));
  }
  for (const band of layout.devices)
    labels.push(deviceLabel(add, band.box, band.place, band.name, layout));
  for (const tx of layout.txqs) labels.push(...txLabels(add, tx, trace, player));
  labels.push(binLabel(add, layout.drop, trace, "dropped", "drop-bin"));
  const purged = layout.purge.w < 160 ? "purged" : "purged by link down";
  labels.push(binLabel(add, layout.purge, trace, purged, "purge-bin"));
  return labels;
}

type Add = (node: HTMLElement, box: Box) => HTMLElement;

function place(node: HTMLElement, box: Box): void {
  node.style.left = `${box.x}px`;
  node.style.top = `${box.y}px`;
  node.style.width = `${box.w}px`;
  node.style.height = `${box.h}px`;
}

function selecting(node: HTMLElement, player: Player, selection: Selection): void {
  node.addEventListener("click", () => player.select(selection));
}

function flowLabel(
  add: Add,
  box: Box,
  index: number,
  trace: Trace,
  player: Player,
  options: DeviceOptions,
): Label {
  const flow = trace.started.flows[index];
  const node = add(element("button", "source"), box);
  const swatch = element("span", "swatch", flow?.letter ?? "");
  const paint = () => {
    const colour = flowColour(options.theme(), index);
    swatch.style.setProperty("--flow", colour);
    swatch.style.color = inkOn(colour);
  };
  const count = element("span", "source-count");
  node.append(swatch, element("span", "source-name", flow?.name ?? ""), count);
  node.title = `flow ${flow?.name ?? ""} (${flow?.model ?? ""})`;
  selecting(node, player, { kind: "flow", flow: index });
  return {
    refresh: (state) => {
      paint();
      count.textContent = formatCount(state.counter(index, Counter.arrived));
    },
  };
}

function cardLabel(add: Add, card: Card, trace: Trace, player: Player): Label {
  const frame = add(element("div", "card"), card.box);
  frame.dataset.through = "1";
  const standing = element("span", "card-sub");
  frame.append(element("span", "card-title", card.title), standing);
  const served = trace.started.places.filter((place) => place.instance === card.instance);
  return {
    refresh: (state) => {
      const now = player.play.timeNs;
      const waits = served.map((place) => {
        const row = state.throttles.get(place.index);
        return row === undefined ? 0 : trace.rows.value(row) - now;
      });
      const longest = Math.max(0, ...waits);
      const throttled = longest > 0 ? `throttled for ${formatDuration(longest)} · ` : "";
      standing.textContent = `${throttled}${card.subtitle}`;
    },
  };
}

function mapLabel(add: Add, map: MapBox, trace: Trace, player: Player): Label {
  const head = add(element("button", "map-label"), map.label);
  const name = element("span", "map-name", map.name);
  const count = element("span", "map-count");
  head.append(name, count);
  selecting(head, player, { kind: "place", place: map.place, slot: -1 });
  const of = capacityText(trace.place(map.place));
  const slots = map.strips.map((box, i) => {
    const frame = add(element("div", "strip"), box);
    frame.dataset.through = "1";
    if (map.inner === 0) return null;
    const tag = add(element("button", "slot"), {
      x: box.x - 26,
      y: box.y,
      w: 24,
      h: Math.max(24, box.h),
    });
    tag.addEventListener("click", () => {
      player.select({ kind: "place", place: map.place, slot: Number(tag.dataset.slot ?? i) });
    });
    return tag;
  });
  return {
    refresh: (state, list) => {
      const held = heldIn(state, trace, map.place);
      const more = list.hidden.get(map.place) ?? 0;
      const hidden = more > 0 ? ` · ${more} more inner maps` : "";
      count.textContent = `${formatCount(held.count)}${of} skbs · ${formatBytes(held.bytes)}${hidden}`;
      const shown = list.slots.get(map.place) ?? [];
      slots.forEach((tag, i) => {
        if (!tag) return;
        const slot = shown[i];
        tag.hidden = slot === undefined;
        tag.dataset.slot = String(slot ?? i);
        tag.textContent = slot === undefined ? "" : String(slot);
        tag.setAttribute("aria-label", `inner map ${slot ?? i} of ${map.name}`);
      });
    },
  };
}

/// Packets and bytes in a map, inner maps included.
export function heldIn(state: QueueState, trace: Trace, place: number) {
  let count = 0;
  let bytes = 0;
  for (const [key, pushes] of state.lists) {
    if (Math.floor(key / SLOTS) !== place) continue;
    count += pushes.length;
    for (const push of pushes) bytes += trace.packets.lenBytes(trace.rows, trace.rows.skb(push));
  }
  return { count, bytes };
}

function deviceLabel(add: Add, box: Box, place: number, name: string, layout: Layout): Label {
  const node = add(element("div", "device-name"), { ...box, h: 20 });
  if (layout.narrow) node.classList.add("is-narrow");
  const status = element("span", "device-status");
  node.append(element("strong", "", name), status);
  return {
    refresh: (state) => {
      const down = state.linksDown.has(place);
      node.classList.toggle("is-down", down);
      status.textContent = down ? "link down" : "up";
    },
  };
}

function txLabels(
  add: Add,
  tx: { place: number; ring: Box; wireFrom: number; wireTo: number; y: number; device: number },
  trace: Trace,
  player: Player,
): Label[] {
  const ring = add(element("button", "ring"), tx.ring);
  ring.setAttribute("aria-label", trace.place(tx.place)?.name ?? "tx queue");
  selecting(ring, player, { kind: "place", place: tx.place, slot: -1 });
  const caption = add(element("span", "tx-caption"), {
    x: tx.ring.x,
    y: tx.ring.y + 27,
    w: 150,
    h: 16,
  });
  const sink = add(element("div", "sink"), { x: tx.wireTo + 4, y: tx.y - 13, w: SINK_W, h: 26 });
  const name = trace.place(tx.place)?.name ?? "";
  const queues = trace.started.places.filter(
    (place) => place.kind === "txq" && place.parent === tx.device,
  );
  const isFirst = queues[0]?.index === tx.place;
  return [
    {
      refresh: (state) => {
        const sending = state.sending.get(tx.place);
        const busy = sending === undefined ? "idle" : `sending ${trace.rows.aux(sending)} B`;
        const short = queues.length > 1 ? (name.split(" ").at(-1) ?? name) : "tx";
        caption.textContent = `${queues.length > 1 ? `txq ${short}` : "tx ring"} · ${busy}`;
        sink.hidden = !isFirst;
        const received = state.receivedAt.get(tx.device) ?? 0;
        sink.textContent = formatCount(received);
        sink.title = `received ${formatCount(received)} packets`;
      },
    },
  ];
}

function binLabel(add: Add, box: Box, trace: Trace, title: string, className: string): Label {
  const node = add(element("div", `bin ${className}`), box);
  node.dataset.through = "1";
  const text = element("span", "bin-title");
  node.append(text);
  return {
    refresh: (state) => {
      const bin = className === "drop-bin" ? state.drops : state.purges;
      const detail = className === "drop-bin" ? binText(trace, bin) : "";
      text.textContent = `${formatCount(bin.total)} ${title}${detail ? `: ${detail}` : ""}`;
      node.title = text.textContent;
      node.classList.toggle("is-empty", bin.total === 0);
    },
  };
}

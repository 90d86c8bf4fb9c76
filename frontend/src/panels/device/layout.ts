/// Where everything of the device view stands, from what `started` says and the width alone.

import type { Place, Started } from "../../protocol/messages.ts";
import { instanceTitle } from "../../state/names.ts";

export interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}

export interface MapBox {
  place: number;
  name: string;
  kind: string;
  /// Number of inner maps, 0 for a plain skb map.
  inner: number;
  label: Box;
  /// One box a strip; a map of maps shows as many inner maps as there are boxes.
  strips: Box[];
}

export interface Card {
  instance: number;
  title: string;
  subtitle: string;
  box: Box;
  maps: MapBox[];
}

export interface FlowBox {
  flow: number;
  device: number;
  box: Box;
}

export interface TxBox {
  place: number;
  device: number;
  ring: Box;
  wireFrom: number;
  wireTo: number;
  y: number;
}

export interface DeviceBand {
  place: number;
  name: string;
  box: Box;
}

export interface Layout {
  width: number;
  height: number;
  narrow: boolean;
  flows: FlowBox[];
  cards: Card[];
  txqs: TxBox[];
  devices: DeviceBand[];
  drop: Box;
  purge: Box;
}

const SKB_MAPS = new Set(["SkbMap", "SkbMapArray", "SkbMapHash", "FlowMap"]);
const FLOW_H = 30;
const TX_H = 52;
const GAP = 8;
const NARROW_PX = 620;
/// Wide enough for the arriving packets and a count of six digits beside them.
export const SINK_W = 80;
const INNER_SHOWN_MAX = 9;
const FLOWS_SHOWN_MAX = 12;

export function layoutDevice(started: Started, width: number): Layout {
  const narrow = width < NARROW_PX;
  const devices = started.places.filter((place) => place.kind === "device");
  const sources = narrow ? width : Math.round(Math.min(172, Math.max(112, width * 0.19)));
  const right = narrow ? width : Math.round(Math.min(330, Math.max(200, width * 0.34)));
  const centreX = narrow ? 0 : sources + 44;
  const centreW = narrow ? width : width - sources - right - 88;
  const top = narrow ? 0 : devices.length > 1 ? 26 : 2;
  const flows = layoutFlows(started, devices, narrow, sources, top);
  const flowsEnd = bottomOf(
    flows.map((flow) => flow.box),
    top,
  );
  const cardsTop = narrow ? flowsEnd + 26 : top;
  const cards = layoutCards(started, centreX, centreW, cardsTop);
  const cardsEnd = bottomOf(
    cards.map((card) => card.box),
    cardsTop,
  );
  const txTop = narrow ? cardsEnd + 40 : top;
  const txX = narrow ? 0 : width - right;
  centre(
    flows.map((flow) => flow.box),
    narrow ? 0 : middleOf(cards[0], cardsEnd),
    top,
  );
  const level = narrow ? txTop : levelWith(cards[0], devices.length, top);
  const { txqs, bands } = layoutTx(started, devices, txX, narrow ? width : right, level);
  const txEnd = bottomOf(
    txqs.map((tx) => ({ ...tx.ring, h: TX_H - 8 })),
    txTop,
  );
  const binsTop = narrow ? txEnd + 18 : cardsEnd + 14;
  const binsW = narrow || txEnd > binsTop - 8 ? centreW : width - centreX;
  const dropW = Math.round((binsW - 12) * (narrow ? 0.5 : 0.62));
  const drop = { x: centreX, y: binsTop, w: dropW, h: 44 };
  const purge = { x: centreX + dropW + 12, y: binsTop, w: binsW - dropW - 12, h: 44 };
  const height = Math.max(
    binsTop + 46,
    bottomOf(
      flows.map((flow) => flow.box),
      top,
    ),
    txEnd,
  );
  return { width, height, narrow, flows, cards, txqs, devices: bands, drop, purge };
}

/// One device stands level with its queue, so that a packet's way is straight.
function levelWith(card: Card | undefined, devices: number, top: number): number {
  const strip = card?.maps[0]?.strips[0];
  if (devices > 1) return top;
  if (!strip) return Math.max(26, top);
  return Math.max(26, strip.y + strip.h / 2 - 15);
}

function layoutFlows(
  started: Started,
  devices: Place[],
  narrow: boolean,
  width: number,
  top: number,
): FlowBox[] {
  const shown = started.flows.slice(0, FLOWS_SHOWN_MAX);
  const perRow = narrow ? Math.max(1, Math.min(3, Math.floor(width / 118))) : 1;
  const w = narrow ? (width - (perRow - 1) * GAP) / perRow : width;
  return shown.map((flow, i) => ({
    flow: flow.index,
    device: deviceIndex(devices, flow.device),
    box: {
      x: (i % perRow) * (w + GAP),
      y: top + Math.floor(i / perRow) * (FLOW_H + GAP),
      w,
      h: FLOW_H,
    },
  }));
}

/// Devices are named by place index or by name.
export function deviceIndex(
  devices: readonly Place[],
  device: number | string | undefined,
): number {
  const found = devices.find((place) => place.index === device || place.name === device);
  return found?.index ?? devices[0]?.index ?? 0;
}

function layoutCards(started: Started, x: number, w: number, top: number): Card[] {
  let y = top;
  const cards: Card[] = [];
  for (const instance of started.places.filter((place) => place.kind === "instance")) {
    const maps = started.places.filter(
      (place) =>
        place.kind === "map" &&
        place.parent === instance.index &&
        SKB_MAPS.has(place.map_kind ?? ""),
    );
    const users = qdiscsOf(started, instance);
    const indent = Math.min(3, depthOf(started, users[0])) * 14;
    const card: Card = {
      instance: instance.index,
      title: instanceTitle(instance),
      subtitle: users.map((place) => qdiscTitle(started, place)).join(", "),
      box: { x: x + indent, y, w: w - indent, h: 0 },
      maps: [],
    };
    let inside = y + 30;
    for (const map of maps) {
      const box = layoutMap(started, map, x + indent + 10, inside, w - indent - 20);
      card.maps.push(box);
      inside = bottomOf(box.strips, inside) + 8;
    }
    card.box.h = Math.max(inside - y + 2, 36);
    cards.push(card);
    y += card.box.h + 10;
  }
  return cards;
}

function layoutMap(started: Started, map: Place, x: number, y: number, w: number): MapBox {
  const inner = map.map_kind === "SkbMap" ? 0 : Math.max(1, map.inner ?? 1);
  const count = inner === 0 ? 1 : innerShown(started, inner);
  const h = inner === 0 ? 38 : 18;
  const strips = Array.from({ length: count }, (_, i) => ({
    x: x + (inner === 0 ? 0 : 26),
    y: y + 20 + i * (h + 4),
    w: w - (inner === 0 ? 0 : 26),
    h,
  }));
  return {
    place: map.index,
    name: map.name,
    kind: map.map_kind ?? "SkbMap",
    inner,
    label: { x, y, w, h: 18 },
    strips,
  };
}

function innerShown(started: Started, inner: number): number {
  if (inner <= INNER_SHOWN_MAX) return inner;
  return Math.min(INNER_SHOWN_MAX, Math.max(3, started.flows.length));
}

function layoutTx(started: Started, devices: Place[], x: number, w: number, top: number) {
  const txqs: TxBox[] = [];
  const bands: DeviceBand[] = [];
  const ringW = Math.round(Math.min(74, w * 0.24));
  const sinkW = SINK_W + 4;
  let y = top;
  for (const device of devices) {
    const from = y;
    for (const txq of started.places) {
      if (txq.kind !== "txq" || txq.parent !== device.index) continue;
      const ring = { x, y: y + 2, w: ringW, h: 26 };
      const wireFrom = x + ringW + 6;
      txqs.push({
        place: txq.index,
        device: device.index,
        ring,
        wireFrom,
        wireTo: x + w - sinkW,
        y: y + 15,
      });
      y += TX_H;
    }
    bands.push({
      place: device.index,
      name: device.name,
      box: { x, y: from - 24, w, h: y - from + 24 },
    });
    y += 26;
  }
  return { txqs, bands };
}

/// The qdiscs that an instance serves; one instance may serve several.
export function qdiscsOf(started: Started, instance: Place): Place[] {
  const users = started.places.filter(
    (place) =>
      place.kind === "qdisc" && (place.index === instance.qdisc || sharesInstance(place, instance)),
  );
  return users;
}

function sharesInstance(qdisc: Place, instance: Place): boolean {
  return qdisc.instance === instance.index;
}

function qdiscTitle(started: Started, qdisc: Place): string {
  const device = started.places.find(
    (place) =>
      place.kind === "device" && (place.index === qdisc.device || place.name === qdisc.device),
  );
  const many = started.places.filter((place) => place.kind === "device").length > 1;
  const where = many && device ? `${device.name} ` : "";
  const under = qdisc.classid && qdisc.classid !== "root" ? ` under ${qdisc.classid}` : "";
  return `${where}${qdisc.handle ?? qdisc.name}${under}`;
}

function depthOf(started: Started, qdisc: Place | undefined): number {
  let depth = 0;
  let place = qdisc ? started.places[qdisc.parent] : undefined;
  while (place && depth < 8) {
    if (place.kind === "qdisc" || place.kind === "class") depth += place.kind === "qdisc" ? 1 : 0;
    place = started.places[place.parent];
  }
  return depth;
}

function bottomOf(boxes: readonly Box[], otherwise: number): number {
  return boxes.reduce((end, box) => Math.max(end, box.y + box.h), otherwise);
}

/// The height around which the sources stand: that of the first strip.
function middleOf(card: Card | undefined, end: number): number {
  const strip = card?.maps[0]?.strips[0];
  return strip ? strip.y + strip.h / 2 : end / 2;
}

function centre(boxes: Box[], middle: number, top: number): void {
  const used = bottomOf(boxes, top) - top;
  const shift = middle === 0 ? 0 : Math.max(0, Math.floor(middle - top - used / 2));
  for (const box of boxes) box.y += shift;
}

/// What the charts draw, gathered while rows come in: a fixed number of time bins per run,
/// so that drawing never costs more than the pixels are worth.

import type { Started } from "../protocol/messages.ts";
import { Kind, type Rows } from "../protocol/rows.ts";
import type { Packets } from "./packets.ts";

export const BINS = 600;
const WAITS_MAX = 200_000;

export type MarkKind = "drop" | "mark" | "link" | "fault" | "event" | "purge";

export class Series {
  readonly binNs: number;
  /// Largest wait in each bin, per flow, in ns; NaN where nothing left.
  readonly waitMax: Float64Array[];
  readonly waitSum: Float64Array[];
  readonly waitCount: Float64Array[];
  readonly receivedBytes: Float64Array[];
  readonly drops: Float64Array[];
  /// Largest number of packets held in each bin, per flow.
  readonly backlog: Float64Array[];
  readonly backlogAll = new Float64Array(BINS);
  /// How many of each kind fell into each bin.
  readonly marks: Record<MarkKind, Uint32Array>;
  /// Every wait of a flow in order of departure, for exact percentiles.
  readonly waits: { time: number[]; wait: number[] }[];
  lastBin = 0;
  private readonly held: Float64Array;
  private heldAll = 0;
  private readonly isHeld = new Set<number>();
  private readonly roots = new Set<number>();

  constructor(started: Started) {
    const flows = Math.max(1, started.flows.length);
    const columns = () => Array.from({ length: flows }, () => new Float64Array(BINS));
    this.binNs = Math.max(1, Math.ceil(started.duration_ns / BINS));
    this.waitMax = columns();
    for (const column of this.waitMax) column.fill(Number.NaN);
    this.waitSum = columns();
    this.waitCount = columns();
    this.receivedBytes = columns();
    this.drops = columns();
    this.backlog = columns();
    this.held = new Float64Array(flows);
    this.waits = Array.from({ length: flows }, () => ({ time: [], wait: [] }));
    const counts = () => new Uint32Array(BINS);
    this.marks = {
      drop: counts(),
      mark: counts(),
      link: counts(),
      fault: counts(),
      event: counts(),
      purge: counts(),
    };
    for (const place of started.places) {
      if (place.kind !== "qdisc") continue;
      const parent = started.places[place.parent];
      if (!parent || parent.kind === "device" || parent.kind === "txq") this.roots.add(place.index);
    }
  }

  bin(timeNs: number): number {
    return Math.min(BINS - 1, Math.floor(timeNs / this.binNs));
  }

  add(rows: Rows, packets: Packets, i: number): void {
    const kind = rows.kind(i);
    if (kind >= 32) return;
    const bin = this.bin(rows.time(i));
    this.fillTo(bin);
    const skb = rows.skb(i);
    switch (kind) {
      case Kind.arrive:
        this.hold(skb, rows.slot(i), bin);
        break;
      case Kind.dequeue:
        if (rows.code(i) === 0 && this.roots.has(rows.place(i))) {
          this.addWait(packets.flow(rows, skb), rows.time(i), rows.value(i), bin);
        }
        break;
      case Kind.txStart:
        this.release(skb, packets.flow(rows, skb), bin);
        break;
      case Kind.drop: {
        const flow = packets.flow(rows, skb);
        this.release(skb, flow, bin);
        bump(this.drops[flow], bin, 1);
        bump(this.marks.drop, bin, 1);
        break;
      }
      case Kind.purge:
        this.release(skb, packets.flow(rows, skb), bin);
        bump(this.marks.purge, bin, 1);
        break;
      case Kind.receive:
        bump(this.receivedBytes[packets.flow(rows, skb)], bin, rows.aux(i));
        break;
      case Kind.mark:
        bump(this.marks.mark, bin, 1);
        break;
      case Kind.link:
        bump(this.marks.link, bin, 1);
        break;
      case Kind.event:
        bump(this.marks.event, bin, 1);
        break;
      case Kind.fault:
        bump(this.marks.fault, bin, 1);
        break;
    }
  }

  private addWait(flow: number, timeNs: number, waitNs: number, bin: number): void {
    const max = this.waitMax[flow];
    const waits = this.waits[flow];
    if (!max || !waits) return;
    const before = max[bin] ?? Number.NaN;
    max[bin] = Number.isNaN(before) ? waitNs : Math.max(before, waitNs);
    bump(this.waitSum[flow], bin, waitNs);
    bump(this.waitCount[flow], bin, 1);
    if (waits.wait.length < WAITS_MAX) {
      waits.time.push(timeNs);
      waits.wait.push(waitNs);
    }
  }

  /// Bins in which nothing happened keep the backlog they began with.
  private fillTo(bin: number): void {
    while (this.lastBin < bin) {
      this.lastBin += 1;
      this.backlogAll[this.lastBin] = this.heldAll;
      for (let flow = 0; flow < this.backlog.length; flow++) {
        const column = this.backlog[flow];
        if (column) column[this.lastBin] = this.held[flow] ?? 0;
      }
    }
  }

  private hold(skb: number, flow: number, bin: number): void {
    if (this.isHeld.has(skb)) return;
    this.isHeld.add(skb);
    this.held[flow] = (this.held[flow] ?? 0) + 1;
    this.heldAll += 1;
    const column = this.backlog[flow];
    if (column) column[bin] = Math.max(column[bin] ?? 0, this.held[flow] ?? 0);
    this.backlogAll[bin] = Math.max(this.backlogAll[bin] ?? 0, this.heldAll);
  }

  private release(skb: number, flow: number, _bin: number): void {
    if (!this.isHeld.delete(skb)) return;
    this.held[flow] = (this.held[flow] ?? 0) - 1;
    this.heldAll -= 1;
  }
}

/// The value below which a share `q` of the sorted sample lies.
export function quantile(sorted: ArrayLike<number>, q: number): number {
  if (sorted.length === 0) return Number.NaN;
  return (
    sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))] ?? Number.NaN
  );
}

function bump(column: Float64Array | Uint32Array | undefined, bin: number, amount: number): void {
  if (column) column[bin] = (column[bin] ?? 0) + amount;
}

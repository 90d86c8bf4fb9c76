/// The whole state of the simulated machine after some number of rows: every skb in every map in
/// rank order, rings, wires, bins, counters, and the contents of hash maps, arrays, int queues and globals.
///
/// Lists hold row numbers of pushes: a push row says skb, rank, line and time at once.

import { Kind, type Rows } from "../protocol/rows.ts";
import type { Packets } from "./packets.ts";

export const SLOTS = 65_536;
const RECENT_LIMIT = 240;

/// Counters kept for each flow, in this order.
export const Counter = {
  arrived: 0,
  arrivedBytes: 1,
  received: 2,
  receivedBytes: 3,
  dropped: 4,
  purged: 5,
  marked: 6,
  stolen: 7,
} as const;
export const COUNTERS = 8;

export interface Bin {
  total: number;
  /// Rows of the latest removals, oldest first.
  recent: number[];
  /// Counts keyed by "place:code:aux".
  reasons: Map<string, number>;
}

/// Which static facts about places the replay needs.
export interface PlaceFacts {
  /// Program index of a place, or -1.
  program(place: number): number;
  /// Whether a Queue (true) or a Stack (false).
  isQueue(place: number): boolean;
  /// Number of fields of an entry, at least 1.
  fieldCount(place: number): number;
  /// Whether the map orders its packets by a comparator; "after" rows then tell their order.
  hasComparator(place: number): boolean;
  flowCount: number;
}

export class QueueState {
  rowCount = 0;
  lists = new Map<number, number[]>();
  rings = new Map<number, number[]>();
  sending = new Map<number, number>();
  wire: number[] = [];
  drops: Bin = { total: 0, recent: [], reasons: new Map() };
  purges: Bin = { total: 0, recent: [], reasons: new Map() };
  flows: Float64Array;
  cells = new Map<number, Map<number, number>>();
  bound = new Map<number, Map<number, number>>();
  ints = new Map<number, number[]>();
  flowRanks = new Map<number, number>();
  linksDown = new Set<number>();
  /// Packets received, by device.
  receivedAt = new Map<number, number>();
  throttles = new Map<number, number>();
  lineCounts = new Map<number, Uint32Array<ArrayBuffer>>();
  lastLine = { program: -1, line: 0, row: -1 };

  constructor(private readonly facts: PlaceFacts) {
    this.flows = new Float64Array(Math.max(1, facts.flowCount) * COUNTERS);
  }

  clone(): QueueState {
    const copy = new QueueState(this.facts);
    copy.rowCount = this.rowCount;
    copy.lists = new Map([...this.lists].map(([key, list]) => [key, list.slice()]));
    copy.rings = new Map([...this.rings].map(([key, list]) => [key, list.slice()]));
    copy.sending = new Map(this.sending);
    copy.wire = this.wire.slice();
    copy.drops = cloneBin(this.drops);
    copy.purges = cloneBin(this.purges);
    copy.flows = this.flows.slice();
    copy.cells = new Map([...this.cells].map(([key, cells]) => [key, new Map(cells)]));
    copy.bound = new Map([...this.bound].map(([key, entries]) => [key, new Map(entries)]));
    copy.ints = new Map([...this.ints].map(([key, list]) => [key, list.slice()]));
    copy.flowRanks = new Map(this.flowRanks);
    copy.linksDown = new Set(this.linksDown);
    copy.receivedAt = new Map(this.receivedAt);
    copy.throttles = new Map(this.throttles);
    copy.lineCounts = new Map([...this.lineCounts].map(([key, counts]) => [key, counts.slice()]));
    copy.lastLine = { ...this.lastLine };
    return copy;
  }

  /// A rough size in bytes, for the budget of checkpoints.
  sizeBytes(): number {
    let items = this.wire.length + this.flows.length + 600;
    for (const list of this.lists.values()) items += list.length;
    for (const list of this.rings.values()) items += list.length;
    for (const cells of this.cells.values()) items += cells.size * 5;
    for (const entries of this.bound.values()) items += entries.size * 5;
    for (const list of this.ints.values()) items += list.length;
    for (const counts of this.lineCounts.values()) items += counts.length / 2;
    return items * 8;
  }

  counter(flow: number, counter: number): number {
    return this.flows[flow * COUNTERS + counter] ?? 0;
  }

  /// Applies row `i`, which must be the next one.
  apply(rows: Rows, packets: Packets, i: number): void {
    this.rowCount = i + 1;
    const line = rows.line(i);
    if (line > 0) this.countLine(rows, this.facts.program(rows.place(i)), line, i);
    const kind = rows.kind(i);
    if (kind >= 32) this.applyStateRow(rows, kind, i);
    else this.applyPacketRow(rows, packets, kind, i);
  }

  private applyPacketRow(rows: Rows, packets: Packets, kind: number, i: number): void {
    const skb = rows.skb(i);
    const place = rows.place(i);
    switch (kind) {
      case Kind.arrive:
        this.count(rows.slot(i), Counter.arrived, 1);
        this.count(rows.slot(i), Counter.arrivedBytes, rows.aux(i));
        break;
      case Kind.push:
        this.insert(rows, place * SLOTS + rows.slot(i), i);
        break;
      case Kind.pop:
        this.removeFromList(rows, place * SLOTS + rows.slot(i), skb);
        break;
      case Kind.ring:
        listOf(this.rings, place).push(skb);
        break;
      case Kind.txStart:
        removeValue(this.rings.get(place), skb);
        this.sending.set(place, i);
        break;
      case Kind.txEnd:
        this.sending.delete(place);
        this.wire.push(skb);
        break;
      case Kind.receive:
        removeValue(this.wire, skb);
        this.receivedAt.set(place, (this.receivedAt.get(place) ?? 0) + 1);
        this.count(packets.flow(rows, skb), Counter.received, 1);
        this.count(packets.flow(rows, skb), Counter.receivedBytes, rows.aux(i));
        break;
      case Kind.drop:
        this.remove(rows, packets, i);
        this.count(packets.flow(rows, skb), Counter.dropped, 1);
        addToBin(this.drops, i, `${place}:${rows.code(i)}:${rows.aux(i)}`);
        break;
      case Kind.purge:
        this.remove(rows, packets, i);
        this.count(packets.flow(rows, skb), Counter.purged, 1);
        addToBin(this.purges, i, `${place}:0:0`);
        break;
      case Kind.mark:
        this.count(packets.flow(rows, skb), Counter.marked, 1);
        break;
      case Kind.stolen:
        this.count(packets.flow(rows, skb), Counter.stolen, 1);
        break;
      case Kind.throttle:
        this.throttles.set(place, i);
        break;
      case Kind.watchdog:
        this.throttles.delete(place);
        break;
      case Kind.link:
        if (rows.code(i) === 0) this.linksDown.add(place);
        else this.linksDown.delete(place);
        break;
      case Kind.setRank:
        this.flowRanks.set(place * SLOTS + rows.slot(i), i);
        break;
    }
  }

  private applyStateRow(rows: Rows, kind: number, i: number): void {
    const place = rows.place(i);
    if (kind === Kind.after) {
      this.placeAfter(rows, place * SLOTS + rows.slot(i), rows.skb(i), rows.value(i));
    } else if (kind === Kind.cell) {
      const cells = mapOf(this.cells, place);
      cells.set(rows.aux(i) * this.facts.fieldCount(place) + rows.slot(i), i);
    } else if (kind === Kind.bind) {
      const entries = mapOf(this.bound, place);
      if (rows.code(i) === 1) entries.set(rows.aux(i), i);
      else this.unbind(place, rows.aux(i));
    } else if (kind === Kind.ints) {
      const list = listOf(this.ints, place);
      if (rows.code(i) === 1) list.push(i);
      else if (this.facts.isQueue(place)) list.shift();
      else list.pop();
    }
  }

  private unbind(place: number, entry: number): void {
    this.bound.get(place)?.delete(entry);
    this.flowRanks.delete(place * SLOTS + entry);
    const cells = this.cells.get(place);
    if (!cells) return;
    const width = this.facts.fieldCount(place);
    for (let field = 0; field < width; field++) cells.delete(entry * width + field);
  }

  /// Rank order, ties first-in first-out: the new row goes after every row of smaller or equal rank.
  private insert(rows: Rows, key: number, row: number): void {
    const list = listOf(this.lists, key);
    let low = 0;
    let high = list.length;
    if (
      high > 0 &&
      (this.facts.hasComparator(rows.place(row)) || !ranksBelow(rows, row, list[high - 1]))
    ) {
      list.push(row);
      return;
    }
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ranksBelow(rows, row, list[middle])) high = middle;
      else low = middle + 1;
    }
    list.splice(low, 0, row);
  }

  /// Moves the packet pushed last, at the end of its list, behind the one a comparator put it after.
  private placeAfter(rows: Rows, key: number, skb: number, ahead: number): void {
    const list = listOf(this.lists, key);
    const row = list.pop();
    if (row === undefined) return;
    if (rows.skb(row) !== skb) {
      list.push(row);
      return;
    }
    list.splice(list.findIndex((other) => rows.skb(other) === ahead) + 1, 0, row);
  }

  private removeFromList(rows: Rows, key: number, skb: number): boolean {
    const list = this.lists.get(key);
    if (!list) return false;
    const index = list.findIndex((row) => rows.skb(row) === skb);
    if (index < 0) return false;
    if (index === 0) list.shift();
    else list.splice(index, 1);
    return true;
  }

  /// Takes an skb out of wherever it waits, following its life up to row `i`.
  private remove(rows: Rows, packets: Packets, i: number): void {
    const skb = rows.skb(i);
    let key = -1;
    let ring = -1;
    for (let row = packets.arrival(skb); row >= 0 && row < i; row = packets.next(row)) {
      const kind = rows.kind(row);
      if (kind === Kind.push) key = rows.place(row) * SLOTS + rows.slot(row);
      else if (kind === Kind.pop) key = -1;
      else if (kind === Kind.ring || kind === Kind.txStart) ring = rows.place(row);
    }
    if (key >= 0) this.removeFromList(rows, key, skb);
    if (ring >= 0) {
      removeValue(this.rings.get(ring), skb);
      const sending = this.sending.get(ring);
      if (sending !== undefined && rows.skb(sending) === skb) this.sending.delete(ring);
      removeValue(this.wire, skb);
    }
  }

  private count(flow: number, counter: number, amount: number): void {
    const index = flow * COUNTERS + counter;
    if (index < this.flows.length) this.flows[index] = (this.flows[index] ?? 0) + amount;
  }

  /// Counts a line once for all the rows that one pass through it wrote for one skb.
  private countLine(rows: Rows, program: number, line: number, row: number): void {
    if (program < 0) return;
    const { lastLine } = this;
    const again =
      lastLine.program === program &&
      lastLine.line === line &&
      rows.skb(lastLine.row) === rows.skb(row) &&
      rows.time(lastLine.row) === rows.time(row);
    lastLine.row = row;
    if (again) return;
    let counts = this.lineCounts.get(program);
    if (!counts || line >= counts.length) {
      const larger = new Uint32Array(Math.max(256, line + 64));
      if (counts) larger.set(counts);
      counts = larger;
      this.lineCounts.set(program, counts);
    }
    counts[line] = (counts[line] ?? 0) + 1;
    lastLine.program = program;
    lastLine.line = line;
  }
}

/// Whether row `a` has a smaller rank than row `b`, exact in 64 bits.
function ranksBelow(rows: Rows, a: number, b: number | undefined): boolean {
  if (b === undefined) return false;
  const high = rows.valueHigh(a) - rows.valueHigh(b);
  return high !== 0 ? high < 0 : rows.valueLow(a) < rows.valueLow(b);
}

function cloneBin(bin: Bin): Bin {
  return { total: bin.total, recent: bin.recent.slice(), reasons: new Map(bin.reasons) };
}

function addToBin(bin: Bin, row: number, key: string): void {
  bin.total += 1;
  bin.recent.push(row);
  if (bin.recent.length > RECENT_LIMIT) bin.recent.splice(0, RECENT_LIMIT / 2);
  bin.reasons.set(key, (bin.reasons.get(key) ?? 0) + 1);
}

function listOf(lists: Map<number, number[]>, key: number): number[] {
  let list = lists.get(key);
  if (!list) {
    list = [];
    lists.set(key, list);
  }
  return list;
}

function mapOf(maps: Map<number, Map<number, number>>, key: number): Map<number, number> {
  let map = maps.get(key);
  if (!map) {
    map = new Map();
    maps.set(key, map);
  }
  return map;
}

function removeValue(list: number[] | undefined, value: number): void {
  if (!list) return;
  const index = list.indexOf(value);
  if (index === 0) list.shift();
  else if (index > 0) list.splice(index, 1);
}

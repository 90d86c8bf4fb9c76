/// One run as the page holds it: what `started` said, every row so far, and the state at any row.

import type { Finished, LogEntry, Started } from "../protocol/messages.ts";
import { Rows } from "../protocol/rows.ts";
import { Packets } from "./packets.ts";
import { type PlaceFacts, QueueState } from "./queues.ts";
import { Series } from "./series.ts";

const STRIDE_ROWS = 4096;
const CHECKPOINTS_BYTES_MAX = 64 * 1024 * 1024;

export class Trace {
  readonly rows = new Rows();
  packets = new Packets();
  series: Series;
  readonly log: LogEntry[] = [];
  finished: Finished | null = null;
  readonly programNames: string[];
  private readonly facts: PlaceFacts;
  private checkpoints = new Map<number, QueueState>();
  private checkpointBytes = 0;
  /// Rows between two checkpoints; doubles when they outgrow their budget.
  strideRows = STRIDE_ROWS;
  private head: QueueState;
  private current: QueueState;

  constructor(readonly started: Started) {
    this.programNames = Object.keys(started.programs);
    this.facts = placeFacts(started, this.programNames);
    this.series = new Series(started);
    this.head = new QueueState(this.facts);
    this.current = new QueueState(this.facts);
  }

  /// Appends whole rows and keeps indexes, series and checkpoints up to date.
  append(bytes: Uint8Array): void {
    const from = this.rows.length;
    this.rows.append(bytes);
    this.index(from);
  }

  private index(from: number): void {
    for (let i = from; i < this.rows.length; i++) {
      if (i % this.strideRows === 0) this.checkpoint(i);
      this.packets.add(this.rows, i);
      this.head.apply(this.rows, this.packets, i);
      this.series.add(this.rows, this.packets, i);
    }
  }

  /// Adds lines of the log; one whose number was there before replaces it.
  addLog(entries: readonly LogEntry[]): void {
    for (const entry of entries) {
      const at = this.log.findLastIndex((other) => other.index <= entry.index);
      if (this.log[at]?.index === entry.index) this.log[at] = entry;
      else this.log.splice(at + 1, 0, entry);
    }
  }

  private checkpoint(row: number): void {
    const copy = this.head.clone();
    this.checkpoints.set(row, copy);
    this.checkpointBytes += copy.sizeBytes();
    if (this.checkpointBytes <= CHECKPOINTS_BYTES_MAX) return;
    this.strideRows *= 2;
    for (const key of [...this.checkpoints.keys()]) {
      if (key % this.strideRows !== 0) this.checkpoints.delete(key);
    }
    this.checkpointBytes = [...this.checkpoints.values()].reduce((n, s) => n + s.sizeBytes(), 0);
  }

  /// Forgets every row from `row` on, because the run was recomputed from there.
  rewind(row: number): void {
    this.rows.truncate(row);
    this.finished = null;
    this.packets = new Packets();
    this.series = new Series(this.started);
    this.checkpoints.clear();
    this.checkpointBytes = 0;
    this.head = new QueueState(this.facts);
    this.current = new QueueState(this.facts);
    while (this.log.length > 0 && (this.log.at(-1)?.time_ns ?? 0) > this.endNs) this.log.pop();
    this.index(0);
  }

  /// The state after the first `rowCount` rows; the result is valid until the next call.
  stateAt(rowCount: number): QueueState {
    const target = Math.max(0, Math.min(rowCount, this.rows.length));
    if (target === this.rows.length && this.current.rowCount !== target) {
      if (target < this.current.rowCount || target - this.current.rowCount > this.strideRows) {
        this.current = this.head.clone();
        return this.current;
      }
    }
    if (this.current.rowCount > target || target - this.current.rowCount > this.strideRows) {
      const key = Math.floor(target / this.strideRows) * this.strideRows;
      this.current = (this.checkpoints.get(key) ?? new QueueState(this.facts)).clone();
    }
    while (this.current.rowCount < target) {
      this.current.apply(this.rows, this.packets, this.current.rowCount);
    }
    return this.current;
  }

  /// Time of the last row, or 0.
  get endNs(): number {
    return this.rows.length === 0 ? 0 : this.rows.time(this.rows.length - 1);
  }

  place(index: number) {
    return this.started.places[index];
  }

  /// The program whose line numbers a place's rows carry.
  programOf(place: number): string | null {
    const program = this.facts.program(place);
    return program < 0 ? null : (this.programNames[program] ?? null);
  }
}

function placeFacts(started: Started, names: string[]): PlaceFacts {
  const places = started.places;
  const program = places.map((place) => names.indexOf(programName(started, place.index) ?? ""));
  const fields = places.map((place) =>
    Math.max(1, (place.kind === "instance" ? place.globals : place.fields)?.length ?? 1),
  );
  const queue = places.map((place) => place.map_kind !== "Stack");
  const comparator = places.map((place) => place.less === true);
  return {
    program: (place) => program[place] ?? -1,
    fieldCount: (place) => fields[place] ?? 1,
    isQueue: (place) => queue[place] ?? true,
    hasComparator: (place) => comparator[place] ?? false,
    flowCount: started.flows.length,
  };
}

function programName(started: Started, index: number): string | null {
  let place = started.places[index];
  for (let hops = 0; place && hops < 4; hops++) {
    if (place.program) return place.program;
    place = started.places[place.parent];
  }
  return null;
}

/// Map contents at a moment as tables: what user space would see, and who wrote it.

import type { Place } from "../protocol/messages.ts";
import { type QueueState, SLOTS } from "./queues.ts";
import type { Trace } from "./trace.ts";

export interface SkbRow {
  push: number;
  rank: string;
  skb: number;
  flow: number;
  len: number;
  at: number;
  priority: number;
  mark: number;
  line: number;
  slotName: string;
}

/// The first `limit` skbs of a map in rank order, inner maps one after another.
export function mapRows(
  trace: Trace,
  state: QueueState,
  place: number,
  slot: number,
  limit: number,
): { rows: SkbRow[]; total: number; inner: boolean } {
  const { rows, packets } = trace;
  const lists = [...state.lists]
    .filter(([key]) => Math.floor(key / SLOTS) === place && (slot < 0 || key % SLOTS === slot))
    .sort(([a], [b]) => a - b);
  const found: SkbRow[] = [];
  let total = 0;
  for (const [key, pushes] of lists) {
    total += pushes.length;
    for (const push of pushes.slice(0, Math.max(0, limit - found.length))) {
      const skb = rows.skb(push);
      const arrival = packets.arrival(skb);
      found.push({
        push,
        rank: rows.valueExact(push).toString(),
        skb,
        flow: packets.flow(rows, skb),
        len: packets.lenBytes(rows, skb),
        at: rows.time(push),
        priority: arrival < 0 ? 0 : rows.valueHigh(arrival),
        mark: arrival < 0 ? 0 : rows.valueLow(arrival),
        line: rows.line(push),
        slotName: keyOf(trace, state, place, key % SLOTS),
      });
    }
  }
  return { rows: found, total, inner: trace.place(place)?.map_kind !== "SkbMap" };
}

/// The key an inner map is bound to, or its slot when the map is an array.
function keyOf(trace: Trace, state: QueueState, place: number, slot: number): string {
  const bound = state.bound.get(place)?.get(slot);
  return bound === undefined ? String(slot) : trace.rows.valueExact(bound).toString();
}

export interface EntryRow {
  id: number;
  key: string;
  values: string[];
  /// The row of the latest write, or -1.
  row: number;
}

export interface Entries {
  fields: string[];
  keyTitle: string;
  rows: EntryRow[];
  total: number;
}

const ENTRIES_MAX = 500;

export function entriesOf(trace: Trace, state: QueueState, place: Place): Entries {
  if (place.map_kind === "Queue" || place.map_kind === "Stack") return intsOf(trace, state, place);
  const fields = place.fields?.length ? place.fields : ["value"];
  const cells = state.cells.get(place.index) ?? new Map<number, number>();
  const bound = state.bound.get(place.index);
  const ids = bound ? [...bound.keys()] : entryIds(cells, fields.length);
  const rows = ids.slice(0, ENTRIES_MAX).map((id) => {
    const writes = fields.map((_, field) => cells.get(id * fields.length + field) ?? -1);
    const key = bound?.get(id);
    return {
      id,
      key: key === undefined ? String(id) : trace.rows.valueExact(key).toString(),
      values: writes.map((row) => (row < 0 ? "0" : trace.rows.valueExact(row).toString())),
      row: Math.max(-1, ...writes, key ?? -1),
    };
  });
  const keyTitle = place.map_kind === "ArrayMap" ? "index" : "key";
  return { fields, keyTitle, rows, total: ids.length };
}

function entryIds(cells: Map<number, number>, width: number): number[] {
  return [...new Set([...cells.keys()].map((key) => Math.floor(key / width)))].sort(
    (a, b) => a - b,
  );
}

function intsOf(trace: Trace, state: QueueState, place: Place): Entries {
  const list = state.ints.get(place.index) ?? [];
  const ordered = place.map_kind === "Stack" ? [...list].reverse() : list;
  const rows = ordered.slice(0, ENTRIES_MAX).map((row, id) => ({
    id,
    key: String(id),
    values: [trace.rows.valueExact(row).toString()],
    row,
  }));
  return { fields: ["value"], keyTitle: "position", rows, total: list.length };
}

export function globalsOf(
  trace: Trace,
  state: QueueState,
  place: Place,
): { name: string; value: string; row: number }[] {
  const cells = state.cells.get(place.index);
  return (place.globals ?? []).map(({ name, initial }, field) => {
    const row = cells?.get(field) ?? -1;
    return { name, value: row < 0 ? String(initial) : trace.rows.valueExact(row).toString(), row };
  });
}

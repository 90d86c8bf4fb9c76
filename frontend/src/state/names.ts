/// How places are called on the page.

import type { Place, Started } from "../protocol/messages.ts";

/// Bounds from here on are there for the kernel's sake and tell a reader nothing.
const TELLING_CAPACITY = 100_000;

/// A shared program's own name, else the text it runs.
export function instanceTitle(instance: Place | undefined): string {
  if (!instance) return "";
  const program = (instance.program ?? "").replace(/\.qdisc\.py$/, "");
  return instance.name.includes(" ") && program ? program : instance.name;
}

/// Where a qdisc stands, as tc says it: the class it serves, else its own handle.
export function standing(started: Started, instance: Place | undefined): string {
  const qdisc = instance ? started.places[instance.qdisc] : undefined;
  if (!qdisc) return instanceTitle(instance);
  return qdisc.classid && qdisc.classid !== "root" ? qdisc.classid : (qdisc.handle ?? qdisc.name);
}

/// A map's name, with its place in the tree where several maps share it.
export function mapTitle(started: Started, place: Place): string {
  const namesakes = started.places.filter(
    (other) => other.kind === "map" && other.name === place.name,
  );
  if (namesakes.length < 2) return place.name;
  return `${place.name} of ${standing(started, started.places[place.parent])}`;
}

/// ` of 250`, or nothing where a bound is per inner map or beyond interest.
export function capacityText(place: Place | undefined): string {
  const capacity = place?.capacity ?? 0;
  const plain = place?.map_kind === "SkbMap";
  return plain && capacity > 0 && capacity < TELLING_CAPACITY
    ? ` of ${capacity.toLocaleString("en")}`
    : "";
}

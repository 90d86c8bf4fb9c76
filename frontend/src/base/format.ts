/// Numbers and times as the page prints them; integers in, text out.

const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export function formatCount(value: number): string {
  return plain.format(value);
}

/// A duration in the unit a reader would choose: `1.3 ms`, `112 ms`, `4.20 s`.
export function formatDuration(ns: number): string {
  if (!Number.isFinite(ns)) return "–";
  const size = Math.abs(ns);
  if (size < 1e3) return `${Math.round(ns)} ns`;
  if (size < 1e6) return `${threeDigits(ns / 1e3)} µs`;
  if (size < 1e9) return `${threeDigits(ns / 1e6)} ms`;
  return `${threeDigits(ns / 1e9)} s`;
}

/// A moment to one nanosecond: `1.204 331 512 s`.
export function formatMoment(ns: number): string {
  const seconds = Math.floor(ns / 1e9);
  const rest = String(Math.round(ns - seconds * 1e9)).padStart(9, "0");
  return `${seconds}.${rest.slice(0, 3)} ${rest.slice(3, 6)} ${rest.slice(6)}`;
}

/// A moment short enough for a table: `1.204 331 s`.
export function formatMomentShort(ns: number): string {
  return `${(ns / 1e9).toFixed(6)} s`;
}

/// A moment as a scenario writes it, exact: `1204331512ns`.
export function scenarioTime(ns: number): string {
  return `${Math.round(ns)}ns`;
}

export function formatBytes(bytes: number): string {
  if (bytes < 10_000) return `${plain.format(bytes)} B`;
  if (bytes < 1e7) return `${threeDigits(bytes / 1e3)} kB`;
  return `${threeDigits(bytes / 1e6)} MB`;
}

export function formatRate(bps: number): string {
  if (bps < 1e3) return `${Math.round(bps)} bit/s`;
  if (bps < 1e6) return `${threeDigits(bps / 1e3)} kbit/s`;
  if (bps < 1e9) return `${threeDigits(bps / 1e6)} Mbit/s`;
  return `${threeDigits(bps / 1e9)} Gbit/s`;
}

function threeDigits(value: number): string {
  const size = Math.abs(value);
  if (size >= 99.95) return value.toFixed(0);
  if (size >= 9.995) return value.toFixed(1);
  return value.toFixed(2);
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/// A number of a sweep's column in the unit that its name ends with.
export function formatColumn(column: string, value: number): string {
  if (column.endsWith("_ns")) return formatDuration(value);
  if (column.endsWith("_bps")) return formatRate(value);
  if (column.endsWith("_bytes")) return formatBytes(value);
  if (Number.isInteger(value)) return formatCount(value);
  return Math.abs(value) >= 1000 ? formatCount(value) : String(Number(value.toPrecision(4)));
}

/// A column's name without its unit: `flow.call.sojourn.p99`.
export function columnTitle(column: string): string {
  return column.replace(/_(ns|bps|bytes)$/, "");
}

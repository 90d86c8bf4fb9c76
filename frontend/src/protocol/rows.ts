/// Rows of a trace: 32 bytes each, kept as they came and read through typed views.
///
/// Keeping the bytes costs one copy a frame; the fields are read in place, so a million rows
/// are ready as soon as they arrive. Hosts are little-endian, as the rows are.

export const ROW_BYTES = 32;
export const HEADER_BYTES = 16;
const TWO_32 = 4_294_967_296;

export { RowKind as Kind } from "./generated.ts";

export class Rows {
  length = 0;
  private bytes = new Uint8Array(0);
  private u16 = new Uint16Array(0);
  private u32 = new Uint32Array(0);
  private i32 = new Int32Array(0);

  constructor(capacity = 4096) {
    this.grow(capacity);
  }

  private grow(capacity: number): void {
    const bytes = new Uint8Array(capacity * ROW_BYTES);
    bytes.set(this.bytes.subarray(0, this.length * ROW_BYTES));
    this.bytes = bytes;
    this.u16 = new Uint16Array(bytes.buffer);
    this.u32 = new Uint32Array(bytes.buffer);
    this.i32 = new Int32Array(bytes.buffer);
  }

  /// Appends whole rows; a ragged tail is refused because it would shift every later field.
  append(bytes: Uint8Array): void {
    if (bytes.length % ROW_BYTES !== 0) {
      throw new RangeError(`expected whole rows of ${ROW_BYTES} bytes, got ${bytes.length} bytes`);
    }
    const count = bytes.length / ROW_BYTES;
    const needed = this.length + count;
    if (needed * ROW_BYTES > this.bytes.length) {
      this.grow(Math.max(needed, Math.ceil((this.bytes.length / ROW_BYTES) * 1.6)));
    }
    this.bytes.set(bytes, this.length * ROW_BYTES);
    this.length = needed;
  }

  truncate(length: number): void {
    this.length = Math.min(this.length, length);
  }

  time(i: number): number {
    return (this.u32[i * 8] ?? 0) + (this.u32[i * 8 + 1] ?? 0) * TWO_32;
  }
  skb(i: number): number {
    return this.u32[i * 8 + 2] ?? 0;
  }
  kind(i: number): number {
    return this.bytes[i * ROW_BYTES + 12] ?? 0;
  }
  code(i: number): number {
    return this.bytes[i * ROW_BYTES + 13] ?? 0;
  }
  place(i: number): number {
    return this.u16[i * 16 + 7] ?? 0;
  }
  /// The value as a number: exact up to 2^53, near enough for drawing above.
  value(i: number): number {
    return (this.i32[i * 8 + 5] ?? 0) * TWO_32 + (this.u32[i * 8 + 4] ?? 0);
  }
  valueHigh(i: number): number {
    return this.i32[i * 8 + 5] ?? 0;
  }
  valueLow(i: number): number {
    return this.u32[i * 8 + 4] ?? 0;
  }
  /// The value, exact.
  valueExact(i: number): bigint {
    return BigInt(this.valueHigh(i)) * 4_294_967_296n + BigInt(this.valueLow(i));
  }
  line(i: number): number {
    return this.u16[i * 16 + 12] ?? 0;
  }
  slot(i: number): number {
    return this.u16[i * 16 + 13] ?? 0;
  }
  aux(i: number): number {
    return this.u32[i * 8 + 7] ?? 0;
  }

  /// The number of rows with time ≤ `timeNs`.
  countUntil(timeNs: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.time(middle) <= timeNs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /// The number of rows with time < `timeNs`.
  countBefore(timeNs: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.time(middle) < timeNs) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export interface FrameHeader {
  count: number;
  seq: number;
}

/// Reads and checks the 16-byte header of a binary frame.
export function readFrameHeader(buffer: ArrayBuffer): FrameHeader {
  if (buffer.byteLength < HEADER_BYTES) {
    throw new RangeError(`expected a frame of at least 16 bytes, got ${buffer.byteLength}`);
  }
  const view = new DataView(buffer);
  const version = view.getUint8(0);
  const kind = view.getUint8(1);
  if (version !== 1 || kind !== 1) {
    throw new RangeError(`expected a frame of version 1 and kind 1, got ${version} and ${kind}`);
  }
  const count = view.getUint32(4, true);
  const seq = Number(view.getBigUint64(8, true));
  if (buffer.byteLength !== HEADER_BYTES + count * ROW_BYTES) {
    throw new RangeError(`expected ${count} rows, got ${buffer.byteLength - HEADER_BYTES} bytes`);
  }
  return { count, seq };
}

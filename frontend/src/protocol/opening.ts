/// The recorded opening: rows as deflated byte planes, so that a run fits into one small file.

import type { Opening } from "./api.ts";
import { fetchJson } from "./api.ts";
import { ROW_BYTES } from "./rows.ts";

/// Turns byte planes of differences back into rows: time runs on from the row before, the other
/// fields from the latest row of the same kind and place.
export function rowsFromPlanes(planes: Uint8Array): Uint8Array {
  const count = planes.length / ROW_BYTES;
  const bytes = new Uint8Array(planes.length);
  for (let plane = 0; plane < ROW_BYTES; plane++) {
    for (let i = 0; i < count; i++) bytes[i * ROW_BYTES + plane] = planes[plane * count + i] ?? 0;
  }
  const u16 = new Uint16Array(bytes.buffer);
  const u32 = new Uint32Array(bytes.buffer);
  const u64 = new BigUint64Array(bytes.buffer);
  const latest = new Map<number, number>();
  for (let i = 0; i < count; i++) {
    if (i > 0) u64[i * 4] = (u64[i * 4] ?? 0n) + (u64[i * 4 - 4] ?? 0n);
    const key = (bytes[i * ROW_BYTES + 12] ?? 0) * 65_536 + (u16[i * 16 + 7] ?? 0);
    const old = latest.get(key);
    latest.set(key, i);
    if (old === undefined) continue;
    u32[i * 8 + 2] = (u32[i * 8 + 2] ?? 0) + (u32[old * 8 + 2] ?? 0);
    u64[i * 4 + 2] = (u64[i * 4 + 2] ?? 0n) + (u64[old * 4 + 2] ?? 0n);
    u16[i * 16 + 12] = (u16[i * 16 + 12] ?? 0) + (u16[old * 16 + 12] ?? 0);
    u16[i * 16 + 13] = (u16[i * 16 + 13] ?? 0) + (u16[old * 16 + 13] ?? 0);
    u32[i * 8 + 7] = (u32[i * 8 + 7] ?? 0) + (u32[old * 8 + 7] ?? 0);
  }
  return bytes;
}

export async function fetchOpening(): Promise<{ opening: Opening; rows: Uint8Array }> {
  const [json, binary] = await Promise.all([fetchJson("/opening.json"), fetch("/opening.bin")]);
  if (!binary.ok || !binary.body) throw new Error(`/opening.bin: ${binary.status}`);
  const planes = binary.body.pipeThrough(new DecompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(planes).arrayBuffer());
  return { opening: json as Opening, rows: rowsFromPlanes(bytes) };
}

/// Links that hold everything themselves: `#v1:` and the share as deflated JSON in base64url.

import { type Read, readShare, type Share } from "./shares.ts";

const MARK = /^#v(\d+):([A-Za-z0-9_-]+)$/;
/// Longer links break on their way; then only the stored link is offered.
export const FRAGMENT_CHARS_MAX = 8192;
/// A small link can inflate to much; no more than this is read.
const INFLATED_BYTES_MAX = 1024 * 1024;

/// The fragment of a share, or null when it would be too long. A picture is for the service only.
export async function toFragment(share: Share): Promise<string | null> {
  const { picture: _, ...rest } = share;
  const stream = new Blob([JSON.stringify(rest)])
    .stream()
    .pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  if (bytes.length > FRAGMENT_CHARS_MAX) return null;
  const base64 = btoa(String.fromCharCode(...bytes));
  const letters = base64.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  const fragment = `#v${share.version}:${letters}`;
  return fragment.length > FRAGMENT_CHARS_MAX ? null : fragment;
}

/// What a fragment holds; null when it is not such a link at all.
export async function fromFragment(fragment: string): Promise<Read | null> {
  const found = MARK.exec(fragment);
  if (!found) return null;
  try {
    const base64 = (found[2] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    return readShare(JSON.parse(await inflate(bytes)));
  } catch {
    const problem = "this link is damaged: its end may be missing";
    return { unreadable: { problem, texts: [] } };
  }
}

async function inflate(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const reader = stream.getReader();
  let text = "";
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    size += value.length;
    if (size > INFLATED_BYTES_MAX) throw new RangeError("too large");
    text += decoder.decode(value, { stream: true });
  }
}

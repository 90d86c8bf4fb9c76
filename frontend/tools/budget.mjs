/// Fails when the built page is heavier than its budget, in gzip bytes.

import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const FIRST_BYTES_MAX = 70_000;
const TOTAL_BYTES_MAX = 260_000;
const SWEEP_BYTES_MAX = 70_000;
const OPENING_BYTES_MAX = 150_000;
const dist = new URL("../dist/", import.meta.url);
const size = (path) => gzipSync(readFileSync(new URL(path, dist))).length;

const html = readFileSync(new URL("index.html", dist), "utf8");
const assets = readdirSync(new URL("assets/", dist)).map((name) => `assets/${name}`);
const sweep = readFileSync(new URL("sweep.html", dist), "utf8");
const first = assets.filter((path) => html.includes(path));
const second = assets.filter((path) => sweep.includes(path));
const own = assets.filter((path) => first.includes(path) || !second.includes(path));
const sum = (paths) => paths.reduce((total, path) => total + size(path), 0);
const rows = [
  ["before first motion", sum(["index.html", ...first]), FIRST_BYTES_MAX],
  ["whole page", sum(["index.html", ...own]), TOTAL_BYTES_MAX],
  ["sweep page", sum(["sweep.html", ...second]), SWEEP_BYTES_MAX],
  ["opening trace", sum(["opening.bin", "opening.json"]), OPENING_BYTES_MAX],
];
for (const [what, bytes, limit] of rows) {
  const verdict = bytes <= limit ? "ok" : "too heavy";
  process.stdout.write(`${what}: ${bytes} of ${limit} bytes gzip, ${verdict}\n`);
}
process.exitCode = rows.every(([, bytes, limit]) => bytes <= limit) ? 0 : 1;

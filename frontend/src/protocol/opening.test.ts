import { readFileSync } from "node:fs";
import { inflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { Opening } from "./api.ts";
import { rowsFromPlanes } from "./opening.ts";
import { Rows } from "./rows.ts";

const file = (name: string) => new URL(`../../public/${name}`, import.meta.url);

describe("the recorded opening", () => {
  const opening = JSON.parse(readFileSync(file("opening.json"), "utf8")) as Opening;
  const rows = new Rows();
  rows.append(rowsFromPlanes(new Uint8Array(inflateRawSync(readFileSync(file("opening.bin"))))));

  it("holds every row that its digest stands for", () => {
    expect(rows.length).toBe(opening.finished?.rows);
    expect(opening.finished?.outcome).toBe("ok");
  });

  it("has times that never fall and places that exist", () => {
    let before = 0;
    for (let i = 0; i < rows.length; i++) {
      const time = rows.time(i);
      if (time < before || rows.place(i) >= opening.started.places.length) {
        expect.fail(`row ${i} at ${time} after ${before}, place ${rows.place(i)}`);
      }
      before = time;
    }
    expect(before).toBeLessThanOrEqual(opening.started.duration_ns);
  });
});

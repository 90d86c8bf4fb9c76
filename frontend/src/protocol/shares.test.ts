import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { FRAGMENT_CHARS_MAX, fromFragment, toFragment } from "./fragment.ts";
import { readShare, type Share, shareIdOf } from "./shares.ts";

const share: Share = {
  version: 1,
  title: "Ünïcode 🚀",
  scenario: 'title = "x"\n',
  programs: { "mine.qdisc.py": "def enqueue(skb, ctx):\n    return DROP\n" },
  files: { "a.pcap": "AAAA" },
  params: { "1:.limit": 7, "2:.name": "x" },
  seed: 3,
  duration: "2s",
  view: { time_ns: 1_204_331_512, row: 41, selection: { kind: "skb", skb: 4711 }, tab: "" },
  picture: { curve: [], at: 0, boxes: [] },
  digest: "00ff",
  engine: "reference-2",
};

describe("addresses", () => {
  it("name a share only by 22 letters of base64url", () => {
    expect(shareIdOf("/s/ABCDEFGHIJKLMNOPQRS-_0")).toBe("ABCDEFGHIJKLMNOPQRS-_0");
    for (const path of ["/", "/s/", "/s/short", "/s/ABCDEFGHIJKLMNOPQRSTU/", "/x/s/a"]) {
      expect(shareIdOf(path)).toBeNull();
    }
  });
});

describe("fragments", () => {
  it("hold everything but the picture, byte for byte", async () => {
    const fragment = await toFragment(share);
    expect(fragment).toMatch(/^#v1:[A-Za-z0-9_-]+$/);
    expect(await fromFragment(fragment ?? "")).toEqual({ share });
  });

  it("are not offered when they would be longer than 8 kB", async () => {
    let noise = "";
    for (let i = 1; noise.length < 14_000; i++) noise += Math.sin(i).toString(36).slice(3);
    expect(await toFragment({ ...share, scenario: noise })).toBeNull();
    const long = await toFragment({ ...share, scenario: "a".repeat(200_000) });
    expect(long?.length).toBeLessThan(FRAGMENT_CHARS_MAX);
  });

  it("that are damaged, or inflate without end, say so; other fragments are none", async () => {
    const fragment = (await toFragment(share)) ?? "";
    const bomb = (await toFragment({ ...share, scenario: "a".repeat(2_000_000) })) ?? "";
    for (const bad of [fragment.slice(0, -9), "#v1:!", "#v1:AAAA", bomb]) {
      const read = await fromFragment(bad);
      if (bad === "#v1:!") expect(read).toBeNull();
      else expect(read).toMatchObject({ unreadable: { texts: [] } });
    }
    expect(await fromFragment("#editor")).toBeNull();
    expect(await fromFragment("")).toBeNull();
  });
});

describe("shares", () => {
  it("of an unknown version keep the texts that can be found", () => {
    const read = readShare({ version: 9, scenario: "s", programs: { "p.qdisc.py": "t", q: 5 } });
    expect(read).toEqual({
      unreadable: {
        problem: "this link has version 9, and this page reads version 1",
        texts: [
          { name: "scenario", text: "s" },
          { name: "p.qdisc.py", text: "t" },
        ],
      },
    });
  });

  it("of any shape are read without a fault", () => {
    for (const value of [null, 5, "x", [], {}, { version: 1 }, { version: 1, scenario: 5 }]) {
      expect(readShare(value)).toHaveProperty("unreadable");
    }
    const odd = {
      version: 1,
      scenario: "s",
      view: { time_ns: -1, row: 1.5, selection: 7 },
      params: [],
    };
    expect(readShare(odd)).toMatchObject({
      share: { view: { time_ns: 0, row: null, selection: { kind: "none" } }, params: {} },
    });
  });

  it("of every released version open", () => {
    const folder = new URL("../../../tests/backend/shares/v1/", import.meta.url);
    const names = readdirSync(folder);
    expect(names.length).toBeGreaterThan(2);
    for (const name of names) {
      const text = readFileSync(new URL(name, folder), "utf8");
      expect(readShare(JSON.parse(text))).toHaveProperty("share");
    }
  });
});

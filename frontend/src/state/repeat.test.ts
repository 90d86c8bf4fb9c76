import { describe, expect, it } from "vitest";
import type { BatchRequest } from "../protocol/batches.ts";
import { filesOf, pythonText, shellCommand } from "./repeat.ts";

const plain: BatchRequest = {
  scenario: 'title = "x"\n',
  programs: {},
  files: {},
  compare: {},
  params: {},
  latin: 0,
  latin_seed: 1,
  list: "",
  seeds: 5,
  seed: null,
  duration: null,
  metrics: [],
};

describe("a sweep from the shell", () => {
  it("has everything that the batch was asked for", () => {
    const request = {
      ...plain,
      compare: { pfifo: "", mine: "text" },
      params: { "eth0 1:.limit": "10,20" },
      latin: 9,
      latin_seed: 4,
      seed: 7,
      duration: "2s",
      metrics: ["total.drops"],
    };
    expect(shellCommand(request, "latency/bufferbloat")).toBe(
      "# needs mine.qdisc.py: the texts of this sweep\n" +
        "python -m sandbox sweep latency/bufferbloat --program pfifo --program mine.qdisc.py " +
        "--param 'eth0 1:.limit=10,20' --latin 9 --latin-seed 4 --seeds 5 --seed 7 --duration 2s " +
        "--metric total.drops",
    );
  });
  it("names the files that do not ship", () => {
    const request = { ...plain, programs: { "own.qdisc.py": "" }, list: "limit\n1\n", seeds: null };
    expect(filesOf(request, null)).toEqual(["SCENARIO.toml", "own.qdisc.py", "points.csv"]);
    expect(shellCommand(request, null)).toContain("sweep SCENARIO.toml --list points.csv");
  });
  it("keeps a quote within its word", () => {
    const request = { ...plain, params: { "it's": "1,2" } };
    expect(shellCommand(request, "a/b")).toContain(`--param 'it'\\''s=1,2'`);
  });
});

describe("a sweep from Python", () => {
  it("names what ships and holds what does not", () => {
    const request = { ...plain, params: { "1:.limit": "1,2" }, seed: 3 };
    const shipped = pythonText(request, "latency/codel", "http://localhost:8000");
    expect(shipped).toContain('"latency/codel",');
    expect(shipped).toContain('params={"1:.limit": "1,2"},');
    expect(shipped).not.toContain("programs=");
    const own = pythonText({ ...request, programs: { a: 'x = "1"\n' } }, null, "http://h");
    expect(own).toContain(JSON.stringify(request.scenario));
    expect(own).toContain('programs={"a": "x = \\"1\\"\\n"},');
  });
});

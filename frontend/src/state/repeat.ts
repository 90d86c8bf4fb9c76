/// How a sweep, or one of its runs, is done again elsewhere: from the shell, from Python, in the
/// playground. All of it is made of what the batch was asked for, never of the form beside it.

import type { BatchRequest, PointJob, Row } from "../protocol/batches.ts";
import { SHARE_VERSION, type Share } from "../protocol/shares.ts";

const FILE = "SCENARIO.toml";
const LIST = "points.csv";

/// The same sweep from the shell; `shipped` is the scenario's name where it ships with the project.
export function shellCommand(request: BatchRequest, shipped: string | null): string {
  const parts = ["python -m sandbox sweep", shipped ?? FILE];
  for (const [label, text] of Object.entries(request.compare)) {
    parts.push(`--program ${quoted(text === "" ? label : `${label}.qdisc.py`)}`);
  }
  for (const [path, text] of Object.entries(request.params ?? {})) {
    parts.push(`--param ${quoted(`${path}=${text}`)}`);
  }
  if (request.latin > 0) parts.push(`--latin ${request.latin} --latin-seed ${request.latin_seed}`);
  if (request.list.trim()) parts.push(`--list ${LIST}`);
  if (request.seeds !== null) parts.push(`--seeds ${request.seeds}`);
  if (request.seed !== null) parts.push(`--seed ${request.seed}`);
  if (request.duration) parts.push(`--duration ${quoted(request.duration)}`);
  for (const metric of request.metrics) parts.push(`--metric ${quoted(metric)}`);
  const files = filesOf(request, shipped);
  const needs = files.length > 0 ? `# needs ${files.join(", ")}: the texts of this sweep\n` : "";
  return needs + parts.join(" ");
}

/// The files that the command reads and that do not ship with the project.
export function filesOf(request: BatchRequest, shipped: string | null): string[] {
  const own = Object.entries(request.compare).filter(([, text]) => text !== "");
  return [
    ...(shipped === null
      ? [FILE, ...Object.keys(request.programs), ...Object.keys(request.files)]
      : []),
    ...own.map(([label]) => `${label}.qdisc.py`),
    ...(request.list.trim() ? [LIST] : []),
  ];
}

/// The same sweep from Python; a text that does not ship is in the code itself.
export function pythonText(request: BatchRequest, shipped: string | null, origin: string): string {
  const given: [string, string | null][] = [
    ["programs", shipped === null ? python(request.programs) : null],
    ["compare", python(request.compare)],
    ["params", request.params === null ? null : python(request.params)],
    ["latin", request.latin > 0 ? String(request.latin) : null],
    ["latin_seed", request.latin > 0 ? String(request.latin_seed) : null],
    ["points", request.list.trim() ? JSON.stringify(request.list) : null],
    ["seeds", request.seeds === null ? null : String(request.seeds)],
    ["seed", request.seed === null ? null : String(request.seed)],
    ["duration", request.duration ? JSON.stringify(request.duration) : null],
    ["metrics", request.metrics.length > 0 ? JSON.stringify(request.metrics) : null],
    ["files", shipped === null ? pythonFiles(request.files) : null],
  ];
  const options = given.filter(
    ([name, text]) => text !== null && (text !== "{}" || name === "params"),
  );
  return [
    ...(shipped === null && Object.keys(request.files).length > 0 ? ["import base64\n"] : []),
    "from qdisc_playground import Playground\n",
    `with Playground(${JSON.stringify(origin)}) as playground:`,
    "    batch = playground.sweep(",
    `        ${JSON.stringify(shipped ?? request.scenario)},`,
    ...options.map(([name, text]) => `        ${name}=${text},`),
    "    ).wait()",
    "    print(batch.frame())",
    "",
  ].join("\n");
}

/// One run of a batch as a link of the playground holds it.
export function shareOf(job: PointJob, row: Row, title: string): Share {
  return {
    version: SHARE_VERSION,
    title,
    ...job,
    view: { time_ns: 0, row: null, selection: { kind: "none" }, tab: "" },
    picture: { curve: [], at: 0, boxes: [] },
    digest: String(row.digest),
    engine: String(row.engine),
  };
}

/// Texts by name as Python writes them: JSON's strings are Python's too.
function python(texts: Record<string, string>): string {
  const items = Object.entries(texts).map(
    ([name, text]) => `${JSON.stringify(name)}: ${JSON.stringify(text)}`,
  );
  return `{${items.join(", ")}}`;
}

function pythonFiles(files: Record<string, string>): string {
  const items = Object.entries(files).map(
    ([name, base64]) => `${JSON.stringify(name)}: base64.b64decode(${JSON.stringify(base64)})`,
  );
  return `{${items.join(", ")}}`;
}

/// A word of the shell.
function quoted(word: string): string {
  return /^[\w.,:=+/@%-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

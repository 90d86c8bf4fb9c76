/// A sweep on its page: what the form asks, the plan the service makes of it, and the batch that runs.

import { fetchJson, type LibraryItem, type ScenarioItem } from "../protocol/api.ts";
import {
  act,
  BatchError,
  type BatchRequest,
  type BatchState,
  batchIdOf,
  type Curves,
  get,
  type Plan,
  type PlanParam,
  postBatch,
  postPlan,
  type Row,
  type Summary,
  watch,
} from "../protocol/batches.ts";
import { toFragment } from "../protocol/fragment.ts";
import type { Diagnostic } from "../protocol/generated.ts";
import { type Handover, handedOver } from "../protocol/handover.ts";
import { SHARE_VERSION } from "../protocol/shares.ts";
import { axisText, type Choice, firstChoice } from "./axes.ts";
import { Theme } from "./theme.svelte.ts";

const FIRST_SCENARIO = "latency/bufferbloat";
const PLAN_PAUSE_MS = 350;
const SUMMARY_PAUSE_MS = 1_000;

export class Sweep {
  readonly theme = new Theme();
  scenarios = $state.raw<ScenarioItem[]>([]);
  library = $state.raw<LibraryItem[]>([]);
  /// The texts that are swept; null until some are chosen.
  texts = $state.raw<Handover | null>(null);
  choices = $state<Record<string, Choice>>({});
  compare = $state<string[]>([]);
  seeds = $state(5);
  latin = $state(0);
  duration = $state("");
  plan = $state.raw<Plan | null>(null);
  planning = $state(false);
  problem = $state("");
  diagnostics = $state.raw<Diagnostic[]>([]);
  batch = $state.raw<BatchState | null>(null);
  away = $state(false);
  rows = $state.raw<Row[]>([]);
  summary = $state.raw<Summary | null>(null);
  curves = $state.raw<Curves[]>([]);
  notFound = $state(false);
  private asked = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private summaryTimer: ReturnType<typeof setTimeout> | undefined;
  private unwatch = () => {};

  get params(): PlanParam[] {
    return this.plan?.params ?? [];
  }

  get running(): boolean {
    return this.batch?.state === "queued" || this.batch?.state === "running";
  }

  /// Opens the batch of the address, else the texts of the playground, else a shipped scenario.
  async open(): Promise<void> {
    const id = batchIdOf(location.pathname);
    const lists = this.loadLists();
    if (id) return this.openBatch(id);
    const left = handedOver();
    if (left) {
      this.take(left);
      for (const [path, value] of Object.entries(left.params)) this.fix(path, String(value));
      return;
    }
    await lists;
    const first = this.scenarios.find((item) => item.name === FIRST_SCENARIO) ?? this.scenarios[0];
    if (first) this.choose(first);
  }

  private async loadLists(): Promise<void> {
    try {
      const [scenarios, library] = await Promise.all([
        fetchJson("/api/scenarios"),
        fetchJson("/api/library"),
      ]);
      this.scenarios = (scenarios as { scenarios: ScenarioItem[] }).scenarios;
      this.library = (library as { programs: LibraryItem[] }).programs;
    } catch {
      this.problem =
        "the service cannot be reached; the page tries again when you change something";
    }
  }

  choose(item: ScenarioItem): void {
    this.take({
      name: item.title,
      scenario: item.text,
      programs: item.programs ?? {},
      files: item.files ?? {},
      params: {},
      seed: null,
      duration: null,
    });
  }

  private take(texts: Handover): void {
    this.texts = texts;
    this.choices = {};
    this.compare = [];
    this.duration = texts.duration ?? "";
    this.leave();
    this.changed();
  }

  private fix(path: string, value: string): void {
    const empty = { mode: "fixed", values: "", low: "", high: "", steps: 5, log: false } as const;
    this.choices[path] = { ...empty, ...this.choices[path], fixed: value };
  }

  private leave(): void {
    this.unwatch();
    this.batch = null;
    this.rows = [];
    this.summary = null;
    this.curves = [];
    this.notFound = false;
    if (location.pathname !== "/sweep") history.replaceState(null, "", "/sweep");
  }

  choiceOf(param: PlanParam): Choice {
    return this.choices[param.path] ?? firstChoice(param);
  }

  setChoice(param: PlanParam, change: Partial<Choice>): void {
    const next = { ...this.choiceOf(param), ...change };
    // Without any axis the scenario's own would come back: what is fixed is said.
    if (change.mode === "fixed" && next.fixed === "") next.fixed = String(param.value);
    this.choices[param.path] = next;
    this.changed();
  }

  request(): BatchRequest {
    const texts = this.texts;
    const params: Record<string, string> = {};
    for (const [path, choice] of Object.entries(this.choices)) {
      const text = axisText(choice);
      if (text !== null) params[path] = text;
    }
    return {
      scenario: texts?.scenario ?? "",
      programs: texts?.programs ?? {},
      files: texts?.files ?? {},
      compare: Object.fromEntries(this.compare.map((name) => [name, ""])),
      params,
      latin: this.latin,
      seeds: this.seeds,
      seed: texts?.seed ?? null,
      duration: this.duration.trim() || null,
      metrics: [],
    };
  }

  /// Asks for a new plan once the visitor has paused.
  changed(): void {
    clearTimeout(this.timer);
    this.planning = true;
    this.timer = setTimeout(() => void this.ask(), PLAN_PAUSE_MS);
  }

  private async ask(): Promise<void> {
    const number = ++this.asked;
    try {
      const plan = await postPlan(this.request());
      if (number !== this.asked) return;
      this.plan = plan;
      if (Object.keys(this.choices).length === 0) this.showOwnAxes(plan);
      this.diagnostics = plan.diagnostics.filter((one) => one.severity === "error");
      this.problem = "";
    } catch (error) {
      if (number !== this.asked) return;
      this.tell(error);
    }
    this.planning = false;
  }

  /// Shows in the form what the scenario's own `[sweep]` says.
  private showOwnAxes(plan: Plan): void {
    for (const param of plan.params) {
      const own = plan.axes.find((axis) => axis.path === param.path);
      if (!own) continue;
      const values = own.values.join(",");
      this.choices[param.path] = { ...firstChoice(param), mode: "values", values };
    }
  }

  private tell(error: unknown): void {
    this.problem = error instanceof Error ? error.message : String(error);
    this.diagnostics = error instanceof BatchError ? error.diagnostics : [];
  }

  async run(): Promise<void> {
    try {
      const batch = await postBatch(this.request());
      this.leave();
      this.follow(batch);
      history.pushState(null, "", `/sweep/${batch.id}`);
    } catch (error) {
      this.tell(error);
    }
  }

  private async openBatch(id: string): Promise<void> {
    try {
      const request = (await get(`/api/batches/${id}/request`)) as BatchRequest;
      const batch = (await get(`/api/batches/${id}`)) as BatchState;
      this.texts = { ...request, name: batch.title, params: {} };
      this.compare = Object.keys(request.compare);
      this.seeds = request.seeds ?? 1;
      this.latin = request.latin;
      this.duration = request.duration ?? "";
      for (const [path, text] of Object.entries(request.params)) this.restore(path, text);
      this.changed();
      this.follow(batch);
    } catch (error) {
      this.notFound = error instanceof BatchError && error.slug === "no-such-batch";
      this.tell(error);
    }
  }

  /// Sets a parameter of the form to what a request says.
  private restore(path: string, text: string): void {
    const range = /^(.+)\.\.(.+?):(\d+)(log)?$/.exec(text);
    this.choices[path] = {
      mode: range ? "range" : text.includes(",") ? "values" : "fixed",
      fixed: text,
      values: range ? "" : text,
      low: range?.[1] ?? "",
      high: range?.[2] ?? "",
      steps: Number(range?.[3] ?? 5),
      log: range?.[4] === "log",
    };
  }

  private follow(batch: BatchState): void {
    this.batch = batch;
    this.unwatch();
    this.rows = [];
    const seen = new Set<string>();
    this.unwatch = watch(batch.id, {
      state: (state) => {
        this.batch = state;
        this.away = false;
      },
      rows: (rows) => {
        const fresh = rows.filter((row) => !seen.has(String(row.key)));
        for (const row of fresh) seen.add(String(row.key));
        this.rows = [...this.rows, ...fresh];
        this.summariseSoon();
      },
      end: () => void this.summarise(),
      away: () => {
        this.away = true;
      },
    });
  }

  private summariseSoon(): void {
    if (this.summaryTimer !== undefined) return;
    this.summaryTimer = setTimeout(() => {
      this.summaryTimer = undefined;
      void this.summarise();
    }, SUMMARY_PAUSE_MS);
  }

  /// The metrics that the rows have, the batch's own first.
  get metrics(): string[] {
    const first = this.rows.find((row) => row.outcome === "ok");
    const numbers = Object.entries(first ?? {})
      .filter(([name, value]) => name.includes(".") && typeof value === "number")
      .map(([name]) => name)
      .filter((name) => !name.startsWith("param."));
    return [...new Set([...(this.summary?.metrics ?? []), ...numbers])];
  }

  /// Metrics that were asked for beside the batch's own.
  wanted = $state.raw<string[]>([]);

  want(metric: string): void {
    if (this.summary?.metrics.includes(metric)) return;
    this.wanted = [...this.wanted, metric];
    void this.summarise();
  }

  private async summarise(): Promise<void> {
    const id = this.batch?.id;
    if (!id) return;
    const names = [...(this.batch?.metrics ?? []), ...this.wanted];
    const query = names.map((name) => `metric=${encodeURIComponent(name)}`).join("&");
    try {
      const summary = (await get(`/api/batches/${id}/summary.json?${query}`)) as Summary;
      const curves = (await get(`/api/batches/${id}/distributions.json`)) as { groups: Curves[] };
      if (this.batch?.id !== id) return;
      this.summary = summary;
      this.curves = curves.groups;
    } catch (error) {
      this.tell(error);
    }
  }

  async stop(): Promise<void> {
    if (this.batch) this.batch = await act(this.batch.id, "cancel");
  }

  async resume(): Promise<void> {
    if (!this.batch) return;
    try {
      this.follow(await act(this.batch.id, "resume"));
    } catch (error) {
      this.tell(error);
    }
  }

  /// The playground with exactly one point, as a link that holds everything; null when too long.
  async pointLink(row: Row): Promise<string | null> {
    const { texts } = this;
    if (!texts) return null;
    const params: Record<string, number | string> = {};
    for (const [name, value] of Object.entries(row)) {
      if (name.startsWith("param.")) params[name.slice("param.".length)] = value;
    }
    const programs = { ...texts.programs };
    const label = String(row.program);
    const text = this.library.find((item) => item.name === label)?.text;
    const main = Object.keys(programs)[0];
    if (label && text && main) programs[main] = text;
    const fragment = await toFragment({
      version: SHARE_VERSION,
      title: texts.name,
      scenario: texts.scenario,
      programs,
      files: texts.files,
      params,
      seed: Number(row.seed),
      duration: this.duration.trim() || null,
      view: { time_ns: 0, row: null, selection: { kind: "none" }, tab: "" },
      picture: { curve: [], at: 0, boxes: [] },
      digest: String(row.digest),
      engine: String(row.engine),
    });
    return fragment === null ? null : `/${fragment}`;
  }

  /// The same sweep from the shell.
  get command(): string {
    const parts = ["python -m sandbox sweep SCENARIO.toml"];
    for (const name of this.compare) parts.push(`--program ${name}`);
    for (const [path, text] of Object.entries(this.request().params)) {
      parts.push(`--param '${path}=${text}'`);
    }
    if (this.latin > 0) parts.push(`--latin ${this.latin}`);
    if (this.seeds > 1) parts.push(`--seeds ${this.seeds}`);
    if (this.duration.trim()) parts.push(`--duration ${this.duration.trim()}`);
    return parts.join(" ");
  }
}

/// A sweep on its page: the plan the service makes of the form, and the batch that runs.

import { fetchJson, type LibraryItem, type ScenarioItem } from "../protocol/api.ts";
import {
  act,
  BatchError,
  type BatchRequest,
  type BatchState,
  batchIdOf,
  type Curves,
  type Group,
  get,
  type Plan,
  type PlanParam,
  type PointJob,
  postBatch,
  postPlan,
  type Row,
  type Summary,
  watch,
  wordsOf,
} from "../protocol/batches.ts";
import { toFragment } from "../protocol/fragment.ts";
import type { Diagnostic } from "../protocol/generated.ts";
import { handedOver } from "../protocol/handover.ts";
import { postShare } from "../protocol/shares.ts";
import { Form } from "./form.svelte.ts";
import { pythonText, shareOf, shellCommand } from "./repeat.ts";
import { Theme } from "./theme.svelte.ts";

const FIRST_SCENARIO = "latency/bufferbloat";
const PLAN_PAUSE_MS = 350;
const SUMMARY_PAUSE_MS = 1_000;
/// A summary of many rows takes its time: so many times that pass before the next.
const SUMMARY_REST = 4;

export class Sweep {
  readonly theme = new Theme();
  readonly form = new Form();
  scenarios = $state.raw<ScenarioItem[]>([]);
  library = $state.raw<LibraryItem[]>([]);
  plan = $state.raw<Plan | null>(null);
  planning = $state(false);
  problem = $state("");
  diagnostics = $state.raw<Diagnostic[]>([]);
  batch = $state.raw<BatchState | null>(null);
  /// What the batch was made of; the form may say something else by now.
  asked = $state.raw<BatchRequest | null>(null);
  /// Why something that was asked of the batch was not done.
  trouble = $state("");
  away = $state(false);
  rows = $state.raw<Row[]>([]);
  summary = $state.raw<Summary | null>(null);
  curves = $state.raw<Curves[]>([]);
  /// The setting whose runs are listed; null for all.
  picked = $state.raw<Group | null>(null);
  notFound = $state(false);
  /// Metrics that were asked for beside the batch's own.
  wanted = $state.raw<string[]>([]);
  private number = 0;
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
      this.form.take(left);
      this.changed();
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
    const { title: name, text: scenario, programs = {}, files = {} } = item;
    this.form.take({ name, scenario, programs, files, params: {}, seed: null, duration: null });
    this.leave();
    this.changed();
  }

  private leave(): void {
    this.unwatch();
    this.batch = null;
    this.asked = null;
    this.trouble = "";
    this.rows = [];
    this.summary = null;
    this.curves = [];
    this.picked = null;
    this.wanted = [];
    this.notFound = false;
    if (location.pathname !== "/sweep") history.replaceState(null, "", "/sweep");
  }

  /// Asks for a new plan once the visitor has paused.
  changed(): void {
    clearTimeout(this.timer);
    this.planning = true;
    this.timer = setTimeout(() => void this.ask(), PLAN_PAUSE_MS);
  }

  private async ask(): Promise<void> {
    const number = ++this.number;
    try {
      if (this.scenarios.length === 0) await this.loadLists();
      const plan = await postPlan(this.form.request());
      if (number !== this.number) return;
      this.plan = plan;
      this.form.showOwnAxes(plan);
      this.diagnostics = plan.diagnostics.filter((one) => one.severity === "error");
      this.problem = "";
    } catch (error) {
      if (number !== this.number) return;
      this.tell(error);
    }
    this.planning = false;
  }

  /// What is wrong with the axis of a parameter, if anything.
  fieldProblem(param: PlanParam): string {
    const path = this.form.pathOf(param);
    return (path !== null && this.plan?.fields[path]) || "";
  }

  private tell(error: unknown): void {
    this.problem = wordsOf(error);
    this.diagnostics = error instanceof BatchError ? error.diagnostics : [];
  }

  async run(): Promise<void> {
    const request = this.form.request();
    try {
      const batch = await postBatch(request);
      this.leave();
      this.asked = request;
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
      this.asked = request;
      this.form.restore(request, batch.title);
      this.changed();
      this.follow(batch);
    } catch (error) {
      this.notFound = error instanceof BatchError && error.slug === "no-such-batch";
      this.tell(error);
    }
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
        this.summariseIn(SUMMARY_PAUSE_MS);
      },
      end: () => void this.summarise(),
      away: () => {
        this.away = true;
      },
    });
  }

  private summariseIn(pause_ms: number): void {
    if (this.summaryTimer !== undefined) return;
    this.summaryTimer = setTimeout(async () => {
      const [before_ms, count] = [performance.now(), this.rows.length];
      await this.summarise();
      this.summaryTimer = undefined;
      const rest_ms = SUMMARY_REST * (performance.now() - before_ms);
      if (this.rows.length > count) this.summariseIn(Math.max(SUMMARY_PAUSE_MS, rest_ms));
    }, pause_ms);
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
      this.trouble = wordsOf(error);
    }
  }

  async stop(): Promise<void> {
    await this.attempt(async (id) => {
      this.batch = await act(id, "cancel");
    });
  }

  async resume(): Promise<void> {
    await this.attempt(async (id) => this.follow(await act(id, "resume")));
  }

  private async attempt(action: (id: string) => Promise<void>): Promise<void> {
    this.trouble = "";
    try {
      if (this.batch) await action(this.batch.id);
    } catch (error) {
      this.trouble = wordsOf(error);
    }
  }

  /// The playground with exactly one run: a link that holds everything, or one that is kept.
  async pointLink(row: Row): Promise<string> {
    const { batch } = this;
    const job = (await get(`/api/batches/${batch?.id}/points/${row.key}`)) as PointJob;
    const share = shareOf(job, row, batch?.title ?? "");
    const fragment = await toFragment(share);
    return fragment === null ? (await postShare(share)).url : `/${fragment}`;
  }

  /// The scenario's name where what is swept ships with the project as it is.
  private shippedName({ scenario, programs, files }: BatchRequest): string | null {
    const same = this.scenarios.find(
      (item) =>
        item.text === scenario &&
        sameTexts(item.programs ?? {}, programs) &&
        sameTexts(item.files ?? {}, files),
    );
    return same?.name ?? null;
  }

  /// The sweep that is shown, else the one that the form asks for, from the shell.
  get command(): string {
    const request = this.asked ?? this.form.request();
    return shellCommand(request, this.shippedName(request));
  }

  /// The same from Python.
  get python(): string {
    const request = this.asked ?? this.form.request();
    return pythonText(request, this.shippedName(request), location.origin);
  }
}

function sameTexts(a: Record<string, string>, b: Record<string, string>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

/// What the form of the sweep page asks for, and how a request is shown in it again.

import type { BatchRequest, Plan, PlanParam } from "../protocol/batches.ts";
import type { Handover } from "../protocol/handover.ts";
import { aliasesOf, axisText, type Choice, choiceOfText, firstChoice } from "./axes.ts";

/// How points are taken: every combination, a Latin hypercube, or those of a list.
export type Points = "grid" | "latin" | "list";

const SUFFIX = ".qdisc.py";
const LATIN_FIRST = 20;

export class Form {
  /// The texts that are swept; null until some are chosen.
  texts = $state.raw<Handover | null>(null);
  choices = $state<Record<string, Choice>>({});
  /// Programs to compare by label; an empty text is the library's program of that name.
  compare = $state<Record<string, string>>({});
  /// Texts that can be compared beside the library: the scenario's own and added ones.
  own = $state<Record<string, string>>({});
  points = $state<Points>("grid");
  latin = $state(LATIN_FIRST);
  latinSeed = $state(1);
  list = $state("");
  seeds = $state(5);
  firstSeed = $state("");
  duration = $state("");
  private metrics: string[] = [];
  /// Until the axes of the scenario's own `[sweep]` were shown, the service takes them.
  private ownAxes = true;

  /// Begins anew with other texts.
  take(texts: Handover): void {
    this.texts = texts;
    this.choices = {};
    this.compare = {};
    this.own = ownPrograms(texts.programs);
    this.points = "grid";
    this.list = "";
    this.metrics = [];
    this.ownAxes = true;
    this.firstSeed = texts.seed === null ? "" : String(texts.seed);
    this.duration = texts.duration ?? "";
    for (const [path, value] of Object.entries(texts.params)) {
      this.choices[path] = choiceOfText(String(value));
    }
  }

  /// Shows what a batch was made of.
  restore(request: BatchRequest, name: string): void {
    this.take({ ...request, name, params: {} });
    this.compare = request.compare;
    const given = Object.entries(request.compare).filter(([, text]) => text !== "");
    this.own = { ...this.own, ...Object.fromEntries(given) };
    this.points = request.list.trim() ? "list" : request.latin > 0 ? "latin" : "grid";
    this.latin = request.latin || LATIN_FIRST;
    this.latinSeed = request.latin_seed;
    this.list = request.list;
    this.seeds = request.seeds ?? 1;
    this.metrics = request.metrics;
    this.ownAxes = request.params === null;
    for (const [path, text] of Object.entries(request.params ?? {})) {
      this.choices[path] = choiceOfText(text);
    }
  }

  /// Shows the axes of the scenario's own `[sweep]`, unless some were chosen.
  showOwnAxes(plan: Plan): void {
    if (!this.ownAxes || !plan.ok) return;
    this.ownAxes = false;
    if (Object.keys(this.choices).length > 0 || this.points !== "grid") return;
    for (const param of plan.params) {
      const own = plan.axes.find((axis) => aliasesOf(param).includes(axis.path));
      if (!own) continue;
      const values = own.values.join(",");
      this.choices[param.path] = { ...firstChoice(param), mode: "values", values };
    }
  }

  choiceOf(param: PlanParam): Choice {
    const path = this.pathOf(param);
    return (path !== null && this.choices[path]) || firstChoice(param);
  }

  setChoice(param: PlanParam, change: Partial<Choice>): void {
    const next = { ...this.choiceOf(param), ...change };
    // A range that a text did not name has the ends that fit the parameter.
    if (next.low === "" && next.high === "") {
      const { low, high, log } = firstChoice(param);
      Object.assign(next, { low, high, log });
    }
    const known = this.pathOf(param);
    if (known !== null) delete this.choices[known];
    this.choices[param.path] = next;
  }

  /// The path under which a parameter was given, which may be a short one; null when it was not.
  pathOf(param: PlanParam): string | null {
    return aliasesOf(param).find((path) => path in this.choices) ?? null;
  }

  compares(label: string): boolean {
    return label in this.compare;
  }

  toggle(label: string): void {
    const { [label]: text, ...rest } = this.compare;
    this.compare = text === undefined ? { ...rest, [label]: this.own[label] ?? "" } : rest;
  }

  /// Adds a text of the reader's own and compares it.
  add(name: string, text: string): void {
    const label = name.trim().replace(SUFFIX, "") || "mine";
    this.own = { ...this.own, [label]: text };
    this.compare = { ...this.compare, [label]: text };
  }

  request(): BatchRequest {
    const { texts } = this;
    return {
      scenario: texts?.scenario ?? "",
      programs: texts?.programs ?? {},
      files: texts?.files ?? {},
      compare: { ...this.compare },
      params: this.params(),
      latin: this.points === "latin" ? this.latin : 0,
      latin_seed: this.latinSeed,
      list: this.points === "list" ? this.list : "",
      seeds: this.seeds,
      seed: /^\d+$/.test(this.firstSeed.trim()) ? Number(this.firstSeed) : null,
      duration: this.duration.trim() || null,
      metrics: this.metrics,
    };
  }

  private params(): Record<string, string> | null {
    const params: Record<string, string> = {};
    if (this.points === "list") return params;
    if (this.ownAxes && Object.keys(this.choices).length === 0) return null;
    for (const [path, choice] of Object.entries(this.choices)) {
      const text = axisText(choice, this.points === "latin");
      if (text !== null) params[path] = text;
    }
    return params;
  }
}

function ownPrograms(programs: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(programs).map(([name, text]) => [name.replace(SUFFIX, ""), text]),
  );
}

/// The texts a run is made of: scenario, programs, attached files, parameter settings.

import type { Diagnostic } from "../protocol/generated.ts";
import type { StartRequest } from "../protocol/messages.ts";

export const SCENARIO_TAB = "scenario";
const DRAFT_KEY = "qdisc-playground.draft";

export interface Bundle {
  name: string;
  scenario: string;
  programs: Record<string, string>;
  files: Record<string, string>;
}

export interface Draft extends Bundle {
  savedAt: number;
}

export class Documents {
  name = $state("");
  scenario = $state("");
  /// Programs that travel with the scenario; the library's own are not among them until edited.
  programs = $state<Record<string, string>>({});
  /// Texts of library programs the scenario uses, as the last run reported them.
  library = $state<Record<string, string>>({});
  files = $state<Record<string, string>>({});
  params = $state<Record<string, number | string>>({});
  /// Set by a share that asks for another seed or duration than its scenario's.
  seed = $state<number | null>(null);
  duration = $state<string | null>(null);
  tab = $state(SCENARIO_TAB);
  edited = $state(false);
  /// How many bundles were loaded; tells the undo history of one from that of the next.
  loaded = $state(0);
  /// Grows when a text was replaced from outside the editor.
  revision = $state(0);

  load(bundle: Bundle): void {
    this.loaded += 1;
    this.name = bundle.name;
    this.scenario = bundle.scenario;
    this.programs = { ...bundle.programs };
    this.files = { ...bundle.files };
    this.library = {};
    this.params = {};
    this.seed = null;
    this.duration = null;
    this.edited = false;
    this.tab = Object.keys(bundle.programs)[0] ?? SCENARIO_TAB;
    this.revision += 1;
  }

  /// Learns which texts the service used.
  adopt(used: Record<string, string>): void {
    const library: Record<string, string> = {};
    for (const [name, text] of Object.entries(used)) {
      if (!(name in this.programs)) library[name] = text;
    }
    this.library = library;
    if (this.tab === SCENARIO_TAB && !this.edited) {
      this.tab = this.tabs[0] ?? SCENARIO_TAB;
    }
    if (this.tab !== SCENARIO_TAB && !this.tabs.includes(this.tab)) {
      this.tab = this.tabs[0] ?? SCENARIO_TAB;
    }
  }

  get tabs(): string[] {
    return [...new Set([...Object.keys(this.programs), ...Object.keys(this.library)])];
  }

  /// The tab that shows the program the rows call `name`.
  tabOf(name: string | null): string | null {
    return name !== null && this.tabs.includes(name) ? name : null;
  }

  text(tab: string): string {
    if (tab === SCENARIO_TAB) return this.scenario;
    return this.programs[tab] ?? this.library[tab] ?? "";
  }

  /// Changes a text; a library program becomes the scenario's own at its first change.
  write(tab: string, text: string): void {
    if (this.text(tab) === text) return;
    this.edited = true;
    if (tab === SCENARIO_TAB) {
      this.scenario = text;
      return;
    }
    const { [tab]: _, ...rest } = this.library;
    this.library = rest;
    this.programs[tab] = text;
  }

  /// Adds a program beside the scenario; the scenario names it to use it.
  addProgram(name: string, text: string): void {
    this.programs[name] = text;
    this.tab = name;
    this.edited = true;
    this.revision += 1;
  }

  /// Drops settings of parameters that the edited texts no longer have; true when there were any.
  forgetParams(diagnostics: readonly Diagnostic[]): boolean {
    const before = Object.keys(this.params).length;
    for (const { slug, message } of diagnostics) {
      if (slug !== "unknown-parameter") continue;
      for (const path of Object.keys(this.params)) {
        if (message.includes(`"${path}"`)) delete this.params[path];
      }
    }
    return Object.keys(this.params).length < before;
  }

  request(): StartRequest {
    return {
      scenario: this.scenario,
      programs: { ...this.programs },
      files: { ...this.files },
      params: { ...this.params },
      seed: this.seed,
      duration: this.duration,
    };
  }

  saveDraft(): void {
    const draft: Draft = {
      name: this.name,
      scenario: this.scenario,
      programs: { ...this.programs },
      files: {},
      savedAt: Date.now(),
    };
    try {
      localStorage.setItem(DRAFT_KEY, JSON.stringify(draft));
    } catch {
      // A full or forbidden store loses only the convenience of a draft.
    }
  }

  static draft(): Draft | null {
    try {
      const text = localStorage.getItem(DRAFT_KEY);
      return text === null ? null : (JSON.parse(text) as Draft);
    } catch {
      return null;
    }
  }
}

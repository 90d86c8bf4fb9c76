/// Everything the page holds, made once.

import {
  fetchJson,
  type LibraryItem,
  type ScenarioItem,
  type Vocabulary,
} from "../protocol/api.ts";
import { fetchOpening } from "../protocol/opening.ts";
import { Documents, type Draft } from "./documents.svelte.ts";
import { Player } from "./player.svelte.ts";
import { defaultSpeed, Runner } from "./runner.svelte.ts";
import { Sharing } from "./sharing.svelte.ts";
import { Theme } from "./theme.svelte.ts";
import { Trace } from "./trace.ts";

export class Session {
  readonly theme = new Theme();
  readonly documents = new Documents();
  readonly player = new Player();
  readonly runner: Runner;
  readonly sharing: Sharing;
  scenarios = $state.raw<ScenarioItem[]>([]);
  library = $state.raw<LibraryItem[]>([]);
  vocabulary = $state.raw<Vocabulary | null>(null);
  notice = $state("");
  /// What an earlier visit left, until it is opened or dismissed.
  draft = $state.raw<Draft | null>(Documents.draft());
  /// A line the editor should show and glow; `at` tells repeated requests apart.
  revealLine = $state.raw<{ tab: string; line: number; at: number } | null>(null);

  constructor() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    this.runner = new Runner(this.documents, this.player, `${scheme}//${location.host}/api/run`);
    this.sharing = new Sharing(this.documents, this.player, this.runner);
    const motion = matchMedia("(prefers-reduced-motion: reduce)");
    this.player.reducedMotion = motion.matches;
    motion.addEventListener("change", () => {
      this.player.reducedMotion = motion.matches;
    });
  }

  /// Opens what the address names, or else plays the recorded opening at once; the live
  /// connection comes up beside it.
  async open(): Promise<void> {
    this.runner.onOpen = () => {
      if (this.scenarios.length === 0) void this.loadLists();
    };
    this.runner.connect();
    const tell = (problem: string) => {
      this.notice = problem;
    };
    window.addEventListener("hashchange", () => void this.sharing.openAddress(location, tell));
    if (await this.sharing.openAddress(location, tell)) return;
    try {
      const { opening, rows } = await fetchOpening();
      const trace = new Trace(opening.started);
      trace.append(rows);
      trace.addLog(opening.log);
      trace.finished = opening.finished;
      this.documents.load({
        name: opening.started.title,
        scenario: opening.scenario,
        programs: opening.programs,
        files: {},
      });
      this.documents.adopt(opening.started.programs);
      this.runner.showRecorded(trace);
      this.player.dispatch({ type: "speed", speed: defaultSpeed(trace) });
      this.player.dispatch({ type: "play" });
    } catch {
      this.notice = "the opening scenario could not be loaded; choose one from the list";
    }
  }

  private async loadLists(): Promise<void> {
    const [scenarios, library, helpers] = await Promise.allSettled([
      fetchJson("/api/scenarios"),
      fetchJson("/api/library"),
      fetchJson("/api/helpers"),
    ]);
    if (scenarios.status === "fulfilled") {
      this.scenarios = (scenarios.value as { scenarios: ScenarioItem[] }).scenarios;
    }
    if (library.status === "fulfilled") {
      this.library = (library.value as { programs: LibraryItem[] }).programs;
    }
    if (helpers.status === "fulfilled") this.vocabulary = helpers.value as Vocabulary;
  }

  openDraft(): void {
    const { draft } = this;
    this.draft = null;
    if (!draft) return;
    this.sharing.leave();
    this.documents.load(draft);
    this.documents.edited = true;
    this.player.restart();
    this.runner.chooseSpeed = true;
    this.runner.run();
  }

  openScenario(item: ScenarioItem): void {
    this.sharing.leave();
    this.documents.load({
      name: item.title,
      scenario: item.text,
      programs: item.programs ?? {},
      files: item.files ?? {},
    });
    this.player.restart();
    this.runner.chooseSpeed = true;
    this.runner.run();
  }
}

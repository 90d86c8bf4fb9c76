/// Share links: makes them of what is shown, opens them, and says whether a run is the shared one.

import { fromFragment, toFragment } from "../protocol/fragment.ts";
import type { StartRequest } from "../protocol/messages.ts";
import {
  fetchShare,
  postShare,
  type Read,
  SHARE_VERSION,
  type Share,
  shareIdOf,
  type Unreadable,
} from "../protocol/shares.ts";
import type { Documents } from "./documents.svelte.ts";
import { pictureOf } from "./picture.ts";
import type { Player } from "./player.svelte.ts";
import type { Runner } from "./runner.svelte.ts";

export type SharingPhase = "idle" | "posting" | "kept" | "failed";

export class Sharing {
  phase = $state<SharingPhase>("idle");
  dialogOpen = $state(false);
  /// The stored link, and the one that holds everything itself if it is short enough.
  url = $state("");
  fragmentUrl = $state("");
  expiresAt = $state.raw<Date | null>(null);
  copied = $state(false);
  problem = $state("");
  /// The share that the texts came from.
  opened = $state.raw<Share | null>(null);
  unreadable = $state.raw<Unreadable | null>(null);

  constructor(
    private readonly documents: Documents,
    private readonly player: Player,
    private readonly runner: Runner,
  ) {}

  /// Keeps what is shown under a link, copies the link and shows it.
  async share(): Promise<void> {
    if (this.phase === "posting" || !this.player.trace) return;
    this.player.dispatch({ type: "pause" });
    const share = this.current();
    this.phase = "posting";
    this.dialogOpen = true;
    this.problem = "";
    this.copied = false;
    this.fragmentUrl = "";
    const fragment = toFragment(share).catch(() => null);
    try {
      const { url, expires_s } = await postShare(share);
      this.url = url;
      this.expiresAt = expires_s === null ? null : new Date(expires_s * 1000);
      this.phase = "kept";
    } catch (error) {
      this.url = "";
      this.problem = error instanceof Error ? error.message : String(error);
      this.phase = "failed";
    }
    const found = await fragment;
    this.fragmentUrl = found === null ? "" : `${location.origin}/${found}`;
    if (this.url) await this.copy(this.url);
  }

  /// Puts a link on the clipboard; where a browser forbids it the link can be copied by hand.
  async copy(url: string): Promise<void> {
    try {
      await navigator.clipboard.writeText(url);
      this.copied = true;
    } catch {
      this.copied = false;
    }
  }

  /// The share of what is shown now. Texts of the library travel with it, as releases change them.
  private current(): Share {
    const { documents, player, runner } = this;
    const { trace } = player;
    const timeNs = Math.round(player.play.timeNs);
    const ended = trace?.finished && !runner.stale && runner.finished === trace.finished;
    return {
      version: SHARE_VERSION,
      title: [...(documents.name || trace?.started.title || "")].slice(0, 200).join(""),
      ...documents.request(),
      programs: { ...documents.library, ...documents.programs },
      view: {
        time_ns: timeNs,
        row: player.play.row,
        selection: player.selection,
        tab: documents.tab,
      },
      picture: trace ? pictureOf(trace, player.play.row, timeNs) : { curve: [], at: 0, boxes: [] },
      digest: ended ? (trace.finished?.digest ?? "") : "",
      engine: trace?.started.engine ?? "",
    };
  }

  /// Opens the share that an address names. True when the page is filled by it; otherwise
  /// `tell` may have heard why not.
  async openAddress(address: Location, tell: (problem: string) => void): Promise<boolean> {
    const id = shareIdOf(address.pathname);
    try {
      const read = id === null ? await fromFragment(address.hash) : await fetchShare(id);
      return read !== null && this.show(read);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      tell(`the link cannot be opened: ${why}`);
      return false;
    }
  }

  private show(read: Read): boolean {
    if ("unreadable" in read) {
      this.unreadable = read.unreadable;
      return false;
    }
    const { share } = read;
    this.opened = share;
    this.documents.load({
      name: share.title,
      scenario: share.scenario,
      programs: share.programs,
      files: share.files,
    });
    this.documents.params = { ...share.params };
    this.documents.seed = share.seed;
    this.documents.duration = share.duration;
    if (share.view.tab === "scenario" || share.view.tab in share.programs) {
      this.documents.tab = share.view.tab;
    }
    this.player.park(share.view.time_ns, share.view.row, share.view.selection);
    this.runner.chooseSpeed = true;
    this.runner.run();
    return true;
  }

  /// Forgets the opened share, because other texts are shown now; so does the address.
  leave(): void {
    if (!this.opened) return;
    this.opened = null;
    history.replaceState(null, "", "/");
  }

  /// Whether the finished run is the one that was shared; empty when there is nothing to say.
  get verdict(): string {
    const { opened, runner, player } = this;
    const { finished } = runner;
    if (!opened?.digest || !finished || runner.phase === "running" || runner.stale) return "";
    if (inputsText(this.documents.request()) !== inputsText(opened)) return "changed since shared";
    if (finished.outcome === "cancelled") return "";
    if (finished.digest === opened.digest) return "same as shared ✓";
    const engine = player.trace?.started.engine ?? "";
    return engine === opened.engine
      ? "differs from what was shared"
      : `differs from what was shared: engine ${opened.engine} → ${engine}`;
  }
}

/// The inputs of a run as one text, whatever the order of their keys.
function inputsText(inputs: StartRequest): string {
  const sorted = (map: Record<string, unknown>) =>
    Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1));
  const { scenario, programs, files, params, seed, duration } = inputs;
  return JSON.stringify([
    scenario,
    sorted(programs),
    sorted(files),
    sorted(params),
    seed,
    duration,
  ]);
}

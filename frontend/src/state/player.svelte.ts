/// The playhead over the shown trace: time, selection, and the one animation-frame loop of the page.

import { Kind } from "../protocol/rows.ts";
import { findRow, type Target } from "./find.ts";
import { atStart, type Playback, type PlaybackAction, reduce, type Until } from "./playback.ts";
import type { QueueState } from "./queues.ts";
import type { Trace } from "./trace.ts";

export type Selection =
  | { kind: "none" }
  | { kind: "skb"; skb: number }
  | { kind: "place"; place: number; slot: number }
  | { kind: "flow"; flow: number };

const VIEW_EVERY_MS = 110;
const REDUCED_STEP_MS = 250;
/// A frame after a timer may count a little less than the timer waited.
const TIMER_SLACK_MS = 20;

export class Player {
  trace = $state.raw<Trace | null>(null);
  play = $state.raw<Playback>(atStart);
  /// A copy of the playhead for texts, refreshed a few times a second while playing.
  view = $state.raw({ row: 0, timeNs: 0 });
  /// Grows whenever rows came, so that texts about the whole run know.
  rowCount = $state(0);
  selection = $state.raw<Selection>({ kind: "none" });
  canGoBack = $state(false);
  canGoForward = $state(false);
  untilFlow = $state(0);
  /// The row last jumped to on purpose, so that the editor can show its line.
  jumpedTo = $state.raw({ row: -1, times: 0 });
  reducedMotion = $state(false);
  private history: Selection[] = [{ kind: "none" }];
  private historyAt = 0;
  private readonly listeners = new Set<() => void>();
  private frame = 0;
  private stepTimer: ReturnType<typeof setTimeout> | undefined;
  private lastFrameMs = 0;
  private lastViewMs = 0;
  private stopRow = -1;
  private searchedTo = 0;
  /// A moment to stand at as soon as its rows are here; any move of the playhead forgets it.
  private parked: { timeNs: number; row: number | null; selection?: Selection } | null = null;

  /// Calls `listener` on every drawn frame; returns how to stop.
  onFrame(listener: () => void): () => void {
    this.listeners.add(listener);
    this.invalidate();
    return () => this.listeners.delete(listener);
  }

  /// Asks for one frame; while nothing plays and nothing changes the page sleeps.
  invalidate(): void {
    if (this.frame === 0) this.frame = requestAnimationFrame((now) => this.draw(now));
  }

  private draw(nowMs: number): void {
    this.frame = 0;
    if (this.play.playing) this.advance(nowMs);
    if (!this.play.playing || nowMs - this.lastViewMs > VIEW_EVERY_MS) this.refreshView(nowMs);
    for (const listener of this.listeners) listener();
    if (this.play.playing) this.awaitNext();
  }

  /// While playing: the next frame, or with reduced motion the next step; between steps the page sleeps.
  private awaitNext(): void {
    if (!this.reducedMotion) {
      this.invalidate();
      return;
    }
    clearTimeout(this.stepTimer);
    this.stepTimer = setTimeout(() => this.invalidate(), REDUCED_STEP_MS);
  }

  private advance(nowMs: number): void {
    if (this.lastFrameMs === 0) this.lastFrameMs = nowMs - 16;
    const elapsed = nowMs - this.lastFrameMs;
    if (this.reducedMotion && elapsed < REDUCED_STEP_MS - TIMER_SLACK_MS) return;
    this.lastFrameMs = nowMs;
    const trace = this.trace;
    if (!trace) return;
    this.searchStop(trace);
    const endNs = trace.finished ? Math.max(trace.finished.time_ns, trace.endNs) : trace.endNs;
    const wallMs = Math.min(elapsed, this.reducedMotion ? 400 : 120);
    this.dispatch({ type: "tick", wallMs, endNs, stopRow: this.stopRow });
    if (trace.finished && this.play.timeNs >= endNs) this.dispatch({ type: "pause" });
  }

  /// Looks for the row to stop at, only among rows not searched before.
  private searchStop(trace: Trace): void {
    if (this.play.until === "end") {
      this.stopRow = -1;
      return;
    }
    if (this.stopRow >= this.play.row || this.searchedTo >= trace.rows.length) return;
    const from = Math.max(this.searchedTo, this.play.row);
    this.stopRow = findRow(trace.rows, trace.packets, from, 1, this.target(this.play.until));
    this.searchedTo = trace.rows.length;
  }

  private target(until: Until): Target {
    const skb = this.selection.kind === "skb" ? this.selection.skb : 0;
    return { until, flow: this.untilFlow, skb };
  }

  private refreshView(nowMs: number): void {
    this.lastViewMs = nowMs;
    if (this.view.row !== this.play.row || this.view.timeNs !== this.play.timeNs) {
      this.view = { row: this.play.row, timeNs: this.play.timeNs };
    }
  }

  dispatch(action: PlaybackAction): void {
    if (!this.trace) return;
    if (action.type !== "speed" && action.type !== "until") this.parked = null;
    const before = this.play;
    this.play = reduce(before, action, this.trace.rows);
    if (action.type !== "tick") {
      this.stopRow = -1;
      this.searchedTo = this.play.row;
      if (!before.playing) this.lastFrameMs = 0;
    }
    this.invalidate();
  }

  /// Puts the playhead at the start, playing, for a run that is yet to come.
  restart(): void {
    this.parked = null;
    this.play = { ...this.play, timeNs: 0, row: 0, playing: true };
    this.history = [{ kind: "none" }];
    this.historyAt = 0;
    this.show({ kind: "none" });
    this.stopRow = -1;
    this.searchedTo = 0;
    this.invalidate();
  }

  /// Puts the playhead at a moment of a run that is yet to come, and keeps it there.
  park(timeNs: number, row: number | null, selection: Selection): void {
    this.restart();
    this.play = { ...this.play, timeNs, playing: false };
    this.parked = { timeNs, row, selection };
  }

  get isParked(): boolean {
    return this.parked !== null;
  }

  private settle(trace: Trace): void {
    if (!this.parked) return;
    const { timeNs, row, selection } = this.parked;
    const wanted: PlaybackAction =
      row === null ? { type: "seek", timeNs } : { type: "moment", timeNs, row };
    this.play = reduce(this.play, wanted, trace.rows);
    if (selection) this.select(selection);
    this.parked = { timeNs, row };
    this.invalidate();
  }

  toggle(): void {
    const trace = this.trace;
    if (!trace) return;
    if (!this.play.playing && trace.finished && this.play.timeNs >= trace.endNs) {
      this.dispatch({ type: "seek", timeNs: 0 });
    }
    this.dispatch({ type: this.play.playing ? "pause" : "play" });
  }

  /// Steps over rows that only describe map contents; those ride along with their event.
  step(by: 1 | -1): void {
    const trace = this.trace;
    if (!trace) return;
    this.dispatch({ type: "step", by });
    while (this.play.row > 0 && this.play.row < trace.rows.length) {
      const inner = by === 1 ? this.play.row : this.play.row - 1;
      if (trace.rows.kind(inner) < 32) break;
      this.dispatch({ type: "step", by });
    }
  }

  /// Jumps behind the next (or previous) row of a kind; false when there is none.
  jump(until: Until, direction: 1 | -1): boolean {
    const trace = this.trace;
    if (!trace) return false;
    const from = direction === 1 ? this.play.row : this.play.row - 2;
    const row = findRow(trace.rows, trace.packets, from, direction, this.target(until));
    if (row < 0) return false;
    this.goToRow(row);
    return true;
  }

  /// Parks right behind a row and selects its skb.
  goToRow(row: number): void {
    this.dispatch({ type: "pause" });
    this.dispatch({ type: "seek-row", row: row + 1 });
    this.jumpedTo = { row, times: this.jumpedTo.times + 1 };
    const skb = this.trace?.rows.skb(row) ?? 0;
    if (skb > 0) this.select({ kind: "skb", skb });
  }

  select(selection: Selection): void {
    if (JSON.stringify(selection) === JSON.stringify(this.selection)) return;
    this.history = [...this.history.slice(0, this.historyAt + 1), selection].slice(-50);
    this.historyAt = this.history.length - 1;
    this.show(selection);
  }

  travel(by: 1 | -1): void {
    const selection = this.history[this.historyAt + by];
    if (!selection) return;
    this.historyAt += by;
    this.show(selection);
  }

  private show(selection: Selection): void {
    this.selection = selection;
    this.canGoBack = this.historyAt > 0;
    this.canGoForward = this.historyAt < this.history.length - 1;
    this.invalidate();
  }

  /// The state of every queue at the playhead.
  state(): QueueState | null {
    return this.trace?.stateAt(this.play.row) ?? null;
  }

  /// Shows another trace; the playhead keeps its time.
  replace(trace: Trace): void {
    const sameRun = this.trace?.started.places.length === trace.started.places.length;
    const { parked } = this;
    this.trace = trace;
    this.rowCount = trace.rows.length;
    this.dispatch({ type: "seek", timeNs: Math.min(this.play.timeNs, trace.started.duration_ns) });
    if (!sameRun) {
      this.history = [{ kind: "none" }];
      this.historyAt = 0;
      this.show({ kind: "none" });
    }
    this.parked = parked;
    this.settle(trace);
  }

  /// Tells the player that its trace has grown or was rewound.
  grown(): void {
    const trace = this.trace;
    if (!trace) return;
    this.rowCount = trace.rows.length;
    if (this.parked) {
      this.settle(trace);
      return;
    }
    this.play = reduce(this.play, { type: "seek", timeNs: this.play.timeNs }, trace.rows);
    this.invalidate();
  }

  /// The row the playhead stands behind, skipping rows that only describe map contents; -1 at the start.
  get lastEventRow(): number {
    const trace = this.trace;
    if (!trace) return -1;
    let row = this.play.row - 1;
    while (row >= 0 && trace.rows.kind(row) >= Kind.cell) row -= 1;
    return row;
  }
}

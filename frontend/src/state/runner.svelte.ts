/// One run after another: sends texts, receives verdicts and rows, and swaps the shown trace
/// only when the new one has reached the playhead, so that the picture never blinks.

import { check } from "../protocol/api.ts";
import type { Diagnostic } from "../protocol/generated.ts";
import type { Finished, ServiceError, ServiceMessage } from "../protocol/messages.ts";
import { type Connection, RunSocket } from "../protocol/socket.ts";
import type { Documents } from "./documents.svelte.ts";
import { appendEvent } from "./events.ts";
import type { Player } from "./player.svelte.ts";
import { Trace } from "./trace.ts";

export type Phase = "idle" | "checking" | "running" | "finished" | "refused" | "failed" | "busy";

const TYPING_PAUSE_MS = 400;
const CHECK_PAUSE_MS = 120;

export class Runner {
  phase = $state<Phase>("idle");
  connection = $state<Connection>("connecting");
  diagnostics = $state.raw<Diagnostic[]>([]);
  finished = $state.raw<Finished | null>(null);
  error = $state.raw<ServiceError | null>(null);
  busy = $state.raw<{ position: number; seconds: number } | null>(null);
  computedNs = $state(0);
  /// Whether the texts differ from those of the shown run.
  stale = $state(false);
  /// Called whenever the connection has come up.
  onOpen: () => void = () => {};
  /// Whether the next trace should be played at a speed that suits its length.
  chooseSpeed = false;
  private readonly socket: RunSocket;
  private incoming: Trace | null = null;
  private resuming = false;
  private checkTimer: ReturnType<typeof setTimeout> | undefined;
  private asked = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly documents: Documents,
    private readonly player: Player,
    url: string,
  ) {
    this.socket = new RunSocket(url, {
      message: (message) => this.receive(message),
      rows: (bytes) => this.receiveRows(bytes),
      connection: (state) => this.connect(state),
    });
  }

  connect(state?: Connection): void {
    if (state === undefined) this.socket.connect();
    else {
      this.connection = state;
      if (state === "open") this.onOpen();
      if (state === "open" && this.stale) this.run();
      if (state === "open" && this.phase === "running") this.resuming = true;
    }
  }

  reconnect(): void {
    this.socket.reconnectNow();
  }

  /// Shows a finished run that came with the page.
  showRecorded(trace: Trace): void {
    this.finished = trace.finished;
    this.phase = trace.finished ? "finished" : "running";
    this.player.replace(trace);
  }

  /// Runs after a pause in typing; every further key starts the pause anew. The checker is asked
  /// earlier, so that its verdict does not wait for the run.
  runSoon(delayMs = TYPING_PAUSE_MS): void {
    this.stale = true;
    clearTimeout(this.timer);
    clearTimeout(this.checkTimer);
    this.asked += 1;
    if (delayMs > CHECK_PAUSE_MS) {
      const asked = this.asked;
      this.checkTimer = setTimeout(() => void this.check(asked), CHECK_PAUSE_MS);
    }
    this.timer = setTimeout(() => {
      this.documents.saveDraft();
      this.run();
    }, delayMs);
  }

  /// Shows the checker's verdict unless something newer was typed meanwhile.
  private async check(asked: number): Promise<void> {
    try {
      const verdict = await check(this.documents.request());
      if (asked !== this.asked) return;
      this.diagnostics = verdict.diagnostics;
      if (verdict.ok || this.documents.forgetParams(verdict.diagnostics)) return;
      clearTimeout(this.timer);
      this.documents.saveDraft();
      this.phase = "refused";
    } catch {
      // Without the checker the run itself brings the verdict.
    }
  }

  run(): void {
    clearTimeout(this.timer);
    if (!this.socket.isOpen) {
      this.stale = true;
      this.socket.reconnectNow();
      return;
    }
    this.stale = false;
    this.resuming = false;
    this.incoming = null;
    this.error = null;
    this.busy = null;
    this.phase = "checking";
    this.socket.start(this.documents.request());
  }

  stop(): void {
    this.socket.stop();
  }

  /// Appends an event to the scenario, just after the shown time so that what is shown stays as
  /// it is, and computes the future anew.
  addEvent(event: Record<string, string | number | boolean>): void {
    const at = `${Math.round(this.player.play.timeNs) + 1}ns`;
    this.documents.scenario = appendEvent(this.documents.scenario, { at, ...event });
    this.documents.edited = true;
    this.documents.revision += 1;
    this.documents.saveDraft();
    this.run();
  }

  private receive(message: ServiceMessage): void {
    switch (message.op) {
      case "diagnostics":
        this.diagnostics = message.diagnostics;
        if (message.ok) break;
        this.phase = "refused";
        if (this.documents.forgetParams(message.diagnostics)) this.runSoon(0);
        break;
      case "started":
        this.begin(message);
        break;
      case "rewound":
        (this.incoming ?? this.player.trace)?.rewind(message.row);
        this.player.grown();
        break;
      case "log":
        (this.incoming ?? this.player.trace)?.addLog(message.entries);
        break;
      case "progress":
        this.computedNs = message.time_ns;
        break;
      case "finished":
        this.finish(message);
        break;
      case "error":
        this.error = message.error;
        this.phase = "failed";
        this.incoming = null;
        break;
      case "busy":
        this.busy = { position: message.position, seconds: message.seconds };
        this.phase = "busy";
        break;
      default: {
        message satisfies never;
      }
    }
  }

  private begin(message: Extract<ServiceMessage, { op: "started" }>): void {
    this.phase = "running";
    this.busy = null;
    this.documents.adopt(message.programs);
    if (this.resuming && this.player.trace) {
      this.resuming = false;
      return;
    }
    this.finished = null;
    this.incoming = new Trace(message);
  }

  private receiveRows(bytes: Uint8Array): void {
    const trace = this.incoming ?? this.player.trace;
    if (!trace) return;
    trace.append(bytes);
    this.computedNs = trace.endNs;
    if (!this.incoming) this.player.grown();
    else if (trace.endNs >= this.player.play.timeNs) this.showIncoming();
  }

  private showIncoming(): void {
    if (!this.incoming) return;
    this.player.replace(this.incoming);
    if (this.chooseSpeed) {
      this.player.dispatch({ type: "speed", speed: defaultSpeed(this.incoming) });
      this.chooseSpeed = false;
    }
    this.incoming = null;
  }

  private finish(message: Extract<ServiceMessage, { op: "finished" }>): void {
    const trace = this.incoming ?? this.player.trace;
    if (trace && message.outcome !== "compile-error") {
      trace.finished = message;
      this.showIncoming();
      this.player.grown();
    }
    this.finished = message;
    const failed = message.outcome !== "ok" && message.outcome !== "cancelled";
    this.phase = failed ? "failed" : "finished";
    if (message.outcome === "compile-error") this.phase = "refused";
    if (failed && trace && this.player.play.timeNs > trace.endNs) {
      this.player.dispatch({ type: "seek", timeNs: trace.endNs });
    }
    if (message.fault && trace && !this.player.isParked)
      this.player.jump("fault", -1) || this.player.jump("fault", 1);
  }
}

/// A speed at which the whole run lasts about twenty seconds.
export function defaultSpeed(trace: Trace): number {
  const wanted = trace.started.duration_ns / 1e9 / 22;
  const speeds = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1];
  return speeds.reduce((best, speed) =>
    Math.abs(Math.log(speed / wanted)) < Math.abs(Math.log(best / wanted)) ? speed : best,
  );
}

/// What to tell about an outcome, in one sentence; empty for a clean end.
export function outcomeSentence(finished: Finished): string {
  switch (finished.outcome) {
    case "ok":
      return "";
    case "cancelled":
      return "stopped on request; what had been computed stays usable";
    case "runtime-error":
      return finished.fault?.message ?? "the program stopped with a fault";
    case "limit-output":
      return "the trace reached its limit of rows; the part that was kept stays usable";
    case "limit-fuel":
      return finished.fault?.message ?? "the program used up its steps; does a loop end?";
    case "limit-cpu":
    case "limit-wall":
      return "the run took too long and was stopped; shorten it or lower the rates";
    case "limit-memory":
      return "the sandbox was stopped (memory)";
    case "crashed":
      return "the sandbox was stopped (it ended without a result); run again";
    case "compile-error":
      return "the program has problems";
    default: {
      const never: never = finished.outcome;
      return never;
    }
  }
}

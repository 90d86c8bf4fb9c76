/// The WebSocket of a run: credit, superseding by id, reconnecting with back-off, resuming by row.

import type { EventTable, ServiceMessage, StartRequest } from "./messages.ts";
import { HEADER_BYTES, readFrameHeader } from "./rows.ts";

export type Connection = "connecting" | "open" | "lost";

export interface RunHandlers {
  message(message: ServiceMessage): void;
  rows(bytes: Uint8Array, seq: number): void;
  connection(state: Connection): void;
}

const CREDIT_ROWS = 65_536;
const BACKOFF_MS_MIN = 400;
const BACKOFF_MS_MAX = 10_000;

/// How long to wait before the `attempt`-th try to connect again, from 0.
export function backoffMs(attempt: number): number {
  return Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** attempt);
}

export class RunSocket {
  private socket: WebSocket | null = null;
  private id = 0;
  private request: StartRequest | null = null;
  private nextRow = 0;
  private owed = 0;
  private complete = true;
  private attempts = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private closed = false;

  constructor(
    private readonly url: string,
    private readonly handlers: RunHandlers,
    private readonly open: (url: string) => WebSocket = (address) => new WebSocket(address),
  ) {}

  connect(): void {
    this.handlers.connection("connecting");
    const socket = this.open(this.url);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onopen = () => {
      this.attempts = 0;
      if (this.request && !this.complete) this.sendStart(this.nextRow);
      this.handlers.connection("open");
    };
    socket.onmessage = (event: MessageEvent<ArrayBuffer | string>) => this.receive(event.data);
    socket.onclose = () => {
      if (this.closed || this.socket !== socket) return;
      this.handlers.connection("lost");
      this.timer = setTimeout(() => this.connect(), backoffMs(this.attempts++));
    };
  }

  /// Tries at once instead of waiting for the back-off to end.
  reconnectNow(): void {
    if (this.socket?.readyState === 0 || this.socket?.readyState === 1) return;
    clearTimeout(this.timer);
    this.connect();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.socket?.close();
  }

  /// Starts a run that supersedes the one before; replies to older ones are ignored from now on.
  start(request: StartRequest): number {
    this.id += 1;
    this.request = request;
    this.nextRow = 0;
    this.complete = false;
    this.sendStart(0);
    return this.id;
  }

  /// Appends a live event to the run on the service; false when there is none to append to.
  event(event: EventTable): boolean {
    if (!this.isOpen || !this.request) return false;
    this.complete = false;
    this.send({ op: "event", id: this.id, event });
    return true;
  }

  stop(): void {
    this.send({ op: "stop", id: this.id });
  }

  get isOpen(): boolean {
    return this.socket?.readyState === 1;
  }

  private sendStart(fromRow: number): void {
    this.owed = 0;
    this.send({
      op: "start",
      id: this.id,
      ...this.request,
      from_row: fromRow,
      credit: CREDIT_ROWS,
    });
  }

  private send(message: object): void {
    if (this.isOpen) this.socket?.send(JSON.stringify(message));
  }

  private receive(data: ArrayBuffer | string): void {
    if (typeof data === "string") {
      this.receiveMessage(JSON.parse(data) as ServiceMessage);
      return;
    }
    const { count, seq } = readFrameHeader(data);
    if (seq > this.nextRow) {
      this.socket?.close();
      return;
    }
    const skip = this.nextRow - seq;
    if (skip < count) {
      this.handlers.rows(new Uint8Array(data, HEADER_BYTES + skip * 32), this.nextRow);
      this.nextRow = seq + count;
    }
    this.repay(count);
  }

  private repay(count: number): void {
    this.owed += count;
    if (this.owed < CREDIT_ROWS / 4) return;
    this.send({ op: "credit", id: this.id, rows: this.owed });
    this.owed = 0;
  }

  private receiveMessage(message: ServiceMessage): void {
    if (message.id !== undefined && message.id !== this.id) return;
    if (message.op === "rewound") this.nextRow = Math.min(this.nextRow, message.row);
    if (message.op === "finished" || message.op === "error") this.complete = true;
    if (message.op === "diagnostics" && !message.ok) this.complete = true;
    this.handlers.message(message);
  }
}

import { beforeEach, describe, expect, it, vi } from "vitest";
import { encodeRows } from "../testing/simulate.ts";
import type { ServiceMessage, StartRequest } from "./messages.ts";
import { HEADER_BYTES } from "./rows.ts";
import { backoffMs, type Connection, RunSocket } from "./socket.ts";

/// A socket whose far end is the test.
class Wire {
  static last: Wire;
  readyState = 0;
  binaryType = "";
  sent: Record<string, unknown>[] = [];
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;

  constructor() {
    Wire.last = this;
  }
  accept(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }
  close(): void {
    this.readyState = 3;
    this.onclose?.();
  }
  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  frame(seq: number, count: number): void {
    const rows = encodeRows(Array.from({ length: count }, (_, i) => ({ time: seq + i, kind: 15 })));
    const bytes = new Uint8Array(HEADER_BYTES + rows.length);
    const view = new DataView(bytes.buffer);
    view.setUint8(0, 1);
    view.setUint8(1, 1);
    view.setUint32(4, count, true);
    view.setBigUint64(8, BigInt(seq), true);
    bytes.set(rows, HEADER_BYTES);
    this.onmessage?.({ data: bytes.buffer });
  }
}

const request: StartRequest = {
  scenario: "",
  programs: {},
  files: {},
  params: {},
  seed: null,
  duration: null,
};

describe("the socket of a run", () => {
  let messages: ServiceMessage[];
  let starts: number[];
  let states: Connection[];
  let socket: RunSocket;

  beforeEach(() => {
    vi.useFakeTimers();
    messages = [];
    starts = [];
    states = [];
    socket = new RunSocket(
      "ws://test/api/run",
      {
        message: (message) => messages.push(message),
        rows: (bytes, seq) => starts.push(seq, bytes.length / 32),
        connection: (state) => states.push(state),
      },
      () => new Wire() as unknown as WebSocket,
    );
    socket.connect();
    Wire.last.accept();
  });

  it("ignores late replies of a superseded run", () => {
    const first = socket.start(request);
    const second = socket.start(request);
    Wire.last.say({ op: "progress", id: first, time_ns: 1, rows: 1, packets: 1 });
    Wire.last.say({ op: "progress", id: second, time_ns: 2, rows: 2, packets: 1 });
    expect(messages.map((message) => message.id)).toEqual([second]);
  });

  it("gives credit back as rows are taken in", () => {
    socket.start(request);
    expect(Wire.last.sent[0]).toMatchObject({ op: "start", from_row: 0, credit: 65_536 });
    Wire.last.frame(0, 10_000);
    expect(Wire.last.sent).toHaveLength(1);
    Wire.last.frame(10_000, 10_000);
    expect(Wire.last.sent[1]).toMatchObject({ op: "credit", rows: 20_000 });
  });

  it("resumes from the next row after the connection was lost, and only then", () => {
    const id = socket.start(request);
    Wire.last.frame(0, 100);
    Wire.last.close();
    expect(states.at(-1)).toBe("lost");
    vi.advanceTimersByTime(backoffMs(0));
    Wire.last.accept();
    expect(Wire.last.sent[0]).toMatchObject({ op: "start", id, from_row: 100 });
    Wire.last.frame(60, 80);
    expect(starts).toEqual([0, 100, 100, 40]);
  });

  it("does not restart a finished run after a reconnect", () => {
    const id = socket.start(request);
    Wire.last.say({ op: "finished", id, outcome: "ok" });
    Wire.last.close();
    vi.advanceTimersByTime(backoffMs(0));
    Wire.last.accept();
    expect(Wire.last.sent).toEqual([]);
  });

  it("waits longer after every failure, up to ten seconds", () => {
    expect([0, 1, 2].map(backoffMs)).toEqual([400, 800, 1600]);
    expect(backoffMs(20)).toBe(10_000);
  });

  it("breaks off when a row is missing rather than draw a hole", () => {
    socket.start(request);
    Wire.last.frame(50, 10);
    expect(Wire.last.readyState).toBe(3);
    expect(starts).toEqual([]);
  });
});

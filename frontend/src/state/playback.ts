/// The playhead as a pure reducer: computing is instant and elsewhere, playing is only reading.

import type { Rows } from "../protocol/rows.ts";

export type Until = "end" | "drop" | "mark" | "fault" | "flow" | "skb";

export interface Playback {
  readonly playing: boolean;
  /// Shown time; between the last applied row and the next one.
  readonly timeNs: number;
  /// How many rows have happened at the playhead.
  readonly row: number;
  /// Simulated seconds per second.
  readonly speed: number;
  readonly until: Until;
}

export const SPEEDS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10] as const;

export type PlaybackAction =
  | { type: "play" }
  | { type: "pause" }
  | { type: "seek"; timeNs: number }
  | { type: "seek-row"; row: number }
  | { type: "moment"; timeNs: number; row: number }
  | { type: "step"; by: 1 | -1 }
  | { type: "speed"; speed: number }
  | { type: "until"; until: Until }
  | { type: "tick"; wallMs: number; endNs: number; stopRow: number };

export const atStart: Playback = { playing: false, timeNs: 0, row: 0, speed: 0.1, until: "end" };

/// The playhead after `action`. `endNs` of a tick is how far there are rows (or the end of the run),
/// `stopRow` the row to stop behind, or -1.
export function reduce(state: Playback, action: PlaybackAction, rows: Rows): Playback {
  switch (action.type) {
    case "play":
      return { ...state, playing: true };
    case "pause":
      return { ...state, playing: false };
    case "seek": {
      const timeNs = Math.max(0, action.timeNs);
      return { ...state, timeNs, row: rows.countUntil(timeNs) };
    }
    case "seek-row":
      return atRow(state, action.row, rows);
    case "moment":
      return atMoment(state, action, rows);
    case "step":
      return { ...atRow(state, state.row + action.by, rows), playing: false };
    case "speed":
      return { ...state, speed: action.speed };
    case "until":
      return { ...state, until: action.until };
    case "tick":
      return tick(state, action, rows);
    default: {
      const never: never = action;
      return never;
    }
  }
}

function atRow(state: Playback, row: number, rows: Rows): Playback {
  const clamped = Math.max(0, Math.min(row, rows.length));
  return { ...state, row: clamped, timeNs: clamped === 0 ? 0 : rows.time(clamped - 1) };
}

/// Several rows can share an instant, so a time alone does not say which of them have happened.
/// A row number that does not fit the time belongs to another run, and the time counts.
function atMoment(
  state: Playback,
  { timeNs, row }: { timeNs: number; row: number },
  rows: Rows,
): Playback {
  const fits = row >= rows.countBefore(timeNs) && row <= rows.countUntil(timeNs);
  return { ...state, timeNs, row: fits ? row : rows.countUntil(timeNs) };
}

function tick(
  state: Playback,
  action: { wallMs: number; endNs: number; stopRow: number },
  rows: Rows,
): Playback {
  if (!state.playing) return state;
  const wanted = state.timeNs + action.wallMs * 1e6 * state.speed;
  const timeNs = Math.min(wanted, Math.max(action.endNs, state.timeNs));
  const row = Math.max(state.row, rows.countUntil(timeNs));
  if (action.stopRow >= 0 && row > action.stopRow) {
    return { ...atRow(state, action.stopRow + 1, rows), playing: false };
  }
  return { ...state, timeNs, row };
}

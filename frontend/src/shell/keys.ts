/// The keys of the page. Single keys work only while the focus is outside text.

import type { Session } from "../state/session.svelte.ts";

export const KEYS: readonly { keys: string; what: string }[] = [
  { keys: "Ctrl+Enter", what: "run" },
  { keys: "Ctrl+S", what: "share this moment by a link" },
  { keys: "Space", what: "play or pause" },
  { keys: ". ,", what: "one event on, one event back" },
  { keys: "n p", what: "next, previous event of the inspected skb" },
  { keys: "] [", what: "next, previous drop" },
  { keys: "+ -", what: "faster, slower" },
  { keys: "Home", what: "to the start" },
  { keys: "h l", what: "back and forward through what was inspected" },
  { keys: "F8", what: "next problem (in the editor)" },
  { keys: "Esc", what: "leave the editor" },
  { keys: "?", what: "this list" },
];

const SPEED_STEPS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];

export function handleKey(event: KeyboardEvent, session: Session, actions: { help(): void }): void {
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
    event.preventDefault();
    session.runner.run();
    return;
  }
  if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "s") {
    event.preventDefault();
    void session.sharing.share();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (handlePlain(event, session, actions)) event.preventDefault();
}

function handlePlain(event: KeyboardEvent, session: Session, actions: { help(): void }): boolean {
  const { player } = session;
  switch (event.key) {
    case " ":
      if (isPressable(event.target)) return false;
      player.toggle();
      return true;
    case ".":
      player.step(1);
      return true;
    case ",":
      player.step(-1);
      return true;
    case "n":
      player.jump("skb", 1);
      return true;
    case "p":
      player.jump("skb", -1);
      return true;
    case "]":
      player.jump("drop", 1);
      return true;
    case "[":
      player.jump("drop", -1);
      return true;
    case "+":
    case "=":
      changeSpeed(session, 1);
      return true;
    case "-":
      changeSpeed(session, -1);
      return true;
    case "h":
      player.travel(-1);
      return true;
    case "l":
      player.travel(1);
      return true;
    case "Home":
      if (event.target instanceof HTMLInputElement) return false;
      player.dispatch({ type: "seek", timeNs: 0 });
      return true;
    case "?":
      actions.help();
      return true;
    default:
      return false;
  }
}

function changeSpeed(session: Session, by: 1 | -1): void {
  const at = SPEED_STEPS.indexOf(session.player.play.speed);
  const speed = SPEED_STEPS[at + by];
  if (speed) session.player.dispatch({ type: "speed", speed });
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.tagName === "TEXTAREA" || target.tagName === "SELECT")
    return true;
  return target instanceof HTMLInputElement && target.type !== "range";
}

function isPressable(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && ["BUTTON", "SUMMARY", "A"].includes(target.tagName);
}

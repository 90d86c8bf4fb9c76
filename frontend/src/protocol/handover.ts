/// What one page of the playground hands to the other, in the tab's own storage.

import type { StartRequest } from "./messages.ts";

const KEY = "qdisc-playground.sweep";

export interface Handover extends StartRequest {
  name: string;
}

/// Leaves the texts of a run for the sweep page; false when the browser keeps nothing.
export function handOver(texts: Handover): boolean {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(texts));
    return true;
  } catch {
    return false;
  }
}

/// The texts that the playground left, if any.
export function handedOver(): Handover | null {
  try {
    const text = sessionStorage.getItem(KEY);
    return text === null ? null : (JSON.parse(text) as Handover);
  } catch {
    return null;
  }
}

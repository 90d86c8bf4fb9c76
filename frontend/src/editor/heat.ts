/// How often each line ran, in the gutter, and which one ran last, as a glow.

import { type Range, RangeSet, StateEffect, StateField } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView, GutterMarker, gutter } from "@codemirror/view";

export interface Heat {
  /// Count per line, index = line number; null where the program never ran.
  counts: ArrayLike<number> | null;
  last: number;
  fault: number;
}

export const setHeat = StateEffect.define<Heat>();

const glow = Decoration.line({ class: "cm-ran" });
const fault = Decoration.line({ class: "cm-fault" });

class Count extends GutterMarker {
  constructor(
    readonly text: string,
    readonly warmth: number,
  ) {
    super();
  }
  override eq(other: Count): boolean {
    return other.text === this.text && other.warmth === this.warmth;
  }
  override toDOM(): HTMLElement {
    const made = document.createElement("span");
    made.className = `cm-count cm-warm-${this.warmth}`;
    made.textContent = this.text;
    return made;
  }
}

interface Shown {
  lines: DecorationSet;
  counts: RangeSet<GutterMarker>;
}

const field = StateField.define<Shown>({
  create: () => ({ lines: Decoration.none, counts: RangeSet.empty }),
  update(shown, transaction) {
    let next = transaction.docChanged
      ? {
          lines: shown.lines.map(transaction.changes),
          counts: shown.counts.map(transaction.changes),
        }
      : shown;
    for (const effect of transaction.effects) {
      if (effect.is(setHeat)) next = build(effect.value, transaction.state.doc);
    }
    return next;
  },
  provide: (self) => EditorView.decorations.from(self, (shown) => shown.lines),
});

function build(heat: Heat, doc: { lines: number; line(n: number): { from: number } }): Shown {
  const lines: Range<Decoration>[] = [];
  const counts: Range<GutterMarker>[] = [];
  let most = 1;
  for (let line = 1; heat.counts && line <= doc.lines; line++) {
    most = Math.max(most, heat.counts[line] ?? 0);
  }
  for (let line = 1; line <= doc.lines; line++) {
    const { from } = doc.line(line);
    if (line === heat.fault) lines.push(fault.range(from));
    else if (line === heat.last) lines.push(glow.range(from));
    const count = heat.counts?.[line] ?? 0;
    if (count > 0) {
      const warmth = Math.min(4, Math.ceil((Math.log1p(count) / Math.log1p(most)) * 4));
      counts.push(new Count(shortCount(count), warmth).range(from));
    }
  }
  return { lines: Decoration.set(lines), counts: RangeSet.of(counts) };
}

/// `999`, `1.2k`, `34k`, `1.2M`.
export function shortCount(count: number): string {
  if (count < 1000) return String(count);
  if (count < 1e6) return `${(count / 1e3).toFixed(count < 1e4 ? 1 : 0)}k`;
  return `${(count / 1e6).toFixed(count < 1e7 ? 1 : 0)}M`;
}

const counts = gutter({
  class: "cm-heat",
  markers: (view) => view.state.field(field).counts,
  initialSpacer: () => new Count("000k", 0),
});

const look = EditorView.theme({
  ".cm-ran": { backgroundColor: "var(--glow)" },
  ".cm-fault": { backgroundColor: "var(--bad-soft)", boxShadow: "inset 3px 0 var(--bad)" },
  ".cm-heat .cm-gutterElement": { textAlign: "end", paddingInline: "2px 6px", minWidth: "36px" },
  ".cm-count": { fontSize: "10.5px", color: "var(--ink-2)" },
  ".cm-warm-4": { color: "var(--accent)", fontWeight: "600" },
});

export const heatExtension = [field, counts, look];

/// The CodeMirror editor: Python for programs, TOML for scenarios, problems from the checker,
/// completions and hovers from the vocabulary, the line that ran last glowing.

import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import {
  bracketMatching,
  ensureSyntaxTree,
  foldable,
  foldEffect,
  foldGutter,
  foldKeymap,
  HighlightStyle,
  indentUnit,
  StreamLanguage,
  syntaxHighlighting,
} from "@codemirror/language";
import { toml } from "@codemirror/legacy-modes/mode/toml";
import { type Diagnostic as Lint, lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, type Extension, type Text } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  keymap,
  lineNumbers,
  placeholder,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import type { Vocabulary } from "../protocol/api.ts";
import type { Diagnostic, Fix } from "../protocol/generated.ts";
import { type Heat, heatExtension, setHeat } from "./heat.ts";
import { vocabularyExtensions } from "./vocabulary.ts";

export interface EditorOptions {
  changed(text: string): void;
  run(): void;
  /// Takes the focus on, at Escape.
  leave(): void;
  empty: string;
}

export interface Editor {
  show(key: string, text: string, language: "python" | "toml"): void;
  setText(text: string): void;
  setProblems(problems: readonly Diagnostic[]): void;
  setVocabulary(vocabulary: Vocabulary): void;
  setHeat(heat: Heat): void;
  reveal(line: number, focus?: boolean): void;
  applyFix(fix: Fix): void;
  destroy(): void;
}

const highlight = HighlightStyle.define([
  {
    tag: [tags.keyword, tags.controlKeyword, tags.definitionKeyword],
    color: "var(--code-keyword)",
  },
  { tag: [tags.string, tags.docString], color: "var(--code-string)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--code-number)" },
  { tag: tags.comment, color: "var(--code-comment)", fontStyle: "italic" },
  {
    tag: [tags.function(tags.definition(tags.variableName)), tags.heading],
    color: "var(--code-name)",
    fontWeight: "600",
  },
  { tag: [tags.propertyName, tags.atom], color: "var(--code-property)" },
]);

const look = EditorView.theme({
  "&": { height: "100%", fontSize: "13px", backgroundColor: "var(--surface)", color: "var(--ink)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55" },
  ".cm-content": { caretColor: "var(--ink)", paddingBlock: "8px" },
  ".cm-gutters": { backgroundColor: "var(--surface)", color: "var(--ink-2)", border: "none" },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--surface-2) 70%, transparent)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "var(--accent-soft) !important",
  },
  ".cm-tooltip": {
    backgroundColor: "var(--surface)",
    border: "1px solid var(--line-strong)",
    borderRadius: "7px",
    color: "var(--ink)",
    maxWidth: "46ch",
  },
  ".cm-tooltip-autocomplete ul li[aria-selected]": {
    backgroundColor: "var(--accent-soft)",
    color: "var(--ink)",
  },
  ".cm-doc": { padding: "8px 10px", fontSize: "13px", lineHeight: "1.4" },
  ".cm-doc code": { display: "block", marginBottom: "4px" },
  ".cm-panels": { backgroundColor: "var(--surface-2)", color: "var(--ink)" },
  ".cm-button": {
    backgroundImage: "none",
    backgroundColor: "var(--surface)",
    border: "1px solid var(--line)",
    borderRadius: "6px",
    color: "var(--ink)",
    minHeight: "26px",
  },
  ".cm-textfield": {
    backgroundColor: "var(--surface)",
    border: "1px solid var(--line)",
    borderRadius: "6px",
    color: "var(--ink)",
    minHeight: "26px",
  },
  ".cm-diagnosticAction": { backgroundColor: "var(--accent)", color: "var(--accent-ink)" },
  ".cm-placeholder": { color: "var(--ink-2)", whiteSpace: "pre" },
  ".cm-foldPlaceholder": {
    backgroundColor: "var(--surface-2)",
    border: "1px solid var(--line)",
    color: "var(--ink-2)",
    padding: "0 6px",
  },
  ".cm-foldGutter span": { color: "var(--ink-2)" },
});

export function mountEditor(el: HTMLElement, options: EditorOptions): Editor {
  const language = new Compartment();
  const words = new Compartment();
  const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";
  const states = new Map<string, EditorState>();
  let key = "";
  let quiet = false;

  const extensions = (kind: "python" | "toml"): Extension[] => [
    nonce && nonce !== "__NONCE__" ? EditorView.cspNonce.of(nonce) : [],
    EditorView.lineWrapping,
    lintGutter(),
    lineNumbers(),
    heatExtension,
    foldGutter(),
    history(),
    drawSelection(),
    EditorState.tabSize.of(4),
    indentUnit.of("    "),
    syntaxHighlighting(highlight),
    bracketMatching(),
    closeBrackets(),
    autocompletion({ icons: false }),
    highlightActiveLine(),
    highlightSelectionMatches(),
    placeholder(options.empty),
    look,
    EditorView.contentAttributes.of({
      "aria-label": kind === "python" ? "Program" : "Scenario",
      tabindex: "0",
    }),
    keymap.of([
      { key: "Mod-Enter", run: () => handled(options.run) },
      { key: "Tab", run: (view) => acceptEmpty(view, options.empty) },
      indentWithTab,
      ...closeBracketsKeymap,
      ...completionKeymap,
      ...lintKeymap,
      ...searchKeymap,
      ...foldKeymap,
      ...historyKeymap,
      { key: "Escape", run: () => handled(options.leave) },
      ...defaultKeymap,
    ]),
    language.of(kind === "python" ? python() : StreamLanguage.define(toml)),
    words.of(vocabulary && kind === "python" ? vocabularyExtensions(vocabulary) : []),
    EditorView.updateListener.of((update) => {
      if (update.docChanged && !quiet) options.changed(update.state.doc.toString());
    }),
  ];
  let vocabulary: Vocabulary | null = null;
  const view = new EditorView({
    parent: el,
    state: EditorState.create({ extensions: extensions("python") }),
  });

  function replace(text: string): void {
    if (view.state.doc.toString() === text) return;
    quiet = true;
    const cursor = Math.min(view.state.selection.main.head, text.length);
    view.dispatch({
      changes: { from: 0, to: view.state.doc.length, insert: text },
      selection: { anchor: cursor },
    });
    quiet = false;
  }

  return {
    show(next, text, kind) {
      if (key) states.set(key, view.state);
      const before = states.get(next);
      view.setState(before ?? EditorState.create({ doc: text, extensions: extensions(kind) }));
      key = next;
      replace(text);
      if (!before && kind === "python") foldDocstring(view);
    },
    setText: replace,
    setProblems(problems) {
      view.dispatch(
        setDiagnostics(
          view.state,
          problems.map((problem) => toLint(problem, view.state.doc)),
        ),
      );
    },
    setVocabulary(next) {
      vocabulary = next;
      view.dispatch({ effects: words.reconfigure(vocabularyExtensions(next)) });
      states.clear();
    },
    setHeat(heat) {
      view.dispatch({ effects: setHeat.of(heat) });
    },
    reveal(number, focus = false) {
      if (number < 1 || number > view.state.doc.lines) return;
      const { from } = view.state.doc.line(number);
      view.dispatch({
        ...(focus ? { selection: { anchor: from } } : {}),
        effects: EditorView.scrollIntoView(from, { y: "center" }),
      });
      if (focus) view.focus();
    },
    applyFix: (fix) => applyFix(view, fix),
    destroy: () => view.destroy(),
  };
}

/// Folds a long docstring to its title, so that the code is what one sees first.
function foldDocstring(view: EditorView): void {
  const { state } = view;
  ensureSyntaxTree(state, Math.min(state.doc.length, 4000), 40);
  const first = state.doc.line(1);
  const range = first.text.startsWith('"""') ? foldable(state, first.from, first.to) : null;
  if (!range || state.doc.lineAt(range.to).number < 4) return;
  view.dispatch({ effects: foldEffect.of(range) });
}

/// Does something and tells CodeMirror that the key has been dealt with.
function handled(action: () => void): true {
  action();
  return true;
}

/// Tab in an empty program accepts what the ghost text offers.
function acceptEmpty(view: EditorView, text: string): boolean {
  if (view.state.doc.length > 0) return false;
  view.dispatch({ changes: { from: 0, insert: text } });
  return true;
}

/// Line and column from 1, end exclusive, as offsets; line 0 means the first line.
function offset(doc: Text, line: number, column: number): number {
  const at = doc.line(Math.max(1, Math.min(line, doc.lines)));
  return Math.min(at.to, at.from + Math.max(0, column - 1));
}

function applyFix(view: EditorView, fix: Fix): void {
  const { doc } = view.state;
  view.dispatch({
    changes: {
      from: offset(doc, fix.line, fix.column),
      to: offset(doc, fix.end_line, fix.end_column),
      insert: fix.replacement,
    },
  });
}

function toLint(problem: Diagnostic, doc: Text): Lint {
  const from = offset(doc, problem.line, problem.column);
  const end = offset(
    doc,
    problem.end_line || problem.line,
    problem.end_column || problem.column + 1,
  );
  const to = end > from ? end : Math.min(doc.length, doc.lineAt(from).to);
  const { fix } = problem;
  return {
    from,
    to: Math.max(from, to),
    severity: problem.severity === "advice" ? "info" : problem.severity,
    message: problem.hint ? `${problem.message}; ${problem.hint}` : problem.message,
    source: problem.slug,
    ...(fix
      ? {
          actions: [
            {
              name: fix.title,
              apply: (view: EditorView) => applyFix(view, fix),
            },
          ],
        }
      : {}),
  };
}

/// Completions and hovers from the language's one table.

import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import { pythonLanguage } from "@codemirror/lang-python";
import type { Extension } from "@codemirror/state";
import { hoverTooltip } from "@codemirror/view";
import type { HelperItem, Vocabulary } from "../protocol/api.ts";

interface Word {
  label: string;
  signature: string;
  doc: string;
  /// What stands before the dot: "skb", "ctx", "" for a plain name, "map" for a method of any map.
  owner: string;
  type: string;
}

function words(vocabulary: Vocabulary): Word[] {
  const plain = (items: HelperItem[], type: string) =>
    items.map((item) =>
      word(item, item.name.includes(".") ? (item.name.split(".")[0] ?? "") : "", type),
    );
  const methods = new Map<string, Word>();
  for (const map of vocabulary.maps) {
    for (const method of map.methods) {
      if (!methods.has(method.name)) methods.set(method.name, word(method, "map", "method"));
    }
  }
  return [
    ...plain(vocabulary.helpers, "function"),
    ...plain(vocabulary.maps, "class"),
    ...plain(vocabulary.skb, "property"),
    ...plain(vocabulary.ctx, "property"),
    ...plain(vocabulary.entries, "function"),
    ...plain(vocabulary.verdicts, "constant"),
    ...plain(vocabulary.constants, "constant"),
    ...methods.values(),
  ];
}

function word(item: HelperItem, owner: string, type: string): Word {
  const label = item.name.split(".").at(-1) ?? item.name;
  const signature = item.signature ?? (item.value ? `${item.name} = ${item.value}` : item.name);
  return { label, signature, doc: item.doc ?? "", owner, type };
}

export function vocabularyExtensions(vocabulary: Vocabulary): Extension {
  const all = words(vocabulary);
  const complete = (context: CompletionContext): CompletionResult | null => {
    const before = context.matchBefore(/[\w.]*/);
    if (!before || (before.from === before.to && !context.explicit)) return null;
    const dot = before.text.lastIndexOf(".");
    const owner = dot < 0 ? "" : before.text.slice(0, dot);
    const wanted = owner === "" || owner === "skb" || owner === "ctx" ? owner : "map";
    const options: Completion[] = all
      .filter((each) => each.owner === wanted)
      .map((each) => ({
        label: each.label,
        type: each.type,
        detail: detail(each),
        info: each.doc,
      }));
    return { from: before.from + dot + 1, options, validFor: /^\w*$/ };
  };
  const hover = hoverTooltip((view, pos) => {
    const at = view.state.wordAt(pos);
    if (!at) return null;
    const text = view.state.sliceDoc(at.from, at.to);
    const owner = view.state.sliceDoc(Math.max(0, at.from - 4), at.from);
    const found =
      all.find(
        (each) => each.label === text && each.owner !== "" && owner.endsWith(`${each.owner}.`),
      ) ??
      all.find(
        (each) =>
          each.label === text && (owner.endsWith(".") ? each.owner === "map" : each.owner === ""),
      );
    if (!found) return null;
    return { pos: at.from, end: at.to, create: () => ({ dom: card(found) }) };
  });
  return [pythonLanguage.data.of({ autocomplete: complete }), hover];
}

function detail(word: Word): string {
  const open = word.signature.indexOf("(");
  return open < 0 ? "" : word.signature.slice(open);
}

function card(word: Word): HTMLElement {
  const dom = document.createElement("div");
  dom.className = "cm-doc";
  const code = document.createElement("code");
  code.textContent = word.signature;
  const text = document.createElement("span");
  text.textContent = word.doc;
  dom.append(code, text);
  return dom;
}

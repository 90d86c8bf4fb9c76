/// The little Markdown that stories use: paragraphs, **strong**, *em* and `code`.

export interface Span {
  form: "plain" | "strong" | "em" | "code";
  text: string;
}

const MARKS = /\*\*([^*]+)\*\*|\*([^*]+)\*|`([^`]+)`/g;

export function paragraphs(text: string): Span[][] {
  return text
    .trim()
    .split(/\n\s*\n/)
    .filter((part) => part.trim() !== "")
    .map((part) => spans(part.replace(/\s+/g, " ").trim()));
}

function spans(text: string): Span[] {
  const found: Span[] = [];
  let at = 0;
  for (const match of text.matchAll(MARKS)) {
    if (match.index > at) found.push({ form: "plain", text: text.slice(at, match.index) });
    const [whole, strong, em, code] = match;
    if (strong !== undefined) found.push({ form: "strong", text: strong });
    else if (em !== undefined) found.push({ form: "em", text: em });
    else found.push({ form: "code", text: code ?? "" });
    at = match.index + whole.length;
  }
  if (at < text.length) found.push({ form: "plain", text: text.slice(at) });
  return found;
}

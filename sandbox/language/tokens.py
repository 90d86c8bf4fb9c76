"""Tokens: a small scanner that bounds what Python's parser will meet, before it meets it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from sandbox.language import limits
from sandbox.language.report import Report
from sandbox.language.tree import Span

_TOKEN = re.compile(
    r"""(?P<space>[ \t]+|\\\n)
    |(?P<newline>\n)
    |(?P<comment>\#[^\n]*)
    |(?P<string>[A-Za-z]{0,2}(?:\"{3}(?:[^\\]|\\.)*?\"{3}|'{3}(?:[^\\]|\\.)*?'{3}
        |\"(?:[^"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'))
    |(?P<number>\.?[0-9][0-9A-Za-z_.]*)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<operator>\*\*=?|//=?|<<=?|>>=?|[-+*/%&|^<>=!]=|->|:=|[-+*/%&|^~<>=()\[\]{}.,:;@])
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_INTEGER = re.compile(
    r"(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|[1-9](?:_?[0-9])*|0(?:_?0)*)\Z"
)
_ESCAPE = re.compile(r"\\[^nt\"'\n]")
_BLANK = frozenset({"space", "newline", "comment"})
_QUOTED = frozenset({"string", "other"})
_LONG = frozenset({"space", "newline", "string"})  # what may hold the end of a line
_CHECKED = frozenset({"number", "string", "other"})
_BRACKETS = frozenset("()[]{}")
_OPEN = {"(": ")", "[": "]", "{": "}"}
PLAIN_DIGITS = 19  # so many decimal digits fit 64 bits
DIGITS_MAX = 80  # longer literals are refused without computing them
UNSIGNED_MAX = 2**64 - 1


@dataclass(slots=True)
class _Scan:
    report: Report
    line: int = 1
    line_start: int = 0
    tokens: int = 0
    statement_tokens: int = 0
    elifs: int = 0
    open: list[tuple[str, Span]] = field(default_factory=list)
    at_start: bool = True
    indents: list[int] = field(default_factory=lambda: [0])
    ok: bool = True

    def here(self, word: str, start: int) -> Span:
        """Return where a word of this line is."""
        column = start - self.line_start + 1
        return Span(self.line, column, self.line, column + len(word))

    def refuse(self, slug: str, span: Span, message: str, hint: str = "") -> None:
        """Report a problem that keeps the text away from the parser."""
        before = len(self.report.found)
        self.report.add(slug, span, message, hint)
        if len(self.report.found) > before or self.report.overflow:
            self.ok = False


def scan(text: str, report: Report) -> bool:
    """Report what must not reach the parser; return whether the text may."""
    state = _Scan(report)
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "other"
        word = match.group()
        if kind not in _BLANK:
            state.tokens += 1
            state.statement_tokens += 1
            if state.statement_tokens > limits.LINE_TOKENS_MAX or state.tokens > limits.TOKENS_MAX:
                _check_count(state, word, match.start())
            if state.at_start:
                _begin_line(state, word, match.start())
        if kind in _CHECKED or word in _BRACKETS:
            _check(state, kind, word, match.start())
            if kind in _QUOTED and _unclosed(text, match, kind):
                state.refuse(
                    "unclosed-string",
                    state.here(word, match.start()),
                    "the string that begins here is never closed",
                    "close it",
                )
                return False  # every later quote would be scanned to the end of the text again
        if kind in _LONG and "\n" in word:
            if kind == "newline" and not state.open:
                state.at_start, state.statement_tokens = True, 0
            state.line += word.count("\n")
            state.line_start = match.start() + word.rindex("\n") + 1
        if state.tokens > limits.TOKENS_MAX:
            break
    for bracket, span in state.open[:1]:
        state.refuse(
            "unbalanced-bracket", span, f'"{bracket}" is never closed', f'add "{_OPEN[bracket]}"'
        )
    return state.ok


def _unclosed(text: str, match: re.Match[str], kind: str) -> bool:
    """Whether a quote opens a string that has no end; an open triple quote scans as an empty string."""
    word, end = match.group(), match.end()
    return (kind == "other" and word in "\"'") or (
        kind == "string"
        and word[-2:] in ('""', "''")
        and len(word) == 2
        and text[end : end + 1] == word[0]
    )


def _check_count(state: _Scan, word: str, start: int) -> None:
    """Refuse the first token beyond the limits of the program and of its statement."""
    if state.tokens == limits.TOKENS_MAX + 1:
        state.refuse(
            "too-many-tokens",
            state.here(word, start),
            f"the program has more than {limits.TOKENS_MAX} words and signs",
            "shorten it",
        )
    if state.statement_tokens == limits.LINE_TOKENS_MAX + 1:
        state.refuse(
            "statement-too-long",
            state.here(word, start),
            f"one statement has more than {limits.LINE_TOKENS_MAX} words and signs",
            "split it into several statements",
        )


def _begin_line(state: _Scan, word: str, start: int) -> None:
    """Count the nesting of blocks and the elifs at the first token of a statement."""
    column = start - state.line_start + 1
    state.at_start = False
    while column - 1 < state.indents[-1]:
        state.indents.pop()
    if column - 1 > state.indents[-1]:
        state.indents.append(column - 1)
    if len(state.indents) == limits.INDENT_DEPTH_MAX + 2:
        state.refuse(
            "nesting-too-deep",
            state.here(word, start),
            f"blocks are nested more than {limits.INDENT_DEPTH_MAX} deep",
            "move the inner part into a helper function",
        )
    state.elifs = state.elifs + 1 if word == "elif" else state.elifs * (column > 1)
    if state.elifs == limits.ELIF_MAX + 1:
        state.refuse(
            "nesting-too-deep",
            state.here(word, start),
            f'a function has more than {limits.ELIF_MAX} "elif"',
            "look the answer up in an ArrayMap or a list Param",
        )


def _check(state: _Scan, kind: str, word: str, start: int) -> None:
    if kind == "number" and len(word) <= PLAIN_DIGITS and word.isdigit() and word[0] != "0":
        return
    span = state.here(word, start)
    if kind == "number":
        _check_number(state, word, span)
    elif kind == "string":
        _check_string(state, word, span)
    elif kind == "other":
        _check_other(state, word, span)
    elif kind == "operator" and word in "()[]{}":
        _check_bracket(state, word, span)


def _check_number(state: _Scan, word: str, span: Span) -> None:
    if _INTEGER.match(word):
        if len(word) > DIGITS_MAX or int(word, 0) > UNSIGNED_MAX:
            state.refuse(
                "literal-too-big",
                span,
                f"the number {word[:24]}{'...' if len(word) > 24 else ''} does not fit 64 bits",
                "ints are signed 64-bit",
            )
        return
    if re.match(r"[0-9.]+(?:[eE][0-9]+)?\Z|[0-9_.]*[eE][0-9_]+\Z", word) and (
        "." in word or "e" in word.lower()
    ):
        state.refuse(
            "no-floats",
            span,
            f'there are no floats, got "{word[:24]}"',
            "count in a smaller unit: ns instead of seconds, or scale by 1000",
        )
        return
    state.refuse(
        "bad-number",
        span,
        f'"{word[:24]}" is not a number',
        "ints are written 1500, 1_000_000, 0x1f, 0b101 or 0o17",
    )


def _check_string(state: _Scan, word: str, span: Span) -> None:
    prefix = word[: min(i for i in (word.find('"'), word.find("'")) if i >= 0)]
    if prefix:
        kind = "f-strings" if "f" in prefix.lower() else f'strings with the prefix "{prefix}"'
        state.refuse(
            "string-prefix",
            span,
            f"{kind} are not in this language",
            'write trace("x is %d", x)' if "f" in prefix.lower() else "write a plain string",
        )
    strange = _ESCAPE.search(word.replace("\\\\", ""))
    if strange and not prefix:
        state.refuse(
            "bad-escape",
            span,
            f'"{strange.group()}" is not an escape of this language',
            "escapes are \\n, \\t, \\\\ and quotes; write a backslash twice",
        )
    triple = word[len(prefix) :].startswith(('"""', "'''"))
    most = limits.DOCSTRING_BYTES_MAX if triple else limits.STRING_BYTES_MAX
    if len(word) > most:
        state.refuse(
            "string-too-long",
            span,
            f"a string has {len(word)} characters, the limit is {most}",
            "shorten it",
        )


def _check_other(state: _Scan, word: str, span: Span) -> None:
    if word not in "\"'":
        state.refuse("bad-character", span, f'"{word}" has no meaning here', "remove it")


def _check_bracket(state: _Scan, word: str, span: Span) -> None:
    if word in _OPEN:
        state.open.append((word, span))
        if len(state.open) == limits.BRACKET_DEPTH_MAX + 1:
            state.refuse(
                "brackets-too-deep",
                span,
                f"brackets are nested more than {limits.BRACKET_DEPTH_MAX} deep",
                "give inner parts a name on a line of their own",
            )
    elif not state.open or _OPEN[state.open[-1][0]] != word:
        opened = (
            f', "{state.open[-1][0]}" of line {state.open[-1][1].line} is open'
            if state.open
            else ""
        )
        state.refuse(
            "unbalanced-bracket",
            span,
            f'"{word}" closes no bracket{opened}',
            "remove it or open one before",
        )
    else:
        state.open.pop()

"""Chunk files: programs separated by `---`, the expected message on the offending line.

A chunk is a whole program, or begins with `@name` and is the body of that entry point. Missing entry points are
added. `### "regex"` on a line expects a diagnostic there, `### whole "regex"` one without a line; the regex is searched
in `message; hint [slug]`. `--- ok` begins the accepted twin of the chunk before it. A first chunk that begins with
`# prelude` goes in front of every `@` chunk of its file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from sandbox.language.check import check_with

CASES = Path(__file__).parent / "cases"
_EXPECTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_PARAMS = {"enqueue": "skb, ctx", "egress": "skb, ctx", "classify": "skb, ctx"}
_ENQUEUE = "def enqueue(skb, ctx):\n    return DROP\n"
_DEQUEUE = "def dequeue(ctx):\n    return None\n"


@dataclass(frozen=True)
class Chunk:
    name: str
    source: str
    expected: tuple[tuple[int, str], ...]
    has_twin: bool
    is_twin: bool


def chunks() -> list[Chunk]:
    found: list[Chunk] = []
    for path in sorted(CASES.glob("*.txt")):
        parts = re.split(r"^---(.*)\n", path.read_text(), flags=re.MULTILINE)
        texts = [("", parts[0]), *zip(parts[1::2], parts[2::2], strict=True)]
        prelude = ""
        line = 1
        for position, (mark, text) in enumerate(texts):
            start = line + (position > 0)
            line = start + text.count("\n")
            if text.startswith("# prelude"):
                prelude = text
            elif text.strip():
                twin = position + 1 < len(texts) and texts[position + 1][0].strip() == "ok"
                is_twin = mark.strip() == "ok"
                found.append(_chunk(f"{path.stem}:{start}", text, prelude, twin, is_twin))
    return found


def _chunk(name: str, text: str, prelude: str, has_twin: bool, is_twin: bool) -> Chunk:
    source = _program(text, prelude)
    expected = []
    for number, line in enumerate(source.split("\n"), 1):
        _, mark, wanted = line.partition("### ")
        if mark:
            place = 0 if wanted.startswith("whole") else number
            expected += [(place, regex) for regex in _EXPECTED.findall(wanted)]
    return Chunk(name, source, tuple(expected), has_twin, is_twin)


def _program(text: str, prelude: str) -> str:
    if not text.startswith("@"):
        return text
    head, _, body = text.partition("\n")
    role = head[1:].strip()
    if role == "top":
        source = prelude + body
    else:
        lines = "".join(f"    {line}\n" if line else "\n" for line in body.rstrip("\n").split("\n"))
        source = f"{prelude}def {role}({_PARAMS.get(role, 'ctx')}):\n{lines}"
    for entry, default in (("enqueue", _ENQUEUE), ("dequeue", _DEQUEUE)):
        if f"def {entry}(" not in source:
            source += default
    return source


def problems(chunk: Chunk, suppressed: frozenset[str] = frozenset()) -> list[str]:
    """Return how the checker's answer differs from what the chunk expects."""
    checked = check_with(chunk.source, suppressed=suppressed)
    found = [
        (d.line, f"{d.message}; {d.hint} [{d.slug}]")
        for d in checked.diagnostics
        if d.severity != "advice" or "[advice]" in chunk.source
    ]
    wrong = []
    for place, regex in chunk.expected:
        match = next((f for f in found if f[0] == place and re.search(regex, f[1])), None)
        if match is None:
            wrong.append(
                f'line {place}: expected "{regex}", got {[t for p, t in found if p == place]}'
            )
        else:
            found.remove(match)
    wrong += [f"line {place}: unexpected: {text}" for place, text in found]
    failed = any(d.severity == "error" for d in checked.diagnostics)
    if not suppressed and failed == (checked.program is not None):
        wrong.append("a program without errors and only such has a tree")
    return wrong

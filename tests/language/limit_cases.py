"""Programs at and just beyond each limit, too long to be written into a chunk file."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from sandbox.language import limits
from sandbox.language.check import check_with

QDISC = "def enqueue(skb, ctx):\n    return DROP\n\n\ndef dequeue(ctx):\n    return None\n"


@dataclass(frozen=True)
class LimitCase:
    refused: str
    accepted: str


def slugs_of(source: str, suppressed: frozenset[str] = frozenset()) -> set[str]:
    return {problem.slug for problem in check_with(source, suppressed=suppressed).diagnostics}


def init(body: str) -> str:
    return f"{QDISC}\n\ndef init(ctx):\n    {body}\n"


def comment(size: int) -> str:
    return QDISC + "#" * (size - len(QDISC))


def lines(count: int, form: str) -> str:
    return QDISC + "".join(form.format(i) for i in range(count))


def nodes(count: int) -> str:
    return init("\n    ".join(["x = 1"] * count))


def loops(depth: int) -> str:
    body = "".join(f"{'    ' * i}for i{i} in range(2):\n    " for i in range(depth))
    return init(body + "    " * depth + "pass")


def tangle(depth: int, size: int) -> str:
    """Loops in loops, the innermost of which must be walked `size` times before nothing new is known."""
    names = [f"p{i}" for i in range(size)]
    body = []
    for level in range(depth):
        body += ["    " * level + f"{name} = None" for name in names]
        body.append("    " * level + f"for i{level} in range(9):")
    chain = [f"{a} = {b}" for a, b in pairwise(names)]
    chain.append(f"{names[-1]} = table.lookup(1)")
    body += ["    " * depth + line for line in chain]
    return "table = HashMap(max_entries=4)\n" + init("\n    ".join(body))


LIMIT_CASES = {
    "source-too-long": LimitCase(
        comment(limits.SOURCE_BYTES_MAX + 1), comment(limits.SOURCE_BYTES_MAX)
    ),
    "non-ascii": LimitCase(QDISC + "# caf\u00e9\n", QDISC + "# cafe\n"),
    "control-character": LimitCase(QDISC.replace("\n", "\r\n"), QDISC),
    "too-many-tokens": LimitCase(
        QDISC + ("1+" * 400 + "1\n") * 30, QDISC + ("1+" * 400 + "1\n") * 20
    ),
    "statement-too-long": LimitCase(
        init("x = " + "+".join(["1"] * 600)), init("x = " + "+".join(["1"] * 30))
    ),
    "brackets-too-deep": LimitCase(
        init("x = " + "(" * 21 + "1" + ")" * 21), init("x = " + "(" * 20 + "1" + ")" * 20)
    ),
    "string-too-long": LimitCase(
        init(f'trace("{"a" * limits.STRING_BYTES_MAX}")'),
        init(f'trace("{"a" * (limits.STRING_BYTES_MAX - 2)}")'),
    ),
    "nesting-too-deep": LimitCase(
        init("x = " + "not " * 40 + "1"), init("x = " + "not " * 20 + "1")
    ),
    "too-many-nodes": LimitCase(nodes(4000), nodes(2000)),
    "too-many-declarations": LimitCase(
        lines(limits.PARAMS_MAX + 1, "p{} = Param(1)\n"),
        lines(limits.PARAMS_MAX, "p{} = Param(1)\n"),
    ),
    "too-complex": LimitCase(tangle(8, 60), tangle(2, 6)),
    "too-many-problems": LimitCase(
        init("\n    ".join(["x = unknown"] * (limits.DIAGNOSTICS_MAX + 1))), init("x = unknown")
    ),
}

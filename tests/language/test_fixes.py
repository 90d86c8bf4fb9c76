"""Fixes: applying what a message offers cures it."""

from __future__ import annotations

import pytest

from sandbox.diagnostics import Fix
from sandbox.language.check import check

QDISC = """limit = Param(10)
total = 0
q = SkbMap(max_entries=100)
recs = HashMap(max_entries=8)


def enqueue(skb, ctx):
    return DROP


def dequeue(ctx):
    return q.pop()


def init(ctx):
    """


def applied(source: str, fix: Fix) -> str:
    lines = source.split("\n")
    assert fix.line == fix.end_line
    line = lines[fix.line - 1]
    lines[fix.line - 1] = line[: fix.column - 1] + fix.replacement + line[fix.end_column - 1 :]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("slug", "body"),
    [
        ("undefined-name", "x = limt + 1"),
        ("undefined-name", "x = isqtr(5)"),
        ("unknown-field", "x = ctx.nwo"),
        ("unknown-method", "recs.updaet(1, 2)"),
        ("unknown-method", "x = q.byts"),
        ("missing-global", "total = 1"),
        ("none-compare", "x = recs.lookup(1)\n    if x == None:\n        return"),
        ("none-compare", "x = recs.lookup(1)\n    if None != x:\n        return"),
        ("non-ascii", "x = 1\u00a0"),
        ("control-character", "x = 1\f"),
    ],
)
def test_fix_cures_its_problem(slug: str, body: str) -> None:
    source = f"{QDISC}{body}\n"
    problem = next(p for p in check(source).diagnostics if p.slug == slug)
    assert problem.fix is not None
    assert check(applied(source, problem.fix)).program is not None

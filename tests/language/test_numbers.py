"""Intervals hold: what the checker says of a result is true of every result."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.language import tree
from sandbox.language.check import check
from sandbox.language.numbers import OPERATORS, exact, interval
from sandbox.language.tree import INT_MAX, INT_MIN
from sandbox.language.walk import walk

EDGES = (
    0,
    1,
    -1,
    2,
    -2,
    63,
    64,
    2**31,
    2**32,
    -(2**32),
    INT_MAX,
    INT_MIN,
    INT_MAX - 1,
    INT_MIN + 1,
)
INTS = st.one_of(st.sampled_from(EDGES), st.integers(INT_MIN, INT_MAX), st.integers(-70, 70))


@st.composite
def ranges(draw: st.DrawFn) -> tuple[int, int, int]:
    low, value, high = sorted((draw(INTS), draw(INTS), draw(INTS)))
    return low, value, high


@settings(max_examples=1000, deadline=None)
@given(st.sampled_from(sorted(OPERATORS.values())), ranges(), ranges())
def test_result_lies_in_its_interval(
    op: str, left: tuple[int, int, int], right: tuple[int, int, int]
) -> None:
    (low, high), wraps = interval(op, (left[0], left[2]), (right[0], right[2]))
    assert INT_MIN <= low <= high <= INT_MAX
    count = right[1] % 64 if op in ("<<", ">>") else right[1]
    value = exact(op, left[1], count)
    if value is None:
        return
    if wraps:
        assert (low, high) == (INT_MIN, INT_MAX)
    else:
        assert low <= value <= high


def binaries(body: str) -> dict[str, tree.Binary]:
    program = check(
        "limit = Param(10, min=1, max=100)\n"
        "def enqueue(skb, ctx):\n    return DROP\ndef dequeue(ctx):\n    return None\n"
        f"def init(ctx):\n    {body}\n"
    ).program
    assert program is not None
    function = program.function("init")
    assert function is not None
    return {node.op: node for node in walk(function.body) if isinstance(node, tree.Binary)}


@pytest.mark.parametrize(
    ("body", "op", "wraps"),
    [
        ("x = limit * 1000", "*", False),
        ("x = ctx.now + limit", "+", True),
        ("x = ctx.dev.mtu - ctx.dev.txqueuelen", "-", False),
        ("x = (ctx.now & 1023) << 3", "<<", False),
        ("x = 1 << limit", "<<", True),
        ("x = 5\n    for i in range(3):\n        x = x + 1", "+", True),
        ("for i in range(limit):\n        x = i * i", "*", False),
        ("x = ctx.now\n    if x < 1000 and x >= 0:\n        y = x + 1", "+", False),
        ("x = ctx.now\n    while x > 10:\n        x = x - 1", "-", False),
    ],
)
def test_only_what_may_wrap_is_marked(body: str, op: str, wraps: bool) -> None:
    assert binaries(body)[op].wraps is wraps

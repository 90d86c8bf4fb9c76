"""One program that uses all of the language lives the same life compiled and interpreted."""

from __future__ import annotations

import inspect
import random
from typing import Any

import pytest

from sandbox.core.skb import Skb
from sandbox.language import tree
from sandbox.language.helpers import HELPERS
from sandbox.language.maps import MAPS
from sandbox.language.verdicts import VERDICTS
from sandbox.language.walk import walk
from tests.compiler.lab import Lab
from tests.compiler.samples import checked, everything
from tests.compiler.test_programs import DEQUEUE

NOT_CALLS = {"classes", "range", "drop", "trace", "len"}  # loops, statements, a map's method


def all_nodes() -> list[tree.Expr | tree.Stmt]:
    return [node for function in everything().functions for node in walk(function.body)]


def test_the_sample_has_every_kind_of_node() -> None:
    kinds = {
        kind
        for _, kind in inspect.getmembers(tree, inspect.isclass)
        if issubclass(kind, tree.Expr | tree.Stmt) and kind not in (tree.Expr, tree.Stmt)
    }
    assert kinds - {type(node) for node in all_nodes()} == set()


def test_the_sample_has_every_map_kind_helper_and_verdict() -> None:
    program = everything()
    assert {m.kind for m in program.maps} == set(MAPS)
    nodes = all_nodes()
    helpers = {node.helper for node in nodes if isinstance(node, tree.HelperCall)}
    assert set(HELPERS) - helpers - NOT_CALLS == set()
    verdicts = {node.name for node in nodes if isinstance(node, tree.VerdictConst)}
    assert set(VERDICTS) - verdicts == set()


def life(lab: Lab, seed: int) -> list[Any]:
    """Return what can be seen while packets come and go for a while."""
    dice = random.Random(seed)
    seen: list[Any] = [lab.call("init")]
    for step in range(150):
        lab.ctx.now += dice.randrange(20)
        what = dice.randrange(10)
        if what < 5:
            mark, hashed = dice.randrange(30), dice.getrandbits(32)
            skb = lab.packet(hashed, mark=mark, priority=dice.randrange(4), tos=dice.randrange(4))
            seen.append(lab.call("egress", skb))
            seen.append(lab.call("classify", skb))
            seen.append(lab.call("enqueue", skb))
        elif what < 9:
            answer = lab.call("dequeue")
            seen.append([one.id if isinstance(one, Skb) else one for one in answer])
        else:
            seen.append(lab.call("timer") if step % 3 else lab.call("reset"))
        seen.append(lab.state())
    return seen


@pytest.mark.parametrize("seed", range(5))
def test_a_long_life_is_the_same_compiled_and_interpreted(seed: int) -> None:
    classes = (0x10001, 0x10002, 0x10003)
    direct = Lab(everything(), direct=True, classes=classes)
    expected = life(direct, seed)
    rows = direct.sim.trace.take()
    assert len({type(item) for item in expected}) > 2 and len(rows) > 3200
    for traced in (False, True):
        lab = Lab(everything(), traced=traced, counts=traced, classes=classes)
        assert life(lab, seed) == expected
        if traced:
            assert lab.sim.trace.take() == rows


def test_state_rows_are_written_by_traced_code_only() -> None:
    text = "queue = SkbMap(max_entries=9)\nout = 0\n\ndef enqueue(skb, ctx):\n    global out\n"
    program = checked(
        text + "    for i in range(15):\n        out += i\n    return DROP\n" + DEQUEUE
    )
    kinds = []
    for traced in (False, True):
        lab = Lab(program, traced=traced)
        lab.call("enqueue", lab.packet(mark=1))
        rows = lab.sim.trace.take()
        kinds.append([rows[at + 12] for at in range(0, len(rows), 32)].count(32))
    assert kinds == [0, 15]

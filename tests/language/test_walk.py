"""Walks miss no node of either tree."""

from __future__ import annotations

import ast
import dataclasses
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.build.programs import library_checked, library_names, library_text
from sandbox.language import tree
from sandbox.language.walk import below, walk

LEAVES = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)
# Everything Python has, whether or not the language has it.
PYTHON = """
import a.b as c
from d import e
@f
class G(H, metaclass=I):
    x: int = 1
async def g(a, /, b: j = 2, *c, d=3, **e) -> k:
    async with m as n, o: await p
    async for q in r: yield s
    return [t async for t in u if v], {w: x for w, x in y}, {*z}, {**a}
try:
    del b[1:2:3], c.d
except E as f:
    raise f from None
else: pass
finally: assert g, "text"
match h:
    case {"i": [1, *j], **k} | L(m=2) | None if n: global o
    case _: nonlocal_ = lambda p: (q := -r if not s else t < u <= v) or w and x
print(f"{y!r:>{z}}", (yield), *a, **b)
"""


@pytest.mark.parametrize("text", [PYTHON, *(library_text(name) or "" for name in library_names())])
def test_all_of_pythons_nodes_but_operators_are_found(text: str) -> None:
    module = ast.parse(text)
    wanted = Counter(id(node) for node in ast.walk(module) if not isinstance(node, LEAVES))
    assert Counter(map(id, below(module))) == wanted


def parts(value: Any) -> Iterator[int]:
    """Yield every node in a value, whatever its fields are declared to hold."""
    if isinstance(value, tuple):
        for item in value:
            yield from parts(item)
    elif dataclasses.is_dataclass(value):
        if isinstance(value, tree.Expr | tree.Stmt):
            yield id(value)
        for one in dataclasses.fields(value):
            yield from parts(getattr(value, one.name))


@pytest.mark.parametrize("name", library_names())
def test_all_nodes_of_a_checked_program_are_found(name: str) -> None:
    program = library_checked(name).program
    assert program is not None
    for function in program.functions:
        assert Counter(map(id, walk(function.body))) == Counter(parts(function.body))

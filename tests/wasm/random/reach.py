"""Reach: what of the language a program uses, so that what random programs never use can be named."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from sandbox.language import tree
from sandbox.language.fields import CTX_FIELDS, SKB_FIELDS
from sandbox.language.helpers import HELPERS
from sandbox.language.maps import MAPS
from sandbox.language.verdicts import ENTRIES, VERDICTS

NODES = tuple(
    kind.__name__
    for kind in vars(tree).values()
    if isinstance(kind, type) and issubclass(kind, (tree.Expr, tree.Stmt))
    if kind not in (tree.Expr, tree.Stmt)
)


# Helpers that are nodes of their own in the tree.
STATEMENTS = ("classes", "drop", "len", "range", "trace")


def everything() -> set[str]:
    """Return all that a program could use: tree nodes, helpers, methods, fields, verdicts, entry points."""
    found = {f"node {name}" for name in NODES}
    found |= {f"helper {name}" for name in HELPERS if name not in STATEMENTS}
    found |= {f"method {kind}.{name}" for kind, spec in MAPS.items() for name in spec.methods}
    found |= {f"skb.{name}" for name in SKB_FIELDS if name != "cb"}
    found |= {f"ctx.{name}" for name in CTX_FIELDS}
    found |= {f"verdict {name}" for name in VERDICTS}
    return found | {f"entry {name}" for name in ENTRIES}


def used(program: tree.Program) -> set[str]:
    """Return what of it a checked program uses."""
    kinds = {one.name: one.kind for one in program.maps}
    found = {f"entry {one.name}" for one in program.functions}
    for node in _nodes(program):
        found.add(f"node {type(node).__name__}")
        match node:
            case tree.HelperCall():
                found.add(f"helper {node.helper}")
            case tree.MapCall():
                found.add(f"method {kinds[node.map]}.{node.method}")
            case tree.SkbField() | tree.SetSkbField():
                found.add(f"skb.{node.name}")
            case tree.CtxField() | tree.SetCtx():
                found.add(f"ctx.{node.name}")
            case tree.VerdictConst():
                found.add(f"verdict {node.name}")
    return found


def _nodes(value: object) -> Iterator[object]:
    """Yield every dataclass of the tree below a value."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield value
        for each in dataclasses.fields(value):
            yield from _nodes(getattr(value, each.name))
    elif isinstance(value, tuple):
        for item in value:
            yield from _nodes(item)

"""Walks: every node in and below one, in no promised order: `below` of Python's tree, `walk` of the checked one."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterable, Iterator

from sandbox.language import tree

Node = tree.Expr | tree.Stmt

# Fields with nothing that a reader of the whole tree looks at: operators and contexts, names, manners of writing.
_PLAIN = frozenset(
    [
        "ctx",
        "op",
        "ops",
        "id",
        "attr",
        "arg",
        "kind",
        "type_comment",
        "simple",
        "is_async",
        "level",
        "conversion",
    ]
)
_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {}


def fields_below(kind: type[ast.AST]) -> tuple[str, ...]:
    """Return the names of the fields of a kind of node in which there may be nodes, operators and contexts left out."""
    names = _FIELDS.get(kind)
    if names is None:
        names = (
            ()
            if kind is ast.Constant
            else tuple(name for name in kind._fields if name not in _PLAIN)
        )
        _FIELDS[kind] = names
    return names


def below(root: ast.AST) -> list[ast.AST]:
    """Return a node and all below it but operators and contexts; several times as fast as ast.walk."""
    found = [root]
    append = found.append
    for node in found:
        for name in fields_below(type(node)):
            part = getattr(node, name, None)
            if type(part) is list:
                for item in part:
                    if isinstance(item, ast.AST):
                        append(item)
            elif isinstance(part, ast.AST):
                append(part)
    return found


_PARTS: dict[type, tuple[tuple[str, ...], tuple[str, ...]]] = {}
_ONE, _MANY = ("Expr", "Expr | None"), ("tuple[Expr, ...]", "tuple[Stmt, ...]")


def _parts_of(kind: type) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of a node's fields that hold one node, and of those that hold several."""
    names = _PARTS.get(kind)
    if names is None:
        declared = dataclasses.fields(kind)
        one = tuple(f.name for f in declared if f.type in _ONE)
        names = one, tuple(f.name for f in declared if f.type in _MANY)
        _PARTS[kind] = names
    return names


def children(node: Node) -> list[Node]:
    """Return the nodes directly inside this one."""
    one, many = _parts_of(type(node))
    found: list[Node] = [part for name in one if (part := getattr(node, name)) is not None]
    for name in many:
        found += getattr(node, name)
    return found


def walk(nodes: Iterable[Node]) -> Iterator[Node]:
    """Yield every node in and below these, in no particular order."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield node
        waiting += children(node)

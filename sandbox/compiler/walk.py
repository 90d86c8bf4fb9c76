"""Walks over the neutral tree, and which locals need a value before their first assignment."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from sandbox.language import tree

Node = tree.Expr | tree.Stmt

_FIELDS: dict[type, tuple[str, ...]] = {}


def _field_names(kind: type) -> tuple[str, ...]:
    names = _FIELDS.get(kind)
    if names is None:
        names = tuple(f.name for f in dataclasses.fields(kind) if f.name not in ("span", "type"))
        _FIELDS[kind] = names
    return names


def children(node: Node) -> Iterator[Node]:
    """Yield the nodes directly inside this one."""
    for name in _field_names(type(node)):
        value = getattr(node, name)
        if isinstance(value, (tree.Expr, tree.Stmt)):
            yield value
        elif isinstance(value, tuple):
            for item in value:
                if isinstance(item, (tree.Expr, tree.Stmt)):
                    yield item


def walk(nodes: Iterable[Node]) -> Iterator[Node]:
    """Yield every node in and below these, in no particular order."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(children(node))


def unset_locals(function: tree.Function) -> list[str]:
    """Return the locals that may be read before they are assigned, sorted."""
    flow = _Flow()
    flow.block(function.body, {name for name, _ in function.params})
    return sorted(flow.unset)


class _Flow:
    """Forward walk: which locals are certainly assigned at each point; None means unreachable."""

    def __init__(self) -> None:
        self.unset: set[str] = set()

    def reads(self, expressions: Iterable[Node], done: set[str]) -> None:
        for node in walk(expressions):
            if isinstance(node, tree.Local) and node.name not in done:
                self.unset.add(node.name)

    def block(self, body: tuple[tree.Stmt, ...], done: set[str]) -> set[str] | None:
        for statement in body:
            after = self.statement(statement, done)
            if after is None:
                return None
            done = after
        return done

    def statement(self, statement: tree.Stmt, done: set[str]) -> set[str] | None:
        direct = [c for c in children(statement) if isinstance(c, tree.Expr)]
        self.reads(direct, done)
        match statement:
            case tree.Assign():
                return done | {statement.name}
            case tree.If():
                then = self.block(statement.then, done)
                orelse = self.block(statement.orelse, done)
                if then is None or orelse is None:
                    return then if orelse is None else orelse
                return then & orelse
            case tree.While():
                self.block(statement.body, done)
            case tree.ForRange() | tree.ForMap() | tree.ForClasses():
                self.block(statement.body, done | {statement.name})
            case tree.Return() | tree.Break() | tree.Continue():
                return None
        return done

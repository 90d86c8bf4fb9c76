"""Unset: which locals of a function may be read before they are assigned."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.language import tree
from sandbox.language.walk import Node, children, walk


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

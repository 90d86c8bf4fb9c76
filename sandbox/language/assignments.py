"""Assignments: what a name holds from here on."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from sandbox.language import map_calls, tree
from sandbox.language.flow import (
    LOST,
    MAYBE,
    PACKETS,
    Value,
    Var,
    join_kinds,
)
from sandbox.language.helpers import PROGRAMS
from sandbox.language.numbers import OPERATORS
from sandbox.language.operands import kind_text
from sandbox.language.report import span_of
from sandbox.language.stores import combined, set_attribute, set_item
from sandbox.language.tree import Kind, Stmt, Type

if TYPE_CHECKING:
    from sandbox.language.function_check import FunctionCheck


def assign(c: FunctionCheck, node: ast.Assign) -> list[Stmt]:
    """Return a checked `target = value`."""
    if len(node.targets) != 1:
        c.error(
            "not-in-language", node, "a = b = ... is not in this language", "assign one name a line"
        )
        return []
    return store(c, node, node.targets[0], None, node.value)


def augment(c: FunctionCheck, node: ast.AugAssign) -> list[Stmt]:
    """Return a checked `target op= value`."""
    op = OPERATORS.get(type(node.op))
    if op is None:  # reported by parse
        return []
    return store(c, node, node.target, op, node.value)


def store(
    c: FunctionCheck, node: ast.stmt, target: ast.expr, op: str | None, value: ast.expr
) -> list[Stmt]:
    """Return a checked store; with `op` the target is read first."""
    match target:
        case ast.Name(id=name):
            if name in c.globals:
                return _set_global(c, node, name, combined(c, node, target, op, value))
            if op is None:
                return _set_local(c, node, name, value)
            return _update_local(c, node, name, combined(c, node, target, op, value))
        case ast.Attribute():
            return set_attribute(c, node, target, op, value)
        case ast.Subscript():
            return set_item(c, node, target, op, value)
    if type(target).__name__ not in ("Tuple", "Starred"):
        c.error(
            "bad-target", target, "this cannot be assigned", "assign a name, a field or an item"
        )
    return []


def _set_global(c: FunctionCheck, node: ast.stmt, name: str, value: Value) -> list[Stmt]:
    c.use(f'the global "{name}"', PROGRAMS, node)
    if value.bad:
        return []
    if c.scope.globals[name].kind is Kind.BOOL and value.kind is not Kind.BOOL:
        c.error(
            "types-differ",
            node,
            f'the global "{name}" is a bool, got {kind_text(value.expr.type)}',
            "write a comparison, True or False",
        )
    return [tree.SetGlobal(span=span_of(node), name=name, value=value.expr)]


def _update_local(c: FunctionCheck, node: ast.stmt, name: str, value: Value) -> list[Stmt]:
    check_flag(c, node, name)
    if value.bad:
        return []
    bind_local(c, node, name, value)
    return [tree.Assign(span=span_of(node), name=name, value=value.expr)]


def _set_local(c: FunctionCheck, node: ast.stmt, name: str, source: ast.expr) -> list[Stmt]:
    check_flag(c, node, name)
    if isinstance(source, ast.Call) and map_calls.is_push(c, source):
        value, packet, why = map_calls.push(c, source)
        if value.bad:
            bind_local(c, node, name, value)
            return []
        bind_local(c, node, name, value)
        if packet and isinstance(value.expr, tree.MapCall):
            into = frozenset({value.expr.map})
            c.put(packet, replace(c.here[packet], own=MAYBE, on=name, why=why, maps=into))
        return [tree.Assign(span=span_of(node), name=name, value=value.expr)]
    value = c.take(source)
    bind_local(c, node, name, value)
    return [] if value.bad else [tree.Assign(span=span_of(node), name=name, value=value.expr)]


def check_flag(c: FunctionCheck, node: ast.AST, name: str) -> None:
    """Refuse to overwrite the local that knows whether a push succeeded before it is tested."""
    for packet, var in list(c.here.items()):
        if var.own == MAYBE and var.on == name:
            c.error(
                "unchecked-push",
                node,
                f'"{name}" is overwritten before it was tested; only it knows whether {packet} was pushed',
                f'test it first: "if not {name}:"',
            )
            c.put(packet, replace(var, own=LOST))


def bind_local(c: FunctionCheck, node: ast.AST, name: str, value: Value) -> None:
    """Give a local its new value and type, and check what it held before."""
    old = c.get(name)
    if old is not None and old.must_go and old.own != LOST:
        c.error(
            "overwritten-packet",
            node,
            f"{name} still owns a packet, which this overwrites",
            "push, return or drop it first, or use another name",
        )
    if c.entry_packet == name:
        c.error(
            "skb-reassigned",
            node,
            f'the packet "{name}" is this function\'s argument and cannot be replaced',
            "use another name for another packet",
        )
    kind = value.expr.type
    if value.bad:
        kind = c.declared.get(name, Type(Kind.INT))
        own = LOST if kind.kind in (*PACKETS, Kind.SKB) else ""
        c.put(name, Var(kind=kind.kind, record=kind.record, own=own))
        c.declared.setdefault(name, kind)
        return
    if kind.kind in (Kind.VOID, Kind.CTX):
        what = "nothing" if kind.kind is Kind.VOID else "ctx"
        c.error("no-value", node, f'"{name}" would be {what}', "call it on a line of its own")
        kind = Type(Kind.INT)
    _declare(c, node, name, kind)
    own = "" if kind.kind not in PACKETS else value.own
    c.put(
        name,
        Var(
            kind=kind.kind,
            record=kind.record,
            own=own,
            maps=value.maps,
            low=value.expr.low,
            high=value.expr.high,
            verdicts=value.verdicts,
        ),
    )


def _declare(c: FunctionCheck, node: ast.AST, name: str, kind: Type) -> None:
    """Hold a local to the type of its first assignment, None aside."""
    first = c.declared.get(name)
    if first is None:
        c.declared[name] = kind
        return
    joined = join_kinds(first.kind, kind.kind)
    same_record = not first.record or not kind.record or first.record == kind.record
    widened = first.kind is Kind.BOOL and kind.kind is Kind.INT
    if joined is None or not same_record or widened:
        c.error(
            "types-differ",
            node,
            f'"{name}" was {kind_text(first)} and would become {kind_text(kind)}',
            "use another name",
        )
        return
    c.declared[name] = Type(joined, first.record or kind.record, first.borrowed or kind.borrowed)

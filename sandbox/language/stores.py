"""Stores: assignments to fields, items, packets and the context."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from sandbox.language import fields, map_calls, tree
from sandbox.language.arguments import may_write
from sandbox.language.expressions import binary, expression
from sandbox.language.flow import (
    INTS,
    PACKETS,
    RECORDS,
    Value,
)
from sandbox.language.helpers import HELPERS, PROGRAMS
from sandbox.language.operands import item_index, kind_text, present
from sandbox.language.references import record_field
from sandbox.language.report import span_of
from sandbox.language.spell import did_you_mean
from sandbox.language.tree import Expr, Kind, Stmt, Type

if TYPE_CHECKING:
    from sandbox.language.function_check import FunctionCheck


def combined(
    c: FunctionCheck, node: ast.stmt, target: ast.expr, op: str | None, value: ast.expr
) -> Value:
    """Return the int to store: the value, or the target's old value and the operator applied."""
    if op is None:
        found = c.look(value)
        if not found.bad and found.kind not in INTS:
            c.error(
                "expected-int",
                value,
                f"an int is stored here, got {kind_text(found.expr.type)}",
                "packets, records and verdicts live in locals only",
            )
            return c.bad(value)
        return found
    left = c.integer(target, f'the target of "{op}="')
    right = c.integer(value, f'the right side of "{op}="')
    at = ast.BinOp(left=target, op=ast.Add(), right=value)
    ast.copy_location(at, node)
    return binary(c, at, op, left, right)


def set_attribute(
    c: FunctionCheck, node: ast.stmt, target: ast.Attribute, op: str | None, value: ast.expr
) -> list[Stmt]:
    """Return a checked store into a field."""
    match target.value:
        case ast.Name(id="ctx") if c.has_ctx:
            return _set_ctx(c, node, target, op, value)
        case ast.Attribute(value=ast.Name(id="ctx"), attr="dev") if c.has_ctx:
            c.error(
                "read-only-field",
                target,
                f"ctx.dev.{target.attr} cannot be written",
                "keep it in a global",
            )
            return []
        case ast.Name(id=name) if name in c.scope.maps and name not in c.locals:
            c.error(
                "read-only-field",
                target,
                f"{name}.{target.attr} cannot be written",
                "push and pop change it",
            )
            return []
    base = c.look(target.value)
    if base.bad:
        c.look(value)
        return []
    if base.kind in PACKETS:
        return _set_skb(c, node, target, base, combined(c, node, target, op, value))
    if base.kind in RECORDS:
        return _set_record(c, node, target, base, combined(c, node, target, op, value))
    c.error(
        "no-attribute",
        target,
        f"{kind_text(base.expr.type)} has no fields",
        "assign a field of a record or packet",
    )
    return []


def _set_ctx(
    c: FunctionCheck, node: ast.stmt, target: ast.Attribute, op: str | None, value: ast.expr
) -> list[Stmt]:
    name = target.attr
    spec = fields.CTX_FIELDS.get(name)
    if spec is None or not spec.writable:
        near = did_you_mean(name, fields.CTX_FIELDS) if spec is None else ""
        c.error(
            "read-only-field",
            target,
            f"ctx.{name} cannot be written{near}",
            "ctx.classid and ctx.delay can",
        )
        c.look(value)
        return []
    new = combined(c, node, target, op, value)
    c.use(f"writing ctx.{name}", spec.writable_in, target)
    return [] if new.bad else [tree.SetCtx(span=span_of(node), name=name, value=new.expr)]


def _set_skb(
    c: FunctionCheck, node: ast.stmt, target: ast.Attribute, base: Value, new: Value
) -> list[Stmt]:
    if new.bad or not present(c, target.value, base):
        return []
    spec = fields.SKB_FIELDS.get(target.attr)
    if spec is None or not spec.writable or spec.length:
        known = [name for name, field in fields.SKB_FIELDS.items() if field.writable]
        c.error(
            "read-only-field",
            target,
            f"skb.{target.attr} cannot be written",
            f"these can: {', '.join(known)} (cb by item)",
        )
        return []
    if not _writable(c, target.value, f"writing skb.{target.attr}"):
        return []
    return [tree.SetSkbField(span=span_of(node), base=base.expr, name=target.attr, value=new.expr)]


def _writable(c: FunctionCheck, owner: ast.expr, what: str) -> bool:
    if not isinstance(owner, ast.Name):
        return False
    c.use(what, PROGRAMS, owner)
    return may_write(c, owner, owner.id, what)


def _set_record(
    c: FunctionCheck, node: ast.stmt, target: ast.Attribute, base: Value, new: Value
) -> list[Stmt]:
    field = record_field(c, target, base)
    if field is None or new.bad:
        return []
    if field.length:
        c.error(
            "whole-array",
            target,
            f'"{field.name}" is an Array and cannot be replaced',
            f"assign its items: {ast.unparse(target)}[i] = ...",
        )
        return []
    if field.param is not None or (field.name == "classid" and _per_class(c, base)):
        c.error(
            "read-only-field",
            target,
            f'"{field.name}" is set from outside and cannot be written',
            "keep a changing copy in a field of its own",
        )
        return []
    if field.kind is Kind.BOOL and new.kind is not Kind.BOOL:
        c.error(
            "types-differ",
            target,
            f'"{field.name}" is a bool, got an int',
            "write a comparison, True or False",
        )
    return [
        tree.SetField(
            span=span_of(node),
            base=base.expr,
            record=base.expr.type.record,
            name=field.name,
            value=new.expr,
        )
    ]


def _per_class(c: FunctionCheck, base: Value) -> bool:
    record = c.scope.record(base.expr.type.record)
    return record is not None and record.per_class


def set_item(
    c: FunctionCheck, node: ast.stmt, target: ast.Subscript, op: str | None, value: ast.expr
) -> list[Stmt]:
    """Store into a map, an Array field or skb.cb; the index is evaluated more than once, so it must be pure."""
    span = span_of(node)
    match target.value:
        case ast.Name(id=name) if name in c.scope.maps and name not in c.locals:
            return _set_map_item(c, node, target, name, op, value)
        case ast.Name(id=name) if name in c.scope.params:
            c.error(
                "read-only-field",
                target,
                f'the parameter "{name}" cannot be written',
                "copy it into an ArrayMap in init(ctx)",
            )
            return []
        case ast.Attribute(value=owner, attr=attr):
            base = c.look(owner)
            if base.bad:
                return []
            if base.kind in PACKETS and attr == "cb":
                if not present(c, owner, base) or not _writable(c, owner, "writing skb.cb"):
                    return []
                index = _pure(c, target, item_index(c, target.slice, 5, "skb.cb"))
                new = combined(c, node, target, op, value)
                if new.bad:
                    return []
                return [tree.SetSkbCb(span=span, base=base.expr, index=index, value=new.expr)]
            if base.kind in RECORDS:
                return _set_field_item(c, node, target, base, op, value)
    expression(c, target)
    return []


def _set_field_item(
    c: FunctionCheck,
    node: ast.stmt,
    target: ast.Subscript,
    base: Value,
    op: str | None,
    value: ast.expr,
) -> list[Stmt]:
    assert isinstance(target.value, ast.Attribute)
    field = record_field(c, target.value, base)
    if field is None:
        return []
    if not field.length:
        c.error(
            "not-indexable",
            target,
            f'"{field.name}" is one value',
            f"write {ast.unparse(target.value)} = ...",
        )
        return []
    index = _pure(c, target, item_index(c, target.slice, field.length, f'"{field.name}"'))
    new = combined(c, node, target, op, value)
    if new.bad:
        return []
    return [
        tree.SetFieldItem(
            span=span_of(node),
            base=base.expr,
            record=base.expr.type.record,
            name=field.name,
            index=index,
            length=field.length,
            value=new.expr,
        )
    ]


def _set_map_item(
    c: FunctionCheck,
    node: ast.stmt,
    target: ast.Subscript,
    name: str,
    op: str | None,
    value: ast.expr,
) -> list[Stmt]:
    key = map_calls.item_key(c, target, name)
    if key is None:
        c.look(value)
        return []
    key = _pure(c, target, key)
    new = combined(c, node, target, op, value)
    map_calls.touch(c, name, "set", target)
    if c.scope.maps[name].kind != "ArrayMap":
        map_calls.change(c, name, target, f"storing into {name}[...] in line {target.lineno}")
    if new.bad:
        return []
    call = tree.MapCall(
        span=span_of(node),
        type=Type(Kind.VOID),
        map=name,
        method="set",
        index=None,
        args=(key, new.expr),
    )
    return [tree.ExprStmt(span=span_of(node), value=call)]


_IMPURE_METHODS = frozenset(
    {"push", "pop", "pop_last", "pop_rank", "update", "delete", "lookup_or_init"}
)


def _pure(c: FunctionCheck, target: ast.Subscript, index: Expr) -> Expr:
    """Refuse an index with an effect: Python evaluates it after the value, and once."""
    todo: list[object] = [index]
    while todo:
        expr = todo.pop()
        effect = (
            isinstance(expr, tree.UserCall)
            or (
                isinstance(expr, tree.HelperCall)
                and expr.helper in HELPERS
                and "random" in expr.helper
            )
            or (
                isinstance(expr, tree.HelperCall)
                and expr.helper.startswith(("child_", "skb_", "mark_"))
            )
            or (isinstance(expr, tree.MapCall) and expr.method in _IMPURE_METHODS)
        )
        if effect:
            c.error(
                "call-in-target",
                target.slice,
                "an index that is assigned to cannot call what may change something",
                "put the index into a local first",
            )
            return index
        if isinstance(expr, tree.Expr):
            for slot in type(expr).__dataclass_fields__:
                part = getattr(expr, slot)
                todo.extend(part if isinstance(part, tuple) else (part,))
    return index

"""References: what names, fields and items stand for, and whether they may be used here."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from sandbox.language import fields, tree
from sandbox.language.flow import (
    BORROWED,
    ENDED,
    GONE,
    LENT,
    LOST,
    MAYBE,
    OWNED,
    PACKETS,
    RECORDS,
    Value,
    Var,
)
from sandbox.language.helpers import CONSTANTS, PROGRAMS
from sandbox.language.operands import INT, const, item_index, kind_text, present
from sandbox.language.report import span_of
from sandbox.language.scope import ANNOTATIONS, RESERVED
from sandbox.language.spell import did_you_mean
from sandbox.language.tree import Kind, Type
from sandbox.language.verdicts import VERDICTS

if TYPE_CHECKING:
    from sandbox.language.function_check import FunctionCheck


def name_value(c: FunctionCheck, node: ast.Name) -> Value:
    """Return what a name stands for."""
    name, scope, span = node.id, c.scope, span_of(node)
    if name in c.locals:
        return _local(c, node)
    if name in VERDICTS:
        verdict = tree.VerdictConst(span=span, type=Type(Kind.VERDICT), name=name)
        return Value(verdict, verdicts=frozenset({name}))
    if name in CONSTANTS:
        return Value(const(node, CONSTANTS[name]))
    if name in scope.constants:
        found = scope.constants[name]
        return Value(const(node, found.value, found.kind))
    if name in scope.globals:
        c.use(f'the global "{name}"', PROGRAMS, node)
        kind = scope.globals[name].kind
        low, high = (0, 1) if kind is Kind.BOOL else tree_full()
        return Value(tree.Global(span=span, type=Type(kind), name=name, low=low, high=high))
    if name in scope.params:
        return _param(c, node)
    _not_a_value(c, node)
    return c.bad(node)


def tree_full() -> tuple[int, int]:
    """Return the interval of any int."""
    return tree.INT_MIN, tree.INT_MAX


def _param(c: FunctionCheck, node: ast.Name) -> Value:
    param = c.scope.params[node.id]
    c.use(f'the parameter "{node.id}"', PROGRAMS, node)
    if isinstance(param.default, tuple):
        c.error(
            "list-param",
            node,
            f'"{node.id}" is a list of {len(param.default)} ints, not an int',
            f"read one item, {node.id}[i], or its length, len({node.id})",
        )
        return c.bad(node)
    ref = tree.ParamRef(
        span=span_of(node), type=Type(param.kind), name=node.id, low=param.low, high=param.high
    )
    return Value(ref)


def _not_a_value(c: FunctionCheck, node: ast.Name) -> None:
    name, scope = node.id, c.scope
    if name in scope.maps:
        kind = scope.maps[name].kind
        hint = f"call one of its methods, or len({name})"
        c.error("not-a-value", node, f'"{name}" is a map ({kind}), not a value', hint)
    elif name in scope.functions:
        c.error(
            "not-a-value", node, f'"{name}" is a function, not a value', f"call it: {name}(...)"
        )
    elif scope.record(name):
        c.error(
            "not-a-value",
            node,
            f'"{name}" is a record type, not a value',
            "records live in maps: lookup_or_init(key) makes one",
        )
    elif name == "ctx":
        c.error(
            "no-ctx",
            node,
            f'"{c.summary.name}" has no ctx',
            'give it a parameter "ctx" and pass it, or pass the value it needs, such as ctx.now',
        )
    elif name in c.scope.lines or name in RESERVED:
        c.error("not-a-value", node, f'"{name}" is not a value here', "see docs/language.md")
    else:
        near = did_you_mean(name, (*c.locals, *scope.lines, *_language_names()))
        c.error(
            "undefined-name",
            node,
            f'undefined name "{name}"{near}',
            "define it above, or check the spelling",
        )


def _language_names() -> tuple[str, ...]:
    """Return the names of the language that may stand for a value or a call."""
    return tuple(RESERVED - set(ANNOTATIONS))


def _local(c: FunctionCheck, node: ast.Name) -> Value:
    name = node.id
    var = c.get(name)
    if var is None or not var.assigned:
        if var is not None and var.own == LOST:
            return c.bad(node)
        sometimes = "may have no value here" if var is not None else "has no value yet"
        c.error(
            "unassigned",
            node,
            f'"{name}" {sometimes}',
            "assign it before, on every path"
            if name not in c.scope.globals
            else f'write "global {name}" first',
        )
        return c.bad(node)
    if not _usable(c, node, var):
        return c.bad(node)
    local = tree.Local(span=span_of(node), type=var.type, name=name, low=var.low, high=var.high)
    return Value(local, own=var.own, maps=var.maps, verdicts=var.verdicts)


def _usable(c: FunctionCheck, node: ast.Name, var: Var) -> bool:
    """Whether a local may be mentioned here; a spent or uncertain packet may not."""
    if var.kind is Kind.NONE or var.own in ("", OWNED, LENT, BORROWED):
        return True
    name = node.id
    if var.own == GONE:
        c.error(
            "used-after-gone",
            node,
            f"{name} is used after it was {var.why or 'given away'}",
            "read the fields you need into locals before",
        )
    elif var.own == ENDED:
        c.error(
            "borrow-ended",
            node,
            f"{name} was only borrowed, and the borrow ended: {var.why}",
            "read the fields you need into locals before, or peek again",
        )
        c.put(name, replace(var, own=LOST))
    elif var.own == MAYBE:
        c.error(
            "unchecked-push",
            node,
            f'{name} may have been pushed already, which "{var.on}" knows',
            f'test it first: "if not {var.on}:" means that {name} is still yours',
        )
    return False


def attribute(c: FunctionCheck, node: ast.Attribute) -> Value:
    """Return a field, or the size of a map."""
    match node.value:
        case ast.Name(id="ctx") if c.has_ctx:
            return _ctx_field(c, node, node.attr)
        case ast.Attribute(value=ast.Name(id="ctx"), attr="dev") if c.has_ctx:
            return _ctx_field(c, node, f"dev.{node.attr}")
        case ast.Name(id=name) if name in c.scope.maps and name not in c.locals:
            return c.map_bytes(node, name, None)
        case ast.Subscript(value=ast.Name(id=name), slice=index) if name in c.scope.maps:
            return c.map_bytes(node, name, index)
    base = c.look(node.value)
    if base.bad:
        return c.bad(node)
    if base.kind in PACKETS:
        return _skb_field(c, node, base)
    if base.kind in RECORDS:
        return _record_field(c, node, base)
    if base.kind is Kind.NONE:
        present(c, node.value, base)
        return c.bad(node)
    c.error(
        "no-attribute",
        node,
        f'{kind_text(base.expr.type)} has no "{node.attr}"',
        "packets, records and ctx have fields",
    )
    return c.bad(node)


def _ctx_field(c: FunctionCheck, node: ast.Attribute, name: str) -> Value:
    spec = fields.CTX_FIELDS.get(name)
    if spec is None:
        near = did_you_mean(name, fields.CTX_FIELDS)
        hint = fields.REFUSED_CTX_FIELDS.get(name, f"ctx has {', '.join(fields.CTX_FIELDS)}")
        c.error("unknown-field", node, f'ctx has no "{name}"{near}', hint)
        return c.bad(node)
    c.use(f"ctx.{name}", spec.readable_in, node)
    return Value(
        tree.CtxField(span=span_of(node), type=INT, name=name, low=spec.low, high=spec.high)
    )


def _skb_field(c: FunctionCheck, node: ast.Attribute, base: Value) -> Value:
    if not present(c, node.value, base):
        return c.bad(node)
    spec = fields.SKB_FIELDS.get(node.attr)
    if spec is None:
        _unknown_skb_field(c, node)
        return c.bad(node)
    if spec.length:
        c.error(
            "whole-array", node, f"skb.{node.attr} is five ints", f"read one: skb.{node.attr}[0]"
        )
        return c.bad(node)
    span = span_of(node)
    return Value(
        tree.SkbField(
            span=span, type=INT, base=base.expr, name=node.attr, low=spec.low, high=spec.high
        )
    )


def _unknown_skb_field(c: FunctionCheck, node: ast.Attribute) -> None:
    cure = fields.REFUSED_SKB_FIELDS.get(node.attr)
    if cure is not None:
        c.error("unknown-field", node, f"a program cannot read skb.{node.attr}", cure)
        return
    near = did_you_mean(node.attr, fields.SKB_FIELDS)
    c.error(
        "unknown-field",
        node,
        f'skb has no "{node.attr}"{near}',
        "fields are those of struct __sk_buff",
    )


def record_field(c: FunctionCheck, node: ast.Attribute, base: Value) -> tree.RecordField | None:
    """Return the field of a record that an attribute names, or None after reporting."""
    if not present(c, node.value, base):
        return None
    record = c.scope.record(base.expr.type.record)
    names = {field.name: field for field in record.fields} if record else {}
    if node.attr in names:
        return names[node.attr]
    c.error(
        "unknown-field",
        node,
        f'{base.expr.type.record} has no field "{node.attr}"{did_you_mean(node.attr, names)}',
        f"its fields are {', '.join(names) or 'none'}",
    )
    return None


def _record_field(c: FunctionCheck, node: ast.Attribute, base: Value) -> Value:
    field = record_field(c, node, base)
    if field is None:
        return c.bad(node)
    if field.length:
        c.error(
            "whole-array",
            node,
            f'"{node.attr}" is an Array of {field.length} ints and cannot be taken as a whole',
            f"read one item: {ast.unparse(node.value)}.{node.attr}[i]",
        )
        return c.bad(node)
    low, high = (0, 1) if field.kind is Kind.BOOL else tree_full()
    if field.param is not None:
        low, high = field.param.low, field.param.high
    return Value(
        tree.Field(
            span=span_of(node),
            type=Type(field.kind),
            base=base.expr,
            record=base.expr.type.record,
            name=node.attr,
            low=low,
            high=high,
        )
    )


def subscript(c: FunctionCheck, node: ast.Subscript) -> Value:
    """Return an item."""
    span = span_of(node)
    match node.value:
        case ast.Name(id=name) if name in c.scope.maps and name not in c.locals:
            return c.map_item(node, name)
        case ast.Name(id=name) if name in c.scope.params and name not in c.locals:
            return _param_item(c, node, name)
        case ast.Attribute(value=owner, attr=attr):
            base = c.look(owner)
            if base.bad:
                return c.bad(node)
            if base.kind in PACKETS and attr == "cb":
                if not present(c, owner, base):
                    return c.bad(node)
                index = item_index(c, node.slice, 5, "skb.cb")
                return Value(
                    tree.SkbCb(
                        span=span, type=INT, base=base.expr, index=index, low=0, high=2**32 - 1
                    )
                )
            if base.kind in RECORDS:
                field = record_field(c, node.value, base)
                if field is not None and field.length:
                    index = item_index(c, node.slice, field.length, f'"{attr}"')
                    return Value(
                        tree.FieldItem(
                            span=span,
                            type=INT,
                            base=base.expr,
                            record=base.expr.type.record,
                            name=attr,
                            index=index,
                            length=field.length,
                        )
                    )
                if field is None:
                    return c.bad(node)
    c.error(
        "not-indexable",
        node,
        "only maps, list parameters, Array fields and skb.cb have items",
        "declare an ArrayMap or an Array field",
    )
    return c.bad(node)


def _param_item(c: FunctionCheck, node: ast.Subscript, name: str) -> Value:
    param = c.scope.params[name]
    c.use(f'the parameter "{name}"', PROGRAMS, node)
    if not isinstance(param.default, tuple):
        c.error("not-indexable", node, f'"{name}" is one value, not a list', f"write {name}")
        return c.bad(node)
    index = item_index(c, node.slice, len(param.default), f'"{name}"')
    return Value(
        tree.ParamItem(
            span=span_of(node),
            type=INT,
            name=name,
            index=index,
            length=len(param.default),
            low=param.low,
            high=param.high,
        )
    )

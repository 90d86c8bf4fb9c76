"""Expressions: types, constants, intervals, and who owns the packets they mention."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from sandbox.language import fields, tree
from sandbox.language.constants import checked_literal, folded
from sandbox.language.flow import (
    BORROWED,
    ENDED,
    GONE,
    INTS,
    LENT,
    LOST,
    MAYBE,
    OWNED,
    PACKETS,
    PRESENT,
    RECORDS,
    Value,
    Var,
    join_kinds,
)
from sandbox.language.helpers import CONSTANTS, PROGRAMS
from sandbox.language.numbers import OPERATORS, interval
from sandbox.language.report import span_of
from sandbox.language.spell import did_you_mean
from sandbox.language.tree import INT_MIN, Const, Expr, Kind, Type
from sandbox.language.verdicts import VERDICTS

if TYPE_CHECKING:
    from sandbox.language.function_check import FunctionCheck

INT = Type(Kind.INT)
BOOL = Type(Kind.BOOL)
COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}


def expression(c: FunctionCheck, node: ast.expr) -> Value:
    """Return the checked expression; packets stay with the variables that own them."""
    c.tick()
    match node:
        case ast.Constant():
            return _literal(c, node)
        case ast.Name():
            return _name(c, node)
        case ast.Attribute():
            return _attribute(c, node)
        case ast.Subscript():
            return _subscript(c, node)
        case ast.Call():
            return c.call(node)
        case ast.BinOp():
            return _binary(c, node)
        case ast.UnaryOp():
            return _unary(c, node)
        case ast.Compare() | ast.BoolOp():
            return _truth(c, node)
        case ast.IfExp():
            return _choice(c, node, take=False)
        case ast.List():
            c.error(
                "not-in-language",
                node,
                "a list is not in this language",
                "declare a Queue, an ArrayMap or an Array field; a list is only the default "
                "of a Param",
            )
    return c.bad(node)


def taken(c: FunctionCheck, node: ast.expr) -> Value:
    """Return the checked expression; a packet moves out of the variable that owned it."""
    if isinstance(node, ast.IfExp):
        c.tick()
        return _choice(c, node, take=True)
    value = expression(c, node)
    if isinstance(node, ast.Name) and value.own == OWNED:
        c.spend(node.id, f"moved away in line {node.lineno}")
    return value


def integer(c: FunctionCheck, node: ast.expr, what: str) -> Expr:
    """Return a checked int or bool; anything else is reported."""
    value = c.look(node)
    if value.bad or value.kind in INTS:
        return value.expr
    hint = "write a number, a comparison or a call that gives one"
    if value.kind in PRESENT:
        hint = "give it a name and test it for None first"
    elif value.kind is Kind.VERDICT:
        hint = "verdicts are no numbers, they can only be returned or kept in a local"
    elif value.kind is Kind.SKB:
        hint = "name a field of the packet, such as skb.len"
    c.error("expected-int", node, f"{what} is an int, got {kind_text(value.expr.type)}", hint)
    return c.bad(node).expr


def kind_text(kind: Type) -> str:
    """Return a type in the user's words."""
    if kind.kind in RECORDS:
        return kind.kind.value.replace("record", kind.record or "record")
    return {
        Kind.SKB: "a packet",
        Kind.OPTIONAL_SKB: "a packet or None",
        Kind.VERDICT: "a verdict",
        Kind.BOOL: "a bool",
        Kind.INT: "an int",
        Kind.OPTIONAL_INT: "an int or None",
    }.get(kind.kind, kind.kind.value)


def const(node: ast.AST, value: int, kind: Kind = Kind.INT) -> Const:
    """Return a constant expression."""
    return Const(span=span_of(node), type=Type(kind), value=value, low=value, high=value)


def known(expr: Expr) -> int | None:
    """Return the value of a constant int or bool, else None."""
    return expr.value if isinstance(expr, Const) and expr.type.kind in INTS else None


def _literal(c: FunctionCheck, node: ast.Constant) -> Value:
    match node.value:
        case None:
            return Value(Const(span=span_of(node), type=Type(Kind.NONE), value=None))
        case bool() as flag:
            return Value(const(node, int(flag), Kind.BOOL))
        case int() as number:
            found = checked_literal(number, node, c.report)
            return c.bad(node) if found is None else Value(const(node, number))
        case str():
            c.error(
                "string",
                node,
                "a string stands only in trace, drop and help",
                "tell things apart by ints; name them as constants in capitals",
            )
        case _:
            c.error("not-in-language", node, "this literal is not in this language", "use an int")
    return c.bad(node)


# --- names ---


def _name(c: FunctionCheck, node: ast.Name) -> Value:
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
    elif name in c.scope.lines or name in _language_names():
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
    from sandbox.language.scope import RESERVED

    return tuple(RESERVED)


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


# --- fields and items ---


def _attribute(c: FunctionCheck, node: ast.Attribute) -> Value:
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


def present(c: FunctionCheck, node: ast.expr, value: Value) -> bool:
    """Whether a packet or record is certainly there; reports a missing None test and nameless values."""
    name = node.id if isinstance(node, ast.Name) else ""
    if value.kind in PRESENT or value.kind is Kind.NONE:
        c.error(
            "none-test",
            node,
            f"{name or 'this'} {'is' if value.kind is Kind.NONE else 'may be'} None here",
            f'test it first: "if {name} is None:" and leave'
            if name
            else "give it a name and test it for None",
        )
        return False
    if not name:
        c.error("nameless", node, "fields are read from a name", "give the value a name first")
        return False
    return True


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


def item_index(c: FunctionCheck, node: ast.expr, length: int, what: str) -> Expr:
    """Return a checked index; one that is certainly outside is reported."""
    index = c.integer(node, f"the index of {what}")
    if length and (index.low >= length or index.high < 0):
        got = index.low if index.low == index.high else f"{index.low} to {index.high}"
        c.error(
            "index-out-of-range",
            node,
            f"the index of {what} is 0 to {length - 1}, got {got}",
            "negative indices do not count from the end",
        )
    return index


def _subscript(c: FunctionCheck, node: ast.Subscript) -> Value:
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


# --- operators ---


def _binary(c: FunctionCheck, node: ast.BinOp) -> Value:
    op = OPERATORS.get(type(node.op))
    if op is None:  # reported by parse
        c.look(node.left)
        c.look(node.right)
        return c.bad(node)
    left = c.integer(node.left, f'the left side of "{op}"')
    right = c.integer(node.right, f'the right side of "{op}"')
    return binary(c, node, op, left, right)


def binary(c: FunctionCheck, node: ast.expr, op: str, left: Expr, right: Expr) -> Value:
    """Return an operator applied to two checked ints, folded when both are constants."""
    a, b = known(left), known(right)
    if a is not None and b is not None:
        found = folded(op, a, b, node, c.report)
        return c.bad(node) if found is None else Value(const(node, found.value))
    if b is not None and (b == 0 if op in ("//", "%") else op in ("<<", ">>") and not 0 <= b < 64):
        folded(op, 1, b, node, c.report)
        return c.bad(node)
    (low, high), wraps = interval(op, (left.low, left.high), (right.low, right.high))
    both = left.type.kind is Kind.BOOL and right.type.kind is Kind.BOOL and op in ("&", "|", "^")
    return Value(
        tree.Binary(
            span=span_of(node),
            type=BOOL if both else INT,
            op=op,
            left=left,
            right=right,
            wraps=wraps,
            low=0 if both else low,
            high=1 if both else high,
        )
    )


def _unary(c: FunctionCheck, node: ast.UnaryOp) -> Value:
    if isinstance(node.op, ast.Not):
        return _truth(c, node)
    match node.op, node.operand:
        case ast.USub(), ast.Constant(value=int() as number) if not isinstance(number, bool):
            found = checked_literal(-number, node, c.report)
            return c.bad(node) if found is None else Value(const(node, found.value))
    sign = {ast.USub: "-", ast.Invert: "~"}.get(type(node.op), "+")
    operand = c.integer(node.operand, f'the operand of "{sign}"')
    value = known(operand)
    if sign == "+":
        return Value(operand)
    if sign == "-" and (value is not None or operand.low == INT_MIN):
        return binary(c, node, "-", const(node, 0), operand)
    if operand.type.kind is Kind.BOOL and sign == "~":
        c.error("invert-bool", node, '"~" of a bool is -1 or -2', 'write "not" for the opposite')
        return c.bad(node)
    if value is not None:
        return Value(const(node, ~value))
    low, high = (~operand.high, ~operand.low) if sign == "~" else (-operand.high, -operand.low)
    return Value(
        tree.Unary(span=span_of(node), type=INT, op=sign, operand=operand, low=low, high=high)
    )


def _truth(c: FunctionCheck, node: ast.expr) -> Value:
    """Return `and`, `or`, `not` and comparisons used as a value."""
    test, true, false = c.test(node)
    c.state = c.join(true, false, node)
    if not _is_bool(test):
        word = "and" if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And) else "or"
        c.error(
            "bool-operand",
            node,
            f'"{word}" used as a value joins bools, got an int',
            'compare, as in "x != 0", or write "a if test else b"',
        )
    return Value(test)


def _is_bool(test: Expr) -> bool:
    """Whether Python would give a bool: its `x or y` is x or y themselves, not their truth."""
    if isinstance(test, tree.BoolOp):
        return all(_is_bool(value) for value in test.values)
    return test.type.kind is Kind.BOOL or (isinstance(test, Const) and test.value is None)


def _choice(c: FunctionCheck, node: ast.IfExp, *, take: bool) -> Value:
    test, true, false = c.test(node.test)
    before = c.state
    walk = c.take if take else c.look
    c.state = dict(before or {}) if true is None else true
    then = walk(node.body)
    after_then = None if true is None else c.state
    c.state = dict(before or {}) if false is None else false
    orelse = walk(node.orelse)
    after_else = None if false is None else c.state
    c.state = c.join(after_then, after_else, node)
    if c.state is None:
        c.state = before
    if then.bad or orelse.bad:
        return c.bad(node)
    kind = join_kinds(then.kind, orelse.kind)
    if kind is None or (take and _owners_differ(then, orelse)):
        c.error(
            "types-differ",
            node,
            f'"if ... else" gives {kind_text(then.expr.type)} or {kind_text(orelse.expr.type)}',
            "write an if statement with a return or an assignment in each branch",
        )
        return c.bad(node)
    own = then.own if then.kind in PACKETS else orelse.own
    record = then.expr.type.record or orelse.expr.type.record
    return Value(
        tree.IfExp(
            span=span_of(node),
            type=Type(kind, record, own == BORROWED),
            test=test,
            then=then.expr,
            orelse=orelse.expr,
            low=min(then.expr.low, orelse.expr.low),
            high=max(then.expr.high, orelse.expr.high),
        ),
        own=own,
        maps=then.maps | orelse.maps,
        verdicts=then.verdicts | orelse.verdicts,
    )


def _owners_differ(then: Value, orelse: Value) -> bool:
    return then.kind in PACKETS and orelse.kind in PACKETS and then.own != orelse.own

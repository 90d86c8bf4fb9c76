"""Expressions: literals, operators, choices, and packets that move."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from sandbox.language import tree
from sandbox.language.constants import checked_literal, folded
from sandbox.language.flow import (
    BORROWED,
    OWNED,
    PACKETS,
    Value,
    join_kinds,
)
from sandbox.language.numbers import OPERATORS, interval
from sandbox.language.operands import BOOL, INT, const, kind_text, known
from sandbox.language.references import attribute, name_value, subscript
from sandbox.language.report import span_of
from sandbox.language.tree import INT_MIN, Const, Expr, Kind, Type

if TYPE_CHECKING:
    from sandbox.language.function_check import FunctionCheck

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
            return name_value(c, node)
        case ast.Attribute():
            return attribute(c, node)
        case ast.Subscript():
            return subscript(c, node)
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

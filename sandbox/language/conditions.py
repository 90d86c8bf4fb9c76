"""Conditions: tests, and what is known on the path where they hold and the path where they do not."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from sandbox.language import map_calls, tree
from sandbox.language.expressions import COMPARISONS
from sandbox.language.flow import (
    INTS,
    MAYBE,
    OWNED,
    PACKETS,
    PRESENT,
    RECORDS,
    State,
    Value,
)
from sandbox.language.operands import BOOL, kind_text
from sandbox.language.report import span_of
from sandbox.language.tree import Expr, Kind

if TYPE_CHECKING:
    from sandbox.language.function_check import FunctionCheck

Tested = tuple[Expr, State | None, State | None]
_SWAPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}


def condition(c: FunctionCheck, node: ast.expr) -> Tested:
    """Return a condition with the states where it is true and where it is false."""
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            c.tick()
            test, true, false = condition(c, operand)
            return (
                tree.Unary(span=span_of(node), type=BOOL, op="not", operand=test, low=0, high=1),
                false,
                true,
            )
        case ast.BoolOp():
            c.tick()
            return _joined(c, node)
        case ast.Compare():
            c.tick()
            return _comparison(c, node)
        case ast.Call() if map_calls.is_push(c, node):
            return _push(c, node)
    value = c.look(node)
    _check_truth(c, node, value)
    true, false = c.copy(), c.copy()
    if isinstance(node, ast.Name):
        return value.expr, c.settle(true, node.id, True), c.settle(false, node.id, False)
    return value.expr, true, false


def _check_truth(c: FunctionCheck, node: ast.expr, value: Value) -> None:
    if value.bad or value.kind in INTS:
        return
    hint = "write a comparison"
    if value.kind in PRESENT or value.kind in PACKETS or value.kind in RECORDS:
        hint = 'write "... is not None"'
    c.error(
        "condition",
        node,
        f"a condition is a bool or an int, got {kind_text(value.expr.type)}",
        hint,
    )


def _joined(c: FunctionCheck, node: ast.BoolOp) -> Tested:
    """Short circuits: each operand is evaluated only where the ones before allow it."""
    is_and = isinstance(node.op, ast.And)
    tests: list[Expr] = []
    done: State | None = None  # where the outcome is settled early
    reachable = True
    going: State | None = c.copy()
    for operand in node.values:
        reachable = reachable and going is not None
        c.state = going if going is not None else c.copy()
        test, true, false = condition(c, operand)
        tests.append(test)
        if not reachable:
            continue
        settled, going = (false, true) if is_and else (true, false)
        done = c.join(done, settled, operand)
    if not reachable:
        going = None
    expr = tree.BoolOp(
        span=span_of(node),
        type=BOOL,
        op="and" if is_and else "or",
        values=tuple(tests),
        low=0,
        high=1,
    )
    return (expr, going, done) if is_and else (expr, done, going)


def _push(c: FunctionCheck, node: ast.Call) -> Tested:
    value, name, why = map_calls.push(c, node)
    false = c.copy()
    if name and isinstance(value.expr, tree.MapCall):
        c.pushed(name, value.expr.map, why)
        if false[name].own == OWNED:
            false[name] = replace(false[name], why="on the path where push fails")
    return value.expr, c.copy(), false


# --- comparisons ---


def _comparison(c: FunctionCheck, node: ast.Compare) -> Tested:
    if len(node.ops) == 1:
        op, right = node.ops[0], node.comparators[0]
        if isinstance(op, ast.Is | ast.IsNot):
            return _none_test(c, node, isinstance(op, ast.IsNot))
        if isinstance(op, ast.In | ast.NotIn):
            return _membership(c, node, isinstance(op, ast.NotIn))
        if _is_none(right) or _is_none(node.left):
            word = "is" if isinstance(op, ast.Eq) else "is not"
            subject = node.left if _is_none(right) else right
            cure = f"{ast.unparse(subject)} {word} None"
            c.error(
                "none-compare",
                node,
                'None is tested with "is"',
                f'write "{word} None"',
                (f'write "{cure}"', span_of(node), cure),
            )
            return _none_test(c, node, word == "is not")
    return _numbers(c, node)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _none_test(c: FunctionCheck, node: ast.Compare, negated: bool) -> Tested:
    subject, other = node.left, node.comparators[0]
    if _is_none(subject):
        subject, other = other, subject
    if not _is_none(other):
        c.error("none-compare", node, '"is" only tests for None', 'compare numbers with "=="')
        c.look(subject)
        return c.bad(node).expr, c.copy(), c.copy()
    value = _subject(c, subject)
    test = tree.IsNone(
        span=span_of(node), type=BOOL, value=value.expr, negated=negated, low=0, high=1
    )
    there, absent = _none_states(c, subject, value)
    return (test, there, absent) if negated else (test, absent, there)


def _subject(c: FunctionCheck, node: ast.expr) -> Value:
    """Return what is tested for None; a packet that is not owned any more may be asked too."""
    var = c.get(node.id) if isinstance(node, ast.Name) else None
    if isinstance(node, ast.Name) and var is not None and var.own == MAYBE:
        local = tree.Local(span=span_of(node), type=var.type, name=node.id)
        return Value(local, own=var.own)
    return c.look(node)


def _none_states(
    c: FunctionCheck, node: ast.expr, value: Value
) -> tuple[State | None, State | None]:
    """Return the states where the value is there and where it is None."""
    if value.bad:
        return c.copy(), c.copy()
    if value.kind in (Kind.INT, Kind.BOOL, Kind.VERDICT, Kind.VOID):
        c.error(
            "never-none",
            node,
            f"{kind_text(value.expr.type)} is never None",
            'compare with a number, as in "== 0"',
        )
        return c.copy(), c.copy()
    there, absent = c.copy(), c.copy()
    if isinstance(node, ast.Name) and node.id in there:
        var = there[node.id]
        there[node.id] = replace(var, kind=PRESENT.get(var.kind, var.kind))
        absent[node.id] = replace(var, kind=Kind.NONE, own="", on="")
    if value.kind is Kind.NONE:
        return None, absent
    return there, (absent if value.kind in PRESENT else None)


def _membership(c: FunctionCheck, node: ast.Compare, negated: bool) -> Tested:
    value = map_calls.contains(c, node)
    test = value.expr
    if negated:
        test = tree.Unary(span=span_of(node), type=BOOL, op="not", operand=test, low=0, high=1)
    return test, c.copy(), c.copy()


def _numbers(c: FunctionCheck, node: ast.Compare) -> Tested:
    ops = []
    for op in node.ops:
        if type(op) not in COMPARISONS:
            c.error(
                "chained-test", node, '"is" and "in" stand alone in a test', 'join tests with "and"'
            )
            return c.bad(node).expr, c.copy(), c.copy()
        ops.append(COMPARISONS[type(op)])
    sides = []
    for side in (node.left, *node.comparators):
        sides.append(c.integer(side, f'each side of "{ops[0]}"'))
    test = tree.Compare(
        span=span_of(node),
        type=BOOL,
        first=sides[0],
        ops=tuple(ops),
        rest=tuple(sides[1:]),
        low=0,
        high=1,
    )
    true, false = c.copy(), c.copy()
    if len(ops) == 1:
        narrow(true, sides[0], ops[0], sides[1])
        narrow(false, sides[0], _OPPOSITE[ops[0]], sides[1])
    return test, true, false


def narrow(state: State, left: Expr, op: str, right: Expr) -> None:
    """Tighten the intervals of the locals a comparison that holds compares."""
    for one, sign, other in ((left, op, right), (right, _SWAPPED[op], left)):
        if not isinstance(one, tree.Local) or one.name not in state:
            continue
        var = state[one.name]
        low, high = var.low, var.high
        if sign in ("<", "<="):
            high = min(high, other.high - (sign == "<"))
        elif sign in (">", ">="):
            low = max(low, other.low + (sign == ">"))
        elif sign == "==":
            low, high = max(low, other.low), min(high, other.high)
        if low <= high:
            state[one.name] = replace(var, low=low, high=high)

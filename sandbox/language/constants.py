"""Constants: ints and bools that can be computed from the text alone."""

from __future__ import annotations

import ast

from sandbox.language.helpers import CONSTANTS
from sandbox.language.maps import MAPS
from sandbox.language.numbers import OPERATORS, exact, fits
from sandbox.language.report import Report
from sandbox.language.scope import Constant, Scope
from sandbox.language.spell import did_you_mean, nearest
from sandbox.language.tree import Kind


def constant(node: ast.expr, scope: Scope, report: Report) -> Constant | None:
    """Return the value of a constant expression, or None after reporting why it has none."""
    match node:
        case ast.Constant(value=bool() as flag):
            return Constant(Kind.BOOL, int(flag))
        case ast.Constant(value=int() as number):
            return checked_literal(number, node, report)
        case ast.Name(id=name):
            return _named(name, node, scope, report)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as number)):
            return checked_literal(-number, node, report)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() | ast.Invert() | ast.Not()):
            value = constant(node.operand, scope, report)
            return None if value is None else _unary(node, value, report)
        case ast.BinOp() if type(node.op) in OPERATORS:
            left = constant(node.left, scope, report)
            right = constant(node.right, scope, report)
            if left is None or right is None:
                return None
            return folded(OPERATORS[type(node.op)], left.value, right.value, node, report)
    report.add(
        "not-constant",
        node,
        "a constant is needed here: ints, True, False, names of constants and + - * // % << "
        ">> & | ^ ~",
        _instead(node),
    )
    return None


def _instead(node: ast.expr) -> str:
    """Return what somebody meant who wrote this where a constant is needed."""
    match node:
        case ast.Call(func=ast.Name(id=name)) if near := nearest(name, (*MAPS, "Param", "Record")):
            return f'did you mean "{near}"?'
        case ast.List() | ast.ListComp():
            return "packets wait in an SkbMap, ints in a Queue; fixed numbers are Param([1, 2])"
        case ast.Dict() | ast.DictComp():
            return "a HashMap keeps ints and records by key"
    return "compute it in init(ctx) into a global if it depends on anything else"


def checked_literal(number: int, node: ast.expr, report: Report) -> Constant | None:
    """Return a literal as a constant if it is a signed 64-bit int."""
    if not fits(number):
        report.add(
            "literal-too-big",
            node,
            f"{number} does not fit a signed 64-bit int, the largest is {2**63 - 1}",
            "unsigned views of ints: udiv, umod and ult",
        )
        return None
    return Constant(Kind.INT, number)


def folded(op: str, left: int, right: int, node: ast.expr, report: Report) -> Constant | None:
    """Return the result of an operator on two constants, reporting what would fault or wrap."""
    value = exact(op, left, right)
    if value is None:
        if op in ("//", "%"):
            report.add(
                "division-by-zero",
                node,
                "this divides by 0, which stops the run",
                "test the divisor first",
            )
        else:
            report.add(
                "shift-count",
                node,
                f"the shift count is {right}, expected 0 to 63",
                "counts are taken modulo 64",
            )
        return None
    if not fits(value):
        report.add(
            "constant-overflow",
            node,
            f"{value} does not fit a signed 64-bit int",
            f"the largest is {2**63 - 1}",
        )
        return None
    return Constant(Kind.INT, value)


def _unary(node: ast.UnaryOp, value: Constant, report: Report) -> Constant | None:
    match node.op:
        case ast.Not():
            return Constant(Kind.BOOL, int(not value.value))
        case ast.USub():
            return checked_literal(-value.value, node, report)
        case ast.Invert():
            return Constant(Kind.INT, ~value.value)
    return Constant(Kind.INT, value.value)


def _named(name: str, node: ast.expr, scope: Scope, report: Report) -> Constant | None:
    if name in CONSTANTS:
        return Constant(Kind.INT, CONSTANTS[name])
    if name in scope.constants:
        return scope.constants[name]
    if name in scope.lines:
        report.add(
            "not-constant",
            node,
            f'a constant is needed here, "{name}" is {scope.what(name)}',
            "write the number, or name a constant in capitals",
        )
        return None
    report.add(
        "undefined-name",
        node,
        f'undefined name "{name}"{did_you_mean(name, (*scope.constants, *CONSTANTS))}',
        "names at the top of a program must be defined above their first use",
    )
    return None

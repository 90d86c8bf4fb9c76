"""Lowering of expressions: neutral tree → Python ``ast`` that computes the same on Python ints.

Two modes: `value` gives an int, packet, record index or None (a bool is 0 or 1, never Python's True), `test` gives
anything whose truth is right, which saves a step where only a branch follows.
"""

from __future__ import annotations

import ast

from sandbox.compiler import lower_call, nodes
from sandbox.compiler.names import local, variable
from sandbox.compiler.records import Sources
from sandbox.compiler.scope import Scope, is_record
from sandbox.language import tree
from sandbox.language.tree import INT_MAX, INT_MIN, Kind
from sandbox.language.verdicts import VERDICTS

VERDICT_NUMBERS = {"QUEUED": 0, "CN": 1, "DROP": 2, "THROTTLE": 3, "BYPASS": 4, "PASS": 5}
VERDICT_NUMBERS |= {"STOLEN": 6, "OK": 7}
assert VERDICT_NUMBERS.keys() == VERDICTS.keys()


def test(scope: Scope, expr: tree.Expr) -> ast.expr:
    """Return an expression of the same truth."""
    match expr:
        case tree.Compare():
            rest = [(op, value(scope, e)) for op, e in zip(expr.ops, expr.rest, strict=True)]
            return nodes.chain(value(scope, expr.first), *rest)
        case tree.IsNone():
            return _is_none(scope, expr)
        case tree.Unary(op="not"):
            return nodes.unary("not", test(scope, expr.operand))
        case tree.BoolOp():
            return nodes.logic(expr.op, [test(scope, e) for e in expr.values])
        case tree.MapCall() | tree.HelperCall():
            return lower_call.lower(scope, expr, truth=True)
    lowered = value(scope, expr)
    if is_record(scope.kind_of(expr)):
        return nodes.compare(lowered, ">=", nodes.const(0))
    return lowered


def _is_none(scope: Scope, expr: tree.IsNone) -> ast.expr:
    operand = value(scope, expr.value)
    if is_record(scope.kind_of(expr.value)):
        return nodes.compare(operand, ">=" if expr.negated else "<", nodes.const(0))
    return nodes.compare(operand, "is not" if expr.negated else "is", nodes.const(None))


def value(scope: Scope, expr: tree.Expr) -> ast.expr:
    """Return an expression of the same value."""
    match expr:
        case tree.Const():
            return nodes.const(None if expr.value is None else int(expr.value))
        case tree.VerdictConst():
            return nodes.const(VERDICT_NUMBERS[expr.name])
        case tree.Local():
            return nodes.name(local(expr.name))
        case tree.Global():
            return nodes.name(variable(expr.name))
        case tree.ParamRef():
            return _param(scope, expr.name)
        case tree.ParamItem():
            return _param_item(scope, expr)
        case tree.Field() | tree.FieldItem():
            return _field(scope, expr)
        case tree.SkbField():
            return nodes.call(scope.use("field", expr.name), value(scope, expr.base))
        case tree.CtxField():
            return nodes.call(scope.use("field", f"ctx.{expr.name}"), nodes.name(local("ctx")))
        case tree.SkbCb():
            line = nodes.const(expr.span.line)
            base, index = value(scope, expr.base), value(scope, expr.index)
            return nodes.call(scope.use("instance", "load_cb"), base, index, line)
        case tree.Unary() if expr.op != "not":
            return _unary(scope, expr)
        case tree.Binary():
            return _binary(scope, expr)
        case tree.IfExp():
            then, orelse = value(scope, expr.then), value(scope, expr.orelse)
            return nodes.either(test(scope, expr.test), then, orelse)
        case tree.MapCall() | tree.HelperCall() | tree.UserCall():
            return lower_call.lower(scope, expr, truth=False)
    return nodes.either(test(scope, expr), nodes.const(1), nodes.const(0))


# --- records -------------------------------------------------------------------------------------


def value_as(scope: Scope, expr: tree.Expr, kind: Kind, target: Sources) -> ast.expr:
    """Return the value in the form of a variable of this kind whose record may come from `target`."""
    if not is_record(kind):
        if expr.type.kind is Kind.NONE:
            return nodes.const(None)
        return value(scope, expr)
    if expr.type.kind is Kind.NONE:
        return nodes.const(-1)
    if isinstance(expr, tree.IfExp):
        then = value_as(scope, expr.then, kind, target)
        return nodes.either(
            test(scope, expr.test), then, value_as(scope, expr.orelse, kind, target)
        )
    lowered = value(scope, expr)
    sources = scope.sources(expr)
    if len(target) < 2 or len(sources) != 1:
        return lowered
    (source,) = sources
    return _encoded(scope, lowered, source, is_there=expr.type.kind is Kind.RECORD)


def _encoded(scope: Scope, index: ast.expr, source: str, *, is_there: bool) -> ast.expr:
    """Return `index * n + k`, or −1 for None, which it cannot be when `is_there`."""
    count = nodes.const(len(scope.facts.provenance.tables))
    number = nodes.const(scope.table_number(source))
    if is_there:
        return nodes.binary("+", nodes.binary("*", index, count), number)
    kept = scope.temporary()
    encoded = nodes.binary("+", nodes.binary("*", nodes.name(kept), count), number)
    found = nodes.compare(nodes.keep(kept, index), ">=", nodes.const(0))
    return nodes.either(found, encoded, nodes.const(-1))


def record_value(scope: Scope, expr: tree.Expr) -> ast.expr:
    """Return a record in the form its own sources call for."""
    return value_as(scope, expr, Kind.RECORD, scope.sources(expr))


def place(scope: Scope, base: tree.Expr, record: str) -> tuple[ast.expr, ast.expr, ast.expr | None]:
    """Return (words, index, check) of a record; `check` must be evaluated first, it is always true.

    `words` and `index` may then be used any number of times.
    """
    sources = scope.sources(base)
    check: ast.expr | None = None
    if isinstance(base, tree.Local):
        handle = local(base.name)
    else:
        handle = scope.temporary()
        kept = nodes.keep(handle, record_value(scope, base))
        check = nodes.compare(kept, ">=", nodes.const(0))
    if len(sources) < 2:
        source = next(iter(sources), None) or scope.facts.provenance.some_table(record)
        words = scope.words(source) if source is not None else nodes.name(scope.use("list", "none"))
        return words, nodes.name(handle), check
    count = len(scope.facts.provenance.tables)
    number = nodes.binary("%", nodes.name(handle), nodes.const(count))
    words = nodes.item(nodes.name(scope.use("list", "tables")), number)
    return words, nodes.binary("//", nodes.name(handle), nodes.const(count)), check


def word_index(base: ast.expr, offset: int) -> ast.expr:
    """Return `base + offset`."""
    return base if offset == 0 else nodes.binary("+", base, nodes.const(offset))


def _field(scope: Scope, expr: tree.Field | tree.FieldItem) -> ast.expr:
    offset = scope.facts.fields[expr.record, expr.name].offset
    words, base, check = place(scope, expr.base, expr.record)
    index = word_index(base, offset)
    tests = [] if check is None else [check]
    faulty: ast.expr = nodes.const(0)
    if isinstance(expr, tree.FieldItem):
        at, inside, faulty = checked(scope, expr.index, expr.length)
        index = nodes.binary("+", index, at)
        tests += [] if inside is None else [inside]
    read = nodes.item(words, index)
    if not tests:
        return read
    return nodes.either(tests[0] if len(tests) == 1 else nodes.logic("and", tests), read, faulty)


def checked(
    scope: Scope, index: tree.Expr, length: int
) -> tuple[ast.expr, ast.expr | None, ast.expr]:
    """Return (index, test that it is in 0..length-1, the fault); no test where the bounds prove it.

    The test, where there is one, is what evaluates the index: it comes first, and once.
    """
    line = nodes.const(index.span.line)
    if _within(index, length):
        return value(scope, index), None, nodes.const(0)
    kept = scope.temporary()
    inside = nodes.chain(
        nodes.const(0), ("<=", nodes.keep(kept, value(scope, index))), ("<", nodes.const(length))
    )
    fault = nodes.call(scope.use("arithmetic", "bad_index"), nodes.name(kept), line)
    return nodes.name(kept), inside, fault


def _within(index: tree.Expr, length: int) -> bool:
    return bounds(index)[0] >= 0 and bounds(index)[1] < length


def bounds(expr: tree.Expr) -> tuple[int, int]:
    """Return what an int expression is known to lie in."""
    if isinstance(expr, tree.Const) and expr.value is not None:
        return int(expr.value), int(expr.value)
    if expr.type.kind is Kind.BOOL:
        return 0, 1
    return expr.low, expr.high


# --- parameters ----------------------------------------------------------------------------------


def _param(scope: Scope, name: str) -> ast.expr:
    index = nodes.const(scope.facts.param_index[name])
    return nodes.item(nodes.name(scope.use("list", "params")), index)


def _param_item(scope: Scope, expr: tree.ParamItem) -> ast.expr:
    at, inside, fault = checked(scope, expr.index, expr.length)
    read = nodes.item(_param(scope, expr.name), at)
    return read if inside is None else nodes.either(inside, read, fault)


# --- arithmetic ----------------------------------------------------------------------------------


def wrapped(scope: Scope, raw: ast.expr, low: int, high: int, line: int) -> ast.expr:
    """Return `raw`, whose true value is in low..high, as a signed 64-bit int."""
    if low >= INT_MIN and high <= INT_MAX:
        return raw
    kept = scope.temporary()
    result = nodes.keep(kept, raw)
    if low >= INT_MIN:
        fits = nodes.compare(result, "<=", nodes.const(INT_MAX))
    elif high <= INT_MAX:
        fits = nodes.compare(result, ">=", nodes.const(INT_MIN))
    else:
        fits = nodes.chain(nodes.const(INT_MIN), ("<=", result), ("<=", nodes.const(INT_MAX)))
    again = nodes.call(scope.use("arithmetic", "wrap"), nodes.name(kept), nodes.const(line))
    return nodes.either(fits, nodes.name(kept), again)


def _unary(scope: Scope, expr: tree.Unary) -> ast.expr:
    operand = value(scope, expr.operand)
    raw = nodes.unary(expr.op, operand)
    if expr.op == "~":
        return raw
    low, high = bounds(expr.operand)
    return wrapped(scope, raw, -high, -low, expr.span.line)


def _binary(scope: Scope, expr: tree.Binary) -> ast.expr:
    left, right = value(scope, expr.left), value(scope, expr.right)
    low, high = bounds(expr.right)
    line = nodes.const(expr.span.line)
    if expr.op in ("//", "%"):
        if low <= 0 <= high or (expr.op == "//" and low <= -1 <= high):
            helper = "floordiv" if expr.op == "//" else "modulo"
            return nodes.call(scope.use("arithmetic", helper), left, right, line)
        return nodes.binary(expr.op, left, right)
    if expr.op in ("<<", ">>") and not (low >= 0 and high <= 63):
        right = nodes.binary("&", right, nodes.const(63))
        low, high = 0, 63
    raw = nodes.binary(expr.op, left, right)
    if expr.op in (">>", "&", "|", "^") or not expr.wraps:
        return raw
    return wrapped(scope, raw, *_true_range(expr, low, high), expr.span.line)


def _true_range(expr: tree.Binary, low: int, high: int) -> tuple[int, int]:
    """Return the range of `left op right` before it wraps, the right side being in low..high."""
    left_low, left_high = bounds(expr.left)
    if expr.op == "+":
        return left_low + low, left_high + high
    if expr.op == "-":
        return left_low - high, left_high - low
    if expr.op == "<<":
        low, high = 1 << low, 1 << high
    corners = [a * b for a in (left_low, left_high) for b in (low, high)]
    return min(corners), max(corners)

"""Programs: arithmetic on 64-bit ints that wraps, notes its wraps once a line, and faults on division by zero."""

from __future__ import annotations

from sandbox.compiler.wasm import code, out_of_line
from sandbox.compiler.wasm.code import Node
from sandbox.compiler.wasm.program_scope import Scope
from sandbox.compiler.wasm.types import INT
from sandbox.compiler.wasm.values import V, integer
from sandbox.core import trap
from sandbox.language import tree
from sandbox.language.tree import INT_MAX, INT_MIN, Kind

_OPCODES = {
    "+": code.I64_ADD,
    "-": code.I64_SUB,
    "*": code.I64_MUL,
    "<<": code.I64_SHL,
    ">>": code.I64_SHR_S,
    "&": code.I64_AND,
    "|": code.I64_OR,
    "^": code.I64_XOR,
}

_OUT_OF_LINE = {
    "+": out_of_line.sum_of,
    "-": out_of_line.difference_of,
    "*": out_of_line.product_of,
    "<<": out_of_line.shifted,
    "//": out_of_line.quotient_of,
    "%": out_of_line.rest_of,
}


def bounds(expr: tree.Expr) -> tuple[int, int]:
    """Return what an int expression is known to lie in."""
    if isinstance(expr, tree.Const) and expr.value is not None:
        return int(expr.value), int(expr.value)
    if expr.type.kind is Kind.BOOL:
        return 0, 1
    return expr.low, expr.high


def fits(low: int, high: int) -> bool:
    """Whether a range lies within 64-bit ints."""
    return low >= INT_MIN and high <= INT_MAX


def unary(scope: Scope, expr: tree.Unary, operand: V) -> V:
    """Return `-x` or `~x`."""
    if expr.op == "~":
        return V(INT, (code.arith(code.I64_XOR, operand.node, code.i64(-1)),))
    low, high = bounds(expr.operand)
    return negated(scope, operand, fits(-high, -low), expr.span.line)


def negated(scope: Scope, operand: V, safe: bool, line: int) -> V:
    """Return `-x`; the smallest int wraps to itself."""
    if safe:
        return V(INT, (code.arith(code.I64_SUB, code.i64(0), operand.node),))
    if scope.large:
        return scope.core(out_of_line.negative_of, scope.instance(), operand, integer(line))
    with scope.fn.collected() as made:
        v = scope.fn.keep(operand)
        smallest = code.op(code.I64_EQ, v.node, code.i64(INT_MIN))
        scope.wrapped_when(smallest, line)
    return V(INT, (code.op(code.I64_SUB, code.i64(0), v.node),), made)


def computed(scope: Scope, expr: tree.Binary, left: V, right: V) -> V:
    """Return `left op right`."""
    if expr.op in ("//", "%"):
        return _divided(scope, expr, left, right)
    opcode = _OPCODES[expr.op]
    if expr.op not in ("+", "-", "*", "<<") or not expr.wraps or fits(*_true_range(expr)):
        return V(INT, (code.arith(opcode, left.node, right.node),))
    if scope.large:
        return _called(scope, expr, left, right)
    with scope.fn.collected() as made:
        a, b = scope.fn.keep(left), scope.fn.keep(right)
        result = scope.fn.keep(V(INT, (code.op(opcode, a.node, b.node),)))
        test = _OVERFLOWS[expr.op](a.node, b.node, result.node)
        scope.wrapped_when(test, expr.span.line)
    return V(INT, result.parts, made)


def _called(scope: Scope, expr: tree.Binary, left: V, right: V) -> V:
    """Call what would be too much code where it is used so often."""
    return scope.core(_OUT_OF_LINE[expr.op], scope.instance(), left, right, integer(expr.span.line))


def _true_range(expr: tree.Binary) -> tuple[int, int]:
    """Return the range of `left op right` before it wraps."""
    low, high = bounds(expr.right)
    left_low, left_high = bounds(expr.left)
    if expr.op == "+":
        return left_low + low, left_high + high
    if expr.op == "-":
        return left_low - high, left_high - low
    if expr.op == "<<":
        if not (low >= 0 and high <= 63):
            low, high = 0, 63
        low, high = 1 << low, 1 << high
    corners = [a * b for a in (left_low, left_high) for b in (low, high)]
    return min(corners), max(corners)


def _negative(node: Node) -> Node:
    return code.op(code.I64_LT_S, node, code.i64(0))


def _sum_overflows(a: Node, b: Node, result: Node) -> Node:
    """Both sides have one sign, the result the other."""
    return _negative(
        code.op(code.I64_AND, code.op(code.I64_XOR, a, result), code.op(code.I64_XOR, b, result))
    )


def _difference_overflows(a: Node, b: Node, result: Node) -> Node:
    return _negative(
        code.op(code.I64_AND, code.op(code.I64_XOR, a, b), code.op(code.I64_XOR, a, result))
    )


def _shift_overflows(a: Node, b: Node, result: Node) -> Node:
    return code.op(code.I64_NE, code.op(code.I64_SHR_S, result, b), a)


def _product_overflows(a: Node, b: Node, result: Node) -> Node:
    """Factors of 32 bits cannot overflow; otherwise dividing must give the factor back."""
    half = code.i64(1 << 31)
    wide = code.op(code.I64_OR, code.op(code.I64_ADD, a, half), code.op(code.I64_ADD, b, half))
    large = code.op(code.I64_NE, code.op(code.I64_SHR_U, wide, code.i64(32)), code.i64(0))
    minus = code.op(code.I64_EQ, a, code.i64(-1))
    smallest = code.op(code.I64_EQ, b, code.i64(INT_MIN))
    back = code.op(code.I64_NE, code.op(code.I64_DIV_S, result, a), b)
    is_zero = code.op(code.I64_EQZ, a)
    exact = code.either(
        code.I32, is_zero, code.i32(0), code.either(code.I32, minus, smallest, back)
    )
    return code.either(code.I32, large, exact, code.i32(0))


_OVERFLOWS = {
    "+": _sum_overflows,
    "-": _difference_overflows,
    "*": _product_overflows,
    "<<": _shift_overflows,
}


def divisor_checked(scope: Scope, b: V, line: int) -> None:
    """Fault when a divisor is 0."""
    zero = code.op(code.I64_EQZ, b.node)
    scope.fn.emit((code.IF, zero, scope.faulting(trap.DIV_ZERO, line), []))


def _divided(scope: Scope, expr: tree.Binary, left: V, right: V) -> V:
    """Return floor division or its remainder."""
    low, high = bounds(expr.right)
    modulo = expr.op == "%"
    line = expr.span.line
    positive = low > 0 and bounds(expr.left)[0] >= 0
    if positive:
        divisor = right.const
        if divisor is not None and divisor & (divisor - 1) == 0:
            if modulo:
                return V(INT, (code.op(code.I64_AND, left.node, code.i64(divisor - 1)),))
            shift = code.i64(divisor.bit_length() - 1)
            return V(INT, (code.op(code.I64_SHR_S, left.node, shift),))
        opcode = code.I64_REM_U if modulo else code.I64_DIV_U
        return V(INT, (code.op(opcode, left.node, right.node),))
    if scope.large:
        return _called(scope, expr, left, right)
    with scope.fn.collected() as made:
        a, b = scope.fn.keep(left), scope.fn.keep(right)
        if low <= 0 <= high:
            divisor_checked(scope, b, line)
        result = _floor(scope, a, b, modulo, line, low <= -1 <= high)
    return V(INT, result.parts, made)


def _floor(scope: Scope, a: V, b: V, modulo: bool, line: int, minus_one: bool) -> V:
    fn = scope.fn
    rest = fn.keep(V(INT, (code.op(code.I64_REM_S, a.node, b.node),))).node
    differs = _negative(code.op(code.I64_XOR, rest, b.node))
    fix = code.op(code.I32_AND, code.op(code.I64_NE, rest, code.i64(0)), differs)
    if modulo:
        moved = code.op(code.I64_ADD, rest, b.node)
        return fn.keep(V(INT, (code.op(code.SELECT, moved, rest, fix),)))
    quotient = code.op(code.I64_DIV_S, a.node, b.node)
    if minus_one:
        is_minus = code.op(code.I64_EQ, b.node, code.i64(-1))
        smallest = code.op(code.I64_EQ, a.node, code.i64(INT_MIN))
        scope.wrapped_when(code.op(code.I32_AND, is_minus, smallest), line)
        opposite = code.op(code.I64_SUB, code.i64(0), a.node)
        quotient = code.either(code.I64, is_minus, opposite, quotient)
    result = code.op(code.I64_SUB, quotient, code.op(code.EXTEND_U, fix))
    return fn.keep(V(INT, (result,)))

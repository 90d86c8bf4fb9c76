"""Numbers: arithmetic on signed 64-bit ints, and on the intervals they are known to lie in."""

from __future__ import annotations

import ast

from sandbox.language.tree import INT_MAX, INT_MIN

Interval = tuple[int, int]
FULL: Interval = (INT_MIN, INT_MAX)

OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
}


def fits(value: int) -> bool:
    """Whether a value is a signed 64-bit int."""
    return INT_MIN <= value <= INT_MAX


def exact(op: str, left: int, right: int) -> int | None:
    """Return the unbounded result of two known ints; None for a divisor of 0 or a shift outside 0..63."""
    if op in ("//", "%") and right == 0:
        return None
    if op in ("<<", ">>") and not 0 <= right < 64:
        return None
    match op:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "//":
            return left // right
        case "%":
            return left % right
        case "<<":
            return left << right
        case ">>":
            return left >> right
        case "&":
            return left & right
        case "|":
            return left | right
    return left ^ right


def interval(op: str, left: Interval, right: Interval) -> tuple[Interval, bool]:
    """Return where the result lies, and whether it may wrap."""
    low, high = _unbounded(op, left, right)
    if fits(low) and fits(high):
        return (low, high), False
    return FULL, True


def _unbounded(op: str, left: Interval, right: Interval) -> Interval:
    match op:
        case "+":
            return left[0] + right[0], left[1] + right[1]
        case "-":
            return left[0] - right[1], left[1] - right[0]
        case "*":
            return _corners(op, left, right)
        case "//":
            return _floor_divided(left, right)
        case "%":
            return _remainder(left, right)
        case "<<":
            return _corners(op, left, right) if _is_shift(right) else (INT_MIN * 2, INT_MAX)
        case ">>":
            return _corners(op, left, right) if _is_shift(right) else FULL
    return _bitwise(op, left, right)


def _corners(op: str, left: Interval, right: Interval) -> Interval:
    results = [exact(op, a, b) or 0 for a in left for b in right]
    return min(results), max(results)


def _is_shift(right: Interval) -> bool:
    return right[0] >= 0 and right[1] < 64


def _floor_divided(left: Interval, right: Interval) -> Interval:
    if right[0] > 0:
        return _corners("//", left, right)
    if right[1] < -1:
        return FULL
    # The divisor may be -1: the smallest int divided by it wraps.
    return (-left[1], -left[0]) if right == (-1, -1) else (-(2**63), 2**63 - (left[0] > INT_MIN))


def _remainder(left: Interval, right: Interval) -> Interval:
    if right[0] > 0:
        if left[0] >= 0:
            return 0, min(left[1], right[1] - 1)
        return 0, right[1] - 1
    return min(right[0] + 1, 0), max(right[1] - 1, 0)


def _bitwise(op: str, left: Interval, right: Interval) -> Interval:
    if op == "&":
        if left[0] >= 0 and right[0] >= 0:
            return 0, min(left[1], right[1])
        if left[0] >= 0 or right[0] >= 0:
            return 0, left[1] if left[0] >= 0 else right[1]
        return INT_MIN, INT_MAX
    if left[0] >= 0 and right[0] >= 0:
        return 0, (1 << max(left[1].bit_length(), right[1].bit_length())) - 1
    return FULL

"""Arithmetic that lowered code calls when it cannot be written inline: wraps, division, bit tricks, faults.

Each factory is given the instance, whose `wrapped(line)` notes a wrap; the results are plain functions.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isqrt as _isqrt
from typing import Any, NoReturn

from sandbox.core.trap import DIV_ZERO, FUEL_CALL, INDEX, MAP_FULL, Trap

M64 = 2**64 - 1
INT_MAX = 2**63 - 1
INT_MIN = -(2**63)
CALL_FUEL = 50_000


def signed(value: int) -> int:
    """Return the signed 64-bit number of the same low 64 bits."""
    value &= M64
    return value if value <= INT_MAX else value - 2**64


def make_wrap(instance: Any) -> Callable[[int, int], int]:
    """Return `wrap(value, line)`: the wrapped value, noting that the line wrapped."""
    wrapped = instance.wrapped

    def wrap(value: int, line: int) -> int:
        wrapped(line)
        return signed(value)

    return wrap


def make_floordiv(instance: Any) -> Callable[[int, int, int], int]:
    """Return `floordiv(a, b, line)`: Python's floor division; the smallest int by -1 wraps to itself."""
    wrap = make_wrap(instance)

    def floordiv(a: int, b: int, line: int) -> int:
        if b == 0:
            raise Trap(DIV_ZERO, line)
        quotient = a // b
        return quotient if quotient <= INT_MAX else wrap(quotient, line)

    return floordiv


def make_modulo(instance: Any) -> Callable[[int, int, int], int]:
    """Return `modulo(a, b, line)`: the remainder with the sign of b."""
    del instance

    def modulo(a: int, b: int, line: int) -> int:
        if b == 0:
            raise Trap(DIV_ZERO, line)
        return a % b

    return modulo


def make_udiv(instance: Any) -> Callable[[int, int, int], int]:
    """Return `udiv(a, b, line)`: the quotient of two ints seen as unsigned."""
    del instance

    def udiv(a: int, b: int, line: int) -> int:
        if b == 0:
            raise Trap(DIV_ZERO, line)
        return signed((a & M64) // (b & M64))

    return udiv


def make_umod(instance: Any) -> Callable[[int, int, int], int]:
    """Return `umod(a, b, line)`: the remainder of two ints seen as unsigned."""
    del instance

    def umod(a: int, b: int, line: int) -> int:
        if b == 0:
            raise Trap(DIV_ZERO, line)
        return signed((a & M64) % (b & M64))

    return umod


def make_isqrt(instance: Any) -> Callable[[int], int]:
    """Return `isqrt(x)`: the integer square root, 0 for a negative number."""
    del instance
    return lambda x: _isqrt(x) if x > 0 else 0


def make_log2_floor(instance: Any) -> Callable[[int], int]:
    """Return `log2_floor(x)`: the position of the highest bit of x seen as unsigned, -1 for 0."""
    del instance
    return lambda x: (x & M64).bit_length() - 1


def make_find_first_set(instance: Any) -> Callable[[int], int]:
    """Return `find_first_set(x)`: the position of the lowest bit set, -1 for 0."""
    del instance
    return lambda x: (x & -x).bit_length() - 1


def make_bad_index(instance: Any) -> Callable[[int, int], NoReturn]:
    """Return `bad_index(index, line)`, which stops the run."""
    del instance

    def bad_index(index: int, line: int) -> NoReturn:
        raise Trap(INDEX, line, index)

    return bad_index


def make_map_full(instance: Any) -> Callable[[int], NoReturn]:
    """Return `map_full(line)`: `m[k] = v` found no room, or k is outside an ArrayMap."""
    del instance

    def map_full(line: int) -> NoReturn:
        raise Trap(MAP_FULL, line)

    return map_full


def make_out_of_fuel(instance: Any) -> Callable[[int], NoReturn]:
    """Return `out_of_fuel(line)`, which stops the run; `value` is the limit of a call."""
    del instance

    def out_of_fuel(line: int) -> NoReturn:
        raise Trap(FUEL_CALL, line, CALL_FUEL)

    return out_of_fuel


MAKERS: dict[str, Callable[[Any], Callable[..., Any]]] = {
    "wrap": make_wrap,
    "floordiv": make_floordiv,
    "modulo": make_modulo,
    "udiv": make_udiv,
    "umod": make_umod,
    "isqrt": make_isqrt,
    "log2_floor": make_log2_floor,
    "find_first_set": make_find_first_set,
    "bad_index": make_bad_index,
    "map_full": make_map_full,
    "out_of_fuel": make_out_of_fuel,
}

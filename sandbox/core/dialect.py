"""The typed dialect the core is written in: what it adds to Python, seen from CPython.

Core modules use only: records with annotated fields and methods, `Array`, `List`, `Dict`, tuples as heap items,
ints (signed 64-bit unless annotated `u64` and masked), bools, a few floats, module functions and constants,
`for … in range`, `while`, `if`. No inheritance, closures, strings at run time, generators or exceptions but traps.
A compiler may therefore lay records out in linear memory and translate each function as it stands.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast, dataclass_transform

M64 = 0xFFFFFFFFFFFFFFFF
M32 = 0xFFFFFFFF
INT_MAX = 2**63 - 1
INT_MIN = -(2**63)

T = TypeVar("T")
K = TypeVar("K")
i32 = int  # annotation only: an int of 32 bits, kept in four bytes
u64 = int  # annotation only: a non-negative int below 2**64, kept so by `& M64`


@dataclass_transform(eq_default=False)
def record(cls: type[T]) -> type[T]:
    """Make a class of exactly its annotated fields: slotted, compared by identity."""
    return dataclasses.dataclass(slots=True, eq=False)(cls)


class Array(list[T]):
    """A fixed number of items: `Array(16)` is 16 zeros, `Array([a, b])` holds the given things.

    What is made is a plain list, which CPython indexes faster than any subclass.
    """

    def __new__(cls, what: Any) -> Array[T]:
        """Return the items as a list."""
        return cast("Array[T]", [0] * what if isinstance(what, int) else list(what))


class List(list[T]):
    """A growable sequence; what is made is a plain list."""

    def __new__(cls, what: Iterable[Any] = ()) -> List[T]:
        """Return the items as a list."""
        return cast("List[T]", list(what))


class Dict(dict[K, T]):
    """A map from int to int; iteration is by insertion."""

    __slots__ = ()


def late() -> Any:
    """Return the default of a field that the builder fills before the run."""
    return None


Hook = Callable[
    ..., Any
]  # a program's function; a compiler replaces the call by a dispatch on the instance

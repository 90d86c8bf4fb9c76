"""Values: typed code with one node a machine component, and conversions between types."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.compiler.wasm import code
from sandbox.compiler.wasm.code import Node
from sandbox.compiler.wasm.types import (
    ANY,
    BOOL,
    FLOAT,
    INT,
    NONE,
    OPTIONAL_INT,
    SMALL,
    U64,
    VOID,
    T,
    components,
)

Known = tuple[tuple[str, int], ...]


@dataclass(slots=True)
class V:
    """A value of a type: `parts`, one a component, which hold after the statements `before`.

    `known` are fields of a record that never change, with what memory holds for them.
    """

    t: T
    parts: tuple[Node, ...]
    before: list[Node] = field(default_factory=list)
    known: Known = ()

    @property
    def node(self) -> Node:
        """Return the value of one component as one node."""
        assert len(self.parts) == 1, self.t
        return code.seq(self.before, self.parts[0])

    @property
    def nodes(self) -> list[Node]:
        """Return all components; the first carries the statements before."""
        if not self.parts:
            return []
        return [code.seq(self.before, self.parts[0]), *self.parts[1:]]

    @property
    def const(self) -> int | None:
        """Return the value of an int constant."""
        if len(self.parts) == 1 and not self.before and self.parts[0][0] in (code.I64, code.I32):
            value: int = self.parts[0][1]
            return value
        return None


def one(t: T, node: Node) -> V:
    """Return a value of one component."""
    return V(t, (node,))


def integer(value: int) -> V:
    """Return an int constant."""
    return V(INT, (code.i64(value),))


def truth(node: Node) -> V:
    """Return a bool."""
    return V(BOOL, (node,))


NOTHING = V(VOID, ())
NULL = V(NONE, (code.i32(0),))


def fit(v: V, t: T) -> V:
    """Return a value as another type."""
    if v.t == t:
        return v
    if t.kind in ("int", "u64", "any"):
        if v.t.kind in ("int", "u64", "any"):
            return V(t, v.parts, v.before)
        if v.t == OPTIONAL_INT:
            return V(t, v.parts[:1], v.before)
        if v.t == SMALL:
            return V(t, (code.op(code.EXTEND_S, v.parts[0]),), v.before)
        if v.t == BOOL or t == ANY:
            if v.t == BOOL and v.const is not None:
                return V(t, (code.i64(v.const),))
            return V(t, (code.op(code.EXTEND_U, v.parts[0]),), v.before)
    if t == SMALL and v.t.kind in ("int", "u64"):
        small = code.i32(v.const) if v.const is not None else code.op(code.WRAP, v.parts[0])
        return V(t, (small,), v.before)
    if t.kind == "tuple" and v.t.kind == "tuple":
        return _fit_items(v, t)
    if t == OPTIONAL_INT:
        if v.t == NONE:
            return V(t, (code.i64(0), code.i32(0)))
        return V(t, (*fit(v, INT).parts, code.i32(1)), v.before)
    if t == BOOL and v.t in (INT, U64):
        return V(t, (code.op(code.I64_NE, v.parts[0], code.i64(0)),), v.before)
    if t == FLOAT:
        return to_float(v)
    if v.t == NONE or v.t.kind == t.kind:
        return V(t, v.parts, v.before)
    if v.t == ANY:
        return V(t, (code.op(code.WRAP, v.parts[0]),), v.before)
    raise AssertionError(f"{v.t} where {t} is wanted")


def _fit_items(v: V, t: T) -> V:
    """Return a tuple whose items fit those of another type."""
    parts: list[Node] = []
    at = 0
    for have, want in zip(v.t.of, t.of, strict=True):
        width = len(components(have))
        parts += fit(V(have, v.parts[at : at + width]), want).parts
        at += width
    return V(t, tuple(parts), v.before)


def to_float(v: V) -> V:
    """Return an int as a float."""
    if v.t == FLOAT:
        return v
    if v.const is not None:
        return V(FLOAT, (code.f64(float(v.const)),))
    opcode = code.FLOAT_U if v.t == U64 else code.FLOAT_S
    return V(FLOAT, (code.op(opcode, fit(v, INT).parts[0]),), v.before)

"""Operands: the small parts that checking expressions, calls and stores have in common."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from sandbox.language.flow import (
    INTS,
    PRESENT,
    RECORDS,
    Value,
)
from sandbox.language.report import span_of
from sandbox.language.tree import Const, Expr, Kind, Type

if TYPE_CHECKING:
    from sandbox.language.function_check import FunctionCheck

INT = Type(Kind.INT)


BOOL = Type(Kind.BOOL)


def integer(
    c: FunctionCheck,
    node: ast.expr,
    what: str,
    of_packet: str = "name a field of the packet, such as skb.len",
) -> Expr:
    """Return a checked int or bool; anything else is reported, a packet with the cure `of_packet`."""
    value = c.look(node)
    if value.bad or value.kind in INTS:
        return value.expr
    hint = "write a number, a comparison or a call that gives one"
    if value.kind in PRESENT:
        hint = "give it a name and test it for None first"
    elif value.kind is Kind.VERDICT:
        hint = "verdicts are no numbers, they can only be returned or kept in a local"
    elif value.kind is Kind.SKB:
        hint = of_packet
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

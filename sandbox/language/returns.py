"""Returns: what each function may answer, and that no packet is left behind."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from sandbox.language import tree
from sandbox.language.flow import (
    BORROWED,
    INTS,
    LENT,
    LOST,
    MAYBE,
    OWNED,
    PACKETS,
    Value,
    join_kinds,
)
from sandbox.language.operands import kind_text
from sandbox.language.report import span_of
from sandbox.language.tree import Const, Kind, Span, Stmt, Type
from sandbox.language.verdicts import ENTRIES, VERDICTS

if TYPE_CHECKING:
    from sandbox.language.function_check import FunctionCheck

NOTHING = ("init", "reset", "timer")


def return_(c: FunctionCheck, node: ast.Return) -> list[Stmt]:
    """Return a checked `return`."""
    if isinstance(node.value, ast.IfExp) and c.role in ("enqueue", "egress", "classify", "dequeue"):
        return _branches(c, node, node.value)
    span = span_of(node)
    value = c.take(node.value) if node.value is not None else None
    finish(c, value, span)
    c.state = None
    if value is None:
        if c.role == "dequeue":
            return [tree.Return(span=span, value=_none(span))]
        return [tree.Return(span=span, value=None)]
    return [] if value.bad else [tree.Return(span=span, value=value.expr)]


def _branches(c: FunctionCheck, node: ast.Return, choice: ast.IfExp) -> list[Stmt]:
    """Check `return a if test else b` as an if statement: ownership differs between a and b."""
    test, true, false = c.test(choice.test)
    parts: list[tuple[Stmt, ...]] = []
    for state, value in ((true, choice.body), (false, choice.orelse)):
        c.state = state
        statement = ast.Return(value=value)
        ast.copy_location(statement, value)
        parts.append(tuple(return_(c, statement)) if state is not None else ())
    c.state = None
    return [tree.If(span=span_of(node), test=test, then=parts[0], orelse=parts[1])]


def fall_off(c: FunctionCheck, span: Span) -> list[Stmt]:
    """Check the end of a function that a path reaches: Python returns None there."""
    finish(c, None, span)
    return [tree.Return(span=span, value=_none(span))] if c.role == "dequeue" else []


def _none(span: Span) -> Const:
    return Const(span=span, type=Type(Kind.NONE), value=None)


def finish(c: FunctionCheck, value: Value | None, span: Span) -> None:
    """Check one way out of the function."""
    c.returns.append((value, span))
    if value is None or not value.bad:
        _check_answer(c, value, span)
    _check_left_behind(c, value, span)


def _check_answer(c: FunctionCheck, value: Value | None, span: Span) -> None:
    kind = Kind.NONE if value is None else value.kind
    match c.role:
        case "enqueue" | "egress":
            _check_verdict(c, value, span)
        case "dequeue":
            if kind is Kind.VERDICT:
                _check_verdict(c, value, span)
            elif kind in PACKETS:
                _check_returned_packet(c, value, span)
            elif kind is not Kind.NONE:
                _wrong(c, value, span)
        case "peek":
            _check_peeked(c, value, span)
        case "classify":
            if kind is Kind.VERDICT:
                _check_verdict(c, value, span)
            elif kind not in INTS:
                _wrong(c, value, span)
            elif c.here[c.entry_packet].own not in (OWNED, MAYBE, LOST):
                why = c.here[c.entry_packet].why
                c.error(
                    "verdict-after-gone",
                    span,
                    f"a classid leaves the packet where it is, but {c.entry_packet} was {why}",
                    "return STOLEN",
                )
        case "init" | "reset" | "timer":
            if value is not None and kind is not Kind.NONE:
                _wrong(c, value, span)
        case "comparator":
            if kind is not Kind.BOOL:
                c.error(
                    "return-type",
                    span,
                    f"a comparator returns a bool, got {_got(value)}",
                    "write return a.mark < b.mark",
                )
        case _:
            if kind in PACKETS:
                _check_returned_packet(c, value, span)


def _check_peeked(c: FunctionCheck, value: Value | None, span: Span) -> None:
    """Demand a packet that stays in its map or child."""
    if value is None or value.kind is Kind.NONE:
        return
    if value.kind not in PACKETS:
        _wrong(c, value, span)
    elif value.own == OWNED:
        c.error(
            "return-type",
            span,
            "peek returns a packet that stays where it is, this one was taken out",
            "look at it with peek() or child_peek(classid)",
        )


def _got(value: Value | None) -> str:
    return "None" if value is None else kind_text(value.expr.type)


def _wrong(c: FunctionCheck, value: Value | None, span: Span) -> None:
    expected = ENTRIES[c.role].returns
    hint = 'write "return" alone' if c.role in NOTHING else f"{c.role} returns {expected}"
    c.error("return-type", span, f"{c.role} returns {expected}, got {_got(value)}", hint)


def _check_returned_packet(c: FunctionCheck, value: Value | None, span: Span) -> None:
    assert value is not None
    if c.role == "helper" and isinstance(value.expr, tree.Local) and value.own == BORROWED:
        why = c.here[value.expr.name].why
        if why.startswith("pushed"):
            c.error("not-owned", span, f"{value.expr.name} was {why}", "return a bool instead")
            return
    if value.own in (BORROWED, LENT) and (c.role == "dequeue" or value.own == LENT):
        c.error(
            "not-owned",
            span,
            "the packet returned is only borrowed",
            "take it out with pop" if value.own == BORROWED else "annotate the parameter as Owned",
        )


# --- verdicts ---


def _check_verdict(c: FunctionCheck, value: Value | None, span: Span) -> None:
    if value is None or value.kind is not Kind.VERDICT:
        expected = ENTRIES[c.role].returns
        c.error(
            "return-type",
            span,
            f"{c.role} returns {expected}, got {_got(value)}",
            "end every path with a return" if value is None else "return one of the verdicts",
        )
        return
    allowed = {name for name in value.verdicts if c.role in VERDICTS[name].allowed}
    for name in sorted(value.verdicts):
        if name not in allowed:
            known = sorted(verdict for verdict, spec in VERDICTS.items() if c.role in spec.allowed)
            c.error(
                "verdict-not-here",
                span,
                f"{name} is not a verdict of {c.role}",
                f"its verdicts are {', '.join(known)}",
            )
    if c.entry_packet in c.here:
        _check_packet(c, frozenset(allowed), span)


def _check_packet(c: FunctionCheck, verdicts: frozenset[str], span: Span) -> None:
    """Compare what the verdicts say of the entry's packet with what became of it."""
    name = c.entry_packet
    var = c.here[name]
    needs = {VERDICTS[verdict].packet for verdict in verdicts} - {"either"}
    if var.own == LOST or not needs:
        return
    if len(needs) > 1:
        c.error(
            "verdict-unclear",
            span,
            f"this may be {' or '.join(sorted(verdicts))}, which want {name} gone or still owned",
            "return each verdict on the path it belongs to",
        )
        return
    shown = "/".join(sorted(verdicts))
    if needs == {"owned"} and var.own not in (OWNED, MAYBE):
        c.error(
            "verdict-after-gone",
            span,
            f"{shown} says that {name} is still owned, but it was {var.why}",
            "return QUEUED, CN or STOLEN" if c.role == "enqueue" else "return STOLEN",
        )
    if needs == {"gone"} and var.own == OWNED:
        c.error(
            "leaked-packet",
            span,
            f"{name} is neither queued nor dropped {var.why or 'on this path'}, but {shown} says so",
            "push it, drop it, or return DROP",
        )


def _check_left_behind(c: FunctionCheck, value: Value | None, span: Span) -> None:
    """Refuse a way out on which a packet still has an owner here."""
    for name, var in c.here.items():
        if not var.must_go:
            continue
        if var.own == MAYBE:
            c.error(
                "unchecked-push",
                span,
                f'whether {name} was pushed is in "{var.on}", which is not tested before this return',
                f'write "if not {var.on}:" first',
            )
            continue
        if name == c.entry_packet:
            continue  # judged by the verdict, or by the error that there is none
        line = f" {var.why}" if var.why else " on this path"
        c.error(
            "leaked-packet",
            span,
            f"{name} is neither returned nor queued{line}",
            f"push it, return it, or drop({name})",
        )


# --- helper functions ---


def infer(c: FunctionCheck) -> None:
    """Set the type a helper function returns from all its returns."""
    summary = c.summary
    kind: Type | None = None
    for value, span in c.returns:
        if value is not None and value.bad:
            continue
        new = Type(Kind.NONE) if value is None else value.expr.type
        if kind is None:
            kind = new
        joined = join_kinds(kind.kind, new.kind)
        records = {kind.record, new.record} - {""}
        owner = value.own if value is not None else ""
        mixed = bool(summary.own and owner and owner != summary.own)
        if joined is Kind.OPTIONAL_INT and Kind.OPTIONAL_INT not in (kind.kind, new.kind):
            joined = None  # an int on one path and nothing on another is a forgotten return
        if joined is None or len(records) > 1 or mixed:
            c.error(
                "return-type",
                span,
                f'"{summary.name}" returns {kind_text(kind)} elsewhere, here {kind_text(new)}',
                "return the same type on every path; a function that ends without return "
                "gives None",
            )
            continue
        kind = Type(joined, min(records, default=""), kind.borrowed or new.borrowed)
        if value is not None:
            summary.own = summary.own or owner
            summary.maps |= value.maps
            summary.verdicts |= value.verdicts
    if kind is not None and kind.kind is Kind.NONE:
        kind = Type(Kind.VOID)
    summary.returns = kind

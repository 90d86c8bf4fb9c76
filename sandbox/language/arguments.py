"""Arguments: what a call gives a helper or a map method, against the table's signature."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from sandbox.language import tree
from sandbox.language.flow import BORROWED, LENT, OWNED, PACKETS, RECORDS
from sandbox.language.helpers import Arg, HelperSpec
from sandbox.language.operands import const, kind_text, present
from sandbox.language.tree import Expr, Kind

if TYPE_CHECKING:
    from sandbox.language.function_check import FunctionCheck


def bind(c: FunctionCheck, node: ast.Call, spec: HelperSpec) -> list[ast.expr | None] | None:
    """Return one argument per parameter, None for a default; None after reporting a bad count or name."""
    names = [arg.name for arg in spec.args]
    given: list[ast.expr | None] = list(node.args[: len(names)])
    given += [None] * (len(names) - len(given))
    wrong = len(node.args) > len(names) or any(isinstance(a, ast.Starred) for a in node.args)
    for word in node.keywords:
        position = names.index(word.arg) if word.arg in names else -1
        if position < 0 or given[position] is not None:
            wrong = True
        elif spec.args[position].default is None:
            wrong = True  # required arguments are positional, as in every kernel call
        else:
            given[position] = word.value
    missing = [
        arg.name
        for arg, value in zip(spec.args, given, strict=True)
        if value is None and arg.default is None and not arg.optional
    ]
    if not wrong and not missing:
        return given
    got = f"got {len(node.args) + len(node.keywords)} arguments"
    if len(node.args) + len(node.keywords) == len(names):
        got = "given by their position"
    c.error(
        "arguments",
        node,
        f"{spec.name} takes ({', '.join(names)}), {got}",
        f"write {spec.signature}",
    )
    for value in (*node.args, *(word.value for word in node.keywords)):
        if not isinstance(value, ast.Starred):
            c.look(value)
    return None


def check_arguments(
    c: FunctionCheck,
    node: ast.Call,
    spec: HelperSpec,
    given: list[ast.expr | None],
    declared: tree.MapDecl | None = None,
) -> tuple[Expr, ...] | None:
    """Return the checked arguments with defaults filled in, or None after reporting."""
    found: dict[int, Expr | None] = {}
    # Packets are looked at last: `push(skb, skb.len)` reads the packet before it moves.
    order = sorted(range(len(given)), key=lambda i: spec.args[i].kind == "owned")
    for position in order:
        arg, value = spec.args[position], given[position]
        if value is None:
            if arg.default is not None:
                found[position] = const(node, arg.default)
            continue
        found[position] = _argument(c, arg, value, spec, declared)
    args = [found[position] for position in sorted(found)]
    checked = tuple(expr for expr in args if expr is not None)
    return checked if len(checked) == len(args) else None


def _argument(
    c: FunctionCheck, arg: Arg, node: ast.expr, spec: HelperSpec, declared: tree.MapDecl | None
) -> Expr | None:
    match arg.kind:
        case "skb":
            return packet(c, node, spec.name)
        case "skb_write":
            return written_packet(c, node, spec.name)
        case "owned":
            return owned_packet(c, node, spec.name)
        case "value":
            return _map_value(c, node, declared)
    return c.integer(node, f'"{arg.name}" of {spec.name}')


def packet(c: FunctionCheck, node: ast.expr, what: str) -> Expr | None:
    """Return a packet that is only read."""
    value = c.look(node)
    if value.bad:
        return None
    if value.kind not in PACKETS and value.kind is not Kind.NONE:
        c.error(
            "expected-packet",
            node,
            f"{what} takes a packet, got {kind_text(value.expr.type)}",
            _packet_for(c, node),
        )
        return None
    return value.expr if present(c, node, value) else None


def _packet_for(c: FunctionCheck, node: ast.expr) -> str:
    if c.role == "helper" and isinstance(node, ast.Name):
        return f'say so in the def: "{node.id}: Owned" takes the packet, "{node.id}: Skb" reads it'
    return "give it skb"


def written_packet(c: FunctionCheck, node: ast.expr, what: str) -> Expr | None:
    """Return a packet that may be changed: owned, or lent by the caller."""
    expr = packet(c, node, what)
    if expr is None or not isinstance(expr, tree.Local):
        return expr
    return expr if may_write(c, node, expr.name, what) else None


def may_write(c: FunctionCheck, node: ast.expr, name: str, what: str) -> bool:
    """Whether a packet's fields may be written here; a borrow from a map is read-only."""
    var = c.here[name]
    if var.own == LENT:
        c.note_write(name)
    if var.own != BORROWED:
        return True
    c.error(
        "read-only-packet",
        node,
        f"{name} is borrowed read-only here, {what} would change it",
        "pop it, change it and push it again",
    )
    return False


def owned_packet(c: FunctionCheck, node: ast.expr, what: str) -> Expr | None:
    """Return a packet this function owns; it has not moved yet."""
    value = c.look(node)
    if value.bad:
        return None
    if value.kind not in PACKETS and value.kind is not Kind.NONE:
        c.error(
            "expected-packet",
            node,
            f"{what} takes a packet, got {kind_text(value.expr.type)}",
            _packet_for(c, node),
        )
        return None
    if not present(c, node, value):
        return None
    if value.own == OWNED:
        return value.expr
    name = node.id if isinstance(node, ast.Name) else "this packet"
    why = c.here[name].why if name in c.here else ""
    if value.own == BORROWED and why.startswith("pushed"):
        twice = f"{name} is pushed twice" if what == "push" else f"{what} takes {name}"
        c.error(
            "used-after-push",
            node,
            f"{twice}, but it was {why}",
            "a packet has one owner: return QUEUED, or pop another packet",
        )
        c.give_up(name)
        return None
    whose = "its caller" if value.own == LENT else "its map"
    c.error(
        "not-owned",
        node,
        f"{what} takes the packet, but {name} is only borrowed from {whose}",
        'annotate the parameter as Owned, "def f(skb: Owned)", to take it'
        if value.own == LENT
        else "take it out with pop",
    )
    return None


def consume(c: FunctionCheck, node: ast.expr, what: str, why: str) -> Expr | None:
    """Return a packet this function owns, and spend it."""
    expr = owned_packet(c, node, what)
    if isinstance(expr, tree.Local):
        c.spend(expr.name, why)
    elif isinstance(node, ast.Name) and c.get(node.id) is not None:
        c.give_up(node.id)
    return expr


def _map_value(c: FunctionCheck, node: ast.expr, declared: tree.MapDecl | None) -> Expr | None:
    assert declared is not None
    if not declared.value:
        return c.integer(node, f'a value of "{declared.name}"')
    value = c.look(node)
    if value.bad:
        return None
    if value.kind in RECORDS and value.expr.type.record == declared.value:
        return value.expr if present(c, node, value) else None
    c.error(
        "expected-record",
        node,
        f'"{declared.name}" holds {declared.value} records, got {kind_text(value.expr.type)}',
        f"change the record that {declared.name}.lookup_or_init(key) gives",
    )
    return None

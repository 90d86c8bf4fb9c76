"""Loops: every pass must treat packets alike, and nothing may change the map that is walked."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from sandbox.language import limits, map_calls, tree
from sandbox.language.assignments import bind_local, check_flag
from sandbox.language.calls import no_class_record
from sandbox.language.flow import BORROWED, INTS, Loop, State, Value
from sandbox.language.helpers import HELPERS
from sandbox.language.operands import const, known
from sandbox.language.report import span_of
from sandbox.language.tree import INT_MAX, INT_MIN, Expr, Kind, Stmt, Type
from sandbox.language.walk import below

if TYPE_CHECKING:
    from sandbox.language.function_check import FunctionCheck

Body = Callable[[], State | None]


def while_loop(c: FunctionCheck, node: ast.While) -> list[Stmt]:
    """Return a checked `while`."""
    _no_else(c, node.orelse)
    found: list[tuple[Expr, tuple[Stmt, ...]]] = []

    def once() -> State | None:
        test, true, false = c.test(node.test)
        value = known(test)
        if value:
            false = None  # `while True` ends by break or return only
        c.state = true
        body = c.block(node.body) if true is not None else ()
        found[:] = [(test, body)]
        return false

    _repeat(c, node, once)
    test, body = found[0]
    return [tree.While(span=span_of(node), test=test, body=body)]


def for_loop(c: FunctionCheck, node: ast.For) -> list[Stmt]:
    """Return a checked `for`."""
    _no_else(c, node.orelse)
    if not isinstance(node.target, ast.Name):
        if type(node.target).__name__ not in ("Tuple", "Starred"):
            c.error(
                "bad-target", node.target, "a loop assigns one name", "write for i in range(n):"
            )
        return []
    match node.iter:
        case ast.Call(func=ast.Name(id="range")):
            return _for_range(c, node, node.iter, node.target.id)
        case ast.Call(func=ast.Name(id="classes")):
            return _for_classes(c, node, node.iter, node.target.id)
    found = map_calls.receiver(c, node.iter)
    if found is not None:
        return _for_map(c, node, node.target.id, *found)
    if not isinstance(node.iter, ast.Call) or not c.look(node.iter).bad:
        c.error(
            "not-iterable",
            node.iter,
            "a loop goes over range(...), a map or classes()",
            "write for i in range(n):",
        )
    return []


def _no_else(c: FunctionCheck, orelse: list[ast.stmt]) -> None:
    if orelse:
        c.error(
            "not-in-language",
            orelse[0],
            '"else" after a loop is not in this language',
            "set a local before break and test it after the loop",
        )


def _for_range(c: FunctionCheck, node: ast.For, call: ast.Call, name: str) -> list[Stmt]:
    if not 1 <= len(call.args) <= 3 or call.keywords:
        c.error(
            "arguments",
            call,
            f"range takes 1 to 3 ints, got {len(call.args) + len(call.keywords)}",
            "write range(start, stop, step)",
        )
        return []
    bounds = [c.integer(arg, "each argument of range") for arg in call.args]
    start = bounds[0] if len(bounds) > 1 else const(call, 0)
    stop = bounds[1] if len(bounds) > 1 else bounds[0]
    step = known(bounds[2]) if len(bounds) > 2 else 1
    if not step:
        c.error(
            "range-step",
            call.args[-1],
            "the step of range is a constant other than 0",
            "write a number",
        )
        step = 1
    low, high = (start.low, stop.high - 1) if step > 0 else (stop.low + 1, start.high)
    low, high = (low, high) if INT_MIN <= low <= high <= INT_MAX else (INT_MIN, INT_MAX)
    item = tree.Local(span=span_of(node.target), type=Type(Kind.INT), name=name, low=low, high=high)
    body = _walk(c, node, name, Value(item))
    return [
        tree.ForRange(span=span_of(node), name=name, start=start, stop=stop, step=step, body=body)
    ]


def _for_classes(c: FunctionCheck, node: ast.For, call: ast.Call, name: str) -> list[Stmt]:
    c.use("classes()", HELPERS["classes"].allowed, call)
    record = c.scope.class_record
    if call.args or call.keywords:
        c.error("arguments", call, "classes takes no arguments", "write classes()")
    if record is None:
        no_class_record(c, call)
        return []
    kind = Type(Kind.RECORD, record.name)
    item = tree.Local(span=span_of(node.target), type=kind, name=name)
    body = _walk(c, node, name, Value(item))
    return [tree.ForClasses(span=span_of(node), name=name, body=body)]


def _for_map(
    c: FunctionCheck, node: ast.For, name: str, walked: str, index: ast.expr | None
) -> list[Stmt]:
    spec = map_calls.spec_of(c, walked)
    if not spec.iterates:
        hint = "keep the keys in a Queue, or in a HashMap beside it"
        c.error(
            "not-iterable",
            node.iter,
            f'"{walked}" is a {spec.name}, which has no order to walk',
            hint,
        )
        return []
    inner = map_calls.inner_index(c, node.iter, walked, index)
    if inner is False:
        return []
    map_calls.touch(c, walked, "iterate", node.iter)
    packets = spec.holds == "packets"
    kind = Type(Kind.SKB, borrowed=True) if packets else Type(Kind.INT)
    size = c.scope.maps[walked].max_entries
    high = size - 1 if spec.name == "ArrayMap" and isinstance(size, int) else INT_MAX
    low = 0 if spec.name == "ArrayMap" else INT_MIN
    item = tree.Local(span=span_of(node.target), type=kind, name=name, low=low, high=high)
    value = Value(
        item, own=BORROWED if packets else "", maps=frozenset({walked} if packets else ())
    )
    c.iterating.append(walked)
    body = _walk(c, node, name, value)
    c.iterating.pop()
    return [
        tree.ForMap(
            span=span_of(node),
            name=name,
            map=walked,
            index=inner if isinstance(inner, Expr) else None,
            body=body,
        )
    ]


def _walk(c: FunctionCheck, node: ast.For, name: str, item: Value) -> tuple[Stmt, ...]:
    found: list[tuple[Stmt, ...]] = []

    def once() -> State | None:
        left = c.copy()
        check_flag(c, node.target, name)
        bind_local(c, node.target, name, item)
        found[:] = [c.block(node.body)]
        return left

    _repeat(c, node, once)
    return found[0]


def _repeat(c: FunctionCheck, node: ast.While | ast.For, once: Body) -> None:
    """Walk a loop until nothing new is known at its head; leave with the state after it."""
    if len(c.loops) >= limits.LOOP_DEPTH_MAX:
        c.error(
            "nesting-too-deep",
            node,
            f"loops are nested more than {limits.LOOP_DEPTH_MAX} deep",
            "move the inner part into a helper function",
        )
        once_state = c.copy()
        c.loops.append(Loop())
        once()
        c.loops.pop()
        c.state = once_state
        return
    assigned = _assigned(node)
    head: State = _widened(c.copy(), assigned)
    while True:
        c.tick()
        loop = Loop()
        c.loops.append(loop)
        c.state = dict(head)
        after = once()
        c.loops.pop()
        end: State | None = c.state
        for state in loop.continues:
            end = c.join(end, state, node, "the loop begins again")
        met = c.join(dict(head), end, node, "the loop begins again")
        again = None if met is None else _widened(met, assigned)
        if again is None or _same(again, head):
            break
        head = again
    for state in loop.breaks:
        after = c.join(after, state, node, "the loop ends")
    c.state = after


def _assigned(node: ast.AST) -> frozenset[str]:
    return frozenset(
        part.id
        for part in below(node)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
    )


def _widened(state: State, assigned: frozenset[str]) -> State:
    """Forget the intervals of what a loop assigns: one pass then says all there is to know."""
    for name in assigned:
        var = state.get(name)
        if var is not None and (var.kind in INTS or var.kind is Kind.OPTIONAL_INT):
            low, high = (0, 1) if var.kind is Kind.BOOL else (INT_MIN, INT_MAX)
            state[name] = replace(var, low=low, high=high)
    return state


def _same(one: State, other: State) -> bool:
    if one.keys() != other.keys():
        return False
    return all(
        replace(one[name], low=0, high=0, why="") == replace(other[name], low=0, high=0, why="")
        for name in one
    )

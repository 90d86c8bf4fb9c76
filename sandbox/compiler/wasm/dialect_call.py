"""Dialect: calls: functions written out or called, methods of lists and dictionaries, builtins, new records."""

from __future__ import annotations

import ast
import heapq
from collections.abc import Callable
from types import FunctionType
from typing import Any

from sandbox.compiler.wasm import code, generic, library, out_of_line
from sandbox.compiler.wasm.code import I32, Node
from sandbox.compiler.wasm.dialect_expr import count_of, element, value, value_as
from sandbox.compiler.wasm.environment import Env
from sandbox.compiler.wasm.intrinsics import INTRINSICS, address_of
from sandbox.compiler.wasm.source import Source, method_of, source_of
from sandbox.compiler.wasm.types import (
    ARRAY_HEAD,
    BOOL,
    FLOAT,
    HOOK,
    INT,
    INTS,
    LIST_BYTES,
    U64,
    VOID,
    T,
    components,
    layout,
    of_node,
    placed,
    record_type,
    records,
)
from sandbox.compiler.wasm.values import NOTHING, V, fit, integer, one, to_float
from sandbox.core.dialect import Array, List

_HEAPS: dict[Any, Any] = {
    heapq.heappush: generic.heappush,
    heapq.heappop: generic.heappop,
    heapq.heapreplace: generic.heapreplace,
    heapq.heapify: generic.heapify,
}
_REPLACED: dict[str, Any] = {
    "Trace.row": library.trace_row,
    "Trace.note": library.trace_note,
}
# What few packets need stays out of line: a call in the loop makes what lives across it spill.
ALWAYS_CALLED = {
    "trace_note", "fault", "alloc", "grow_list", "IntDict.widen",
    "IntDict.__setitem__", "IntDict.__delitem__", "exp_minus", "power_e", "heapify",
    "Source._next_of_others", "SkbTree.insert", "Source._recorded", "SkbMap._put_aside", "SkbMap._pop_any",
    "Sim.release", "Sim.schedule", "Source.pick_len", "SkbPool._fresh", "Rng._below_curve",
    "FlowMap._add", "Sim.burn", "Sim._note_arrival", "Qdisc._take_peeked", "Qdisc._other_dequeue", "Qdisc._leave",
}  # fmt: skip
_LIBRARIES = (library.__name__, generic.__name__)
LARGE_RECORDS = ("Netdev", "Sim", "Qdisc")  # their methods are called from few places, and seldom


def call_node(env: Env, node: ast.Call, wanted: T | None) -> V:
    """Translate a call."""
    match node.func:
        case ast.Attribute(value=base, attr=name):
            owner = value(env, base)
            if owner.t.record is not None and _hook(owner.t, name):
                return dispatch(env, owner, name, [value(env, arg) for arg in node.args])
            return method(env, owner, name, [value(env, arg) for arg in node.args])
        case ast.Name(id=name):
            return _named(env, name, node, wanted)
        case ast.Subscript(value=ast.Name(id="Array")):  # Array[int](n)
            t = of_node(node.func, env.source.module)
            return new_array(env, t, value(env, node.args[0]))
    raise AssertionError(ast.dump(node))


def _named(env: Env, name: str, node: ast.Call, wanted: T | None) -> V:
    thing = getattr(env.source.module, name, None)
    if thing is Array:
        return new_array(env, wanted or INTS, value(env, node.args[0]))
    if thing is List:
        assert wanted is not None and not node.args
        return one(wanted, _new(env, LIST_BYTES))
    args = [value(env, arg) for arg in node.args]
    if name in _BUILTINS and thing is None:
        return _BUILTINS[name](env, *args)
    if isinstance(thing, type):
        return new_record(env, thing, args)
    is_ours = isinstance(thing, FunctionType) and thing.__module__ in _LIBRARIES
    if is_ours and name in INTRINSICS:
        return INTRINSICS[name](env, *args)
    return call(env, source_of(_HEAPS.get(thing, thing)), args)


# --- functions -----------------------------------------------------------------------------------


def call(env: Env, source: Source, args: list[V]) -> V:
    """Call a function of the dialect, or write it out here when it is small."""
    types = []
    for v, t in zip(args, source.param_types(), strict=True):
        types.append(v.t if t is None else t)
    fitted = [fit(v, t) for v, t in zip(args, types, strict=True)]
    if _written_out(env, source):
        return _inline(env, source, types, fitted)
    result = source.result()
    if result is None:
        from sandbox.compiler.wasm.dialect import untyped_result

        result = untyped_result(env.unit, source, tuple(types))
    key = env.unit.function(source, tuple(types), result)
    return called(env, key, [node for v in fitted for node in v.nodes], result)


def called(env: Env, key: object, nodes: list[Node], result: T) -> V:
    """Return what a call gives."""
    made: Node = (code.CALL, key, nodes)
    return received(env, made, result)


def received(env: Env, made: Node, result: T) -> V:
    """Return the results of a call node as a value."""
    kinds = components(result)
    if not kinds:
        env.fn.emit((code.DO, made, 0))
        return NOTHING
    if len(kinds) == 1:
        return one(result, made)
    locals_ = env.fn.locals_for(result)
    return V(result, tuple((code.GET, at) for at in locals_), [(code.MULTI, made, locals_)])


def _written_out(env: Env, source: Source) -> bool:
    if source in env.stack or source.name in ALWAYS_CALLED or source.module is out_of_line:
        return False
    if source.name in env.unit.inlined:
        return True
    most = env.unit.inline_nodes
    if source.record is not None and source.record.__name__ in LARGE_RECORDS:
        most = most // 2
    return source.size <= most


def _inline(env: Env, source: Source, types: list[T], args: list[V]) -> V:
    from sandbox.compiler.wasm.dialect import block

    fn = env.fn
    inner = Env(env.unit, fn, source, (*env.stack, source))
    inner.result = source.result()
    with fn.collected() as made:
        for name, t, v in zip(source.params, types, args, strict=True):
            plain = not v.before and all(code.is_plain(node) for node in v.parts)
            if plain and name not in source.assigned:
                inner.fixed[name] = v
                continue
            locals_ = fn.locals_for(t)
            fn.assign(locals_, v)
            inner.vars[name] = t, locals_
        body = source.node.body
        if len(body) == 1 and isinstance(body[0], ast.Return) and body[0].value is not None:
            result = inner.result
            v = (
                value(inner, body[0].value)
                if result is None
                else value_as(inner, body[0].value, result)
            )
            return V(v.t, v.parts, made + v.before)
        inner.result_label = fn.label()
        with fn.collected() as statements:
            block(inner, body)
        if statements and statements[-1] == (code.BR, inner.result_label):
            statements.pop()
        fn.emit((code.BLOCK, inner.result_label, statements))
    if inner.result in (None, VOID):
        fn.emit(*made)
        return NOTHING
    assert inner.result is not None
    if inner.result_locals is None:
        inner.result_locals = fn.locals_for(inner.result)
    return V(inner.result, tuple((code.GET, at) for at in inner.result_locals), made)


# --- methods -------------------------------------------------------------------------------------


def method(env: Env, owner: V, name: str, args: list[V]) -> V:
    """Call a method of a record, a list or an int."""
    if owner.t.record is not None:
        qualified = f"{owner.t.record.__name__}.{name}"
        if qualified in _REPLACED:
            return call(env, source_of(_REPLACED[qualified]), [owner, *args])
        return call(env, method_of(owner.t.record, name), [owner, *args])
    if name == "append":
        return _append(env, owner, args[0])
    if name == "pop":
        if (args and args[0].const != 0) or args:
            return call(env, source_of(generic.list_pop_at), [owner, args[0]])
        return _pop(env, owner)
    if name == "insert":
        return call(env, source_of(generic.list_insert), [owner, *args])
    assert name == "bit_length", name
    bits = code.op(code.I64_CLZ, owner.node)
    return one(INT, code.op(code.I64_SUB, code.i64(64), bits))


def contains(env: Env, owner: V, wanted: V) -> Node:
    """Return whether an int is in a list or dictionary."""
    if owner.t.record is not None:
        return method(env, owner, "__contains__", [wanted]).node
    return call(env, source_of(generic.list_contains), [owner, wanted]).node


def _append(env: Env, owner: V, v: V) -> V:
    fn = env.fn
    t = owner.t.of[0]
    offsets, stride = placed(t)
    owner = fn.keep(owner)
    v = fn.keep(fit(v, t))
    count = fn.local(I32)
    fn.emit((code.SET, count, code.load(I32, 0, owner.node)))
    full = code.op(code.I32_EQ, (code.GET, count), code.load(I32, 4, owner.node))
    with fn.collected() as more:
        call(env, source_of(library.grow_list), [address_of(env, owner), integer(stride)])
    fn.emit((code.IF, full, more, []))
    scaled = code.op(code.I32_MUL, (code.GET, count), code.i32(stride))
    at = fn.keep(
        one(T("address"), code.op(code.I32_ADD, code.load(I32, 8, owner.node), scaled))
    ).node
    for kind, offset, node in zip(components(t), offsets, v.parts, strict=True):
        fn.emit(code.store(kind, offset, at, node))
    fn.emit(code.store(I32, 0, owner.node, code.op(code.I32_ADD, (code.GET, count), code.i32(1))))
    return NOTHING


def _pop(env: Env, owner: V) -> V:
    fn = env.fn
    with fn.collected() as made:
        owner = fn.keep(owner)
        last = code.arith(code.I64_SUB, count_of(owner), code.i64(1))
        item = fn.keep(element(env, owner, V(INT, (last,))))
        less = code.op(code.I32_SUB, code.load(I32, 0, owner.node), code.i32(1))
        fn.emit(code.store(I32, 0, owner.node, less))
    return V(item.t, item.parts, made)


# --- hooks ---------------------------------------------------------------------------------------


def _hook(t: T, name: str) -> bool:
    assert t.record is not None
    found = layout(t.record).fields.get(name)
    return found is not None and found[0] == HOOK


def hook_types(name: str) -> tuple[tuple[T, ...], T]:
    """Return parameters and result of a program's function by the hook it is called through."""
    skb, ctx = record_type(records()["Skb"]), record_type(records()["Ctx"])
    return {
        "enqueue": ((skb, ctx), INT),
        "egress": ((skb, ctx), INT),
        "classify": ((skb, ctx), INT),
        "dequeue": ((ctx,), T("tuple", (INT, skb))),
        "peek": ((ctx,), skb),
        "init": ((ctx,), VOID),
        "reset": ((ctx,), VOID),
        "timer": ((ctx,), VOID),
        "less": ((skb, skb), BOOL),
    }[name]


def dispatch(env: Env, owner: V, name: str, args: list[V]) -> V:
    """Call a program's function: the frame of its instance, then the arguments."""
    params, result = hook_types(name)
    assert owner.t.record is not None
    _, offset = layout(owner.t.record).fields[name]
    owner = env.fn.kept(owner)
    bare = V(owner.t, owner.parts)
    frame = code.seq(owner.before, code.load(I32, offset + 4, bare.node))
    nodes = [frame]
    for v, t in zip(args, params, strict=True):
        nodes += fit(v, t).nodes
    kinds = (I32, *(kind for t in params for kind in components(t)))
    target = code.load(I32, offset, bare.node)
    return received(env, (code.DISPATCH, (kinds, components(result)), nodes, target), result)


# --- memory --------------------------------------------------------------------------------------


def _new(env: Env, size: int) -> Node:
    made = call(env, source_of(library.alloc), [integer(size)])
    return code.op(code.WRAP, made.node)


def new_array(env: Env, t: T, count: V) -> V:
    """Return a new Array of zeros."""
    fn = env.fn
    _, stride = placed(t.of[0])
    with fn.collected() as made:
        count = fn.keep(fit(count, INT))
        size = code.arith(code.I64_MUL, count.node, code.i64(stride))
        size = code.arith(code.I64_ADD, size, code.i64(ARRAY_HEAD))
        fresh = call(env, source_of(library.alloc), [one(INT, size)])
        at = fn.keep(one(t, code.op(code.WRAP, fresh.node)))
        fn.emit(code.store(I32, 0, at.node, code.op(code.WRAP, count.node)))
    return V(t, at.parts, made)


def new_record(env: Env, record: type, args: list[V]) -> V:
    """Return a new record; fields without an argument get their defaults."""
    fn = env.fn
    plan = layout(record)
    t = record_type(record)
    with fn.collected() as made:
        values = [fn.keep(v) for v in args]
        at = fn.keep(one(t, _new(env, plan.size)))
        defaults = {f.name: f.default for f in record.__dataclass_fields__.values()}  # type: ignore[attr-defined]
        for number, (name, (kind, offset)) in enumerate(plan.fields.items()):
            if number < len(values):
                v = fit(values[number], kind)
            elif not defaults[name]:
                continue  # memory is zeroed
            elif kind == FLOAT:
                v = one(FLOAT, code.f64(defaults[name]))
            else:
                v = fit(integer(int(defaults[name])), kind)
            fn.emit(code.store(components(kind)[0], offset, at.node, v.node))
    return V(t, at.parts, made)


# --- builtins ------------------------------------------------------------------------------------


def _len(env: Env, v: V) -> V:
    if v.t.kind == "record":
        return method(env, v, "__len__", [])
    return one(INT, count_of(v))


def _int(env: Env, v: V) -> V:
    return one(INT, code.op(code.TRUNC_SAT, v.node)) if v.t == FLOAT else fit(v, INT)


def _float(env: Env, v: V) -> V:
    return to_float(v)


def _extreme(env: Env, opcode: int, a: V, b: V) -> V:
    t = U64 if U64 in (a.t, b.t) else INT
    with env.fn.collected() as made:
        a, b = env.fn.keep(fit(a, t)), env.fn.keep(fit(b, t))
    return V(t, (code.op(code.SELECT, a.node, b.node, code.op(opcode, a.node, b.node)),), made)


_BUILTINS: dict[str, Callable[..., V]] = {
    "len": _len,
    "int": _int,
    "float": _float,
    "min": lambda env, a, b: _extreme(env, code.I64_LE_S, a, b),
    "max": lambda env, a, b: _extreme(env, code.I64_GE_S, a, b),
}

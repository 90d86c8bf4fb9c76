"""Programs: calls of maps, helpers of the language and functions of the program."""

from __future__ import annotations

from sandbox.compiler.wasm import code, library, out_of_line
from sandbox.compiler.wasm.code import I32, I64
from sandbox.compiler.wasm.dialect_call import method, received
from sandbox.compiler.wasm.dialect_expr import attribute, element
from sandbox.compiler.wasm.frame import CLASS_TABLE, FUEL, TABLE_KINDS
from sandbox.compiler.wasm.program_arithmetic import bounds, divisor_checked, fits, negated
from sandbox.compiler.wasm.program_expr import number, place, value, value_as
from sandbox.compiler.wasm.program_scope import Scope, known_of_inner, type_of
from sandbox.compiler.wasm.types import (
    BOOL,
    INT,
    OPTIONAL_INT,
    layout,
    list_of,
)
from sandbox.compiler.wasm.values import V, fit, integer, one
from sandbox.core import skb as core_skb
from sandbox.core.instance import CALL_FUEL, Instance
from sandbox.language import tree
from sandbox.language.tree import Kind

LINED = ("push", "pop", "pop_last", "pop_rank", "set_rank", "delete", "update", "lookup_or_init")


def called(scope: Scope, expr: tree.MapCall | tree.HelperCall | tree.UserCall) -> V:
    """Translate a call."""
    match expr:
        case tree.UserCall():
            return _user_call(scope, expr)
        case tree.MapCall():
            return _map_call(scope, expr)
    return _helper(scope, expr)


def _user_call(scope: Scope, expr: tree.UserCall) -> V:
    from sandbox.compiler.wasm.program_inline import inlined, written_out

    callee = scope.facts.functions[expr.function]
    if written_out(scope, callee):
        return inlined(scope, callee, expr)
    scope.facts.called.append(callee.name)
    nodes = [scope.frame]
    for (name, t), arg in zip(callee.params, expr.args, strict=True):
        target = scope.facts.provenance.variable(expr.function, name)
        nodes += fit(value_as(scope, arg, t.kind, target), type_of(t.kind)).nodes
    result = type_of(callee.returns.kind)
    return received(scope.env, (code.CALL, ("program", expr.function), nodes), result)


# --- maps ----------------------------------------------------------------------------------------


def _map_call(scope: Scope, expr: tree.MapCall) -> V:
    kind = scope.facts.maps[expr.map].kind
    owner = scope.map(expr.map)
    if kind in TABLE_KINDS:
        return _table_call(scope, expr, owner)
    if kind == "SkbMapArray" and expr.index is not None:
        return _of_inner(scope, expr, inner_map(scope, owner, expr.map, expr.index, expr.span.line))
    name = expr.method
    args = [value(scope, arg) for arg in expr.args]
    if kind == "SkbMapHash" and expr.index is not None:
        args = [number(scope, expr.index), *(value(scope, arg) for arg in expr.args)]
        name = {"len": "len_of", "bytes": "bytes_of"}.get(name, name)
    if name in ("len", "bytes"):
        field = "length" if name == "len" else "bytes"
        return attribute(attribute(owner, "bound") if kind in _NESTED else owner, field)
    if name == "pop" and kind == "SkbMap":
        return _pop(scope, owner, _lined(expr, args))
    return method(scope.env, owner, name, _lined(expr, args))


_NESTED = ("SkbMapArray", "SkbMapHash", "FlowMap")


def _lined(expr: tree.MapCall, args: list[V]) -> list[V]:
    return [*args, integer(expr.span.line)] if expr.method in LINED else args


def inner_map(scope: Scope, owner: V, name: str, index: tree.Expr, line: int) -> V:
    """Return `map[index]` of an array of skb maps."""
    v = number(scope, index)
    count = scope.facts.maps[name].count
    low, high = bounds(index)
    if isinstance(count, int) and low >= 0 and high < count:
        return element(scope.env, attribute(owner, "inner"), v, checked=False)
    return method(scope.env, owner, "at", [v, integer(line)])


def _of_inner(scope: Scope, expr: tree.MapCall, inner: V) -> V:
    if expr.method in ("len", "bytes"):
        return attribute(inner, "length" if expr.method == "len" else "bytes")
    inner.known = known_of_inner(scope.facts.maps[expr.map])
    inner = scope.fn.kept(inner)
    args = [value(scope, arg) for arg in expr.args]
    if expr.method == "pop":
        return _pop(scope, inner, _lined(expr, args))
    return method(scope.env, inner, expr.method, _lined(expr, args))


def _pop(scope: Scope, owner: V, args: list[V]) -> V:
    """Pop from an skb map; to find an empty one empty, as a search through bands does, takes no call."""
    length = attribute(V(owner.t, owner.parts), "length").node
    with scope.fn.collected() as made:
        there = V(owner.t, owner.parts, known=owner.known)
        popped = scope.fn.keep(method(scope.env, there, "pop", args))
    empty = code.op(code.I64_EQZ, length)
    node = code.either(I32, empty, code.i32(0), code.seq(made, popped.parts[0]))
    return V(popped.t, (node,), owner.before)


def _table_call(scope: Scope, expr: tree.MapCall, owner: V) -> V:
    name = expr.method
    if name == "len":
        return attribute(owner, "length")
    holds_records = bool(scope.facts.maps[expr.map].value)
    key = number(scope, expr.args[0])
    if name in ("update", "set") and holds_records:
        return _update_record(scope, expr, owner, key)
    if name in ("update", "set"):
        stored = number(scope, expr.args[1])
        return method(scope.env, owner, "update", [key, stored, integer(expr.span.line)])
    if name == "lookup" and not holds_records:
        return _lookup_int(scope, expr, owner, key)
    if name in ("lookup", "lookup_or_init"):
        return _base(scope, expr, owner, key)
    return method(scope.env, owner, name, _lined(expr, [key]))


def _base(scope: Scope, expr: tree.MapCall, owner: V, key: V) -> V:
    """Return the first word of a key's value, -1 for none; an array's is found by arithmetic."""
    if scope.facts.maps[expr.map].kind != "ArrayMap":
        return method(scope.env, owner, expr.method, _lined(expr, [key]))
    fn = scope.fn
    with fn.collected() as made:
        owner, key = fn.keep(owner), fn.keep(key)
        first = code.op(code.I64_MUL, key.node, code.i64(_width(scope, expr.map)))
        low, high = bounds(expr.args[0])
        most = scope.facts.maps[expr.map].max_entries
        if isinstance(most, int) and low >= 0 and high < most:
            return V(INT, (first,), made)
        # As unsigned numbers negative keys are outside too.
        inside = code.op(code.I64_LT_U, key.node, attribute(owner, "max_entries").node)
        base = code.op(code.SELECT, first, code.i64(-1), inside)
    return V(INT, (base,), made)


def _width(scope: Scope, name: str) -> int:
    """Return how many words a value of a table has."""
    record = scope.facts.maps[name].value
    return next((one.words for one in scope.facts.program.records if one.name == record), 1)


def _lookup_int(scope: Scope, expr: tree.MapCall, owner: V, key: V) -> V:
    fn = scope.fn
    with fn.collected() as made:
        base = fn.keep(_base(scope, expr, owner, key))
        there = fn.keep(one(BOOL, code.op(code.I64_GE_S, base.node, code.i64(0)))).node
        scaled = code.op(code.I32_SHL, code.op(code.WRAP, base.node), code.i32(3))
        word = code.load(I64, 0, code.op(code.I32_ADD, scope.words(expr.map), scaled))
        found = fn.keep(one(INT, code.either(I64, there, word, code.i64(0)))).node
    return V(OPTIONAL_INT, (found, there), made)


def _update_record(scope: Scope, expr: tree.MapCall, owner: V, key: V) -> V:
    """Copy a record into a table; the words are found again after the key, which may move them."""
    fn = scope.fn
    source = expr.args[1]
    with fn.collected() as made:
        key = fn.keep(key)
        index, _, sources = place(scope, source, source.type.record)
        index = fn.keep(index)
        words = _words_list(scope, source, sources, index)
        line = integer(expr.span.line)
        done = method(scope.env, owner, "update_record", [key, words, index, line])
    return V(done.t, done.parts, [*made, *done.before])


def _words_list(scope: Scope, source: tree.Expr, sources: frozenset[str], index: V) -> V:
    """Return the list of words that a record is in."""
    t = list_of(INT)
    if len(sources) < 2:
        only = next(iter(sources), None) or scope.facts.provenance.some_table(source.type.record)
        return scope.words_list(only) if only is not None else one(t, code.i32(0))
    tables = scope.facts.provenance.tables
    handle = value_as(scope, source, Kind.RECORD, sources)
    count = code.i64(len(tables))
    which = scope.fn.keep(one(INT, code.op(code.I64_REM_U, handle.node, count)))
    words = code.i32(0)
    for name in sources:
        same = code.op(code.I64_EQ, which.node, code.i64(tables.index(name)))
        words = code.either(I32, same, scope.words_list(name).node, words)
    return scope.fn.keep(one(t, words))


# --- helpers -------------------------------------------------------------------------------------

_OF_INSTANCE = (
    *("random", "mark_ecn", "skb_classify", "skb_classify_action"),
    *("child_enqueue", "child_dequeue", "child_peek", "child_qlen", "child_backlog"),
)
_WITHOUT_LINE = ("random", "child_qlen", "child_backlog")
_OF_CHILD = ("child_enqueue", "child_dequeue", "child_peek")
_LOADS = {
    "skb.load_u8": core_skb.load_u8,
    "skb.load_u16": core_skb.load_u16,
    "skb.load_u32": core_skb.load_u32,
}


def _helper(scope: Scope, expr: tree.HelperCall) -> V:
    name = expr.helper
    line = integer(expr.span.line)
    args = [value(scope, arg) for arg in expr.args]
    if name in _OF_INSTANCE:
        lined = args if name in _WITHOUT_LINE else [*args, line]
        if name in _OF_CHILD:
            return _of_child(scope, name, lined)
        return scope.of_instance(name, *lined)
    if name in _LOADS:
        return scope.core(_LOADS[name], *args, line)
    if name == "hash_skb":
        return scope.core(core_skb.hash_skb, *args)
    if name == "ctx.timer_after":
        return method(scope.env, scope.local("ctx"), "timer_after", [*args, line])
    if name == "class_of":
        table = scope.thing(CLASS_TABLE)
        return method(scope.env, table, "class_of", [fit(args[0], INT)])
    return _plain(scope, expr, [fit(arg, INT) for arg in args])


def _of_child(scope: Scope, name: str, args: list[V]) -> V:
    """Call a child, which may be this very instance: what a call changes of it is put back."""
    fn = scope.fn
    with fn.collected() as made:
        args = [fn.keep(arg) for arg in args]
        at = scope.thing(FUEL).node
        instance = fn.keep(scope.instance())
        left = fn.keep(one(INT, code.load(I64, 8, at)))
        kept = {field: fn.keep(attribute(instance, field)) for field in ("running", "entering")}
        fn.emit(code.store(I64, 8, at, code.i64(CALL_FUEL)))
        result = fn.keep(scope.of_instance(name, *args))
        fn.emit(code.store(I64, 8, at, left.node))
        for field, v in kept.items():
            _, offset = layout(Instance).fields[field]
            fn.emit(code.store(I32, offset, instance.node, v.node))
    return V(result.t, result.parts, made)


def _plain(scope: Scope, expr: tree.HelperCall, args: list[V]) -> V:
    fn = scope.fn
    name, line = expr.helper, expr.span.line
    match name:
        case "min" | "max":
            opcode = code.I64_LE_S if name == "min" else code.I64_GE_S
            result = args[0]
            with fn.collected() as made:
                result = fn.keep(result)
                for arg in args[1:]:
                    other = fn.keep(arg)
                    test = code.op(opcode, result.node, other.node)
                    result = fn.keep(one(INT, code.op(code.SELECT, result.node, other.node, test)))
            return V(INT, result.parts, made)
        case "abs":
            low, high = bounds(expr.args[0])
            if scope.large:
                return scope.core(
                    out_of_line.magnitude_of, scope.instance(), args[0], integer(line)
                )
            with fn.collected() as made:
                v = fn.keep(args[0])
                out = fn.locals_for(INT)
                fn.emit((code.SET, out[0], v.node))
                with fn.collected() as below:
                    fn.assign(out, negated(scope, v, fits(-high, -low), line))
                fn.emit((code.IF, code.op(code.I64_LT_S, v.node, code.i64(0)), below, []))
            return V(INT, ((code.GET, out[0]),), made)
        case "ult":
            return one(BOOL, code.op(code.I64_LT_U, args[0].node, args[1].node))
        case "udiv" | "umod":
            opcode = code.I64_DIV_U if name == "udiv" else code.I64_REM_U
            with fn.collected() as made:
                a, b = fn.keep(args[0]), fn.keep(args[1])
                divisor_checked(scope, b, line)
            return V(INT, (code.op(opcode, a.node, b.node),), made)
        case "isqrt":
            return scope.core(library.isqrt, args[0])
        case "log2_floor":
            bits = code.op(code.I64_CLZ, args[0].node)
            return one(INT, code.op(code.I64_SUB, code.i64(63), bits))
        case "find_first_set":
            v = fn.kept(args[0])
            first = code.op(code.I64_CTZ, v.parts[0])
            none = code.op(code.I64_EQZ, v.parts[0])
            return V(INT, (code.op(code.SELECT, code.i64(-1), first, none),), v.before)
    raise AssertionError(f"no translation of helper {name}")

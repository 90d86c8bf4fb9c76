"""Lowering of calls: map methods, helpers of the language, functions of the program.

A call becomes the call of one bound name with the operation's line as last argument, or inline arithmetic.
"""

from __future__ import annotations

import ast

from sandbox.compiler import lower_expr, nodes
from sandbox.compiler.names import function, local
from sandbox.compiler.records import CLASSES
from sandbox.compiler.scope import Scope, is_record
from sandbox.language import tree

INNER_KINDS = ("SkbMapArray", "SkbMapHash")
INT_KINDS = ("Queue", "Stack")
TABLE_KINDS = ("HashMap", "LruHashMap", "ArrayMap")
LINED = ("push", "pop", "pop_last", "pop_rank", "set_rank", "delete", "update", "lookup_or_init")
BOOLS = ("push", "delete", "update", "contains")

M64 = 2**64 - 1


def lower(
    scope: Scope, expr: tree.MapCall | tree.HelperCall | tree.UserCall, *, truth: bool
) -> ast.expr:
    """Return the lowered call; a bool result is made 0 or 1 unless only its truth matters."""
    match expr:
        case tree.UserCall():
            return _user_call(scope, expr)
        case tree.MapCall():
            lowered = _map_call(scope, expr)
            is_bool = expr.method in BOOLS
        case tree.HelperCall():
            lowered = _helper(scope, expr)
            is_bool = expr.helper in ("child_enqueue", "mark_ecn", "ult")
    if truth and is_record(expr.type.kind):
        return nodes.compare(lowered, ">=", nodes.const(0))
    return _as_int(lowered) if is_bool and not truth else lowered


def _as_int(lowered: ast.expr) -> ast.expr:
    return nodes.either(lowered, nodes.const(1), nodes.const(0))


def _user_call(scope: Scope, expr: tree.UserCall) -> ast.expr:
    callee = scope.facts.functions[expr.function]
    args = []
    for (name, kind), arg in zip(callee.params, expr.args, strict=True):
        target = scope.facts.provenance.variable(expr.function, name)
        args.append(lower_expr.value_as(scope, arg, kind.kind, target))
    return nodes.call(function(expr.function), *args)


# --- maps ----------------------------------------------------------------------------------------


def _map_call(scope: Scope, expr: tree.MapCall) -> ast.expr:
    kind = scope.facts.maps[expr.map].kind
    if kind in TABLE_KINDS:
        return _table_call(scope, expr)
    if kind == "SkbMapArray" and expr.index is not None:
        return _array_call(scope, expr, expr.index)
    args = [lower_expr.value(scope, arg) for arg in expr.args]
    method = expr.method
    if kind == "SkbMapHash" and expr.index is not None:
        args.insert(0, lower_expr.value(scope, expr.index))
        method = {"len": "len_of", "bytes": "bytes_of"}.get(method, method)
    if method in ("len", "bytes"):
        return _size(scope, method, expr.map, kind)
    return _method(scope, method, expr, args)


def _method(scope: Scope, method: str, expr: tree.MapCall, args: list[ast.expr]) -> ast.expr:
    if method in LINED:
        args.append(nodes.const(expr.span.line))
    return nodes.call(scope.use("method", method, expr.map), *args)


def _size(scope: Scope, method: str, name: str, kind: str) -> ast.expr:
    whole = nodes.name(scope.use("object", "map", name))
    if kind in (*INNER_KINDS, "FlowMap"):
        return nodes.call(scope.use("helper", "packets" if method == "len" else "bytes"), whole)
    return nodes.call(scope.use("field", "map.length" if method == "len" else "map.bytes"), whole)


def _array_call(scope: Scope, expr: tree.MapCall, index: tree.Expr) -> ast.expr:
    inner = _inner(scope, expr, index)
    if expr.method in ("len", "bytes"):
        field = "map.length" if expr.method == "len" else "map.bytes"
        return nodes.call(scope.use("field", field), inner)
    args = [inner, *(lower_expr.value(scope, arg) for arg in expr.args)]
    if expr.method in LINED:
        args.append(nodes.const(expr.span.line))
    return nodes.call(scope.use("inner", expr.method), *args)


def _inner(scope: Scope, expr: tree.MapCall, index: tree.Expr) -> ast.expr:
    """Return `map[index]` of an array of skb maps."""
    count = scope.facts.maps[expr.map].count
    lowered = lower_expr.value(scope, index)
    low, high = lower_expr.bounds(index)
    if isinstance(count, int) and low >= 0 and high < count:
        return nodes.item(nodes.name(scope.use("list", "inner", expr.map)), lowered)
    return nodes.call(scope.use("method", "at", expr.map), lowered, nodes.const(expr.span.line))


def _table_call(scope: Scope, expr: tree.MapCall) -> ast.expr:
    method = expr.method
    if method == "len":
        return _size(scope, "len", expr.map, "table")
    decl = scope.facts.maps[expr.map]
    key = lower_expr.value(scope, expr.args[0])
    if method in ("update", "set"):
        if decl.value:
            return _update_record(scope, expr, key)
        return _method(scope, "update", expr, [key, lower_expr.value(scope, expr.args[1])])
    if method in ("lookup", "get", "lookup_or_init"):
        return _lookup(scope, expr, decl, key)
    return _method(scope, method, expr, [key])


def _lookup(scope: Scope, expr: tree.MapCall, decl: tree.MapDecl, key: ast.expr) -> ast.expr:
    """Return a record's first word or −1, or an int value, with what stands for a missing one."""
    if expr.method == "lookup_or_init":
        if decl.kind == "HashMap":
            kept = scope.temporary()
            found = found_base(scope, decl, nodes.keep(kept, key))
            made = _method(scope, "lookup_or_init", expr, [nodes.name(kept)])
            base = scope.temporary()
            is_there = nodes.compare(nodes.keep(base, found), ">=", nodes.const(0))
            return nodes.either(is_there, nodes.name(base), made)
        return _method(scope, "lookup_or_init", expr, [key])
    found = found_base(scope, decl, key)
    if decl.value:
        return found
    base = scope.temporary()
    is_there = nodes.compare(nodes.keep(base, found), ">=", nodes.const(0))
    missing = nodes.const(0 if expr.method == "get" else None)
    return nodes.either(is_there, nodes.item(scope.words(decl.name), nodes.name(base)), missing)


def found_base(scope: Scope, decl: tree.MapDecl, key: ast.expr) -> ast.expr:
    """Return the first word of a key's value or −1; an LRU map is asked, because it takes note."""
    width = nodes.const(scope.facts.widths[decl.name])
    if decl.kind == "HashMap":
        slot = nodes.call(scope.use("slots", "", decl.name), key, nodes.const(-1))
        if scope.facts.widths[decl.name] == 1:
            return slot
        kept = scope.temporary()
        positive = nodes.compare(nodes.keep(kept, slot), ">", nodes.const(0))
        return nodes.either(positive, nodes.binary("*", nodes.name(kept), width), nodes.name(kept))
    if decl.kind == "ArrayMap" and isinstance(decl.max_entries, int):
        kept = scope.temporary()
        end = nodes.const(decl.max_entries)
        inside = nodes.chain(nodes.const(0), ("<=", nodes.keep(kept, key)), ("<", end))
        return nodes.either(inside, nodes.binary("*", nodes.name(kept), width), nodes.const(-1))
    return nodes.call(scope.use("method", "lookup", decl.name), key)


def _update_record(scope: Scope, expr: tree.MapCall, key: ast.expr) -> ast.expr:
    """Return `update_record(key, words, base, line)`; a record that is not in a variable is kept first."""
    source = expr.args[1]
    if not isinstance(source, tree.Local):
        kept = scope.temporary()
        keyed = nodes.keep(kept, key)
        words, base, check = lower_expr.place(scope, source, source.type.record)
        assert check is not None
        line = nodes.const(expr.span.line)
        method = scope.use("method", "update_record", expr.map)
        copied = nodes.call(method, nodes.name(kept), words, base, line)
        # (key, record) are evaluated in this order; the comparison of a key with None is always true.
        ready = nodes.logic("and", [nodes.compare(keyed, "is not", nodes.const(None)), check])
        return nodes.either(ready, copied, nodes.const(0))
    words, base, _ = lower_expr.place(scope, source, source.type.record)
    line = nodes.const(expr.span.line)
    return nodes.call(scope.use("method", "update_record", expr.map), key, words, base, line)


# --- helpers -------------------------------------------------------------------------------------

_OF_INSTANCE = (
    *("random", "mark_ecn", "skb_classify", "skb_classify_action"),
    *("child_enqueue", "child_dequeue", "child_peek", "child_qlen", "child_backlog"),
)
_WITHOUT_LINE = (
    *("random", "child_qlen", "child_backlog", "class_of"),
    *("hash_skb", "isqrt", "log2_floor", "find_first_set"),
)
_ARITHMETIC = ("isqrt", "log2_floor", "find_first_set", "udiv", "umod")


def _helper(scope: Scope, expr: tree.HelperCall) -> ast.expr:
    name = expr.helper
    line = nodes.const(expr.span.line)
    args = [lower_expr.value(scope, arg) for arg in expr.args]
    if name in ("min", "max"):
        return _extreme(scope, "<=" if name == "min" else ">=", args)
    if name == "abs":
        return _magnitude(scope, expr, args[0])
    if name == "ult":
        unsigned = [nodes.binary("&", arg, nodes.const(M64)) for arg in args]
        return nodes.compare(unsigned[0], "<", unsigned[1])
    if name == "ctx.timer_after":
        timer = scope.use("helper", name)
        return nodes.call(timer, nodes.name(local("ctx")), *args, line)
    if name not in _WITHOUT_LINE:
        args.append(line)
    if name == "class_of":
        return nodes.call(scope.use("method", "class_of", CLASSES), *args)
    if name in _ARITHMETIC:
        return nodes.call(scope.use("arithmetic", name), *args)
    return nodes.call(scope.use("instance" if name in _OF_INSTANCE else "helper", name), *args)


def _extreme(scope: Scope, op: str, args: list[ast.expr]) -> ast.expr:
    """Return the smallest or largest, evaluated left to right, each once."""
    result = args[0]
    for arg in args[1:]:
        left, right = scope.temporary(), scope.temporary()
        test = nodes.compare(nodes.keep(left, result), op, nodes.keep(right, arg))
        result = nodes.either(test, nodes.name(left), nodes.name(right))
    return result


def _magnitude(scope: Scope, expr: tree.HelperCall, operand: ast.expr) -> ast.expr:
    kept = scope.temporary()
    low, high = lower_expr.bounds(expr.args[0])
    positive = nodes.compare(nodes.keep(kept, operand), ">=", nodes.const(0))
    negated = nodes.unary("-", nodes.name(kept))
    negated = lower_expr.wrapped(scope, negated, -high, -low, expr.span.line)
    return nodes.either(positive, nodes.name(kept), negated)

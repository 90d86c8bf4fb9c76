"""Map calls: methods, items, membership and sizes of maps, and what they do to packets and borrows."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from sandbox.language import tree
from sandbox.language.arguments import bind, check_arguments
from sandbox.language.flow import BORROWED, ENDED, LOST, OWNED, Value
from sandbox.language.helpers import PROGRAMS, U32_MAX
from sandbox.language.maps import MAPS, MapSpec, MethodSpec
from sandbox.language.operands import BOOL, INT, item_index, kind_text
from sandbox.language.report import span_of
from sandbox.language.spell import did_you_mean
from sandbox.language.tree import Expr, Kind, Type

if TYPE_CHECKING:
    from sandbox.language.function_check import FunctionCheck


def receiver(c: FunctionCheck, node: ast.expr) -> tuple[str, ast.expr | None] | None:
    """Return the map and the inner index that `name` or `name[index]` stands for, or None."""
    match node:
        case ast.Name(id=name) if name in c.scope.maps and name not in c.locals:
            return name, None
        case ast.Subscript(value=ast.Name(id=name), slice=index):
            if name in c.scope.maps and name not in c.locals:
                return name, index
    return None


def spec_of(c: FunctionCheck, name: str) -> MapSpec:
    """Return the kind of a declared map."""
    return MAPS[c.scope.maps[name].kind]


def is_push(c: FunctionCheck, node: ast.expr) -> bool:
    """Whether a call pushes a packet into a map, so that its result says who owns it."""
    match node:
        case ast.Call(func=ast.Attribute(value=target, attr="push")):
            found = receiver(c, target)
            return found is not None and spec_of(c, found[0]).holds == "packets"
    return False


def push(c: FunctionCheck, node: ast.Call) -> tuple[Value, str, str]:
    """Check a push; return its value, the local whose packet moves when it succeeds, and how."""
    value = _method_call(c, node)
    position = 1 if isinstance(value.expr, tree.MapCall) and len(value.expr.args) == 3 else 0
    if value.bad or not isinstance(value.expr, tree.MapCall):
        return value, "", ""
    packet = value.expr.args[position]
    why = f'pushed in line {node.lineno}; it belongs to map "{value.expr.map}"'
    name = packet.name if isinstance(packet, tree.Local) else ""
    return value, name, why


def map_method(c: FunctionCheck, node: ast.Call) -> Value:
    """Check a method call used as a value or a statement; a push must be tested."""
    if not is_push(c, node):
        return _method_call(c, node)
    value, name, why = push(c, node)
    if name:
        c.error(
            "unchecked-push",
            node,
            f"the result of push is not tested; when it is False, {name} is still yours",
            f'write "if not {ast.unparse(node)[:80]}:" and drop or return it there',
        )
        c.put(name, replace(c.here[name], own=LOST, why=why))
    return value


def _method_call(c: FunctionCheck, node: ast.Call) -> Value:
    assert isinstance(node.func, ast.Attribute)
    found = receiver(c, node.func.value)
    assert found is not None
    name, index = found
    spec = spec_of(c, name)
    method = spec.methods.get(node.func.attr)
    if method is None:
        _unknown_method(c, node.func, spec)
        return c.bad(node)
    inner = inner_index(c, node.func, name, index)
    if inner is False:
        return c.bad(node)
    declared = c.scope.maps[name]
    given = bind(c, node, method.call)
    if given is None:
        return c.bad(node)
    args = check_arguments(c, node, method.call, given, declared)
    if args is None:
        return c.bad(node)
    _check_rank(c, method, args)
    touch(c, name, method.name, node)
    if method.changes or reorders(c, name, method.name):
        change(c, name, node, f'{method.name} on map "{name}" in line {node.lineno}')
    return _result(c, node, method, declared, inner or None, args)


def _unknown_method(c: FunctionCheck, node: ast.Attribute, spec: MapSpec) -> None:
    near = did_you_mean(node.attr, spec.methods)
    hint = f"its methods are {', '.join(spec.methods)}"
    if spec.name == "ArrayMap" and node.attr in ("delete", "lookup_or_init"):
        hint = "every entry of an array always exists: lookup it, or write m[i] = 0"
    elif node.attr in ("append", "add", "put", "enqueue"):
        hint = "a map is filled by push" if "push" in spec.methods else "a map is filled by update"
    c.error("unknown-method", node, f'{spec.name} has no method "{node.attr}"{near}', hint)


def inner_index(
    c: FunctionCheck, node: ast.expr, name: str, index: ast.expr | None
) -> Expr | bool | None:
    """Return the checked inner index, None for a map that has none, False after reporting."""
    spec, declared = spec_of(c, name), c.scope.maps[name]
    if spec.inner and index is None:
        c.error(
            "inner-map",
            node,
            f'"{name}" is a {spec.name}: say which of its skb maps',
            f"write {name}[i]",
        )
        return False
    if index is None:
        return None
    if not spec.inner:
        c.error(
            "inner-map", node, f'"{name}" is a {spec.name} and has no inner maps', f"write {name}"
        )
        c.integer(index, "an index")
        return False
    if spec.name == "SkbMapHash":
        return c.integer(index, "a key")
    count = declared.count if isinstance(declared.count, int) else 0
    return item_index(c, index, count, f'"{name}"')


def reorders(c: FunctionCheck, name: str, method: str) -> bool:
    """Whether a read makes an entry the most recently used one, which moves it in a walk."""
    return method in ("lookup", "get") and spec_of(c, name).name == "LruHashMap"


def touch(c: FunctionCheck, name: str, method: str, node: ast.AST) -> None:
    """Note that a method of a map is used, and where."""
    c.whole.methods.setdefault(name, set()).add(method)
    c.use(f'the map "{name}"', PROGRAMS, node)


def change(c: FunctionCheck, name: str, node: ast.AST, what: str) -> None:
    """Note that a map may gain or lose entries here, which loops and borrows do not survive."""
    c.summary.changes.add(name)
    if name in c.iterating:
        c.error(
            "changed-while-iterating",
            node,
            f'{what} may change it inside "for ... in {name}"',
            "note what to change in a local or a Queue, leave the loop, then change it",
        )
    end_borrows(c, name, what)


def end_borrows(c: FunctionCheck, name: str, why: str) -> None:
    """End every borrow of a packet of this map."""
    for local, var in list(c.here.items()):
        if var.own == BORROWED and name in var.maps:
            c.put(local, replace(var, own=ENDED, why=why))


def _check_rank(c: FunctionCheck, method: MethodSpec, args: tuple[Expr, ...]) -> None:
    for arg, expr in zip(method.call.args, args, strict=True):
        if arg.name == "rank" and expr.high < 0:
            c.error(
                "negative-rank",
                _place(expr),
                f"a rank is 0 or more, got {expr.high}",
                "subtract from RANK_MAX to reverse an order",
            )


def _place(expr: Expr) -> tree.Span:
    return expr.span


def _result(
    c: FunctionCheck,
    node: ast.Call,
    method: MethodSpec,
    declared: tree.MapDecl,
    inner: Expr | bool | None,
    args: tuple[Expr, ...],
) -> Value:
    own, maps, kind = "", frozenset[str](), Type(Kind.VOID)
    low, high = method.call.low, method.call.high
    match method.call.returns:
        case "bool":
            kind, low, high = BOOL, 0, 1
        case "int":
            kind = INT
        case "int?":
            kind = Type(Kind.OPTIONAL_INT)
        case "owned?":
            kind, own = Type(Kind.OPTIONAL_SKB), OWNED
        case "peek?":
            kind, own = Type(Kind.OPTIONAL_SKB, borrowed=True), BORROWED
            maps = frozenset({declared.name})
        case "value?":
            kind = (
                Type(Kind.OPTIONAL_RECORD, declared.value)
                if declared.value
                else Type(Kind.OPTIONAL_INT)
            )
        case "record?":
            if not declared.value:
                c.error(
                    "int-map",
                    node,
                    f'"{declared.name}" holds ints, not records',
                    f"write {declared.name}[key], which reads 0 for a missing key",
                )
                return c.bad(node)
            kind = Type(Kind.OPTIONAL_RECORD, declared.value)
    call = tree.MapCall(
        span=span_of(node),
        type=kind,
        map=declared.name,
        method=method.name,
        index=inner if isinstance(inner, Expr) else None,
        args=args,
        low=low,
        high=high,
    )
    return Value(call, own=own, maps=maps)


# --- items, membership, sizes ---


def item_key(c: FunctionCheck, node: ast.Subscript, name: str) -> Expr | None:
    """Return the key of `map[key]` for an int map, or None after reporting."""
    spec, declared = spec_of(c, name), c.scope.maps[name]
    if spec.inner:
        hint = f"call a method of it, as in {name}[i].pop()"
        c.error("not-a-value", node, f'"{name}[...]" is an skb map, not a value', hint)
        return None
    if not spec.subscript:
        hint = f"its methods are {', '.join(spec.methods)}"
        c.error("not-indexable", node, f'"{name}" is a {spec.name} and has no items', hint)
        return None
    if declared.value:
        c.error(
            "record-item",
            node,
            f'"{name}" holds records: {name}[key] cannot say that a key is missing',
            f"write {declared.value.lower()} = {name}.lookup(key) and test it for None",
        )
        return None
    return c.integer(node.slice, "a key")


def map_item(c: FunctionCheck, node: ast.Subscript, name: str) -> Value:
    """Check `map[key]` used as a value."""
    key = item_key(c, node, name)
    if key is None:
        return c.bad(node)
    touch(c, name, "get", node)
    if reorders(c, name, "get"):
        change(c, name, node, f"reading {name}[...] in line {node.lineno}")
    return Value(
        tree.MapCall(span=span_of(node), type=INT, map=name, method="get", index=None, args=(key,))
    )


def contains(c: FunctionCheck, node: ast.Compare) -> Value:
    """Check `key in map`."""
    found = receiver(c, node.comparators[0])
    key = c.integer(node.left, "a key")
    if found is None or found[1] is not None or not spec_of(c, found[0]).contains:
        c.error(
            "not-indexable",
            node.comparators[0],
            '"in" asks a HashMap, an LruHashMap or an ArrayMap for a key',
            'compare with "==" and "or"',
        )
        return c.bad(node)
    touch(c, found[0], "contains", node)
    call = tree.MapCall(
        span=span_of(node),
        type=BOOL,
        map=found[0],
        method="contains",
        index=None,
        args=(key,),
        low=0,
        high=1,
    )
    return Value(call)


def map_bytes(c: FunctionCheck, node: ast.Attribute, name: str, index: ast.expr | None) -> Value:
    """Check `map.bytes` or `map[index].bytes`."""
    spec = spec_of(c, name)
    if node.attr in spec.methods:
        c.error(
            "method-value",
            node,
            f'"{node.attr}" is a method',
            f"call it: {ast.unparse(node)[:60]}(...)",
        )
        return c.bad(node)
    if node.attr != "bytes" or not spec.bytes:
        known = ["bytes", *spec.methods] if spec.bytes else list(spec.methods)
        c.error(
            "unknown-method",
            node,
            f'{spec.name} has no "{node.attr}"{did_you_mean(node.attr, known)}',
            f"it has {', '.join(known)}",
        )
        return c.bad(node)
    return _size(c, node, name, index, "bytes", 2**48)


def map_len(c: FunctionCheck, node: ast.Call) -> Value:
    """Check `len(map)`, `len(map[index])` or `len(param)`."""
    argument = node.args[0] if len(node.args) == 1 and not node.keywords else None
    found = receiver(c, argument) if argument is not None else None
    if found is not None:
        return _size(c, node, found[0], found[1], "len", U32_MAX)
    match argument:
        case ast.Name(id=name) if name in c.scope.params and name not in c.locals:
            default = c.scope.params[name].default
            if isinstance(default, tuple):
                size = len(default)
                return Value(
                    tree.Const(span=span_of(node), type=INT, value=size, low=size, high=size)
                )
    what = ""
    if argument is not None:
        value = c.look(argument)
        what = "" if value.bad else f", got {kind_text(value.expr.type)}"
    c.error(
        "expected-map",
        node,
        f"len counts what a map or a list Param holds{what}",
        "write len(queue)",
    )
    return c.bad(node)


def _size(
    c: FunctionCheck,
    node: ast.expr,
    name: str,
    index: ast.expr | None,
    method: str,
    most: int,
) -> Value:
    inner: Expr | bool | None = None
    if index is not None:
        inner = inner_index(c, node, name, index)
        if inner is False:
            return c.bad(node)
    touch(c, name, method, node)
    return Value(
        tree.MapCall(
            span=span_of(node),
            type=INT,
            map=name,
            method=method,
            index=inner if isinstance(inner, Expr) else None,
            args=(),
            low=0,
            high=most,
        )
    )

"""Lowering of statements: neutral tree → Python ``ast`` statements, each on its line of the program."""

from __future__ import annotations

import ast
from collections.abc import Callable

from sandbox.compiler import lower_call, nodes
from sandbox.compiler.lower_expr import (
    VERDICT_NUMBERS,
    bounds,
    checked,
    place,
    test,
    value,
    value_as,
    word_index,
)
from sandbox.compiler.names import local, variable
from sandbox.compiler.records import CLASSES
from sandbox.compiler.scope import Scope, is_record, is_simple
from sandbox.language import tree
from sandbox.language.tree import Kind

M32 = 2**32 - 1
PACKED = ("enqueue", "egress")  # these return verdict | line << 8


def block(scope: Scope, body: tuple[tree.Stmt, ...]) -> list[ast.stmt]:
    """Return the lowered statements; an empty block becomes `pass`."""
    lowered: list[ast.stmt] = []
    for statement in body:
        if scope.facts.counts:
            lowered.append(nodes.at_line(_count(scope, statement), statement.span.line))
        for made in _statement(scope, statement):
            lowered.append(nodes.at_line(made, statement.span.line))
    return lowered or [ast.Pass()]


def _count(scope: Scope, statement: tree.Stmt) -> ast.stmt:
    counts = scope.use("list", "counts")
    line = statement.span.line
    more = nodes.binary("+", nodes.item(nodes.name(counts), nodes.const(line)), nodes.const(1))
    return nodes.assign_item(nodes.name(counts), nodes.const(line), more)


def burn(scope: Scope, line: int) -> list[ast.stmt]:
    """Return the statements that take one unit of fuel and stop the run when none is left."""
    left = scope.temporary()
    fuel = scope.use("list", "fuel")
    less = nodes.binary("-", nodes.item(nodes.name(fuel), nodes.const(0)), nodes.const(1))
    taken = ast.Assign(
        [
            ast.Name(left, ast.Store()),
            ast.Subscript(nodes.name(fuel), nodes.const(0), ast.Store()),
        ],
        less,
    )
    out = ast.Expr(nodes.call(scope.use("arithmetic", "out_of_fuel"), nodes.const(line)))
    empty = nodes.when(nodes.compare(nodes.name(left), "<", nodes.const(0)), [out])
    return [nodes.at_line(taken, line), nodes.at_line(empty, line)]


def _statement(scope: Scope, statement: tree.Stmt) -> list[ast.stmt]:
    match statement:
        case tree.Assign():
            return [_assign(scope, statement)]
        case tree.SetGlobal():
            return _set_global(scope, statement)
        case tree.SetField():
            return _set_field(scope, statement)
        case tree.SetFieldItem():
            return _set_field_item(scope, statement)
        case tree.SetSkbField() | tree.SetSkbCb() | tree.SetCtx():
            return _set_outside(scope, statement)
        case tree.ExprStmt():
            return _effect(scope, statement.value)
        case tree.Drop():
            return [_drop(scope, statement)]
        case tree.Trace():
            return [_trace(scope, statement)]
        case tree.If():
            orelse = block(scope, statement.orelse) if statement.orelse else []
            return [ast.If(test(scope, statement.test), block(scope, statement.then), orelse)]
        case tree.Break():
            return [ast.Break()]
        case tree.Continue():
            return [ast.Continue()]
        case tree.Return():
            return [ast.Return(returned(scope, statement.value, statement.span.line))]
    return _loop(scope, statement)


# --- stores --------------------------------------------------------------------------------------


def _assign(scope: Scope, statement: tree.Assign) -> ast.stmt:
    kind = scope.types.get(statement.name, statement.value.type).kind
    target = scope.facts.provenance.variable(scope.function.name, statement.name)
    return nodes.assign(local(statement.name), value_as(scope, statement.value, kind, target))


def _set_global(scope: Scope, statement: tree.SetGlobal) -> list[ast.stmt]:
    name = variable(statement.name)
    scope.assigned_globals.add(name)
    stored = nodes.assign(name, value(scope, statement.value))
    if not scope.facts.traced:
        return [stored]
    number = nodes.const(scope.facts.global_index[statement.name])
    line = nodes.const(statement.span.line)
    shown = nodes.call(scope.use("instance", "show_global"), number, nodes.name(name), line)
    return [stored, ast.Expr(shown)]


def _kept(scope: Scope, expr: tree.Expr, made: list[ast.stmt]) -> ast.expr:
    """Return the value of an expression, evaluated by a statement before unless it is simple."""
    if is_simple(expr):
        return value(scope, expr)
    kept = scope.temporary()
    made.append(nodes.assign(kept, value(scope, expr)))
    return nodes.name(kept)


def _set_field(scope: Scope, statement: tree.SetField) -> list[ast.stmt]:
    made: list[ast.stmt] = []
    is_local = isinstance(statement.base, tree.Local)
    stored = (
        value(scope, statement.value)
        if is_local and not scope.facts.traced
        else _kept(scope, statement.value, made)
    )
    words, base, check = place(scope, statement.base, statement.record)
    if check is not None:
        made.append(ast.Expr(check))
    offset = scope.facts.fields[statement.record, statement.name].offset
    if not scope.facts.traced:
        return [*made, nodes.assign_item(words, word_index(base, offset), stored)]
    return [*made, _write(scope, statement, nodes.const(offset), stored)]


def _write(
    scope: Scope, statement: tree.SetField | tree.SetFieldItem, offset: ast.expr, stored: ast.expr
) -> ast.stmt:
    """Return the call that stores a word and shows it in the trace; the base is in a variable."""
    _, base, _ = place(scope, statement.base, statement.record)
    line = nodes.const(statement.span.line)
    sources = scope.sources(statement.base)
    if len(sources) > 1:
        handle = nodes.name(_handle(statement.base))
        writer = scope.use("helper", "write_any")
        return ast.Expr(nodes.call(writer, handle, offset, stored, line))
    source = next(iter(sources), None) or scope.facts.provenance.some_table(statement.record)
    if source is None:  # a helper that nobody calls, of a record that no map holds
        return ast.Pass()
    writer = scope.use("method", "write", source)
    return ast.Expr(nodes.call(writer, base, offset, stored, line))


def _handle(base: tree.Expr) -> str:
    assert isinstance(base, tree.Local)
    return local(base.name)


def _set_field_item(scope: Scope, statement: tree.SetFieldItem) -> list[ast.stmt]:
    made: list[ast.stmt] = []
    stored = _kept(scope, statement.value, made)
    words, base, check = place(scope, statement.base, statement.record)
    if check is not None:
        made.append(ast.Expr(check))
    offset = scope.facts.fields[statement.record, statement.name].offset
    at, inside, fault = checked(scope, statement.index, statement.length)
    if inside is not None:
        made.append(nodes.when(nodes.unary("not", inside), [ast.Expr(fault)]))
    if not scope.facts.traced:
        index = nodes.binary("+", word_index(base, offset), at)
        return [*made, nodes.assign_item(words, index, stored)]
    return [*made, _write(scope, statement, word_index(at, offset), stored)]


def _set_outside(
    scope: Scope, statement: tree.SetSkbField | tree.SetSkbCb | tree.SetCtx
) -> list[ast.stmt]:
    """Lower a store to a packet or to the context: one call, the value evaluated first."""
    made: list[ast.stmt] = []
    if isinstance(statement, tree.SetCtx):
        stored = value(scope, statement.value)
        setter = scope.use("setter", f"ctx.{statement.name}")
        return [ast.Expr(nodes.call(setter, nodes.name(local("ctx")), stored))]
    stored = value(scope, statement.value)
    if not isinstance(statement.base, tree.Local):
        stored = _kept(scope, statement.value, made)
    if isinstance(statement, tree.SetSkbField):
        setter = scope.use("setter", statement.name)
        made.append(ast.Expr(nodes.call(setter, value(scope, statement.base), stored)))
        return made
    if not is_simple(statement.index) and not made:
        stored = _kept(scope, statement.value, made)
    line = nodes.const(statement.span.line)
    base, index = value(scope, statement.base), value(scope, statement.index)
    made.append(ast.Expr(nodes.call(scope.use("instance", "store_cb"), base, index, stored, line)))
    return made


# --- effects -------------------------------------------------------------------------------------


def _effect(scope: Scope, expr: tree.Expr) -> list[ast.stmt]:
    if isinstance(expr, tree.MapCall) and expr.method == "set":
        return _set_item(scope, expr)
    return [ast.Expr(test(scope, expr) if expr.type.kind is Kind.BOOL else value(scope, expr))]


def _set_item(scope: Scope, expr: tree.MapCall) -> list[ast.stmt]:
    """Lower `map[key] = value`: the value first, then the key; a full map is a fault."""
    made: list[ast.stmt] = []
    key, stored = expr.args
    value_of = _kept_again(scope, stored, made)
    key_of = _kept_again(scope, key, made)
    line = expr.span.line
    update = scope.use("method", "update", expr.map)
    done = nodes.call(update, key_of(), value_of(), nodes.const(line))
    fault = ast.Expr(nodes.call(scope.use("arithmetic", "map_full"), nodes.const(line)))
    slow = nodes.when(nodes.unary("not", done), [fault])
    decl = scope.facts.maps[expr.map]
    if scope.facts.traced or decl.kind == "LruHashMap":
        return [*made, slow]
    base = scope.temporary()
    found = nodes.keep(base, lower_call.found_base(scope, decl, key_of()))
    store = nodes.assign_item(scope.words(expr.map), nodes.name(base), value_of())
    nodes.at_line(store, line)
    nodes.at_line(slow, line)
    return [*made, ast.If(nodes.compare(found, ">=", nodes.const(0)), [store], [slow])]


def _kept_again(scope: Scope, expr: tree.Expr, made: list[ast.stmt]) -> Callable[[], ast.expr]:
    """Return a maker of reads of an expression's value, which is evaluated once, before."""
    if is_simple(expr):
        return lambda: value(scope, expr)
    kept = scope.temporary()
    made.append(nodes.assign(kept, value(scope, expr)))
    return lambda: nodes.name(kept)


def _drop(scope: Scope, statement: tree.Drop) -> ast.stmt:
    line = nodes.const(statement.span.line)
    skb, reason = value(scope, statement.skb), nodes.const(statement.reason)
    return ast.Expr(nodes.call(scope.use("instance", "drop"), skb, reason, line))


def _trace(scope: Scope, statement: tree.Trace) -> ast.stmt:
    args = nodes.many([value(scope, arg) for arg in statement.args])
    line = nodes.const(statement.span.line)
    log = scope.use("instance", "log")
    return ast.Expr(nodes.call(log, nodes.const(statement.format), args, line))


# --- returns -------------------------------------------------------------------------------------


def returned(scope: Scope, expr: tree.Expr | None, line: int) -> ast.expr | None:
    """Return what the function's role wants returned at this line (docs/architecture.md)."""
    role = scope.function.role
    if role == "dequeue":
        return _dequeued(scope, expr, line)
    if expr is None:
        return None
    if role in PACKED:
        return _with_line(scope, expr, line)
    if role == "classify":
        return _classified(scope, expr)
    if role in ("init", "reset", "timer"):
        return None
    target = scope.facts.provenance.result(scope.function.name)
    return value_as(scope, expr, scope.function.returns.kind, target)


def _with_line(scope: Scope, expr: tree.Expr, line: int) -> ast.expr:
    if isinstance(expr, tree.VerdictConst):
        return nodes.const(VERDICT_NUMBERS[expr.name] | line << 8)
    return nodes.binary("|", value(scope, expr), nodes.const(line << 8))


def _dequeued(scope: Scope, expr: tree.Expr | None, line: int) -> ast.expr:
    if expr is None or expr.type.kind is Kind.NONE:
        return nodes.pair(nodes.const(line << 8), nodes.const(None))
    if isinstance(expr, tree.IfExp):
        then, orelse = _dequeued(scope, expr.then, line), _dequeued(scope, expr.orelse, line)
        return nodes.either(test(scope, expr.test), then, orelse)
    if expr.type.kind is Kind.VERDICT:
        return nodes.pair(_with_line(scope, expr, line), nodes.const(None))
    return nodes.pair(nodes.const(line << 8), value(scope, expr))


def _classified(scope: Scope, expr: tree.Expr) -> ast.expr:
    if isinstance(expr, tree.IfExp):
        then, orelse = _classified(scope, expr.then), _classified(scope, expr.orelse)
        return nodes.either(test(scope, expr.test), then, orelse)
    if expr.type.kind is Kind.VERDICT:
        return nodes.const(-1)
    low, high = bounds(expr)
    lowered = value(scope, expr)
    return lowered if low >= 0 and high <= M32 else nodes.binary("&", lowered, nodes.const(M32))


# --- loops ---------------------------------------------------------------------------------------


def _loop(scope: Scope, statement: tree.Stmt) -> list[ast.stmt]:
    """Lower a loop: every turn burns one unit of fuel before its body."""
    turn = burn(scope, statement.span.line)
    match statement:
        case tree.While():
            body = [*turn, *block(scope, statement.body)]
            return [ast.While(test(scope, statement.test), body, [])]
        case tree.ForRange():
            ends = [value(scope, statement.start), value(scope, statement.stop)]
            items = nodes.call(scope.use("walk", "range"), *ends, nodes.const(statement.step))
        case tree.ForMap():
            items = _map_items(scope, statement)
        case tree.ForClasses():
            items = nodes.call(scope.use("walk", "classes", CLASSES))
        case _:
            raise AssertionError(f"no lowering for {type(statement).__name__}")
    target = local(statement.name)
    sources = scope.facts.provenance.variable(scope.function.name, statement.name)
    if isinstance(statement, tree.ForClasses) and len(sources) > 1:
        turn.insert(0, nodes.at_line(_encode_class(scope, target), statement.span.line))
    return [
        ast.For(ast.Name(target, ast.Store()), items, [*turn, *block(scope, statement.body)], [])
    ]


def _encode_class(scope: Scope, target: str) -> ast.stmt:
    """Return `target = target * n + k`, for a variable that also holds records of other tables."""
    count = nodes.const(len(scope.facts.provenance.tables))
    number = nodes.const(scope.table_number(CLASSES))
    scaled = nodes.binary("*", nodes.name(target), count)
    return nodes.assign(target, nodes.binary("+", scaled, number))


def _map_items(scope: Scope, statement: tree.ForMap) -> ast.expr:
    kind = scope.facts.maps[statement.map].kind
    if kind in lower_call.TABLE_KINDS:
        return nodes.call(scope.use("walk", "keys", statement.map))
    if statement.index is None:
        return nodes.call(scope.use("walk", "packets", statement.map))
    args = [value(scope, statement.index)]
    if kind == "SkbMapArray":
        args.append(nodes.const(statement.span.line))
    return nodes.call(scope.use("walk", f"packets_of_{kind}", statement.map), *args)


def initial(scope: Scope, name: str) -> ast.stmt:
    """Return the assignment of what a local holds before its first assignment."""
    kind = scope.types[name].kind if name in scope.types else Kind.INT
    if is_record(kind):
        first = nodes.const(0 if kind is Kind.RECORD else -1)
    elif kind in (Kind.INT, Kind.BOOL, Kind.VERDICT):
        first = nodes.const(0)
    else:
        first = nodes.const(None)
    return nodes.at_line(nodes.assign(local(name), first), scope.function.span.line)

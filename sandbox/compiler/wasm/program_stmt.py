"""Programs: statements of the neutral tree → code."""

from __future__ import annotations

from contextlib import nullcontext

from sandbox.compiler.records import CLASSES
from sandbox.compiler.wasm import code
from sandbox.compiler.wasm.code import I32, I64
from sandbox.compiler.wasm.dialect_call import method, new_array
from sandbox.compiler.wasm.dialect_expr import attribute, store_item
from sandbox.compiler.wasm.frame import CLASS_TABLE
from sandbox.compiler.wasm.program_arithmetic import bounds
from sandbox.compiler.wasm.program_expr import (
    VERDICTS,
    cb_index,
    checked,
    number,
    place,
    test,
    value,
    value_as,
    word_address,
)
from sandbox.compiler.wasm.program_loops import loop
from sandbox.compiler.wasm.program_scope import SKB, Scope, is_record, type_of
from sandbox.compiler.wasm.types import BOOL, INT, INTS, OPTIONAL_INT, VOID, layout
from sandbox.compiler.wasm.values import NULL, V, fit, integer, one
from sandbox.core import skb as core_skb
from sandbox.core import trap
from sandbox.core.ctx import Ctx
from sandbox.core.kinds import CELL
from sandbox.language import tree
from sandbox.language.tree import Kind

M32 = 0xFFFFFFFF
PACKED = ("enqueue", "egress")  # these return verdict | line << 8
_SETTERS = {
    "mark": core_skb.set_mark,
    "priority": core_skb.set_priority,
    "queue_mapping": core_skb.set_queue_mapping,
    "tc_index": core_skb.set_tc_index,
    "tc_classid": core_skb.set_tc_classid,
    "tstamp": core_skb.set_tstamp,
}


def block(scope: Scope, body: tuple[tree.Stmt, ...]) -> None:
    """Translate statements until one does not come back."""
    for statement in body:
        if scope.facts.frame.lines:
            _count(scope, statement.span.line)
        # Within another function a statement's locals may be taken by what is done before it, though translated later.
        with nullcontext() if scope.written_out else scope.fn.statement():
            _statement(scope, statement)
        if code.ends(scope.fn.out):
            return


def _count(scope: Scope, line: int) -> None:
    """Count a line once more."""
    at = scope.facts.frame.lines + 8 * line
    more = code.op(code.I64_ADD, code.load(I64, at, scope.frame), code.i64(1))
    scope.fn.emit(code.store(I64, at, scope.frame, more))


def _statement(scope: Scope, statement: tree.Stmt) -> None:
    fn = scope.fn
    match statement:
        case tree.Assign():
            _assign(scope, statement)
        case tree.SetGlobal():
            _set_global(scope, statement)
        case tree.SetField() | tree.SetFieldItem():
            _set_field(scope, statement)
        case tree.SetSkbField():
            _set_skb_field(scope, statement)
        case tree.SetSkbCb():
            _set_cb(scope, statement)
        case tree.SetCtx():
            stored = number(scope, statement.value).node
            if statement.name == "classid":
                stored = code.op(code.I64_AND, stored, code.i64(M32))
            _, offset = layout(Ctx).fields[statement.name]
            fn.emit(code.store(I64, offset, scope.local("ctx").node, stored))
        case tree.ExprStmt():
            _effect(scope, statement.value)
        case tree.Drop():
            skb = value(scope, statement.skb)
            line = integer(statement.span.line)
            scope.of_instance("drop", skb, integer(statement.reason), line)
        case tree.Trace():
            _trace(scope, statement)
        case tree.If():
            _if(scope, statement)
        case tree.Break():
            fn.emit((code.BR, scope.loops[-1][0]))
        case tree.Continue():
            fn.emit((code.BR, scope.loops[-1][1]))
        case tree.Return():
            returned(scope, statement.value, statement.span.line)
        case _:
            loop(scope, statement, block)


def _if(scope: Scope, statement: tree.If) -> None:
    condition = test(scope, statement.test)
    if condition[0] == I32:
        block(scope, statement.then if condition[1] else statement.orelse)
        return
    with scope.fn.collected() as then:
        block(scope, statement.then)
    with scope.fn.collected() as orelse:
        block(scope, statement.orelse)
    scope.fn.emit((code.IF, condition, then, orelse))
    if code.ends(then) and code.ends(orelse):
        scope.fn.emit((code.TRAP,))


# --- stores --------------------------------------------------------------------------------------


def _assign(scope: Scope, statement: tree.Assign) -> None:
    name = statement.name
    kind = scope.kinds.get(name, statement.value.type.kind)
    target = scope.facts.provenance.variable(scope.function.name, name)
    v = value_as(scope, statement.value, kind, target)
    t, locals_ = scope.declare(name, type_of(kind))
    scope.fn.assign(locals_, fit(v, t))


def _set_global(scope: Scope, statement: tree.SetGlobal) -> None:
    stored = number(scope, statement.value)
    if scope.facts.traced:
        stored = scope.fn.keep(stored)
    offset = scope.facts.frame.globals[statement.name]
    scope.fn.emit(code.store(I64, offset, scope.frame, stored.node))
    if scope.facts.traced:
        trace = attribute(attribute(scope.instance(), "sim"), "trace")
        where = attribute(scope.instance(), "place")
        which = integer(scope.facts.global_index[statement.name])
        line = integer(statement.span.line)
        zero = integer(0)
        method(scope.env, trace, "state", [integer(CELL), zero, where, stored, line, which, zero])


def _set_field(scope: Scope, statement: tree.SetField | tree.SetFieldItem) -> None:
    fn = scope.fn
    stored = fn.keep(number(scope, statement.value))
    index, words, sources = place(scope, statement.base, statement.record)
    index = fn.keep(index)
    offset: V = integer(scope.facts.fields[statement.record, statement.name].offset)
    if isinstance(statement, tree.SetFieldItem):
        inner = fn.keep(checked(scope, statement.index, statement.length))
        offset = one(INT, code.arith(code.I64_ADD, inner.node, offset.node))
    if not scope.facts.traced:
        at = one(INT, code.arith(code.I64_ADD, index.node, offset.node))
        fn.emit(code.store(I64, 0, word_address(at, words), stored.node))
        return
    offset = fn.keep(offset)
    line = integer(statement.span.line)
    if len(sources) < 2:
        source = next(iter(sources), None) or scope.facts.provenance.some_table(statement.record)
        if source is not None:
            _write(scope, source, [index, offset, stored, line])
        return
    tables = scope.facts.provenance.tables
    handle = value(scope, statement.base)
    which = code.op(code.I64_REM_U, handle.node, code.i64(len(tables)))
    for source in sorted(sources):
        with fn.collected() as made:
            _write(scope, source, [index, offset, stored, line])
        fn.emit((code.IF, code.op(code.I64_EQ, which, code.i64(tables.index(source))), made, []))


def _write(scope: Scope, source: str, args: list[V]) -> None:
    """Store a word through its table, which shows it in the trace."""
    if source == CLASSES:
        owner = scope.thing(CLASS_TABLE)
    else:
        owner = scope.map(source)
    method(scope.env, owner, "write", args)


def _set_skb_field(scope: Scope, statement: tree.SetSkbField) -> None:
    stored = scope.fn.keep(number(scope, statement.value))
    scope.core(_SETTERS[statement.name], value(scope, statement.base), stored)


def _set_cb(scope: Scope, statement: tree.SetSkbCb) -> None:
    stored = scope.fn.keep(number(scope, statement.value))
    skb = scope.fn.keep(value(scope, statement.base))
    index = cb_index(scope, statement.index, statement.span.line)
    low = one(INT, code.op(code.I64_AND, stored.node, code.i64(M32)))
    store_item(scope.env, attribute(skb, "cb"), scope.fn.keep(index), low)


# --- effects -------------------------------------------------------------------------------------


def _effect(scope: Scope, expr: tree.Expr) -> None:
    if isinstance(expr, tree.MapCall) and expr.method == "set":
        _set_item(scope, expr)
        return
    v = value(scope, expr)
    scope.fn.emit(*v.before)
    for part in v.parts:
        if not code.is_plain(part):
            scope.fn.emit((code.DO, part, 1))


def _set_item(scope: Scope, expr: tree.MapCall) -> None:
    """Translate `map[key] = value`: the value first, then the key; a full map is a fault."""
    key, given = expr.args
    stored = scope.fn.keep(number(scope, given))
    at = scope.fn.keep(number(scope, key))
    line = expr.span.line
    owner = scope.map(expr.map)
    done = method(scope.env, owner, "update", [at, stored, integer(line)])
    full = scope.faulting(trap.MAP_FULL, line)
    scope.fn.emit((code.IF, code.negate(done.node), full, []))


def _trace(scope: Scope, statement: tree.Trace) -> None:
    """Write a line to the log; its numbers go along in an Array."""
    fn = scope.fn
    values = [fn.keep(number(scope, arg)) for arg in statement.args]
    args: V = NULL
    if values:
        args = fn.keep(new_array(scope.env, INTS, integer(len(values))))
        for position, v in enumerate(values):
            fn.emit(code.store(I64, 8 + 8 * position, args.node, v.node))
    line = integer(statement.span.line)
    scope.of_instance("log", integer(statement.format), args, line)


# --- returns -------------------------------------------------------------------------------------


def returned(scope: Scope, expr: tree.Expr | None, line: int) -> None:
    """Return what the function's role wants returned at this line (docs/architecture.md)."""
    results = _results(scope, expr, line)
    if not scope.written_out:
        scope.fn.emit((code.RET, [node for v in results for node in v.nodes]))
        return
    for v in results:  # at most one
        scope.fn.assign(scope.result_locals, v)
    scope.fn.emit((code.BR, scope.result_label))


def _results(scope: Scope, expr: tree.Expr | None, line: int) -> list[V]:
    role = scope.function.role
    if role == "dequeue":
        return _dequeued(scope, expr, line)
    if role in ("init", "reset", "timer"):
        return []
    if expr is None:
        return _nothing(scope)
    if role in PACKED:
        return [_with_line(scope, expr, line)]
    if role == "classify":
        return [_classified(scope, expr)]
    if role == "comparator":
        return [fit(number(scope, expr), BOOL)]
    target = scope.facts.provenance.result(scope.function.name)
    kind = scope.function.returns.kind
    v = value_as(scope, expr, kind, target)
    if type_of(kind) == VOID:
        scope.fn.emit(*v.before, *((code.DO, part, 1) for part in v.parts))
        return []
    return [fit(v, type_of(kind))]


def _nothing(scope: Scope) -> list[V]:
    """Return what a function gives that ends without a value."""
    kind = Kind.OPTIONAL_SKB if scope.function.role == "peek" else scope.function.returns.kind
    t = type_of(kind)
    if t == VOID:
        return []
    if t == OPTIONAL_INT:
        return [fit(NULL, t)]
    if t == INT:
        return [integer(-1 if is_record(kind) else 0)]
    return [fit(NULL, t)]


def _with_line(scope: Scope, expr: tree.Expr, line: int) -> V:
    if isinstance(expr, tree.VerdictConst):
        return integer(VERDICTS[expr.name] | line << 8)
    return one(INT, code.op(code.I64_OR, number(scope, expr).node, code.i64(line << 8)))


def _dequeued(scope: Scope, expr: tree.Expr | None, line: int) -> list[V]:
    fn = scope.fn
    if expr is None or expr.type.kind is Kind.NONE:
        return [integer(line << 8), fit(NULL, SKB)]
    if isinstance(expr, tree.IfExp):
        condition = test(scope, expr.test)
        locals_ = [fn.local(I64), fn.local(I32)]
        bodies = []
        for side in (expr.then, expr.orelse):
            with fn.collected() as made:
                for local, v in zip(locals_, _dequeued(scope, side, line), strict=True):
                    fn.emit((code.SET, local, v.node))
            bodies.append(made)
        fn.emit((code.IF, condition, *bodies))
        return [one(INT, (code.GET, locals_[0])), one(SKB, (code.GET, locals_[1]))]
    if expr.type.kind is Kind.VERDICT:
        return [_with_line(scope, expr, line), fit(NULL, SKB)]
    return [integer(line << 8), fit(value(scope, expr), SKB)]


def _classified(scope: Scope, expr: tree.Expr) -> V:
    if isinstance(expr, tree.IfExp):
        condition = test(scope, expr.test)
        then, orelse = _classified(scope, expr.then), _classified(scope, expr.orelse)
        return one(INT, code.either(I64, condition, then.node, orelse.node))
    if expr.type.kind is Kind.VERDICT:
        return integer(-1)
    low, high = bounds(expr)
    v = number(scope, expr)
    if low >= 0 and high <= M32:
        return v
    return one(INT, code.op(code.I64_AND, v.node, code.i64(M32)))

"""Programs: expressions of the neutral tree → typed values."""

from __future__ import annotations

from sandbox.compiler.records import Sources
from sandbox.compiler.wasm import code, out_of_line
from sandbox.compiler.wasm.code import I32, I64, Node
from sandbox.compiler.wasm.dialect_expr import attribute, element
from sandbox.compiler.wasm.frame import GAUGE, PARAMS
from sandbox.compiler.wasm.program_arithmetic import bounds, computed, unary
from sandbox.compiler.wasm.program_scope import CTX, SKB, Scope, is_record
from sandbox.compiler.wasm.types import BOOL, INT, OPTIONAL_INT, array_of, components, layout
from sandbox.compiler.wasm.values import NULL, V, fit, integer, one
from sandbox.core import trap
from sandbox.core.skb import CB_WORDS, Skb
from sandbox.language import tree
from sandbox.language.tree import Kind

VERDICTS = {"QUEUED": 0, "CN": 1, "DROP": 2, "THROTTLE": 3, "BYPASS": 4, "PASS": 5}
VERDICTS |= {"STOLEN": 6, "OK": 7}
OF_HEADER = {"hash": "tuple_hash", "protocol": "protocol", "vlan_present": "vlan_present"}
OF_HEADER |= {"vlan_tci": "vlan_tci", "vlan_proto": "vlan_proto"}
_COMPARE = {
    "<": code.I64_LT_S,
    "<=": code.I64_LE_S,
    ">": code.I64_GT_S,
    ">=": code.I64_GE_S,
    "==": code.I64_EQ,
    "!=": code.I64_NE,
}


def number(scope: Scope, expr: tree.Expr) -> V:
    """Translate an expression to an int."""
    return fit(value(scope, expr), INT)


def value(scope: Scope, expr: tree.Expr) -> V:
    """Translate an expression; a bool becomes the int 0 or 1."""
    match expr:
        case tree.Const():
            return NULL if expr.value is None else integer(int(expr.value))
        case tree.VerdictConst():
            return integer(VERDICTS[expr.name])
        case tree.Local():
            return scope.local(expr.name)
        case tree.Global():
            return one(INT, code.load(I64, scope.facts.frame.globals[expr.name], scope.frame))
        case tree.ParamRef():
            return one(INT, _param(scope, expr.name))
        case tree.ParamItem():
            return _param_item(scope, expr)
        case tree.Field() | tree.FieldItem():
            return _field(scope, expr)
        case tree.SkbField():
            return skb_field(value(scope, expr.base), expr.name)
        case tree.CtxField():
            return _ctx_field(scope, expr.name)
        case tree.SkbCb():
            return _load_cb(scope, expr)
        case tree.Unary() if expr.op != "not":
            return unary(scope, expr, number(scope, expr.operand))
        case tree.Binary():
            left, right = number(scope, expr.left), number(scope, expr.right)
            return computed(scope, expr, left, right)
        case tree.IfExp():
            return _either(scope, expr)
        case tree.MapCall() | tree.HelperCall() | tree.UserCall():
            from sandbox.compiler.wasm.program_call import called

            v = called(scope, expr)
            return fit(v, INT) if v.t == BOOL else v
    return fit(one(BOOL, test(scope, expr)), INT)


def _either(scope: Scope, expr: tree.IfExp) -> V:
    condition = test(scope, expr.test)
    then, orelse = value(scope, expr.then), value(scope, expr.orelse)
    if (
        expr.type.kind is Kind.OPTIONAL_INT
    ):  # beside None an int alone would not say that it is there
        then, orelse = fit(then, OPTIONAL_INT), fit(orelse, OPTIONAL_INT)
    return chosen(scope, condition, then, orelse)


def chosen(scope: Scope, condition: Node, then: V, orelse: V) -> V:
    """Return one of two values of like types."""
    t = orelse.t if then.t == NULL.t else then.t
    if OPTIONAL_INT in (then.t, orelse.t):
        t = OPTIONAL_INT
    then, orelse = fit(then, t), fit(orelse, t)
    if len(then.parts) == 1:
        kind = components(t)[0]
        return one(t, code.either(kind, condition, then.node, orelse.node))
    locals_ = scope.fn.locals_for(t)
    with scope.fn.collected() as first:
        scope.fn.assign(locals_, then)
    with scope.fn.collected() as second:
        scope.fn.assign(locals_, orelse)
    made: list[Node] = [(code.IF, condition, first, second)]
    return V(t, tuple((code.GET, at) for at in locals_), made)


# --- truth ---------------------------------------------------------------------------------------


def test(scope: Scope, expr: tree.Expr) -> Node:
    """Translate a condition to 0 or 1."""
    match expr:
        case tree.Compare():
            return _chain(scope, expr)
        case tree.IsNone():
            return _is_none(scope, expr)
        case tree.Unary(op="not"):
            return code.negate(test(scope, expr.operand))
        case tree.BoolOp():
            tests = [test(scope, one) for one in expr.values]
            return _joined(scope, expr.op == "and", tests)
        case tree.MapCall() | tree.HelperCall() if expr.type.kind is Kind.BOOL:
            from sandbox.compiler.wasm.program_call import called

            return fit(called(scope, expr), BOOL).node
    v = value(scope, expr)
    if is_record(scope.kind_of(expr)):
        return code.op(code.I64_GE_S, v.node, code.i64(0))
    if v.t.kind == "record":
        return code.op(code.I32_NE, v.node, code.i32(0))
    if v.t == OPTIONAL_INT:
        v = scope.fn.kept(v)
        known = code.op(code.I64_NE, v.parts[0], code.i64(0))
        return code.seq(v.before, code.op(code.I32_AND, v.parts[1], known))
    return fit(v, BOOL).node


def _chain(scope: Scope, expr: tree.Compare) -> Node:
    left = number(scope, expr.first)
    tests: list[Node] = []
    for position, (op, item) in enumerate(zip(expr.ops, expr.rest, strict=True)):
        right = number(scope, item)
        bare = right
        if position + 1 < len(expr.ops) and not _quiet(scope, right.node):
            right = scope.fn.kept(right)
            bare = V(INT, right.parts)
        tests.append(code.op(_COMPARE[op], left.node, right.node))
        left = bare
    return _joined(scope, True, tests)


def _joined(scope: Scope, every: bool, tests: list[Node]) -> Node:
    """Return whether every test, or any, is true. One whose evaluation nobody can notice needs no branch around it."""
    result = tests[-1]
    quiet = _quiet(scope, result)
    for each in reversed(tests[:-1]):
        if quiet:
            result = code.op(code.I32_AND if every else code.I32_OR, each, result)
            quiet = _quiet(scope, each)
        else:
            result = code.both(each, result) if every else code.any_of(each, result)
    return result


def _quiet(scope: Scope, node: Node) -> bool:
    """Whether evaluating a node does nothing, never faults and costs little: locals and globals, and comparing them."""
    if code.is_plain(node):
        return True
    if node[0] == code.LOAD:
        return bool(node[3] == scope.frame)
    return code.is_comparison(node) and all(_quiet(scope, one) for one in node[2])


def _is_none(scope: Scope, expr: tree.IsNone) -> Node:
    v = value(scope, expr.value)
    if v.t == NULL.t:
        absent = code.i32(1)
    elif is_record(scope.kind_of(expr.value)):
        absent = code.op(code.I64_LT_S, v.node, code.i64(0))
    elif v.t == OPTIONAL_INT:
        absent = code.op(code.I32_EQZ, code.seq(v.before, v.parts[1]))
    elif v.t == INT:
        absent = code.seq([*v.before, (code.DO, v.parts[0], 1)], code.i32(0))
    else:
        absent = code.op(code.I32_EQZ, v.node)
    return code.negate(absent) if expr.negated else absent


# --- packets, context, parameters ----------------------------------------------------------------


def skb_field(skb: V, name: str) -> V:
    """Return a readable field of a packet."""
    if name in OF_HEADER:
        return attribute(attribute(skb, "header"), OF_HEADER[name])
    if name not in layout(Skb).fields and hasattr(Skb, name):  # the same for all packets
        return V(INT, (code.i64(getattr(Skb, name)),), [(code.DO, skb.node, 1)])
    return fit(attribute(skb, "len" if name == "wire_len" else name), INT)


def _ctx_field(scope: Scope, name: str) -> V:
    ctx = scope.local("ctx")
    assert ctx.t == CTX
    if name in ("qlen", "backlog"):
        return attribute(scope.thing(GAUGE), name)
    return attribute(ctx, name.replace("dev.", "dev_"))


def cb_index(scope: Scope, index: tree.Expr, line: int) -> V:
    """Return where a word of `skb.cb` is kept: each level of the qdisc tree has its own five."""
    v = number(scope, index)
    if scope.large:
        return scope.core(out_of_line.cb_at, scope.instance(), v, integer(line))
    with scope.fn.collected() as made:
        v = scope.fn.keep(v)
        outside = code.op(code.I64_GE_U, v.node, code.i64(CB_WORDS))
        scope.fn.emit((code.IF, outside, scope.faulting(trap.INDEX, line, v), []))
        running = scope.fn.keep(attribute(scope.instance(), "running"))
    level = code.either(I64, running.node, attribute(running, "level").node, code.i64(0))
    at = code.op(code.I64_ADD, code.op(code.I64_MUL, level, code.i64(CB_WORDS)), v.node)
    return V(INT, (at,), made)


def _load_cb(scope: Scope, expr: tree.SkbCb) -> V:
    base = value(scope, expr.base)
    assert base.t == SKB
    index = cb_index(scope, expr.index, expr.span.line)
    return fit(element(scope.env, attribute(base, "cb"), index), INT)


def _param(scope: Scope, name: str) -> Node:
    items = code.load(I32, PARAMS, scope.frame)
    return code.load(I64, 8 * scope.facts.param_index[name], items)


def _param_item(scope: Scope, expr: tree.ParamItem) -> V:
    index = checked(scope, expr.index, expr.length)
    items = one(array_of(INT), code.op(code.WRAP, _param(scope, expr.name)))
    return element(scope.env, items, index)


def checked(scope: Scope, index: tree.Expr, length: int) -> V:
    """Return an index; outside 0..length-1 is a fault, unless its bounds prove that it is inside."""
    v = number(scope, index)
    low, high = bounds(index)
    if low >= 0 and high < length:
        return v
    with scope.fn.collected() as made:
        v = scope.fn.keep(v)
        outside = code.op(code.I64_GE_U, v.node, code.i64(length))
        stop = scope.faulting(trap.INDEX, index.span.line, v)
        scope.fn.emit((code.IF, outside, stop, []))
    return V(INT, v.parts, made)


# --- records -------------------------------------------------------------------------------------


def value_as(scope: Scope, expr: tree.Expr, kind: Kind, target: Sources) -> V:
    """Translate to the form of a variable of this kind whose record may come from `target`."""
    if not is_record(kind):
        return value(scope, expr)
    if expr.type.kind is Kind.NONE:
        return integer(-1)
    if isinstance(expr, tree.IfExp):
        condition = test(scope, expr.test)
        then = value_as(scope, expr.then, kind, target)
        return chosen(scope, condition, then, value_as(scope, expr.orelse, kind, target))
    v = value(scope, expr)
    sources = scope.sources(expr)
    if len(target) < 2 or len(sources) != 1:
        return v
    (source,) = sources
    return encoded(scope, v, source)


def encoded(scope: Scope, v: V, source: str) -> V:
    """Return `index * n + k`, or −1 for None, for a variable that holds records of several tables."""
    tables = scope.facts.provenance.tables
    v = scope.fn.kept(v)
    scaled = code.op(code.I64_MUL, v.parts[0], code.i64(len(tables)))
    made = code.op(code.I64_ADD, scaled, code.i64(tables.index(source)))
    there = code.op(code.I64_GE_S, v.parts[0], code.i64(0))
    return V(INT, (code.op(code.SELECT, made, code.i64(-1), there),), v.before)


def place(scope: Scope, base: tree.Expr, record: str) -> tuple[V, Node, Sources]:
    """Return (index, address of the words, sources) of a record; the index comes first and may be read again."""
    sources = scope.sources(base)
    handle = scope.fn.kept(value_as(scope, base, Kind.RECORD, sources))
    if len(sources) < 2:
        source = next(iter(sources), None) or scope.facts.provenance.some_table(record)
        words = scope.words(source) if source is not None else code.i32(0)
        return handle, words, sources
    tables = scope.facts.provenance.tables
    count = code.i64(len(tables))
    which = scope.fn.kept(one(INT, code.op(code.I64_REM_U, handle.parts[0], count)))
    words = code.i32(0)
    for source in sources:
        same = code.op(code.I64_EQ, which.parts[0], code.i64(tables.index(source)))
        words = code.either(I32, same, scope.words(source), words)
    index = code.op(code.I64_DIV_U, handle.parts[0], count)
    return V(INT, (index,), [*handle.before, *which.before]), words, sources


def word_address(index: V, words: Node) -> Node:
    """Return the address of a record's first word."""
    scaled = code.op(code.I32_SHL, code.op(code.WRAP, index.parts[0]), code.i32(3))
    return code.op(code.I32_ADD, words, scaled)


def _field(scope: Scope, expr: tree.Field | tree.FieldItem) -> V:
    offset = 8 * scope.facts.fields[expr.record, expr.name].offset
    index, words, _ = place(scope, expr.base, expr.record)
    at = word_address(index, words)
    if isinstance(expr, tree.FieldItem):
        inner = checked(scope, expr.index, expr.length)
        inner = V(INT, inner.parts, [*index.before, *inner.before])
        scaled = code.op(code.I32_SHL, code.op(code.WRAP, inner.parts[0]), code.i32(3))
        return V(INT, (code.load(I64, offset, code.op(code.I32_ADD, at, scaled)),), inner.before)
    return V(INT, (code.load(I64, offset, at),), index.before)

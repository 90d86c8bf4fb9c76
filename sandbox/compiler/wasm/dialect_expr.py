"""Dialect: expressions of the core's own source → typed values."""

from __future__ import annotations

import ast
import operator
from types import ModuleType
from typing import Any

from sandbox.compiler.wasm import code
from sandbox.compiler.wasm.code import I32, Node
from sandbox.compiler.wasm.dialect_arithmetic import binary
from sandbox.compiler.wasm.environment import Env
from sandbox.compiler.wasm.types import (
    ARRAY_HEAD,
    BOOL,
    FLOAT,
    INT,
    INTS,
    NONE,
    OPTIONAL_INT,
    U64,
    T,
    components,
    fixed,
    layout,
    placed,
)
from sandbox.compiler.wasm.values import NULL, V, fit, to_float, truth
from sandbox.core.trace import Trace

_FOLD: dict[type, Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.FloorDiv: operator.floordiv,
    ast.Pow: operator.pow,
    ast.Div: operator.truediv,
}


def constant(env: Env, node: ast.expr) -> int | float | None:
    """Return the number an expression always has, None when it is not known."""
    match node:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int(number) | float(number)):
            return number
        case ast.UnaryOp(op=ast.USub()):
            inner = constant(env, node.operand)
            return -inner if inner is not None else None
        case ast.Name(id=name) if name not in env.vars and name not in env.fixed:
            found = getattr(env.source.module, name, None)
            return found if isinstance(found, int | float) else None
        case ast.Attribute(value=ast.Name(id=name), attr=attr) if name not in env.vars:
            module = getattr(env.source.module, name, None)
            found = getattr(module, attr, None) if isinstance(module, ModuleType) else None
            return found if isinstance(found, int | float) else None
        case ast.BinOp() if type(node.op) in _FOLD:
            left, right = constant(env, node.left), constant(env, node.right)
            if left is None or right is None:
                return None
            folded: int | float = _FOLD[type(node.op)](left, right)
            return folded
    return None


def value(env: Env, node: ast.expr) -> V:
    """Translate an expression."""
    known = constant(env, node)
    if known is not None:
        if isinstance(known, float):
            return V(FLOAT, (code.f64(known),))
        return V(U64 if known > code.M64 >> 1 else INT, (code.i64(known),))
    match node:
        case ast.Constant(value=None):
            return NULL
        case ast.Constant(value=bool(flag)):
            return truth(code.i32(int(flag)))
        case ast.Name(id=name):
            return _name(env, name)
        case ast.Attribute():
            owner = value(env, node.value)
            if owner.t.record is Trace and node.attr == "kept" and env.unit.kept is not None:
                return truth(code.i32(int(env.unit.kept)))
            return attribute(owner, node.attr)
        case ast.Subscript():
            return _subscript(env, node)
        case ast.BinOp():
            return binary(env, type(node.op), value(env, node.left), value(env, node.right))
        case ast.UnaryOp(op=ast.USub()):
            operand = value(env, node.operand)
            if operand.t == FLOAT:
                return V(FLOAT, (code.op(code.F64_NEG, operand.node),))
            return V(operand.t, (code.op(code.I64_SUB, code.i64(0), operand.node),))
        case ast.UnaryOp(op=ast.Not()) | ast.BoolOp() | ast.Compare():
            return truth(test(env, node))
        case ast.IfExp():
            return _either(env, node)
        case ast.Tuple():
            return _tuple(env, node)
        case ast.Call():
            from sandbox.compiler.wasm.dialect_call import call_node

            return call_node(env, node, None)
    raise AssertionError(f"{env.source.name}: {ast.dump(node)[:120]}")


def value_as(env: Env, node: ast.expr, t: T) -> V:
    """Translate an expression whose type is known from where it goes."""
    if isinstance(node, ast.Call):
        from sandbox.compiler.wasm.dialect_call import call_node

        return fit(call_node(env, node, t), t)
    if isinstance(node, ast.IfExp):
        return fit(_either(env, node, t), t)
    return fit(value(env, node), t)


def _name(env: Env, name: str) -> V:
    if name in env.fixed:
        return env.fixed[name]
    if name in env.vars:
        t, locals_ = env.vars[name]
        return single(t) or V(t, tuple((code.GET, at) for at in locals_))
    thing = getattr(env.source.module, name)
    assert isinstance(thing, list), f"{env.source.name}: {name}"
    at, t = env.unit.statics.place(thing)
    return V(t, (code.i32(at),))


def field_of(t: T, name: str) -> tuple[T, int]:
    """Return type and offset of a record's field."""
    assert t.record is not None, f"{name} of {t}"
    return layout(t.record).fields[name]


def single(t: T) -> V | None:
    """Return the one record of a type that a run has one of."""
    at = fixed().get((t.record.__name__, "")) if t.record is not None else None
    return V(t, (code.i32(at),)) if at is not None else None


def fixed_field(t: T, name: str) -> int | None:
    """Return where what a field of a single record leads to always lies, None when that is not known."""
    return fixed().get((t.record.__name__, name)) if t.record is not None else None


def attribute(owner: V, name: str) -> V:
    """Return a field of a record."""
    t, offset = field_of(owner.t, name)
    for field, word in owner.known:
        if field == name:
            return V(t, (code.i32(word),))
    known = single(t)
    if known is not None:
        return known
    at = fixed_field(owner.t, name)
    if at is not None:
        return V(t, (code.i32(at),))
    if t.kind == "hook":
        return V(t, (code.load(I32, offset, owner.node),))
    return V(t, (code.load(components(t)[0], offset, owner.node),))


# --- items ---------------------------------------------------------------------------------------


def count_of(owner: V) -> Node:
    """Return the count of an Array or List as an int."""
    return code.op(code.EXTEND_U, code.load(I32, 0, owner.node))


def item_address(env: Env, owner: V, index: V, *, checked: bool = True) -> tuple[list[Node], Node]:
    """Return statements that check an index, and the address of the item (without an Array's head)."""
    with env.fn.collected() as made:
        owner = env.fn.keep(owner)
        index = env.fn.keep(fit(index, INT))
        if checked:
            outside = code.op(code.I64_GE_U, index.node, count_of(owner))
            env.fn.emit((code.IF, outside, [(code.TRAP,)], []))
    _, stride = placed(owner.t.of[0])
    base = owner.node if owner.t.kind == "array" else code.load(I32, 8, owner.node)
    if index.const is not None:
        return made, code.op(code.I32_ADD, base, code.i32(index.const * stride))
    scaled = code.op(code.WRAP, index.node)
    if stride & (stride - 1) == 0:
        scaled = code.op(code.I32_SHL, scaled, code.i32(stride.bit_length() - 1))
    else:
        scaled = code.op(code.I32_MUL, scaled, code.i32(stride))
    return made, code.op(code.I32_ADD, base, scaled)


def _head(owner: T) -> int:
    return ARRAY_HEAD if owner.kind == "array" else 0


def element(env: Env, owner: V, index: V, *, checked: bool = True) -> V:
    """Return an item of an Array or List; without a check the index must be known to be inside."""
    made, at = item_address(env, owner, index, checked=checked)
    t = owner.t.of[0]
    kinds = components(t)
    if len(kinds) > 1:
        with env.fn.collected() as more:
            at = env.fn.keep(V(T("address"), (at,))).node
        made = made + more
    offsets, _ = placed(t)
    head = _head(owner.t)
    parts = tuple(code.load(k, head + o, at) for k, o in zip(kinds, offsets, strict=True))
    return V(t, parts, made)


def store_item(env: Env, owner: V, index: V, v: V) -> None:
    """Store an item of an Array or List; the value is evaluated first."""
    fn = env.fn
    t = owner.t.of[0]
    v = fn.keep(fit(v, t))
    made, at = item_address(env, owner, index)
    fn.emit(*made)
    kinds = components(t)
    if len(kinds) > 1:
        at = fn.keep(V(T("address"), (at,))).node
    offsets, _ = placed(t)
    head = _head(owner.t)
    for kind, offset, node in zip(kinds, offsets, v.parts, strict=True):
        fn.emit(code.store(kind, head + offset, at, node))


def _subscript(env: Env, node: ast.Subscript) -> V:
    owner = value(env, node.value)
    if owner.t.kind == "tuple":
        which = constant(env, node.slice)
        assert isinstance(which, int)
        at = sum(len(components(t)) for t in owner.t.of[:which])
        t = owner.t.of[which]
        return V(t, owner.parts[at : at + len(components(t))], owner.before)
    if owner.t.kind == "any":
        owner = fit(owner, INTS)
    if owner.t.kind == "record":
        from sandbox.compiler.wasm.dialect_call import method

        return method(env, owner, "__getitem__", [value(env, node.slice)])
    return element(env, owner, value(env, node.slice))


def _tuple(env: Env, node: ast.Tuple) -> V:
    if not node.elts:
        return NULL  # an empty tuple of ints; memory has no Array for it
    items = [value(env, one) for one in node.elts]
    t = T("tuple", tuple(item.t for item in items))
    return V(t, tuple(part for item in items for part in item.nodes))


def _either(env: Env, node: ast.IfExp, t: T | None = None) -> V:
    condition = test(env, node.test)
    then, orelse = value(env, node.body), value(env, node.orelse)
    if t is None:
        t = orelse.t if then.t == NONE else then.t
        if U64 in (then.t, orelse.t) and INT in (then.t, orelse.t):
            t = INT
        if OPTIONAL_INT in (then.t, orelse.t):
            t = OPTIONAL_INT
    then, orelse = fit(then, t), fit(orelse, t)
    kinds = components(t)
    if len(kinds) == 1:
        return V(t, (code.either(kinds[0], condition, then.node, orelse.node),))
    fn = env.fn
    locals_ = fn.locals_for(t)
    with fn.collected() as first:
        fn.assign(locals_, then)
    with fn.collected() as second:
        fn.assign(locals_, orelse)
    made: list[Node] = [(code.IF, condition, first, second)]
    return V(t, tuple((code.GET, at) for at in locals_), made)


# --- truth ---------------------------------------------------------------------------------------

_COMPARE: dict[type, tuple[int, int, int]] = {
    ast.Eq: (code.I64_EQ, code.I64_EQ, code.F64_EQ),
    ast.NotEq: (code.I64_NE, code.I64_NE, code.F64_NE),
    ast.Lt: (code.I64_LT_S, code.I64_LT_U, code.F64_LT),
    ast.LtE: (code.I64_LE_S, code.I64_LE_U, code.F64_LE),
    ast.Gt: (code.I64_GT_S, code.I64_GT_U, code.F64_GT),
    ast.GtE: (code.I64_GE_S, code.I64_GE_U, code.F64_GE),
}


def test(env: Env, node: ast.expr) -> Node:
    """Translate a condition to 0 or 1."""
    match node:
        case ast.UnaryOp(op=ast.Not()):
            return code.negate(test(env, node.operand))
        case ast.BoolOp():
            tests = [test(env, one) for one in node.values]
            result = tests[-1]
            for one in reversed(tests[:-1]):
                join = code.both if isinstance(node.op, ast.And) else code.any_of
                result = join(one, result)
            return result
        case ast.Compare(ops=[operation], comparators=[right]):
            return _compare(env, node.left, operation, right)
        case ast.Compare(ops=[first, second], comparators=[middle, last]):
            kept = env.fn.kept(value(env, middle))
            left = _compared(env, type(first), value(env, node.left), kept)
            bare = V(kept.t, kept.parts)
            return code.both(left, _compared(env, type(second), bare, value(env, last)))
    v = value(env, node)
    if v.t.kind in ("record", "hook"):
        return code.op(code.I32_NE, v.node, code.i32(0))
    return fit(v, BOOL).node


def _compare(env: Env, left: ast.expr, operation: ast.cmpop, right: ast.expr) -> Node:
    if isinstance(operation, ast.In | ast.NotIn):
        from sandbox.compiler.wasm.dialect_call import contains

        found = contains(env, value(env, right), value(env, left))
        return found if isinstance(operation, ast.In) else code.negate(found)
    known = constant(env, right)
    a = value(env, left)
    if isinstance(known, int) and not -(1 << 63) <= known < 1 << 63 and a.t == INT:
        assert isinstance(operation, ast.Lt | ast.LtE | ast.Gt | ast.GtE)
        less = isinstance(operation, ast.Lt | ast.LtE)
        return code.i32(int(less == (known > 0)))
    return _compared(env, type(operation), a, value(env, right))


def _compared(env: Env, operation: type, a: V, b: V) -> Node:
    if operation in (ast.Is, ast.IsNot):
        return _identical(a, b, operation is ast.Is)
    if a.t.kind == "tuple":
        return _tuple_less(env, a, b)
    signed, unsigned, floating = _COMPARE[operation]
    if FLOAT in (a.t, b.t):
        return code.op(floating, to_float(a).node, to_float(b).node)
    opcode = unsigned if U64 in (a.t, b.t) else signed
    return code.op(opcode, fit(a, INT).node, fit(b, INT).node)


def _identical(a: V, b: V, same: bool) -> Node:
    if a.t == OPTIONAL_INT and b.t == NONE:
        there = code.seq(a.before, a.parts[1])
        return code.negate(there) if same else there
    if b.t == NONE:
        absent = code.op(code.I32_EQZ, a.parts[0])
        if a.const is not None:
            absent = code.i32(int(a.const == 0))
        absent = code.seq(a.before, absent)
        return absent if same else code.negate(absent)
    return code.op(code.I32_EQ if same else code.I32_NE, a.node, b.node)


PAIR = T("tuple", (INT, INT))


def _tuple_less(env: Env, a: V, b: V) -> Node:
    """Return `a < b` of two heap items."""
    with env.fn.collected() as made:
        a = env.fn.keep(V(PAIR, a.parts[:2], a.before))
        b = env.fn.keep(V(PAIR, b.parts[:2], b.before))
    return code.seq(made, pair_less((a.parts[0], a.parts[1]), (b.parts[0], b.parts[1])))


def pair_less(a: tuple[Node, Node], b: tuple[Node, Node]) -> Node:
    """Return `a < b` of the first two items; the second is a number no two of them share."""
    first = code.op(code.I64_LT_S, a[0], b[0])
    equal = code.op(code.I64_EQ, a[0], b[0])
    second = code.op(code.I64_LT_S, a[1], b[1])
    return code.op(code.I32_OR, first, code.op(code.I32_AND, equal, second))

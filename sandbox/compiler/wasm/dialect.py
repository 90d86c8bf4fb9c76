"""Dialect: statements of the core's own source → code."""

from __future__ import annotations

import ast

from sandbox.compiler.wasm import code, library
from sandbox.compiler.wasm.code import I64, Node
from sandbox.compiler.wasm.dialect_arithmetic import binary
from sandbox.compiler.wasm.dialect_call import call, method
from sandbox.compiler.wasm.dialect_expr import (
    constant,
    element,
    field_of,
    fixed_field,
    store_item,
    test,
    value,
    value_as,
)
from sandbox.compiler.wasm.environment import Env
from sandbox.compiler.wasm.function import Function
from sandbox.compiler.wasm.source import Source, source_of
from sandbox.compiler.wasm.types import ANY, HOOK, INT, INTS, VOID, T, components, of_node
from sandbox.compiler.wasm.unit import Unit
from sandbox.compiler.wasm.values import V, fit
from sandbox.core.trap import Trap


def compile_waiting(unit: Unit) -> None:
    """Compile functions until none is waiting."""
    while unit.waiting:
        (source, types), defined = unit.waiting.pop()
        fn = Function()
        env = Env(unit, fn, source, (source,))
        for name, t in zip(source.params, types, strict=True):
            env.vars[name] = t, fn.locals_for(t)
        env.result = source.result() or VOID
        if not source.node.returns:
            env.result = untyped_result(unit, source, types)
        with fn.collected() as body:
            block(env, source.node.body)
        if env.result != VOID and not code.ends(body):
            body.append((code.TRAP,))
        defined.locals = fn.locals
        defined.body = body


def untyped_result(unit: Unit, source: Source, types: tuple[T, ...]) -> T:
    """Return what a function without annotations gives: that of a trial."""
    fn = Function()
    env = Env(unit, fn, source, (source,), result_label=fn.label())
    for name, t in zip(source.params, types, strict=True):
        env.vars[name] = t, fn.locals_for(t)
    with fn.collected():
        block(env, source.node.body)
    return env.result or VOID


def block(env: Env, body: list[ast.stmt]) -> None:
    """Translate statements until one does not come back."""
    for statement in body:
        _statement(env, statement)
        if code.ends(env.fn.out):
            return


def _statement(env: Env, node: ast.stmt) -> None:
    match node:
        case ast.Assign(targets=targets):
            _assign_all(env, targets, node.value)
        case ast.AnnAssign(annotation=annotation) if node.value is not None:
            t = of_node(annotation, env.source.module)
            assign(env, node.target, value_as(env, node.value, t))
        case ast.AugAssign():
            _augmented(env, node)
        case ast.If():
            _if(env, node)
        case ast.While():
            _while(env, node)
        case ast.For():
            _for(env, node)
        case ast.Return():
            returned(env, node.value)
        case ast.Expr():
            v = value(env, node.value)
            env.fn.emit(*v.before)
            for part in v.parts:
                if not code.is_plain(part):
                    env.fn.emit((code.DO, part, 1))
        case ast.Raise():
            _raise(env, node)
        case ast.Assert():
            if not _is_of_hook(env, node.test):  # calling none traps too
                stop: list[Node] = [(code.TRAP,)]
                env.fn.emit((code.IF, code.negate(test(env, node.test)), stop, []))
        case ast.Break():
            env.fn.emit((code.BR, env.loops[-1][0]))
        case ast.Continue():
            env.fn.emit((code.BR, env.loops[-1][1]))
        case ast.Delete(targets=[ast.Subscript(value=base, slice=key)]):
            method(env, value(env, base), "__delitem__", [value(env, key)])
        case ast.Pass():
            pass
        case _:
            raise AssertionError(f"{env.source.name}: {ast.dump(node)[:120]}")


def _is_of_hook(env: Env, node: ast.expr) -> bool:
    """Whether a test asks for a program's function."""
    if not isinstance(node, ast.Compare) or not isinstance(node.left, ast.Attribute):
        return False
    owner = value(env, node.left.value).t
    return owner.record is not None and field_of(owner, node.left.attr)[0] == HOOK


def _assign_all(env: Env, targets: list[ast.expr], node: ast.expr) -> None:
    target = targets[0]
    known = _type_of_target(env, target)
    v = value_as(env, node, known) if known is not None else value(env, node)
    if len(targets) > 1:
        v = env.fn.keep(v)
    for one in targets:
        assign(env, one, v)


def _type_of_target(env: Env, target: ast.expr) -> T | None:
    match target:
        case ast.Name(id=name):
            return env.vars[name][0] if name in env.vars else None
        case ast.Attribute():
            return field_of(value(env, target.value).t, target.attr)[0]
    return None


def assign(env: Env, target: ast.expr, v: V) -> None:
    """Store a value."""
    fn = env.fn
    match target:
        case ast.Name(id=name):
            if name not in env.vars:
                env.vars[name] = v.t, fn.locals_for(v.t)
            t, locals_ = env.vars[name]
            fn.assign(locals_, fit(v, t))
        case ast.Tuple(elts=names):
            v = fn.keep(v)
            at = 0
            for one, t in zip(names, v.t.of, strict=True):
                width = len(components(t))
                if not (isinstance(one, ast.Name) and one.id == "_"):
                    assign(env, one, V(t, v.parts[at : at + width]))
                at += width
        case ast.Attribute(value=base, attr=attr):
            owner = value(env, base)
            t, offset = field_of(owner.t, attr)
            assert fixed_field(owner.t, attr) is None, f"{attr} keeps its place"
            v = fit(v, t)
            address, stored = in_order(env, owner.node, v)
            for kind, node, more in zip(components(t), stored, (0, 4), strict=False):
                fn.emit(code.store(kind, offset + more, address, node))
        case ast.Subscript(value=base, slice=key):
            owner = value(env, base)
            if owner.t == ANY:
                owner = fit(owner, INTS)
            if owner.t.kind == "record":
                v = fn.keep(v)
                method(env, owner, "__setitem__", [value(env, key), v])
            else:
                store_item(env, owner, value(env, key), v)
        case _:
            raise AssertionError(ast.dump(target))


def in_order(env: Env, address: Node, v: V) -> tuple[Node, list[Node]]:
    """Return an address and a value so that the value is evaluated first, as Python does."""
    simple = len(v.parts) == 1 and not v.before and not _has_effect(v.parts[0])
    if not simple and not (address[0] == code.GET and len(v.parts) == 1):
        v = env.fn.keep(v)
    if len(v.parts) > 1 and not code.is_plain(address):
        address = env.fn.keep(V(T("address"), (address,))).node
    return address, v.nodes


def _has_effect(node: Node) -> bool:
    kind = node[0]
    if kind in (code.SEQ, code.CALL, code.DISPATCH):
        return True
    if kind == code.OP:
        return any(_has_effect(arg) for arg in node[2])
    if kind == code.LOAD:
        return _has_effect(node[3])
    if kind == code.EITHER:
        return any(_has_effect(arg) for arg in node[2:])
    return False


def _augmented(env: Env, node: ast.AugAssign) -> None:
    """Translate `target op= value`; the address is computed once."""
    fn = env.fn
    target = node.target
    match target:
        case ast.Name(id=name):
            t, locals_ = env.vars[name]
            old = V(t, tuple((code.GET, at) for at in locals_))
            assign(env, target, binary(env, type(node.op), old, value(env, node.value)))
        case ast.Attribute(value=base, attr=attr):
            owner = fn.keep(value(env, base))
            t, offset = field_of(owner.t, attr)
            kind = components(t)[0]
            old = V(t, (code.load(kind, offset, owner.node),))
            new = fit(binary(env, type(node.op), old, value(env, node.value)), t)
            fn.emit(code.store(kind, offset, owner.node, new.node))
        case ast.Subscript(value=base, slice=key):
            owner = fn.keep(value(env, base))
            index = fn.keep(value(env, key))
            old = element(env, owner, index)
            store_item(env, owner, index, binary(env, type(node.op), old, value(env, node.value)))
        case _:
            raise AssertionError(ast.dump(target))


def _if(env: Env, node: ast.If) -> None:
    condition = test(env, node.test)
    if condition[0] == code.I32:
        block(env, node.body if condition[1] else node.orelse)
        return
    with env.fn.collected() as then:
        block(env, node.body)
    with env.fn.collected() as orelse:
        block(env, node.orelse)
    env.fn.emit((code.IF, condition, then, orelse))
    if code.ends(then) and code.ends(orelse):
        env.fn.emit((code.TRAP,))


def _while(env: Env, node: ast.While) -> None:
    fn = env.fn
    out, top = fn.label(), fn.label()
    env.loops.append((out, top))
    with fn.collected() as body:
        condition = test(env, node.test)
        forever = condition[0] == code.I32 and condition[1]
        if not forever:
            fn.emit((code.BR_IF, out, code.negate(condition)))
        block(env, node.body)
        fn.emit((code.BR, top))
    env.loops.pop()
    fn.emit((code.BLOCK, out, [(code.LOOP, top, body)]))


def _for(env: Env, node: ast.For) -> None:
    """Translate `for name in range(…)`: a hidden counter, ends evaluated once."""
    fn = env.fn
    assert isinstance(node.iter, ast.Call) and isinstance(node.target, ast.Name)
    args = node.iter.args
    start = fn.keep(fit(value(env, args[0]), INT)) if len(args) > 1 else V(INT, (code.i64(0),))
    stop = fn.keep(fit(value(env, args[1 if len(args) > 1 else 0]), INT)).node
    step = constant(env, args[2]) if len(args) > 2 else 1
    assert isinstance(step, int)
    counter = fn.local(I64)
    fn.emit((code.SET, counter, start.node))
    out, top, following = fn.label(), fn.label(), fn.label()
    env.loops.append((out, following))
    now: Node = (code.GET, counter)
    with fn.collected() as body:
        if node.target.id != "_":
            assign(env, node.target, V(INT, (now,)))
        block(env, node.body)
    env.loops.pop()
    past = code.I64_GE_S if step > 0 else code.I64_LE_S
    turn: list[Node] = [
        (code.BR_IF, out, code.op(past, now, stop)),
        (code.BLOCK, following, body),
        (code.SET, counter, code.op(code.I64_ADD, now, code.i64(step))),
        (code.BR, top),
    ]
    fn.emit((code.BLOCK, out, [(code.LOOP, top, turn)]))


def returned(env: Env, node: ast.expr | None) -> None:
    """Translate a return."""
    fn = env.fn
    if node is None:
        v = V(VOID, ())
    elif env.result is not None:
        v = value_as(env, node, env.result)
    else:
        v = value(env, node)
    if env.result is None:
        env.result = v.t
    v = fit(v, env.result)
    if env.result_label == 0:
        fn.emit((code.RET, v.nodes))
        return
    if env.result != VOID:
        if env.result_locals is None:
            env.result_locals = fn.locals_for(env.result)
        fn.assign(env.result_locals, v)
    fn.emit((code.BR, env.result_label))


def _raise(env: Env, node: ast.Raise) -> None:
    made = node.exc
    assert isinstance(made, ast.Call)
    assert isinstance(made.func, ast.Attribute) and made.func.attr == Trap.__name__
    args = [value(env, arg) for arg in made.args]
    if len(args) == 2:
        args.append(V(INT, (code.i64(0),)))
    call(env, source_of(library.fault), args)
    env.fn.emit((code.TRAP,))

"""Programs: small functions of the program, written out where they are called.

A call costs more than such a function does. What is written out in one function is limited, as its size is.
"""

from __future__ import annotations

from sandbox.compiler.unset import unset_locals
from sandbox.compiler.wasm import code
from sandbox.compiler.wasm.code import F64, I32, I64, Node
from sandbox.compiler.wasm.program_expr import value_as
from sandbox.compiler.wasm.program_loops import burn
from sandbox.compiler.wasm.program_scope import Scope, is_record, type_of
from sandbox.compiler.wasm.program_stmt import block, returned
from sandbox.compiler.wasm.types import VOID
from sandbox.compiler.wasm.values import V, fit, integer, one
from sandbox.language import tree

FUNCTION_NODES = 60  # of a function that is written out
WRITTEN_NODES = 300  # of all that are written out in one function
_ZEROS = {I32: code.i32(0), I64: code.i64(0), F64: code.f64(0.0)}


def written_out(scope: Scope, callee: tree.Function) -> bool:
    """Whether to write a function out, which is then counted."""
    nodes = scope.facts.sizes[callee.name]
    if scope.large or nodes > FUNCTION_NODES or scope.fn.written_out + nodes > WRITTEN_NODES:
        return False
    scope.fn.written_out += nodes
    return True


def inlined(scope: Scope, callee: tree.Function, expr: tree.UserCall) -> V:
    """Return what a call gives, its function written out."""
    fn = scope.fn
    inner = Scope(scope.facts, callee, within=scope)
    for name in inner.kinds:
        inner.declare(name, type_of(inner.kinds[name]))
    result = type_of(callee.returns.kind)
    inner.result_label = fn.label()
    inner.result_locals = fn.locals_for(result) if result != VOID else []
    with fn.collected() as made:
        for (name, t), arg in zip(callee.params, expr.args, strict=True):
            target = scope.facts.provenance.variable(callee.name, name)
            given = fit(value_as(scope, arg, t.kind, target), type_of(t.kind))
            fn.assign(inner.vars[name][1], given)
        _clear(inner)
        with fn.collected() as body:
            burn(inner, callee.span.line)
            block(inner, callee.body)
            if not code.ends(fn.out):
                returned(inner, None, callee.body[-1].span.end_line)
        fn.emit((code.BLOCK, inner.result_label, body))
    if result == VOID:
        fn.emit(*made)
        return V(VOID, ())
    parts: tuple[Node, ...] = tuple((code.GET, at) for at in inner.result_locals)
    return V(result, parts, made)


def _clear(inner: Scope) -> None:
    """Give locals that may be read before they are set what they hold in a call: the last turn's values are there."""
    for name in unset_locals(inner.function):
        t, locals_ = inner.vars[name]
        if is_record(inner.kinds[name]):
            inner.fn.assign(locals_, integer(-1))
            continue
        for at in locals_:
            inner.fn.assign([at], one(t, _ZEROS[inner.fn.locals[at]]))

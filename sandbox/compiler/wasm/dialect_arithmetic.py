"""Dialect: arithmetic of the core on 64-bit ints, which never wraps there but where it is masked, and floats."""

from __future__ import annotations

import ast

from sandbox.compiler.wasm import code
from sandbox.compiler.wasm.environment import Env
from sandbox.compiler.wasm.types import FLOAT, INT, U64
from sandbox.compiler.wasm.values import V, fit, to_float

_INTS: dict[type, int] = {
    ast.Add: code.I64_ADD,
    ast.Sub: code.I64_SUB,
    ast.Mult: code.I64_MUL,
    ast.BitAnd: code.I64_AND,
    ast.BitOr: code.I64_OR,
    ast.BitXor: code.I64_XOR,
    ast.LShift: code.I64_SHL,
}
_FLOATS: dict[type, int] = {
    ast.Add: code.F64_ADD,
    ast.Sub: code.F64_SUB,
    ast.Mult: code.F64_MUL,
    ast.Div: code.F64_DIV,
}


def binary(env: Env, operation: type, a: V, b: V) -> V:
    """Return `a op b`."""
    if FLOAT in (a.t, b.t):
        return V(FLOAT, (code.op(_FLOATS[operation], to_float(a).node, to_float(b).node),))
    t = U64 if U64 in (a.t, b.t) else INT
    a, b = fit(a, t), fit(b, t)
    if operation is ast.BitAnd and b.const == -1 and t == U64:
        return V(U64, a.parts, a.before)
    if operation is ast.RShift:
        opcode = code.I64_SHR_U if t == U64 else code.I64_SHR_S
        return V(t, (code.arith(opcode, a.node, b.node),))
    if operation in (ast.FloorDiv, ast.Mod):
        return _divided(env, operation is ast.Mod, a, b)
    return V(t, (code.arith(_INTS[operation], a.node, b.node),))


def _divided(env: Env, modulo: bool, a: V, b: V) -> V:
    """Return floor division or its remainder; the divisor is not 0."""
    divisor = b.const
    if divisor is not None and divisor > 0 and divisor & (divisor - 1) == 0:
        if modulo:
            return V(a.t, (code.op(code.I64_AND, a.node, code.i64(divisor - 1)),))
        shift = code.I64_SHR_U if a.t == U64 else code.I64_SHR_S
        return V(a.t, (code.op(shift, a.node, code.i64(divisor.bit_length() - 1)),))
    if a.t == U64:
        opcode = code.I64_REM_U if modulo else code.I64_DIV_U
        return V(a.t, (code.op(opcode, a.node, b.node),))
    with env.fn.collected() as made:  # one division: machines take long over them
        a, b = env.fn.keep(a), env.fn.keep(b)
        quotient = env.fn.keep(V(INT, (code.op(code.I64_DIV_S, a.node, b.node),))).node
        product = code.op(code.I64_MUL, quotient, b.node)
        rest = env.fn.keep(V(INT, (code.op(code.I64_SUB, a.node, product),))).node
    differs = code.op(code.I64_LT_S, code.op(code.I64_XOR, rest, b.node), code.i64(0))
    fix = code.op(code.I32_AND, code.op(code.I64_NE, rest, code.i64(0)), differs)
    if modulo:
        return V(INT, (code.op(code.SELECT, code.op(code.I64_ADD, rest, b.node), rest, fix),), made)
    result = code.op(code.I64_SUB, quotient, code.op(code.EXTEND_U, fix))
    return V(INT, (result,), made)

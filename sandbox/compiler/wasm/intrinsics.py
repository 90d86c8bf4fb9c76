"""Intrinsics: the words of library.py and generic.py that stand for single instructions."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.compiler.wasm import code, heap_code
from sandbox.compiler.wasm.code import I32, I64, Node
from sandbox.compiler.wasm.environment import Env
from sandbox.compiler.wasm.types import INT, T
from sandbox.compiler.wasm.values import NOTHING, V, fit, one

OFFSETS = 1 << 16


def address_of(env: Env, owner: V) -> V:
    """Return the address of something as an int."""
    return V(INT, (code.op(code.EXTEND_U, owner.parts[0]),), owner.before)


def _at(v: V) -> Node:
    return code.op(code.WRAP, v.node) if v.const is None else code.i32(v.const)


def _split(v: V) -> tuple[int, Node]:
    """Return an address as a constant offset, which costs nothing, and the rest."""
    node = v.node
    if node[0] != code.OP or node[1] != code.I64_ADD:
        return 0, _at(v)
    base, more = node[2]
    if more[0] == I64 and 0 <= more[1] < OFFSETS:
        return more[1], code.op(code.WRAP, base)
    return 0, _at(v)


def _peek(kind: int) -> Callable[[Env, V], V]:
    def peek(env: Env, at: V) -> V:
        offset, base = _split(at)
        node = code.load(kind, offset, base)
        return one(INT, code.op(code.EXTEND_U, node) if kind == I32 else node)

    return peek


def _poke(opcode: int) -> Callable[[Env, V, V], V]:
    def poke(env: Env, at: V, v: V) -> V:
        offset, base = _split(at)
        env.fn.emit((code.STORE, opcode, offset, base, fit(v, INT).node))
        return NOTHING

    return poke


def _copy(env: Env, to: V, source: V, count: V) -> V:
    env.fn.emit((code.DO, code.op(code.MEMORY_COPY, _at(to), _at(source), _at(count)), 0))
    return NOTHING


def _wide(opcode: int) -> Callable[..., V]:
    def wide(env: Env, *args: V) -> V:
        t = T("tuple", (INT, INT))
        locals_ = env.fn.locals_for(t)
        node = code.op(opcode, *(fit(v, INT).node for v in args))
        return V(t, tuple((code.GET, at) for at in locals_), [(code.MULTI, node, locals_)])

    return wide


def _stop(env: Env) -> V:
    env.fn.emit((code.TRAP,))
    return NOTHING


INTRINSICS: dict[str, Callable[..., V]] = {
    "peek32": _peek(I32),
    "peek64": _peek(I64),
    "poke8": _poke(code.STORE_8),
    "poke16": _poke(code.STORE_16),
    "poke32": _poke(code.STORE_32),
    "poke64": _poke(code.STORES[I64]),
    "copy": _copy,
    "wide_mul": _wide(code.MUL_WIDE_U),
    "wide_add": _wide(code.ADD_WIDE),
    "address": address_of,
    "item_at": heap_code.item_at,
    "less": heap_code.less,
    "smaller": heap_code.smaller,
    "move": heap_code.move,
    "fill": heap_code.fill,
    "stop": _stop,
}

"""Heap code: what the heaps of the library do with items, by address and without looking at their insides."""

from __future__ import annotations

from sandbox.compiler.wasm import code
from sandbox.compiler.wasm.code import I64, Node
from sandbox.compiler.wasm.dialect_expr import item_address, pair_less
from sandbox.compiler.wasm.environment import Env
from sandbox.compiler.wasm.types import ADDRESS, BOOL, INT, components, placed
from sandbox.compiler.wasm.values import NOTHING, V, fit


def item_at(env: Env, heap: V, at: V) -> V:
    """Return where an item lies; the index is known to be inside."""
    made, address = item_address(env, heap, at, checked=False)
    return V(ADDRESS, (address,), made)


def _key(address: Node, offset: int) -> tuple[Node, Node]:
    return code.load(I64, offset, address), code.load(I64, offset + 8, address)


def less(env: Env, heap: V, item: V, at: V) -> V:
    """Return whether an item is less than the one at an address."""
    address = env.fn.kept(at)
    test = pair_less((item.parts[0], item.parts[1]), _key(address.parts[0], 0))
    return V(BOOL, (test,), address.before)


def smaller(env: Env, heap: V, child: V) -> V:
    """Return 1 when the item behind a child is less than it, else 0."""
    _, stride = placed(heap.t.of[0])
    at = env.fn.kept(item_at(env, heap, child))
    test = pair_less(_key(at.parts[0], stride), _key(at.parts[0], 0))
    return V(INT, (code.op(code.EXTEND_U, test),), at.before)


def move(env: Env, heap: V, to: V, source: V) -> V:
    """Copy an item from one address to another, word by word."""
    _, stride = placed(heap.t.of[0])
    to, source = env.fn.keep(to), env.fn.keep(source)
    for offset in range(0, stride, 8):
        env.fn.emit(code.store(I64, offset, to.node, code.load(I64, offset, source.node)))
    return NOTHING


def fill(env: Env, heap: V, at: V, item: V) -> V:
    """Write an item to an address."""
    t = heap.t.of[0]
    item = env.fn.keep(fit(item, t))
    at = env.fn.keep(at)
    offsets, _ = placed(t)
    for kind, offset, node in zip(components(t), offsets, item.parts, strict=True):
        env.fn.emit(code.store(kind, offset, at.node, node))
    return NOTHING

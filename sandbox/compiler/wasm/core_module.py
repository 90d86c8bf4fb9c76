"""The core module: the whole simulator, one module for all programs.

It owns memory and table. `given` says what it exports; a program's module imports what it calls from there.
"""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from sandbox import core
from sandbox.compiler.wasm import library
from sandbox.compiler.wasm.binary import Imported
from sandbox.compiler.wasm.dialect import compile_waiting
from sandbox.compiler.wasm.source import Source, method_of, source_of
from sandbox.compiler.wasm.types import VOID, T, components
from sandbox.compiler.wasm.unit import Key, Statics, Unit
from sandbox.core import changes, skb
from sandbox.core.classes import ClassTable
from sandbox.core.ctx import Ctx
from sandbox.core.flowmap import FlowMap
from sandbox.core.instance import Instance
from sandbox.core.ints import IntQueue
from sandbox.core.sim import Sim
from sandbox.core.skbmap import SkbMap
from sandbox.core.skbmaps import SkbMapArray, SkbMapHash
from sandbox.core.tables import Table
from sandbox.core.trace import Trace

ENTRIES: tuple[Any, ...] = (changes.apply,)
METHODS: dict[type, str] = {
    Sim: "start run ask due_ns schedule",
    SkbMap: "push pop pop_last pop_rank peek peek_last first after",
    SkbMapArray: "at",
    SkbMapHash: "push pop pop_last pop_rank peek peek_last len_of bytes_of find",
    FlowMap: "push pop peek first set_rank rank_of delete len_of",
    Table: "lookup lookup_or_init update update_record write delete contains get first_slot next_slot key_at",
    IntQueue: "push pop peek",
    ClassTable: "class_of first_class next_class base_of write",
    Ctx: "timer_after",
    Instance: "random drop mark_ecn log wrapped skb_classify skb_classify_action child_enqueue "
    "child_dequeue child_peek child_qlen child_backlog",
    Trace: "state",
}  # fmt: skip
FUNCTIONS: tuple[Any, ...] = (
    skb.load_u8,
    skb.load_u16,
    skb.load_u32,
    skb.hash_skb,
    library.fault,
    library.alloc,
    library.grow_list,
)


INLINE_NODES = 130
# Written out whatever their size: a tenth more packets a second; more of the loop than this makes registers spill.
INLINED = frozenset(
    (
        *("trace_row", "put_row", "Rng.exponential", "Sim.make", "Sim.send"),
        *("Sim.arrive", "Source.next_ns", "Source.fill", "Qdisc.enqueue", "Qdisc.dequeue"),
        *("Netdev.pull_only", "Netdev._start", "Netdev.tx_end", "Netdev.receive"),
    )
)


@dataclass(frozen=True, slots=True)
class CoreModule:
    """What a program's module needs to know of the core: its constants, and what it exports."""

    statics: Statics
    exported: tuple[tuple[Source, tuple[T, ...], T], ...]  # with types of parameters and result
    given: dict[Key, Imported]


@cache
def core_module() -> CoreModule:
    """Return what the core exports; nothing is compiled."""
    exported = []
    given: dict[Key, Imported] = {}
    for source in _exported():
        types = tuple(t for t in source.param_types() if t is not None)
        result = source.result() or VOID
        exported.append((source, types, result))
        params = tuple(kind for t in types for kind in components(t))
        given[source, types] = Imported((source, types), source.name, params, components(result))
    return CoreModule(_statics(), tuple(exported), given)


def _exported() -> list[Source]:
    found = [source_of(function) for function in (*ENTRIES, *FUNCTIONS)]
    for record, names in METHODS.items():
        found += [method_of(record, name) for name in names.split()]
    return found


def _statics() -> Statics:
    """Return every constant array of the core, in the order of modules and names."""
    statics = Statics()
    for found in pkgutil.iter_modules(core.__path__, f"{core.__name__}."):
        for thing in vars(import_module(found.name)).values():
            if isinstance(thing, list):
                statics.place(thing)
    statics.closed = True
    return statics


def core_binary() -> bytes:
    """Return the core, compiled to WebAssembly."""
    module = core_module()
    unit = Unit(module.statics, {}, owns_memory=True, inline_nodes=INLINE_NODES, inlined=INLINED)
    for source, types, result in module.exported:
        unit.writer.exports[source.name] = unit.function(source, types, result)
    compile_waiting(unit)
    return unit.writer.write()

"""The core module: the whole simulator, compiled once for a process, before there is any program.

It owns memory and table. `given` says what it exports; a program's module imports what it calls from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from sandbox.compiler.wasm import library
from sandbox.compiler.wasm.binary import Imported
from sandbox.compiler.wasm.dialect import compile_waiting
from sandbox.compiler.wasm.source import Source, method_of, source_of
from sandbox.compiler.wasm.types import VOID, T, components
from sandbox.compiler.wasm.unit import Key, Statics, Unit
from sandbox.core import changes, skb
from sandbox.core.classes import ClassTable
from sandbox.core.ctx import Ctx
from sandbox.core.instance import Instance
from sandbox.core.ints import IntQueue
from sandbox.core.sim import Sim
from sandbox.core.skbmap import SkbMap
from sandbox.core.skbmaps import FlowMap, SkbMapArray, SkbMapHash
from sandbox.core.tables import Table
from sandbox.core.trace import Trace

ENTRIES: tuple[Any, ...] = (changes.apply, library.trace_fold)
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
        *("trace_row", "put_row", "Rng.exponential", "Sim.schedule", "Sim.make", "Sim.send"),
        *("Sim.arrive", "Source.next_ns", "Qdisc.enqueue", "Qdisc.dequeue"),
        *("Netdev.pull", "Netdev._pull_only", "Netdev._start", "Netdev.receive"),
    )
)


@dataclass(frozen=True, slots=True)
class CoreModule:
    """The module's bytes, what it exports, its constants."""

    binary: bytes
    given: dict[Key, Imported]
    statics: Statics


@cache
def core_module() -> CoreModule:
    """Return the core, compiled."""
    statics = Statics()
    unit = Unit(statics, {}, owns_memory=True, inline_nodes=INLINE_NODES, inlined=INLINED)
    given: dict[Key, Imported] = {}
    for source in _exported():
        types = tuple(t for t in source.param_types() if t is not None)
        result = source.result() or VOID
        key = unit.function(source, types, result)
        unit.writer.exports[source.name] = key
        given[key] = imported(key, source.name, types, result)
    compile_waiting(unit)
    statics.closed = True
    return CoreModule(unit.writer.write(), given, statics)


def _exported() -> list[Source]:
    found = [source_of(function) for function in (*ENTRIES, *FUNCTIONS)]
    for record, names in METHODS.items():
        found += [method_of(record, name) for name in names.split()]
    return found


def imported(key: Key, name: str, types: tuple[T, ...], result: T) -> Imported:
    """Return the import of a function of the core."""
    params = tuple(kind for t in types for kind in components(t))
    return Imported(key, name, params, components(result))

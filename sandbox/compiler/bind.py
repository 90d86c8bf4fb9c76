"""Binding: the namespace of one instance, in which each name of ours stands for something of the core.

Lowered code has no attribute access, so all it can reach is in this dictionary: bound methods of the instance's own
maps, getters of single fields, words of its tables. `__builtins__` is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any

from sandbox.compiler import arithmetic
from sandbox.compiler.arithmetic import CALL_FUEL
from sandbox.compiler.names import Bound
from sandbox.compiler.records import CLASSES
from sandbox.compiler.runtime import Runtime
from sandbox.core import skb as core_skb
from sandbox.core.kinds import CELL
from sandbox.core.skb import CB_WORDS
from sandbox.core.skbmap import SkbMap
from sandbox.core.trap import INDEX, Trap

M32 = 2**32 - 1


class Binder:
    """Makes the namespace of one instance; `tables` is the program's list of record sources."""

    def __init__(self, runtime: Runtime, tables: list[str], counts: list[int]) -> None:
        self.runtime = runtime
        self.tables = tables
        self.counts = counts

    def namespace(self, bound: dict[str, Bound]) -> dict[str, Any]:
        """Return the namespace with these names in it."""
        names: dict[str, Any] = {"__builtins__": {}}
        for name, what in bound.items():
            names[name] = self._value(what)
        return names

    def _value(self, what: Bound) -> Any:
        match what.kind:
            case "method":
                return self._method(what)
            case "inner":
                return getattr(SkbMap, what.name)
            case "object":
                return self.runtime.maps[what.map]
            case "words":
                return self._words(what.map)
            case "slots":
                return self.runtime.maps[what.map].slots.get
            case "walk":
                return self._walk(what)
            case "field":
                return FIELDS.get(what.name) or attrgetter(what.name)
            case "setter":
                return SETTERS[what.name]
            case "instance":
                return self._of_instance(what.name)
            case "helper":
                return self._helper(what.name)
            case "arithmetic":
                return arithmetic.MAKERS[what.name](self.runtime.instance)
            case "list":
                return self._list(what)
        raise AssertionError(f"nothing binds {what}")

    # --- maps

    def _table(self, source: str) -> Any:
        return self.runtime.classes if source == CLASSES else self.runtime.maps[source]

    def _method(self, what: Bound) -> Any:
        table = self._table(what.map)
        if table is None:  # the instance runs as no qdisc, so it has no classes
            return lambda classid: -1
        return getattr(table, what.name)

    def _words(self, source: str) -> Any:
        table = self._table(source)
        return table.words if table is not None else []

    def _walk(self, what: Bound) -> Callable[..., Any]:
        if what.name == "range":
            return range
        if what.name == "classes":
            return _classes(self.runtime.classes)
        target = self.runtime.maps[what.map]
        return WALKS[what.name](target)

    def _list(self, what: Bound) -> list[Any]:
        match what.name:
            case "inner":
                inner: list[Any] = self.runtime.maps[what.map].inner
                return inner
            case "params":
                return self.runtime.params
            case "tables":
                return [self._words(source) for source in self.tables]
            case "fuel":
                fuel: list[Any] = self.runtime.instance.fuel
                return fuel
            case "counts":
                return self.counts
        return []

    # --- the instance and its packets

    def _of_instance(self, name: str) -> Any:
        instance = self.runtime.instance
        if name == "load_cb":
            return _cb_loader(instance)
        if name == "store_cb":
            return _cb_storer(instance)
        if name == "show_global":
            return _global_shower(self.runtime)
        if name == "child_enqueue":
            return _giving_child(instance)
        if name in ("child_dequeue", "child_peek"):
            return _asking_child(instance, getattr(instance, name))
        return getattr(instance, name)

    def _helper(self, name: str) -> Any:
        if name == "write_any":
            return self._write_any()
        return HELPERS[name]

    def _write_any(self) -> Callable[[int, int, int, int], None]:
        tables = [self._table(source) for source in self.tables]
        count = len(tables)

        def write_any(handle: int, offset: int, value: int, line: int) -> None:
            tables[handle % count].write(handle // count, offset, value, line)

        return write_any


# --- walks ---------------------------------------------------------------------------------------


def _keys(table: Any) -> Callable[[], Iterator[int]]:
    def keys() -> Iterator[int]:
        slot = table.first_slot()
        while slot >= 0:
            yield table.key_at(slot)
            slot = table.next_slot(slot)

    return keys


def _packets(queue: Any) -> Callable[[], Iterator[Any]]:
    def packets() -> Iterator[Any]:
        skb = queue.first()
        while skb is not None:
            yield skb
            skb = queue.after(skb)

    return packets


def _packets_of_array(array: Any) -> Callable[[int, int], Iterator[Any]]:
    return lambda index, line: _packets(array.at(index, line))()


def _packets_of_hash(table: Any) -> Callable[[int], Iterator[Any]]:
    def packets(key: int) -> Iterator[Any]:
        inner = table.find(key)
        return iter(()) if inner is None else _packets(inner)()

    return packets


def _classes(classes: Any) -> Callable[[], Iterator[int]]:
    def records() -> Iterator[int]:
        at = classes.first_class() if classes is not None else -1
        while at >= 0:
            yield classes.base_of(at)
            at = classes.next_class(at)

    return records


WALKS: dict[str, Callable[[Any], Callable[..., Any]]] = {
    "keys": _keys,
    "packets": _packets,
    "packets_of_SkbMapArray": _packets_of_array,
    "packets_of_SkbMapHash": _packets_of_hash,
}

# --- packets, context, instance ------------------------------------------------------------------


def _cb_index(instance: Any, index: int, line: int) -> int:
    """Return where a word of `skb.cb` is kept: each level of the qdisc tree has its own five."""
    if not 0 <= index < CB_WORDS:
        raise Trap(INDEX, line, index)
    running = instance.running
    level: int = running.level if running is not None else 0
    return level * CB_WORDS + index


def _cb_loader(instance: Any) -> Callable[[Any, int, int], int]:
    def load_cb(skb: Any, index: int, line: int) -> int:
        word: int = skb.cb[_cb_index(instance, index, line)]
        return word

    return load_cb


def _cb_storer(instance: Any) -> Callable[[Any, int, int, int], None]:
    def store_cb(skb: Any, index: int, value: int, line: int) -> None:
        skb.cb[_cb_index(instance, index, line)] = value & M32

    return store_cb


def _global_shower(runtime: Runtime) -> Callable[[int, int, int], None]:
    state = runtime.sim.trace.state
    instance_place = runtime.instance.place

    def show_global(number: int, value: int, line: int) -> None:
        state(CELL, 0, instance_place, value, line, number, 0)

    return show_global


def _giving_child(instance: Any) -> Callable[[Any, int, int], Any]:
    """Return child_enqueue; the child may be this very instance, so what a call changes is put back."""
    fuel, method = instance.fuel, instance.child_enqueue

    def child_enqueue(skb: Any, classid: int, line: int) -> Any:
        left, running = fuel[0], instance.running
        fuel[0] = CALL_FUEL
        taken = method(skb, classid, line)
        fuel[0] = left
        instance.running = running
        return taken

    return child_enqueue


def _asking_child(instance: Any, method: Callable[[int, int], Any]) -> Callable[[int, int], Any]:
    """Return child_dequeue or child_peek, as above."""
    fuel = instance.fuel

    def ask(classid: int, line: int) -> Any:
        left, running, entering = fuel[0], instance.running, instance.entering
        fuel[0] = CALL_FUEL
        skb = method(classid, line)
        fuel[0] = left
        instance.running = running
        instance.entering = entering
        return skb

    return ask


def _set_delay(ctx: Any, value: int) -> None:
    ctx.delay = value


def _set_classid(ctx: Any, value: int) -> None:
    ctx.classid = value & M32


FIELDS: dict[str, Callable[[Any], Any]] = {
    "hash": attrgetter("header.tuple_hash"),
    "wire_len": attrgetter("len"),
    **{
        name: attrgetter(f"header.{name}")
        for name in ("protocol", "vlan_present", "vlan_tci", "vlan_proto")
    },
    "map.length": attrgetter("length"),
    "map.bytes": attrgetter("bytes"),
    "ctx.qlen": attrgetter("instance.gauge.qlen"),
    "ctx.backlog": attrgetter("instance.gauge.backlog"),
    **{f"ctx.{name}": attrgetter(name) for name in ("now", "classid", "delay", "queue")},
    **{
        f"ctx.dev.{name}": attrgetter(f"dev_{name}")
        for name in ("ifindex", "mtu", "txqueuelen", "num_tx_queues", "rate_bps")
    },
}

SETTERS: dict[str, Callable[[Any, int], None]] = {
    "mark": core_skb.set_mark,
    "priority": core_skb.set_priority,
    "queue_mapping": core_skb.set_queue_mapping,
    "tc_index": core_skb.set_tc_index,
    "tc_classid": core_skb.set_tc_classid,
    "tstamp": core_skb.set_tstamp,
    "ctx.delay": _set_delay,
    "ctx.classid": _set_classid,
}

HELPERS: dict[str, Callable[..., Any]] = {
    "hash_skb": core_skb.hash_skb,
    "skb.load_u8": core_skb.load_u8,
    "skb.load_u16": core_skb.load_u16,
    "skb.load_u32": core_skb.load_u32,
    "ctx.timer_after": lambda ctx, ns, line: ctx.timer_after(ns, line),
    "packets": attrgetter("bound.length"),
    "bytes": attrgetter("bound.bytes"),
}

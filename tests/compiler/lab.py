"""A bench for compiled programs: a real simulator with one instance, its maps, classes and packets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sandbox.compiler.restricted_python import compile_program
from sandbox.compiler.runtime import Entries, Runtime
from sandbox.core.classes import ClassTable, TcClass
from sandbox.core.ctx import Ctx
from sandbox.core.dialect import Array, List
from sandbox.core.flowmap import FlowMap
from sandbox.core.gauge import Gauge
from sandbox.core.headers import Header
from sandbox.core.instance import CALL_FUEL, Instance
from sandbox.core.ints import IntQueue
from sandbox.core.qdisc import Qdisc
from sandbox.core.rng import Rng
from sandbox.core.sim import Sim
from sandbox.core.skb import LEVELS_MAX, Skb, SkbPool
from sandbox.core.skbmap import Bound, SkbMap
from sandbox.core.skbmaps import SkbMapArray, SkbMapHash
from sandbox.core.skbtree import SkbTree
from sandbox.core.sources import CBR, Source
from sandbox.core.stats import FlowStats
from sandbox.core.tables import ARRAY, HASH, LRU, Table
from sandbox.core.trace import Trace
from sandbox.core.trap import Trap
from sandbox.language import tree
from tests.compiler.interpreter import Interpreter

ENTRIES = ("enqueue", "dequeue", "peek", "init", "reset", "timer", "egress", "classify")
HEADER = Header(Array([7 * i % 251 for i in range(42)]), 14, 4, 17, 0xC0FFEE12, 0x0008)


def new_sim() -> Sim:
    trace = Trace(True)
    trace.open()
    pool = SkbPool(levels=LEVELS_MAX, uses_cb=True)
    pool.open()
    sim = Sim(trace, pool, 1, 10**12, 10**6)
    sim.open()
    stats = FlowStats()
    stats.open()
    source = Source(0, CBR, 1, HEADER, stats, Rng(1), Rng(2), Rng(3), Array([1000]), Array([1]))
    sim.sources.append(source)
    return sim


class Lab:
    """One program, compiled (`entries`) or interpreted (`direct`), with everything it can touch."""

    def __init__(
        self,
        program: tree.Program,
        *,
        traced: bool = False,
        counts: bool = False,
        direct: bool = False,
        params: list[Any] | None = None,
        classes: tuple[int, ...] = (),
        level: int = 0,
    ) -> None:
        self.program = program
        self.level = level
        self.sim = new_sim()
        self.instance = Instance(self.sim, 0, 7, Gauge(), Rng(99))
        self.instance.open()
        defaults: list[Any] = [
            list(p.default) if isinstance(p.default, tuple) else p.default for p in program.params
        ]
        self.params: list[Any] = params if params is not None else defaults
        self.ctx = Ctx(self.instance, 1_000, 0x10000, 0, 0, 1, 1500, 1000, 1, 10**9)
        self.classes = self._classes(classes)
        self.qdisc = Qdisc(
            self.sim, 0, 3, 0x10000, 1, 0, level, self.instance, self.ctx, self.classes
        )
        self.ctx.qdisc = self.qdisc
        self.qdisc.filters = List()
        self.sim.qdiscs.append(self.qdisc)
        self.instance.running = self.qdisc
        self.instance.users.append(self.qdisc)
        self.trees: list[tuple[SkbTree, str]] = []
        self.maps = {m.name: self._map(m, number) for number, m in enumerate(program.maps)}
        self.interpreter = Interpreter(program, self)
        self.entries = Entries()
        if not direct:
            code = compile_program(program, traced=traced, counts=counts)
            runtime = Runtime(
                sim=self.sim,
                instance=self.instance,
                maps=self.maps,
                classes=self.classes,
                params=self.params,
            )
            self.entries = code.instantiate(runtime)
        for ordered, less in self.trees:
            ordered.less = self.interpreter.less(less) if direct else self.entries.comparators[less]
        self.direct = direct
        self._hook()

    def _hook(self) -> None:
        for role in ENTRIES:
            function = self.program.function(role)
            if function is None:
                continue
            if self.direct:
                names = [name for name, _ in function.params]
                setattr(self.instance, role, self._direct(role, names))
            else:
                setattr(self.instance, role, getattr(self.entries, role))

    def _direct(self, role: str, names: list[str]) -> Any:
        return lambda *args: self.interpreter.run(role, **dict(zip(names, args, strict=True)))

    def _classes(self, classids: tuple[int, ...]) -> ClassTable:
        record = self.program.class_record
        table = ClassTable(self.sim.trace, 5, record.words if record else 0)
        table.open()
        for classid in classids:
            words: Array[int] = Array(record.words if record else 0)
            if record:
                for field in record.fields:
                    words[field.offset] = field.default
                words[0] = classid
            table.add(TcClass(classid, 6), words)
        return table

    def _size(self, declared: int | str) -> int:
        if isinstance(declared, int):
            return declared
        return int(self.params[[p.name for p in self.program.params].index(declared)])

    def _skb_map(self, decl: tree.MapDecl, place: int, slot: int) -> SkbMap:
        ordered = SkbTree(bool(decl.less))  # every map a tree, so that every operation can be tried
        if decl.less:
            self.trees.append((ordered, decl.less))
        size = self._size(decl.max_entries)
        made = SkbMap(
            self.sim.trace, self.instance, self.instance.gauge, place, slot, size, ordered
        )
        made.heap = List()
        return made

    def _map(self, decl: tree.MapDecl, number: int) -> Any:
        place = 10 + number
        trace = self.sim.trace
        made: Any
        if decl.kind == "SkbMap":
            made = self._skb_map(decl, place, 0)
            self.instance.skb_maps.append(made)
            return made
        if decl.kind == "FlowMap":
            bound = Bound(self._size(decl.max_entries))
            made = FlowMap(trace, self.instance, place, self._size(decl.count), bound)
        elif decl.kind in ("SkbMapArray", "SkbMapHash"):
            count = self._size(decl.count)
            inner: Array[SkbMap] = Array(
                [self._skb_map(decl, place, slot) for slot in range(count)]
            )
            bound = Bound(self._size(decl.max_entries))
            for one in inner:
                one.bound = bound
            if decl.kind == "SkbMapArray":
                return SkbMapArray(inner, count, bound)
            made = SkbMapHash(trace, place, inner, bound)
        elif decl.kind in ("Queue", "Stack"):
            made = IntQueue(trace, place, self._size(decl.max_entries), decl.kind == "Stack")
        else:
            made = self._table(decl, place)
            self.instance.tables.append(made)
        made.open()
        return made

    def _table(self, decl: tree.MapDecl, place: int) -> Table:
        kind = {"HashMap": HASH, "LruHashMap": LRU, "ArrayMap": ARRAY}[decl.kind]
        record = next((r for r in self.program.records if r.name == decl.value), None)
        words: Array[int] = Array(record.words if record else 1)
        for field in record.fields if record else ():
            if field.length == 0:
                words[field.offset] = field.default
        size = self._size(decl.max_entries)
        return Table(self.sim.trace, place, kind, size, len(words), words)

    def graft(self, classid: int, handle: int) -> None:
        """Make the instance a child of itself: a second qdisc below a class of the first."""
        ctx = Ctx(self.instance, 1_000, handle, 0, 0, 1, 1500, 1000, 1, 10**9)
        child = Qdisc(self.sim, 1, 4, handle, 1, 0, 1, self.instance, ctx, self.classes)
        ctx.qdisc = child
        found = self.classes.find(classid)
        assert found is not None
        found.child = child
        self.sim.qdiscs.append(child)
        self.instance.users.append(child)

    # --- use

    def packet(self, hash: int = HEADER.tuple_hash, **fields: int) -> Skb:
        skb = self.sim.pool.take()
        skb.header = replace(HEADER, tuple_hash=hash)
        skb.stats = self.sim.sources[0].stats
        skb.len = 1000
        skb.ifindex = 1
        for name, value in fields.items():
            setattr(skb, name, value)
        return skb

    def call(self, role: str, *args: Any) -> Any:
        """Call an entry point as the core does; a fault gives ("trap", code, line, value)."""
        self.instance.fuel[0] = CALL_FUEL
        self.ctx.delay = 0
        self.ctx.classid = 0x10000
        self.instance.entering = role in ("enqueue", "egress")
        try:
            result = getattr(self.instance, role)(*args, self.ctx)
        except Trap as fault:
            return "trap", fault.code, fault.line, fault.value
        self.instance.settle()
        return result

    def helper(self, name: str, *args: Any) -> Any:
        """Call a helper function of the program."""
        self.instance.fuel[0] = CALL_FUEL
        try:
            if self.direct:
                return self.interpreter.call(name, list(args))
            return self.entries.namespace[f"d_{name}"](*args)
        except Trap as fault:
            return "trap", fault.code, fault.line, fault.value

    def globals(self) -> dict[str, int]:
        return self.interpreter.globals if self.direct else self.entries.globals()

    def state(self) -> dict[str, Any]:
        """Return everything a program can have changed."""
        tables = {
            name: [
                (table.key_at(slot), list(table.words[slot * table.width :][: table.width]))
                for slot in self._slots(table)
            ]
            for name, table in self.maps.items()
            if isinstance(table, Table)
        }
        self.sim.trace.fold()
        return {
            "globals": dict(self.globals()),
            "tables": tables,
            "classes": list(self.classes.words),
            "digest": self.sim.trace.digest,
            "log": list(self.sim.log),
            "fuel": self.instance.fuel[0],
            "delay": self.ctx.delay,
            "classid": self.ctx.classid,
        }

    @staticmethod
    def _slots(table: Table) -> list[int]:
        slots = []
        slot = table.first_slot()
        while slot >= 0:
            slots.append(slot)
            slot = table.next_slot(slot)
        return slots

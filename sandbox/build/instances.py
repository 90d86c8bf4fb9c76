"""Instances: a loaded program with its maps, parameters and callables in the core."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.build.places import Places
from sandbox.build.programs import Loaded
from sandbox.compiler.restricted_python import line_cells
from sandbox.compiler.runtime import Entries, Runtime
from sandbox.core.classes import ClassTable
from sandbox.core.dialect import M64, Array, List
from sandbox.core.flowmap import FlowMap
from sandbox.core.gauge import Gauge
from sandbox.core.instance import Instance
from sandbox.core.ints import IntQueue
from sandbox.core.rng import Rng, mix
from sandbox.core.sim import Sim
from sandbox.core.skbmap import Bound, SkbMap
from sandbox.core.skbmaps import SkbMapArray, SkbMapHash
from sandbox.core.skbtree import SkbTree
from sandbox.core.tables import ARRAY, HASH, LRU, Table
from sandbox.language.maps import is_tree
from sandbox.language.tree import MapDecl, Record

TABLE_KINDS = {"HashMap": HASH, "LruHashMap": LRU, "ArrayMap": ARRAY}


def stream_seed(seed: int, name: str) -> int:
    """Return the seed of a named random stream, so that streams do not shift each other."""
    state = mix(seed & M64, 0x5EED)
    for byte in name.encode():
        state = mix(state, byte + 1)
    return state


@dataclass(slots=True)
class Built:
    """An instance with what user space sees of it."""

    name: str
    loaded: Loaded
    instance: Instance
    entries: Entries
    maps: dict[str, Any]
    map_places: dict[str, int]
    params: list[Any]
    classes: ClassTable | None = None


def initial_words(record: Record | None) -> Array[int]:
    """Return the words of a fresh record, or of an int value."""
    if record is None:
        return Array(1)
    words: Array[int] = Array(record.words)
    for field in record.fields:
        if field.length == 0:
            words[field.offset] = field.default
    return words


def build_instance(
    sim: Sim,
    places: Places,
    loaded: Loaded,
    name: str,
    params: list[Any],
    classes: ClassTable | None,
) -> Built:
    """Return a new instance of a program, registered with the simulator."""
    program = loaded.program
    place = places.add(
        "instance",
        name,
        program=loaded.name,
        globals=[{"name": item.name, "initial": item.initial} for item in program.globals],
        reasons=list(program.reasons),
        maps=[],
    )
    instance = _instance(sim, loaded, name, place)
    maps: dict[str, Any] = {}
    map_places: dict[str, int] = {}
    trees: list[tuple[SkbTree, str]] = []
    records = {record.name: record for record in program.records}
    sizes = {param.name: value for param, value in zip(program.params, params, strict=True)}
    for declared in program.maps:
        entries_max = _size(declared.max_entries, sizes)
        count = _size(declared.count, sizes)
        value_record = records.get(declared.value)
        map_place = places.add(
            "map",
            declared.name,
            program=loaded.name,
            parent=place,
            capacity=entries_max,
            map_kind=declared.kind,
            inner=count,
            fields=_field_names(value_record),
            less=bool(declared.less),
        )
        places.table[place]["maps"].append(map_place)
        map_places[declared.name] = map_place
        plan = _Plan(instance, declared, map_place, entries_max, count, value_record, trees)
        maps[declared.name] = MAKERS[declared.kind](plan)
    instance.params = List(params)
    runtime = Runtime(
        sim=sim, instance=instance, maps=maps, classes=classes, params=instance.params
    )
    entries = _entries(loaded, runtime)
    _hook(instance, entries)
    for tree, less in trees:
        if less in entries.comparators:
            tree.less = entries.comparators[less]
    return Built(name, loaded, instance, entries, maps, map_places, instance.params)


def _instance(sim: Sim, loaded: Loaded, name: str, place: int) -> Instance:
    """Return a new instance without maps, registered with the simulator."""
    rng = Rng(stream_seed(sim.seed, f"program {name}"))
    instance = Instance(sim, len(sim.instances), place, Gauge(), rng)
    instance.open()
    instance.uses_cb = "cb" in loaded.uses
    if instance.uses_cb:
        sim.pool.uses_cb = True
    instance.deletes = _deletes(loaded)
    instance.settles = instance.deletes or _burns(loaded)
    instance.sets_ctx = "sets ctx" in loaded.uses
    sim.instances.append(instance)
    return instance


def _entries(loaded: Loaded, runtime: Runtime) -> Entries:
    """Return the callables of an instance; only its globals when CPython will not run it."""
    if loaded.code is not None:
        return loaded.code.instantiate(runtime)
    values = {variable.name: int(variable.initial) for variable in loaded.program.globals}
    counts = [0] * line_cells(loaded.program) if loaded.line_counts else []
    return Entries(
        namespace=dict(values), global_names={name: name for name in values}, counts=counts
    )


def _deletes(loaded: Loaded) -> bool:
    """Return whether calls of a program may delete entries of a table."""
    return any(
        one.kind == "LruHashMap" or (one.kind == "HashMap" and "delete" in one.methods)
        for one in loaded.program.maps
    )


def _burns(loaded: Loaded) -> bool:
    """Return whether calls of a program may burn fuel."""
    return "burns" in loaded.uses or any(one.less for one in loaded.program.maps)


def _hook(instance: Instance, entries: Entries) -> None:
    instance.enqueue = entries.enqueue
    instance.dequeue = entries.dequeue
    instance.peek = entries.peek
    instance.init = entries.init
    instance.reset = entries.reset
    instance.timer = entries.timer
    instance.egress = entries.egress
    instance.classify = entries.classify


def _size(declared: int | str, sizes: dict[str, Any]) -> int:
    return declared if isinstance(declared, int) else int(sizes[declared])


def _field_names(record: Record | None) -> list[str]:
    """Return a name for each word of a value."""
    if record is None:
        return ["value"]
    names = []
    for field in record.fields:
        if field.length == 0:
            names.append(field.name)
        else:
            names.extend(f"{field.name}[{i}]" for i in range(field.length))
    return names


@dataclass(slots=True)
class _Plan:
    """What a map is made from."""

    instance: Instance
    declared: MapDecl
    place: int
    entries_max: int
    count: int
    record: Record | None
    trees: list[tuple[SkbTree, str]]

    def skb_map(self, slot: int, bound: Bound | None = None) -> SkbMap:
        """Return a new skb map; a tree when it is walked, popped out of order or sorted."""
        tree = None
        if is_tree(self.declared):
            tree = SkbTree(bool(self.declared.less))
            if self.declared.less:
                self.trees.append((tree, self.declared.less))
        owner = self.instance
        made = SkbMap(owner.sim.trace, owner, owner.gauge, self.place, slot, self.entries_max, tree)
        made.bound = bound
        made.heap = List()
        return made

    def inner(self, bound: Bound) -> Array[SkbMap]:
        """Return the inner maps of a map of maps; `max_entries` bounds them together."""
        return Array([self.skb_map(slot, bound) for slot in range(self.count)])


def _make_skb_map(plan: _Plan) -> SkbMap:
    made = plan.skb_map(0)
    plan.instance.skb_maps.append(made)
    return made


def _make_array(plan: _Plan) -> SkbMapArray:
    bound = Bound(plan.entries_max)
    made = SkbMapArray(plan.inner(bound), plan.count, bound)
    plan.instance.skb_arrays.append(made)
    return made


def _make_hash(plan: _Plan) -> SkbMapHash:
    bound = Bound(plan.entries_max)
    made = SkbMapHash(plan.instance.sim.trace, plan.place, plan.inner(bound), bound)
    made.open()
    plan.instance.skb_hashes.append(made)
    return made


def _make_flow_map(plan: _Plan) -> FlowMap:
    bound = Bound(plan.entries_max)
    owner = plan.instance
    made = FlowMap(owner.sim.trace, owner, plan.place, plan.count, bound)
    made.open()
    plan.instance.flow_maps.append(made)
    return made


def _make_table(plan: _Plan) -> Table:
    words = initial_words(plan.record)
    kind = TABLE_KINDS[plan.declared.kind]
    trace = plan.instance.sim.trace
    made = Table(trace, plan.place, kind, plan.entries_max, len(words), words)
    made.open()
    plan.instance.tables.append(made)
    return made


def _make_ints(plan: _Plan) -> IntQueue:
    stack = plan.declared.kind == "Stack"
    made = IntQueue(plan.instance.sim.trace, plan.place, plan.entries_max, stack)
    made.open()
    plan.instance.int_queues.append(made)
    return made


MAKERS: dict[str, Callable[[_Plan], Any]] = {
    "SkbMap": _make_skb_map,
    "SkbMapArray": _make_array,
    "SkbMapHash": _make_hash,
    "FlowMap": _make_flow_map,
    "HashMap": _make_table,
    "LruHashMap": _make_table,
    "ArrayMap": _make_table,
    "Queue": _make_ints,
    "Stack": _make_ints,
}

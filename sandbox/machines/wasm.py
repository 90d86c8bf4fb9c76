"""WasmMachine: one run in linear memory. The objects of the core are laid out, run, and read back when asked."""

from __future__ import annotations

import atexit
import ctypes
import struct
from collections.abc import Iterator
from typing import Any

import wasmtime

from sandbox.build.changes import Changes
from sandbox.build.instances import Built
from sandbox.build.network import Network
from sandbox.build.programs import library_checked, library_names
from sandbox.compiler.restricted_python import line_cells
from sandbox.compiler.wasm import host, library
from sandbox.compiler.wasm.code import signed
from sandbox.compiler.wasm.core_module import core_module
from sandbox.compiler.wasm.frame import (
    CLASS_TABLE,
    FUEL,
    GAUGE,
    INSTANCE,
    PARAMS,
    WORDS,
    Frame,
    map_thing,
)
from sandbox.compiler.wasm.image import Image
from sandbox.compiler.wasm.library import FAULT_CODE, HEAP_END, HEAP_TOP
from sandbox.compiler.wasm.program import ProgramModule, compile_program
from sandbox.compiler.wasm.reading import Reading
from sandbox.compiler.wasm.types import (
    ANY,
    DIGEST,
    FIXED,
    fixed,
    layout,
    list_of,
    placed,
    record_type,
)
from sandbox.core.changes import Change
from sandbox.core.classes import ClassTable
from sandbox.core.events import EV_CHANGE
from sandbox.core.sim import Sim
from sandbox.core.skb import SkbPool
from sandbox.core.skbmap import SkbMap
from sandbox.core.tables import Table
from sandbox.core.trace import Trace
from sandbox.core.trap import Trap
from sandbox.language.tree import Program
from sandbox.machines.checkpoints import BLANK, MEMORY_BYTES_MAX, PAGE_BYTES, Checkpoint

SIM = record_type(Sim)
SPARE_BYTES = 1 << 20  # the least a run needs beside what stands at its start
COMPILED_MAX = 256
_WORD = struct.Struct("<q")
_COMPILED: dict[tuple[str, bool, bool], tuple[ProgramModule, wasmtime.Module]] = {}
atexit.register(_COMPILED.clear)  # before the interpreter takes wasmtime apart


def compiled(
    program: Program, *, traced: bool, line_counts: bool = False
) -> tuple[ProgramModule, wasmtime.Module]:
    """Return a program compiled; its code is the same for all its instances, so it is kept."""
    key = program.source, traced, line_counts
    if key not in _COMPILED:
        if len(_COMPILED) >= COMPILED_MAX:
            del _COMPILED[next(iter(_COMPILED))]
        cells = line_cells(program) if line_counts else 0
        made = compile_program(program, traced=traced, line_cells=cells)
        _COMPILED[key] = made, host.machine_code(made)
    return _COMPILED[key]


def forget() -> None:
    """Let go of all compiled programs."""
    _COMPILED.clear()


def warm() -> None:
    """Compile the core and the library before workers are forked."""
    host.warm()
    for name in library_names():
        program = library_checked(name).program
        assert program is not None
        for traced in (False, True):
            compiled(program, traced=traced)


def _instance(
    store: wasmtime.Store, module: wasmtime.Module, imports: list[Any]
) -> wasmtime.Instance:
    try:
        return wasmtime.Instance(store, module, imports)
    except wasmtime.WasmtimeError as problem:  # the address space is too small for its memory
        raise MemoryError from problem


class WasmMachine:
    """Runs a network that was just built. The core's objects are stale until `settle` or `read` is called."""

    def __init__(self, network: Network, changes: Changes) -> None:
        self.network = network
        self.sim = network.sim
        self.traced = self.sim.trace.kept
        self.core = core_module()
        self.store = wasmtime.Store(host.engine())
        instance = _instance(self.store, host.core(), [])
        self.exports = instance.exports(self.store)
        self.memory: wasmtime.Memory = self.exports["memory"]  # type: ignore[assignment]
        self.table: wasmtime.Table = self.exports["table"]  # type: ignore[assignment]
        self._view = self._mapped()
        self.image = Image(FIXED)
        self.frames: list[tuple[Built, Frame, int]] = []
        self.begun = False
        self._functions = 1  # the table's first entry stays empty: no function
        self._bases: dict[int, dict[str, int]] = {}
        self._lay_out(changes)

    # --- laying out

    def _lay_out(self, changes: Changes) -> None:
        image = self.image
        self._place_fixed()
        network = self.network
        # Of two qdiscs that take the same handle in turn, `built` has the later.
        every = [*network.built.values(), *network.targets.values()]
        for built in {id(built): built for built in every}.values():
            self._hook(built)
        self.changes_at = [image.place(change, record_type(Change)) for change in changes.items]
        image.fill()
        for built, frame, at in self.frames:
            self._fill_frame(built, frame, at)
        image.fill()
        self._write_image()

    def _place_fixed(self) -> None:
        """Place what compiled code expects at a fixed place: the single records, heads of their lists, constants."""
        image = self.image
        singles: dict[str, Any] = {
            "Sim": self.sim,
            "Trace": self.sim.trace,
            "SkbPool": self.sim.pool,
        }
        for (name, field), at in fixed().items():
            thing = singles[name]
            record: type = type(thing)
            t = record_type(record)
            if field:
                t, thing = layout(record).fields[field][0], getattr(thing, field)
            placed_at = image.digest(thing) if t == DIGEST else image.place(thing, t)
            assert placed_at == at, (name, field)
        constants = self.core.statics.data
        at = image.reserve(len(constants)) - image.start
        image.data[at : at + len(constants)] = constants
        assert image.end == self.core.statics.end
        self.sim_at, self._trace_at, self._pool_at = (fixed()[name, ""] for name in singles)

    def _hook(self, built: Built) -> None:
        """Make an instance's frame and say which functions its hooks mean."""
        loaded = built.loaded
        program, module = compiled(
            loaded.program, traced=self.traced, line_counts=loaded.line_counts
        )
        numbers = self._load(program, module)
        image = self.image
        at = image.reserve(program.frame.size)
        self._place_behind(built, program.frame, at)
        self.frames.append((built, program.frame, at))
        for role, name in program.entries.items():
            image.hooks[id(built.instance), role] = numbers[name], at
        for declared in built.loaded.program.maps:
            if not declared.less:
                continue
            one = built.maps[declared.name]
            for inner in [one] if isinstance(one, SkbMap) else one.inner:
                image.hooks[id(inner.tree), "less"] = numbers[declared.less], at

    def _load(self, program: ProgramModule, module: wasmtime.Module) -> dict[str, int]:
        """Put a program's functions into the table once; return their numbers by name."""
        if id(program) not in self._bases:
            imports: list[Any] = [self.exports[one.name] for one in module.imports]  # type: ignore[index]
            instance = _instance(self.store, module, imports)
            exports = instance.exports(self.store)
            numbers = {}
            for name in (*program.entries.values(), *program.comparators):
                self.table.set(self.store, self._functions, exports[name])
                numbers[name] = self._functions
                self._functions += 1
            self._bases[id(program)] = numbers
        return self._bases[id(program)]

    def _place_behind(self, built: Built, frame: Frame, at: int) -> None:
        """Place an instance and its maps behind its frame, where compiled code expects them."""
        instance, classes = built.instance, built.classes
        if classes is None:
            classes = ClassTable(self.sim.trace, 0, 0)
            classes.open()
        things: dict[str, Any] = {
            INSTANCE: instance,
            FUEL: instance.fuel,
            GAUGE: instance.gauge,
            CLASS_TABLE: classes,
            CLASS_TABLE + WORDS: classes.words,
        }
        for name, one in built.maps.items():
            things[map_thing(name)] = one
            things[map_thing(name) + WORDS] = one.words if isinstance(one, Table) else None
        for name, (t, offset) in frame.things.items():
            placed_at = self.image.place(things[name], t)
            assert placed_at == at + offset, name

    def _fill_frame(self, built: Built, frame: Frame, at: int) -> None:
        image = self.image
        params = image.place(built.instance.params, list_of(ANY))
        (items,) = struct.unpack_from("<I", image.data, params + 8 - image.start)
        struct.pack_into("<I", image.data, at + PARAMS - image.start, items)
        for variable in built.loaded.program.globals:
            offset = at + frame.globals[variable.name] - image.start
            value = built.entries.get_global(variable.name)
            struct.pack_into("<q", image.data, offset, signed(value))

    def _write_image(self) -> None:
        """Copy what was laid out into memory; what is made from now on comes from behind it."""
        end = self.image.end
        if end + SPARE_BYTES > host.MEMORY_MAX_BYTES:
            raise MemoryError
        self._put(self.image.start, self.image.data)
        self._put(HEAP_TOP, struct.pack("<II", end, host.MEMORY_MAX_BYTES))
        assert HEAP_END == HEAP_TOP + 4
        self.image.data = bytearray()

    # --- running

    def _call(self, name: str, *args: int) -> Any:
        try:
            return self.exports[name](self.store, *args)  # type: ignore[operator]
        except wasmtime.Trap:
            code, line, value = struct.unpack("<3q", self._bytes(FAULT_CODE, 24))
            if code == 0:
                raise
            if code == library.OUT_OF_MEMORY:
                raise MemoryError from None
            raise Trap(code, line, value) from None

    def _bytes(self, at: int, count: int) -> bytes:
        return self._view[at : at + count].tobytes()

    def _put(self, at: int, data: bytes | bytearray) -> None:
        self._view[at : at + len(data)] = data

    def _word(self, owner: int, record: type, name: str) -> int:
        """Return an int field of a record in memory."""
        _, offset = layout(record).fields[name]
        return int(_WORD.unpack_from(self._view, owner + offset)[0])

    def _list(self, owner: int, record: type, name: str) -> tuple[int, int, int]:
        """Return where a record's List lies, how many items it has, and where they begin."""
        (at,) = struct.unpack_from("<I", self._view, owner + layout(record).fields[name][1])
        count, _, items = struct.unpack_from("<3I", self._view, at)
        return at, count, items

    def start(self) -> None:
        """Run every program's init and schedule the first arrivals."""
        self.begun = True
        self._call("Sim.start", self.sim_at)

    def run(self, goal: int, steps: int) -> None:
        """Carry out up to `steps` events, until `goal` rows were kept, a change is due or the run is over."""
        self._call("Sim.run", self.sim_at, goal, steps)
        for index in self._due_changes():
            self._call("apply", self.sim_at, self.changes_at[index])
            self._call("Sim.ask", self.sim_at)

    def _due_changes(self) -> list[int]:
        """Take the changes that are due."""
        at, count, items = self._list(self.sim_at, Sim, "changes")
        if count == 0:
            return []
        self._put(at, bytes(4))
        return list(struct.unpack(f"<{count}q", self._bytes(items, 8 * count)))

    def due_ns(self) -> int:
        """Return the time of the next event, -1 when the run is over."""
        return int(self._call("Sim.due_ns", self.sim_at))

    def handled(self) -> int:
        """Return how many events were carried out."""
        return self._word(self.sim_at, Sim, "handled")

    def rows(self) -> int:
        """Return how many rows were kept."""
        return self._word(self._trace_at, Trace, "rows")

    def now_ns(self) -> int:
        """Return the simulated time."""
        return self._word(self.sim_at, Sim, "now_ns")

    def made(self) -> int:
        """Return how many packets were made."""
        return self._word(self._pool_at, SkbPool, "made")

    def take(self) -> bytes:
        """Return the kept rows since the last call."""
        at, count, items = self._list(self._trace_at, Trace, "out")
        if count == 0:
            return b""
        self._put(at, bytes(4))
        return self._bytes(items, count)

    # --- reading back

    def read(self) -> None:
        """Bring the core's objects and the programs' globals up to date."""
        whole = self._view
        Reading(self.image, whole).read(self.sim_at, SIM)
        for built, frame, at in self.frames:
            for name, offset in frame.globals.items():
                (value,) = struct.unpack_from("<q", whole, at + offset)
                built.entries.set_global(name, value)
            counts = built.entries.counts
            if counts:
                counts[:] = struct.unpack_from(f"<{len(counts)}q", whole, at + frame.lines)

    def _mapped(self) -> memoryview:
        """Return a view of memory, which neither grows nor moves."""
        size = self.memory.data_len(self.store)
        pointer = self.memory.data_ptr(self.store)
        view = (ctypes.c_ubyte * size).from_address(ctypes.addressof(pointer.contents))
        return memoryview(view).cast("B")

    def read_log(self) -> None:
        """Bring the log up to date."""
        t, _ = layout(Sim).fields["log"]
        _, count, items = self._list(self.sim_at, Sim, "log")
        known = len(self.sim.log)
        if count > known:
            first = items + known * placed(t.of[0])[1]
            self.sim.log.extend(Reading(self.image, self._view).items(first, count - known, t))

    # --- checkpoints

    def checkpoint(self, before: Checkpoint | None) -> Checkpoint | None:
        """Return the present state; pages that are as they were before are the same objects."""
        top = self.used_bytes()
        if top > MEMORY_BYTES_MAX:
            return None
        return Checkpoint(
            now_ns=self.now_ns(),
            rows=self.rows(),
            handled=self.handled(),
            begun=self.begun,
            logged=self._list(self.sim_at, Sim, "log")[1],
            changes=len(self.changes_at),
            pages=tuple(_pages(self._view, top, before.pages if before else ())),
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go back to a checkpoint of this run; what was fresh memory then is fresh again."""
        whole, top = self._view, self.used_bytes()
        for number, page in enumerate(checkpoint.pages):
            at = number * PAGE_BYTES
            if whole[at : at + len(page)].tobytes() != page:
                whole[at : at + len(page)] = page
        end = self.used_bytes()
        whole[end:top] = bytes(max(0, top - end))
        self.begun = checkpoint.begun
        self.image.forget(end)
        del self.sim.log[checkpoint.logged :]
        del self.changes_at[checkpoint.changes :]

    def plant(self, at_ns: int, change: Change) -> None:
        """Lay a change out behind what is in memory, and schedule it."""
        image = self.image
        image.start = self.used_bytes()
        at = image.place(change, record_type(Change))
        image.fill()
        self._write_image()
        self.changes_at.append(at)
        self._call("Sim.schedule", self.sim_at, at_ns, EV_CHANGE, len(self.changes_at) - 1)

    def used_bytes(self) -> int:
        """Return the end of the memory in use."""
        (top,) = struct.unpack("<I", self._bytes(HEAP_TOP, 4))
        return int(top)


def _pages(whole: memoryview, top: int, before: tuple[bytes, ...]) -> Iterator[bytes]:
    """Yield the pages of memory up to `top`, those of before where nothing changed."""
    for number, at in enumerate(range(0, top, PAGE_BYTES)):
        page = whole[at : min(at + PAGE_BYTES, top)].tobytes()
        old = before[number] if number < len(before) else BLANK
        if page == old:
            yield old
        else:
            yield BLANK if page == BLANK else page

"""Devices, qdiscs, classes, filters and hooks of a scenario → the core's tree."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.build import hooks
from sandbox.build.instances import Built, build_instance, initial_words, stream_seed
from sandbox.build.places import Places
from sandbox.build.programs import Loaded, Programs
from sandbox.build.values import Overrides, values_of
from sandbox.core.classes import ClassTable, TcClass
from sandbox.core.ctx import Ctx
from sandbox.core.dialect import Array, List
from sandbox.core.netdev import Netdev, TxQueue
from sandbox.core.qdisc import Qdisc
from sandbox.core.rng import Rng
from sandbox.core.sim import Sim
from sandbox.core.skb import LEVELS_MAX
from sandbox.diagnostics import Diagnostic
from sandbox.language.tree import Param
from sandbox.scenario import model
from sandbox.scenario.model import ROOT, Device, Options, ProgramRef, Scenario, Setting

DEFAULT_HANDLE = 0x80010000
WITH_CHILDREN = frozenset({"child_enqueue", "child_dequeue", "child_peek", "PASS"})
DEFAULT_CHILD = "pfifo"


def show_handle(handle: int) -> str:
    """Return a handle or classid as tc writes it."""
    return f"{handle >> 16:x}:{handle & 0xFFFF:x}" if handle & 0xFFFF else f"{handle >> 16:x}:"


@dataclass(slots=True)
class Network:
    """Builds the tree of every device; problems collect, so that all are reported at once."""

    scenario: Scenario
    sim: Sim
    places: Places
    programs: Programs
    overrides: Overrides
    problems: list[Diagnostic] = field(default_factory=list)
    built: dict[str, Built] = field(default_factory=dict)  # by target
    qdiscs: dict[tuple[str, int], Qdisc] = field(default_factory=dict)  # device, handle
    targets: dict[int, Built] = field(default_factory=dict)  # by qdisc index
    class_params: dict[tuple[int, int], tuple[Param, ...]] = field(default_factory=dict)
    filter_count: int = 0

    def build(self) -> None:
        """Build everything that stands when the run starts."""
        for device in self.scenario.devices:
            self._add_device(device)
        for qdisc in self._in_order():
            self.add_qdisc(qdisc)
        for device in self.scenario.devices:
            self._default_roots(device)
        for one in self.scenario.egress:
            hooks.add_egress(self, one)
        for filter_ in sorted(self.scenario.filters, key=lambda f: f.prio or 1 << 32):
            hooks.add_filter(self, filter_)
        self._share()

    def device(self, name: str) -> Netdev:
        """Return a device of the core by name."""
        return self.sim.devices[self.ifindex(name) - 1]

    def ifindex(self, name: str) -> int:
        """Return a device's ifindex, from 1 in the order of the scenario."""
        return [device.name for device in self.scenario.devices].index(name) + 1

    def model_device(self, name: str) -> Device:
        """Return a device of the scenario by name."""
        return self.scenario.devices[self.ifindex(name) - 1]

    def _add_device(self, device: Device) -> None:
        place = self.places.add("device", device.name, rate_bps=device.rate_bps)
        ring = device.ring_packets
        queues = [
            TxQueue(self.places.add("txq", f"txq {i}", parent=place, capacity=ring))
            for i in range(device.tx_queues)
        ]
        netdev = Netdev(
            self.sim,
            len(self.sim.devices) + 1,
            place,
            device.rate_bps,
            device.mtu_bytes,
            device.txqueuelen_packets,
            ring,
            device.limit_bytes,
            device.delay_ns,
            device.jitter_ns,
            device.loss_ppm,
            Rng(stream_seed(self.sim.seed, f"device {device.name}")),
            Array(queues),
            device.up,
        )
        netdev.instances = List()
        if not self.sim.devices:
            self.sim.first, self.sim.first_queue = netdev, queues[0]
        self.sim.devices.append(netdev)
        self.sim.hook_ctx.append(Ctx.__new__(Ctx))
        self.sim.hook_places.append(place)

    def _in_order(self) -> list[model.Qdisc]:
        """Return the qdiscs, parents before children, else as written."""
        depth: dict[tuple[str, int], int] = {}
        by_handle = {(q.device, q.handle): q for q in self.scenario.qdiscs}

        def level(qdisc: model.Qdisc) -> int:
            key = (qdisc.device, qdisc.handle)
            if key not in depth:
                parent = by_handle.get((qdisc.device, qdisc.parent & 0xFFFF0000))
                top = qdisc.parent == ROOT or parent is None
                depth[key] = 0 if top or parent is None else level(parent) + 1
            return depth[key]

        return sorted(self.scenario.qdiscs, key=level)

    def add_qdisc(self, qdisc: model.Qdisc, *, attach: bool = True) -> Qdisc | None:
        """Build a qdisc with its classes and default children; not attached when an event will do that."""
        loaded = self.programs.of(qdisc.program)
        if loaded is None:
            return None
        target = f"{qdisc.device} {show_handle(qdisc.handle)}"
        program = loaded.program
        if program.function("enqueue") is None or program.function("dequeue") is None:
            self.note(
                "not-a-qdisc",
                f'qdisc {target}: program "{loaded.name}" has no enqueue and dequeue',
                qdisc.line,
            )
            return None
        parent = self.qdiscs.get((qdisc.device, qdisc.parent & 0xFFFF0000))
        if qdisc.parent == ROOT:
            parent = None
        level = parent.level + 1 if parent is not None else 0
        if level >= LEVELS_MAX:
            message = (
                f"qdisc {target} is nested {level + 1} deep, at most {LEVELS_MAX} are simulated"
            )
            self.note("limit-depth", message, qdisc.line)
            return None
        node = self._make_qdisc(qdisc, loaded, target, parent, level)
        if node is None:
            return None
        self._add_classes(qdisc, node, loaded)
        if attach:
            self._attach(node, qdisc)
        return node

    def _make_qdisc(
        self,
        qdisc: model.Qdisc,
        loaded: Loaded,
        target: str,
        parent: Qdisc | None,
        level: int,
    ) -> Qdisc | None:
        device = self.model_device(qdisc.device)
        ifindex = self.ifindex(qdisc.device)
        netdev = self.device(qdisc.device)
        place = self.places.add(
            "qdisc",
            show_handle(qdisc.handle),
            program=loaded.name,
            parent=netdev.place if parent is None else parent.place,
            handle=show_handle(qdisc.handle),
            classid=show_handle(qdisc.parent) if parent is not None else "root",
            device=qdisc.device,
            queue=qdisc.queue,
        )
        built = self._instance(qdisc, loaded, target, place, device)
        if parent is not None:
            if qdisc.program.origin == "shared":
                message = f"qdisc {target}: a shared program can only be a root qdisc"
                hint = "name the library program or file instead, for an instance of its own"
                self.note("shared-child", message, qdisc.line, hint)
                return None
            built.instance.gauge.parent = parent.instance.gauge
        pool = self.sim.pool
        pool.levels = max(pool.levels, level + 1)
        ctx = self.context(built, netdev, device, qdisc.handle)
        assert built.classes is not None
        node = Qdisc(
            self.sim,
            len(self.sim.qdiscs),
            place,
            qdisc.handle,
            ifindex,
            qdisc.queue,
            level,
            built.instance,
            ctx,
            built.classes,
            parent,
            qdisc.parent if parent is not None else 0,
        )
        node.filters = List()
        ctx.qdisc = node
        self.places.table[place]["instance"] = built.instance.place
        if self.places.table[built.instance.place]["qdisc"] < 0:
            self.places.table[built.instance.place]["qdisc"] = place
        built.instance.users.append(node)
        self.sim.qdiscs.append(node)
        self.qdiscs[qdisc.device, qdisc.handle] = node
        self.targets[node.index] = built
        return node

    def _instance(
        self, qdisc: model.Qdisc, loaded: Loaded, target: str, place: int, device: Device
    ) -> Built:
        if qdisc.program.origin == "shared":
            return self.shared(qdisc.program, loaded, device)
        program = loaded.program
        params = values_of(
            program.params, qdisc.options, device, target, self.overrides, self.problems
        )
        width = program.class_record.words if program.class_record is not None else 0
        classes = ClassTable(self.sim.trace, place, width)
        classes.open()
        built = build_instance(self.sim, self.places, loaded, target, params, classes)
        built.classes = classes
        self.built[target] = built
        return built

    def shared(self, ref: ProgramRef, loaded: Loaded, device: Device | None) -> Built:
        """Return the one instance of a `[program]` entry, built on first use."""
        if ref.name in self.built:
            return self.built[ref.name]
        entry = self.programs.shared[ref.name]
        program = loaded.program
        params = values_of(
            program.params, entry.options, device, ref.name, self.overrides, self.problems
        )
        width = program.class_record.words if program.class_record is not None else 0
        classes = ClassTable(self.sim.trace, 0, width)
        classes.open()
        built = build_instance(self.sim, self.places, loaded, ref.name, params, classes)
        classes.place = built.instance.place
        built.classes = classes
        self.built[ref.name] = built
        return built

    def context(self, built: Built, netdev: Netdev, device: Device, handle: int = 0) -> Ctx:
        """Return the context of a qdisc or hook on a device."""
        return Ctx(
            built.instance,
            classid=handle,
            dev_ifindex=netdev.ifindex,
            dev_mtu=device.mtu_bytes,
            dev_txqueuelen=device.txqueuelen_packets,
            dev_num_tx_queues=device.tx_queues,
            dev_rate_bps=device.rate_bps,
            qdisc=None,
        )

    def _attach(self, node: Qdisc, qdisc: model.Qdisc) -> None:
        """Put a qdisc in its place: under a class, at the root, or at one tx queue."""
        netdev = self.device(qdisc.device)
        netdev.instances.append(node.instance)
        if node.parent is not None:
            found = node.parent.classes.find(qdisc.parent)
            if found is None:
                found = self._add_class(node.parent, qdisc.parent, Options(), qdisc.line)
            found.child = node
        elif qdisc.queue < 0:
            netdev.shared_root = node
        else:
            netdev.queues[qdisc.queue].root = node

    def _add_classes(self, qdisc: model.Qdisc, node: Qdisc, loaded: Loaded) -> None:
        """Create the classes of a qdisc: declared by the program, then by the scenario; with children."""
        attached = {q.parent for q in self.scenario.qdiscs if q.device == qdisc.device}
        declared = loaded.program.children
        kind, options = DEFAULT_CHILD, Options()
        if declared is not None:
            kind = declared.kind
            values = dict(
                zip((p.name for p in loaded.program.params), node.instance.params, strict=True)
            )
            if declared.limit is not None:
                limit = (
                    declared.limit if isinstance(declared.limit, int) else values[declared.limit]
                )
                options = Options(settings=(Setting(name="limit", value=limit),))
            count = declared.count if isinstance(declared.count, int) else values[declared.count]
            for minor in range(1, count + 1):
                self._add_class(node, qdisc.handle | minor, Options(), qdisc.line)
        for one in self.scenario.classes:
            if one.device == qdisc.device and one.classid & 0xFFFF0000 == qdisc.handle:
                self._add_class(node, one.classid, one.options, one.line)
        if declared is None and not loaded.uses & WITH_CHILDREN:
            return
        for tc_class in list(node.classes.items):
            if tc_class.classid not in attached and tc_class.child is None:
                self._default_child(qdisc, node, tc_class, kind, options)

    def _add_class(self, node: Qdisc, classid: int, options: Options, line: int) -> TcClass:
        """Create a class with the first values of the program's record for it."""
        found = node.classes.find(classid)
        if found is not None:
            return found
        built = self.targets[node.index]
        target = f"{built.name.split(' ')[0]} {show_handle(classid)}"
        record = built.loaded.program.class_record
        values = initial_words(record) if record is not None else Array[int](0)
        if record is not None:
            values[0] = classid
            fields = [one for one in record.fields if one.param is not None]
            params = tuple(one.param for one in fields if one.param is not None)
            device = self.scenario.devices[node.ifindex - 1]
            given = values_of(params, options, device, target, self.overrides, self.problems)
            for one, value in zip(fields, given, strict=True):
                values[one.offset] = value
        elif options.settings or options.words:
            message = f'class {target}: program "{built.loaded.name}" has no class parameters'
            self.note("unknown-option", message, line)
        place = self.places.add("class", show_handle(classid), parent=node.place, qdisc=node.place)
        tc_class = TcClass(classid, place)
        node.classes.add(tc_class, values)
        return tc_class

    def _default_child(
        self, qdisc: model.Qdisc, node: Qdisc, tc_class: TcClass, kind: str, options: Options
    ) -> None:
        """Give a class the child the kernel would make for it."""
        child = model.Qdisc(
            device=qdisc.device,
            handle=self._free_handle(qdisc.device),
            parent=tc_class.classid,
            program=ProgramRef(origin="library", name=kind),
            options=options,
            line=qdisc.line,
        )
        self.add_qdisc(child)

    def _free_handle(self, device: str) -> int:
        used = {q.handle for q in self.scenario.qdiscs if q.device == device}
        handle = DEFAULT_HANDLE
        while (device, handle) in self.qdiscs or handle in used:
            handle += 0x10000
        return handle

    def _default_roots(self, device: Device) -> None:
        """Give every tx queue without a qdisc the default, as the kernel does."""
        netdev = self.device(device.name)
        if netdev.shared_root is not None:
            return
        bare = [i for i, queue in enumerate(netdev.queues) if queue.root is None]
        if any(q.device == device.name and q.parent == ROOT for q in self.scenario.qdiscs):
            roots = [q.queue for q in self.scenario.qdiscs if q.device == device.name]
            bare = [i for i in bare if i not in roots and -1 not in roots]
        elif len(bare) == len(netdev.queues):
            bare = [-1]
        for index in bare:
            self.add_qdisc(
                model.Qdisc(
                    device=device.name,
                    handle=self._free_handle(device.name),
                    parent=ROOT,
                    queue=index,
                    program=ProgramRef(origin="library", name=DEFAULT_CHILD),
                )
            )

    def _share(self) -> None:
        """List the instances that more than one qdisc or a hook uses: a push wakes every device behind them."""
        hooks = [device.egress for device in self.sim.devices if device.egress is not None]
        for instance in self.sim.instances:
            if len(instance.users) > 1 or (instance in hooks and len(instance.users) > 0):
                self.sim.shared.append(instance)

    def note(self, slug: str, message: str, line: int, hint: str = "") -> None:
        """Note a problem of the scenario."""
        self.problems.append(
            Diagnostic(
                slug=slug, message=message, line=line, end_line=line, hint=hint, source="scenario"
            )
        )

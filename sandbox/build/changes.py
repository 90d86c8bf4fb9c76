"""Events of the scenario → changes on the simulator's heap."""

from __future__ import annotations

from sandbox.build.hooks import add_filter
from sandbox.build.instances import Built
from sandbox.build.network import Network
from sandbox.core import kinds
from sandbox.core.changes import TC_FILTER_ADD, TC_FILTER_DEL, TC_GRAFT, Change
from sandbox.core.dialect import Array
from sandbox.core.events import EV_CHANGE
from sandbox.core.tables import Table
from sandbox.diagnostics import Diagnostic
from sandbox.language.tree import Param
from sandbox.scenario import model
from sandbox.scenario.model import Event
from sandbox.scenario.options import did_you_mean, parse_base
from sandbox.units import UnitError


class Changes:
    """Turns events into changes and schedules them; `items` is indexed by the heap's `EV_CHANGE` entries."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.items: list[Change] = []

    def build(self) -> None:
        """Schedule every event of the scenario."""
        for event in self.network.scenario.events:
            for change in self.of(event):
                index = len(self.items)
                self.items.append(change)
                self.network.sim.schedule(event.at_ns, EV_CHANGE, index)

    def of(self, event: Event) -> list[Change]:
        """Return what an event changes; what is wrong with it goes to the network's problems."""
        number = event.number
        match event.do:
            case "link-down" | "link-up":
                change = self._device(kinds.E_LINK, event, number)
                change.on = event.do == "link-up"
                return [change]
            case "rate":
                change = self._device(kinds.E_RATE, event, number)
                change.value = event.rate_bps
                return [change]
            case "flow" | "burst":
                return [self._flow(event, number)]
            case "param":
                return self._param(event, number)
            case "map-update":
                return self._map_update(event, number)
            case "tc":
                return [c for command in event.commands for c in self._tc(command, number)]

    def _device(self, kind: int, event: Event, number: int) -> Change:
        netdev = self.network.device(event.device)
        return Change(kind, number, netdev.place, netdev.ifindex)

    def _flow(self, event: Event, number: int) -> Change:
        names = [flow.name for flow in self.network.scenario.flows]
        index = names.index(event.flow)
        device = self.network.device(self.network.scenario.flows[index].device)
        kind = kinds.E_FLOW if event.do == "flow" else kinds.E_BURST
        change = Change(kind, number, device.place, index, event.on)
        change.value = event.rate_bps
        change.interval_ns = event.interval_ns
        change.packets = event.packets
        change.len_bytes = event.len_bytes
        return change

    def _target(self, event: Event) -> Built | None:
        built = self.network.built.get(event.target)
        if built is None:
            known = list(self.network.built)
            self._note(
                "unknown-target",
                f'there is no program instance "{event.target}"',
                event.line,
                did_you_mean(event.target, known),
            )
        return built

    def _param(self, event: Event, number: int) -> list[Change]:
        device, _, classid = event.target.partition(" ")
        if classid and not classid.endswith(":"):
            return self._class_param(event, number, device, classid)
        built = self._target(event)
        if built is None:
            return []
        params = built.loaded.program.params
        names = [param.name for param in params]
        if event.name not in names:
            self._unknown(event, names)
            return []
        index = names.index(event.name)
        value = self._value(params[index], event)
        change = Change(kinds.E_PARAM, number, built.instance.place, index)
        change.instance = built.instance
        if isinstance(value, tuple):
            change.values = Array(list(value))
        else:
            change.value = value
        return [change]

    def _class_param(self, event: Event, number: int, device: str, text: str) -> list[Change]:
        major, _, minor = text.partition(":")
        handle = int(major, 16) << 16
        node = self.network.qdiscs.get((device, handle))
        if node is None:
            self._target(event)
            return []
        built = self.network.targets[node.index]
        record = built.loaded.program.class_record
        fields = {f.name: f for f in record.fields if f.param is not None} if record else {}
        found = fields.get(event.name)
        if found is None or found.param is None:
            self._unknown(event, list(fields))
            return []
        value = self._value(found.param, event)
        change = Change(kinds.E_PARAM, number, node.place, found.offset)
        change.qdisc = node
        change.classid = handle | int(minor, 16)
        change.value = value if isinstance(value, int) else value[0]
        return [change]

    def _value(self, param: Param, event: Event) -> int | tuple[int, ...]:
        try:
            return parse_base(param, event.value)
        except UnitError as error:
            self._note("parameter-value", f"{event.target}.{event.name}: {error}", event.line)
            return 0

    def _map_update(self, event: Event, number: int) -> list[Change]:
        built = self._target(event)
        if built is None:
            return []
        table = built.maps.get(event.name)
        if table is None:
            self._unknown(event, list(built.maps))
            return []
        if not isinstance(table, Table):
            self._note(
                "map-update-refused",
                f'map "{event.name}": operation not supported',
                event.line,
                "hash maps and arrays can be updated; packets and the ints of queues come from programs",
            )
            return []
        change = Change(kinds.E_MAP, number, built.map_places[event.name])
        change.index = built.instance.tables.index(table)
        change.instance = built.instance
        change.key = event.key
        change.on = not event.delete
        words = event.value if isinstance(event.value, tuple) else (event.value,)
        if not event.delete and len(words) > table.width:
            message = f'map "{event.name}": {len(words)} words, a value has {table.width}'
            self._note("map-update-refused", message, event.line)
            return []
        change.values = Array([int(word) for word in words])
        return [change]

    def _tc(self, command: model.Command, number: int) -> list[Change]:
        """Build what a tc line of an event needs beforehand; the change puts it in place."""
        subject = command.subject
        if isinstance(subject, model.Filter):
            return self._tc_filter(command.verb, subject, number)
        if isinstance(subject, model.Qdisc) and command.verb in ("add", "replace"):
            node = self.network.add_qdisc(subject, attach=False)
            if node is None:
                return []
            node.alive = False
            change = Change(kinds.E_TC, number, node.place)
            change.tc = TC_GRAFT
            change.qdisc = node
            return [change]
        if isinstance(subject, model.Class) and command.verb in ("change", "replace"):
            return self._tc_class(subject, number)
        self._note(
            "tc-event",
            f"this tc {command.verb} cannot be done while the simulation runs",
            command.line,
            "filters can be added and deleted, qdiscs added or replaced, classes changed",
        )
        return []

    def _tc_filter(self, verb: str, subject: model.Filter, number: int) -> list[Change]:
        qdisc = self.network.qdiscs.get((subject.device, subject.parent & 0xFFFF0000))
        if qdisc is None:
            return []
        change = Change(kinds.E_TC, number, qdisc.place)
        change.qdisc = qdisc
        if verb == "del":
            change.tc = TC_FILTER_DEL
            change.value = subject.prio
        else:
            change.tc = TC_FILTER_ADD
            change.filter = add_filter(self.network, subject, attach=False)
        return [change]

    def _tc_class(self, subject: model.Class, number: int) -> list[Change]:
        changes: list[Change] = []
        text = f"{subject.classid >> 16:x}:{subject.classid & 0xFFFF:x}"
        words = subject.options.words
        for name, value in zip(words[::2], words[1::2], strict=False):
            event = Event(
                at_ns=0,
                do="param",
                target=f"{subject.device} {text}",
                name=name.text,
                value=value.text,
                line=subject.line,
            )
            changes.extend(self._class_param(event, number, subject.device, text))
        return changes

    def _unknown(self, event: Event, known: list[str]) -> None:
        message = f'{event.target} has no "{event.name}"'
        self._note("unknown-target", message, event.line, did_you_mean(event.name, known))

    def _note(self, slug: str, message: str, line: int, hint: str = "") -> None:
        self.network.problems.append(
            Diagnostic(
                slug=slug, message=message, line=line, end_line=line, hint=hint, source="scenario"
            )
        )

"""Read `[[event]]`.

What happens to devices, flows, parameters, maps and tc objects during the run.
"""

from __future__ import annotations

from typing import Any

from sandbox.scenario import keys
from sandbox.scenario.attach import Attachments, over_limit
from sandbox.scenario.lines import Path
from sandbox.scenario.model import MAX_EVENTS, Event
from sandbox.scenario.options import did_you_mean
from sandbox.scenario.reader import Problems, Read, dotted, read_table, show_classid
from sandbox.scenario.tc.commands import parse_lines
from sandbox.units import UnitError, shown

MAX_VALUE_WORDS = 256

# Which keys each kind of event takes, and which of them it must have.
_TAKES: dict[str, tuple[set[str], set[str]]] = {
    "link-down": ({"device"}, set()),
    "link-up": ({"device"}, set()),
    "rate": ({"device", "rate"}, {"rate"}),
    "flow": ({"flow", "on", "rate", "interval"}, {"flow"}),
    "burst": ({"flow", "packets", "size"}, {"flow", "packets"}),
    "param": ({"target", "name", "value"}, {"target", "name", "value"}),
    "map-update": ({"target", "map", "key", "value", "delete"}, {"target", "map", "key"}),
    "tc": ({"tc"}, {"tc"}),
}


def read_events(problems: Problems, data: object, attached: Attachments) -> tuple[Event, ...]:
    """Return the events in order of time; events of one moment keep the order of the text."""
    if not isinstance(data, list):
        problems.add(
            "wrong-type", ("event",), "event is not a list", "events are written [[event]]"
        )
        return ()
    over_limit(problems, ("event",), len(data), MAX_EVENTS)
    events: list[Event] = []
    for index, raw in enumerate(data[:MAX_EVENTS]):
        path: Path = ("event", index)
        values = read_table(problems, keys.EVENT, raw, path)
        if values is None or "at" not in values or "do" not in values or not isinstance(raw, dict):
            continue
        if not _fits(problems, values["do"], raw, path):
            continue
        fields = _fields(problems, values, path, attached)
        if fields is not None:
            for name in attached.flows_of(fields.get("flow", "")):
                fields["flow"] = name
                line, number = problems.line(path), len(events)
                events.append(
                    Event(at_ns=values["at"], do=values["do"], number=number, line=line, **fields)
                )
    return tuple(sorted(events, key=lambda event: event.at_ns))


def _fits(problems: Problems, do: str, raw: dict[str, Any], path: Path) -> bool:
    takes, needs = _TAKES[do]
    wrong = [key for key in raw if key not in takes | {"at", "do"}]
    for key in wrong:
        known = ", ".join(sorted(takes))
        message = f"{dotted(path)}: {shown(key)} means nothing for do = {shown(do)}"
        problems.add("unknown-key", (*path, key), message, f"it takes {known}")
    missing = [key for key in sorted(needs) if key not in raw]
    for key in missing:
        problems.add("missing-key", path, f'{dotted(path)}: do = "{do}" needs {key}')
    return not wrong and not missing


def _fields(
    problems: Problems, values: Read, path: Path, attached: Attachments
) -> dict[str, Any] | None:
    do = values["do"]
    if do in ("link-down", "link-up", "rate"):
        device = values.get("device", "")
        if not device and len(attached.devices) == 1:
            device = attached.devices[0]
        if device not in attached.devices:
            if device:
                attached.unknown_device(device, (*path, "device"))
            else:
                problems.add("missing-key", path, f"{dotted(path)} does not say which device")
            return None
        return {"device": device, "rate_bps": values.get("rate", 0)}
    if do in ("flow", "burst"):
        flow = values["flow"]
        if flow not in attached.flows:
            hint = did_you_mean(flow, attached.flows)
            problems.add("unknown-flow", (*path, "flow"), f"no flow {shown(flow)}", hint)
            return None
        if do == "flow":
            return {
                "flow": flow,
                "on": values.get("on", True),
                "rate_bps": values.get("rate", 0),
                "interval_ns": values.get("interval", 0),
            }
        return {
            "flow": flow,
            "packets": values["packets"],
            "len_bytes": values.get("size", 0),
        }
    if do == "tc":
        line, column = problems.places.text_start((*path, "tc"))
        commands, found = parse_lines(
            values["tc"],
            devices=attached.devices,
            programs=attached.programs,
            line=line,
            column=column,
        )
        for diagnostic in found:
            problems.put(diagnostic)
        return {"commands": commands}
    return _update(problems, values, path, attached)


def _update(
    problems: Problems, values: Read, path: Path, attached: Attachments
) -> dict[str, Any] | None:
    target = values["target"]
    if target not in attached.programs:
        address = attached.address(target, (*path, "target"))
        if address is None:
            return None
        target = f"{address[0]} {show_classid(address[1])}"
    fields: dict[str, Any] = {"target": target}
    if values["do"] == "param":
        fields |= {"name": values["name"]}
    else:
        fields |= {"name": values["map"], "key": values["key"], "delete": values["delete"]}
        if ("value" in values) == values["delete"]:
            problems.add("bad-value", path, f"{dotted(path)} needs either value or delete = true")
            return None
    if "value" in values:
        try:
            fields["value"] = _value(values["value"])
        except UnitError as error:
            problems.bad((*path, "value"), error)
            return None
    return fields


def _value(raw: object) -> object:
    items = raw if isinstance(raw, list) else [raw]
    if len(items) > MAX_VALUE_WORDS or not all(isinstance(item, int | str) for item in items):
        raise UnitError(f"{shown(raw)} is not a number, text, flag or list of numbers")
    for item in items:
        if isinstance(item, int) and not -(2**63) <= item < 2**64:
            raise UnitError(f"{shown(item)} does not fit 64 bits")
    return tuple(items) if isinstance(raw, list) else raw

"""Read `[flow]`.

Sources with their pace, sizes and headers; a replay becomes one script per header tuple.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from fractions import Fraction
from typing import Any

from sandbox import units
from sandbox.scenario import keys
from sandbox.scenario.attach import entries
from sandbox.scenario.lines import Path
from sandbox.scenario.model import (
    MAX_FLOWS,
    MAX_LEN_BYTES,
    MAX_PACKETS,
    MIN_LEN_BYTES,
    NS_PER_S,
    Arrivals,
    Device,
    Flow,
    Size,
)
from sandbox.scenario.options import did_you_mean
from sandbox.scenario.reader import Problems, Read, dotted, read_table
from sandbox.scenario.recording import Recording, ReplayError, scaled
from sandbox.scenario.replay import read_recording
from sandbox.units import UnitError, shown

ETHERNET_BYTES = 14
SPORT_BASE, DPORT_BASE = 10_000, 20_000
MAX_SIZES = 64
# The classic mix of Internet packet sizes: 40, 576 and 1500 bytes of IP as 7:4:1.
IMIX = (
    Size(len_bytes=60, weight=7),
    Size(len_bytes=590, weight=4),
    Size(len_bytes=1514, weight=1),
)
DEFAULT_ADDRESSES = {4: (0x0A000001, 0x0A000002), 6: (0xFD << 120 | 1, 0xFD << 120 | 2)}

_USES = {
    "cbr": {"rate", "pps", "interval"},
    "poisson": {"rate", "pps", "interval"},
    "onoff": {"rate", "pps", "interval", "on", "off", "distribution", "shape"},
    "burst": {"burst", "period"},
    "script": {"times", "loop"},
    "replay": {"file", "scale", "loop"},
}
_OWNED = set().union(*_USES.values())


class FlowReader:
    """Reads the flows of a scenario; it knows the devices and the input files."""

    def __init__(
        self, problems: Problems, devices: Sequence[Device], files: Mapping[str, bytes]
    ) -> None:
        self.problems = problems
        self.devices = {device.name: device for device in devices}
        self.files = files
        self.flows: list[Flow] = []
        self.names: set[str] = set()
        self.groups: dict[str, tuple[str, ...]] = {}

    def read(self, data: object) -> tuple[Flow, ...]:
        """Return all flows in order; replays take the place of their table."""
        found = list(entries(self.problems, data, ("flow",), MAX_FLOWS))
        replayed = {name for name, raw, _ in found if _is_replay(raw)}
        self.names = {name for name, _, _ in found} - replayed
        for name, raw, path in found:
            values = read_table(self.problems, keys.FLOW, raw, path)
            if values is None or "model" not in values or not isinstance(raw, dict):
                continue
            if self._misplaced(values["model"], raw, path):
                continue
            self._read_one(name, values, path)
        if len(self.flows) > MAX_FLOWS:
            message = f"there are {len(self.flows)} flows with those of replays"
            self.problems.add("limit-scenario", ("flow",), f"{message}, the limit is {MAX_FLOWS}")
        return tuple(self.flows[:MAX_FLOWS])

    def _misplaced(self, model: str, raw: dict[str, Any], path: Path) -> bool:
        wrong = [key for key in raw if key in _OWNED and key not in _USES[model]]
        for key in wrong:
            users = sorted(m for m, used in _USES.items() if key in used)
            message = f"{dotted(path)}: {shown(key)} means nothing for model {shown(model)}"
            self.problems.add(
                "unknown-key", (*path, key), message, f"it belongs to {', '.join(users)}"
            )
        return bool(wrong)

    def _read_one(self, name: str, values: Read, path: Path) -> None:
        device = self._device(values, path)
        if device is None:
            return
        try:
            fields = self._headers(values) | {"sizes": _sizes(values.get("size", "1514b"))}
            self._check_sizes(fields["sizes"], device)
            self._check_queue(fields, device)
            model = values["model"]
            if model in ("cbr", "poisson", "onoff"):
                fields |= _pace(values)
            if model == "onoff":
                fields |= _periods(values)
            elif model == "burst":
                if "burst" not in values:
                    raise UnitError("a burst flow needs burst, its number of packets")
                fields |= {"burst_packets": values["burst"], "period_ns": values.get("period", 0)}
            elif model == "script":
                fields |= _script(values, fields["sizes"])
            fields |= _schedule(values)
        except UnitError as error:
            self.problems.bad(path, error)
            return
        base = Flow(
            name=name,
            model="script" if model == "replay" else model,
            device=device.name,
            line=self.problems.line(path),
            **fields,
        )
        if model == "replay":
            self._replay(base, values, path, device)
        else:
            self.flows.append(self._numbered(base, {k for k in fields if k in values}))

    def _device(self, values: Read, path: Path) -> Device | None:
        if "device" in values:
            device = self.devices.get(values["device"])
            if device is None:
                hint = did_you_mean(values["device"], self.devices)
                message = f"no device {shown(values['device'])}"
                self.problems.add("unknown-device", (*path, "device"), message, hint)
            return device
        if len(self.devices) == 1:
            return next(iter(self.devices.values()))
        hint = "write for example device = " + shown(next(iter(self.devices), "eth0"))
        self.problems.add("missing-key", path, f"{dotted(path)} does not say which device", hint)
        return None

    def _headers(self, values: Read) -> dict[str, Any]:
        versions = {values[side].version for side in ("src", "dst") if side in values}
        if len(versions) > 1:
            raise UnitError("src and dst are of different IP versions")
        version = versions.pop() if versions else 4
        source, target = DEFAULT_ADDRESSES[version]
        fields: dict[str, Any] = {
            "ip_version": version,
            "src_ip": int(values["src"].ip) if "src" in values else source,
            "dst_ip": int(values["dst"].ip) if "dst" in values else target,
            "ecn": keys.ECN_BITS[values["ecn"]],
        }
        for name in ("sport", "dport", "l4", "priority", "mark", "dscp", "vlan", "queue"):
            if name in values:
                fields[name] = values[name]
        fields["deadline_ns"] = values.get("deadline", 0)
        return fields

    def _numbered(self, flow: Flow, given: AbstractSet[str]) -> Flow:
        """Give the ports that the scenario left out: distinct ones by the flow's index."""
        index = len(self.flows)
        if "sport" not in given:
            flow = replace(flow, sport=SPORT_BASE + index)
        if "dport" not in given:
            flow = replace(flow, dport=DPORT_BASE + index)
        return flow

    def _free_name(self, base: str, part: str) -> str:
        wanted = f"{base}.{part}" if part else base
        name, number = wanted, 1
        while name in self.names:
            number += 1
            name = f"{wanted}-{number}"
        self.names.add(name)
        return name

    def _check_sizes(self, sizes: Sequence[Size], device: Device) -> None:
        longest = max(size.len_bytes for size in sizes)
        if longest > device.mtu_bytes + ETHERNET_BYTES:
            raise UnitError(
                f"size {longest}b does not fit mtu {device.mtu_bytes} of {device.name}",
                f'give the device mtu = "{longest - ETHERNET_BYTES}b" or send at most '
                f'"{device.mtu_bytes + ETHERNET_BYTES}b" (the Ethernet header counts)',
            )

    def _check_queue(self, fields: Read, device: Device) -> None:
        if fields.get("queue", 0) >= device.tx_queues:
            raise UnitError(
                f"queue {fields['queue']} does not exist on {device.name}",
                f"its tx queues are 0 to {device.tx_queues - 1}",
            )

    def _replay(self, base: Flow, values: Read, path: Path, device: Device) -> None:
        where = (*path, "file")
        name = values.get("file", "")
        if not name:
            self.problems.add("missing-key", path, f"{dotted(path)} has no file to replay")
            return
        if name not in self.files:
            hint = did_you_mean(name, self.files) or "put it beside the scenario, or upload it"
            self.problems.add("missing-file", where, f"no file {shown(name)}", hint)
            return
        try:
            scale = _fraction(values.get("scale", 1), "scale")
            if not Fraction(1, 10**6) <= scale <= 10**6:
                raise UnitError("scale is not between 0.000001 and 1000000")
            recording = read_recording(self.files[name])
        except (UnitError, ReplayError) as error:
            message = f"{dotted(path)}: {shown(name)}: {error.message}"
            self.problems.add("bad-replay", where, message, error.hint)
            return
        if recording.skipped:
            message = f"{recording.skipped} packets of {shown(name)} are left out"
            hint = "they are not UDP or TCP over IP"
            self.problems.add("replay-left-out", where, message, hint, "advice")
        self._streams(base, values, recording, scale, path, device)

    def _streams(
        self,
        base: Flow,
        values: Read,
        recording: Recording,
        scale: Fraction,
        path: Path,
        device: Device,
    ) -> None:
        gap = recording.last_ns // max(1, recording.packets - 1)
        loop_ns = int((recording.last_ns + max(1, gap)) * scale) if values.get("loop") else 0
        streams = list(recording.streams.values())
        if len(self.flows) + len(streams) > MAX_FLOWS:
            message = f"{dotted(path)} has {len(streams)} flows, the limit is {MAX_FLOWS} in all"
            self.problems.add("limit-scenario", path, message)
            return
        for stream in streams:
            longest = Size(len_bytes=max(stream.arrivals.lens_bytes))
            try:
                self._check_sizes([longest], device)
            except UnitError as error:
                self.problems.bad(path, error)
                return
            flow = replace(
                base,
                name=self._free_name(base.name, "" if len(streams) == 1 else stream.name),
                arrivals=scaled(stream.arrivals, scale.numerator, scale.denominator),
                loop_ns=loop_ns,
                **stream.fields,
            )
            given = (values.keys() | stream.fields.keys()) & {"sport", "dport"}
            self.flows.append(self._numbered(flow, given))
        if len(streams) > 1:
            self.groups[base.name] = tuple(flow.name for flow in self.flows[-len(streams) :])


def _is_replay(raw: object) -> bool:
    return isinstance(raw, dict) and raw.get("model") == "replay"


def _pace(values: Read) -> dict[str, int]:
    ways = [way for way in ("rate", "pps", "interval") if way in values]
    if len(ways) != 1:
        raise UnitError(
            f"model {shown(values['model'])} needs one of rate, pps and interval",
            'write for example rate = "8mbit"',
        )
    if "rate" in values:
        return {"rate_bps": values["rate"]}
    if "pps" in values:
        return {"interval_ns": max(1, round(Fraction(NS_PER_S, values["pps"])))}
    return {"interval_ns": values["interval"]}


def _periods(values: Read) -> dict[str, Any]:
    if "on" not in values or "off" not in values:
        raise UnitError("an onoff flow needs on and off, its mean times")
    fields: dict[str, Any] = {
        "on_ns": values["on"],
        "off_ns": values["off"],
        "distribution": values["distribution"],
    }
    if "shape" in values:
        shape = round(_fraction(values["shape"], "shape") * 1000)
        if not 1001 <= shape <= 100_000:
            raise UnitError(f"shape {shown(values['shape'])} is not above 1 and at most 100")
        fields["shape_milli"] = shape
    return fields


def _schedule(values: Read) -> dict[str, Any]:
    fields = {"start_ns": values["start"], "count": values["count"], "on": values["enabled"]}
    if "stop" in values:
        if values["stop"] <= values["start"]:
            raise UnitError("stop is not after start")
        fields["stop_ns"] = values["stop"]
    return fields


def _script(values: Read, sizes: Sequence[Size]) -> dict[str, Any]:
    raw = values.get("times")
    if not isinstance(raw, list) or not raw:
        raise UnitError(
            "a script flow needs times, a list", 'write for example times = ["0ms", "5ms"]'
        )
    if len(raw) > MAX_PACKETS:
        raise UnitError(f"times has {len(raw)} items, the limit is {MAX_PACKETS}")
    times, lens = array("q"), array("q")
    for item in raw:
        time, size = item if isinstance(item, list) and len(item) == 2 else (item, None)
        times.append(units.parse_time_ns(time))
        lens.append(sizes[0].len_bytes if size is None else _length(size))
        if len(times) > 1 and times[-1] < times[-2]:
            raise UnitError(f"times go back at {shown(time)}", "write them in ascending order")
    gap = times[-1] // max(1, len(times) - 1)
    loop_ns = times[-1] + max(1, gap) if values.get("loop") else 0
    return {"arrivals": Arrivals(times_ns=times, lens_bytes=lens), "loop_ns": loop_ns}


def _length(raw: object) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int | str):
        raise UnitError(f"{shown(raw)} is not a size", 'write for example "1514b"')
    length = units.parse_size_bytes(raw)
    if not MIN_LEN_BYTES <= length <= MAX_LEN_BYTES:
        raise UnitError(
            f"size {shown(raw)} is not in {MIN_LEN_BYTES}b to {MAX_LEN_BYTES}b",
            "sizes count the 14-byte Ethernet header",
        )
    return length


def _sizes(raw: object) -> tuple[Size, ...]:
    """Return sizes with weights from "1514b", "imix", ["60b", "1514b"] or [["60b", 7], ["1514b", 1]]."""
    if raw == "imix":
        return IMIX
    if not isinstance(raw, list):
        return (Size(len_bytes=_length(raw)),)
    if not 0 < len(raw) <= MAX_SIZES:
        raise UnitError(f"size has {len(raw)} items, expected 1 to {MAX_SIZES}")
    sizes = []
    for item in raw:
        size, weight = item if isinstance(item, list) and len(item) == 2 else (item, 1)
        if isinstance(weight, bool) or not isinstance(weight, int) or not 1 <= weight <= 10**6:
            raise UnitError(f"weight {shown(weight)} is not a whole number from 1 to 1000000")
        sizes.append(Size(len_bytes=_length(size), weight=weight))
    return tuple(sizes)


def _fraction(raw: object, what: str) -> Fraction:
    text = str(raw) if isinstance(raw, int | float | str) and not isinstance(raw, bool) else ""
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        raise UnitError(f"{what} {shown(raw)} is not a number", "write for example 1.5")
    return Fraction(text)

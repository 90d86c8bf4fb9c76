"""TOML text → Scenario: read, check and normalise everything that does not need a program."""

from __future__ import annotations

import contextlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.diagnostics import Diagnostic
from sandbox.scenario import keys
from sandbox.scenario.apply import apply_commands, check_tree
from sandbox.scenario.attach import Attachments, entries, over_limit
from sandbox.scenario.events import read_events
from sandbox.scenario.expect import read_expects
from sandbox.scenario.filters import FilterReader
from sandbox.scenario.flows import FlowReader
from sandbox.scenario.lines import Path
from sandbox.scenario.model import (
    MAX_DEVICES,
    MAX_SWEEP_POINTS,
    MAX_TEXT_BYTES,
    Axis,
    Device,
    Scenario,
)
from sandbox.scenario.reader import Problems, TooManyProblems, convert, dotted, read_table
from sandbox.scenario.tc.commands import parse_lines
from sandbox.units import UnitError, shown

_WHERE = re.compile(r"(.*?)\s*\(at (?:line (\d+), column (\d+)|end of document)\)\s*", re.DOTALL)
# tomllib's cost grows with the square of a dotted key's length, so long ones are refused unread.
MAX_KEY_PARTS = 16
_PART = r"""(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')"""
_LONG_KEY = re.compile(rf"(?<![A-Za-z0-9_-]){_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{{MAX_KEY_PARTS},}}")
_DEVICE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,14}")
_DEVICE_KEYS = {spec.name for spec in keys.DEVICE}
_SHORT_PATH = re.compile(r"(qdisc|class)\.([0-9a-fA-F]{1,4}:[0-9a-fA-F]{0,4}\..{1,80})")
_FLOW_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The scenario, None when any error was found, and everything there is to say about its text."""

    model: Scenario | None
    diagnostics: tuple[Diagnostic, ...]


def load(
    text: str | bytes,
    files: Mapping[str, bytes] | None = None,
    *,
    events: Sequence[Mapping[str, Any]] = (),
    seed: int | None = None,
    duration: str | None = None,
) -> Loaded:
    """Return the model of a scenario text.

    `files` are its input files by name. `events` are appended as if they were `[[event]]` tables;
    `seed` and `duration` replace those of the text.
    """
    data, problem = parse_toml(text)
    if data is None:
        return Loaded(model=None, diagnostics=(problem,) if problem else ())
    source = text if isinstance(text, str) else text.decode("utf-8")
    problems = Problems(source)
    if events:
        own = data.get("event", [])
        data["event"] = [*(own if isinstance(own, list) else [own]), *map(dict, events)]
    scenario = None
    with contextlib.suppress(TooManyProblems):
        scenario = _scenario(problems, data, files or {}, seed, duration)
    found = sorted(problems.found, key=lambda d: (d.line, d.column))
    return Loaded(model=None if problems.failed else scenario, diagnostics=tuple(found))


def parse_toml(text: str | bytes) -> tuple[dict[str, Any] | None, Diagnostic | None]:
    """Return the tables of a TOML text, or the one diagnostic that says why there are none."""
    size = len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_TEXT_BYTES:
        message = f"the scenario has {size} bytes, the limit is {MAX_TEXT_BYTES}"
        return None, _whole("limit-scenario", message, "move recorded traffic into a file")
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            return None, _whole("not-text", f"byte {error.start} is not UTF-8 text")
    long_key = _LONG_KEY.search(text)
    if long_key is not None:
        line = text.count("\n", 0, long_key.start()) + 1
        return None, Diagnostic(
            slug="toml-syntax",
            message=f"a key has more than {MAX_KEY_PARTS} parts with dots between them",
            line=line,
            end_line=line,
            source="scenario",
        )
    try:
        return tomllib.loads(text), None
    except tomllib.TOMLDecodeError as error:
        return None, _syntax(str(error), text)
    except RecursionError:
        return None, _whole("toml-syntax", "tables or lists are nested too deeply")
    except ValueError:  # tomllib lets this one of int() through
        return None, _whole("toml-syntax", "a number has too many digits")


def _whole(slug: str, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic(slug=slug, message=message, hint=hint, source="scenario")


def _syntax(message: str, text: str) -> Diagnostic:
    match = _WHERE.fullmatch(message)
    what = (match[1] if match else message)[:200]
    if match and match[2]:
        line, column = int(match[2]), int(match[3])
    else:
        line, column = text.count("\n") + 1, 1
    what = what[:1].lower() + what[1:]
    return Diagnostic(
        slug="toml-syntax",
        message=f"this is not TOML: {what}",
        line=line,
        column=column,
        end_line=line,
        end_column=column + 1,
        hint='texts and quantities stand in quotes: rate = "10mbit"',
        source="scenario",
    )


def _scenario(
    problems: Problems,
    data: dict[str, Any],
    files: Mapping[str, bytes],
    seed: int | None,
    duration: str | None,
) -> Scenario | None:
    top = read_table(problems, keys.SCENARIO, data, ())
    run = read_table(problems, keys.RUN, data.get("run", {}), ("run",))
    if top is None or run is None:
        return None
    if seed is not None:
        run["seed"] = min(max(seed, 0), 2**63 - 1)
    if duration is not None:
        try:
            run["duration"] = convert(keys.RUN[0], duration)
        except UnitError as error:
            problems.add("bad-value", (), f"duration: {error.message}", error.hint)
    devices = read_devices(problems, data["device"]) if "device" in data else ()
    reader = FlowReader(problems, devices, files)
    flows = reader.read(_flows(problems, data))
    names = tuple(device.name for device in devices)
    written = data["flow"] if isinstance(data.get("flow"), dict) else {}
    flow_names = dict.fromkeys([*(flow.name for flow in flows), *written])
    attached = Attachments(problems, names, tuple(flow_names), reader.groups)
    attached.read_programs(data.get("program", {}))
    scenario = Scenario(
        title=top.get("title", ""),
        summary=top["summary"],
        look_for=top["look_for"],
        story=top["story"],
        by=top["by"],
        duration_ns=run.get("duration", 0),
        seed=run.get("seed", 1),
        devices=devices,
        programs=tuple(attached.programs.values()),
        qdiscs=tuple(attached.read_qdiscs(data.get("qdisc", {}))),
        classes=tuple(attached.read_classes(data.get("class", {}))),
        filters=tuple(FilterReader(problems, attached).read(data.get("filter", []))),
        egress=tuple(attached.read_egress(data.get("egress", {}))),
        flows=flows,
        events=read_events(problems, data.get("event", []), attached),
        sweep=read_sweep(problems, data.get("sweep", {}), names),
        expects=read_expects(problems, data.get("expect", []), attached),
        expect_error=top["expect_error"],
    )
    scenario = _with_tc(problems, scenario, top["tc"], attached)
    check_tree(problems, scenario)
    return scenario


def _flows(problems: Problems, data: dict[str, Any]) -> object:
    flows = data.get("flow", {})
    if isinstance(flows, dict):
        for name in flows:
            if not _FLOW_NAME.fullmatch(name):
                hint = "use 1 to 40 letters, digits, _ and -"
                path = ("flow", name)
                problems.add("bad-name", path, f"{shown(name)} is not a flow name", hint)
        if not flows:
            hint = 'write for example bulk = { model = "cbr", rate = "8mbit" } under [flow]'
            problems.add("missing-key", ("flow",), "the scenario has no flow", hint)
    return flows


def _with_tc(problems: Problems, scenario: Scenario, text: str, attached: Attachments) -> Scenario:
    if not text.strip():
        return scenario
    line, column = problems.places.text_start(("tc",))
    commands, found = parse_lines(
        text, devices=attached.devices, programs=attached.programs, line=line, column=column
    )
    for diagnostic in found:
        problems.put(diagnostic)
    return apply_commands(problems, scenario, commands)


def read_devices(problems: Problems, data: object) -> tuple[Device, ...]:
    """Return the devices: `device = {…}` is one named eth0, `[device.NAME]` are several."""
    if isinstance(data, dict) and data and not any(isinstance(v, dict) for v in data.values()):
        values = read_table(problems, keys.DEVICE, data, ("device",))
        return _device(problems, "eth0", values or {}, ("device",))
    devices: tuple[Device, ...] = ()
    for name, raw, path in entries(problems, data, ("device",), MAX_DEVICES):
        if not _DEVICE_NAME.fullmatch(name) or (name in _DEVICE_KEYS and not isinstance(raw, dict)):
            hint = "use a letter, then up to 14 letters, digits, _ . and -"
            problems.add("bad-name", path, f"{shown(name)} is not a device name", hint)
            continue
        values = read_table(problems, keys.DEVICE, raw, path)
        devices += _device(problems, name, values or {}, path)
    if not devices and isinstance(data, dict) and not data:
        problems.add(
            "missing-key",
            ("device",),
            "the scenario has no device",
            'write device = { rate = "10mbit" }',
        )
    return devices


def _device(
    problems: Problems, name: str, values: dict[str, Any], path: Path
) -> tuple[Device, ...]:
    if len(values) < len(keys.DEVICE):
        return (Device(name=name, rate_bps=1),) if values else ()  # an error is noted already
    return (
        Device(
            name=name,
            rate_bps=values["rate"],
            mtu_bytes=values["mtu"],
            txqueuelen_packets=values["txqueuelen"],
            tx_queues=values["tx_queues"],
            ring_packets=values["ring"],
            limit_bytes=values["byte_limit"],
            delay_ns=values["delay"],
            jitter_ns=values["jitter"],
            loss_ppm=values["loss"],
            up=values["up"],
            line=problems.line(path),
        ),
    )


def read_sweep(problems: Problems, data: object, devices: tuple[str, ...]) -> tuple[Axis, ...]:
    """Return the axes of `[sweep]` in order; their product is bounded.

    A path that leaves out the only device gets its name: qdisc.1:.limit is qdisc.eth0 1:.limit.
    """
    axes: list[Axis] = []
    points = 1
    for name, raw, path in entries(problems, data, ("sweep",), 16):
        valid = isinstance(raw, list) and raw and all(isinstance(item, int | str) for item in raw)
        if not valid:
            message = f"{dotted(path)} is {shown(raw)}, expected a list of numbers and texts"
            problems.add("wrong-type", path, message)
            continue
        points *= len(raw)
        short = _SHORT_PATH.fullmatch(name)
        if short is not None and len(devices) == 1:
            name = f"{short[1]}.{devices[0]} {short[2]}"
        axes.append(Axis(path=name, values=tuple(raw), line=problems.line(path)))
    over_limit(problems, ("sweep",), points if axes else 0, MAX_SWEEP_POINTS)
    return tuple(axes)

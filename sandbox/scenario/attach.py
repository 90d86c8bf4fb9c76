"""Read what is attached to devices.

`[program]`, `[qdisc]`, `[class]`, `[[filter]]` and `[egress]`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.scenario import keys
from sandbox.scenario.lines import Path
from sandbox.scenario.model import (
    MAX_CLASSES,
    MAX_PROGRAMS,
    MAX_QDISCS,
    ROOT,
    Class,
    Egress,
    Options,
    ProgramRef,
    Qdisc,
    Setting,
    SharedProgram,
)
from sandbox.scenario.options import did_you_mean
from sandbox.scenario.reader import (
    Problems,
    Read,
    as_settings,
    dotted,
    parse_classid,
    read_table,
)
from sandbox.units import UnitError, shown

PROGRAM_SUFFIX = ".qdisc.py"


class Attachments:
    """Reads the tables of attached things; it knows the devices and the shared programs."""

    def __init__(
        self,
        problems: Problems,
        devices: tuple[str, ...],
        flows: tuple[str, ...],
        groups: Mapping[str, tuple[str, ...]],
    ) -> None:
        self.problems = problems
        self.devices = devices
        self.flows = flows
        self.groups = groups
        self.programs: dict[str, SharedProgram] = {}

    def read_programs(self, data: object) -> None:
        """Read `[program]`; the other tables refer to it."""
        for name, raw, path in entries(self.problems, data, ("program",), MAX_PROGRAMS):
            if not name.isidentifier():
                hint = "use letters, digits and _, beginning with a letter"
                self.problems.add("bad-name", path, f"{shown(name)} is not a program name", hint)
                continue
            table = {"source": raw} if isinstance(raw, str) else raw
            values = read_table(self.problems, keys.PROGRAM, table, path)
            if values is None or "source" not in values:
                continue
            source = values["source"]
            settings = as_settings(self.problems, values.get("params", {}), (*path, "params"))
            line = self.problems.line(path)
            options = Options(settings=tuple(settings))
            if "\n" in source:
                program = SharedProgram(
                    name=name, origin="inline", text=source, options=options, line=line
                )
            else:
                is_file = source.endswith(PROGRAM_SUFFIX)
                program = SharedProgram(
                    name=name, origin="file" if is_file else "library", source=source,
                    options=options, line=line,
                )  # fmt: skip
            self.programs[name] = program

    def read_qdiscs(self, data: object) -> list[Qdisc]:
        """Read `[qdisc]`, keys like "eth0 1:"."""
        found = []
        for name, raw, path in entries(self.problems, data, ("qdisc",), MAX_QDISCS):
            extras: list[Setting] = []
            values = read_table(self.problems, keys.QDISC, raw, path, extras)
            address = self.address(name, path)
            if values is None or address is None:
                continue
            device, handle = address
            if handle & 0xFFFF or not handle:
                hint = f'write "{handle >> 16:x}:"' if handle >> 16 else 'write for example "1:"'
                message = f"{shown(name)} is not the handle of a qdisc"
                self.problems.add("bad-name", path, message, hint)
                continue
            parent = self._parent(values, path, device)
            program = self._program(values, path)
            if parent is None or program is None:
                continue
            found.append(
                Qdisc(
                    device=device,
                    handle=handle,
                    parent=parent,
                    program=program,
                    queue=values.get("queue", -1),
                    options=self._options(values, extras, path),
                    line=self.problems.line(path),
                )
            )
        return found

    def read_classes(self, data: object) -> list[Class]:
        """Read `[class]`, keys like "1:10"."""
        found = []
        for name, raw, path in entries(self.problems, data, ("class",), MAX_CLASSES):
            extras: list[Setting] = []
            values = read_table(self.problems, keys.CLASS, raw, path, extras)
            address = self.address(name, path)
            if values is None or address is None:
                continue
            device, classid = address
            if not classid & 0xFFFF:
                message = f"{shown(name)} is a qdisc's handle, not a class id"
                self.problems.add("bad-name", path, message, 'write for example "1:10"')
                continue
            parent = classid & 0xFFFF0000
            if "parent" in values:
                above = self.address(values["parent"], (*path, "parent"), device)
                if above is None:
                    continue
                parent = above[1]
            found.append(
                Class(
                    device=device,
                    classid=classid,
                    parent=parent,
                    options=self._options(values, extras, path),
                    line=self.problems.line(path),
                )
            )
        return found

    def read_egress(self, data: object) -> list[Egress]:
        """Read `[egress]`, program names by device."""
        found = []
        for device, raw, path in entries(self.problems, data, ("egress",), MAX_PROGRAMS):
            if device not in self.devices:
                self.unknown_device(device, path)
                continue
            program = self.named_program(raw, path)
            if program is not None:
                line = self.problems.line(path)
                found.append(Egress(device=device, program=program, line=line))
        return found

    def address(self, raw: object, path: Path, device: str = "") -> tuple[str, int] | None:
        """Return device and handle of a text such as "eth0 1:10".

        The device may be left out if it is clear.
        """
        text = raw if isinstance(raw, str) else ""
        first, _, second = text.strip().rpartition(" ")
        name = first.strip() or device or (self.devices[0] if len(self.devices) == 1 else "")
        try:
            classid = parse_classid(second if isinstance(raw, str) else raw)
        except UnitError as error:
            self.problems.bad(path, error)
            return None
        if not name:
            hint = f'write for example "{(self.devices or ("eth0",))[0]} {second}"'
            message = f"{shown(text)} does not say which device"
            self.problems.add("unknown-device", path, message, hint)
            return None
        if name not in self.devices:
            self.unknown_device(name, path)
            return None
        return name, classid

    def flows_of(self, name: str) -> tuple[str, ...]:
        """Return the flows that a name means: a replay of several flows means all of them."""
        return self.groups.get(name, (name,))

    def unknown_device(self, name: str, path: Path) -> None:
        """Note a device that does not exist."""
        hint = did_you_mean(name, self.devices)
        self.problems.add("unknown-device", path, f"no device {shown(name)}", hint)

    def _parent(self, values: Read, path: Path, device: str) -> int | None:
        parent = values["parent"]
        if parent == "root":
            return ROOT
        if "queue" in values:
            hint = 'leave out "parent", or write parent = "root"'
            self.problems.add(
                "bad-value", (*path, "queue"), "only a root qdisc names a tx queue", hint
            )
            return None
        address = self.address(parent, (*path, "parent"), device)
        if address is None:
            return None
        if not address[1] & 0xFFFF:
            message = f"{dotted(path)}: parent {shown(parent)} is a qdisc, not a class"
            self.problems.add(
                "bad-value", (*path, "parent"), message, f'write for example "{parent}10"'
            )
            return None
        return address[1]

    def _options(self, values: Read, extras: list[Setting], path: Path) -> Options:
        settings = extras
        if "params" in values:
            settings = extras + as_settings(self.problems, values["params"], (*path, "params"))
        seen: set[str] = set()
        for setting in settings:
            if setting.name in seen:
                message = f"{dotted(path)}: {shown(setting.name)} is given twice"
                self.problems.add("duplicate", path, message, "write it once, in params or beside")
            seen.add(setting.name)
        return Options(settings=tuple(settings))

    def _program(self, values: Read, path: Path) -> ProgramRef | None:
        if ("kind" in values) == ("program" in values):
            message = f'{dotted(path)} needs either "kind" or "program"'
            hint = 'kind = "pfifo" is of the library, program = "mine.qdisc.py" is your own'
            self.problems.add("missing-key", path, message, hint)
            return None
        if "program" in values:
            return self.named_program(values["program"], (*path, "program"))
        kind = values["kind"]
        line = self.problems.line((*path, "kind"))
        if kind.endswith(PROGRAM_SUFFIX):
            message = f"{shown(kind)} is a file, kind names a qdisc of the library"
            self.problems.add("bad-value", (*path, "kind"), message, f'write program = "{kind}"')
            return None
        if kind in self.programs:
            message = f"{shown(kind)} is a [program], kind names a qdisc of the library"
            self.problems.add("bad-value", (*path, "kind"), message, f'write program = "{kind}"')
            return None
        return ProgramRef(origin="library", name=kind, line=line)

    def named_program(self, raw: object, path: Path) -> ProgramRef | None:
        """Return the shared program or the file that a name means; None when it means nothing."""
        line = self.problems.line(path)
        if isinstance(raw, str) and raw in self.programs:
            return ProgramRef(origin="shared", name=raw, line=line)
        if isinstance(raw, str) and raw.endswith(PROGRAM_SUFFIX) and "\n" not in raw:
            return ProgramRef(origin="file", name=raw, line=line)
        hint = did_you_mean(str(raw), self.programs)
        if not self.programs:
            hint = f"name a file NAME{PROGRAM_SUFFIX}, or define it under [program]"
        self.problems.add("unknown-program", path, f"no program {shown(raw)}", hint)
        return None


def entries(
    problems: Problems, data: object, path: Path, limit: int
) -> Iterator[tuple[str, Any, Path]]:
    """Yield name, value and path of each entry of a table, at most `limit` of them."""
    if not isinstance(data, dict):
        problems.add("wrong-type", path, f"{dotted(path)} is {shown(data)}, expected a table")
        return
    over_limit(problems, path, len(data), limit)
    for name in list(data)[:limit]:
        yield name, data[name], (*path, name)


def over_limit(problems: Problems, path: Path, count: int, limit: int) -> None:
    """Note that a table has more entries than allowed."""
    if count > limit:
        message = f"{dotted(path)} has {count} entries, the limit is {limit}"
        problems.add("limit-scenario", path, message)

"""Read one table of a scenario by its list of keys.

Every problem becomes a Diagnostic with its line.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sandbox import units
from sandbox.diagnostics import Diagnostic, Severity
from sandbox.scenario.keys import DSCP_NAMES, KeySpec
from sandbox.scenario.lines import Path, Places
from sandbox.scenario.model import Setting
from sandbox.scenario.options import did_you_mean
from sandbox.units import UnitError, shown

MAX_PROBLEMS = 100
Read = dict[str, Any]


class TooManyProblems(Exception):
    """The hundredth error was found; looking on would only cost time."""


class Problems:
    """The diagnostics of one scenario, placed by key path."""

    def __init__(self, text: str) -> None:
        self.places = Places(text)
        self.found: list[Diagnostic] = []

    def add(
        self,
        slug: str,
        path: Path,
        message: str,
        hint: str = "",
        severity: Severity = "error",
    ) -> None:
        """Note one problem at a key path; the hundredth ends the reading."""
        place = self.places.at(path)
        self.put(
            Diagnostic(
                slug=slug,
                message=message,
                line=place.line,
                column=place.column,
                end_line=place.line,
                end_column=place.end_column,
                severity=severity,
                hint=hint,
                source="scenario",
            )
        )

    def put(self, diagnostic: Diagnostic) -> None:
        """Note a diagnostic that has its place already."""
        self.found.append(diagnostic)
        if len(self.found) >= MAX_PROBLEMS and self.failed:
            raise TooManyProblems

    def bad(self, path: Path, error: UnitError) -> None:
        """Note a value that cannot be read."""
        self.add("bad-value", path, f"{dotted(path)}: {error.message}", error.hint)

    def line(self, path: Path) -> int:
        """Return the line of a key path, 0 when unknown."""
        return self.places.at(path).line

    @property
    def failed(self) -> bool:
        """Return whether any error was found."""
        return any(d.severity == "error" for d in self.found)


def dotted(path: Path) -> str:
    """Return a key path as a user writes it, e.g. `flow.bulk.rate` or `filter[2].parent`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            plain = part.replace("_", "").replace("-", "").isalnum() and len(part) <= 40
            text += ("." if text else "") + (part if plain else shown(part))
    return text


def read_table(
    problems: Problems,
    specs: Iterable[KeySpec],
    data: object,
    path: Path,
    extras: list[Setting] | None = None,
) -> Read | None:
    """Return the values of a table by key name, normalised; a key left out without default is
    absent.

    Unknown keys are errors, unless `extras` collects them as settings. None when it is not a table.
    """
    if not isinstance(data, dict):
        problems.add("wrong-type", path, f"{dotted(path)} is {shown(data)}, expected a table")
        return None
    by_name = {spec.name: spec for spec in specs}
    values: Read = {}
    for name, raw in data.items():
        spec = by_name.get(name)
        if spec is not None:
            _read_one(problems, spec, raw, (*path, name), values)
        elif extras is not None:
            extras.extend(as_settings(problems, {name: raw}, path))
        else:
            where = f" in {dotted(path)}" if path else ""
            hint = did_you_mean(name, by_name)
            problems.add("unknown-key", (*path, name), f"unknown key {shown(name)}{where}", hint)
    for spec in by_name.values():
        if spec.name in data:
            continue
        if spec.required:
            hint = f"it is {spec.help}"
            message = f"{dotted(path) or 'the scenario'} has no {shown(spec.name)}"
            problems.add("missing-key", path, message, hint)
        elif spec.default is not None:
            values[spec.name] = convert(spec, spec.default)
    return values


def _read_one(problems: Problems, spec: KeySpec, raw: object, path: Path, values: Read) -> None:
    try:
        values[spec.name] = convert(spec, raw)
    except UnitError as error:
        problems.bad(path, error)
        if spec.default is not None:
            values[spec.name] = convert(spec, spec.default)


def as_settings(problems: Problems, data: object, path: Path) -> list[Setting]:
    """Return `name = value` pairs whose meaning a program's parameters will give."""
    if not isinstance(data, dict):
        problems.add("wrong-type", path, f"{dotted(path)} is {shown(data)}, expected a table")
        return []
    settings = []
    for name, raw in data.items():
        value = tuple(raw) if isinstance(raw, list) else raw
        items = value if isinstance(value, tuple) else (value,)
        if len(items) > 1024 or not all(isinstance(item, int | str) for item in items):
            error = UnitError(f"{shown(raw)} is not a number, text, flag or list of numbers")
            problems.bad((*path, name), error)
            continue
        settings.append(Setting(name=name, value=value, line=problems.line((*path, name))))
    return settings


def convert(spec: KeySpec, raw: object) -> Any:
    """Return one value in its integer unit; raise UnitError when it cannot be."""
    if spec.kind in _CHECKED:
        number = _CHECKED[spec.kind](raw)
        if not spec.low <= number <= spec.high:
            show = _SHOW.get(spec.kind, str)
            side = "below the minimum" if number < spec.low else "above the maximum"
            bound = spec.low if number < spec.low else spec.high
            raise UnitError(f"{shown(raw)} is {side} {show(bound)}")
        return number
    return _PLAIN[spec.kind](spec, raw)


def _typed(kind: type, what: str) -> Callable[[KeySpec, object], Any]:
    def read(_: KeySpec, raw: object) -> Any:
        if not isinstance(raw, kind):
            raise UnitError(f"{shown(raw)} is not {what}")
        return raw

    return read


def _whole(raw: object) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise UnitError(f"{shown(raw)} is not a whole number")
    return raw


def _choice(spec: KeySpec, raw: object) -> str:
    if isinstance(raw, str) and (raw in spec.choices or raw == spec.default):
        return raw
    choices = ", ".join(spec.choices)
    hint = did_you_mean(raw, spec.choices) if isinstance(raw, str) else ""
    raise UnitError(f"{shown(raw)} is none of {choices}", hint if "mean" in hint else "")


def parse_classid(raw: object) -> int:
    """Return a class id such as "1:10" (hexadecimal, as in tc) as a 32-bit number."""
    if isinstance(raw, str) and raw.count(":") == 1:
        major, minor = (part.strip() for part in raw.split(":"))
        if all(c in "0123456789abcdefABCDEF" for c in major + minor) and 0 < len(major) <= 4 >= len(
            minor
        ):
            return int(major, 16) << 16 | int(minor or "0", 16)
    raise UnitError(
        f"{shown(raw)} is not a class id", 'write major:minor in hexadecimal, such as "1:10"'
    )


def show_classid(classid: int) -> str:
    """Return a class id or handle as tc prints it, e.g. "1:10" or "1:"."""
    minor = classid & 0xFFFF
    return f"{classid >> 16:x}:{minor:x}" if minor else f"{classid >> 16:x}:"


def _priority(_: KeySpec, raw: object) -> int:
    if isinstance(raw, str):
        return parse_classid(raw)
    number = _whole(raw)
    if not 0 <= number < 2**32:
        raise UnitError(f"{shown(raw)} is not in 0 to 4294967295")
    return number


def _dscp(_: KeySpec, raw: object) -> int:
    if isinstance(raw, str) and raw.lower() in DSCP_NAMES:
        return DSCP_NAMES[raw.lower()]
    if isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw < 64:
        return raw
    raise UnitError(f"{shown(raw)} is not a DSCP", "write 0 to 63, or a name such as ef or af41")


def parse_ip(raw: object) -> ipaddress.IPv4Interface | ipaddress.IPv6Interface:
    """Return an address, with its prefix when one is given."""
    if isinstance(raw, str) and len(raw) <= 64 and "%" not in raw:
        try:
            return ipaddress.ip_interface(raw)
        except ValueError:
            pass
    raise UnitError(f"{shown(raw)} is not an IP address", 'write for example "10.0.0.1"')


def _name(_: KeySpec, raw: object) -> str:
    if not isinstance(raw, str):
        raise UnitError(f"{shown(raw)} is not a name")
    if not 0 < len(raw) <= 80 or not raw.isprintable():
        raise UnitError(f"{shown(raw)} is not a name of 1 to 80 printable characters")
    return raw


_CHECKED: Mapping[str, Callable[[Any], int]] = {
    "time": units.parse_time_ns,
    "rate": units.parse_rate_bps,
    "size": units.parse_size_bytes,
    "percent": units.parse_percent_ppm,
    "int": _whole,
}
_SHOW: Mapping[str, Callable[[int], str]] = {
    "time": units.format_time_ns,
    "rate": units.format_rate_bps,
    "size": units.format_size_bytes,
}
_PLAIN: Mapping[str, Callable[[KeySpec, Any], Any]] = {
    "text": _typed(str, "a text"),
    "name": _name,
    "program": _typed(str, "a name or text of a program"),
    "flag": _typed(bool, "true or false"),
    "choice": _choice,
    "ip": lambda _, raw: parse_ip(raw),
    "classid": lambda _, raw: parse_classid(raw),
    "address": _typed(str, 'a text such as "1:"'),
    "priority": _priority,
    "dscp": _dscp,
    "sizes": lambda _, raw: raw,
    "times": lambda _, raw: raw,
    "raw": lambda _, raw: raw,
    "table": lambda _, raw: raw,
}

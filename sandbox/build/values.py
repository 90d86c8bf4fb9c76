"""Values of parameters: defaults, options of the scenario, overrides of the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.core.dialect import Array
from sandbox.diagnostics import Diagnostic
from sandbox.language.tree import Kind, Param
from sandbox.scenario.model import Device, Options
from sandbox.scenario.options import check_range, did_you_mean, parse_base, resolve_options
from sandbox.units import UnitError

Value = int | tuple[int, ...]
_KINDS = ("qdisc.", "program.", "class.")


@dataclass(slots=True)
class Overrides:
    """`params` of a job by path: "eth0 1:.limit", "1:.limit", "NAME.limit", or "limit" where only one can be meant."""

    given: Mapping[str, int | str]
    used: set[str] = field(default_factory=set)
    known: list[str] = field(default_factory=list)

    def take(self, target: str, param: Param) -> tuple[bool, int | str]:
        """Return whether a value is given for a parameter of a target, and the value."""
        self.known.append(f"{target}.{param.name}")
        targets = dict.fromkeys((target, target.rpartition(" ")[2]))
        paths = [f"{kind}{name}.{param.name}" for name in targets for kind in ("", *_KINDS)]
        for path in (*paths, param.name):
            if path in self.given:
                self.used.add(path)
                return True, self.given[path]
        return False, 0

    def strangers(self) -> list[Diagnostic]:
        """Return a problem for every path that names no parameter, or more than one."""
        problems = []
        for path in self.given:
            if path not in self.used:
                problems.append(
                    Diagnostic(
                        slug="unknown-parameter",
                        message=f'there is no parameter "{path}"',
                        hint=did_you_mean(path, self.known),
                        source="scenario",
                    )
                )
                continue
            short = path[len(next((kind for kind in _KINDS if path.startswith(kind)), "")) :]
            ends = (f".{short}", f" {short}")  # without its target, without its device
            owners = [known for known in self.known if known.endswith(ends)]
            if len(owners) > 1:
                problems.append(
                    Diagnostic(
                        slug="unknown-parameter",
                        message=f'"{path}" is a parameter of more than one program',
                        hint=f"write {' or '.join(owners[:6])}",
                        source="scenario",
                    )
                )
        return problems


def default_of(param: Param, device: Device | None) -> Value:
    """Return a parameter's default; TXQUEUELEN and MTU come from the device."""
    if param.default == "TXQUEUELEN":
        return device.txqueuelen_packets if device else 1000
    if param.default == "MTU":
        return device.mtu_bytes if device else 1500
    assert not isinstance(param.default, str)
    return param.default


def values_of(
    params: tuple[Param, ...],
    options: Options,
    device: Device | None,
    target: str,
    overrides: Overrides,
    problems: list[Diagnostic],
) -> list[Any]:
    """Return one item a parameter, in order: an int, or an Array for a list parameter."""
    given, wrong = resolve_options(options, params, target)
    problems.extend(wrong)
    items: list[Any] = []
    for param in params:
        value: Value = given.get(param.name, default_of(param, device))
        found, raw = overrides.take(target, param)
        if found:
            value = _override(param, raw, target, value, problems)
        items.append(Array(list(value)) if isinstance(value, tuple) else value)
    return items


def _override(
    param: Param, raw: int | str, target: str, value: Value, problems: list[Diagnostic]
) -> Value:
    try:
        return overridden(param, raw)
    except UnitError as error:
        problems.append(
            Diagnostic(
                slug="parameter-value",
                message=f"{target}.{param.name}: {error}",
                source="scenario",
            )
        )
        return value


def overridden(param: Param, raw: int | str) -> Value:
    """Return the value that a run's override means. Raises UnitError."""
    if isinstance(raw, int) and param.kind is Kind.INT:
        return check_range(param, raw)
    return parse_base(param, raw)

"""The promises of a scenario: read `[[expect]]`, and judge them by the statistics of a finished
run.

METRICS is the one list of what a promise can be about; docs/scenario-format.md explains each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sandbox import units
from sandbox.scenario import keys
from sandbox.scenario.attach import Attachments, over_limit
from sandbox.scenario.lines import Path
from sandbox.scenario.model import MAX_EXPECTS, Expect
from sandbox.scenario.options import did_you_mean
from sandbox.scenario.reader import Problems, Read, dotted, read_table, show_classid
from sandbox.units import UnitError, shown

Unit = Literal["time", "rate", "size", "count", "ratio"]
Scope = Literal["total", "flow", "qdisc", "class", "map", "device"]

_SPREAD = ("mean", "p50", "p95", "p99", "max")
METRICS: dict[str, Unit] = {
    **{f"sojourn.{name}": "time" for name in _SPREAD},
    **{f"delay.{name}": "time" for name in _SPREAD},
    **dict.fromkeys(("throughput", "goodput", "offered"), "rate"),
    **dict.fromkeys(
        ("sent", "received", "drops", "marks", "purged", "stolen", "overlimits", "requeues",
         "deadline_misses", "packets", "qlen", "qlen.max", "pushes", "refused", "evicted", "queued"),
        "count",
    ),
    **dict.fromkeys(("bytes", "backlog", "backlog.max"), "size"),
    **dict.fromkeys(("drop_rate", "mark_rate", "jain", "utilisation"), "ratio"),
}  # fmt: skip

_SECTIONS: dict[Scope, str] = {
    "total": "total", "flow": "flows", "qdisc": "qdiscs", "class": "classes", "map": "maps",
    "device": "devices",
}  # fmt: skip
_SELECTORS: tuple[Scope, ...] = ("flow", "qdisc", "class", "map", "device")
_OPS = ("below", "above", "equals", "within")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a promise was kept.

    `value` is what was measured, None when there is no such number.
    """

    text: str
    ok: bool
    value: float | int | None
    shown: str
    line: int = 0


def read_expects(problems: Problems, data: object, attached: Attachments) -> tuple[Expect, ...]:
    """Return the promises of `[[expect]]` in order."""
    if not isinstance(data, list):
        problems.add("wrong-type", ("expect",), "expect is not a list", "write [[expect]]")
        return ()
    over_limit(problems, ("expect",), len(data), MAX_EXPECTS)
    found = []
    for index, raw in enumerate(data[:MAX_EXPECTS]):
        path: Path = ("expect", index)
        values = read_table(problems, keys.EXPECT, raw, path)
        if values is None or "metric" not in values:
            continue
        one = _read_one(problems, values, path, attached)
        if one is not None:
            found.append(one)
    return tuple(found)


def _read_one(problems: Problems, values: Read, path: Path, attached: Attachments) -> Expect | None:
    metric = values["metric"]
    unit = METRICS.get(metric)
    if unit is None:
        hint = did_you_mean(metric, METRICS)
        problems.add("unknown-metric", (*path, "metric"), f"no metric {shown(metric)}", hint)
        return None
    ops = [op for op in _OPS if op in values]
    scopes = [scope for scope in _SELECTORS if scope in values]
    if len(ops) != 1 or len(scopes) > 1:
        message = f"{dotted(path)} needs one of {', '.join(_OPS)}"
        if len(scopes) > 1:
            message = f"{dotted(path)} names {' and '.join(scopes)}, expected one of them"
        problems.add("missing-key", path, message)
        return None
    if "tolerance" in values and ops != ["equals"]:
        problems.add("unknown-key", (*path, "tolerance"), "tolerance belongs to equals")
        return None
    scope: Scope = scopes[0] if scopes else "total"
    name = _name(problems, scope, values, path, attached)
    if name is None:
        return None
    op: Literal["below", "above", "equals", "within"] = ops[0]  # type: ignore[assignment]
    try:
        low, high = _bounds(op, values, unit)
    except UnitError as error:
        problems.bad((*path, op), error)
        return None
    return Expect(
        metric=metric,
        scope=scope,
        name=name,
        op=op,
        low=low,
        high=high,
        text=_text(metric, name, op, values),
        line=problems.line(path),
    )


def _name(
    problems: Problems, scope: Scope, values: Read, path: Path, attached: Attachments
) -> str | None:
    if scope == "total":
        return ""
    name: str = values[scope]
    if scope in ("qdisc", "class"):
        address = attached.address(name, (*path, scope))
        return None if address is None else f"{address[0]} {show_classid(address[1])}"
    known = {"flow": attached.flows, "device": attached.devices}.get(scope)
    if known is not None and name not in known:
        hint = did_you_mean(name, known)
        problems.add(f"unknown-{scope}", (*path, scope), f"no {scope} {shown(name)}", hint)
        return None
    several = attached.flows_of(name) if scope == "flow" else (name,)
    if several != (name,):
        message = f"{shown(name)} replays {len(several)} flows"
        hint = f"name one of them: {', '.join(several[:6])}"
        problems.add("unknown-flow", (*path, scope), message, hint)
        return None
    return name


def _bounds(op: str, values: Read, unit: Unit) -> tuple[float, float]:
    raw = values[op]
    if op == "within":
        if not isinstance(raw, list) or len(raw) != 2:
            raise UnitError(f"within takes [low, high], got {shown(raw)}")
        low, high = (_number(item, unit) for item in raw)
        if low > high:
            raise UnitError("within takes [low, high], got them the other way round")
        return low, high
    value = _number(raw, unit)
    tolerance = _number(values["tolerance"], unit) if "tolerance" in values else 0
    return value - tolerance, value + tolerance


def _number(raw: object, unit: Unit) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        raise UnitError(f"{shown(raw)} is not a number")
    if unit == "ratio":
        if isinstance(raw, str):
            return units.parse_percent_ppm(raw) / 1_000_000
        if not 0 <= raw <= 1:
            raise UnitError(f"{shown(raw)} is not in 0 to 1", 'or write a percentage such as "5%"')
        return float(raw)
    if isinstance(raw, float):
        raise UnitError(f"{shown(raw)} is not a whole number", "write a quantity with its unit")
    if unit == "time":
        return units.parse_time_ns(raw)
    if unit == "rate":
        return units.parse_rate_bps(raw)
    return units.parse_size_bytes(raw) if unit == "size" else units.parse_int(raw)


def _text(metric: str, name: str, op: str, values: Read) -> str:
    raw = values[op]
    bound = " to ".join(str(item) for item in raw) if isinstance(raw, list) else str(raw)
    if "tolerance" in values:
        bound += f" ± {values['tolerance']}"
    return f"{name} {metric} {op} {bound}".strip()


def judge(expect: Expect, statistics: Mapping[str, Any]) -> Verdict:
    """Return whether a promise was kept. A number that is missing breaks it."""
    value = _value(expect, statistics)
    if value is None:
        return Verdict(
            text=expect.text, ok=False, value=None, shown="not measured", line=expect.line
        )
    match expect.op:
        case "below":
            ok = value < expect.high
        case "above":
            ok = value > expect.low
        case _:
            ok = expect.low <= value <= expect.high
    text = show_value(expect.metric, value)
    return Verdict(text=expect.text, ok=ok, value=value, shown=text, line=expect.line)


def _value(expect: Expect, statistics: Mapping[str, Any]) -> float | int | None:
    node: Any = statistics.get(_SECTIONS[expect.scope])
    if expect.scope != "total":
        if not isinstance(node, Mapping):
            return None
        ending = [key for key in node if key.endswith((f" {expect.name}", f".{expect.name}"))]
        key = ending[0] if expect.name not in node and len(ending) == 1 else expect.name
        node = node.get(key)
    for part in _path(node, expect.metric):
        node = node.get(part) if isinstance(node, Mapping) else None
    if isinstance(node, Mapping):
        node = node.get("now")
    return node if isinstance(node, int | float) and not isinstance(node, bool) else None


def _path(node: Any, metric: str) -> list[str]:
    """Return the keys that lead to a metric: nested, or in one key with its dot."""
    if isinstance(node, Mapping) and metric in node:
        return [metric]
    return metric.split(".")


def show_value(metric: str, value: float | int) -> str:
    """Return a measured number with its unit, for people."""
    match METRICS[metric]:
        case "time":
            return units.format_time_ns(round(value))
        case "rate":
            return units.format_rate_bps(round(value))
        case "size":
            return units.format_size_bytes(round(value))
        case "ratio":
            return f"{value:.3f}"
        case _:
            return f"{value:g}"

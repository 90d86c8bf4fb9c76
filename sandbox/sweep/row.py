"""Row: what a point came to, as one flat record of stated names and units.

A column is `SECTION.NAME.METRIC_UNIT`, for example `flow.call.sojourn.p99_ns`: times in `_ns`, rates
in `_bps`, sizes in `_bytes`; counts and ratios have no unit. The metrics are those of `[[expect]]`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sandbox.diagnostics import Diagnostic
from sandbox.engine import ENGINE_VERSION
from sandbox.protocol import Outcome
from sandbox.scenario.expect import METRICS
from sandbox.scenario.model import Expect
from sandbox.sweep.point import Point
from sandbox.units import as_number

Row = dict[str, Any]
PARAM = "param."
INPUTS = ("key", "program", "seed", "engine")
RESULTS = ("outcome", "digest", "slug", "message", "broken")
_SECTIONS = (
    ("total", "total"), ("flow", "flows"), ("qdisc", "qdiscs"), ("class", "classes"),
    ("map", "maps"), ("device", "devices"),
)  # fmt: skip
_UNITS = {"time": "_ns", "rate": "_bps", "size": "_bytes", "count": "", "ratio": ""}
_NOW = ("qlen.now", "backlog.now")


def finished_row(point: Point, finished: Mapping[str, Any]) -> Row:
    """Return the row of a point that ran, well or not."""
    fault = finished.get("fault") or {}
    broken = sum(not one["ok"] for one in finished["expects"])
    row = _inputs(point)
    row.update(
        outcome=str(finished["outcome"]),
        digest=str(finished["digest"]),
        slug=str(fault.get("slug", "")),
        message=str(fault.get("message", "")),
        broken=broken,
    )
    row.update(metrics(finished["statistics"]))
    return row


def refused_row(point: Point, diagnostics: Sequence[Diagnostic]) -> Row:
    """Return the row of a point that cannot run, with the first of its diagnostics."""
    errors = [one for one in diagnostics if one.severity == "error"]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    message = errors[0].render() + more
    return failed_row(point, Outcome.COMPILE_ERROR, errors[0].slug, message)


def failed_row(point: Point, outcome: Outcome, slug: str, message: str) -> Row:
    """Return the row of a point without results."""
    row = _inputs(point)
    row.update(outcome=str(outcome), digest="", slug=slug, message=message, broken=0)
    return row


def _inputs(point: Point) -> Row:
    row: Row = {"key": point.key, "program": point.program}
    row.update({f"{PARAM}{path}": as_number(value) for path, value in point.values})
    row.update(seed=point.seed, engine=ENGINE_VERSION)
    return row


def metrics(statistics: Mapping[str, Any]) -> dict[str, float | int]:
    """Return every number of a run's statistics under its column's name."""
    found: dict[str, float | int] = {"time_ns": statistics["time_ns"]}
    for section, plural in _SECTIONS:
        named = {"": statistics[plural]} if section == "total" else statistics[plural]
        for name, numbers in named.items():
            if section == "map" and "/" not in name:
                continue  # the same map stands there by its full name too
            prefix = f"{section}.{name}." if name else f"{section}."
            for metric, value in _leaves(numbers, ""):
                found[prefix + _column(metric)] = value
    return found


def _leaves(node: Any, path: str) -> Iterator[tuple[str, float | int]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _leaves(value, f"{path}.{index}")
    elif isinstance(node, bool):
        yield path, int(node)
    elif isinstance(node, int | float):
        yield path, node


def _column(metric: str) -> str:
    """Return a metric's name with its unit last."""
    plain = metric.removesuffix(".now") if metric in _NOW else metric
    plain = {"netlink_backlog": "netlink_backlog_bytes"}.get(plain, plain)
    suffix = _UNITS[METRICS.get(plain, "count")]
    return plain if plain.endswith(suffix.lstrip("_")) else plain + suffix


def column_of(expect: Expect) -> str:
    """Return the column of the number that a promise is about."""
    name = "" if expect.scope == "total" else f"{expect.name}."
    return f"{expect.scope}.{name}{_column(expect.metric)}"


def unit_of(column: str) -> str:
    """Return the unit that a column's name ends with: ns, bps, bytes, or nothing."""
    return next((unit for unit in ("ns", "bps", "bytes") if column.endswith(unit)), "")

"""What the shell prints and writes of a run: a table for people, NDJSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from sandbox import units
from sandbox.protocol import RowKind, rows
from sandbox.scenario.model import Scenario

LOG_LINES = 20
_COLUMNS: tuple[tuple[str, str, str], ...] = (
    ("offered", "offered", "rate"),
    ("throughput", "throughput", "rate"),
    ("sent", "sent", "count"),
    ("received", "received", "count"),
    ("drops", "drops", "count"),
    ("marks", "marks", "count"),
    ("purged", "purged", "count"),
    ("wait p50", "sojourn.p50", "time"),
    ("wait p99", "sojourn.p99", "time"),
)


def result_text(scenario: Scenario, finished: Mapping[str, Any]) -> str:
    """Return the text of a finished run: title, tc view, flows, promises, outcome."""
    lines = [scenario.title, ""]
    if finished.get("tc_text"):
        lines += [str(finished["tc_text"]).rstrip(), ""]
    lines += _flow_table(finished.get("statistics", {}).get("flows", {}))
    for one in finished.get("expects", ()):
        mark = "kept  " if one["ok"] else "BROKEN"
        lines.append(f"{mark} {one['text']} (is {one.get('shown', one['value'])})")
    fault = finished.get("fault")
    if fault:
        lines.append(f"fault: {fault.get('message', fault)}")
    outcome = f"outcome {finished['outcome']}, digest {str(finished['digest'])[:16]}"
    time = units.format_time_ns(int(finished["time_ns"]))
    lines.append(f"{outcome}, simulated {time}, {finished['rows']} rows")
    return "\n".join(lines) + "\n"


def log_text(log: Sequence[Mapping[str, Any]], places: Sequence[Mapping[str, Any]]) -> str:
    """Return the first lines that programs wrote with trace(), and how many more there are."""
    lines = ["", "written by trace()"] if log else []
    for one in log[:LOG_LINES]:
        time = units.format_time_ns(int(one["time_ns"]))
        name = places[int(one["place"])]["name"]
        packet = f", packet {one['skb']}" if one["skb"] else ""
        lines.append(f"{time:>10}  {name} line {one['line']}{packet}: {one['text']}")
    if len(log) > LOG_LINES:
        lines.append(f"and {len(log) - LOG_LINES:,} more; --trace FILE writes all of them")
    return "\n".join(lines) + "\n" if lines else ""


def counted_text(name: str, source: str, counts: Mapping[str, int]) -> str:
    """Return a program with how often each line ran in front of it."""
    width = max((len(f"{count:,}") for count in counts.values()), default=1)
    lines = [f"\n{name}"]
    for number, text in enumerate(source.splitlines(), start=1):
        count = counts.get(str(number))
        shown = "" if count is None else f"{count:,}"
        lines.append(f"{shown:>{width}} | {text}".rstrip())
    return "\n".join(lines) + "\n"


def _flow_table(flows: Mapping[str, Any]) -> list[str]:
    if not flows:
        return []
    table = [["flow", *(title for title, _, _ in _COLUMNS)]]
    for name, statistics in flows.items():
        cells = [_cell(statistics, path, unit) for _, path, unit in _COLUMNS]
        table.append([str(name), *cells])
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    lines = []
    for row in table:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells))
    return [*lines, ""]


def _cell(statistics: Mapping[str, Any], path: str, unit: str) -> str:
    node: Any = statistics
    for part in path.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    if not isinstance(node, int | float):
        return "-"
    if unit == "rate":
        return units.format_rate_bps(round(node))
    return units.format_time_ns(round(node)) if unit == "time" else str(node)


class TraceWriter:
    """Writes rows as NDJSON; the first line tells the run, its places and flows."""

    def __init__(self, stream: TextIO, started: Mapping[str, Any]) -> None:
        self._stream = stream
        self._kinds = {int(kind): kind.name.lower() for kind in RowKind}
        self._names = [_place_name(place) for place in started.get("places", ())]
        self._put({"kind": "started", **started})

    def write(self, data: bytes, log: Sequence[Mapping[str, Any]]) -> None:
        """Write a piece of rows, then the log entries that came with it."""
        for row in rows(data):
            fields = row._asdict()
            fields["kind"] = self._kinds.get(row.kind, row.kind)
            fields["place"] = self._place(row.place)
            self._put(fields)
        for entry in log:
            self._put({"kind": "log_text", **entry})

    def _place(self, index: int) -> str | int:
        return self._names[index] if index < len(self._names) else index

    def _put(self, value: Mapping[str, Any]) -> None:
        self._stream.write(json.dumps(value, separators=(",", ":")) + "\n")


def _place_name(place: Mapping[str, Any]) -> str:
    return f"{place['kind']} {place['name']}"

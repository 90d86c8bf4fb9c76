"""Summary: for each program and setting the mean of chosen metrics over its seeds, with intervals."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox import units
from sandbox.protocol import Outcome
from sandbox.scenario.options import did_you_mean
from sandbox.sweep.design import Design
from sandbox.sweep.interval import Interval, interval
from sandbox.sweep.point import Point
from sandbox.sweep.problem import SweepError
from sandbox.sweep.row import PARAM, Row, unit_of
from sandbox.sweep.span import Value
from sandbox.units import shown

DEFAULT_METRICS = ("total.throughput", "total.drop_rate", "total.sojourn.mean", "total.sojourn.p99")
Cell = tuple[str, tuple[tuple[str, Value], ...]]


@dataclass(slots=True, kw_only=True)
class Summary:
    """The numbers that the final table needs: chosen columns of good points, in any order."""

    metrics: tuple[str, ...]
    programs: int = 1
    strict: bool = False  # whether a metric that no program's rows have is a mistake
    rows: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    _columns: dict[str, str] = field(default_factory=dict)
    _samples: dict[Cell, dict[str, list[float]]] = field(default_factory=dict)
    _runs: dict[Cell, int] = field(default_factory=dict)
    _failed: dict[Cell, int] = field(default_factory=dict)
    _good: set[str] = field(default_factory=set)  # programs that had a good row

    def add(self, point: Point, row: Row) -> None:
        """Take in one row."""
        self.rows += 1
        outcome = str(row["outcome"])
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        cell = (point.program, point.values)
        samples = self._samples.setdefault(cell, {})
        self._runs[cell] = self._runs.get(cell, 0) + 1
        if outcome != Outcome.OK:
            self._failed[cell] = self._failed.get(cell, 0) + 1
            return
        for metric in self.metrics:
            column = self._columns.get(metric, "")
            if column not in row:
                column = find_column(metric, row)
                if not column:
                    continue
                self._columns[metric] = column
            samples.setdefault(metric, []).append(float(row[column]))
        if self.strict and point.program not in self._good:
            self._good.add(point.program)
            if len(self._good) == self.programs:
                self._check(row)

    def text(self, design: Design) -> str:
        """Return the table: a line for each program and setting, in the design's order."""
        shown_metrics = [metric for metric in self.metrics if metric in self._columns]
        paths = design.paths()
        programs = len(design.programs) > 1
        titles = [plain_name(self._columns[metric]) for metric in shown_metrics]
        head = [*(["program"] if programs else []), *paths, "runs", *titles]
        table = [head]
        for cell in self._cells(design):
            values = dict(cell[1])
            line = [cell[0] or "scenario's"] if programs else []
            line += [str(values.get(path, "")) for path in paths]
            failed = self._failed.get(cell, 0)
            samples = self._samples[cell]
            done = self._runs[cell] - failed
            line.append(f"{done}, {failed} failed" if failed else str(done))
            for metric in shown_metrics:
                found = samples.get(metric)
                line.append(show(interval(sorted(found)), self._columns[metric]) if found else "-")
            table.append(line)
        return aligned(table, len(paths) + programs)

    def _cells(self, design: Design) -> list[Cell]:
        settings = dict.fromkeys(one.values for one in design.settings)
        cells = [(program, values) for program in design.programs for values in settings]
        return [cell for cell in cells if cell in self._samples]

    def _check(self, row: Row) -> None:
        """Refuse a metric that no program has, as soon as that is known."""
        for metric in self.metrics:
            if metric not in self._columns:
                names = [
                    plain_name(name) for name in row if "." in name and not name.startswith(PARAM)
                ]
                raise SweepError(
                    "unknown-metric",
                    f"no metric {shown(metric)}",
                    did_you_mean(metric, names) or f"for example {', '.join(names[:6])}",
                )


def plain_name(column: str) -> str:
    """Return a column's name without its unit, where the numbers below it show theirs."""
    return column.removesuffix("_ns").removesuffix("_bps").removesuffix("_bytes")


def find_column(metric: str, row: Row) -> str:
    """Return the column that a metric means: by its name, with or without unit; "" for none.

    A map is found by its own name where it is the only one: map.queue.refused.
    """
    for unit in ("", "_ns", "_bps", "_bytes"):
        if metric + unit in row:
            return metric + unit
    if metric.startswith("map."):
        rest = metric.removeprefix("map.")
        ends = tuple(f"/{rest}{unit}" for unit in ("", "_ns", "_bps", "_bytes"))
        found = [name for name in row if name.startswith("map.") and name.endswith(ends)]
        return found[0] if len(found) == 1 else ""
    return ""


def show(result: Interval, column: str) -> str:
    """Return a mean with its interval in the unit of its column: "40.1ms ± 1.2ms"."""
    mean = show_number(result.mean, column)
    return mean if result.half is None else f"{mean} ± {show_number(result.half, column)}"


def show_number(value: float, column: str) -> str:
    """Return a number in the unit of its column."""
    match unit_of(column):
        case "ns":
            return units.format_time_ns(round(value))
        case "bps":
            return units.format_rate_bps(round(value))
        case "bytes":
            return f"{value:.0f}b"
        case _:
            return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def aligned(table: list[list[str]], left: int) -> str:
    """Return a table in columns, the first `left` of them flush left."""
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    lines = []
    for line in table:
        cells = [
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"

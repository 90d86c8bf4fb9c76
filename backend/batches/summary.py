"""Summary: for each program and setting of a batch the means over its seeds, and how long packets waited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from backend.batches.batch import Batch
from backend.batches.keeper import Batches
from backend.batches.point import Result
from backend.batches.results import chunks, there
from backend.wire.batches import (
    Distribution,
    DistributionsReply,
    Group,
    Mean,
    SummaryReply,
)
from backend.wire.errors import ApiError
from sandbox.protocol import WAIT_LEVELS, Outcome
from sandbox.sweep.interval import interval

UNITS = ("", "_ns", "_bps", "_bytes")


@dataclass(slots=True, kw_only=True)
class _Gathered:
    """What is kept of the rows of one program and setting."""

    program: str
    params: dict[str, int | str]
    runs: int = 0
    failed: int = 0
    known: set[str] = field(default_factory=set)  # of the metrics, those that some row has
    samples: dict[str, list[float]] = field(default_factory=dict)
    waits: dict[str, list[list[int]]] = field(default_factory=dict)

    def take(self, result: Result, metrics: tuple[str, ...]) -> None:
        self.runs += 1
        if result.outcome != Outcome.OK:
            self.failed += 1
            return
        for metric in metrics:
            column = column_of(metric, result.row)
            if column:
                self.known.add(metric)
                self.samples.setdefault(column, []).append(float(result.row[column]))
        for flow, levels in result.waits.items():
            self.waits.setdefault(flow, []).append(list(levels))


async def _gathered(batches: Batches, batch: Batch, metrics: tuple[str, ...]) -> list[_Gathered]:
    places = {point.key: _place(point.program, point.values) for point in batch.plan.points}
    groups = {
        _place(point.program, point.values): _Gathered(
            program=point.program, params=dict(point.values)
        )
        for point in batch.plan.points
    }
    async for results in chunks(batches, there(batch)):
        for result in results:
            groups[places[result.key]].take(result, metrics)
    return [one for one in groups.values() if one.runs]


def _place(program: str, values: Mapping[str, Any]) -> tuple[Any, ...]:
    return program, *values.items()


async def summary(batches: Batches, batch: Batch, named: tuple[str, ...]) -> SummaryReply:
    """Return the table of the metrics `named`, with or without their units, or else of the batch's own.

    Raises ApiError for one, not of the batch's own, that no run has when the batch has ended.
    """
    gathered = await _gathered(batches, batch, named or tuple(batch.plan.metrics))
    if batch.ended and any(one.runs > one.failed for one in gathered):
        _refuse_unknown([one for one in named if one not in batch.plan.metrics], gathered)
    groups = [
        Group(
            program=one.program,
            params=one.params,
            runs=one.runs,
            failed=one.failed,
            values={column: _mean(samples) for column, samples in one.samples.items()},
        )
        for one in gathered
    ]
    shown = dict.fromkeys(column for one in gathered for column in one.samples)
    return SummaryReply(metrics=list(shown), groups=groups)


def _refuse_unknown(metrics: list[str], gathered: list[_Gathered]) -> None:
    known = {metric for one in gathered for metric in one.known}
    for metric in metrics:
        if metric not in known:
            raise ApiError(
                422, "unknown-metric", f'no run of this batch has a metric "{metric[:80]}"',
                "take a column of its results.csv, with or without its unit",
            )  # fmt: skip


def _mean(samples: list[float]) -> Mean:
    found = interval(sorted(samples))
    return Mean(mean=found.mean, half_width=found.half, n=found.count)


def column_of(metric: str, row: Mapping[str, Any]) -> str:
    """Return the column that a metric means; a map is found by its own name where it is the only one."""
    for unit in UNITS:
        if metric + unit in row:
            return metric + unit
    if metric.startswith("map."):
        ends = tuple(f"/{metric.removeprefix('map.')}{unit}" for unit in UNITS)
        found = [name for name in row if name.startswith("map.") and name.endswith(ends)]
        return found[0] if len(found) == 1 else ""
    return ""


async def distributions(batches: Batches, batch: Batch) -> DistributionsReply:
    """Return the waits of each group: at each level the mean of the seeds' quantiles."""
    gathered = await _gathered(batches, batch, ())
    return DistributionsReply(
        groups=[
            Distribution(
                program=one.program,
                params=one.params,
                flows={flow: _pooled(several) for flow, several in one.waits.items()},
            )
            for one in gathered
        ]
    )


def _pooled(several: list[list[int]]) -> list[tuple[float, float]]:
    whole = [levels for levels in several if len(levels) == len(WAIT_LEVELS)]
    return [
        (sum(levels[at] for levels in whole) / len(whole), per_mille / 1000)
        for at, per_mille in enumerate(WAIT_LEVELS)
        if whole
    ]

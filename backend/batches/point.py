"""Point: what an executor is given for one point of a batch, and what it gives back."""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from backend.wire.batches import PointJob
from backend.wire.messages import Planned, PlannedPoint
from sandbox.protocol import Outcome
from sandbox.units import as_number

# The machine may have had its part in these, so they are tried again and not shared.
NOT_FINAL = frozenset(
    (Outcome.CRASHED, Outcome.LIMIT_CPU, Outcome.LIMIT_MEMORY, Outcome.LIMIT_WALL)
)
Row = dict[str, Any]
Task = dict[str, Any]  # what a worker is told of one point, as JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The row of a point, and its waits by flow at fixed levels."""

    key: str
    row: Row
    waits: Mapping[str, Sequence[int]]

    @property
    def outcome(self) -> str:
        """How the point ended."""
        return str(self.row["outcome"])

    def named(self, program: str) -> Result:
        """Return it with a batch's own label of the program: another batch may have computed it."""
        return replace(self, row={**self.row, "program": program})

    def packed(self) -> bytes:
        """Return it as it is stored."""
        text = json.dumps({"row": self.row, "waits": self.waits}, separators=(",", ":"))
        return zlib.compress(text.encode(), 6)


def unpacked(key: str, body: bytes) -> Result:
    """Return a result that was stored."""
    held = json.loads(zlib.decompress(body))
    return Result(key=key, row=held["row"], waits=held["waits"])


class Unreachable(Exception):
    """Nobody computes points now; the message is for whoever waits for them."""


class Executor(Protocol):
    """Runs points somewhere; `name` is told to clients, `places` is how many run at a time if known."""

    name: str
    places: int | None

    async def close(self) -> None:
        """Let go of what it holds."""

    def run(self, tasks: Sequence[Task]) -> AsyncIterator[list[Result]]:
        """Yield results as they come, some at a time; each task has an end, a bad one as a row. Raises Unreachable."""


def job_of(request: Mapping[str, Any], plan: Planned, point: PlannedPoint) -> PointJob:
    """Return everything that decides one point."""
    programs = dict(request["programs"])
    for program in plan.programs:
        if program.label == point.program and program.replaces:
            programs[program.replaces] = program.text
    return PointJob(
        scenario=request["scenario"],
        programs=programs,
        files=request["files"],
        params=point.values,
        seed=point.seed,
        duration=request["duration"],
    )


def task_of(request: Mapping[str, Any], plan: Planned, point: PlannedPoint) -> Task:
    """Return what a worker is told of one point."""
    job = {**job_of(request, plan, point).model_dump(), "events": [], "trace": False}
    return {"op": "point", "job": job, "engine": plan.engine, **point.model_dump()}


def lost(task: Task, outcome: str, message: str) -> Result:
    """Return the row of a point that ended without one."""
    row: Row = {"key": task["key"], "program": task["program"]}
    row.update({f"param.{path}": as_number(value) for path, value in task["values"].items()})
    row.update(seed=task["seed"], engine=task["engine"], outcome=outcome, digest="")
    row.update(slug=outcome, message=message, broken=0)
    return Result(key=task["key"], row=row, waits={})

"""Plan: a scenario with its axes made into a design, and checked before anything runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.diagnostics import Diagnostic
from sandbox.engine import prepare
from sandbox.machines.interface import Engine
from sandbox.scenario.model import Axis, Scenario
from sandbox.sweep.design import (
    SEED,
    Design,
    Setting,
    design,
    grid,
    latin,
    read_axis,
    seeds_from,
)
from sandbox.sweep.point import Inputs, Point, points
from sandbox.sweep.problem import SweepError
from sandbox.sweep.row import column_of
from sandbox.sweep.span import Span
from sandbox.sweep.summary import DEFAULT_METRICS

METRICS_MAX = 6
_SHORT = re.compile(r"((?:qdisc\.|class\.)?)([0-9a-fA-F]{1,4}:[0-9a-fA-F]{0,4}\..{1,80})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a sweep is asked for: axes as text by path, and how to take points of them.

    Without axes those of the scenario's `[sweep]` are taken, unless `own_axes` is off.
    """

    params: tuple[tuple[str, str], ...] = ()
    own_axes: bool = True
    latin: int = 0
    latin_seed: int = 1
    listed: tuple[Setting, ...] = ()
    seeds: int | None = None
    first_seed: int | None = None


def design_of(
    request: Request, scenario: Scenario, programs: Sequence[str], least: int = 2
) -> Design:
    """Return the design of a request. Raises SweepError."""
    if request.listed and (request.params or request.latin):
        raise SweepError("sweep-axis", "a list is given together with --param or --latin",
                         "the list names every point; leave out the others")  # fmt: skip
    first = scenario.seed if request.first_seed is None else request.first_seed
    seeds = seeds_from(first, 1 if request.seeds is None else request.seeds)
    if request.listed:
        settings = tuple(
            Setting(values=tuple((full_path(p, scenario), v) for p, v in one.values), seed=one.seed)
            for one in request.listed
        )
        _once([path for path, _ in settings[0].values])
        return design("list", settings, programs, seeds, least)
    axes: list[Axis | Span] = [
        read_axis(full_path(path, scenario), text) for path, text in request.params
    ]
    if not axes and request.own_axes:
        axes = list(scenario.sweep)
    if request.latin:
        if any(axis.path == SEED for axis in axes):
            raise SweepError("sweep-axis", "seed is no axis of a Latin hypercube", "use --seeds N")
        return design("latin", latin(axes, request.latin, request.latin_seed), programs, seeds)
    return design("grid", grid(axes), programs, seeds, least)


def _once(paths: list[str]) -> None:
    for path in paths:
        if paths.count(path) > 1:
            raise SweepError("sweep-list", f"{path} has two columns", line=1)


def full_path(path: str, scenario: Scenario) -> str:
    """Return a parameter's path with the name of the only device, as `[sweep]` does it too."""
    short = _SHORT.fullmatch(path)
    if short is None or len(scenario.devices) != 1:
        return path
    return f"{short[1]}{scenario.devices[0].name} {short[2]}"


def problems(
    made: Design, inputs: Inputs, engine: Engine = Engine.REFERENCE
) -> tuple[Diagnostic, ...]:
    """Return what keeps every point from running; nothing when some point may run.

    The first and the last point of each program are built. What is wrong with one of them only
    concerns its values, and a wrong program only its points: those become rows. What an engine
    compiles here is there for all processes that are forked later.
    """
    found: dict[Diagnostic, None] = {}
    ends: dict[str, list[Point]] = {}
    for point in points(made, inputs):
        ends[point.program] = [*ends.get(point.program, [])[:1], point]
    for pair in ends.values():
        for point in pair:
            wrong = [
                one
                for one in prepare(point.job(inputs), engine).diagnostics
                if one.severity == "error"
            ]
            if all(one.slug == "parameter-value" for one in wrong):
                return ()
            found.update(dict.fromkeys(wrong))
    return tuple(found)


def promised_metrics(scenario: Scenario) -> tuple[str, ...]:
    """Return the metrics that a scenario's promises are about, as columns; else the usual ones."""
    names = dict.fromkeys(column_of(expect) for expect in scenario.expects)
    return tuple(names)[:METRICS_MAX] or DEFAULT_METRICS


def plan_text(scenario: Scenario, made: Design) -> str:
    """Return what will be run, before it is."""
    counts = (
        (len(made.programs), "program"), (len(made.settings), "setting"), (len(made.seeds), "seed"),
    )  # fmt: skip
    shape = " x ".join(f"{n:,} {name}{'' if n == 1 else 's'}" for n, name in counts)
    lines = [scenario.title, f"{made.count:,} points ({made.kind}): {shape}"]
    if made.programs != ("",):
        lines.append(f"  program: {_some(made.programs)}")
    for path in made.paths():
        values = dict.fromkeys(str(dict(one.values).get(path, "")) for one in made.settings)
        lines.append(f"  {path}: {_some(tuple(values))}")
    lines.append(f"  seed: {_some(tuple(map(str, seeds_of(made))))}")
    return "\n".join(lines) + "\n\n"


def seeds_of(made: Design) -> tuple[int, ...]:
    """Return the seeds of a design's points, which a list or an axis may have given."""
    own = dict.fromkeys(one.seed for one in made.settings if one.seed is not None)
    return tuple(own) or made.seeds


def _some(values: tuple[str, ...]) -> str:
    if len(values) <= 12:
        return ", ".join(values)
    return f"{', '.join(values[:6])}, ... {values[-1]} ({len(values):,} values)"

"""The shell's sweep: what the options ask for, the plan, progress, and the table at the end."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sandbox import shelf
from sandbox.build.programs import library_text
from sandbox.cli_inputs import (
    FAULT,
    LIMIT,
    OK,
    STOPPED,
    USAGE,
    UsageError,
    beside,
    checked_seed,
    engine_of,
    read,
    scenario_path,
)
from sandbox.machines.interface import Engine
from sandbox.scenario.load import load
from sandbox.scenario.model import Scenario
from sandbox.scenario.replace import replaced_program
from sandbox.sweep.design import MAX_LIST_BYTES, Design, Setting, listed
from sandbox.sweep.plan import Request, design_of, plan_text, problems, promised_metrics
from sandbox.sweep.point import Inputs, Point, points
from sandbox.sweep.problem import SweepError
from sandbox.sweep.progress import Progress
from sandbox.sweep.row import Row
from sandbox.sweep.run import POINT_CPU_S, Limits, Work, pool, run_point
from sandbox.sweep.summary import Summary
from sandbox.sweep.table import Table

JOBS_MAX = 256
CPU_S_MAX = 86_400


def add_parser(commands: Any) -> None:
    """Add the command to the shell's."""
    sweep = commands.add_parser(
        "sweep",
        help="run a scenario with many programs, parameters and seeds",
        description="Run a scenario with many programs, parameters and seeds; one row a point.",
    )
    option = sweep.add_argument
    option("scenario", metavar="SCENARIO", help="a TOML file, or a shipped TOPIC/NAME")
    option("--param", metavar="PATH=VALUES", action="append", default=[], dest="params",
        help="V1,V2,... or LOW..HIGH:STEPS (STEPSlog: equal ratios); repeat for more axes; "
        "without any, the scenario's [sweep]")  # fmt: skip
    option("--seeds", type=int, metavar="N", help="run each setting with N seeds in a row")
    option("--seed", type=int, metavar="N", help="the first of them, instead of the scenario's")
    option("--program", metavar="FILE", action="append", default=[], dest="programs",
        help="a program, or the name of a library qdisc, instead of the scenario's; "
        "repeat to compare")  # fmt: skip
    option("--latin", type=int, metavar="N", default=0,
        help="N points of a Latin hypercube instead of the grid; ranges need no STEPS")  # fmt: skip
    option("--latin-seed", type=int, metavar="N", default=1, help="another hypercube (1)")
    option("--list", metavar="FILE.csv", dest="list_file", help="take the points of a CSV file")
    option("--duration", metavar="TIME", help="instead of the scenario's, e.g. 5s")
    option("--metric", metavar="NAME", action="append", default=[], dest="metrics",
        help="a column of the table at the end, e.g. flow.call.sojourn.p99")  # fmt: skip
    option("--out", metavar="FILE", help="write a row a point: NAME.csv or NAME.jsonl; "
        "points that are in it already are not run again")  # fmt: skip
    option("--jobs", type=int, metavar="N", help="points at a time (all cores)")
    option("--cpu", type=int, metavar="SECONDS", default=POINT_CPU_S,
        help=f"processor time of one point ({POINT_CPU_S})")  # fmt: skip
    option(
        "--engine", choices=list(Engine), default=Engine.WASM, help="what runs the points (wasm)"
    )
    option("--summary", action="store_true", help="print the table at the end and nothing else")
    sweep.set_defaults(command=sweep_command)


@dataclass(slots=True, kw_only=True)
class Sweep:
    """A sweep that was checked and is ready to run."""

    scenario: Scenario
    design: Design
    inputs: Inputs
    summary: Summary
    failed: int = 0
    limited: int = 0
    first_failure: tuple[int, str] | None = None

    def take(self, point: Point, row: Row) -> None:
        """Count a finished row in."""
        self.summary.add(point, row)
        outcome = str(row["outcome"])
        expected = self.scenario.expect_error
        if expected and expected in (outcome, row["slug"]):
            return
        if outcome.startswith("limit-"):
            self.limited += 1
        elif outcome != "ok":
            self.failed += 1
        if outcome != "ok" and (self.first_failure or (point.index + 1, ""))[0] > point.index:
            values = ", ".join(f"{path}={value}" for path, value in point.values)
            text = f"{values or point.program} seed {point.seed}: {outcome}".strip()
            text += f": {row['message']}" if row["message"] else ""
            self.first_failure = (point.index, text)


def sweep_command(arguments: argparse.Namespace) -> int:
    """Plan, check and run a sweep."""
    try:
        jobs = _bounded("--jobs", arguments.jobs or _cores(), 1, JOBS_MAX)
        engine = engine_of(arguments.engine)
        cpu_s = _bounded("--cpu", arguments.cpu, 1, CPU_S_MAX)
        limits = Limits(cpu_s=cpu_s, reserved_bytes=engine.reserved_bytes)
        sweep = _prepare(arguments, engine)
        if sweep is None:
            return FAULT
        table = Table(Path(arguments.out)) if arguments.out else None
        progress = Progress(sweep.design.count, None if arguments.summary else sys.stderr)
        work = partial(run_point, inputs=sweep.inputs, cpu_s=cpu_s, engine=engine)
        return _run(sweep, table, progress, jobs, limits, work)
    except SweepError as error:
        print(f"python -m sandbox: {error.diagnostic.render()}", file=sys.stderr)
        return LIMIT if error.diagnostic.slug == "sweep-too-large" else USAGE


def _prepare(arguments: argparse.Namespace, engine: Engine) -> Sweep | None:
    path = scenario_path(arguments.scenario)
    data = read(path)
    texts, files = beside(path, data)
    loaded = load(data, files, duration=arguments.duration)
    if loaded.model is None:
        for one in loaded.diagnostics:
            print(f"{path.name}: {one.render()}", file=sys.stderr)
        return None
    programs = _programs(arguments.programs, loaded.model, texts)
    request = Request(
        params=tuple(_param(given) for given in arguments.params),
        latin=_bounded("--latin", arguments.latin, 0, 10**9),
        latin_seed=arguments.latin_seed,
        listed=_list(arguments.list_file),
        seeds=arguments.seeds,
        first_seed=checked_seed(arguments.seed),
    )
    made = design_of(request, loaded.model, tuple(programs))
    inputs = Inputs(
        scenario=data.decode(), programs=programs, files=files, duration=arguments.duration
    )
    if not arguments.summary:
        print(plan_text(loaded.model, made), end="", flush=True)
    wrong = problems(made, inputs, engine)
    for one in wrong:
        print(f"{path.name}: {one.render()}", file=sys.stderr)
    if wrong and not loaded.model.expect_error:
        return None
    chosen = tuple(dict.fromkeys(arguments.metrics)) or promised_metrics(loaded.model)
    summary = Summary(metrics=chosen, programs=len(made.programs), strict=bool(arguments.metrics))
    return Sweep(scenario=loaded.model, design=made, inputs=inputs, summary=summary)


def _programs(
    given: list[str], scenario: Scenario, texts: dict[str, str]
) -> dict[str, dict[str, str]]:
    """Return the texts to use for each program by its label; "" is the scenario as it is."""
    found: dict[str, dict[str, str]] = {}
    for name in given:
        text = None if Path(name).exists() else library_text(name)
        if text is None:
            text = read(Path(name)).decode("utf-8", "replace")
        label = Path(name).name.removesuffix(shelf.PROGRAM_SUFFIX)
        label = name if label in found else label
        if label in found:
            raise UsageError(f"--program {name} is given twice")
        found[label] = {**texts, replaced_program(scenario, Path(name).name): text}
    return found or {"": texts}


def _param(given: str) -> tuple[str, str]:
    path, equals, values = given.rpartition("=")
    if not equals or not path:
        raise UsageError(f"--param {given}: write PATH=V1,V2 or PATH=LOW..HIGH:STEPS")
    return path.strip(), values.strip()


def _list(name: str | None) -> tuple[Setting, ...]:
    if not name:
        return ()
    data = read(Path(name))
    if len(data) > MAX_LIST_BYTES:
        raise SweepError("sweep-too-large", f"the list is larger than {MAX_LIST_BYTES >> 20} MiB")
    return listed(data.decode("utf-8-sig", "replace"))


def _bounded(option: str, value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise UsageError(f"{option} takes a number from {low} to {high}, got {value}")
    return value


# --- running --------------------------------------------------------------------------------------


def _run(
    sweep: Sweep, table: Table | None, progress: Progress, jobs: int, limits: Limits, work: Work
) -> int:
    stopped = False
    try:
        todo = _todo(sweep, table, progress)
        with closing(pool(todo, work, jobs, limits)) as results:
            for point, row in results:
                if table is not None:
                    table.add(row)
                sweep.take(point, row)
                progress.step()
    except KeyboardInterrupt:
        stopped = True
    finally:
        progress.end()
        if table is not None:
            table.close(point.key for point in points(sweep.design, sweep.inputs))
    if stopped:
        print(_stopped(table), file=sys.stderr)
    print(sweep.summary.text(sweep.design), end="")
    return _verdict(sweep, stopped)


def _stopped(table: Table | None) -> str:
    if table is None:
        return "stopped"
    return f"stopped; {len(table):,} rows are in {table.path}, the same command goes on from there"


def _todo(sweep: Sweep, table: Table | None, progress: Progress) -> Iterator[Point]:
    """Yield the points to run; those that the table has are counted in at once."""
    for point in points(sweep.design, sweep.inputs):
        if table is not None and table.final(point.key):
            sweep.take(point, table.row(point.key))
            progress.skip()
        else:
            yield point


def _verdict(sweep: Sweep, stopped: bool) -> int:
    if sweep.first_failure is not None:
        bad = f"{sweep.failed + sweep.limited:,} of {sweep.summary.rows:,} points"
        print(f"{bad} did not end well, the first: {sweep.first_failure[1]}", file=sys.stderr)
    if stopped:
        return STOPPED
    if sweep.failed:
        return FAULT
    return LIMIT if sweep.limited else OK


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

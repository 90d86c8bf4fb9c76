"""A worker: locks itself, does the one task it is given, ends.

Everything a user wrote is read here and nowhere else: programs, scenarios, tc lines, pcap, CSV. The
process is forked from the zygote and serves one user's one task; points of a sweep that differ in
numbers only follow each other in one.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from sandbox import shelf
from sandbox.channel import Channel, ServiceGone
from sandbox.diagnostics import Diagnostic
from sandbox.engine import prepare
from sandbox.lockdown import Layer, Limits, LockError, control_socket, forbid_code, lock
from sandbox.machines.interface import Engine
from sandbox.protocol import Exit, Outcome, ProtocolError, job_from_json
from sandbox.results.waits import waits
from sandbox.stream import Start, Stream
from sandbox.sweep.asked import asked_from_json, first_job, plan, refused_plan
from sandbox.sweep.cost import cost_ms, process_ms
from sandbox.sweep.point import Point
from sandbox.sweep.problem import SweepError
from sandbox.sweep.run import row_of
from sandbox.units import UnitError, parse_time_ns

# A worker that has used so much of a point's processor time takes no other point.
BUSY_SHARE = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """What a task may use. `seal` puts the last filter on: no machine code is made after it."""

    limits: Limits
    engine: Engine
    seal: Callable[[], None]


def main(
    limits: Limits, parent_pid: int, allow_unlocked: bool, engine: Engine = Engine.REFERENCE
) -> NoReturn:
    """Lock, serve one task from fd 0, and end the process; never returns into the zygote."""
    code = Exit.BROKEN
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        sys.stdin = sys.stdout = sys.stderr = None
        control = control_socket()
        compiling = engine is Engine.WASM
        layers = lock(limits, parent_pid, allow_unlocked=allow_unlocked, compiling=compiling)
        sealing = compiling and Layer.SECCOMP in layers
        place = Workplace(limits=limits, engine=engine, seal=forbid_code if sealing else _sealed)
        channel = Channel(control)
        serve(channel, place)
        channel.linger()
        code = Exit.DONE
    except LockError:
        code = Exit.UNLOCKED
    except ServiceGone:
        code = Exit.DONE
    except MemoryError:
        code = Exit.MEMORY
    finally:
        os._exit(code)


def _sealed() -> None:
    """Do nothing: the only filter is the strict one."""


def serve(channel: Channel, place: Workplace) -> None:
    """Do the task that the first message names; whatever goes wrong is told in one message."""
    try:
        task = channel.receive()
        perform = TASKS.get(str(task.get("op")))
        if perform is None:
            raise ProtocolError("bad-message", "a worker does not know this task")
        if perform not in (run, plan_sweep, points):
            place.seal()
        perform(channel, task, place)
    except ProtocolError as problem:
        channel.send(_error(problem.slug, problem.message))
    except MemoryError:
        channel.send(finished(Outcome.LIMIT_MEMORY))
    except ServiceGone:
        raise
    except Exception as problem:
        # Our own mistake. Its text may hold what a user wrote, so only its type is told.
        channel.send(finished(Outcome.CRASHED, type(problem).__name__))


def run(channel: Channel, task: dict[str, Any], place: Workplace) -> None:
    """Check, compile and run a job, streaming it by credit."""
    job = job_from_json(task.get("job"))
    rewind = task.get("rewind")
    start = Start(
        from_row=int(task.get("from_row", 0)),
        rewind_ns=None if rewind is None else _time_ns(rewind),
        credit=int(task.get("credit", 0)),
        paused=bool(task.get("paused", False)),
        steps=int(task.get("steps", 0)),
        cpu_ms=place.limits.cpu_ms,
    )
    prepared = prepare(job, place.engine, rewindable=job.trace)
    place.seal()
    channel.send(_diagnostics(prepared.diagnostics, prepared.run is not None))
    if prepared.run is None:
        channel.send(finished(Outcome.COMPILE_ERROR))
        return
    channel.send({"op": "started", **prepared.run.started()})
    gc.disable()  # a run makes no cyclic garbage, and the process ends with it
    message = Stream(channel, job, prepared.run, start).serve()
    channel.send({"op": "finished", **message})


def check(channel: Channel, task: dict[str, Any], place: Workplace) -> None:
    """Report every problem of a program or of a scenario with its programs."""
    program = task.get("program")
    if program is not None:
        if type(program) is not str:
            raise ProtocolError("bad-type", "program must be text")
        problems = shelf.check_program(program, str(task.get("name", "program")))
    else:
        job = job_from_json(task.get("job"))
        problems = prepare(job).diagnostics
    ok = not any(problem.severity == "error" for problem in problems)
    channel.send(_diagnostics(problems, ok))


def plan_sweep(channel: Channel, task: dict[str, Any], place: Workplace) -> None:
    """Say which points a sweep has and what one costs, or what keeps it from running."""
    try:
        asked = asked_from_json(task["sweep"])
        reply = plan(asked)
    except SweepError as refused:
        channel.send({"op": "planned", **refused_plan(refused)})
        return
    since_ms = process_ms()
    first = prepare(first_job(asked, reply), place.engine).run if reply["ok"] else None
    place.seal()
    if first is not None:
        reply["point_ms"] = cost_ms(first, since_ms)
    channel.send({"op": "planned", **reply})


def points(channel: Channel, task: dict[str, Any], place: Workplace) -> None:
    """Run points of a sweep, one after the other until nobody gives another, and say the row of each."""
    more = _point(channel, task, place, place.seal)
    while more:
        task = channel.receive()
        if task.get("op") != "point":
            raise ProtocolError("bad-message", "after a point a worker takes only points")
        gc.collect()  # the last one's memory, before the next asks for its own
        more = _point(channel, task, place, _sealed)


def _point(
    channel: Channel, task: dict[str, Any], place: Workplace, seal: Callable[[], None]
) -> bool:
    """Run one point without a trace and say its row; return whether another may follow."""
    limit_s = place.limits.cpu_ms / 1000
    until_s = time.process_time() + limit_s
    one = Point(
        index=0,
        key=str(task["key"]),
        program=str(task["program"]),
        values=tuple(task["values"].items()),
        seed=int(task["seed"]),
    )
    prepared = prepare(job_from_json(task["job"]), place.engine)
    seal()
    gc.disable()
    row = row_of(one, prepared, until_s)
    found = {}
    if prepared.run is not None:
        names = [flow.name for flow in prepared.run.scenario.flows]
        found = waits(prepared.run.network, names)
    # A refused point may have made no machine code, and none can be made any more.
    more = prepared.run is not None and time.process_time() < limit_s * BUSY_SHARE
    channel.send({"op": "row", "row": row, "waits": found, "more": more})
    return more


def show(channel: Channel, task: dict[str, Any], place: Workplace) -> None:
    """Describe what ships with the sandbox: the library, the scenarios, the helpers."""
    shelves: dict[str, Callable[[], dict[str, Any]]] = {
        "library": shelf.library,
        "scenarios": shelf.scenarios,
        "helpers": shelf.helpers,
    }
    op = task["op"]
    channel.send({"op": op, **shelves[op]()})


TASKS: dict[str, Callable[[Channel, dict[str, Any], Workplace], None]] = {
    "run": run,
    "check": check,
    "plan": plan_sweep,
    "point": points,
    "library": show,
    "scenarios": show,
    "helpers": show,
}


def finished(outcome: Outcome, reason: str = "") -> dict[str, Any]:
    """Return the last message of a run that has no results."""
    return {
        "op": "finished",
        "outcome": str(outcome),
        "digest": "",
        "rows": 0,
        "time_ns": 0,
        "statistics": {},
        "maps": [],
        "tc_text": "",
        "map_text": "",
        "fault": {"message": reason} if reason else None,
        "expects": [],
        "truncated": outcome is not Outcome.COMPILE_ERROR,
        "lines": {},
    }


def _diagnostics(problems: tuple[Diagnostic, ...], ok: bool) -> dict[str, Any]:
    return {"op": "diagnostics", "ok": ok, "diagnostics": [item.to_json() for item in problems]}


def _error(slug: str, message: str) -> dict[str, Any]:
    return {"op": "error", "error": {"slug": slug, "message": message}}


def _time_ns(value: Any) -> int:
    try:
        return parse_time_ns(value)
    except UnitError as problem:
        raise ProtocolError("bad-event", f"event.at: {problem}") from None

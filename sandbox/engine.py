"""Run: one simulation from its job to its result, driven by a worker, the shell or a test.

A run is a pure function of its job and ENGINE_VERSION; its digest covers every row that is no map state, the final
statistics, map dumps and the log.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from sandbox.build.changes import Changes
from sandbox.build.network import Network
from sandbox.build.places import Places
from sandbox.build.programs import Programs
from sandbox.build.traffic import build_source
from sandbox.build.values import Overrides
from sandbox.core.kinds import FAULT
from sandbox.core.sim import Sim
from sandbox.core.skb import SkbPool
from sandbox.core.trace import ROW_BYTES, Trace
from sandbox.core.trap import Trap
from sandbox.diagnostics import Diagnostic
from sandbox.history import History
from sandbox.machines.checkpoints import Checkpoint
from sandbox.machines.interface import Engine, Machine, Rewindable
from sandbox.machines.reference import ReferenceMachine
from sandbox.protocol import PACKETS_MAX, ROWS_MAX, Job, Outcome
from sandbox.results.dumps import dump_instance
from sandbox.results.faults import describe, log_entry, outcome_of
from sandbox.results.lines import line_counts
from sandbox.results.statistics import statistics
from sandbox.results.text import map_text, tc_text
from sandbox.scenario.expect import judge
from sandbox.scenario.load import Loaded, load
from sandbox.scenario.model import Scenario

ENGINE_VERSION = "reference-2"
SLICE_EVENTS = 20_000
PACKETS_MAX_UNTRACED = 20_000_000
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A job that was checked: what there is to say, and the run unless anything is an error."""

    diagnostics: tuple[Diagnostic, ...]
    run: Run | None


@dataclass(slots=True)
class Run:
    """A run in progress. `advance` computes; everything else reads."""

    scenario: Scenario
    network: Network
    changes: Changes
    overrides: Overrides
    machine: Machine
    outcome: Outcome | None = None
    fault: dict[str, Any] | None = None
    truncated: bool = False
    log_sent: int = 0
    rows: int = field(default=0)
    history: History | None = None

    @property
    def sim(self) -> Sim:
        """Return the simulator."""
        return self.network.sim

    @property
    def done(self) -> bool:
        """Return whether the run is over."""
        return self.outcome is not None

    def started(self) -> dict[str, Any]:
        """Return what a reader of the rows must know: places, flows, programs, parameters."""
        return {
            "seed": self.sim.seed,
            "duration_ns": self.scenario.duration_ns,
            "title": self.scenario.title,
            "summary": self.scenario.summary,
            "look_for": self.scenario.look_for,
            "story": self.scenario.story,
            "engine": ENGINE_VERSION,
            "places": self.network.places.table,
            "flows": [self._flow(index) for index in range(len(self.scenario.flows))],
            "programs": self.network.programs.sources(),
            "params": list(self._params()),
        }

    def _flow(self, index: int) -> dict[str, Any]:
        flow = self.scenario.flows[index]
        return {
            "index": index,
            "name": flow.name,
            "model": flow.model,
            "letter": LETTERS[index % 26],
            "device": self.sim.devices[self.sim.sources[index].device - 1].place,
        }

    def _params(self) -> Any:
        for target, built in self.network.built.items():
            for param, value in zip(built.loaded.program.params, built.params, strict=True):
                yield {
                    "path": f"{target}.{param.name}",
                    "instance": built.instance.place,
                    "name": param.name,
                    "value": list(value) if isinstance(value, list) else value,
                    "low": param.low,
                    "high": param.high,
                    "unit": param.unit,
                    "help": param.help,
                    "kind": "list" if isinstance(value, list) else param.kind.value,
                }

    def advance(self, rows: int, events: int = SLICE_EVENTS) -> bytes:
        """Compute until about `rows` more rows are there, `events` are done or the run is over; return the rows.

        Without a trace there are no rows to stop at.
        """
        machine = self.machine
        if self.done:
            return b""
        if self.history is not None:
            self.history.note()
        goal = machine.rows() + rows if self.sim.trace.kept else 1 << 62
        goal = min(goal, ROWS_MAX) if self.sim.trace.kept else goal
        try:
            self._compute(goal, events)
        except Trap as caught:
            data = machine.take()
            self._fail(caught)
            return self._counted(data)
        except MemoryError:
            data = machine.take()
            self.end(Outcome.LIMIT_MEMORY)
            return self._counted(data)
        data = machine.take()
        if machine.due_ns() < 0:
            self._finish(Outcome.OK)
        elif machine.rows() >= ROWS_MAX:
            self.end(Outcome.LIMIT_OUTPUT)
        return self._counted(data)

    def _counted(self, data: bytes) -> bytes:
        """Return rows of the machine and those written after it stopped."""
        data += self.sim.trace.take()
        self.rows += len(data) // ROW_BYTES
        return data

    def _compute(self, goal: int, events: int) -> None:
        machine = self.machine
        if not machine.begun:
            machine.start()
        limit = machine.handled() + events
        while machine.handled() < limit and machine.rows() < goal and machine.due_ns() >= 0:
            machine.run(goal, limit - machine.handled())

    def rewind(self, fits: Callable[[Checkpoint], bool]) -> bool:
        """Go back to the last kept state that fits; False, and nothing happens, when there is none.

        `rows` says where the run is then.
        """
        checkpoint = self.history.back_to(fits) if self.history is not None else None
        if checkpoint is None:
            return False
        self.rows = checkpoint.rows
        self.log_sent = min(self.log_sent, checkpoint.logged)
        self.outcome, self.fault, self.truncated = None, None, False
        return True

    def seek(self, event: int) -> bool:
        """Go to the state after so many events, or to the end of a run that has fewer; rows on the way are dropped.

        False, and nothing happens, when that is behind and no state from before it is kept.
        """
        behind = self.done or self.machine.handled() > event
        if behind and not self.rewind(lambda checkpoint: checkpoint.handled <= event):
            return False
        while not self.done and self.machine.handled() < event:
            self.advance(ROWS_MAX, min(SLICE_EVENTS, event - self.machine.handled()))
        return True

    def _fail(self, caught: Trap) -> None:
        self.machine.read()
        self.fault = describe(self.network, caught)
        self.sim.trace.row(
            self.fault["skb"],
            FAULT,
            caught.code,
            self.fault["place"],
            caught.value,
            caught.line,
            0,
            0,
        )
        self.truncated = True
        self._over(outcome_of(caught))

    def end(self, outcome: Outcome) -> None:
        """End a run early, for instance at a limit; what was computed is its result."""
        if self.outcome is None:
            self.truncated = True
            self._finish(outcome)

    def _finish(self, outcome: Outcome) -> None:
        self.machine.read()
        self._over(outcome)

    def _over(self, outcome: Outcome) -> None:
        """End the run; the core's objects show its last state."""
        self.outcome = outcome
        if outcome is Outcome.OK:
            self.sim.now_ns = max(self.sim.now_ns, self.scenario.duration_ns)
            self.sim.trace.now_ns = self.sim.now_ns
        self.sim.trace.fold()

    def log_since(self) -> list[dict[str, Any]]:
        """Return the log lines written since the last call."""
        if not self.done:
            self.machine.read_log()
        first = self.log_sent
        self.log_sent = len(self.sim.log)
        return [log_entry(self.network, index) for index in range(first, self.log_sent)]

    def progress(self) -> dict[str, Any]:
        """Return how far the run is."""
        return {
            "time_ns": self.sim.now_ns if self.done else self.machine.now_ns(),
            "rows": self.rows,
            "packets": self.sim.pool.made if self.done else self.machine.made(),
        }

    def dumps(self) -> list[dict[str, Any]]:
        """Return the contents of all maps and globals, as user space sees them."""
        if not self.done:
            self.machine.read()
        return [dump_instance(built) for built in self.network.built.values()]

    def finished(self) -> dict[str, Any]:
        """Return the result of the run."""
        assert self.outcome is not None
        numbers = statistics(self.network)
        maps = self.dumps()
        return {
            "outcome": self.outcome.value,
            "digest": self._digest(numbers, maps),
            "rows": self.rows,
            "time_ns": self.sim.now_ns,
            "statistics": numbers,
            "maps": maps,
            "tc_text": tc_text(self.network),
            "map_text": map_text(maps),
            "fault": self.fault,
            "expects": self._expects(numbers),
            "truncated": self.truncated,
            "lines": line_counts(self.network),
        }

    def _expects(self, numbers: dict[str, Any]) -> list[dict[str, Any]]:
        found = []
        for expect in self.scenario.expects:
            verdict = judge(expect, numbers)
            found.append({"text": verdict.text, "ok": verdict.ok, "value": verdict.shown})
        wanted = self.scenario.expect_error
        if wanted:
            slug = self.fault["slug"] if self.fault else ""
            outcome = str(self.outcome)
            ok = wanted in (slug, outcome)
            found.append({"text": f"ends with {wanted}", "ok": ok, "value": slug or outcome})
        return found

    def _digest(self, numbers: dict[str, Any], maps: list[dict[str, Any]]) -> str:
        log = [list(entry) for entry in self.sim.log]
        rest = json.dumps([numbers, maps, log], separators=(",", ":"), sort_keys=True)
        total = hashlib.sha256(self.sim.trace.digest.to_bytes(16, "big"))
        total.update(rest.encode())
        return total.hexdigest()


def scenario_of(job: Job) -> Loaded:
    """Return the scenario of a job with what the job adds to it, and what is wrong with either."""
    return load(job.scenario, job.files, events=job.events, seed=job.seed, duration=job.duration)


def prepare(job: Job, engine: Engine = Engine.REFERENCE, *, rewindable: bool = False) -> Prepared:
    """Check everything in a job and build its run; all problems are reported at once.

    A `rewindable` run keeps checkpoints if its engine can; the reference engine cannot.
    """
    loaded = scenario_of(job)
    diagnostics = list(loaded.diagnostics)
    scenario = loaded.model
    if scenario is None:
        return Prepared(tuple(diagnostics), None)
    network = _network(job, scenario, engine)
    network.build()
    for index, flow in enumerate(scenario.flows):
        ifindex = network.ifindex(flow.device)
        netdev = network.sim.devices[ifindex - 1]
        network.sim.sources.append(build_source(flow, index, netdev, scenario.seed))
    changes = Changes(network)
    changes.build()
    diagnostics += network.programs.problems + network.problems + network.overrides.strangers()
    if any(one.severity == "error" for one in diagnostics):
        return Prepared(tuple(diagnostics), None)
    machine = _machine(engine, network, changes)
    run = Run(scenario, network, changes, network.overrides, machine)
    if rewindable and engine == Engine.WASM:
        run.history = History(cast(Rewindable, machine), changes)
    return Prepared(tuple(diagnostics), run)


def _machine(engine: Engine, network: Network, changes: Changes) -> Machine:
    if engine == Engine.WASM:
        from sandbox.machines.wasm import WasmMachine  # wasmtime takes long to import

        return WasmMachine(network, changes)
    return ReferenceMachine(network, changes)


def _network(job: Job, scenario: Scenario, engine: Engine) -> Network:
    trace = Trace(job.trace)
    trace.open()
    pool = SkbPool()
    pool.open()
    most = PACKETS_MAX if job.trace else PACKETS_MAX_UNTRACED
    sim = Sim(trace, pool, scenario.seed, scenario.duration_ns, most)
    sim.open()
    shared = {entry.name: entry for entry in scenario.programs}
    programs = Programs(
        dict(job.programs), shared, job.trace, engine == Engine.REFERENCE, job.line_counts
    )
    return Network(scenario, sim, Places(), programs, Overrides(job.params))

"""Branch: a run goes back and on with one event more, as if that had been in its scenario from the start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sandbox.diagnostics import Diagnostic
from sandbox.engine import Run, scenario_of
from sandbox.machines.checkpoints import Checkpoint
from sandbox.protocol import Job


@dataclass(frozen=True, slots=True)
class Branched:
    """What became of it: the job with the event and the run at or before it; or why not.

    Without `job` the run is as it was. It then has errors, unless only a run that is built anew can take the event.
    """

    job: Job | None
    diagnostics: tuple[Diagnostic, ...] = ()
    at_ns: int = 0


def branch(run: Run, job: Job, event: Mapping[str, Any], row: int) -> Branched:
    """Take a run of a job back to before an event, and to at most `row` rows, and plant the event there."""
    wanted = replace(job, events=(*job.events, dict(event)))
    loaded = scenario_of(wanted)
    scenario, history = loaded.model, run.history
    if scenario is None:
        errors = [one for one in loaded.diagnostics if one.severity == "error"]
        return Branched(None, tuple(errors))
    known = len(run.scenario.events)
    added = [one for one in scenario.events if one.number >= known]
    # A tc line brings parts of its own: qdiscs, filters, programs.
    if history is None or any(one.do == "tc" for one in added):
        return Branched(None)
    planted, problems = history.build(added)
    if problems:
        return Branched(None, tuple(problems))
    at_ns = min((one.at_ns for one in planted), default=0)

    def before(checkpoint: Checkpoint) -> bool:
        early = checkpoint.now_ns < at_ns or checkpoint.handled == 0
        return early and checkpoint.rows <= row

    if not run.rewind(before):
        return Branched(None)
    history.plant(planted)
    run.scenario = scenario
    return Branched(wanted, at_ns=at_ns)

"""Both engines: a job played on each must give the same."""

from __future__ import annotations

from typing import Any

from sandbox.compare import Played, differences, play
from sandbox.machines.interface import Engine
from sandbox.protocol import Job


def played(scenario: str, programs: dict[str, Any], *, trace: bool = False) -> Played:
    """Return what a run gave, having asserted that it is the same on both engines."""
    job = Job(scenario=scenario, programs=programs, trace=trace)
    reference = play(job, Engine.REFERENCE)
    assert reference is not None
    assert differences(reference, play(job, Engine.WASM)) == []
    return reference

"""Agreement: what both engines must give alike."""

from __future__ import annotations

from hypothesis import event

from sandbox.compare import differences, play
from sandbox.machines.interface import Engine
from sandbox.protocol import Job


def assert_agreement(job: Job) -> None:
    """Play a drawn job on both engines and assert that nothing differs; a refused one is counted."""
    reference = play(job, Engine.REFERENCE)
    if reference is None:
        event("refused")
        return
    event(f"outcome {reference.finished['outcome']}")
    assert differences(reference, play(job, Engine.WASM)) == []

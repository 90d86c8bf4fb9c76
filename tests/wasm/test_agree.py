"""Both engines give the same rows, digests, statistics, maps, logs and faults."""

from __future__ import annotations

import dataclasses
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox import shelf
from sandbox.cli_inputs import beside
from sandbox.compare import differences, play
from sandbox.machines.interface import Engine
from sandbox.protocol import Job
from tests.wasm.agreement import assert_agreement
from tests.wasm.jobs import jobs

EXAMPLES = int(os.environ.get("AGREE_EXAMPLES", "40"))
SHIPPED = sorted(shelf.SCENARIOS.glob("*/*.toml"))


@pytest.mark.parametrize("trace", [False, True], ids=["digest", "trace"])
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_scenario_agrees(path: object, trace: bool) -> None:
    from pathlib import Path

    assert isinstance(path, Path)
    data = path.read_bytes()
    programs, files = beside(path, data)
    job = Job(scenario=data.decode(), programs=programs, files=files, trace=trace)
    reference = play(job, Engine.REFERENCE)
    assert differences(reference, play(job, Engine.WASM)) == []
    if reference is None:  # a scenario that shows a refusal
        return
    counting = dataclasses.replace(job, line_counts=True)
    counted = play(counting, Engine.REFERENCE)
    assert counted is not None
    assert counted.finished["digest"] == reference.finished["digest"]
    assert sum(sum(lines.values()) for lines in counted.finished["lines"].values()) > 0
    assert differences(counted, play(counting, Engine.WASM)) == []


@settings(deadline=None, max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(jobs(), st.booleans())
def test_random_jobs_agree(job: Job, line_counts: bool) -> None:
    assert_agreement(dataclasses.replace(job, line_counts=line_counts))

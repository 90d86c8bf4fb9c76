"""Both engines agree on random programs, which use all of the language, and on all they ever differed about."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.cli_inputs import beside
from sandbox.compare import differences, play
from sandbox.compiler.wasm import program_scope
from sandbox.language.check import check
from sandbox.machines.interface import Engine
from sandbox.machines.wasm import forget
from sandbox.protocol import Job
from tests.wasm.agreement import assert_agreement
from tests.wasm.random.job import MAIN, random_job
from tests.wasm.random.reach import everything, used

EXAMPLES = int(os.environ.get("AGREE_EXAMPLES", "40"))
CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.toml"))
ENOUGH = 120  # programs that together use everything


@settings(deadline=None, max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32 - 1))
def test_random_programs_agree(number: int) -> None:
    assert_agreement(random_job(number))


@pytest.fixture
def all_large(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have every function compiled as the large ones are, which call for what others have written out."""
    forget()
    monkeypatch.setattr(program_scope, "LARGE_NODES", 0)
    yield
    forget()


@settings(deadline=None, max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32 - 1))
def test_random_programs_agree_when_they_are_large(all_large: None, number: int) -> None:
    assert_agreement(random_job(number))


def test_random_programs_are_accepted_and_use_the_whole_language() -> None:
    found: set[str] = set()
    for number in range(ENOUGH):
        program = check(random_job(number).programs[MAIN], MAIN).program
        assert program is not None, number
        found |= used(program)
    assert everything() - found == set()


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_what_once_differed_agrees(path: Path) -> None:
    data = path.read_bytes()
    programs, files = beside(path, data)
    job = Job(scenario=data.decode(), programs=programs, files=files, trace=True)
    reference = play(job, Engine.REFERENCE)
    assert reference is not None
    assert differences(reference, play(job, Engine.WASM)) == []

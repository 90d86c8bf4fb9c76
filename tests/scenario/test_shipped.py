"""Every shipped scenario runs, keeps its promises, and keeps the house rules of its folder."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from sandbox.engine import prepare
from sandbox.protocol import Job
from sandbox.scenario.load import load

SCENARIOS = Path(__file__).resolve().parent.parent.parent / "scenarios"
PATHS = sorted(path for path in SCENARIOS.glob("*/*.toml"))
NAMES = [path.relative_to(SCENARIOS).as_posix().removesuffix(".toml") for path in PATHS]
MAX_LINES = 60


def job(path: Path, *, trace: bool = False) -> Job:
    text = path.read_text()
    beside = [other for other in sorted(path.parent.iterdir()) if other.name in text]
    programs = {one.name: one.read_text() for one in beside if one.name.endswith(".qdisc.py")}
    files = {one.name: one.read_bytes() for one in beside if one.name not in programs}
    return Job(scenario=text, programs=programs, files=files, trace=trace)


def run(path: Path, *, trace: bool = False) -> dict[str, object]:
    prepared = prepare(job(path, trace=trace))
    assert prepared.run is not None, [one.render() for one in prepared.diagnostics]
    while not prepared.run.done:
        prepared.run.advance(65_536)
    return prepared.run.finished()


@pytest.mark.parametrize("path", PATHS, ids=NAMES)
def test_a_shipped_scenario_keeps_its_promises(path: Path) -> None:
    expected = tomllib.loads(path.read_text()).get("expect_error", "")
    prepared = prepare(job(path))
    if expected and prepared.run is None:
        assert expected in {one.slug for one in prepared.diagnostics}
        return
    finished = run(path)
    assert finished["outcome"] == (expected or "ok"), finished["fault"]
    broken = [one for one in finished["expects"] if not one["ok"]]  # type: ignore[attr-defined]
    assert broken == []


@pytest.mark.parametrize("path", PATHS, ids=NAMES)
def test_a_shipped_scenario_tells_its_lesson(path: Path) -> None:
    text = path.read_text()
    data = tomllib.loads(text)
    for key in ("title", "summary", "look_for", "story"):
        assert data.get(key, "").strip(), f"{key} is missing"
    assert len(data["title"]) <= 60
    assert data.get("expect") or data.get("expect_error"), "no promise"
    assert len(text.splitlines()) <= MAX_LINES
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", path.stem)
    assert text.startswith("#:schema ../scenario.schema.json\n")
    assert path.stem in (SCENARIOS / "README.md").read_text(), "not on the tour"


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*/*.qdisc.py")), ids=lambda p: p.name)
def test_a_program_beside_a_scenario_is_short_and_used(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MAX_LINES
    assert text.startswith('"""')
    assert any(path.name in toml.read_text() for toml in path.parent.glob("*.toml"))


def test_there_are_lessons_of_every_kind() -> None:
    assert len(PATHS) >= 12
    assert any(
        load(p.read_bytes(), {}).model is None or "expect_error" in p.read_text() for p in PATHS
    )


def test_the_opening_scenario_shows_a_drowning_call_within_two_seconds() -> None:
    opening = SCENARIOS / "latency" / "bufferbloat.toml"
    shortened = Job(scenario=opening.read_text(), duration="2s", trace=False)
    prepared = prepare(shortened)
    assert prepared.run is not None
    while not prepared.run.done:
        prepared.run.advance(65_536)
    call = prepared.run.finished()["statistics"]["flows"]["call"]
    assert call["sojourn"]["max"] > 150_000_000
    assert call["drops"] == 0


@pytest.mark.parametrize("name", ["first-steps/two-flows-one-queue", "devices/link-down"])
def test_the_same_scenario_has_the_same_digest_with_and_without_trace(name: str) -> None:
    path = SCENARIOS / f"{name}.toml"
    digests = {run(path)["digest"], run(path)["digest"], run(path, trace=True)["digest"]}
    assert len(digests) == 1


def test_the_template_runs_and_keeps_its_promise() -> None:
    finished = run(SCENARIOS / "_template.toml")
    assert finished["outcome"] == "ok"
    assert all(one["ok"] for one in finished["expects"])  # type: ignore[attr-defined]

"""No hostile input gets anywhere: the whole corpus, through the real service."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.backend.service import FIFO, SCENARIO, Run, Service, eventually, inputs, service

CORPUS = Path(__file__).parent / "hostile"
CASES = sorted(CORPUS.glob("*.txt"))
SECRET = "canary-7f3a9c51e2"
BYTES = {"nul": "\0", "cr": "\r", "ff": "\f"}
REPEAT = re.compile(r"\{\{(?:(\d+)\*((?:\{nl\}|(?!\{nl\}).)*?)|(\w+))\}\}", re.DOTALL)
REPLAY = SCENARIO.replace("DURATION", "1s").replace(
    'a = { model = "poisson", rate = "8mbit", size = "1000b" }',
    'a = { model = "replay", file = "recording" }',
)


@dataclass(frozen=True)
class Case:
    kind: str
    expect: frozenset[str]
    text: str


def read(path: Path) -> Case:
    head, text = path.read_text(encoding="utf-8").split("# ---\n", 1)
    fields = dict(line.removeprefix("# ").split(": ", 1) for line in head.splitlines())
    assert fields["what"]
    return Case(
        kind=path.name.split(".")[-2],
        expect=frozenset(fields["expect"].split("|")),
        text=REPEAT.sub(expand, text),
    )


def expand(found: re.Match[str]) -> str:
    if found[1]:
        return found[2].replace("{nl}", "\n") * int(found[1])
    if found[3] == "stairs":
        return "".join(" " * depth + "if 1:\n" for depth in range(300))
    return BYTES[found[3]]


def job(case: Case) -> dict[str, Any]:
    if case.kind == "py":
        return inputs("100ms", case.text)
    if case.kind == "toml":
        return {"scenario": case.text, "programs": {"mine.qdisc.py": FIFO}}
    content = bytes.fromhex(case.text) if case.kind == "pcap" else case.text.encode()
    return {**inputs(files={"recording": content}), "scenario": REPLAY}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    secret = tmp_path_factory.mktemp("secret") / "canary.txt"
    secret.write_text(SECRET)
    os.environ["CANARY"] = SECRET
    try:
        with service(run_cpu_ms=2000, stall_s=0.5, live_runs=8) as running:
            yield running
    finally:
        del os.environ["CANARY"]


@pytest.fixture(scope="module")
def before(target: Service) -> Run:
    with target.connect() as client:
        client.start(inputs())
        return client.to_end()


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name.removesuffix(".txt"))
def test_a_hostile_input_ends_as_it_must(target: Service, before: Run, path: Path) -> None:
    case = read(path)
    with target.connect() as client:
        client.start(job(case))
        run = client.collect(lambda seen: bool(seen.of("finished") or seen.of("error")))
        if not run.of("finished"):
            assert run.of("error")[0]["error"]["slug"]
            client.to_end(run) if run.of("diagnostics") else None
    assert outcome(run) in case.expect, run.messages[-2:]
    assert SECRET not in str(run.messages)
    assert SECRET.encode() not in run.rows


def outcome(run: Run) -> str:
    """Return how it ended; `refused` also demands that somebody said why."""
    if not run.of("finished"):
        return "refused"
    ended = str(run.finished["outcome"])
    if ended != "compile-error":
        return ended
    problems = run.of("diagnostics")[0]["diagnostics"]
    assert any(problem["severity"] == "error" for problem in problems)
    return "refused"


def test_after_all_of_it_a_good_run_is_what_it_was(target: Service, before: Run) -> None:
    with target.connect() as client:
        client.start(inputs())
        after = client.to_end()
    assert after.finished["outcome"] == "ok"
    assert after.finished["digest"] == before.finished["digest"]
    assert after.rows == before.rows
    assert eventually(lambda: target.workers() == [])
    assert target.health()["live_runs"] == 0
    assert eventually(lambda: target.health()["sockets"] == 0)


def test_the_corpus_is_large_and_says_what_it_does() -> None:
    assert len(CASES) >= 60
    for path in CASES:
        assert re.match(r"# what: \S.*\n# expect: [a-z|-]+\n# ---\n", path.read_text("utf-8"))

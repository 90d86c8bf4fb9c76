"""The Python client against a real service: one run, sweeps, errors, lost connections."""

from __future__ import annotations

import ast
import csv
import io
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from qdisc_playground import Batch, Playground, PlaygroundError
from tests.backend.service import ROOT, Service
from tests.backend.test_batches import LIMITED, SCENARIO

PROGRAMS = {"mine.qdisc.py": LIMITED}


@pytest.fixture
def playground(served: Service) -> Iterator[Playground]:
    with Playground(served.url) as opened:
        yield opened


@pytest.fixture
def batch(playground: Playground) -> Batch:
    made = playground.sweep(SCENARIO, programs=PROGRAMS, params={"limit": [5, 10]}, seeds=2)
    return made.wait(progress=False)


def test_one_run_is_that_of_the_shell(playground: Playground, tmp_path: Path) -> None:
    row = playground.run(SCENARIO, programs=PROGRAMS, params={"limit": 7})
    (tmp_path / "s.toml").write_text(SCENARIO)
    (tmp_path / "mine.qdisc.py").write_text(LIMITED)
    command = [sys.executable, "-m", "sandbox", "run", str(tmp_path / "s.toml"), "--set", "limit=7"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert (row["outcome"], row["seed"]) == ("ok", 3)
    assert f"digest {row['digest'][:16]}" in printed


def test_a_shipped_scenario_runs_by_its_name(playground: Playground) -> None:
    row = playground.run("first-steps/fifo-fills-up", duration="100ms")
    assert row["outcome"] == "ok"
    with pytest.raises(PlaygroundError, match="first-steps/fifo-fills-up"):
        playground.run("first-steps/no-such")


def test_a_sweep_is_waited_for_and_read(playground: Playground, batch: Batch) -> None:
    rows = batch.results()
    assert [(row["param.limit"], row["seed"]) for row in rows] == [
        (5, 3), (5, 4), (10, 3), (10, 4)
    ]  # fmt: skip
    assert sorted(row["key"] for row in batch.rows()) == sorted(row["key"] for row in rows)
    again = playground.batch(batch.url)
    assert again.results() == rows
    assert repr(again).endswith("done 4/4>")


def test_the_summary_has_a_row_for_each_setting(batch: Batch) -> None:
    summary = batch.summary("total.drops")
    assert [row["limit"] for row in summary] == ["5", "10"]
    drops = [row["total.drops"] for row in batch.results()]
    assert summary[0]["total.drops"] == sum(drops[:2]) / 2
    assert summary[0]["total.drops ±"] > 0


def test_rows_become_a_frame_and_files(batch: Batch, tmp_path: Path) -> None:
    frame = batch.frame()
    assert frame.shape[0] == 4
    assert list(frame["digest"]) == [row["digest"] for row in batch.results()]
    batch.save(str(tmp_path / "out.csv"))
    table = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text())))
    assert [row["digest"] for row in table] == list(frame["digest"])
    batch.save(str(tmp_path / "out.parquet"))
    assert (tmp_path / "out.parquet").read_bytes()[:4] == b"PAR1"
    (tmp_path / "kept.csv").write_text("precious")
    absent = Batch(batch._http, {**batch.state, "id": "A" * 22})
    with pytest.raises(PlaygroundError, match="no batch with this id"):
        absent.save(str(tmp_path / "kept.csv"))
    assert (tmp_path / "kept.csv").read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "kept.csv",
        "out.csv",
        "out.parquet",
    ]
    with pytest.raises(PlaygroundError, match="must end with"):
        batch.save(str(tmp_path / "out.xls"))


def test_progress_is_a_bar(playground: Playground) -> None:
    out = io.StringIO()
    made = playground.sweep(SCENARIO, programs=PROGRAMS, params={"limit": "20..40:2"}, seeds=2)
    made.wait(progress=out)
    assert out.getvalue().endswith("\n")
    assert "4/4 done" in out.getvalue()


def test_programs_of_the_library_are_compared_by_name(playground: Playground) -> None:
    made = playground.sweep(SCENARIO, programs=PROGRAMS, compare=["pfifo", "sfq"], seeds=1)
    rows = made.wait(progress=False).results()
    assert [row["program"] for row in rows] == ["pfifo", "sfq"]
    alone = playground.sweep(SCENARIO, programs=PROGRAMS, compare="sfq", params={}, seeds=1)
    assert alone.wait(progress=False).state["programs"] == ["sfq"]


def test_what_cannot_run_says_why(playground: Playground) -> None:
    with pytest.raises(PlaygroundError) as caught:
        playground.sweep(SCENARIO, programs={"mine.qdisc.py": "def enqueue(: pass"}, seeds=2)
    assert caught.value.diagnostics
    with pytest.raises(PlaygroundError, match="limt"):
        playground.sweep(SCENARIO, programs=PROGRAMS, params={"limt": [1, 2]})
    with pytest.raises(PlaygroundError, match="seed=N"):
        playground.run(SCENARIO, programs=PROGRAMS, params={"seed": 9})
    with pytest.raises(PlaygroundError, match="id of a batch"):
        playground.batch("")


def test_a_sweep_is_stopped_and_goes_on(playground: Playground) -> None:
    scenario = SCENARIO.replace("400ms", "20s").replace("1.5mbit", "100mbit")
    made = playground.sweep(scenario, programs=PROGRAMS, params={"limit": "1..30:15"}, seeds=2)
    next(iter(made.rows()))
    assert made.cancel().state["state"] == "cancelled"
    kept = len(made.results())
    assert made.resume().state["state"] in ("queued", "running")
    assert len(list(zip(range(kept + 1), made.rows(), strict=False))) == kept + 1
    made.cancel()


def test_the_package_holds_what_it_needs(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    packed = subprocess.run(command, cwd=ROOT / "client", capture_output=True, text=True)
    assert packed.returncode == 0, packed.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "qdisc_playground/py.typed" in names
    assert "qdisc_playground/playground.py" in names


def test_the_client_imports_httpx_and_pandas_and_nothing_else() -> None:
    found = set()
    for path in (ROOT / "client" / "qdisc_playground").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {one.name.partition(".")[0] for one in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add((node.module or "").partition(".")[0])
    assert found - sys.stdlib_module_names == {"httpx", "pandas", "qdisc_playground"}

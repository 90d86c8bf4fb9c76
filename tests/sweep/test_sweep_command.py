"""The shell's sweep: plan, exit codes, resume, Ctrl-C, and a pool that gives what one process gives."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox.sweep.progress import Progress
from sandbox.sweep.table import read_rows

ROOT = Path(__file__).resolve().parents[2]
FIFO = (ROOT / "scenarios" / "first-steps" / "fifo.qdisc.py").read_text()
SCENARIO = """
title = "T"
device = { rate = "1mbit" }
run = { duration = "100ms" }
[qdisc]
"1:" = { program = "mine.qdisc.py", limit = 5 }
[flow]
bulk = { model = "poisson", rate = "2mbit", size = "500b" }
[[expect]]
metric = "sojourn.p99"
flow = "bulk"
below = "1s"
[sweep]
"qdisc.1:.limit" = [2, 5]
"""
# A limit of 7 ends the run with a fault.
FAULTY = FIFO.replace("queue.push(skb, 0)", "queue.push(skb, 1 // (limit - 7))")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.qdisc.py").write_text(FIFO)
    (tmp_path / "s.toml").write_text(SCENARIO)
    return tmp_path


def command(folder: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "sandbox", "sweep", str(folder / "s.toml"), *arguments]


def sweep(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the shell in a process of its own, as it forks."""
    return subprocess.run(
        command(folder, *arguments), cwd=ROOT, capture_output=True, text=True, timeout=60
    )


def test_the_plan_comes_first_and_the_table_last(folder: Path) -> None:
    done = sweep(folder, "--seeds", "3")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "T"
    assert lines[1] == "6 points (grid): 1 program x 2 settings x 3 seeds"
    assert lines[2:4] == ["  qdisc.eth0 1:.limit: 2, 5", "  seed: 1, 2, 3"]
    assert lines[5].split() == ["qdisc.eth0", "1:.limit", "runs", "flow.bulk.sojourn.p99"]
    assert [line.split()[:2] for line in lines[6:]] == [["2", "3"], ["5", "3"]]
    assert all(" ± " in line for line in lines[6:])
    assert "6/6 points" in done.stderr
    quiet = sweep(folder, "--seeds", "3", "--summary")
    assert quiet.stdout.splitlines() == lines[5:]
    assert quiet.stderr == ""


def test_a_pool_writes_what_one_process_writes(folder: Path) -> None:
    for jobs in ("1", "4"):
        arguments = ("--param", "1:.limit=1..9:5", "--seeds", "2", "--jobs", jobs, "--summary")
        for suffix in ("csv", "jsonl"):
            done = sweep(folder, *arguments, "--out", str(folder / f"{jobs}.{suffix}"))
            assert done.returncode == 0, done.stderr
            (folder / f"{jobs}.txt").write_text(done.stdout)
    for suffix in ("csv", "jsonl", "txt"):
        assert (folder / f"1.{suffix}").read_bytes() == (folder / f"4.{suffix}").read_bytes()


def test_a_row_is_the_run_of_the_same_inputs(folder: Path) -> None:
    out, summary = folder / "out.jsonl", folder / "run.json"
    assert sweep(folder, "--out", str(out), "--summary").returncode == 0
    run = [sys.executable, "-m", "sandbox", "run", str(folder / "s.toml"), "--set", "limit=2"]
    subprocess.run(
        [*run, "--summary", str(summary)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
    )
    first = next(read_rows(out))
    assert first["digest"] == json.loads(summary.read_text())["digest"]


def test_points_that_are_there_are_not_run_again(folder: Path) -> None:
    out = folder / "out.csv"
    assert sweep(folder, "--out", str(out), "--seeds", "2").returncode == 0
    first = out.read_text()
    again = sweep(folder, "--out", str(out), "--seeds", "2")
    assert "4/4 points (4 were there)" in again.stderr
    assert out.read_text() == first
    more = sweep(folder, "--out", str(out), "--seeds", "3")
    assert "6/6 points (4 were there)" in more.stderr
    whole = folder / "whole.csv"
    assert sweep(folder, "--out", str(whole), "--seeds", "3").returncode == 0
    assert out.read_bytes() == whole.read_bytes()
    (folder / "mine.qdisc.py").write_text(FIFO + "\n# another program\n")
    changed = sweep(folder, "--out", str(out), "--seeds", "3")
    assert "were there" not in changed.stderr
    assert len(list(read_rows(out))) == 12


def test_a_bad_point_is_one_row_and_exit_1(folder: Path) -> None:
    (folder / "mine.qdisc.py").write_text(FAULTY)
    out = folder / "out.csv"
    done = sweep(folder, "--param", "1:.limit=-3,7,9", "--out", str(out))
    assert done.returncode == 1, done.stderr
    with out.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["outcome"], row["slug"]) for row in rows] == [
        ("compile-error", "parameter-value"), ("runtime-error", "division-by-zero"), ("ok", ""),
    ]  # fmt: skip
    assert "limit -3 is below its minimum" in rows[0]["message"]
    assert (
        "2 of 3 points did not end well, the first: eth0 1:.limit=-3 seed 1: compile-error"
        in done.stderr
    )
    assert "0, 1 failed" in done.stdout


def test_a_limit_is_exit_3(folder: Path) -> None:
    (folder / "s.toml").write_text(SCENARIO.replace('"100ms"', '"86000s"'))
    # The compiled engine makes as many packets as a run may within a second.
    done = sweep(folder, "--cpu", "1", "--engine", "reference")
    assert done.returncode == 3, done.stderr
    assert "limit-cpu" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--param", "1:.limit=1..100000:20000"], 3, "20,000 points, the limit is 10,000"),
        (["--param", "1:.limit=1..200:200", "--seeds", "51"], 3, "10,200 points (200 x 51)"),
        (["--param", "1:.limt=1,2"], 1, 'did you mean "eth0 1:.limit"? [unknown-parameter]'),
        (["--param", "limit"], 2, "write PATH=V1,V2"),
        (["--param", "limit=1..9"], 2, "does not say how many values to take"),
        (["--param", "limit=5", "--seeds", "1"], 2, "there is nothing to sweep"),
        (["--seeds", "0"], 2, "0 seeds, expected at least 1"),
        (["--jobs", "999"], 2, "--jobs takes a number from 1 to 256"),
        (["--metric", "total.drop"], 2, 'no metric "total.drop"; did you mean "total.drops"?'),
        (["--program", "nowhere.qdisc.py"], 2, "cannot read nowhere.qdisc.py"),
        (["--list", "nowhere.csv"], 2, "cannot read nowhere.csv"),
        (["--out", "x.txt"], 2, "neither CSV nor JSON lines"),
        (["--latin", "1"], 2, "a Latin hypercube has at least 2 points"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_runs(
    folder: Path, arguments: list[str], code: int, message: str
) -> None:
    done = sweep(folder, *arguments)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_programs_lists_and_hypercubes(folder: Path) -> None:
    (folder / "points.csv").write_text("1:.limit,seed\n3,1\n4,9\n")
    done = sweep(folder, "--list", str(folder / "points.csv"), "--program", "pfifo",
                 "--program", str(folder / "mine.qdisc.py"), "--summary", "--out", str(folder / "o.csv"))  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = [
        (r["program"], r["param.eth0 1:.limit"], r["seed"]) for r in read_rows(folder / "o.csv")
    ]
    assert rows == [("pfifo", "3", 1), ("pfifo", "4", 9), ("mine", "3", 1), ("mine", "4", 9)]
    done = sweep(folder, "--param", "limit=1..100", "--latin", "5", "--out", str(folder / "l.csv"))
    assert done.returncode == 0, done.stderr
    limits = sorted(int(row["param.limit"]) for row in read_rows(folder / "l.csv"))
    assert [(limit - 1) // 20 for limit in limits] == [0, 1, 2, 3, 4]


def interrupted(folder: Path, number: signal.Signals, *arguments: str) -> tuple[int, str]:
    """Start a sweep, send it a signal after its first row; return its exit code and stderr."""
    process = subprocess.Popen(
        command(folder, *arguments), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
        # A runner in the background may itself ignore Ctrl-C, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    part = folder / "out.csv.part"
    until = time.monotonic() + 30
    while not (part.exists() and part.stat().st_size > 0) and time.monotonic() < until:
        time.sleep(0.01)
    if number is signal.SIGKILL:
        process.kill()  # the children go with it
    else:
        os.killpg(process.pid, number)
    _, told = process.communicate(timeout=30)
    return process.returncode, told


def test_ctrl_c_keeps_the_finished_rows_and_the_sweep_goes_on_from_there(folder: Path) -> None:
    out = folder / "out.csv"
    arguments = ("--seeds", "20", "--duration", "1s", "--out", str(out))
    code, told = interrupted(folder, signal.SIGINT, *arguments)
    assert code == 130
    kept = len(list(read_rows(out)))
    assert 0 < kept < 40
    assert f"stopped; {kept} rows are in" in told
    assert [one.name for one in folder.glob("out*")] == ["out.csv"]
    done = sweep(folder, *arguments)
    assert done.returncode == 0
    assert f"({kept} were there)" in done.stderr
    assert len(list(read_rows(out))) == 40


def test_a_sweep_that_was_killed_goes_on_too(folder: Path) -> None:
    out = folder / "out.csv"
    arguments = ("--seeds", "20", "--duration", "1s", "--out", str(out))
    assert interrupted(folder, signal.SIGKILL, *arguments)[0] == -signal.SIGKILL
    assert not out.exists()
    done = sweep(folder, *arguments)
    assert done.returncode == 0, done.stderr
    assert " were there)" in done.stderr
    assert len(list(read_rows(out))) == 40
    assert [one.name for one in folder.glob("out*")] == ["out.csv"]


def test_progress_tells_rate_and_time_left() -> None:
    progress = Progress(10_000, None, done=100, skipped=900)
    assert (
        progress.text(50)
        == "1,000/10,000 points (900 were there), 2.0 a second, about 1 h 15 min left"
    )
    assert Progress(10, None, done=10).text(5) == "10/10 points, 2.0 a second"
    assert Progress(10, None).text(5) == "0/10 points"


POOL = """
import json, os, sys
from pathlib import Path
from sandbox.sweep.design import Axis, design, grid
from sandbox.sweep.point import Inputs, points
from sandbox.sweep.run import Limits, pool

def work(point):
    match point.values[0][1]:
        case "raise":
            raise KeyError("x")
        case "exit":
            os._exit(7)
        case "kill":
            os.kill(os.getpid(), 9)
        case "memory":
            return {"key": str(len(bytearray(10**9)))}
        case "garbage":
            os.write(1, b"")
            return {"key": "x" * 17_000_000}
        case "spin":
            while True:
                pass
    return {"outcome": "ok", "key": point.key}

names = ("raise", "exit", "kill", "memory", "garbage", "spin", "good")
made = design("grid", grid([Axis(path="p", values=names)]), ("",), (1,))
limits = Limits(cpu_s=-4, memory_bytes=700_000_000)
inputs = Inputs(scenario="", programs={"": {}})
found = {p.values[0][1]: row["outcome"] for p, row in pool(points(made, inputs), work, 3, limits)}
try:
    os.waitpid(-1, 0)
except ChildProcessError:
    found["children"] = 0
print(json.dumps(found))
"""


def test_whatever_happens_in_a_point_is_its_row_and_no_process_stays() -> None:
    done = subprocess.run(
        [sys.executable, "-c", POOL], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "raise": "crashed", "exit": "crashed", "kill": "crashed", "memory": "limit-memory",
        "garbage": "crashed", "spin": "crashed", "good": "ok", "children": 0,
    }  # fmt: skip


def test_a_scenario_that_promises_an_error_keeps_it_at_every_point() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sandbox", "sweep", "refusals/endless-loop", "--seeds", "2"],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr

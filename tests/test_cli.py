"""The shell: exit codes, the JSON of check, what run prints and writes, any bytes whatever."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox.cli import FAULT, LIMIT, OK, USAGE, main

ROOT = Path(__file__).resolve().parent.parent
FIFO = (ROOT / "scenarios" / "first-steps" / "fifo.qdisc.py").read_text()
SCENARIO = """
title = "T"
device = { rate = "1mbit" }
run = { duration = "200ms" }
[qdisc]
"1:" = { program = "mine.qdisc.py", limit = 5 }
[flow]
bulk = { model = "cbr", rate = "2mbit", size = "500b" }
[[expect]]
metric = "qlen.max"
map = "queue"
equals = 5
"""
DIAGNOSTIC_KEYS = {
    "slug", "severity", "line", "column", "end_line", "end_column", "message", "hint", "fix", "source",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.qdisc.py").write_text(FIFO)
    (tmp_path / "s.toml").write_text(SCENARIO)
    return tmp_path


def test_a_good_program_and_a_good_scenario_are_ok(folder: Path) -> None:
    assert main(["check", str(folder / "mine.qdisc.py")]) == OK
    assert main(["check", str(folder / "s.toml")]) == OK


def test_a_bad_program_is_refused_with_line_and_slug(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = folder / "bad.qdisc.py"
    bad.write_text(FIFO.replace("queue.push(skb, 0)", "quue.push(skb, 0)"))
    assert main(["check", str(bad)]) == FAULT
    assert "bad.qdisc.py: line 12: " in capsys.readouterr().out


def test_check_prints_one_json_object(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = folder / "bad.qdisc.py"
    bad.write_text("x = 1\n")
    assert main(["check", str(bad), "--json"]) == FAULT
    answer = json.loads(capsys.readouterr().out)
    assert set(answer) == {"ok", "diagnostics"}
    assert answer["ok"] is False
    assert set(answer["diagnostics"][0]) == DIAGNOSTIC_KEYS
    assert main(["check", str(folder / "mine.qdisc.py"), "--json"]) == OK
    assert json.loads(capsys.readouterr().out)["ok"] is True


def test_the_problems_of_a_scenarios_program_are_the_scenarios_problems(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "mine.qdisc.py").write_text("def dequeue(ctx):\n    return 5\n")
    assert main(["check", str(folder / "s.toml")]) == FAULT
    assert "mine.qdisc.py: line " in capsys.readouterr().out


def test_run_prints_the_tc_view_the_flows_and_the_promises(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(folder / "s.toml")]) == OK
    out = capsys.readouterr().out
    assert "qdisc mine.qdisc.py 1: dev eth0 root limit 5" in out
    assert "bulk" in out
    assert "kept   queue qlen.max equals 5 (is 5)" in out
    assert "outcome ok, digest " in out


def test_a_broken_promise_is_exit_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(folder / "s.toml"), "--set", "limit=4"]) == FAULT
    assert "BROKEN queue qlen.max equals 5 (is 4)" in capsys.readouterr().out


def test_options_replace_what_the_scenario_says(folder: Path) -> None:
    other = folder / "other.qdisc.py"
    other.write_text(FIFO.replace("Param(20", "Param(21"))
    summary = folder / "out.json"
    arguments = ["run", str(folder / "s.toml"), "--program", str(other), "--seed", "7"]
    assert main([*arguments, "--duration", "100ms", "--summary", str(summary)]) == OK
    result = json.loads(summary.read_text())
    assert result["time_ns"] == 100_000_000
    assert result["outcome"] == "ok"
    assert result["statistics"]["flows"]["bulk"]["sent"] == 51
    assert len(result["digest"]) == 64


def test_a_trace_has_one_json_object_a_line_and_the_same_digest(folder: Path) -> None:
    plain, traced, trace = folder / "a.json", folder / "b.json", folder / "t.ndjson"
    assert main(["run", str(folder / "s.toml"), "--summary", str(plain)]) == OK
    command = ["run", str(folder / "s.toml"), "--summary", str(traced), "--trace", str(trace)]
    assert main(command) == OK
    lines = [json.loads(line) for line in trace.read_text().splitlines()]
    assert lines[0]["kind"] == "started"
    assert {"arrive", "push", "pop", "tx_start", "receive", "drop"} <= {
        one["kind"] for one in lines
    }
    times = [one["time_ns"] for one in lines if "skb" in one]
    assert times == sorted(times)
    assert json.loads(plain.read_text())["digest"] == json.loads(traced.read_text())["digest"]


def test_a_fault_during_the_run_is_exit_1_and_a_limit_is_exit_3(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = folder / "mine.qdisc.py"
    program.write_text(FIFO.replace("queue.push(skb, 0)", "queue.push(skb, skb.len // skb.mark)"))
    assert main(["run", str(folder / "s.toml")]) == FAULT
    assert "fault: line 12, skb 1" in capsys.readouterr().out
    loop = "    while ctx.now >= 0:\n        pass\n    return queue.pop()"
    program.write_text(FIFO.replace("    return queue.pop()", loop))
    assert main(["run", str(folder / "s.toml")]) == LIMIT
    assert "outcome limit-fuel" in capsys.readouterr().out


def test_an_expected_error_that_comes_is_exit_0(folder: Path) -> None:
    path = folder / "s.toml"
    path.write_text('expect_error = "limit-fuel"\n' + SCENARIO)
    assert main(["run", str(path)]) == FAULT
    path.write_text('expect_error = "unknown-key"\nnonsense = 1\n' + SCENARIO)
    assert main(["run", str(path)]) == OK


def test_shipped_scenarios_run_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "first-steps/fifo-fills-up", "--duration", "1s"]) in (OK, FAULT)
    assert "A queue fills up" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["nonsense"], ["check"], ["check", "/does/not/exist"], ["run", "no/such"],
         ["run", "first-steps/fifo-fills-up", "--seed", "x"],
        ["run", "first-steps/fifo-fills-up", "--seed", "-1"],
        ["run", "first-steps/fifo-fills-up", "--set", "limit"],
        ["run", "first-steps/fifo-fills-up", "--program", "/does/not/exist"],
        ["run", "first-steps/fifo-fills-up", "--summary", "/does/not/exist/x"],
        ["run", "first-steps/fifo-fills-up", "--trace", "/does/not/exist/x"],
        ["check", "/"],
    ],
)  # fmt: skip
def test_wrong_usage_is_exit_2_with_a_sentence(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == USAGE
    assert capsys.readouterr().err.strip()


def test_a_wrong_parameter_or_duration_is_the_scenarios_fault(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(folder / "s.toml"), "--set", "limt=4"]) == FAULT
    assert "limt" in capsys.readouterr().out
    assert main(["run", str(folder / "s.toml"), "--duration", "5"]) == FAULT
    assert "has no unit" in capsys.readouterr().out


def test_schema_and_library_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == OK
    assert json.loads(capsys.readouterr().out)["title"] == "Qdisc Playground scenario"
    assert main(["library"]) == OK
    assert "pfifo" in capsys.readouterr().out


NASTY = {
    "empty": b"", "nul": b"\0" * 100, "not-utf8": b"\xff\xfe\xfd" * 100, "bom": b"\xef\xbb\xbfx = 1\n",
    "deep": b"x = " + b"(" * 5000 + b")" * 5000, "deep-minus": b"x = " + b"-" * 60_000 + b"1",
    "long-line": b"x = " + b"1+" * 30_000 + b"1", "indents": b"\n".join(b" " * i + b"if 1:" for i in range(150)),
    "huge-int": b"x = " + b"9" * 60_000, "lines": b"\n" * 60_000, "quotes": b'"""' * 20_000,
    "surrogates": "x = '\ud800'".encode("utf-8", "surrogatepass"), "carriage": b"def f():\r\r\n\x0c return",
    "brackets": b"[" * 64_000, "semicolons": b"x=1;" * 16_000, "backslashes": b"\\\n" * 30_000,
    "ten-megabytes": b"x = 1\n" * 1_750_000, "ten-megabytes-of-noise": random.Random(1).randbytes(10**7),
}  # fmt: skip


@pytest.mark.parametrize("suffix", [".qdisc.py", ".toml"])
@pytest.mark.parametrize("name", NASTY)
def test_any_bytes_whatever_are_checked_within_seconds(
    name: str, suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"nasty{suffix}"
    path.write_bytes(NASTY[name])
    began = time.process_time()
    code = main(["check", str(path), "--json"])
    assert code in (OK, FAULT, LIMIT)
    assert time.process_time() - began < 5
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"] is (code == OK)


def test_python_dash_m_sandbox_is_this_shell(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sandbox", "check", str(folder / "mine.qdisc.py")],
        cwd=ROOT, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("mine.qdisc.py: ok\n")


def test_run_prints_how_often_each_line_ran(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = folder / "out.json"
    command = ["run", str(folder / "s.toml"), "--line-counts", "--summary", str(summary)]
    assert main(command) == OK
    result = json.loads(summary.read_text())
    lines = result["lines"]["mine.qdisc.py"]
    text = FIFO.splitlines()
    (push,) = (number for number, line in enumerate(text, 1) if "queue.push" in line)
    sent = result["statistics"]["total"]["sent"]
    assert lines[str(push)] == sent
    assert lines[str(push + 1)] == result["statistics"]["total"]["drops"]
    assert lines[str(push + 2)] == sent - lines[str(push + 1)]
    assert f"{sent:,} | {text[push - 1]}" in capsys.readouterr().out


def test_lines_are_counted_on_request_only(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = folder / "out.json"
    assert main(["run", str(folder / "s.toml"), "--summary", str(summary)]) == OK
    assert json.loads(summary.read_text())["lines"] == {}
    assert " | " not in capsys.readouterr().out


@pytest.mark.parametrize("path", ["limit", "1:.limit", "eth0 1:.limit", "qdisc.1:.limit"])
def test_a_parameter_is_set_by_any_name_that_can_only_mean_it(
    folder: Path, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    assert main(["run", str(folder / "s.toml"), "--set", f"{path}=3"]) == FAULT
    assert "(is 3)" in capsys.readouterr().out


def test_a_parameter_of_two_devices_wants_the_device(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two = SCENARIO.replace('device = { rate = "1mbit" }\n', "", 1).replace(
        "[qdisc]\n",
        '[device.a]\nrate = "1mbit"\n[device.b]\nrate = "1mbit"\n[qdisc]\n',
    )
    mine = '"1:" = { program = "mine.qdisc.py", limit = 5 }'
    both = "\n".join(mine.replace('"1:"', f'"{name} 1:"') for name in "ab")
    two = two.replace(mine, both).replace('size = "500b"', 'size = "500b", device = "a"')
    (folder / "two.toml").write_text(two)
    assert main(["run", str(folder / "two.toml"), "--set", "1:.limit=3"]) == FAULT
    assert "write a 1:.limit or b 1:.limit" in capsys.readouterr().out


def test_what_a_program_traces_is_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    traced = FIFO.replace(
        "def enqueue(skb, ctx):", 'def enqueue(skb, ctx):\n    trace("len %d", skb.len)'
    )
    (folder / "mine.qdisc.py").write_text(traced)
    main(["run", str(folder / "s.toml")])
    shown = capsys.readouterr().out.split("written by trace()\n")[1].splitlines()
    assert shown[0].split(maxsplit=1)[1] == "eth0 1: line 12, packet 1: len 500"
    assert shown[20] == "and 81 more; --trace FILE writes all of them"
    assert len(shown) == 21


def test_ctrl_c_ends_a_run_with_130(folder: Path) -> None:
    (folder / "s.toml").write_text(SCENARIO.replace("200ms", "3600s"))
    rows = folder / "rows.ndjson"
    command = [sys.executable, "-m", "sandbox", "run", str(folder / "s.toml"), "--trace", str(rows)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    while not rows.exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.decode() == "python -m sandbox: stopped\n"

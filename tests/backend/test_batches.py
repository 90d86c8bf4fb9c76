"""Batches: sweeps that the service runs, keeps, stops and goes on with."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from arro3.io import read_parquet

from tests.backend.service import FIFO, ROOT, Service, service
from tests.backend.test_http import shape

SCENARIO = """title = "One queue"
device = { rate = "1mbit" }
run = { duration = "400ms", seed = 3 }
[qdisc]
"1:" = { program = "mine.qdisc.py" }
[flow]
bulk = { model = "poisson", rate = "1.5mbit", size = "500b" }
call = { model = "cbr", rate = "64kbit", size = "200b" }
"""
LIMITED = FIFO.replace(
    "queue = SkbMap(max_entries=1000)",
    "limit = Param(20, min=1, max=1000)\n\nqueue = SkbMap(max_entries=limit)",
)
DIVIDES = LIMITED.replace("push(skb, 0)", "push(skb, 100 // (limit - 7))")
WAIT_S = 60.0


def sweep(**changes: Any) -> dict[str, Any]:
    """A small sweep: three limits, two seeds."""
    return {
        "scenario": SCENARIO,
        "programs": {"mine.qdisc.py": LIMITED},
        "params": {"limit": "5,10,20"},
        "seeds": 2,
        **changes,
    }


def slow(**changes: Any) -> dict[str, Any]:
    """A sweep that lasts, so that there is time to disturb it."""
    scenario = SCENARIO.replace("400ms", "40s").replace("1.5mbit", "100mbit")
    return sweep(**{"scenario": scenario, "seeds": 20, **changes})


@pytest.fixture(scope="module")
def served() -> Iterator[Service]:
    with service(batches_per_minute=1000, batches_per_client=100) as running:
        yield running


def made(served: Service, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    answer = httpx.post(f"{served.url}api/batches", json=body, headers=headers, timeout=30)
    assert answer.status_code in (200, 201), answer.text
    state: dict[str, Any] = answer.json()
    return state


def state_of(served: Service, batch_id: str) -> dict[str, Any]:
    state: dict[str, Any] = served.get(f"/api/batches/{batch_id}").json()
    return state


def until(served: Service, batch_id: str, state: str, done: int = 0) -> dict[str, Any]:
    """Wait for a state and so many rows."""
    ends_s = time.monotonic() + WAIT_S
    while time.monotonic() < ends_s:
        now = state_of(served, batch_id)
        if now["state"] == state and now["done"] >= done:
            return now
        time.sleep(0.05)
    raise AssertionError(f"still {now}")


def rows_of(served: Service, batch_id: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = served.get(f"/api/batches/{batch_id}/results.json").json()["rows"]
    return rows


@pytest.fixture(scope="module")
def done(served: Service) -> dict[str, Any]:
    return until(served, made(served, sweep())["id"], "done")


def test_a_batch_has_the_rows_of_the_shells_sweep(
    served: Service, done: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "s.toml").write_text(SCENARIO)
    (tmp_path / "mine.qdisc.py").write_text(LIMITED)
    command = [sys.executable, "-m", "sandbox", "sweep", str(tmp_path / "s.toml"), "--param"]
    command += ["limit=5,10,20", "--seeds", "2", "--out", str(tmp_path / "out.jsonl")]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    shell = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert rows_of(served, done["id"]) == shell
    assert (done["count"], done["done"], done["failed"], done["limited"]) == (6, 6, 0, 0)


def test_json_csv_and_parquet_say_the_same(served: Service, done: dict[str, Any]) -> None:
    path = f"/api/batches/{done['id']}/results"
    rows = rows_of(served, done["id"])
    names = served.get(f"{path}.json").json()["columns"]
    text = served.get(f"{path}.csv").text
    table = list(csv.DictReader(io.StringIO(text)))
    assert list(table[0]) == names
    assert [row["digest"] for row in table] == [row["digest"] for row in rows]
    wanted = [{name: str(row.get(name, "")) for name in names} for row in rows]
    assert table == wanted
    parquet = read_parquet(io.BytesIO(served.get(f"{path}.parquet").content)).read_all()
    assert parquet.column_names == names
    assert parquet["total.drops"].to_pylist() == [row["total.drops"] for row in rows]
    assert parquet["digest"].to_pylist() == [row["digest"] for row in rows]


def test_the_summary_has_means_and_intervals_over_the_seeds(
    served: Service, done: dict[str, Any]
) -> None:
    query = "summary.json?metric=total.drops&metric=flow.call.sojourn.p99"
    reply = served.get(f"/api/batches/{done['id']}/{query}").json()
    assert reply["metrics"] == ["total.drops", "flow.call.sojourn.p99_ns"]
    rows = rows_of(served, done["id"])
    for group, pair in zip(reply["groups"], zip(rows[::2], rows[1::2], strict=True), strict=True):
        a, b = (row["total.drops"] for row in pair)
        found = group["values"]["total.drops"]
        assert found["mean"] == (a + b) / 2
        # Two samples: Student's t of one degree of freedom is 12.706.
        assert found["half_width"] == pytest.approx(12.7062 * abs(a - b) / 2, rel=1e-4)
        assert (group["runs"], group["failed"], found["n"]) == (2, 0, 2)


def test_a_metric_that_no_run_has_is_refused(served: Service, done: dict[str, Any]) -> None:
    path = f"/api/batches/{done['id']}/summary.json?metric=total.drops&metric="
    refused = served.get(f"{path}total.dropz")
    assert (refused.status_code, shape(refused)) == (422, "unknown-metric")
    assert "total.dropz" in refused.json()["error"]["message"]
    assert served.get(f"{path}flow.bulk.sojourn.p99").status_code == 200


def test_waits_are_told_as_rising_curves(served: Service, done: dict[str, Any]) -> None:
    groups = served.get(f"/api/batches/{done['id']}/distributions.json").json()["groups"]
    assert [group["params"]["limit"] for group in groups] == ["5", "10", "20"]
    rows = rows_of(served, done["id"])
    for group, pair in zip(groups, zip(rows[::2], rows[1::2], strict=True), strict=True):
        curve = group["flows"]["bulk"]
        assert curve == sorted(curve)
        assert curve[-1][1] == 1.0
        mean = sum(row["flow.bulk.sojourn.p50_ns"] for row in pair) / 2
        assert dict((share, value) for value, share in curve)[0.5] == mean


def test_the_same_points_are_not_computed_again(served: Service, done: dict[str, Any]) -> None:
    again = until(served, made(served, sweep(params={"limit": "10,20,40"}))["id"], "done")
    assert (again["cached"], again["done"]) == (4, 6)
    assert rows_of(served, again["id"])[:4] == rows_of(served, done["id"])[2:]


def test_the_same_key_is_the_same_batch_and_another_body_is_refused(served: Service) -> None:
    headers = {"idempotency-key": "one-and-only"}
    first = made(served, sweep(seeds=3), **headers)
    assert made(served, sweep(seeds=3), **headers)["id"] == first["id"]
    other = httpx.post(f"{served.url}api/batches", json=sweep(seeds=4), headers=headers)
    assert other.status_code == 422
    assert shape(other) == "key-reused"


def test_a_batch_that_cannot_run_is_refused_with_every_problem_before_anything_runs(
    served: Service,
) -> None:
    wrong = served.post("/api/batches", sweep(programs={"mine.qdisc.py": "def enqueue(: pass"}))
    assert wrong.status_code == 422
    assert wrong.json()["error"]["diagnostics"]
    stranger = served.post("/api/batches", sweep(params={"limt": "1,2"}))
    assert stranger.status_code == 422
    assert "limt" in stranger.json()["error"]["message"]
    huge = served.post("/api/batches", sweep(params={"limit": "1..1000:1000"}, seeds=1000))
    assert shape(huge) == "sweep-too-large"
    assert "1,000,000" in huge.json()["error"]["message"]


def test_a_plan_says_what_would_run_and_offers_the_parameters(served: Service) -> None:
    plan = served.post("/api/batches/plan", sweep()).json()
    assert (plan["ok"], plan["count"], plan["kind"]) == (True, 6, "grid")
    assert plan["axes"] == [{"path": "limit", "values": ["5", "10", "20"]}]
    assert [(one["name"], one["low"], one["high"]) for one in plan["params"]] == [
        ("limit", 1, 1000)
    ]
    wrong = served.post("/api/batches/plan", sweep(params={"limit": "5,5"})).json()
    assert not wrong["ok"]
    assert wrong["diagnostics"]
    assert [one["name"] for one in wrong["params"]] == ["limit"]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("5,5", "twice"),
        ("10..5:3", "does not rise"),
        ("1..10", "how many values"),
        ("0,5", "below its minimum 1; the runs with it fail"),
        ("5..2000:3", "above its maximum 1000"),
    ],
)
def test_a_plan_says_at_which_axis_something_is_wrong(
    served: Service, text: str, word: str
) -> None:
    plan = served.post("/api/batches/plan", sweep(params={"limit": text})).json()
    assert list(plan["fields"]) == ["limit"]
    assert word in plan["fields"]["limit"]
    good = served.post("/api/batches/plan", sweep()).json()
    assert good["fields"] == {}


def test_a_plan_says_which_compared_program_is_wrong_and_lets_the_others_run(
    served: Service,
) -> None:
    plan = served.post("/api/batches/plan", sweep(compare={"pfifo": "", "bad": "x ="})).json()
    assert plan["ok"]
    assert {(one["source"], one["line"]) for one in plan["diagnostics"]} == {("bad", 1)}


def test_without_params_the_scenarios_own_axes_are_taken_and_with_empty_ones_none(
    served: Service,
) -> None:
    body = sweep(scenario=SCENARIO + '[sweep]\n"qdisc.1:.limit" = [3, 4]\n')
    own = served.post("/api/batches/plan", {**body, "params": None}).json()
    assert (own["count"], len(own["axes"])) == (4, 1)
    none = served.post("/api/batches/plan", {**body, "params": {}}).json()
    assert (none["count"], none["axes"]) == (2, [])


def test_a_plan_says_how_long_it_takes_and_long_runs_take_longer(served: Service) -> None:
    short = served.post("/api/batches/plan", sweep()).json()["estimate_s"]
    more = served.post("/api/batches/plan", sweep(seeds=200)).json()["estimate_s"]
    longer = served.post("/api/batches/plan", slow(seeds=2)).json()["estimate_s"]
    assert 0 < short < min(more, longer)


def test_a_point_is_given_back_with_everything_that_decides_it(served: Service) -> None:
    other = {"other.qdisc.py": DIVIDES}
    body = sweep(
        programs={**other, "mine.qdisc.py": LIMITED},
        compare={"mine": LIMITED.replace("1000)", "999)"), "pfifo": ""}, list="limit,seed\n7,3\n9,5\n",
        params={}, seeds=None, duration="300ms",
    )  # fmt: skip
    ended = until(served, made(served, body)["id"], "done")
    for row in rows_of(served, ended["id"]):
        job = served.get(f"/api/batches/{ended['id']}/points/{row['key']}").json()
        assert (job["params"], job["seed"]) == (
            {"limit": str(row["param.limit"])},
            row["seed"],
        )
        assert job["programs"]["other.qdisc.py"] == DIVIDES
        assert (job["duration"], job["scenario"]) == ("300ms", SCENARIO)
        alone = {name: job[name] for name in ("scenario", "programs", "files", "duration", "seed")}
        again = made(served, {**alone, "list": f"limit\n{row['param.limit']}\n"})
        until(served, again["id"], "done")
        assert rows_of(served, again["id"])[0]["digest"] == row["digest"]
    missing = served.get(f"/api/batches/{ended['id']}/points/{'0' * 64}")
    assert (missing.status_code, missing.json()["error"]["slug"]) == (404, "no-such-point")


def test_a_bad_point_is_one_row_with_its_reason(served: Service) -> None:
    body = sweep(programs={"mine.qdisc.py": DIVIDES}, params={"limit": "7,8,9"}, seeds=None)
    ended = until(served, made(served, body)["id"], "done")
    assert (ended["done"], ended["failed"]) == (3, 1)
    outcomes = [row["outcome"] for row in rows_of(served, ended["id"])]
    assert outcomes == ["runtime-error", "ok", "ok"]
    assert rows_of(served, ended["id"])[0]["message"]


def test_programs_are_compared_by_label(served: Service) -> None:
    body = sweep(compare={"pfifo": "", "mine": LIMITED}, params={"limit": "5,10"})
    ended = until(served, made(served, body)["id"], "done")
    assert ended["programs"] == ["pfifo", "mine"]
    rows = rows_of(served, ended["id"])
    assert [row["program"] for row in rows] == ["pfifo"] * 4 + ["mine"] * 4
    assert {row["outcome"] for row in rows} == {"ok"}


def test_a_request_can_be_read_back(served: Service, done: dict[str, Any]) -> None:
    reply = served.get(f"/api/batches/{done['id']}/request").json()
    assert {name: reply[name] for name in sweep()} == sweep()
    asked = sweep(compare={"pfifo": "", "bfifo": ""}, params={"limit": "7"})
    again = served.get(f"/api/batches/{made(served, asked)['id']}/request").json()
    assert list(again["compare"]) == ["pfifo", "bfifo"]


def test_the_seeds_of_a_list_are_told(served: Service) -> None:
    listed = made(served, sweep(params=None, seeds=None, list="\ufefflimit,seed\n5,1\n6,2\n"))
    assert listed["seeds"] == [1, 2]


def test_events_tell_every_row_once_and_go_on_where_they_were(
    served: Service, done: dict[str, Any]
) -> None:
    path = f"{served.url}api/batches/{done['id']}/events"
    told = list(events(httpx.get(path).text))
    assert [name for name, _, _ in told] == ["state", "rows", "end"]
    rows = told[1][2]["rows"]
    assert sorted(row["key"] for row in rows) == sorted(
        row["key"] for row in rows_of(served, done["id"])
    )
    epoch, _, count = told[1][1].partition("-")
    assert count == "6"
    later = list(events(httpx.get(path, headers={"last-event-id": f"{epoch}-4"}).text))
    assert later[1][2]["rows"] == rows[4:]
    assert later[1][1] == told[1][1]


@pytest.mark.parametrize("mark", ["4", "00000000-4", "\u00b2", "9" * 5000, "-", "\u0661-1"])
def test_an_event_id_of_something_else_begins_anew(
    mark: str, served: Service, done: dict[str, Any]
) -> None:
    path = f"{served.url}api/batches/{done['id']}/events"
    told = list(events(httpx.get(path, headers={"last-event-id": mark.encode()}).text))
    assert [len(data["rows"]) for name, _, data in told if name == "rows"] == [6]


def events(text: str) -> Iterator[tuple[str, str, Any]]:
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if line[0] != ":")
        if fields:
            yield fields["event"], fields.get("id", ""), json.loads(fields["data"])


def test_a_cancelled_batch_keeps_its_rows_and_goes_on_from_there(served: Service) -> None:
    batch = made(served, slow())
    until(served, batch["id"], "running", done=2)
    stopped = served.post(f"/api/batches/{batch['id']}/cancel", {}).json()
    assert stopped["state"] == "cancelled"
    kept = len(rows_of(served, batch["id"]))
    assert 2 <= kept < 60
    assert served.post(f"/api/batches/{batch['id']}/resume", {}).json()["state"] != "cancelled"
    until(served, batch["id"], "running", done=kept + 1)
    served.post(f"/api/batches/{batch['id']}/cancel", {})


def test_there_is_no_list_and_no_batch_by_guessing(served: Service) -> None:
    assert served.get("/api/batches").status_code in (404, 405)
    absent = served.get(f"/api/batches/{'A' * 22}")
    assert (absent.status_code, shape(absent)) == (404, "no-such-batch")

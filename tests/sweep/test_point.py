"""Points and rows: a key is the digest of the inputs, a row has every number of the run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sandbox.engine import prepare
from sandbox.scenario.load import load
from sandbox.sweep.design import Choice, Design, Setting, design, grid, listed
from sandbox.sweep.plan import Request, design_of, problems, promised_metrics
from sandbox.sweep.point import Inputs, key_of, points, shared
from sandbox.sweep.problem import SweepError
from sandbox.sweep.row import metrics
from sandbox.sweep.run import run_point

ROOT = Path(__file__).resolve().parents[2]
BLOAT = (ROOT / "scenarios" / "latency" / "bufferbloat.toml").read_text()
INPUTS = Inputs(scenario=BLOAT, programs={"": {}}, duration="200ms")
PLAIN = Inputs(scenario="title = 'T'\n", programs={"": {"a.qdisc.py": "x"}}, files={"f.csv": b"1"})


def one(**changed: object) -> Choice:
    given = {"program": "", "values": (("eth0 1:.limit", 10), ("mark", "on")), "seed": 1}
    return Choice(**{**given, **changed})  # type: ignore[arg-type]


def of(design_: Design, inputs: Inputs = INPUTS) -> list[str]:
    return [point.key for point in points(design_, inputs)]


def test_a_key_stays_what_it_is() -> None:
    common = shared(PLAIN, "", library="library", engine="engine-1")
    assert common == "a285be867a9444fee82e4ef15085f1a6c6c9bc4f49a3a21676f478a4e0d1a8ba"
    assert (
        key_of(common, one()) == "fbe5afb041b138785565351e5d85554da5df914cecf0004def394fafd4c3ea12"
    )


def test_a_key_does_not_depend_on_the_order_of_parameters() -> None:
    assert key_of("x", one(values=(("mark", "on"), ("eth0 1:.limit", 10)))) == key_of("x", one())


def test_every_input_and_the_engine_are_in_the_key() -> None:
    def key(
        inputs: Inputs = PLAIN, engine: str = "e", library: str = "l", **changed: object
    ) -> str:
        return key_of(shared(inputs, "", library, engine), one(**changed))

    programs = {"": {"a.qdisc.py": "x"}}
    others = [
        key(seed=2),
        key(values=(("eth0 1:.limit", 11), ("mark", "on"))),
        key(values=(("eth0 2:.limit", 10), ("mark", "on"))),
        key(engine="e2"),
        key(library="l2"),
        key(Inputs(scenario="title = 'U'\n", programs=programs, files={"f.csv": b"1"})),
        key(
            Inputs(
                scenario="title = 'T'\n", programs={"": {"a.qdisc.py": "y"}}, files={"f.csv": b"1"}
            )
        ),
        key(Inputs(scenario="title = 'T'\n", programs=programs, files={"f.csv": b"2"})),
        key(
            Inputs(
                scenario="title = 'T'\n", programs=programs, files={"f.csv": b"1"}, duration="1s"
            )
        ),
    ]
    assert len({key(), *others}) == len(others) + 1


def test_a_duration_is_what_it_means_not_how_it_is_written() -> None:
    same = [Inputs(scenario="", programs={"": {}}, duration=d) for d in ("1s", "1000ms")]
    assert shared(same[0], "", "l") == shared(same[1], "", "l")


def test_a_point_is_the_same_in_another_sweep() -> None:
    scenario = load(BLOAT).model
    assert scenario is not None
    small = design_of(Request(params=(("1:.limit", "10,50"),)), scenario, ("",))
    large = design_of(Request(params=(("1:.limit", "5,10,50"),), seeds=2), scenario, ("",))
    assert set(of(small)) < set(of(large))
    assert len(set(of(large))) == 6


def test_the_same_program_twice_is_refused() -> None:
    made = design("grid", grid([]), ("a", "b"), (1,))
    with pytest.raises(SweepError, match="programs a and b are the same text"):
        of(made, Inputs(scenario=BLOAT, programs={"a": {"x": "1"}, "b": {"x": "1"}}))


def test_two_columns_of_one_parameter_are_refused() -> None:
    scenario = load(BLOAT).model
    assert scenario is not None
    with pytest.raises(SweepError, match=r"eth0 1:\.limit has two columns"):
        design_of(Request(listed=listed("1:.limit,eth0 1:.limit\n1,2\n")), scenario, ("",))


def test_without_parameters_the_scenarios_own_sweep_is_taken() -> None:
    scenario = load(BLOAT).model
    assert scenario is not None
    made = design_of(Request(), scenario, ("",))
    assert [dict(setting.values) for setting in made.settings] == [
        {"qdisc.eth0 1:.limit": limit} for limit in (10, 50, 100, 300, 1000)
    ]


SWEPT = [
    path for path in sorted((ROOT / "scenarios").glob("*/*.toml")) if "[sweep]" in path.read_text()
]


@pytest.mark.parametrize("path", SWEPT, ids=lambda path: path.stem)
def test_every_shipped_sweep_can_run(path: Path) -> None:
    scenario = load(path.read_text()).model
    assert scenario is not None
    texts = {other.name: other.read_text() for other in path.parent.glob("*.qdisc.py")}
    inputs = Inputs(scenario=path.read_text(), programs={"": texts}, duration="10ms")
    for point in points(design_of(Request(), scenario, ("",)), inputs):
        row = run_point(point, inputs)
        assert row["outcome"] == "ok", row["message"]


def test_a_bad_value_is_a_matter_of_its_rows_and_a_bad_name_of_the_sweep() -> None:
    scenario = load(BLOAT).model
    assert scenario is not None

    def wrong(path: str, values: str) -> set[str]:
        made = design_of(Request(params=((path, values),)), scenario, ("",))
        return {one.slug for one in problems(made, INPUTS)}

    assert wrong("1:.limit", "-1,-2") == wrong("1:.limit", "10,20") == set()
    assert wrong("1:.limt", "1,2") == {"unknown-parameter"}


def test_a_row_has_inputs_digest_and_every_number_of_the_run() -> None:
    made = Design(kind="list", programs=("",), seeds=(4,),
                  settings=(Setting(values=(("eth0 1:.limit", "20"),)),))  # fmt: skip
    point = next(points(made, INPUTS))
    row = run_point(point, INPUTS)
    run = prepare(point.job(INPUTS)).run
    assert run is not None
    while not run.done:
        run.advance(1000)
    finished = run.finished()
    assert row["digest"] == finished["digest"]
    assert (row["key"], row["seed"], row["param.eth0 1:.limit"]) == (point.key, 4, 20)
    numbers = finished["statistics"]
    assert row["flow.call.sojourn.p99_ns"] == numbers["flows"]["call"]["sojourn"]["p99"]
    assert row["total.throughput_bps"] == numbers["total"]["throughput"]
    assert row["qdisc.eth0 1:.backlog.max_bytes"] == numbers["qdiscs"]["eth0 1:"]["backlog"]["max"]
    assert row["map.eth0 1:/queue.qlen"] == numbers["maps"]["queue"]["qlen"]["now"]
    assert row["device.eth0.queues.0.bytes"] == numbers["devices"]["eth0"]["bytes"]
    assert "map.queue.qlen" not in row
    assert len(metrics(numbers)) == 108
    assert json.loads(json.dumps(row)) == row


def test_a_scenarios_promises_name_the_metrics_of_the_table() -> None:
    scenario = load(BLOAT).model
    assert scenario is not None
    assert promised_metrics(scenario) == (
        "flow.call.sojourn.max_ns", "total.drops", "device.eth0.utilisation",
    )  # fmt: skip


def test_a_bad_point_is_a_row_with_its_diagnostic() -> None:
    made = Design(kind="list", programs=("",), seeds=(1,),
                  settings=(Setting(values=(("eth0 1:.limit", "-1"),)),))  # fmt: skip
    row = run_point(next(points(made, INPUTS)), INPUTS)
    assert (row["outcome"], row["slug"], row["digest"]) == ("compile-error", "parameter-value", "")
    assert "limit -1 is below its minimum 0" in row["message"]


def test_processor_time_of_a_point_is_limited() -> None:
    made = Design(kind="list", programs=("",), seeds=(1,), settings=(Setting(values=()),))
    inputs = Inputs(scenario=BLOAT.replace('"5s"', '"3600s"'), programs={"": {}})
    row = run_point(next(points(made, inputs)), inputs, cpu_s=0.05)
    assert row["outcome"] == "limit-cpu"
    assert row["total.sent"] > 0

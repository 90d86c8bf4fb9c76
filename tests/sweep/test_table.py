"""Tables: stable columns, both formats, nothing lost by a kill, a stop, or a stranger's file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.sweep.design import Axis, design, grid, seeds_from
from sandbox.sweep.point import Inputs, Point, points
from sandbox.sweep.problem import SweepError
from sandbox.sweep.row import Row
from sandbox.sweep.run import serial
from sandbox.sweep.summary import Summary
from sandbox.sweep.table import Table, read_rows

INPUTS = Inputs(scenario="", programs={"": {}})


def some(count: int) -> list[Point]:
    axis = Axis(path="limit", values=tuple(range(count)))
    return list(points(design("grid", grid([axis]), ("",), (1,)), INPUTS))


def row_of(point: Point, **more: Any) -> Row:
    number = int(point.values[0][1])
    row = {"key": point.key, "program": "", "param.limit": number, "seed": point.seed, "engine": "e",
           "outcome": "ok", "digest": "d", "slug": "", "message": 'a "b", c', "broken": 0}  # fmt: skip
    return {**row, "total.drops": number * 3, "total.jain": number / 7, **more}


@pytest.fixture(params=["out.csv", "out.jsonl"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / str(request.param)


def filled(path: Path, rows: list[Row], order: list[Point]) -> None:
    table = Table(path)
    for row in rows:
        table.add(row)
    table.close(point.key for point in order)


def test_rows_come_back_as_they_were(path: Path) -> None:
    rows = [row_of(point) for point in some(5)]
    filled(path, rows, some(5))
    plain = [{**row, "param.limit": str(row["param.limit"])} for row in read_rows(path)]
    assert plain == [{**row, "param.limit": str(row["param.limit"])} for row in rows]
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_the_file_is_in_the_order_of_the_design_whatever_ended_first(path: Path) -> None:
    order = some(6)
    rows = [row_of(point) for point in order]
    filled(path, rows, order)
    expected = path.read_bytes()
    path.unlink()
    filled(path, rows[::-1], order)
    assert path.read_bytes() == expected


def test_a_file_made_in_two_goes_is_the_file_made_in_one(path: Path) -> None:
    order = some(6)
    rows = [row_of(point) for point in order]
    filled(path, rows, order)
    expected = path.read_bytes()
    path.unlink()
    filled(path, rows[3:5], order)
    table = Table(path)
    assert [point.key in table for point in order] == [False, False, False, True, True, False]
    for row in (*rows[:3], rows[5]):
        table.add(row)
    table.close(point.key for point in order)
    assert path.read_bytes() == expected


def test_a_killed_sweep_leaves_every_finished_row(path: Path) -> None:
    order = some(3)
    table = Table(path)
    table.add(row_of(order[0]))
    table.add(row_of(order[1]))
    with table.part.open("ab") as stream:  # and half of the third
        stream.write(b'{"key":"' + order[2].key.encode()[:20])
    table.leave()
    again = Table(path)
    assert [again.final(point.key) for point in order] == [True, True, False]
    again.add(row_of(order[2]))
    again.leave()
    again = Table(path)
    assert all(again.final(point.key) for point in order)
    again.close(point.key for point in order)
    assert len(list(read_rows(path))) == 3


def test_what_may_end_otherwise_is_tried_again(path: Path) -> None:
    order = some(3)
    outcomes = ("crashed", "runtime-error", "limit-cpu")
    filled(path, [row_of(p, outcome=o) for p, o in zip(order, outcomes, strict=True)], order)
    table = Table(path)
    assert [table.final(point.key) for point in order] == [False, True, False]
    table.leave()


def test_rows_of_another_sweep_are_kept(path: Path) -> None:
    order = some(4)
    filled(path, [row_of(point) for point in order[:2]], order[:2])
    filled(path, [row_of(point) for point in order[2:]], order[2:])
    assert [row["key"] for row in read_rows(path)] == [point.key for point in order]


def test_columns_of_different_programs_are_joined(tmp_path: Path) -> None:
    order = some(3)
    rows = [row_of(order[0]), row_of(order[1], **{"map.x.refused": 1}), row_of(order[2])]
    filled(tmp_path / "a.csv", rows, order)
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines[0] == (
        "key,program,param.limit,seed,engine,outcome,digest,slug,message,broken,"
        "total.drops,total.jain,map.x.refused"
    )
    assert lines[1].endswith(",0,0.0,")
    assert lines[2].endswith(f",3,{1 / 7},1")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("notes.csv", "dear diary\n"),
        ("notes.jsonl", "dear diary\n"),
        ("half.csv", "key,program,seed,engine,outcome,digest,slug,message,broken\na,b\n"),
        ("odd.csv", "\x00\x00\n"),
        ("empty.csv", ""),
    ],
)
def test_a_file_that_is_no_output_is_left_alone(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SweepError) as caught:
        Table(tmp_path / name)
    assert caught.value.diagnostic.slug == "sweep-output"
    assert (tmp_path / name).read_text() == text
    assert [one.name for one in tmp_path.iterdir()] == [name]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(SweepError, match="neither CSV nor JSON lines"):
        Table(tmp_path / "out.xlsx")
    with pytest.raises(SweepError, match=r"cannot write .*nowhere"):
        Table(tmp_path / "nowhere" / "out.csv")


def cost(path: Path, count: int) -> tuple[int, int]:
    """Return how many calls a sweep makes around its runs, and the bytes it leaves."""
    calls = 0

    def count_call(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    axis = Axis(path="limit", values=tuple(range(count // 10)))
    made = design("grid", grid([axis]), ("",), seeds_from(1, 10))
    sys.setprofile(count_call)
    try:
        table, summary = Table(path), Summary(metrics=("total.drops", "total.jain"))
        for point, row in serial(points(made, INPUTS), row_of):
            assert not table.final(point.key)
            table.add(row)
            summary.add(point, row)
        table.close(point.key for point in points(made, INPUTS))
        summary.text(made)
    finally:
        sys.setprofile(None)
    return calls, path.stat().st_size


def test_ten_and_a_hundred_times_the_points_cost_ten_and_a_hundred_times_as_much(
    tmp_path: Path,
) -> None:
    base, *larger = (cost(tmp_path / f"{n}.csv", n) for n in (100, 1000, 10_000))
    for times, (calls, size) in zip((10, 100), larger, strict=True):
        assert calls <= base[0] * times * 1.05
        assert size <= base[1] * times * 1.10


def test_what_is_held_of_a_row_is_its_place_not_its_text(tmp_path: Path) -> None:
    table = Table(tmp_path / "a.jsonl")
    for point in some(50):
        table.add(row_of(point, **{f"flow.{i}.drops": i for i in range(500)}))
    held = json.dumps(table._places)
    assert len(held) < 50 * 100
    assert table.part.stat().st_size > 50 * 5000
    table.leave()


def test_two_sweeps_do_not_write_one_file(path: Path) -> None:
    table = Table(path)
    with pytest.raises(SweepError, match="another sweep is writing"):
        Table(path)
    table.leave()

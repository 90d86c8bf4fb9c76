"""Designs: how many points, which, in which order; all known before anything runs."""

from __future__ import annotations

import itertools
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.scenario.model import MAX_SWEEP_POINTS, Axis
from sandbox.sweep.design import (
    MAX_AXES,
    MAX_LIST_BYTES,
    design,
    grid,
    latin,
    listed,
    read_axis,
    seeds_from,
)
from sandbox.sweep.problem import SweepError
from sandbox.sweep.span import Span

VALUES = st.lists(st.integers(0, 1000), min_size=1, max_size=5, unique=True)
AXES = st.lists(VALUES, min_size=1, max_size=4)


def axes(lists: list[list[int]]) -> list[Axis | Span]:
    return [Axis(path=f"p{i}", values=tuple(values)) for i, values in enumerate(lists)]


def span(low: int, high: int, path: str = "limit") -> Span:
    found = read_axis(path, f"{low}..{high}")
    assert isinstance(found, Span)
    return found


@given(AXES, st.integers(1, 3), st.integers(1, 3))
@settings(deadline=None, max_examples=50)
def test_a_grid_has_every_combination_once_in_the_stated_order(
    lists: list[list[int]], programs: int, seeds: int
) -> None:
    labels = [f"q{i}" for i in range(programs)]
    if prod(map(len, lists)) * programs * seeds < 2:
        return
    made = design("grid", grid(axes(lists)), labels, seeds_from(1, seeds))
    found = [(c.program, *(v for _, v in c.values), c.seed) for c in made.choices()]
    assert found == list(itertools.product(labels, *lists, range(1, seeds + 1)))
    assert len(set(found)) == len(found) == made.count


@given(st.integers(2, 60), st.integers(1, 4), st.integers(0, 2**63 - 1))
@settings(deadline=None, max_examples=40)
def test_a_latin_hypercube_uses_each_part_of_each_axis_once(n: int, width: int, seed: int) -> None:
    spans: list[Axis | Span] = [span(0, 10 * n - 1, f"p{i}") for i in range(width)]
    made = latin(spans, n, seed)
    assert len(made) == len(set(made)) == n
    for i in range(width):
        assert sorted(int(one.values[i][1]) // 10 for one in made) == list(range(n))


def test_a_latin_hypercube_is_of_its_seed_and_an_axis_of_its_path() -> None:
    both = latin([span(0, 999, "a"), span(0, 999, "b")], 10, 1)
    assert both == latin([span(0, 999, "a"), span(0, 999, "b")], 10, 1)
    assert both != latin([span(0, 999, "a"), span(0, 999, "b")], 10, 2)
    alone = latin([span(0, 999, "b")], 10, 1)
    assert [one.values[0] for one in alone] == [one.values[1] for one in both]
    assert [one.values[0][1] for one in alone] == [
        "965", "532", "53", "427", "861", "672", "244", "177", "767", "340",
    ]  # fmt: skip


def test_a_latin_hypercube_takes_the_values_of_a_list_evenly() -> None:
    kinds = Axis(path="kind", values=("a", "b", "c"))
    made = latin([kinds, span(0, 999)], 12, 1)
    assert sorted(one.values[0][1] for one in made) == ["a"] * 4 + ["b"] * 4 + ["c"] * 4


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1,2,5", ("1", "2", "5")),
        ("10..50:5", ("10", "20", "30", "40", "50")),
        ("0..10:4", ("0", "3", "7", "10")),
        ("-4..4:3", ("-4", "0", "4")),
        ("1..1000:4log", ("1", "10", "100", "1000")),
        ("1ms..2ms:3", ("1ms", "1.5ms", "2ms")),
        ("500us..1ms:3", ("500us", "750us", "1000us")),
        ("1mbit..2mbit:5", ("1mbit", "1.25mbit", "1.5mbit", "1.75mbit", "2mbit")),
        ("1k..2k:2", ("1024b", "2048b")),
        ("0%..1%:3", ("0%", "0.5%", "1%")),
    ],
)
def test_a_range_has_both_ends_and_its_unit(text: str, values: tuple[str, ...]) -> None:
    found = read_axis("p", text)
    assert isinstance(found, Axis)
    assert found.values == values


@given(st.integers(0, 10**6), st.integers(1, 10**6), st.integers(2, 200))
@settings(deadline=None, max_examples=60)
def test_steps_of_a_range_rise_evenly(low: int, width: int, steps: int) -> None:
    steps = min(steps, width + 1)
    if steps < 2:
        return
    found = read_axis("p", f"{low}..{low + width}:{steps}")
    assert isinstance(found, Axis)
    numbers = [int(value) for value in found.values]
    assert (numbers[0], numbers[-1], len(numbers)) == (low, low + width, steps)
    gaps = {b - a for a, b in itertools.pairwise(numbers)}
    assert max(gaps) - min(gaps) <= 1
    assert min(gaps) >= 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("5..1:3", "does not rise"),
        ("1..5:1", "has 1 steps, expected at least 2"),
        ("1..5:9", "has 9 steps, but only 5 different values"),
        ("0..5:3log", "equal ratios from 0"),
        ("1ms..5:3", "two units"),
        ("1ms..5mbit:3", "two units"),
        ("a..b:3", "is not a range"),
        ("1..", "is not a range"),
        ("1,1", "takes the value 1 twice"),
        ("1,,2", "an empty value"),
        ("", "an empty value"),
    ],
)
def test_a_bad_axis_is_refused_with_a_cure(text: str, message: str) -> None:
    with pytest.raises(SweepError) as caught:
        read_axis("limit", text)
    assert caught.value.diagnostic.slug == "sweep-axis"
    assert message in caught.value.diagnostic.message


@pytest.mark.parametrize("text", ["1..9999999999:10001", "1..999999999:999999999"])
def test_too_many_steps_are_refused_before_they_are_made(text: str) -> None:
    with pytest.raises(SweepError, match="the limit is 10,000"):
        read_axis("limit", text)


def test_too_many_points_are_refused_with_their_count() -> None:
    many = [Axis(path=p, values=tuple(range(100))) for p in "abcdefgh"]
    with pytest.raises(SweepError) as caught:
        grid(many)
    assert caught.value.diagnostic.slug == "sweep-too-large"
    assert "10,000,000,000,000,000 points (100 x 100" in caught.value.diagnostic.message
    with pytest.raises(SweepError, match=r"20,000 points \(100 x 200\)"):
        design("grid", grid(many[:1]), [""], seeds_from(1, 200))
    assert len(grid(many[:2])) == MAX_SWEEP_POINTS
    with pytest.raises(SweepError, match="10,001 points"):
        latin([span(0, 10**9)], MAX_SWEEP_POINTS + 1, 1)
    with pytest.raises(SweepError, match="10,001 points"):
        seeds_from(1, MAX_SWEEP_POINTS + 1)
    with pytest.raises(SweepError, match="17 axes, the limit is 16"):
        grid([Axis(path=f"p{i}", values=(1,)) for i in range(MAX_AXES + 1)])


def test_a_sweep_of_one_point_is_no_sweep() -> None:
    with pytest.raises(SweepError, match="there is nothing to sweep"):
        design("grid", grid([]), [""], (1,))


def test_a_list_is_taken_as_it_stands() -> None:
    made = listed('"eth0 1:.limit",seed\n10,1\n\n500,7\n')
    assert [(one.values, one.seed) for one in made] == [
        ((("eth0 1:.limit", "10"),), 1),
        ((("eth0 1:.limit", "500"),), 7),
    ]
    with pytest.raises(SweepError, match="the seeds are given twice"):
        design("list", made, [""], (1, 2))


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("", "the first line of a list", 1),
        ("a,a\n1,2\n", "the first line of a list", 1),
        ("a,b\n", "the list has no points", 0),
        ("a,b\n1,2\n3\n", "1 values, expected 2", 3),
        ("a,b\n1,\n", "1 values, expected 2", 2),
        ("a\n1\n2\n1\n", "the same point as line 2", 4),
        ("a,seed\n1,x\n", '"x" is not a seed', 2),
    ],
)
def test_a_bad_list_is_refused_at_its_line(text: str, message: str, line: int) -> None:
    with pytest.raises(SweepError) as caught:
        listed(text)
    assert message in caught.value.diagnostic.message
    assert caught.value.diagnostic.line == line


def test_a_list_has_the_limits_of_a_grid() -> None:
    with pytest.raises(SweepError, match="10,001 points"):
        listed("a\n" + "".join(f"{i}\n" for i in range(MAX_SWEEP_POINTS + 1)))
    with pytest.raises(SweepError, match="larger than 4 MiB"):
        listed("a\n" + "1" * MAX_LIST_BYTES)


def test_an_axis_named_seed_gives_the_seeds() -> None:
    made = design("grid", grid([Axis(path="seed", values=(3, 9))]), [""], (1,))
    assert [(c.values, c.seed) for c in made.choices()] == [((), 3), ((), 9)]


@given(st.text(max_size=40), st.text(max_size=40))
@settings(deadline=None, max_examples=200)
def test_whatever_is_typed_is_an_axis_or_a_problem(path: str, text: str) -> None:
    try:
        read_axis(path, text)
        listed(text)
    except SweepError as error:
        assert error.diagnostic.render()

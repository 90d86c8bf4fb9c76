"""Options get their meaning from the program's parameters alone."""

from __future__ import annotations

import pytest

from sandbox.language.tree import Kind, Param, Span
from sandbox.scenario.model import Options, Setting, Word
from sandbox.scenario.options import parse_base, parse_value, resolve_options
from sandbox.units import UnitError

SPAN = Span(1, 1, 1, 1)


def param(name: str, default: int | tuple[int, ...] = 0, **fields: object) -> Param:
    return Param(name=name, default=default, span=SPAN, **{"kind": Kind.INT, **fields})  # type: ignore[arg-type]


PARAMS = (
    param("limit", 1000, unit="packets", low=0, high=10_000),
    param("target", 5_000_000, unit="ns", low=0),
    param("rate", 10**6, unit="bits_per_second", low=1),
    param("burst", 1600, unit="bytes"),
    param("mtu", 0, unit="bytes"),
    param("share", 50, unit="percent", low=0, high=100),
    param("ecn", 1, kind=Kind.BOOL),
    param("ce_threshold", 0, unit="ns"),
    param("priomap", (1, 2, 2, 2), low=0, high=15),
)


def words(text: str) -> Options:
    found, at = [], 0
    for word in text.split():
        at = text.index(word, at)
        found.append(Word(text=word, line=3, column=at + 1))
        at += len(word)
    return Options(words=tuple(found))


def settings(**given: object) -> Options:
    made = [Setting(name=name, value=value, line=7) for name, value in given.items()]  # type: ignore[arg-type]
    return Options(settings=tuple(made))


def test_the_unit_of_a_parameter_selects_the_parser_of_a_tc_word() -> None:
    values, problems = resolve_options(
        words("limit 20 target 5ms rate 1mbit burst 10k share 30% priomap 0 1 noecn"), PARAMS
    )
    assert not problems
    assert values == {
        "limit": 20, "target": 5_000_000, "rate": 10**6, "burst": 10_240, "share": 30,
        "priomap": (0, 1, 2, 2), "ecn": 0,
    }  # fmt: skip


def test_a_bare_time_in_a_tc_line_is_microseconds() -> None:
    assert resolve_options(words("target 250"), PARAMS)[0] == {"target": 250_000}


def test_a_flag_stands_alone_and_minus_and_underline_are_one() -> None:
    assert resolve_options(words("ecn ce-threshold 1ms"), PARAMS)[0] == {
        "ecn": 1,
        "ce_threshold": 1_000_000,
    }


def test_the_other_names_tc_has_for_burst_and_mtu_are_known() -> None:
    values, problems = resolve_options(words("buffer 3000 minburst 1514"), PARAMS)
    assert (values, problems) == ({"burst": 3000, "mtu": 1514}, ())


def test_an_unknown_word_is_refused_with_its_place_and_a_hint() -> None:
    _, (problem,) = resolve_options(words("limit 20 targt 5ms"), PARAMS, "qdisc eth0 1:")
    assert problem.message == 'qdisc eth0 1: unknown option "targt"'
    assert (problem.line, problem.column, problem.end_column) == (3, 10, 15)
    assert problem.hint == 'did you mean "target"?'


def test_a_value_out_of_range_names_the_bound() -> None:
    _, (problem,) = resolve_options(words("limit 20000"), PARAMS)
    assert problem.message == "limit: limit 20000 is above its maximum 10000"
    assert (problem.line, problem.column) == (3, 7)


def test_a_missing_value_is_an_error() -> None:
    _, (problem,) = resolve_options(words("limit"), PARAMS)
    assert problem.message == "limit needs a value"


def test_table_settings_refuse_the_traps() -> None:
    values, problems = resolve_options(settings(target=250, rate="10mbps", limit=50), PARAMS)
    assert values == {"limit": 50}
    assert [problem.line for problem in problems] == [7, 7]
    assert "has no unit" in problems[0].message
    assert "80mbit" in problems[1].hint


def test_a_list_longer_than_its_parameter_is_refused() -> None:
    with pytest.raises(UnitError, match="takes 4 numbers, got 5"):
        parse_value(PARAMS[-1], (1, 2, 3, 4, 5))


def test_a_number_from_a_program_is_in_the_base_unit() -> None:
    assert parse_base(PARAMS[1], 5_000_000) == 5_000_000
    assert parse_base(PARAMS[1], "5ms") == 5_000_000
    with pytest.raises(UnitError, match="below its minimum"):
        parse_base(PARAMS[1], -1)


@pytest.mark.parametrize("raw", [{}, None, 1.5, "x", "", [1], True])
def test_a_value_of_another_type_is_an_error_not_a_crash(raw: object) -> None:
    with pytest.raises(UnitError):
        parse_value(PARAMS[0], raw)  # type: ignore[arg-type]

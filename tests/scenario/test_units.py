"""Quantities are exact integers, and the two traps of tc are refused with their cure."""

from __future__ import annotations

import pytest

from sandbox import units
from sandbox.units import UnitError, as_number


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1s", 10**9),
        ("1.5ms", 1_500_000),
        ("20 us", 20_000),
        ("7ns", 7),
        ("0", 0),
        ("3msecs", 3_000_000),
    ],
)
def test_a_time_is_nanoseconds(text: str, expected: int) -> None:
    assert units.parse_time_ns(text) == expected


def test_a_bare_time_is_microseconds_in_tc_lines_and_refused_in_tables() -> None:
    assert units.parse_time_ns("250", "tc") == 250_000
    with pytest.raises(UnitError) as caught:
        units.parse_time_ns("250")
    assert caught.value.hint == 'write "250us" (what tc would take it for), "250ms" or "250s"'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10mbit", 10**7),
        ("1.5gbit", 1_500_000_000),
        ("64Kbit", 64_000),
        ("8bit", 8),
        ("1kibit", 1024),
    ],
)
def test_a_rate_is_bits_per_second(text: str, expected: int) -> None:
    assert units.parse_rate_bps(text) == expected


def test_bytes_per_second_are_refused_with_both_readings() -> None:
    for dialect in ("toml", "tc"):
        with pytest.raises(UnitError) as caught:
            units.parse_rate_bps("10mbps", dialect)  # type: ignore[arg-type]
        assert caught.value.hint == (
            'write "10mbit" (bits) or "80mbit" if you meant bytes per second'
        )


def test_a_bare_rate_is_refused_in_tables_and_bits_in_tc_lines() -> None:
    with pytest.raises(UnitError, match="has no unit"):
        units.parse_rate_bps(1_000_000)
    assert units.parse_rate_bps("1000000", "tc") == 1_000_000


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1514b", 1514), (1514, 1514), ("10k", 10_240), ("2mb", 2 * 2**20), ("8kbit", 1024)],
)
def test_a_size_is_bytes_in_steps_of_1024(value: str | int, expected: int) -> None:
    assert units.parse_size_bytes(value) == expected


def test_a_percentage_is_parts_per_million() -> None:
    assert units.parse_percent_ppm("0.5%") == 5000
    for wrong in ("101%", "5", "x"):
        with pytest.raises(UnitError):
            units.parse_percent_ppm(wrong)


@pytest.mark.parametrize(
    "parse",
    [units.parse_time_ns, units.parse_rate_bps, units.parse_size_bytes, units.parse_percent_ppm],
)
@pytest.mark.parametrize(
    "value", ["", "-1ms", "1e9s", "9" * 30 + "s", "ms", "1 2ms", None, True, [], {}, "٣ms", "\0"]
)
def test_nonsense_is_an_error_with_words(parse: object, value: object) -> None:
    with pytest.raises(UnitError) as caught:
        parse(value)  # type: ignore[operator]
    assert caught.value.message


def test_a_quantity_beyond_63_bits_is_refused() -> None:
    with pytest.raises(UnitError, match="too large"):
        units.parse_time_ns("99999999999999999999s")


def test_quantities_are_shown_as_tc_shows_them() -> None:
    assert units.format_time_ns(1_204_331) == "1.204ms"
    assert units.format_time_ns(0) == "0ns"
    assert units.format_rate_bps(10_000_000) == "10Mbit"
    assert units.format_size_bytes(65_536) == "64Kb"
    assert units.format_size_bytes(1514) == "1514b"


def test_a_value_is_quoted_short_and_in_ascii() -> None:
    assert units.shown("x" * 90) == '"' + "x" * 37 + '..."'
    assert units.shown('a"\n\x1b') == r'"a\"\n\u001b"'
    assert units.shown(10**5000) == "a huge number"


@pytest.mark.parametrize(
    ("value", "number"),
    [("20", 20), ("-3", -3), ("0", 0), ("020", "020"), ("20k", "20k"), ("", ""), ("-", "-"),
     ("٣", "٣"), ("1" * 30, "1" * 30), ("9" * 5000, "9" * 5000), (7, 7)],
)  # fmt: skip
def test_only_what_is_written_as_an_int_becomes_a_number(
    value: int | str, number: int | str
) -> None:
    assert as_number(value) == number

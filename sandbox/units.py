"""Parse and print quantities as tc(8) writes them, to and from integers with one unit each.

Times are nanoseconds, sizes bytes, rates bits per second. Two habits of tc are traps and are
refused in scenario tables: "10mbps" (tc means bytes per second) and a bare time (tc means
microseconds).
"""

from __future__ import annotations

import json
import re
from fractions import Fraction
from typing import Literal

QUANTITY_MAX = 2**63 - 1

_QUANTITY = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,12})?)\s?([A-Za-z%]*)")

_TIME_NS = {
    **dict.fromkeys(("s", "sec", "secs"), 1_000_000_000),
    **dict.fromkeys(("ms", "msec", "msecs"), 1_000_000),
    **dict.fromkeys(("us", "usec", "usecs"), 1_000),
    **dict.fromkeys(("ns", "nsec", "nsecs"), 1),
}
_RATE_BPS = {"bit": 1}
_BYTES_PER_SECOND = {"bps"}
for _power, _letter in enumerate("kmgt", start=1):
    _RATE_BPS[f"{_letter}bit"] = 1000**_power
    _RATE_BPS[f"{_letter}ibit"] = 1024**_power
    _BYTES_PER_SECOND |= {f"{_letter}bps", f"{_letter}ibps"}
_SIZE_BYTES: dict[str, Fraction] = {"": Fraction(1), "b": Fraction(1)}
for _power, _letter in enumerate("kmg", start=1):
    _SIZE_BYTES[_letter] = _SIZE_BYTES[f"{_letter}b"] = Fraction(1024**_power)
    _SIZE_BYTES[f"{_letter}bit"] = Fraction(1024**_power, 8)

Dialect = Literal["toml", "tc"]


class UnitError(ValueError):
    """A quantity that cannot be read; `hint` is the cure, "" when the message says it all."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def shown(value: object) -> str:
    """Return a short quoted form of a user's value for a message, safe for any size and depth."""
    if isinstance(value, str):
        text = value if len(value) <= 40 else value[:37] + "..."
        return json.dumps(text)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value) if -(10**30) < value < 10**30 else "a huge number"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, list | tuple):
        return "a list"
    return "a table" if isinstance(value, dict) else f"a {type(value).__name__}"


def _split(text: str, what: str, example: str) -> tuple[Fraction, str]:
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        raise UnitError(f"{shown(text)} is not a {what}", f'write for example "{example}"')
    return Fraction(match[1]), match[2].lower()


def _whole(value: Fraction, text: str) -> int:
    result = int(value + Fraction(1, 2))
    if result > QUANTITY_MAX:
        raise UnitError(f"{shown(text)} is too large", "the largest quantity is 2^63 - 1")
    return result


def parse_time_ns(value: str | int, dialect: Dialect = "toml") -> int:
    """Return a time such as "1.5ms" in ns; a bare number but 0 is microseconds in tc lines only."""
    text = _text_of(value, "time", "20ms")
    number, suffix = _split(text, "time", "20ms")
    if suffix == "":
        if number == 0:
            return 0
        if dialect == "toml":
            raise UnitError(
                f"time {shown(text)} has no unit",
                f'write "{text}us" (what tc would take it for), "{text}ms" or "{text}s"',
            )
        suffix = "us"
    if suffix not in _TIME_NS:
        raise UnitError(f"{shown(text)} is not a time", "the units are s, ms, us and ns")
    return _whole(number * _TIME_NS[suffix], text)


def parse_rate_bps(value: str | int, dialect: Dialect = "toml") -> int:
    """Return a rate such as "10mbit" in bits per second; "10mbps" is refused with both readings."""
    text = _text_of(value, "rate", "10mbit")
    number, suffix = _split(text, "rate", "10mbit")
    if suffix in _BYTES_PER_SECOND:
        bits = suffix.replace("bps", "bit")
        raise UnitError(
            f"rate {shown(text)} is bytes per second in tc",
            f'write "{_plain(number)}{bits}" (bits) '
            f'or "{_plain(number * 8)}{bits}" if you meant bytes per second',
        )
    if suffix == "":
        if dialect == "toml" and number != 0:
            raise UnitError(
                f"rate {shown(text)} has no unit", f'write "{text}bit" or for example "10mbit"'
            )
        suffix = "bit"
    if suffix not in _RATE_BPS:
        raise UnitError(
            f"{shown(text)} is not a rate", "the units are bit, kbit, mbit, gbit and tbit"
        )
    return _whole(number * _RATE_BPS[suffix], text)


def parse_size_bytes(value: str | int) -> int:
    """Return a size such as "1514b", "10k" (1024s) or a plain number in bytes."""
    text = _text_of(value, "size", "1514b")
    number, suffix = _split(text, "size", "1514b")
    if suffix not in _SIZE_BYTES:
        raise UnitError(f"{shown(text)} is not a size", "the units are b, k, m and g (1024s)")
    return _whole(number * _SIZE_BYTES[suffix], text)


def parse_percent_ppm(value: str | int) -> int:
    """Return a percentage such as "0.5%" in parts per million, at most 100 %."""
    text = _text_of(value, "percentage", "0.5%")
    number, suffix = _split(text, "percentage", "0.5%")
    if suffix not in ("%", ""):
        raise UnitError(f"{shown(text)} is not a percentage", 'write for example "0.5%"')
    if suffix == "" and number != 0:
        raise UnitError(f"percentage {shown(text)} has no unit", f'write "{text}%"')
    if number > 100:
        raise UnitError(f"{shown(text)} is more than 100%")
    return _whole(number * 10_000, text)


def parse_int(value: str | int) -> int:
    """Return a whole number written in decimal or, with 0x, in hexadecimal."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise UnitError(f"{shown(value)} is not a whole number")
    if isinstance(value, str):
        text = value.strip().lower()
        if not re.fullmatch(r"-?([0-9]{1,20}|0x[0-9a-f]{1,16})", text):
            raise UnitError(f"{shown(value)} is not a whole number")
        value = int(text, 16 if "0x" in text else 10)
    if not -(2**63) <= value <= QUANTITY_MAX:
        raise UnitError(f"{shown(value)} does not fit 64 bits")
    return value


def _text_of(value: object, what: str, example: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return f"{value}" if value < 10**18 else shown(10**31)
    raise UnitError(f"{shown(value)} is not a {what}", f'write for example "{example}"')


def _plain(number: Fraction) -> str:
    return f"{float(number):.12g}"


def _scaled(value: int, steps: tuple[tuple[int, str], ...], digits: int) -> str:
    for size, suffix in steps:
        if abs(value) >= size:
            text = f"{value / size:.{digits}f}"
            return (text.rstrip("0").rstrip(".") if "." in text else text) + suffix
    return f"{value}{steps[-1][1]}"


def format_time_ns(value: int) -> str:
    """Return a time for people, e.g. "1.204ms"."""
    return _scaled(value, ((10**9, "s"), (10**6, "ms"), (10**3, "us"), (1, "ns")), 3)


def format_rate_bps(value: int) -> str:
    """Return a rate as tc prints it, e.g. "10Mbit"."""
    steps = ((10**12, "Tbit"), (10**9, "Gbit"), (10**6, "Mbit"), (10**3, "Kbit"), (1, "bit"))
    return _scaled(value, steps, 3)


def format_size_bytes(value: int) -> str:
    """Return a size as tc prints it, e.g. "1514b" or "64Kb"."""
    if value % 2**20 == 0 and value:
        return f"{value >> 20}Mb"
    if value % 2**10 == 0 and value:
        return f"{value >> 10}Kb"
    return f"{value}b"


def as_number(value: int | str) -> int | str:
    """Return a value as an int where it is written as one, "20" and not "020" or "20k"."""
    if isinstance(value, str) and len(value) < 20 and value.removeprefix("-").isdecimal():
        return int(value) if str(int(value)) == value else value
    return value

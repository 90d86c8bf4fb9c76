"""Span: the values between two quantities, such as 1ms..20ms, exactly and with their unit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from sandbox import units
from sandbox.sweep.problem import SweepError

_RANGE = re.compile(r"(.+?)\.\.(.+?)(?::([0-9]{1,9})(log)?)?")
_QUANTITY = re.compile(r"(-?[0-9]{1,19}(?:\.[0-9]{1,12})?)\s?([A-Za-z%]*)")
_PARSERS = (
    units.parse_time_ns, units.parse_rate_bps, units.parse_size_bytes, units.parse_percent_ppm,
)  # fmt: skip
_BASES = ("ns", "bit", "b", "%")
_EXAMPLE = 'write LOW..HIGH:STEPS, for example "10..1000:5" or "1ms..20ms:4"'

Value = int | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """An axis given by its ends, both included, counted in base units (ns, bits per second, bytes).

    `suffix` is the unit in which values are written, `scale` how many base units it has.
    """

    path: str
    low: int
    high: int
    suffix: str
    scale: int
    base: str

    def at(self, share: Fraction) -> Value:
        """Return the value that lies at a share of the way from the low end (0) to the high (1)."""
        return self.write(self.low + _nearest(share * (self.high - self.low)))

    def within(self, share: Fraction) -> Value:
        """Return the value whose equal part of the span a share of 0 up to, but not, 1 falls into."""
        return self.write(self.low + int(share * (self.high - self.low + 1)))

    def steps(self, count: int) -> tuple[Value, ...]:
        """Return `count` values at equal distances."""
        return tuple(self.at(Fraction(i, count - 1)) for i in range(count))

    def log_steps(self, count: int) -> tuple[Value, ...]:
        """Return `count` values at equal ratios."""
        ratio = self.high / self.low
        inner = (round(self.low * ratio ** (i / (count - 1))) for i in range(1, count - 1))
        return (self.write(self.low), *map(self.write, inner), self.write(self.high))

    def write(self, base_value: int) -> Value:
        """Return a number of base units as a quantity: an exact decimal, or else in the base unit."""
        if not self.suffix:
            return str(base_value)
        digits = len(str(self.scale)) - 1
        if self.scale != 10**digits:
            return f"{base_value}{self.base}"
        whole, rest = divmod(base_value, self.scale)
        decimals = f".{rest:0{digits}d}".rstrip("0").rstrip(".") if rest else ""
        return f"{whole}{decimals}{self.suffix}"


def _nearest(value: Fraction) -> int:
    return int(value + Fraction(1, 2))


def parse_range(path: str, text: str) -> tuple[Span, int, bool] | None:
    """Return the span of LOW..HIGH[:STEPS[log]], its steps (0: none said), whether by ratio.

    None when the text is no range. A range that cannot be read is a SweepError.
    """
    match = _RANGE.fullmatch(text.strip())
    if match is None:
        if ".." in text:
            raise _bad(path, text, "is not a range", _EXAMPLE)
        return None
    span = _span(path, text, match[1].strip(), match[2].strip())
    steps = int(match[3] or 0)
    if match[3] and steps < 2:
        raise _bad(path, text, f"has {steps} steps, expected at least 2", _EXAMPLE)
    if match[4] and span.low <= 0:
        raise _bad(path, text, "has equal ratios from 0", "a range with log starts above 0")
    if steps > span.high - span.low + 1:
        held = f"has {steps} steps, but only {span.high - span.low + 1} different values"
        raise _bad(path, text, held, "ask for fewer steps")
    return span, steps, bool(match[4])


def _span(path: str, text: str, low: str, high: str) -> Span:
    ends = [_QUANTITY.fullmatch(end) for end in (low, high)]
    if ends[0] is None or ends[1] is None:
        raise _bad(path, text, "is not a range", _EXAMPLE)
    suffixes = [end[2].lower() for end in ends if end is not None]
    if not any(suffixes):
        numbers = _whole_ends(path, text, low, high)
        return _ordered(path, text, Span(path=path, low=numbers[0], high=numbers[1],
                                         suffix="", scale=1, base=""))  # fmt: skip
    for parse, base in zip(_PARSERS, _BASES, strict=True):
        try:
            scales = [parse(f"1{suffix}") for suffix in suffixes]
            found = [parse(low), parse(high)]
        except units.UnitError:
            continue
        smaller = 0 if scales[0] <= scales[1] else 1
        return _ordered(path, text, Span(path=path, low=found[0], high=found[1], base=base,
                                         suffix=suffixes[smaller], scale=scales[smaller]))  # fmt: skip
    raise _bad(path, text, "has two units, or one that is not known", _EXAMPLE)


def _whole_ends(path: str, text: str, low: str, high: str) -> tuple[int, int]:
    try:
        return units.parse_int(low), units.parse_int(high)
    except units.UnitError as error:
        raise _bad(path, text, f"is not a range: {error}", _EXAMPLE) from None


def _ordered(path: str, text: str, span: Span) -> Span:
    if span.low >= span.high:
        raise _bad(path, text, "does not rise", "write the lower end first")
    return span


def _bad(path: str, text: str, message: str, hint: str) -> SweepError:
    return SweepError("sweep-axis", f"{path}: {units.shown(text)} {message}", hint)

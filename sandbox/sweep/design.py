"""Design: which points a sweep has, in which order; the count is known before anything runs.

A grid takes every combination of its values, the first axis slowest; a list names its points; a
Latin hypercube takes N points so that each axis is covered evenly. Programs go slowest, seeds
fastest.
"""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from sandbox.protocol import SEED_MAX
from sandbox.scenario.model import MAX_SWEEP_POINTS, Axis
from sandbox.sweep.problem import SweepError
from sandbox.sweep.span import Span, Value, parse_range
from sandbox.units import shown

MAX_AXES = 16
MAX_LIST_BYTES = 4 * 1024 * 1024
SEED = "seed"  # as an axis, or a column of a list, it is the seed of the point and no parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One combination of parameter values; `seed` only where a list or an axis gives it."""

    values: tuple[tuple[str, Value], ...]
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One point of the design: a program by its label, a setting, a seed."""

    program: str
    values: tuple[tuple[str, Value], ...]
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """All points of a sweep, in order."""

    kind: str  # grid, list, latin
    programs: tuple[str, ...]
    settings: tuple[Setting, ...]
    seeds: tuple[int, ...]

    @property
    def count(self) -> int:
        """Return how many points there are."""
        return len(self.programs) * len(self.settings) * len(self.seeds)

    def choices(self) -> Iterator[Choice]:
        """Yield the points: by program, then by setting, then by seed."""
        for program, setting, seed in itertools.product(self.programs, self.settings, self.seeds):
            own = seed if setting.seed is None else setting.seed
            yield Choice(program=program, values=setting.values, seed=own)

    def paths(self) -> tuple[str, ...]:
        """Return the parameters that vary, in their order."""
        return tuple(dict.fromkeys(path for one in self.settings for path, _ in one.values))


def design(
    kind: str,
    settings: tuple[Setting, ...],
    programs: Sequence[str],
    seeds: Sequence[int],
    least: int = 2,
) -> Design:
    """Return the design of checked settings with these programs and seeds; `least` points must be in it."""
    for setting in settings[:1]:
        if setting.seed is not None and len(seeds) > 1:
            raise SweepError(
                "sweep-axis",
                "the seeds are given twice, by an axis and by their number",
                "leave out one of them",
            )
    within_limit((len(programs), len(settings), len(seeds)))
    made = Design(kind=kind, programs=tuple(programs), settings=settings, seeds=tuple(seeds))
    if made.count < least:
        raise SweepError(
            "sweep-empty",
            "there is nothing to sweep: one program, one setting, one seed",
            'give --param PATH=V1,V2 or --seeds N, or write "[sweep]" into the scenario',
        )
    return made


def within_limit(factors: Sequence[int]) -> None:
    """Refuse a product of counts that is over the limit, with the count."""
    count = math.prod(factors)
    if count > MAX_SWEEP_POINTS:
        shape = " x ".join(f"{factor:,}" for factor in factors if factor != 1)
        made = f" ({shape})" if "x" in shape else ""
        raise SweepError(
            "sweep-too-large",
            f"the sweep has {count:,} points{made}, the limit is {MAX_SWEEP_POINTS:,}",
            "take fewer values or seeds, or a Latin hypercube (--latin N)",
        )


# --- axes -----------------------------------------------------------------------------------------


def read_axis(path: str, text: str) -> Axis | Span:
    """Return the axis that V1,V2,... or LOW..HIGH[:STEPS[log]] means; without STEPS it is a span."""
    if not path:
        raise SweepError("sweep-axis", f"{shown(text)} belongs to no parameter", "write PATH=V1,V2")
    found = parse_range(path, text)
    if found is None:
        values = tuple(value.strip() for value in text.split(","))
        return _checked(Axis(path=path, values=values))
    span, steps, by_ratio = found
    if steps == 0:
        return span
    within_limit((steps,))
    return _checked(
        Axis(path=path, values=span.log_steps(steps) if by_ratio else span.steps(steps))
    )


def _checked(axis: Axis) -> Axis:
    seen: set[str] = set()
    for value in axis.values:
        if value == "":
            raise SweepError("sweep-axis", f"{axis.path} has an empty value", "write PATH=V1,V2")
        if str(value) in seen:
            raise SweepError("sweep-axis", f"{axis.path} takes the value {value} twice")
        seen.add(str(value))
    return axis


def _check_axes(axes: Sequence[Axis | Span]) -> None:
    if len(axes) > MAX_AXES:
        raise SweepError(
            "sweep-too-large", f"the sweep has {len(axes)} axes, the limit is {MAX_AXES}"
        )
    seen: set[str] = set()
    for axis in axes:
        if axis.path in seen:
            raise SweepError("sweep-axis", f"{axis.path} has two axes", "give all its values once")
        seen.add(axis.path)
        if isinstance(axis, Axis):
            _checked(axis)


# --- the three kinds ------------------------------------------------------------------------------


def grid(axes: Sequence[Axis | Span]) -> tuple[Setting, ...]:
    """Return every combination of the values, the first axis slowest."""
    _check_axes(axes)
    for axis in axes:
        if isinstance(axis, Span):
            low, high = axis.write(axis.low), axis.write(axis.high)
            raise SweepError(
                "sweep-axis",
                f"{axis.path}: {low}..{high} does not say how many values to take",
                f"write {low}..{high}:5, or use --latin N",
            )
    plain = [axis for axis in axes if isinstance(axis, Axis)]
    within_limit([len(axis.values) for axis in plain])
    names = [axis.path for axis in plain]
    product = itertools.product(*(axis.values for axis in plain))
    return tuple(_setting(list(zip(names, values, strict=True))) for values in product)


def latin(axes: Sequence[Axis | Span], count: int, seed: int) -> tuple[Setting, ...]:
    """Return `count` points of a Latin hypercube.

    Each axis is cut into `count` equal parts and each part is used once, in an order of its own; a
    list of values is used evenly. The same seed gives the same points, whatever the other axes.
    """
    _check_axes(axes)
    if count < 2 or not axes:
        raise SweepError("sweep-axis", "a Latin hypercube has at least 2 points and one axis")
    within_limit((count,))
    columns = [(axis.path, _latin_column(axis, count, seed)) for axis in axes]
    found = tuple(_setting([(path, values[i]) for path, values in columns]) for i in range(count))
    if len(set(found)) < count:
        raise SweepError(
            "sweep-axis",
            f"the axes have too few values for {count:,} different points",
            "take fewer points, wider ranges, or a grid",
        )
    return found


def _latin_column(axis: Axis | Span, count: int, seed: int) -> list[Value]:
    parts = list(range(count))
    for i in range(count - 1, 0, -1):  # Fisher and Yates
        j = int(_draw(seed, axis.path, "order", i) * (i + 1))
        parts[i], parts[j] = parts[j], parts[i]
    if isinstance(axis, Axis):
        return [axis.values[part * len(axis.values) // count] for part in parts]
    draws = (_draw(seed, axis.path, "place", i) for i in range(count))
    return [axis.within((part + u) / count) for part, u in zip(parts, draws, strict=True)]


def _draw(seed: int, path: str, what: str, index: int) -> Fraction:
    """Return a number of 0 up to 1 from the stream of one axis; SHA-256, the same on any machine."""
    word = hashlib.sha256(f"latin\0{seed}\0{path}\0{what}\0{index}".encode()).digest()
    return Fraction(int.from_bytes(word[:8], "big"), 2**64)


def listed(text: str) -> tuple[Setting, ...]:
    """Return the points of a CSV text: a header of parameter paths (and `seed`), a line a point."""
    if len(text) > MAX_LIST_BYTES:
        raise SweepError("sweep-too-large", f"the list is larger than {MAX_LIST_BYTES >> 20} MiB")
    lines = csv.reader(io.StringIO(text.removeprefix("\ufeff")))  # as spreadsheets begin it
    try:
        return _listed(lines)
    except csv.Error as error:
        raise SweepError(
            "sweep-list", f"the list is not CSV: {error}", line=lines.line_num
        ) from None


def _listed(lines: Iterator[list[str]]) -> tuple[Setting, ...]:
    header = [name.strip() for name in next(lines, [])]
    if not header or "" in header or len(set(header)) < len(header):
        raise SweepError(
            "sweep-list",
            "the first line of a list names each of its columns once",
            'for example: "eth0 1:.limit,seed"',
            line=1,
        )
    _check_axes([Axis(path=name, values=(0,)) for name in header])
    found: dict[Setting, int] = {}
    line_count = 1
    for number, cells in enumerate(lines, start=2):
        if not cells:
            continue
        line_count += 1
        within_limit((line_count - 1,))
        values = [cell.strip() for cell in cells]
        if len(values) != len(header) or "" in values:
            full = sum(1 for value in values if value)
            message = f"{full} values, expected {len(header)}"
            raise SweepError("sweep-list", message, line=number)
        setting = _setting(list(zip(header, values, strict=True)), number)
        if setting in found:
            message = f"the same point as line {found[setting]}"
            raise SweepError("sweep-list", message, line=number)
        found[setting] = number
    if not found:
        raise SweepError("sweep-empty", "the list has no points", "write a line for each")
    return tuple(found)


def _setting(pairs: list[tuple[str, Value]], line: int = 0) -> Setting:
    values = tuple(pair for pair in pairs if pair[0] != SEED)
    seeds = [_seed(value, line) for path, value in pairs if path == SEED]
    return Setting(values=values, seed=seeds[0] if seeds else None)


def _seed(value: Value, line: int) -> int:
    text = str(value)
    if not text.isascii() or not text.isdigit() or len(text) > 19 or int(text) > SEED_MAX:
        message = f"{shown(value)} is not a seed, expected a number from 0 to 2^63 - 1"
        raise SweepError("sweep-list" if line else "sweep-axis", message, line=line)
    return int(text)


def seeds_from(first: int, count: int) -> tuple[int, ...]:
    """Return `count` seeds in a row."""
    if count < 1:
        raise SweepError("sweep-axis", f"{count} seeds, expected at least 1")
    within_limit((count,))
    if first + count - 1 > SEED_MAX:
        raise SweepError("sweep-axis", "the last seed is above 2^63 - 1")
    return tuple(range(first, first + count))

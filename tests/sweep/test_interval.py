"""Intervals: Student's quantiles as the published tables have them, and what is made of them."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.sweep.interval import incomplete_beta, interval, student_t

# Two-sided 95 % and 99 % points: any table of Student's t.
TABLE_95 = {1: 12.706205, 2: 4.302653, 3: 3.182446, 4: 2.776445, 5: 2.570582, 6: 2.446912,
            7: 2.364624, 8: 2.306004, 9: 2.262157, 10: 2.228139, 15: 2.131450, 20: 2.085963,
            29: 2.045230, 30: 2.042272, 60: 2.000298, 100: 1.983972, 1000: 1.962339}  # fmt: skip
TABLE_99 = {1: 63.656741, 2: 9.924843, 3: 5.840909, 5: 4.032143, 10: 3.169273, 30: 2.749996}


@pytest.mark.parametrize(("freedom", "expected"), TABLE_95.items())
def test_quantiles_are_those_of_the_tables(freedom: int, expected: float) -> None:
    assert student_t(0.975, freedom) == pytest.approx(expected, abs=6e-7)


@pytest.mark.parametrize(("freedom", "expected"), TABLE_99.items())
def test_quantiles_of_99_percent_are_those_of_the_tables(freedom: int, expected: float) -> None:
    assert student_t(0.995, freedom) == pytest.approx(expected, abs=6e-7)


@pytest.mark.parametrize("probability", [0.6, 0.9, 0.975, 0.999])
def test_one_and_two_degrees_of_freedom_have_a_closed_form(probability: float) -> None:
    cauchy = math.tan(math.pi * (probability - 0.5))
    assert student_t(probability, 1) == pytest.approx(cauchy, rel=1e-11)
    share = 2 * probability - 1
    assert student_t(probability, 2) == pytest.approx(
        share * math.sqrt(2 / (1 - share**2)), rel=1e-11
    )


def test_many_degrees_of_freedom_come_to_the_normal_distribution() -> None:
    assert student_t(0.975, 10_000_000) == pytest.approx(1.959964, abs=1e-6)
    assert student_t(0.5, 7) == 0
    assert student_t(0.025, 7) == -student_t(0.975, 7)


@given(st.floats(0.001, 0.999), st.integers(1, 30), st.integers(1, 30))
@settings(deadline=None, max_examples=60)
def test_the_incomplete_beta_is_the_tail_of_a_binomial(x: float, a: int, b: int) -> None:
    n = a + b - 1
    tail = math.fsum(math.comb(n, j) * x**j * (1 - x) ** (n - j) for j in range(a, n + 1))
    assert incomplete_beta(x, a, b) == pytest.approx(tail, rel=1e-9, abs=1e-13)


def test_an_interval_worked_by_hand() -> None:
    # mean 5, variance 32/7 (n - 1), t(7) = 2.364624
    found = interval([2, 4, 4, 4, 5, 5, 7, 9])
    assert found.mean == 5
    assert found.half == pytest.approx(2.364624 * math.sqrt(32 / 7 / 8), rel=1e-6)


def test_one_sample_has_no_interval_and_equal_samples_have_an_empty_one() -> None:
    assert interval([3.5]).half is None
    assert interval([0.1] * 7).half == 0
    assert interval([0.1] * 7).mean == 0.1


def test_the_order_of_samples_does_not_matter() -> None:
    stream = random.Random(5)
    samples = [stream.random() * 10.0**k for k in range(12)]
    first = interval(samples)
    stream.shuffle(samples)
    assert interval(samples) == first


def test_intervals_hold_the_true_mean_as_often_as_they_say() -> None:
    stream = random.Random(7)
    hits = 0
    for _ in range(2000):
        found = interval([stream.gauss(10, 3) for _ in range(4)])
        assert found.half is not None
        hits += abs(found.mean - 10) <= found.half
    assert 0.935 < hits / 2000 < 0.965

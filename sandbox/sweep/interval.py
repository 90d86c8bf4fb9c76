"""Interval: mean of a few samples with the interval that Student's t gives for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

CONFIDENCE = 0.95
_STEPS_MAX = 10_000
_TINY = 1e-300


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean and the half width of its interval; `half` is None of fewer than two samples."""

    count: int
    mean: float
    half: float | None
    confidence: float


def interval(samples: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Return mean and confidence interval of independent samples, the same in any order.

    The mean of n samples with standard deviation s lies within t(n - 1) * s / sqrt(n) of the true
    one, if the samples are normal; means over a run's packets nearly are.
    """
    count = len(samples)
    assert count > 0
    mean = math.fsum(samples) / count
    if count == 1:
        return Interval(count=1, mean=mean, half=None, confidence=confidence)
    if min(samples) == max(samples):
        return Interval(count=count, mean=samples[0], half=0.0, confidence=confidence)
    variance = math.fsum((sample - mean) ** 2 for sample in samples) / (count - 1)
    half = student_t((1 + confidence) / 2, count - 1) * math.sqrt(variance / count)
    return Interval(count=count, mean=mean, half=half, confidence=confidence)


@cache
def student_t(probability: float, freedom: int) -> float:
    """Return the quantile of Student's t with `freedom` degrees of freedom, at least 1.

    `probability` lies strictly between 0 and 1. The distribution function is inverted by halving,
    which cannot diverge; the result is good to about twelve digits.
    """
    assert 0 < probability < 1
    assert freedom >= 1
    if probability == 0.5:
        return 0.0
    if probability < 0.5:
        return -student_t(1 - probability, freedom)
    tail = 1 - probability
    high = 1.0
    while upper_tail(high, freedom) > tail:
        high *= 2
    low = 0.0
    while high - low > 1e-14 * high:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if upper_tail(middle, freedom) > tail:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def upper_tail(t: float, freedom: int) -> float:
    """Return the probability that a Student's t is above `t`, which is not negative."""
    return incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5) / 2


def incomplete_beta(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function, by its continued fraction.

    The fraction converges fast below the mean of the distribution; above it the symmetry
    I(x; a, b) = 1 - I(1 - x; b, a) is used.
    """
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(1 - x, b, a)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    log_front += a * math.log(x) + b * math.log1p(-x)
    return math.exp(log_front) / (a * _fraction(x, a, b))


def _fraction(x: float, a: float, b: float) -> float:
    """Return 1 + d1/(1 + d2/(1 + ...)) from the front (the method of Lentz)."""
    value, ratio_up, ratio_down = 1.0, 1.0, 0.0
    for step in range(1, _STEPS_MAX):
        term = _coefficient(step, x, a, b)
        ratio_down = 1 / (1 + term * ratio_down or _TINY)
        ratio_up = 1 + term / ratio_up or _TINY
        change = ratio_up * ratio_down
        value *= change
        if abs(change - 1) < 1e-16:
            break
    return value


def _coefficient(step: int, x: float, a: float, b: float) -> float:
    m = step // 2
    if step % 2 == 0:
        return m * (b - m) * x / ((a + step - 1) * (a + step))
    return -(a + m) * (a + b + m) * x / ((a + step - 1) * (a + step))

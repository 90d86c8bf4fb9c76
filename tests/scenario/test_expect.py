"""Promises are judged by the statistics of a run; a number that is missing breaks one."""

from __future__ import annotations

import pytest

from sandbox.scenario.expect import METRICS, judge, show_value
from sandbox.scenario.load import load
from sandbox.scenario.model import Expect

BASE = (
    'title = "T"\ndevice = { rate = "10mbit" }\n[flow]\nbulk = { model = "cbr", pps = 1 }\n'
    '[qdisc]\n"1:" = { kind = "pfifo" }\n'
)
STATISTICS = {
    "total": {"jain": 0.97, "drops": 3},
    "flows": {"bulk": {"sojourn": {"p99": 39_000_000}, "throughput": 8_000_000, "drops": 0}},
    "qdiscs": {"eth0 1:": {"backlog": {"now": 0, "max": 15_140}, "qlen": 4}},
    "maps": {"eth0 1: queue": {"qlen": {"max": 12}}},
}


def expect(body: str) -> Expect:
    loaded = load(BASE + "[[expect]]\n" + body)
    assert loaded.model is not None, [one.render() for one in loaded.diagnostics]
    return loaded.model.expects[0]


@pytest.mark.parametrize(
    ("body", "ok"),
    [
        ('metric = "sojourn.p99"\nflow = "bulk"\nbelow = "40ms"', True),
        ('metric = "sojourn.p99"\nflow = "bulk"\nbelow = "39ms"', False),
        ('metric = "sojourn.p99"\nflow = "bulk"\nabove = "39ms"', False),
        ('metric = "throughput"\nflow = "bulk"\nequals = "8.1mbit"\ntolerance = "0.1mbit"', True),
        ('metric = "throughput"\nflow = "bulk"\nequals = "8.2mbit"\ntolerance = "0.1mbit"', False),
        ('metric = "drops"\nflow = "bulk"\nequals = 0', True),
        ('metric = "drops"\nabove = 2', True),
        ('metric = "jain"\nwithin = [0.9, "100%"]', True),
        ('metric = "backlog.max"\nqdisc = "1:"\nwithin = ["10b", "20k"]', True),
        ('metric = "backlog"\nqdisc = "1:"\nequals = 0', True),
        ('metric = "qlen.max"\nmap = "queue"\nequals = 12', True),
        ('metric = "marks"\nflow = "bulk"\nbelow = 5', False),
        ('metric = "utilisation"\ndevice = "eth0"\nabove = 0', False),
    ],
)
def test_a_promise_is_kept_or_broken_by_the_measured_number(body: str, ok: bool) -> None:
    assert judge(expect(body), STATISTICS).ok is ok


def test_a_verdict_reads_as_a_sentence_with_the_measured_value() -> None:
    verdict = judge(expect('metric = "sojourn.p99"\nflow = "bulk"\nbelow = "40ms"'), STATISTICS)
    assert verdict.text == "bulk sojourn.p99 below 40ms"
    assert verdict.shown == "39ms"


def test_a_missing_number_says_so() -> None:
    verdict = judge(expect('metric = "marks"\nflow = "bulk"\nbelow = 5'), STATISTICS)
    assert (verdict.ok, verdict.value, verdict.shown) == (False, None, "not measured")


def test_every_metric_can_be_shown() -> None:
    for metric in METRICS:
        assert show_value(metric, 1)

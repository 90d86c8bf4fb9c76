"""What every program of the library keeps, whatever traffic it gets."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.build.programs import library_names, library_text
from sandbox.language.check import check
from tests.qdiscs.workload import TREES, Ran, Sent, packets, play, steady
from tests.qdiscs.workload import settings as tc_texts

LIBRARY = library_names()
CASES = [(kind, number) for kind in LIBRARY for number in range(len(tc_texts(kind)))]
LINES_MAX = 190  # of code; only fq_codel, which is two algorithms, is above 130


def text_of(kind: str) -> str:
    text = library_text(kind)
    assert text is not None
    return text


@pytest.mark.parametrize("kind", LIBRARY)
def test_a_library_program_checks_without_a_warning(kind: str) -> None:
    checked = check(text_of(kind), kind)
    assert [d for d in checked.diagnostics if d.severity != "advice"] == []


@pytest.mark.parametrize("kind", LIBRARY)
def test_a_library_program_tells_its_story(kind: str) -> None:
    program = check(text_of(kind), kind).program
    assert program is not None
    assert program.title.endswith((".", "?"))
    assert len(program.title) <= 90
    assert re.search(r"(?m)^Source: \S", program.doc), "name the kernel file, RFC or paper"
    assert len(program.doc.splitlines()) >= 5, "say what it demonstrates and when it does badly"
    shown = [*program.params, *(program.class_record.fields if program.class_record else ())]
    for one in shown:
        param = getattr(one, "param", one)
        if param is not None:
            assert param.help, f"{param.name} has no help"
            assert param.low > -(2**62) or param.kind.value == "bool", f"{param.name} has no min"


@pytest.mark.parametrize("kind", LIBRARY)
def test_a_library_program_is_short(kind: str) -> None:
    body = text_of(kind).split('"""', 2)[2]
    code = [line for line in body.splitlines() if line.strip() and not line.strip().startswith("#")]
    assert len(code) <= (LINES_MAX if kind == "fq_codel" else 150)


def _reorders(tc: str) -> bool:
    return "perturb" in tc


@pytest.mark.parametrize(("kind", "number"), CASES)
@settings(max_examples=12, deadline=None, derandomize=True)
@given(sent=packets())
def test_random_traffic_ends_delivered_or_dropped_and_nothing_is_stuck(
    kind: str, number: int, sent: list[Sent]
) -> None:
    tc = tc_texts(kind)[number]
    ran = play(tc, sent, order=not _reorders(tc))
    assert sorted(ran.order + ran.dropped) == list(range(len(sent)))
    assert ran.finished["statistics"]["total"]["queued"] == 0


@pytest.mark.parametrize("name", TREES)
@settings(max_examples=15, deadline=None, derandomize=True)
@given(sent=packets())
def test_trees_of_library_qdiscs_lose_and_keep_nothing_in_secret(
    name: str, sent: list[Sent]
) -> None:
    ran = play(TREES[name], sent, idle="drr over" not in name and "ets over" not in name)
    assert sorted(ran.order + ran.dropped) == list(range(len(sent)))
    assert ran.finished["statistics"]["total"]["queued"] == 0


DOWN_UP = """
[[event]]
at = "{down}us"
do = "link-down"
device = "eth0"
[[event]]
at = "{up}us"
do = "link-up"
device = "eth0"
"""


@pytest.mark.parametrize("kind", LIBRARY)
@settings(max_examples=12, deadline=None, derandomize=True)
@given(sent=packets(), down=st.integers(1, 40_000), outage=st.integers(1, 20_000))
def test_a_link_that_goes_down_leaves_a_clean_qdisc(
    kind: str, sent: list[Sent], down: int, outage: int
) -> None:
    last = max(one.time_ns for one in sent) + 100_000_000
    after = [Sent(last + at * 2_000_000, at % 4, 500) for at in range(8)]
    events = DOWN_UP.format(down=down, up=down + outage)
    for tc in tc_texts(kind):
        ran = play(tc, sent + after, events=events, order=not _reorders(tc))
        total = ran.finished["statistics"]["total"]
        assert total["queued"] == 0
        assert total["received"] + total["drops"] + total["purged"] == total["sent"]
        if kind not in ("drr",) and "drop_late" not in tc:
            assert set(ran.order) >= set(range(len(sent), len(sent) + len(after)))


@pytest.mark.parametrize(("kind", "number"), CASES)
def test_the_same_packets_give_the_same_bytes(kind: str, number: int) -> None:
    tc = tc_texts(kind)[number]
    first, second = (play(tc, steady(7), order=not _reorders(tc)) for _ in range(2))
    assert first.finished["digest"] == second.finished["digest"]


@pytest.mark.parametrize(("kind", "number"), CASES)
def test_new_names_for_the_flows_change_no_totals(kind: str, number: int) -> None:
    """Other ports, other hashes: the same packets leave and as many are lost, unless buckets are few."""
    tc = tc_texts(kind)[number]
    if "divisor" in tc or "flows 2" in tc:
        return
    first, second = (play(tc, steady(5), ports=ports) for ports in (10_000, 12_345))

    def totals(ran: Ran) -> tuple[int, int]:
        return len(ran.order), len(ran.dropped)

    assert totals(first) == totals(second)


@pytest.mark.parametrize("kind", LIBRARY)
def test_a_qdisc_that_never_overflows_sends_everything_at_full_speed(kind: str) -> None:
    """Work conservation: the link is never idle while packets wait, so all orders end at one instant."""
    if kind in ("tbf", "drr"):
        return
    tc = f"qdisc add dev eth0 root handle 1: {kind}"
    sent = [Sent(0, at % 4, 60 + at * 13) for at in range(50)]
    ran = play(tc, sent, txqueuelen=1000)
    if kind in ("codel", "fq_codel"):
        return  # these may drop from a standing queue
    bits = sum(one.len_bytes for one in sent) * 8
    assert len(ran.order) == 50
    assert ran.starts_ns[-1] + sent[ran.order[-1]].len_bytes * 2000 == bits * 250

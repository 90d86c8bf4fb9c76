"""Looking back: any instant, any packet, and the line of the program that decided."""

from __future__ import annotations

import re

import pytest

from tests.e2e.playground import Playground, expect
from tests.e2e.texts import DIVIDES, DROP_LINE, FLOODS, own

SECOND_NS = 1_000_000_000


@pytest.fixture
def mine(playground: Playground) -> Playground:
    """A page that has run a small overloaded queue and stands at its end."""
    before = playground.finished()
    playground.open_files(own())
    playground.new_run(before)
    playground.pause()
    playground.scrub(2 * SECOND_NS)
    return playground


def test_scrubbing_shows_any_instant_and_the_same_one_every_time(mine: Playground) -> None:
    mine.scrub(SECOND_NS)
    mine.wait_for(lambda: mine.time_ns() == SECOND_NS)
    words, picture = mine.sentence.inner_text(), mine.canvas()
    assert "20 of 20" in words
    mine.scrub(0)
    expect(mine.sentence).to_contain_text("Every queue is empty")
    mine.scrub(SECOND_NS)
    expect(mine.sentence).to_have_text(words)
    mine.wait_for(lambda: mine.canvas() == picture)


def test_a_drop_tells_the_packets_life_and_the_line_that_dropped_it(mine: Playground) -> None:
    mine.page.get_by_role("button", name="Previous drop").click()
    heading = mine.page.locator("#panel-inspect h3")
    expect(heading).to_contain_text("skb")
    life = mine.life()
    assert "arrives at eth0" in life[0]
    assert "dropped: verdict DROP" in life[-1]
    assert f"line {DROP_LINE}" in life[-1]
    mine.page.locator("#panel-inspect .life li").last.get_by_role(
        "button", name=re.compile("^Line")
    ).click()
    expect(mine.page.locator(".cm-ran")).to_contain_text("return DROP")
    assert mine.marked_line() == DROP_LINE


def test_stepping_back_undoes_a_step_on_exactly(mine: Playground) -> None:
    mine.scrub(SECOND_NS)
    before = mine.sentence.inner_text()
    mine.page.get_by_role("button", name="Next drop").click()
    expect(mine.sentence).not_to_have_text(before)
    at, words = mine.drawn_ns(), mine.sentence.inner_text()
    mine.page.get_by_role("button", name="One event on").click()
    mine.page.get_by_role("button", name="One event back").click()
    expect(mine.sentence).to_have_text(words)
    assert mine.drawn_ns() == at


def test_a_click_on_a_packet_in_the_picture_inspects_it(mine: Playground) -> None:
    mine.scrub(SECOND_NS)
    box = mine.page.locator(".strip").first.bounding_box()
    assert box
    mine.page.mouse.click(box["x"] + box["width"] - 12, box["y"] + box["height"] / 2)
    expect(mine.page.locator("#panel-inspect h3")).to_contain_text("skb")
    mine.page.get_by_role("button", name="Back", exact=True).click()
    expect(mine.page.locator("#panel-inspect h3")).to_have_count(0)


def test_the_map_inspector_lists_what_the_picture_shows_in_rank_order(mine: Playground) -> None:
    mine.scrub(SECOND_NS)
    mine.page.locator(".map-label").click()
    table = mine.page.locator("#panel-inspect table.entries")
    expect(table.locator("tbody tr")).to_have_count(20)
    skbs = [int(text) for text in table.locator("tbody tr td:nth-child(2)").all_inner_texts()]
    assert skbs == sorted(skbs)
    table.locator("tbody tr").first.get_by_role("button").first.click()
    expect(mine.page.locator("#panel-inspect h3")).to_contain_text(f"skb {skbs[0]}")


def test_a_fault_parks_the_page_at_the_faulting_packet_with_its_line_marked(
    mine: Playground,
) -> None:
    mine.open_files({"mine.qdisc.py": DIVIDES})
    expect(mine.page.locator(".cm-fault")).to_be_visible()
    expect(mine.page.locator(".cm-fault")).to_contain_text("100 //")
    expect(mine.page.get_by_role("region", name="Problems")).to_contain_text("zero")
    assert any("fault in" in row for row in mine.life())
    assert 0 < mine.time_ns() < SECOND_NS
    # What came before the fault can still be looked at.
    mine.scrub(0)
    expect(mine.sentence).to_contain_text("Every queue is empty")


def test_a_limit_that_was_hit_is_named_and_keeps_the_trace_usable(mine: Playground) -> None:
    mine.open_files({"mine.qdisc.py": FLOODS})
    expect(mine.status).to_contain_text(re.compile("limit|too long|steps|log"), timeout=20_000)
    mine.scrub(SECOND_NS // 100)
    mine.page.get_by_role("button", name="One event back").click()
    expect(mine.sentence).to_contain_text("Paused at")
    mine.page.get_by_role("tab", name="Log").click()
    expect(mine.page.locator("#panel-log")).to_contain_text("turn 899")

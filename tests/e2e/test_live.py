"""Live controls: what is done at the shown time changes the future, never the past."""

from __future__ import annotations

import pytest

from tests.e2e.playground import CALM_MS, Playground, expect
from tests.e2e.texts import own

MOMENT_NS = 1_000_000_000


@pytest.fixture
def mine(playground: Playground) -> Playground:
    """A page paused one second into a run of ours."""
    before = playground.finished()
    playground.open_files(own())
    playground.new_run(before)
    playground.pause()
    playground.scrub(MOMENT_NS)
    playground.wait_for(lambda: playground.time_ns() == MOMENT_NS)
    return playground


def past(playground: Playground) -> list[tuple[str, str]]:
    """Return what the page says and draws at some instants up to the shown time."""
    seen = []
    for time_ns in (MOMENT_NS // 4, MOMENT_NS // 2, MOMENT_NS):
        playground.scrub(time_ns)
        playground.wait_for(lambda at=time_ns: playground.time_ns() == at)
        playground.page.wait_for_timeout(60)
        seen.append((playground.sentence.inner_text(), playground.canvas()))
    return seen


def press(playground: Playground, name: str) -> None:
    playground.page.get_by_role("button", name=name, exact=True).click()


def test_link_down_empties_the_maps_into_the_purge_bin_and_link_up_resumes(
    mine: Playground,
) -> None:
    before, digest = past(mine), mine.digest()
    drops = mine.bin("drop")
    assert drops > 0
    press(mine, "Link down")
    mine.new_run(digest)
    assert past(mine) == before
    mine.scrub(MOMENT_NS + 1_000_000)
    expect(mine.sentence).to_contain_text("21 purged by link down")
    expect(mine.sentence).to_contain_text("eth0 is down")
    # Twenty waited in the map, one in the ring of the device.
    assert mine.bin("purge") == 21
    assert mine.bin("drop") == drops
    expect(mine.page.locator(".map-count")).to_contain_text("0 of 20")

    digest = mine.digest()
    mine.scrub(MOMENT_NS + MOMENT_NS // 2)
    press(mine, "Link up")
    mine.new_run(digest)
    mine.scrub(2 * MOMENT_NS - 1)
    expect(mine.sentence).to_contain_text("20 of 20")
    expect(mine.page.locator(".device-status")).to_have_text("up")


def test_a_changed_rate_is_written_into_the_scenario_and_spares_the_past(
    mine: Playground,
) -> None:
    before, digest = past(mine), mine.digest()
    slider = mine.page.get_by_label("Rate")
    slider.focus()
    slider.press("ArrowRight")
    mine.new_run(digest)
    assert past(mine) == before
    mine.scrub(2 * MOMENT_NS - 1)
    expect(mine.page.locator(".rate output")).to_have_text("2.00 Mbit/s")
    mine.show_text("Scenario")
    expect(mine.editor).to_contain_text('do = "rate"')
    expect(mine.editor).to_contain_text(f'at = "{MOMENT_NS + 1}ns"')


def test_a_flow_goes_off_and_on_again(mine: Playground) -> None:
    before, digest = past(mine), mine.digest()
    press(mine, "visitors on")
    first = mine.new_run(digest)
    assert past(mine) == before
    mine.scrub(MOMENT_NS + MOMENT_NS // 2)
    expect(mine.sentence).to_contain_text("Every queue is empty")
    press(mine, "visitors off")
    mine.new_run(first)
    mine.scrub(2 * MOMENT_NS - 1)
    expect(mine.sentence).to_contain_text("20 of 20")


def test_a_burst_arrives_at_the_shown_time(mine: Playground) -> None:
    before, digest, drops = past(mine), mine.digest(), mine.bin("drop")
    press(mine, "Burst of 50 packets from visitors")
    mine.new_run(digest)
    assert past(mine) == before
    mine.scrub(MOMENT_NS + 1_000_000)
    mine.wait_for(lambda: mine.bin("drop") >= drops + 45)
    mine.show_text("Scenario")
    expect(mine.editor).to_contain_text("packets = 50")


def test_taking_an_event_out_of_the_text_gives_the_first_run_again(mine: Playground) -> None:
    digest = mine.digest()
    press(mine, "Link down")
    mine.new_run(digest)
    mine.show_text("Scenario")
    mine.editor.click()
    for _ in range(4):
        mine.page.keyboard.press("Control+z")
    expect(mine.status.locator("code")).to_have_text(digest, timeout=CALM_MS)

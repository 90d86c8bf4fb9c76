"""Readable by everyone: themes, widths, motion, forced colours, and the rules of WCAG."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.e2e.conftest import OpenPage
from tests.e2e.playground import AXE, CALM_MS, Playground, expect
from tests.e2e.texts import DIVIDES, MISSPELT, own

NARROW: list[dict[str, Any]] = [
    {"viewport": {"width": 390, "height": 844}},
    {"viewport": {"width": 320, "height": 700}},
]
MODES: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "reduced motion": {"reduced_motion": "reduce"},
    "forced colours": {"forced_colors": "active"},
    "narrow": NARROW[0],
}


def test_the_rules_are_installed() -> None:
    assert AXE.exists(), "run requirements/prepare.py --tests: axe-core is a package of the page"


@pytest.mark.parametrize("mode", MODES)
def test_no_accessibility_rule_is_broken_in_any_state(open_page: OpenPage, mode: str) -> None:
    page = open_page(**MODES[mode])
    found = {"playing": page.axe()}
    before = page.finished()
    page.pause()
    if "viewport" not in MODES[mode]:
        page.page.locator(".map-label").first.click()
        found["a map inspected"] = page.axe()
        page.page.get_by_role("tab", name="Statistics").click()
        found["statistics"] = page.axe()
    page.page.get_by_role("button", name="Help and keys").click()
    found["help"] = page.axe()
    page.page.keyboard.press("Escape")
    page.open_files(own())
    page.new_run(before)
    page.open_files({"mine.qdisc.py": MISSPELT})
    expect(page.status).to_contain_text("not run", timeout=CALM_MS)
    found["problems"] = page.axe()
    page.open_files({"mine.qdisc.py": DIVIDES})
    page.page.locator(".cm-fault").wait_for(timeout=CALM_MS)
    found["fault"] = page.axe()
    assert {state: broken for state, broken in found.items() if broken} == {}


@pytest.mark.parametrize("options", NARROW, ids=["390", "320"])
def test_a_narrow_window_shows_all_without_sideways_scrolling(
    open_page: OpenPage, options: dict[str, Any]
) -> None:
    page = open_page(**options)
    page.finished()
    for pane in ("Program", "Charts", "Inspect"):
        page.page.get_by_role("button", name=pane, exact=True).click()
        assert page.overflow_px() == 0, pane
        assert page.cut_off() == [], pane
    small: list[str] = page.page.locator(".transport button, .panes button").evaluate_all(
        "all => all.filter(it => it.getBoundingClientRect().height < 40).map(it => it.outerHTML)"
    )
    assert small == []


@pytest.mark.parametrize("width", [768, 1080, 1180, 1920])
def test_other_widths_cut_nothing_off(open_page: OpenPage, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 800})
    page.finished()
    assert page.overflow_px() == 0
    assert page.cut_off() == []


def test_reduced_motion_moves_in_a_few_steps_a_second(open_page: OpenPage) -> None:
    page = open_page(reduced_motion="reduce")
    page.finished()
    seen: set[int] = set()
    started_s = time.monotonic()
    while (passed_s := time.monotonic() - started_s) < 1.5:
        seen.add(page.time_ns())
        page.page.wait_for_timeout(20)
    assert 2 <= len(seen) <= 4 * passed_s + 2


def test_the_theme_follows_the_system_until_it_is_chosen(open_page: OpenPage) -> None:
    page = open_page(color_scheme="dark")
    dark = ground(page)
    page.page.get_by_role("button", name="Light theme").click()
    assert ground(page) != dark
    page.page.reload()
    page.moment.wait_for()
    assert ground(page) != dark
    page.page.get_by_role("button", name="Dark theme").click()
    assert ground(page) == dark


def ground(page: Playground) -> str:
    colour: str = page.page.evaluate("getComputedStyle(document.body).backgroundColor")
    return colour


def test_the_picture_has_words_and_a_table(open_page: OpenPage) -> None:
    page = open_page()
    page.finished()
    page.pause()
    page.scrub(2_000_000_000)
    spoken = page.page.locator("footer [aria-live=polite]")
    expect(spoken).to_contain_text("Paused at 2")
    silent = spoken.inner_text()
    page.page.get_by_role("button", name="Play", exact=True).click()
    page.page.wait_for_timeout(700)
    assert spoken.inner_text() == silent
    assert page.page.get_by_role("slider", name="Time").get_attribute("aria-valuetext")
    charts = page.page.get_by_role("region", name="Numbers per flow up to the shown time")
    expect(charts.get_by_role("row")).to_have_count(3)

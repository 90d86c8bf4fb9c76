"""The sweep page: from one run to many, and from many back to one."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import OpenPage
from tests.e2e.playground import CALM_MS, Playground

LINK = re.compile(r"/sweep/[A-Za-z0-9_-]{22}$")


def opened(open_page: OpenPage, **options: object) -> Playground:
    """Go from the playground to the sweep of what it shows."""
    page = open_page(**options)
    page.finished()
    page.page.get_by_role("link", name="Sweep", exact=True).click()
    # The scenario has a sweep of its own.
    expect(page.page.get_by_text("25 runs: limit × 5, seeds × 5")).to_be_visible(timeout=CALM_MS)
    return page


def set_range(page: Page, low: str, high: str, steps: str) -> None:
    page.get_by_label("limit", exact=True).select_option("range")
    page.get_by_label("limit: lowest").fill(low)
    page.get_by_label("limit: highest").fill(high)
    page.get_by_label("limit: steps").fill(steps)


def run(page: Page, count: int) -> None:
    button = page.get_by_role("button", name="Run the sweep")
    expect(page.get_by_text(f"{count} runs:")).to_be_visible(timeout=CALM_MS)
    expect(button).to_be_enabled(timeout=CALM_MS)
    button.click()
    expect(page.get_by_text(f"{count} of {count} runs")).to_be_visible(timeout=CALM_MS)


def cells(page: Page) -> list[list[str]]:
    rows = page.get_by_role("table", name="Means over the seeds").locator("tbody tr")
    expect(rows.first).to_be_visible(timeout=CALM_MS)
    return [row.locator("td").all_inner_texts() for row in rows.all()]


def test_what_is_shown_is_swept_and_its_link_shows_the_same(open_page: OpenPage) -> None:
    page = opened(open_page).page
    set_range(page, "10", "100", "2")
    page.get_by_label("Seeds").fill("2")
    page.get_by_label("Duration").fill("1s")
    run(page, 4)
    expect(page).to_have_url(LINK)
    shown = cells(page)
    assert [row[0] for row in shown] == ["10", "100"]
    assert all("±" in row[2] for row in shown)
    page.reload()
    expect(page.get_by_text("4 of 4 runs")).to_be_visible(timeout=CALM_MS)
    assert cells(page) == shown
    expect(page.get_by_label("limit: highest")).to_have_value("100")


def test_a_run_of_a_sweep_opens_in_the_playground(open_page: OpenPage) -> None:
    page = opened(open_page)
    set_range(page.page, "10", "20", "2")
    page.page.get_by_label("Seeds").fill("1")
    page.page.get_by_label("Duration").fill("1s")
    run(page.page, 2)
    page.page.get_by_text(re.compile("^2 runs$")).click()
    runs = page.page.get_by_role("table", name="Runs")
    runs.get_by_role("button", name="limit").click()
    runs.get_by_role("button", name="Watch this run in the playground").last.click()
    page.finished()
    expect(page.verdict).to_contain_text("same as shared")
    expect(page.page.get_by_role("spinbutton", name="limit")).to_have_value("20")
    page.forgive("preload")


def test_what_cannot_run_is_said_at_the_form(open_page: OpenPage) -> None:
    page = opened(open_page).page
    page.get_by_label("limit", exact=True).select_option("values")
    page.get_by_label("limit: values, separated by commas").fill("5,5")
    expect(page.get_by_role("alert")).to_contain_text("twice", timeout=CALM_MS)
    expect(page.get_by_role("button", name="Run the sweep")).to_be_disabled()


def test_a_link_without_a_sweep_says_so(open_page: OpenPage) -> None:
    page = opened(open_page)
    page.page.goto(f"{page.url}sweep/{'A' * 22}")
    expect(page.page.get_by_text("There is no sweep at this link")).to_be_visible()
    page.forgive("404")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_sweep_page_is_accessible_and_fits(open_page: OpenPage, scheme: str) -> None:
    page = opened(open_page, color_scheme=scheme)
    assert page.axe() == []
    set_range(page.page, "10", "100", "2")
    page.page.get_by_label("Duration").fill("500ms")
    run(page.page, 10)
    cells(page.page)
    assert page.axe() == []
    page.page.set_viewport_size({"width": 320, "height": 800})
    expect(page.page.get_by_role("img").first).to_be_visible()
    width = page.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 320
    assert page.axe() == []


def test_a_sweep_needs_no_pointer(open_page: OpenPage) -> None:
    page = opened(open_page).page
    page.get_by_label("Duration").focus()
    page.keyboard.type("300ms")
    expect(page.get_by_role("button", name="Run the sweep")).to_be_enabled(timeout=CALM_MS)
    page.keyboard.press("Enter")
    expect(page.get_by_text("25 of 25 runs")).to_be_visible(timeout=CALM_MS)

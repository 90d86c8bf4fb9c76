"""A visitor shares a moment; whoever opens the link stands at the same packet at the same nanosecond."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.serve import Service
from tests.e2e.test_page import FINISHED, pause, status, write_at_end

pytestmark = pytest.mark.e2e


@pytest.fixture
def visitor(browser: Browser, service: Service) -> Iterator[BrowserContext]:
    """Somebody else, on another machine."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(20_000)
    yield context
    context.close()


def moment(page: Page) -> dict[str, str]:
    """Return what tells one moment from another: time, sentence, inspected packet, digest."""
    # Texts follow the playhead within a frame or two.
    page.wait_for_timeout(300)
    return {
        "time": page.get_by_label("Shown time", exact=True).inner_text(),
        "sentence": page.get_by_test_id("sentence").inner_text(),
        "details": page.get_by_role("region", name="Details").inner_text(),
        "digest": status(page).locator("code").inner_text(),
        "program": page.get_by_test_id("editor").locator(".cm-content").inner_text()[:400],
    }


def link_of(page: Page, label: str = "Link") -> str:
    """Share by the keyboard and return the link."""
    page.keyboard.press("Control+s")
    field = page.get_by_role("textbox", name=label, exact=True)
    expect(page.get_by_role("textbox", name="Link", exact=True)).to_be_focused()
    return field.input_value()


def test_share_opens_same_packet(page: Page, visitor: BrowserContext) -> None:
    page.get_by_role("combobox", name="Scenario", exact=True).select_option(
        "first-steps/fifo-fills-up"
    )
    expect(status(page)).to_have_text(FINISHED)
    write_at_end(page, "\n# a remark of mine")
    page.keyboard.press("Control+Enter")
    expect(status(page)).to_have_text(FINISHED)
    pause(page)
    for _ in range(3):
        page.get_by_role("button", name="Next drop").click()
    before = moment(page)
    link = link_of(page)
    assert re.search(r"/s/[A-Za-z0-9_-]{22}$", link)

    other = visitor.new_page()
    problems: list[str] = []
    other.on("pageerror", lambda error: problems.append(str(error)))
    other.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    other.goto(link)
    expect(other.get_by_test_id("verdict")).to_have_text(re.compile("same as shared ✓"))
    expect(other.get_by_test_id("sentence")).to_have_text(before["sentence"])
    assert moment(other) == before
    assert problems == []
    # Not by its time alone: the very row, so that the next step is the same too.
    for each in (page, other):
        each.keyboard.press("Escape")
        each.get_by_role("button", name="One event on").click()
    expect(other.get_by_test_id("sentence")).to_have_text(
        page.get_by_test_id("sentence").inner_text()
    )
    assert moment(other)["time"] == moment(page)["time"]
    write_at_end(other, "\n# mine now")
    expect(other.get_by_test_id("verdict")).to_have_text(re.compile("changed since shared"))


def test_a_self_contained_link_opens_the_same_moment(page: Page, visitor: BrowserContext) -> None:
    expect(status(page)).to_have_text(FINISHED)
    pause(page)
    before = moment(page)
    link_of(page)
    page.get_by_text("A link that needs no service").click()
    link = page.get_by_role("textbox", name="Self-contained link").input_value()
    assert "/#v1:" in link
    other = visitor.new_page()
    other.goto(link)
    expect(other.get_by_test_id("verdict")).to_have_text(re.compile("same as shared ✓"))
    assert moment(other) == before


def test_links_that_cannot_be_read_say_why(visitor: BrowserContext, service: Service) -> None:
    page = visitor.new_page()
    page.goto(f"{service.address}s/{'A' * 22}")
    expect(page.get_by_text("there is no share with this id")).to_be_visible()
    expect(status(page)).to_have_text(FINISHED)
    page.goto("about:blank")
    page.goto(f"{service.address}#v1:abcdef")
    expect(page.get_by_role("dialog")).to_contain_text("this link is damaged")

    newer = {"version": 9, "scenario": "title = 'from later'", "programs": {"p.qdisc.py": "later"}}
    page.route("**/api/shares/*", lambda route: route.fulfill(json=newer))
    page.goto("about:blank")
    page.goto(f"{service.address}s/{'B' * 22}")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("version 9")
    expect(dialog).to_contain_text("from later")
    expect(dialog.get_by_role("button", name="Copy p.qdisc.py")).to_be_visible()


def test_an_engine_that_computes_otherwise_is_named(page: Page, visitor: BrowserContext) -> None:
    expect(status(page)).to_have_text(FINISHED)
    link = link_of(page)
    other = visitor.new_page()

    def older(route: object) -> None:
        answer = route.fetch()  # type: ignore[attr-defined]
        body = {**answer.json(), "digest": "0" * 64, "engine": "reference-0"}
        route.fulfill(json=body)  # type: ignore[attr-defined]

    other.route("**/api/shares/*", older)
    other.goto(link)
    expect(other.get_by_test_id("verdict")).to_have_text(
        re.compile("engine reference-0 → reference-1")
    )

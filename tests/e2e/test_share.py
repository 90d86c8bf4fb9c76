"""A visitor shares a moment; whoever opens the link stands at the same packet at the same nanosecond."""

from __future__ import annotations

import re

import httpx
from playwright.sync_api import Page, Route

from tests.backend.service import Service
from tests.e2e.conftest import OpenPage
from tests.e2e.playground import CALM_MS, Playground, expect
from tests.e2e.texts import FIFO, own

REMARK = FIFO + "\n\n# a remark of mine, with two  spaces and no line feed at its end"


def seen(page: Playground) -> dict[str, object]:
    """Return what tells one moment from another."""
    # Texts follow the playhead within a frame or two.
    page.page.wait_for_timeout(300)
    return {
        "time": page.time_ns(),
        "sentence": page.sentence.inner_text(),
        "life": page.life(),
        "details": page.page.get_by_role("region", name="Details").inner_text(),
        "digest": page.digest(),
    }


def at_a_drop(page: Playground) -> dict[str, object]:
    """Open our own program, walk to its third drop, and return what is seen there."""
    before = page.finished()
    page.open_files(own(REMARK))
    page.new_run(before)
    page.pause()
    for _ in range(3):
        page.page.get_by_role("button", name="Next drop").click()
    return seen(page)


def test_share_opens_same_packet(playground: Playground, open_page: OpenPage) -> None:
    before = at_a_drop(playground)
    assert before["life"]
    link = playground.share()
    assert re.search(r"/s/[A-Za-z0-9_-]{22}$", link)
    assert playground.share() == link

    other = open_page(link=link)
    expect(other.verdict).to_contain_text("same as shared ✓", timeout=CALM_MS)
    assert seen(other) == before
    assert httpx.get(link.replace("/s/", "/api/shares/")).json()["programs"] == {
        "mine.qdisc.py": REMARK
    }
    for page in (playground, other):
        page.show_text("mine.qdisc.py")
    assert other.shown_text() == playground.shown_text()
    # The very row, not only its time: the next step is the same too.
    for page in (playground, other):
        page.page.get_by_role("button", name="One event on").click()
    assert seen(other) == seen(playground)


def test_a_shared_text_that_is_edited_is_no_longer_called_the_same(
    playground: Playground, open_page: OpenPage
) -> None:
    playground.finished()
    other = open_page(link=playground.share())
    expect(other.verdict).to_contain_text("same as shared ✓", timeout=CALM_MS)
    other.rewrite(FIFO)
    other.run_and_wait()
    expect(other.verdict).to_contain_text("changed since shared")
    other.choose("first-steps/fifo-fills-up")
    expect(other.verdict).to_have_count(0)
    assert other.page.url == other.url


def test_the_share_button_and_its_dialog_work_by_keyboard_and_are_accessible(
    playground: Playground,
) -> None:
    playground.finished()
    playground.page.get_by_role("button", name=re.compile("^Share")).press("Enter")
    field = playground.page.get_by_role("textbox", name="Link", exact=True)
    expect(field).to_be_focused(timeout=CALM_MS)
    assert playground.axe() == []
    playground.page.keyboard.press("Escape")
    expect(field).to_be_hidden()


def test_a_self_contained_link_opens_the_same_moment(
    playground: Playground, open_page: OpenPage
) -> None:
    before = at_a_drop(playground)
    playground.share()
    playground.page.keyboard.press("ControlOrMeta+s")
    playground.page.get_by_text("A link that needs no service").click()
    link = playground.page.get_by_role("textbox", name="Self-contained link").input_value()
    assert "/#v1:" in link
    other = open_page(link=link)
    expect(other.verdict).to_contain_text("same as shared ✓", timeout=CALM_MS)
    assert seen(other) == before


def test_links_that_lead_nowhere_say_why(open_page: OpenPage, served: Service) -> None:
    page = open_page(link=f"{served.url}s/{'A' * 22}")
    expect(page.page.get_by_text("there is no share with this id")).to_be_visible()
    page.finished()
    page.forgive("404")
    page = open_page(link=f"{served.url}#v1:abcdef")
    expect(page.page.get_by_role("dialog")).to_contain_text("this link is damaged")


def test_a_link_of_a_newer_release_shows_its_texts(open_page: OpenPage, served: Service) -> None:
    newer = {"version": 9, "scenario": "title = 'from later'", "programs": {"p.qdisc.py": "later"}}

    def prepare(page: Page) -> None:
        page.route("**/api/shares/*", lambda route: route.fulfill(json=newer))

    page = open_page(link=f"{served.url}s/{'B' * 22}", prepare=prepare)
    dialog = page.page.get_by_role("dialog")
    expect(dialog).to_contain_text("version 9")
    expect(dialog).to_contain_text("from later")
    expect(dialog.get_by_role("button", name="Copy p.qdisc.py")).to_be_visible()
    assert page.axe() == []
    page.forgive("404")


def test_an_engine_that_computes_otherwise_is_named(
    playground: Playground, open_page: OpenPage
) -> None:
    playground.finished()
    link = playground.share()

    def older(route: Route) -> None:
        body = {**route.fetch().json(), "digest": "0" * 64, "engine": "reference-0"}
        route.fulfill(json=body)

    other = open_page(link=link, prepare=lambda page: page.route("**/api/shares/*", older))
    expect(other.verdict).to_contain_text("engine reference-0 → ", timeout=CALM_MS)


def test_what_cannot_be_shared_is_told_and_the_link_that_needs_no_service_stays(
    open_page: OpenPage,
) -> None:
    refusal = {
        "error": {"slug": "store-unavailable", "message": "shares cannot be reached for now"}
    }

    def prepare(page: Page) -> None:
        page.route("**/api/shares", lambda route: route.fulfill(status=503, json=refusal))

    page = open_page(prepare=prepare)
    page.finished()
    page.page.keyboard.press("ControlOrMeta+s")
    expect(page.page.get_by_role("dialog")).to_contain_text("shares cannot be reached for now")
    link = page.page.get_by_role("textbox", name="Self-contained link")
    expect(link).to_have_value(re.compile("/#v1:"))
    page.forgive("503")

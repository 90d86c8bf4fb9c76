"""The first seconds: the page moves at once, and nothing is blocked, fetched from afar or complained about."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Route

from tests.backend.service import Service
from tests.e2e.conftest import OpenPage
from tests.e2e.playground import Playground, expect

EDITOR = "**/assets/editor-*.js"


def test_time_and_canvas_move_by_themselves_before_the_editor_has_come(
    browser: Browser, served: Service
) -> None:
    context = browser.new_context()
    cold = Playground(page=context.new_page(), url=served.url)
    held: list[Route] = []
    cold.page.route(EDITOR, lambda route: held.append(route))
    cold.page.goto(cold.url)
    cold.moment.wait_for()
    cold.page.locator(".device-canvas").wait_for()
    first, picture = cold.time_ns(), cold.canvas()
    cold.wait_for(lambda: cold.time_ns() > first and cold.canvas() != picture)
    assert held, "the editor was not asked for by the name that this test holds back"
    assert cold.editor.count() == 0
    for route in held:
        route.continue_()
    cold.editor.wait_for()
    context.close()


def test_the_page_asks_no_other_host_for_anything(browser: Browser, served: Service) -> None:
    context = browser.new_context()
    page = context.new_page()
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page.on("websocket", lambda socket: hosts.add(urlsplit(socket.url).netloc))
    page.goto(served.url)
    page.get_by_test_id("run-status").wait_for()
    page.locator(".link.open").wait_for()
    context.close()
    assert hosts == {urlsplit(served.url).netloc}


def test_the_policy_refuses_a_script_that_is_not_ours(playground: Playground) -> None:
    page = playground.page
    blocked = refused_script(page)
    assert blocked == "script-src-elem"
    playground.forgive("Content Security Policy")


def refused_script(page: Page) -> str:
    directive: str = page.evaluate(
        """() => new Promise(done => {
             document.addEventListener("securitypolicyviolation", e => done(e.effectiveDirective));
             const script = document.createElement("script");
             script.textContent = "window.stolen = 1";
             document.body.append(script);
             setTimeout(() => done("nothing"), 2000);
           })"""
    )
    return directive


def test_the_default_scenario_is_named_explained_and_playing(playground: Playground) -> None:
    expect(playground.page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    expect(playground.page.get_by_text("Look for")).to_be_visible()
    expect(playground.page).to_have_title(
        "Qdisc playground: write a packet scheduler, watch its queues"
    )
    playground.finished()
    first = playground.time_ns()
    playground.wait_for(lambda: playground.time_ns() > first)


def test_two_tabs_do_not_disturb_each_other(open_page: OpenPage) -> None:
    one = open_page()
    other = open_page(beside=one)
    one.choose("latency/codel")
    other.choose("first-steps/fifo-fills-up")
    expect(one.page.get_by_label("Scenario", exact=True).locator("select")).to_have_count(0)
    first, second = one.finished(), other.finished()
    assert first != second
    expect(one.page.locator(".summary")).not_to_have_text(
        other.page.locator(".summary").inner_text()
    )
    one.run_and_wait()
    assert one.digest() == first
    assert other.digest() == second

"""Things break: workers, the zygote, the service. The page says so, keeps what it has, and goes on."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator

import pytest

from tests.backend.service import Service, children, eventually, service
from tests.e2e.conftest import OpenPage
from tests.e2e.playground import CALM_MS, Playground, expect
from tests.e2e.texts import FIFO, LONG, SLOW, own

GONE = "WebSocket connection to|ERR_CONNECTION|Failed to load resource"


@pytest.fixture
def frail() -> Iterator[Service]:
    """A service of its own, to be broken."""
    with service() as running:
        yield running


def start_slow_run(page: Playground) -> None:
    """Open a program that computes for seconds and wait until its worker is at it."""
    page.finished()
    page.open_files(own(SLOW, LONG))
    expect(page.status).to_contain_text("running", timeout=CALM_MS)


def test_a_killed_worker_is_told_and_the_next_run_works(
    open_page: OpenPage, frail: Service
) -> None:
    page = open_page(frail)
    start_slow_run(page)
    for worker in frail.workers():
        os.kill(worker, signal.SIGKILL)
    expect(page.status).to_contain_text("the sandbox was stopped")
    assert "Traceback" not in page.page.content()
    page.open_files({"mine.qdisc.py": FIFO})
    page.finished()


def test_a_killed_zygote_costs_one_run_and_no_more(open_page: OpenPage, frail: Service) -> None:
    page = open_page(frail)
    start_slow_run(page)
    os.kill(frail.zygote(), signal.SIGKILL)
    expect(page.status).to_contain_text(re.compile("the sandbox was stopped|restart|finished"))
    page.open_files({"mine.qdisc.py": FIFO})
    page.wait_for(lambda: len(children(frail.pid)) == 1)
    page.run_and_wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_without_the_service_everything_local_works_and_it_comes_back_by_itself(
    open_page: OpenPage,
) -> None:
    port = free_port()
    with service(port=port) as first:
        page = open_page(first)
        digest = page.finished()
    expect(page.page.locator("footer")).to_contain_text("working from the")
    expect(page.page.locator("footer")).to_contain_text("already received")
    # Looking, stepping, playing and editing need nobody.
    page.pause()
    page.scrub(1_000_000_000)
    expect(page.sentence).to_contain_text("Paused at 1")
    page.page.get_by_role("button", name="One event on").click()
    page.page.locator(".map-label").click()
    expect(page.page.locator("#panel-inspect table.entries tbody tr").first).to_be_visible()
    page.page.get_by_role("button", name="Play", exact=True).click()
    at = page.time_ns()
    page.wait_for(lambda: page.time_ns() > at)
    page.pause()
    page.editor.click()
    page.page.keyboard.press("Control+End")
    page.page.keyboard.type("# kept")
    expect(page.editor).to_contain_text("# kept")
    for _ in range(6):
        page.page.keyboard.press("Backspace")
    with service(port=port):
        page.page.locator(".link.open").wait_for(timeout=CALM_MS)
        assert page.finished() == digest
        page.run_and_wait()
        assert page.digest() == digest
    page.page.locator(".link.lost").wait_for()
    page.forgive(GONE)


def test_coming_back_does_not_run_anything_unasked(open_page: OpenPage) -> None:
    port = free_port()
    with service(port=port) as first:
        page = open_page(first)
        page.finished()
    page.page.locator(".link.lost").wait_for()
    sent: list[str] = []
    page.page.on(
        "websocket",
        lambda opened: opened.on("framesent", lambda payload: sent.append(str(payload))),
    )
    with service(port=port):
        page.page.locator(".link.open").wait_for(timeout=CALM_MS)
        page.page.wait_for_timeout(600)
        assert sent == []
    page.page.locator(".link.lost").wait_for()
    page.forgive(GONE)


def test_a_page_left_alone_holds_no_worker(open_page: OpenPage) -> None:
    with service(stall_s=1) as running:
        page = open_page(running)
        page.finished()
        page.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.wait_for(lambda: running.workers() == [])
        start_slow_run(page)
        page.page.close()
        assert eventually(lambda: running.workers() == [] and running.health()["sockets"] == 0)
        assert running.health()["live_runs"] == 0

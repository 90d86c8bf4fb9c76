"""`./run` on a prepared checkout: the page is there, plays at once, and Ctrl-C leaves nothing behind."""

from __future__ import annotations

import re
import signal
import time

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.serve import Service, descendants, is_alive, started_service

PATIENCE_MS = 20_000
pytestmark = pytest.mark.e2e


def plays(browser: Browser, address: str) -> list[str]:
    """Open the page until its time moves and its run is finished; return its complaints."""
    problems: list[str] = []
    context = browser.new_context()
    page = context.new_page()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.goto(address)
    shown = page.get_by_label("Shown time", exact=True)
    shown.wait_for()
    expect(shown).not_to_have_text(shown.inner_text(), timeout=PATIENCE_MS)
    page.get_by_test_id("run-status").filter(has_text=re.compile("finished")).wait_for()
    context.close()
    return problems


def test_the_page_plays_and_ctrl_c_ends_every_process(browser: Browser) -> None:
    with started_service() as service:
        plays_and_ends(browser, service)


def plays_and_ends(browser: Browser, service: Service) -> None:
    """Open the page, then end the service as Ctrl-C does."""
    process, address = service
    assert plays(browser, address) == []

    below = descendants(process.pid)
    assert below, "the service has no sandbox"
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=15) == 0
    deadline = time.monotonic() + 5
    while any(map(is_alive, below)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [pid for pid in below if is_alive(pid)] == []

"""A visitor edits, runs, looks back, breaks things and goes on: the whole product through a browser."""

from __future__ import annotations

import os
import re
import signal
import time

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.serve import Service, descendants

pytestmark = pytest.mark.e2e
FINISHED = re.compile("finished")


def status(page: Page) -> Locator:
    """Return the state of the run."""
    return page.get_by_test_id("run-status")


def choose(page: Page, scenario: str) -> None:
    """Open a scenario by its name and wait until it has run."""
    page.get_by_role("combobox", name="Scenario", exact=True).select_option(scenario)


def pause(page: Page) -> None:
    """Stop playing."""
    button = page.get_by_role("button", name="Pause", exact=True)
    if button.count():
        button.click()


def write_at_end(page: Page, text: str) -> None:
    """Type at the end of the open text."""
    page.get_by_test_id("editor").locator(".cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.type(text)


def test_a_mistake_is_marked_and_its_cure_runs(page: Page) -> None:
    expect(status(page)).to_have_text(FINISHED)
    before = status(page).locator("code").inner_text()
    write_at_end(page, "\n\nquantun = quantum")
    problems = page.get_by_test_id("problems").locator("li")
    expect(problems.first).to_contain_text("quantum")
    expect(page.locator(".cm-lintRange-error").first).to_be_visible()
    expect(status(page)).to_have_text(re.compile("not run"))
    page.keyboard.press("Control+Shift+Home")
    page.keyboard.press("Control+End")
    for _ in "\n\nquantun = quantum":
        page.keyboard.press("Backspace")
    page.keyboard.press("Control+Enter")
    expect(status(page)).to_have_text(FINISHED)
    expect(problems.filter(has_text="line")).to_have_count(0)
    assert status(page).locator("code").inner_text() == before


def test_a_drop_leads_to_the_line_that_dropped_it(page: Page) -> None:
    choose(page, "first-steps/fifo-fills-up")
    expect(status(page)).to_have_text(FINISHED)
    pause(page)
    page.get_by_role("button", name="Next drop").click()
    page.get_by_role("button", name="Next drop").click()
    page.get_by_role("button", name="Previous drop").click()
    panel = page.get_by_role("region", name="Details")
    expect(panel).to_contain_text(re.compile("drop"))
    line = panel.get_by_role("button", name=re.compile(r"^([Ll]ine) \d+")).first
    expect(line).to_be_visible()
    expect(page.get_by_test_id("sentence")).to_contain_text("drop")


def test_link_down_purges_the_maps_and_counts_no_drops(page: Page) -> None:
    expect(status(page)).to_have_text(FINISHED)
    page.wait_for_timeout(1_500)
    pause(page)
    sentence = page.get_by_test_id("sentence")
    expect(sentence).to_contain_text("Nothing dropped")
    page.get_by_role("button", name="Link down").click()
    expect(status(page)).to_have_text(FINISHED)
    for _ in range(3):
        page.get_by_role("button", name="One event on").click()
    expect(sentence).to_contain_text(re.compile("purged by link down"))
    expect(sentence).to_contain_text("is down")


def workers(service: Service) -> list[int]:
    """Return the processes below the zygote: those that run somebody's program."""
    below = descendants(service.process.pid)
    return below[1:]


def test_a_killed_sandbox_is_told_and_the_next_run_works(page: Page, service: Service) -> None:
    expect(status(page)).to_have_text(FINISHED)
    choose(page, "fairness/drr-jumbo-frames")
    deadline = time.monotonic() + 20
    while not (found := workers(service)):
        assert time.monotonic() < deadline, "no worker was seen"
    expect(status(page)).to_have_text(re.compile("running"))
    for pid in workers(service) or found:
        os.kill(pid, signal.SIGKILL)
    expect(page.get_by_text("the sandbox was stopped").first).to_be_visible()
    choose(page, "first-steps/fifo-fills-up")
    expect(status(page)).to_have_text(FINISHED)

"""The sweep page: from one run to many, and from many back to one."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.backend.service import service
from tests.e2e.conftest import OpenPage
from tests.e2e.playground import CALM_MS, Playground

ROOT = Path(__file__).resolve().parents[2]
DROPS_ALL = """limit = Param(100, min=1, max=1000)
seen = ArrayMap(max_entries=1)


def enqueue(skb, ctx):
    seen[0] = limit
    return DROP


def dequeue(ctx):
    return None
"""
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


def begun(page: Page, limit: str = "10,20", seeds: str = "1", duration: str = "1s") -> None:
    """Fill in a small sweep of the queue's limit."""
    page.get_by_label("limit", exact=True).select_option("values")
    page.get_by_label("limit: values, separated by commas").fill(limit)
    page.get_by_label("Seeds", exact=True).fill(seeds)
    page.get_by_label("Duration").fill(duration)


def test_a_run_is_watched_as_the_batch_ran_it_whatever_the_form_says_now(
    open_page: OpenPage,
) -> None:
    page = opened(open_page)
    begun(page.page)
    run(page.page, 2)
    page.page.get_by_label("Duration").fill("2s")
    page.page.get_by_role("button", name="codel", exact=True).click()
    page.page.get_by_label("First seed").fill("99")
    page.page.get_by_text(re.compile("^2 runs$")).click()
    runs = page.page.get_by_role("table", name="Runs")
    runs.get_by_role("button", name="Watch this run in the playground").first.click()
    page.finished()
    expect(page.verdict).to_contain_text("same as shared")
    page.forgive("preload")


def test_the_command_and_the_python_of_a_batch_give_its_rows(
    open_page: OpenPage, tmp_path: Path
) -> None:
    page = opened(open_page, permissions=["clipboard-read", "clipboard-write"])
    begun(page.page)
    page.page.get_by_label("First seed").fill("7")
    page.page.get_by_role("button", name="pfifo", exact=True).click()
    page.page.get_by_role("button", name="codel", exact=True).click()
    run(page.page, 4)
    page.page.get_by_label("First seed").fill("8")
    digests = {row["digest"] for row in rows_of(page)}
    page.page.get_by_role("button", name="Copy command").click()
    expect(page.page.get_by_role("button", name="Copied")).to_be_visible()
    command = page.page.evaluate("navigator.clipboard.readText()")
    assert command.startswith("python -m sandbox sweep latency/bufferbloat ")
    table = tmp_path / "out.jsonl"
    words = [sys.executable, *shlex.split(command)[1:], "--summary", "--out", str(table)]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
    assert {json.loads(line)["digest"] for line in table.read_text().splitlines()} == digests

    page.page.get_by_role("button", name="Copy Python").click()
    expect(page.page.get_by_role("button", name="Copied")).to_have_text("Copied")
    code = page.page.evaluate("navigator.clipboard.readText()")
    code = code.replace(
        "print(batch.frame())", "print(*(row['digest'] for row in batch.results()))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "client")}
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment
    )
    assert set(done.stdout.split()) == digests


def rows_of(page: Playground) -> list[dict[str, Any]]:
    batch = page.page.url.rpartition("/")[2]
    answer = httpx.get(f"{page.url}api/batches/{batch}/results.json")
    rows: list[dict[str, Any]] = answer.json()["rows"]
    return rows


def test_a_sweep_made_elsewhere_is_shown_with_all_it_was_made_of(open_page: OpenPage) -> None:
    page = opened(open_page)
    shipped = httpx.get(f"{page.url}api/scenarios").json()["scenarios"]
    texts = next(one for one in shipped if one["name"] == "latency/bufferbloat")
    body = {
        "scenario": texts["text"],
        "programs": texts["programs"],
        "compare": {"drops all": DROPS_ALL, "pfifo": ""},
        "list": "1:.limit,seed\n12,3\n34,5\n",
        "duration": "300ms",
    }
    made = httpx.post(f"{page.url}api/batches", json=body).json()
    page.page.goto(made["url"])
    expect(page.page.get_by_text("4 of 4 runs")).to_be_visible(timeout=CALM_MS)
    expect(page.page.get_by_role("combobox", name="Points")).to_have_value("list")
    expect(page.page.get_by_label("Points as CSV")).to_have_value(body["list"])
    own = page.page.get_by_role("button", name="drops all", exact=True)
    expect(own).to_have_attribute("aria-pressed", "true")
    again = page.page.get_by_role("button", name="Run the sweep")
    expect(again).to_be_enabled(timeout=CALM_MS)
    again.click()
    expect(page.page).not_to_have_url(made["url"])
    expect(page.page.get_by_text("4 of 4 runs, 4 known before")).to_be_visible(timeout=CALM_MS)


def test_a_program_of_ones_own_is_compared_and_its_run_watched(open_page: OpenPage) -> None:
    page = opened(open_page)
    begun(page.page, "10", duration="300ms")
    page.page.get_by_role("button", name="Add a program").click()
    page.page.get_by_label("Its name").fill("nothing")
    page.page.get_by_label("Its text").fill(DROPS_ALL.replace("DROP", "DORP"))
    page.page.get_by_role("button", name="Compare it").click()
    expect(page.page.get_by_role("alert")).to_contain_text("nothing: line 7", timeout=CALM_MS)
    page.page.get_by_role("button", name="Add a program").click()
    page.page.get_by_label("Its name").fill("nothing")
    page.page.get_by_label("Its text").fill(DROPS_ALL)
    page.page.get_by_role("button", name="Compare it").click()
    page.page.get_by_label("limit", exact=True).select_option("fixed")
    page.page.get_by_role("button", name="pfifo", exact=True).click()
    page.page.get_by_label("Seeds", exact=True).fill("2")
    run(page.page, 4)
    page.page.get_by_role("button", name="2 runs: list them").last.click()
    runs = page.page.get_by_role("table", name="Runs")
    expect(runs.locator("tbody tr")).to_have_count(2)


@pytest.mark.parametrize(
    ("values", "word"), [("5,5000000", "above its maximum"), ("5,5", "twice"), ("9..5:2", "rise")]
)
def test_what_is_wrong_with_a_parameter_is_said_at_its_field(
    open_page: OpenPage, values: str, word: str
) -> None:
    page = opened(open_page)
    begun(page.page, values)
    field = page.page.get_by_label("limit: values, separated by commas")
    expect(field).to_have_attribute("aria-invalid", "true", timeout=CALM_MS)
    expect(field).to_have_accessible_description(re.compile(word))
    assert page.axe() == []
    field.fill("5,6")
    expect(field).not_to_have_attribute("aria-invalid", "true", timeout=CALM_MS)


def test_a_click_on_a_point_of_the_plot_lists_its_runs(open_page: OpenPage) -> None:
    page = opened(open_page).page
    begun(page, "10,1000", "2", "500ms")
    run(page, 4)
    cells(page)
    box = page.get_by_role("img").first.locator(".u-over").bounding_box()
    assert box is not None
    # The points lie at both ends of the plot; somewhere at the left end is the first.
    for share in range(0, 100, 4):
        page.mouse.click(box["x"] + box["width"] * 0.04, box["y"] + box["height"] * share / 100)
        if page.get_by_text("2 runs of limit 10").is_visible():
            break
    expect(page.get_by_role("table", name="Runs").locator("tbody tr")).to_have_count(2)
    page.get_by_role("button", name="Show all 4").click()
    expect(page.get_by_role("table", name="Runs").locator("tbody tr")).to_have_count(4)


def test_a_sweep_is_stopped_and_goes_on(open_page: OpenPage) -> None:
    page = opened(open_page).page
    begun(page, "10,20,30", "100", "20s")
    run_button = page.get_by_role("button", name="Run the sweep")
    expect(page.get_by_text("300 runs:")).to_be_visible(timeout=CALM_MS)
    expect(run_button).to_be_enabled(timeout=CALM_MS)
    run_button.click()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("stopped", exact=True)).to_be_visible(timeout=CALM_MS)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("running", exact=True)).to_be_visible(timeout=CALM_MS)
    page.get_by_role("button", name="Stop", exact=True).click()


def test_a_service_that_is_away_is_told_and_nothing_is_lost(open_page: OpenPage) -> None:
    page = opened(open_page)
    begun(page.page, duration="300ms")
    run(page.page, 2)
    shown = cells(page.page)
    page.page.context.set_offline(True)
    page.page.get_by_text(re.compile("^2 runs$")).click()
    page.page.get_by_role("button", name="Watch this run in the playground").first.click()
    expect(page.page.get_by_text("the service cannot be reached")).to_be_visible()
    assert cells(page.page) == shown
    page.page.context.set_offline(False)
    page.forgive("ERR_INTERNET_DISCONNECTED")


def test_forced_colours_and_no_motion_leave_the_page_whole(open_page: OpenPage) -> None:
    page = opened(open_page, forced_colors="active", reduced_motion="reduce")
    begun(page.page, duration="300ms")
    run(page.page, 2)
    cells(page.page)
    assert page.axe() == []


def test_a_sweep_that_is_interrupted_says_so_and_goes_on(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", "1s")
    with socket.socket() as nobody, service(scheduler=closed_address(nobody)) as served:
        page = opened(open_page, at=served).page
        begun(page, "10,20", "2", "300ms")
        button = page.get_by_role("button", name="Run the sweep")
        expect(page.get_by_text("4 runs:")).to_be_visible(timeout=CALM_MS)
        expect(button).to_be_enabled(timeout=CALM_MS)
        button.click()
        expect(page.get_by_text("interrupted", exact=True)).to_be_visible(timeout=CALM_MS)
        expect(page.get_by_text("0 of 4 runs")).to_be_visible()
        expect(page.get_by_role("alert")).to_contain_text("the cluster that computes sweeps")
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_text("running", exact=True)).to_be_visible(timeout=CALM_MS)
        expect(page.get_by_text("interrupted", exact=True)).to_be_visible(timeout=CALM_MS)


def closed_address(nobody: socket.socket) -> str:
    """Return where no scheduler listens as long as the socket is there."""
    nobody.bind(("127.0.0.1", 0))
    return f"tcp://127.0.0.1:{nobody.getsockname()[1]}"

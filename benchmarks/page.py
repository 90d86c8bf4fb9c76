"""How the page copes with a run of a million rows: scrubbing, playing, starting, memory.

python -m benchmarks.page [INSTANTS] opens it in an installed Chromium and prints one table; the bars are
50 ms at p95 for a scrub, from the input event until the new picture has been painted, 2 s until the
first motion, and 1 s from a mistake until it is marked at its line.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import sys
import time

from playwright.sync_api import Browser, Page, sync_playwright

from tests.backend.service import service
from tests.e2e.playground import Playground
from tests.e2e.texts import MISSPELT, own

SCENARIO = """title = "A million rows"
device = { rate = "100mbit" }
run = { duration = "10s" }

[qdisc]
"1:" = { kind = "pfifo", limit = 300 }

[flow]
a = { model = "poisson", rate = "40mbit", size = "1000b" }
b = { model = "poisson", rate = "40mbit", size = "800b" }
c = { model = "onoff", rate = "60mbit", size = "1200b", on = "100ms", off = "200ms" }
"""
DURATION_NS = 10_000_000_000
PATIENCE_MS = 120_000
# A scrub is over when the frame that follows the input has been drawn.
SCRUB = """(it, value) => new Promise(done => {
  const began = performance.now();
  it.value = value;
  it.dispatchEvent(new Event("input", { bubbles: true }));
  requestAnimationFrame(() => {
    const later = new MessageChannel();
    later.port1.onmessage = () => done(performance.now() - began);
    later.port2.postMessage(0);
  });
})"""
FRAMES = """seconds => new Promise(done => {
  const gaps = [];
  let before = performance.now();
  const end = before + seconds * 1000;
  const frame = () => {
    const now = performance.now();
    gaps.push(now - before);
    before = now;
    if (now < end) requestAnimationFrame(frame);
    else done(gaps.slice(1));
  };
  requestAnimationFrame(frame);
})"""


def percentile(values: list[float], part: float) -> float:
    """Return the value that `part` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(part * (len(ordered) - 1)))]


def first_motion_ms(browser: Browser, url: str) -> float:
    """Return how long a page with an empty cache takes until its time moves."""
    context = browser.new_context()
    page = Playground(page=context.new_page(), url=url)
    began = time.perf_counter()
    page.page.goto(url)
    page.moment.wait_for()
    first = page.time_ns()
    page.wait_for(lambda: page.time_ns() > first)
    context.close()
    return (time.perf_counter() - began) * 1000


def marked_ms(browser: Browser, url: str) -> float:
    """Return how long it takes from a mistake in the editor until it is marked at its line."""
    context = browser.new_context()
    page = Playground(page=context.new_page(), url=url)
    page.page.goto(url)
    before = page.finished()
    page.open_files(own())
    page.new_run(before)
    page.show_text("mine.qdisc.py")
    page.rewrite(MISSPELT)
    began = time.perf_counter()
    page.page.locator(".cm-lintRange-error").first.wait_for()
    marked_ms = (time.perf_counter() - began) * 1000
    context.close()
    return marked_ms


def open_long_run(browser: Browser, url: str) -> Playground:
    """Run the scenario to its end; return its page, paused."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    playground = Playground(page=context.new_page(), url=url)
    playground.page.goto(url)
    playground.finished()
    playground.open_files({"million.toml": SCENARIO})
    playground.status.filter(has_text="running").wait_for()
    playground.status.filter(has_text="finished").wait_for(timeout=PATIENCE_MS)
    playground.pause()
    return playground


def heap_mb(page: Page) -> float:
    """Return the heap in use, typed arrays included."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    usage = session.send("Runtime.getHeapUsage")
    return float(usage["usedSize"] + usage.get("backingStorageSize", 0)) / 1e6


def main(instants: int) -> None:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        raise SystemExit("no Chromium or Chrome was found; name one in CHROMIUM")
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with service(run_cpu_ms=60_000, run_wall_s=120) as running, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=options)
        starts = [first_motion_ms(browser, running.url) for _ in range(5)]
        marks = [marked_ms(browser, running.url) for _ in range(5)]
        began = time.perf_counter()
        playground = open_long_run(browser, running.url)
        loading_s = time.perf_counter() - began
        rows = playground.status.inner_text()
        scrubber = playground.page.get_by_label("Time", exact=True)
        stream = random.Random(1)
        scrubs = [
            float(scrubber.evaluate(SCRUB, str(stream.randrange(DURATION_NS))))
            for _ in range(instants)
        ]
        scrubber.evaluate(SCRUB, str(DURATION_NS // 4))
        playground.page.get_by_role("button", name="Play", exact=True).click()
        frames = [float(gap) for gap in playground.page.evaluate(FRAMES, 5)]
        heap = heap_mb(playground.page)
        browser.close()
    print(f"run: {rows}, computed, sent and shown in {loading_s:.1f} s\n")
    print(f"{'':34} {'p50':>8} {'p95':>8} {'max':>8}")
    for title, values in (
        ("first motion, cold, ms (bar 2000)", starts),
        ("a mistake marked, ms (bar 1000)", marks),
        ("scrub to a random instant, ms (50)", scrubs),
        ("between frames while playing, ms", frames),
    ):
        middle, high = statistics.median(values), percentile(values, 0.95)
        print(f"{title:34} {middle:8.1f} {high:8.1f} {max(values):8.1f}")
    print(f"{'heap, MB':34} {heap:8.0f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)

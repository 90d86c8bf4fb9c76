"""Take the README's screenshot from the running product: .venv/bin/python docs/images/take.py

Starts the service on a free port, opens the page in an installed Chromium, lets the opening scenario
play for a while and writes page.png beside this file; then runs a sweep and writes sweep.png.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SIZE = {"width": 1440, "height": 900}
PLAYING_MS = 6_000


def start_service() -> tuple[subprocess.Popen[str], str]:
    """Start the service on any free port; return it and its address."""
    command = [sys.executable, "-m", "backend", "--port", "0", "--no-browser"]
    service = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert service.stdout is not None
    for line in service.stdout:
        if found := re.search(r"http://\S+", line):
            return service, found.group()
    raise SystemExit("the service did not start")


def take_sweep(browser: Browser, address: str, file: Path) -> None:
    """Write a picture of a sweep that has run: three programs, five limits."""
    page = browser.new_page(viewport=SIZE, color_scheme="light", device_scale_factor=1)
    page.goto(f"{address}sweep")
    page.get_by_role("combobox", name="Scenario").select_option("fairness/elephants-and-mice")
    page.get_by_label("depth", exact=True).wait_for()
    page.get_by_label("limit", exact=True).select_option("range")
    page.get_by_label("limit: lowest").fill("20")
    page.get_by_label("limit: highest").fill("1000")
    page.get_by_label("limit: ratios").check()
    for name in ("pfifo", "sfq", "fq_codel"):
        page.get_by_role("button", name=name, exact=True).click()
    page.get_by_text("75 runs:").wait_for()
    page.get_by_role("button", name="Run the sweep").click()
    page.get_by_text("75 of 75 runs").wait_for()
    page.get_by_role("table", name="Means over the seeds").wait_for()
    page.get_by_role("combobox", name="Metric").select_option("flow.mouse1.sojourn.p95_ns")
    page.wait_for_timeout(1_500)
    page.screenshot(path=file)


def take(browser: Browser, address: str, file: Path) -> None:
    """Write a picture of the page."""
    page = browser.new_page(viewport=SIZE, color_scheme="light", device_scale_factor=1)
    page.goto(address)
    page.wait_for_timeout(PLAYING_MS)
    page.screenshot(path=file)


def main() -> None:
    """Take the picture."""
    chromium = (
        os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    )
    if chromium is None:
        raise SystemExit("no Chromium or Chrome was found; name one in CHROMIUM")
    service, address = start_service()
    try:
        with sync_playwright() as playwright:
            options = ["--no-sandbox"] if os.geteuid() == 0 else []
            browser = playwright.chromium.launch(executable_path=chromium, args=options)
            take(browser, address, HERE / "page.png")
            take_sweep(browser, address, HERE / "sweep.png")
            browser.close()
    finally:
        service.terminate()
        service.wait(timeout=10)


if __name__ == "__main__":
    main()

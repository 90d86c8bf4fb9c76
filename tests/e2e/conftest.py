"""A real Chromium, a real service, and pages that must end without a complaint."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.backend.service import Service, service
from tests.e2e.playground import Playground

OpenPage = Callable[..., Playground]
WINDOW = {"width": 1440, "height": 900}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder, so that a run without a browser can leave it out."""
    for item in items:
        if item.path.parent.name == "e2e":
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    assert path, "no Chromium or Chrome was found; name one in CHROMIUM"
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=options)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def served() -> Iterator[Service]:
    """The service all tests share; those that break one start their own."""
    with service(run_cpu_ms=4000, live_runs=8, live_runs_per_client=8) as running:
        yield running


@pytest.fixture
def open_page(browser: Browser, served: Service) -> Iterator[OpenPage]:
    """Open the page of a service in a fresh profile; afterwards no page may have complained.

    Pages move in steps unless a test is about motion: without a graphics card sixty frames a second take a core.
    """
    contexts: list[BrowserContext] = []
    pages: list[Playground] = []

    def open_one(
        at: Service | None = None,
        beside: Playground | None = None,
        link: str | None = None,
        prepare: Callable[[Page], None] | None = None,
        **options: Any,
    ) -> Playground:
        if beside is None:
            context = browser.new_context(
                **{"viewport": WINDOW, "reduced_motion": "reduce", **options}
            )
            context.set_default_timeout(10_000)
            contexts.append(context)
        else:
            context = beside.page.context
        playground = Playground(page=context.new_page(), url=(at or served).url)
        playground.listen()
        pages.append(playground)
        if prepare is not None:
            prepare(playground.page)
        playground.page.goto(link or playground.url)
        playground.moment.wait_for()
        playground.page.locator(".link.open").wait_for()
        return playground

    yield open_one
    complaints = [text for playground in pages for text in playground.problems]
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def playground(open_page: OpenPage) -> Playground:
    return open_page()

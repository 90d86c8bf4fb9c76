"""Hostile texts leave page and service unharmed, and whatever a text says, it is only ever text."""

from __future__ import annotations

import re

import pytest

from tests.backend.service import Service, eventually
from tests.e2e.conftest import OpenPage
from tests.e2e.playground import Playground, expect
from tests.e2e.texts import FIFO, own
from tests.worker.test_hostile import CORPUS, read

ENDED = re.compile("finished|not run|stopped|limit|steps|too long|fault|ended|loop|failed", re.I)
# One of each class of attack; the whole corpus goes through the service in tests/worker.
CHOSEN = [
    "attribute-subclasses.py.txt",
    "bidi-override.py.txt",
    "busy-within-fuel.py.txt",
    "cell-flood.py.txt",
    "deep-parentheses.py.txt",
    "endless-while.py.txt",
    "hash-map-flood.py.txt",
    "import.py.txt",
    "nul-byte.py.txt",
    "source-64k.py.txt",
    "trace-flood.py.txt",
    "scenario-many-flows.toml.txt",
    "scenario-deep-arrays.toml.txt",
    "scenario-huge-rate.toml.txt",
    "scenario-inline-attack.toml.txt",
]
PAYLOAD = "<img src=x onerror=alert(1)><script>alert(2)</script>"
SPEAKS = FIFO.replace("    if not", f'    trace("{PAYLOAD} %d", skb.len)\n    if not')
ATTACK = f"""title = "{PAYLOAD}title"
summary = "{PAYLOAD}summary"
look_for = "{PAYLOAD}look"
story = \"\"\"
**{PAYLOAD}** and `{PAYLOAD}` and [a link](javascript:alert(3)) {PAYLOAD}story
\"\"\"
device = {{ rate = "1mbit" }}
run = {{ duration = "200ms" }}
[qdisc]
"1:" = {{ program = "mine.qdisc.py" }}
[flow]
visitors = {{ model = "cbr", rate = "2mbit", size = "500b" }}
"""


@pytest.mark.timeout(600)
def test_hostile_texts_end_and_the_next_run_is_as_ever(
    playground: Playground, served: Service
) -> None:
    page = playground
    before = page.finished()
    page.open_files(own())
    digest = page.new_run(before)
    for name in CHOSEN:
        case = read(CORPUS / name)
        text = case.text
        if case.kind == "py":
            page.open_files(own(text))
        else:
            page.open_files({"mine.toml": text})
        page.page.wait_for_timeout(50)
        expect(page.status).not_to_contain_text("checking", timeout=100_000)
        expect(page.status).to_contain_text(ENDED, timeout=100_000)
    page.open_files(own())
    expect(page.status.locator("code")).to_have_text(digest, timeout=20_000)
    assert eventually(lambda: served.workers() == [])
    assert served.health()["live_runs"] == 0
    # The service answers such texts with errors, and the browser reports those.
    page.forgive("Failed to load resource")


def test_what_a_hostile_text_says_is_only_ever_text(playground: Playground) -> None:
    page = playground
    before = page.finished()
    page.open_files(own(SPEAKS, ATTACK))
    page.new_run(before)
    page.pause()
    page.scrub(150_000_000)
    page.page.locator(".story summary").click()
    page.page.get_by_role("tab", name="Log").click()
    expect(page.page.locator("#panel-log")).to_contain_text(PAYLOAD)
    page.page.get_by_role("tab", name="Statistics").click()
    for word in ("summary", "look", "story"):
        expect(page.page.locator(".story")).to_contain_text(f"{PAYLOAD}{word}")
    assert page.page.locator("img, main script").count() == 0
    assert page.page.locator("a[href^='javascript']").count() == 0


@pytest.mark.parametrize("name", ["<b>mine</b>.qdisc.py", "x' onload='alert(1).csv"])
def test_a_hostile_file_name_is_only_text(playground: Playground, name: str) -> None:
    playground.finished()
    playground.open_files({name: FIFO if name.endswith(".py") else "time_us,len,flow\n0,100,a\n"})
    playground.page.wait_for_timeout(500)
    assert playground.page.locator("main b").count() == 0
    playground.page.reload()
    playground.moment.wait_for()


def test_a_message_of_the_checker_quotes_markup_as_text(playground: Playground) -> None:
    playground.finished()
    playground.open_files({"mine.toml": f'title = "t"\n"{PAYLOAD}" = 1\n'})
    expect(playground.problem_list).to_contain_text("<img")
    assert playground.page.locator("img").count() == 0


def test_a_stored_draft_of_another_shape_does_not_break_the_page(open_page: OpenPage) -> None:
    page = open_page()
    for stored in ('{"scenario": 7}', "[1]", "not json", "null", '{"savedAt": "<img src=x>"}'):
        page.page.evaluate(
            "stored => localStorage.setItem('qdisc-playground.draft', stored)", stored
        )
        page.page.reload()
        page.moment.wait_for()
        page.finished()

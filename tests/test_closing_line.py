"""What `./test` counts, and when it fails."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests import everything
from tests.everything import Outcome, Step, perform, summarise

REPORT = """<testsuites><testsuite>
<testcase classname="a" name="passes"/>
<testcase classname="a" name="fails"><failure message="no"/></testcase>
<testcase classname="a" name="breaks"><error message="no"/></testcase>
<testcase classname="a" name="waits"><skipped message="no browser"/></testcase>
</testsuite></testsuites>"""


def closing(outcomes: list[Outcome], notes: list[str]) -> tuple[int, str]:
    """Return the exit status and the last line of a summary."""
    lines: list[str] = []
    status = summarise(outcomes, notes, lines.append)
    return status, lines[-1]


def test_a_report_is_counted_by_case(tmp_path: Path) -> None:
    outcome = Outcome("x")
    (tmp_path / "r.xml").write_text(REPORT)
    everything.count(tmp_path / "r.xml", outcome)
    assert (outcome.passed, outcome.failed) == (1, 2)
    assert outcome.skipped == ["a.waits: no browser"]


def test_a_command_that_leaves_no_report_is_one_failure(tmp_path: Path) -> None:
    broken = [sys.executable, "-c", "raise SystemExit(2)"]
    outcome = perform(Step("broken", broken, report=tmp_path / "none.xml"))
    assert (outcome.passed, outcome.failed) == (0, 1)


def test_the_last_line_is_one_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(everything, "IN_CI", False)
    assert closing([Outcome("a", 3), Outcome("b", 4)], []) == (0, "total: 7 passed, 0 failed")
    skipped = Outcome("c", 1, 0, ["c.waits: no browser"])
    assert closing([skipped], []) == (0, "total: 1 passed, 0 failed, 1 skipped")
    assert closing([Outcome("a", 3, 1)], []) == (1, "total: 3 passed, 1 failed")


def test_a_skipped_test_or_a_missing_browser_fails_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(everything, "IN_CI", True)
    skipped = Outcome("c", 1, 0, ["c.waits: no reason"])
    assert closing([skipped], []) == (1, "total: 1 passed, 1 failed")
    notes = ["end to end: no Chromium or Chrome was found"]
    assert closing([Outcome("a", 3)], notes) == (1, "total: 3 passed, 1 failed")
    assert closing([Outcome("a", 3)], ["Python 3.13: no interpreter was found"])[0] == 0


def test_nothing_that_ran_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(everything, "IN_CI", False)
    assert closing([], []) == (1, "total: 0 passed, 0 failed")

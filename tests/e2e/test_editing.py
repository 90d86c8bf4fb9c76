"""Writing a program: verdicts while typing, problems at their lines, cures, and runs that follow."""

from __future__ import annotations

import pytest

from tests.e2e.playground import CALM_MS, Playground, expect
from tests.e2e.texts import FIFO, LAST_IN_FIRST_OUT, LONG, MISSPELT, PUSH_LINE, SLOW, own


@pytest.fixture
def mine(playground: Playground) -> Playground:
    """A page that has run a scenario of ours, its program in the editor."""
    before = playground.finished()
    playground.open_files(own())
    playground.new_run(before)
    playground.show_text("mine.qdisc.py")
    expect(playground.editor).to_contain_text("First come, first served")
    return playground


def test_a_mistake_is_marked_at_its_line(mine: Playground) -> None:
    mine.rewrite(MISSPELT)
    mine.page.locator(".cm-lintRange-error").first.wait_for()
    problem = mine.problem_list.locator("li").first
    problem.wait_for()
    expect(problem).to_contain_text(f"line {PUSH_LINE}")
    expect(problem).to_contain_text("quee")
    expect(mine.status).to_contain_text("not run")


def test_the_offered_fix_is_applied_and_the_program_runs_again(mine: Playground) -> None:
    before = mine.digest()
    mine.rewrite(MISSPELT)
    mine.problem_list.get_by_role("button", name="Fix").first.click()
    expect(mine.editor).not_to_contain_text("quee.")
    expect(mine.problem_list.locator("li")).to_have_count(0)
    assert mine.finished() == before


def test_the_tooltip_at_the_squiggle_offers_the_same_fix(mine: Playground) -> None:
    mine.rewrite(MISSPELT)
    mine.page.locator(".cm-lintRange-error").first.hover()
    mine.page.locator(".cm-tooltip .cm-diagnosticAction").click()
    expect(mine.editor).not_to_contain_text("quee.")
    mine.finished()


def test_a_changed_program_gets_new_curves_without_pressing_anything(mine: Playground) -> None:
    before, curves = mine.digest(), mine.charts()
    mine.rewrite(LAST_IN_FIRST_OUT)
    assert mine.new_run(before) != before
    mine.wait_for(lambda: mine.charts() != curves)


def test_ctrl_enter_runs_from_within_the_editor(mine: Playground) -> None:
    before = mine.digest()
    mine.rewrite(LAST_IN_FIRST_OUT)
    mine.page.keyboard.press("Control+Enter")
    assert mine.new_run(before) != before
    expect(mine.editor).to_contain_text("pop_last")


def test_typing_supersedes_a_run_that_is_still_going(mine: Playground) -> None:
    mine.open_files(own(SLOW, LONG))
    expect(mine.status).to_contain_text("running", timeout=CALM_MS)
    mine.rewrite(FIFO)
    mine.page.keyboard.press("Control+Enter")
    # What ends is the last program, and nothing of the one before is shown.
    digest = mine.finished()
    assert mine.run_and_wait() == digest
    expect(mine.editor).not_to_contain_text("for turn")


def test_an_empty_editor_offers_a_program_that_tab_accepts(mine: Playground) -> None:
    mine.editor.click()
    mine.page.keyboard.press("ControlOrMeta+A")
    mine.page.keyboard.press("Delete")
    expect(mine.page.locator(".cm-placeholder")).to_be_visible()
    mine.page.keyboard.press("Tab")
    expect(mine.editor).to_contain_text("def enqueue")
    mine.finished()


def test_completions_come_from_the_language(mine: Playground) -> None:
    mine.editor.click()
    mine.page.keyboard.press("Control+End")
    mine.page.keyboard.type("\n\ndef timer(ctx):\n    skb_cl")
    expect(mine.page.locator(".cm-tooltip-autocomplete")).to_contain_text("skb_classify")


def test_a_slider_of_the_program_changes_the_run(mine: Playground) -> None:
    before = mine.digest()
    slider = mine.page.get_by_label("limit", exact=True)
    slider.focus()
    for _ in range(5):
        mine.page.keyboard.press("ArrowRight")
    assert mine.new_run(before) != before
    exact = mine.page.get_by_label("limit, exact", exact=False)
    assert int(exact.input_value()) > 20
    exact.fill("20")
    exact.press("Enter")
    expect(mine.status.locator("code")).to_have_text(before, timeout=CALM_MS)


def test_every_library_program_opens_in_place_of_the_shown_one(mine: Playground) -> None:
    library = mine.page.get_by_label("Put a library program in place of this one")
    names = library.locator("option").all_inner_texts()[1:]
    assert len(names) >= 10
    for name in names:
        library.select_option(name)
        expect(mine.editor).to_contain_text('"""')
        mine.page.wait_for_timeout(30)
        expect(mine.status).to_contain_text("finished", timeout=CALM_MS)
        expect(mine.problem_list.locator(".error")).to_have_count(0)

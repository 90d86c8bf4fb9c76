"""The whole story without a mouse, and without a trap."""

from __future__ import annotations

from playwright.sync_api import Locator

from tests.e2e.playground import CALM_MS, Playground, expect

TABS_MAX = 80
FOCUSED = """() => { const it = document.activeElement;
  if (it.closest(".cm-editor")) return "editor";
  return (it.getAttribute("aria-label") ?? it.labels?.[0]?.textContent ?? it.textContent ?? "")
    .trim().slice(0, 30); }"""


def tab_to(page: Playground, target: Locator, key: str = "Tab") -> None:
    """Press Tab until a control has the focus."""
    for _ in range(TABS_MAX):
        if target.evaluate("it => it === document.activeElement"):
            return
        if page.page.evaluate(FOCUSED) == "editor":
            page.page.keyboard.press("Escape")
        page.page.keyboard.press(key)
    raise AssertionError("Tab never reached it")


def test_the_first_story_is_played_by_keys_alone(playground: Playground) -> None:
    page, keys = playground, playground.page.keyboard
    digest = page.finished()
    keys.press("Space")
    expect(page.page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    begun_ns = page.drawn_ns()
    keys.press("Period")
    first_ns = page.drawn_ns()
    keys.press("Period")
    assert begun_ns <= first_ns <= page.drawn_ns()
    keys.press("Comma")
    page.wait_for(lambda: page.time_ns() == first_ns)

    # A shorter queue: the slider of its limit, and then the first drop.
    limit = page.page.get_by_label("limit", exact=True)
    tab_to(page, limit)
    for _ in range(6):
        keys.press("PageDown")
    page.new_run(digest)
    keys.press("Escape")
    page.page.evaluate("document.activeElement.blur()")
    keys.press("Home")
    keys.press("BracketRight")
    expect(page.page.locator("#panel-inspect .life")).to_contain_text("dropped: verdict DROP")
    inspected = page.page.locator("#panel-inspect h3")
    first = inspected.inner_text()
    keys.press("BracketRight")
    expect(inspected).not_to_have_text(first)
    keys.press("BracketLeft")
    expect(inspected).to_have_text(first)
    # Its life, event by event, and back to what was inspected before.
    dropped_ns = page.time_ns()
    keys.press("p")
    page.wait_for(lambda: page.time_ns() <= dropped_ns)
    keys.press("h")
    expect(inspected).not_to_have_text(first)
    keys.press("l")
    expect(inspected).to_have_text(first)
    keys.press("Space")
    page.wait_for(lambda: page.time_ns() > dropped_ns)


def test_the_keys_are_listed_at_a_question_mark(playground: Playground) -> None:
    keys = playground.page.keyboard
    playground.finished()
    keys.press("Shift+?")
    dialog = playground.page.get_by_role("dialog")
    expect(dialog).to_contain_text("leave the editor")
    keys.press("Escape")
    expect(dialog).to_be_hidden()
    # With the help closed the keys work as before; browsers say that it closed a moment after it is hidden.
    playground.page.wait_for_timeout(200)
    keys.press("Space")
    expect(playground.page.get_by_role("button", name="Play", exact=True)).to_be_visible()


def test_the_editor_is_left_by_escape_and_tab_goes_on(playground: Playground) -> None:
    keys = playground.page.keyboard
    playground.finished()
    tab_to(playground, playground.editor)
    keys.type("# written by key ")
    expect(playground.editor).to_contain_text("# written by key")
    # The first Escape belongs to a list of completions while one is open or on its way.
    playground.page.wait_for_timeout(400)
    keys.press("Escape")
    assert not playground.editor.evaluate("it => it.contains(document.activeElement)")
    keys.press("Tab")
    assert not playground.editor.evaluate("it => it.contains(document.activeElement)")


def test_tab_visits_every_region_and_comes_round(playground: Playground) -> None:
    page = playground
    page.finished()
    page.pause()
    page.page.evaluate("document.activeElement.blur()")
    seen: list[str] = []
    for _ in range(TABS_MAX):
        page.page.keyboard.press("Tab")
        seen.append(page.page.evaluate(FOCUSED))
        if seen[-1] == "editor":
            page.page.keyboard.press("Escape")
    for wanted in (
        "Skip to the program",
        "Scenario",
        "editor",
        "queue",
        "Rate",
        "Time",
        "Wait",
        "Inspect",
    ):
        assert any(text.startswith(wanted) for text in seen), (wanted, seen)
    # It came round to where it began.
    assert len(seen) > len(set(seen))


def test_the_focus_is_always_visible_and_in_view(playground: Playground) -> None:
    page = playground
    page.finished()
    page.pause()
    for _ in range(25):
        page.page.keyboard.press("Tab")
        hidden = page.page.evaluate(
            """() => { const it = document.activeElement;
               if (it === document.body) return "";
               if (it.closest(".cm-editor")) { it.blur(); return ""; }
               const box = it.getBoundingClientRect();
               const style = getComputedStyle(it);
               const ring = style.outlineStyle !== "none" || style.boxShadow !== "none";
               const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
               const inView = box.bottom > 0 && box.top < innerHeight;
               const covered = top && !it.contains(top) && !top.contains(it)
                 && !top.closest("label")?.contains(it);
               return ring && inView && !covered ? "" : it.outerHTML.slice(0, 160); }"""
        )
        assert hidden == ""


def test_problems_are_reached_by_f8_and_cured_by_key(playground: Playground) -> None:
    page, keys = playground, playground.page.keyboard
    page.finished()
    page.editor.focus()
    keys.press("Control+End")
    keys.type("\n\ndef helper(x):\n    return quee")
    expect(page.problem_list.locator("li").first).to_contain_text("quee", timeout=CALM_MS)
    keys.press("Control+Home")
    keys.press("F8")
    expect(page.page.locator(".cm-tooltip-lint, .cm-panel-lint")).to_be_visible()

"""The page as a person uses it: one class with the gestures the tests are made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import ConsoleMessage, Locator, Page, expect

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CALM_MS = 20_000


@dataclass
class Playground:
    """One open page; `problems` collects what the browser complained about."""

    page: Page
    url: str
    problems: list[str] = field(default_factory=list)

    def listen(self) -> None:
        self.page.on("pageerror", lambda error: self.problems.append(f"thrown: {error}"))
        self.page.on("console", self._heard)
        # A test that opens a dialog by script has succeeded in attacking the page.
        self.page.on("dialog", lambda dialog: self.problems.append(f"dialog: {dialog.message}"))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(message.text)

    def forgive(self, pattern: str) -> None:
        """Forget complaints that the test itself provoked."""
        self.problems = [text for text in self.problems if not re.search(pattern, text)]

    # --- reading --------------------------------------------------------------------------------

    @property
    def status(self) -> Locator:
        return self.page.get_by_test_id("run-status")

    @property
    def editor(self) -> Locator:
        return self.page.locator(".cm-content")

    @property
    def problem_list(self) -> Locator:
        return self.page.get_by_test_id("problems")

    @property
    def verdict(self) -> Locator:
        """Return what is said about the run beside the one that was shared."""
        return self.page.get_by_test_id("verdict")

    @property
    def sentence(self) -> Locator:
        return self.page.get_by_test_id("sentence")

    @property
    def moment(self) -> Locator:
        return self.page.get_by_label("Shown time", exact=True)

    def time_ns(self) -> int:
        """Return the shown time, which is written as `1.204 331 000 s`."""
        return int(re.sub(r"\D", "", self.moment.inner_text()))

    def canvas(self) -> str:
        """Return what the device canvas shows, as text to compare."""
        picture: str = self.page.locator(".device-canvas").evaluate("it => it.toDataURL()")
        return picture

    def charts(self) -> str:
        """Return what the chart canvas shows, as text to compare."""
        picture: str = self.page.locator(".u-wrap canvas").evaluate("it => it.toDataURL()")
        return picture

    def digest(self) -> str:
        expect(self.status.locator("code")).to_be_visible(timeout=CALM_MS)
        return self.status.locator("code").inner_text()

    def bin(self, name: str) -> int:
        """Return the number in the bin `drop` or `purge`."""
        text = self.page.locator(f".{name}-bin .bin-title").inner_text()
        return int(text.split()[0].replace(",", ""))

    def life(self) -> list[str]:
        """Return the rows of what is inspected."""
        return self.page.locator("#panel-inspect .life li").all_inner_texts()

    def marked_line(self, kind: str = "ran") -> int:
        """Return the number of the program line that glows (`ran`) or failed (`fault`)."""
        line = self.page.locator(f".cm-{kind}")
        expect(line).to_be_visible()
        middle_y = line.evaluate("it => it.getBoundingClientRect().top + 4")
        numbers = self.page.locator(".cm-lineNumbers .cm-gutterElement")
        number: str = numbers.evaluate_all(
            """(all, y) => all.find(it => { const box = it.getBoundingClientRect();
               return box.height > 0 && box.top <= y && y < box.bottom; })?.textContent ?? "0" """,
            middle_y,
        )
        return int(number)

    # --- doing ----------------------------------------------------------------------------------

    def pause(self) -> None:
        button = self.page.get_by_role("button", name="Pause", exact=True)
        if button.is_visible():
            button.click()

    def scrub(self, time_ns: int) -> None:
        """Drag the scrubber: the range gets a value as it does from a pointer."""
        self.page.get_by_label("Time", exact=True).evaluate(
            """(it, value) => { it.value = value;
               it.dispatchEvent(new Event("input", { bubbles: true })); }""",
            str(time_ns),
        )

    def choose(self, scenario: str) -> None:
        """Open a shipped scenario by its path, such as `latency/codel`."""
        picker = self.page.get_by_label("Scenario", exact=True).and_(self.page.locator("select"))
        picker.select_option(scenario)

    def show_text(self, tab: str) -> None:
        self.page.get_by_role("tablist", name="Texts").get_by_role("tab", name=tab).click()

    def rewrite(self, text: str) -> None:
        """Replace all of the shown text by pasting another."""
        self.editor.click()
        self.page.keyboard.press("ControlOrMeta+A")
        self.editor.evaluate(
            """(it, text) => { const clipboardData = new DataTransfer();
               clipboardData.setData("text/plain", text);
               const paste = { clipboardData, bubbles: true, cancelable: true };
               it.dispatchEvent(new ClipboardEvent("paste", paste)); }""",
            text,
        )

    def shown_text(self) -> str:
        """Return the shown text; a short one, since the editor draws only lines in view."""
        return "\n".join(self.page.locator(".cm-line").all_inner_texts())

    def open_files(self, files: dict[str, str | bytes]) -> None:
        """Open local files through the page's file picker, all at once."""
        self.page.get_by_test_id("file-picker").set_input_files(
            [
                {
                    "name": name,
                    "mimeType": "application/octet-stream",
                    "buffer": content.encode() if isinstance(content, str) else content,
                }
                for name, content in files.items()
            ]
        )

    def share(self) -> str:
        """Share by the keyboard, close the dialog again, and return the link."""
        self.page.keyboard.press("ControlOrMeta+s")
        field = self.page.get_by_role("textbox", name="Link", exact=True)
        expect(field).to_be_focused(timeout=CALM_MS)
        link = field.input_value()
        self.page.keyboard.press("Escape")
        return link

    def run_and_wait(self) -> str:
        """Press Run, wait for the end, and return the digest."""
        self.page.get_by_role("button", name=re.compile("^Run")).click()
        return self.finished()

    def finished(self) -> str:
        """Wait until a run has finished well; return its digest."""
        expect(self.status).to_contain_text("finished", timeout=CALM_MS)
        return self.digest()

    def new_run(self, before: str) -> str:
        """Wait until a run with another digest has finished; return that digest."""
        code = self.status.locator("code")
        expect(code).to_be_visible(timeout=CALM_MS)
        expect(code).not_to_have_text(before, timeout=CALM_MS)
        return self.finished()

    def wait_for(self, condition: Callable[[], bool], within_s: float = 10.0) -> None:
        """Wait until a condition over the page holds, letting the page work meanwhile."""
        left_ms = within_s * 1000
        while not condition():
            assert left_ms > 0, "it never came true"
            self.page.wait_for_timeout(40)
            left_ms -= 40

    def drawn_ns(self) -> int:
        """Return the time on the clock after the page has drawn what was done last."""
        self.page.evaluate(
            "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
        return self.time_ns()

    # --- judging --------------------------------------------------------------------------------

    def axe(self) -> list[str]:
        """Return every accessibility violation: its rule and where."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        result: dict[str, Any] = self.page.evaluate(
            "tags => axe.run(document, { runOnly: { type: 'tag', values: tags } })", AXE_RULES
        )
        return [
            f"{violation['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
            for violation in result["violations"]
            for node in violation["nodes"]
        ]

    def overflow_px(self) -> int:
        """Return by how much the page is wider than its window."""
        width: int = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return width

    def cut_off(self) -> list[str]:
        """Return the controls that stick out of the window on either side."""
        found: Sequence[str] = self.page.evaluate(
            """() => [...document.querySelectorAll("button, select, input, label, h1, h2, h3")]
               .filter(it => { const box = it.getBoundingClientRect();
                 const clipped = it.closest(".cm-editor, .sr, .skip, .entries, pre");
                 return box.width > 0 && !clipped && (box.left < -1 || box.right > innerWidth + 1);
               }).map(it => it.outerHTML.slice(0, 120))"""
        )
        return list(found)


__all__ = ["AXE", "CALM_MS", "Playground", "expect"]

"""Compile each library program once for all the runs of this folder: the texts do not change meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.build import programs


@pytest.fixture(scope="session", autouse=True)
def compiled_once() -> Iterator[None]:
    compiled: dict[tuple[str, str, bool, bool, bool], programs.Loaded | None] = {}
    compile_text = programs.Programs._compile

    def remembered(self: programs.Programs, name: str, text: str) -> programs.Loaded | None:
        key = (name, text, self.traced, self.interpreted, self.line_counts)
        if key not in compiled:
            before = len(self.problems)
            made = compile_text(self, name, text)
            if any(problem.severity != "advice" for problem in self.problems[before:]):
                return made
            compiled[key] = made
        return compiled[key]

    patch = pytest.MonkeyPatch()
    patch.setattr(programs.Programs, "_compile", remembered)
    yield
    patch.undo()

"""Diagnostic: one problem, the same object in the shell, the API and the editor."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "advice"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """A replacement of a source range that cures the problem; lines and columns from 1, end exclusive."""

    title: str
    line: int
    column: int
    end_line: int
    end_column: int
    replacement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """A problem with a stable slug, a range, a sentence (lower case, no full stop) and a cure.

    Lines and columns count from 1, the end column is exclusive; line 0 means the whole text. `hint` is the cure;
    every slug has a paragraph in docs/errors.md. `source` names the text it is in: a program or "scenario".
    """

    slug: str
    message: str
    line: int = 0
    column: int = 0
    end_line: int = 0
    end_column: int = 0
    severity: Severity = "error"
    hint: str = ""
    fix: Fix | None = None
    source: str = ""

    def render(self) -> str:
        """Return the one-line text form, e.g. `line 12: undefined name "quantun" (did you mean "quantum"?)`."""
        place = f"line {self.line}: " if self.line else ""
        where = f"{self.source}: " if self.source else ""
        level = "" if self.severity == "error" else f"{self.severity}: "
        cure = f"; {self.hint}" if self.hint else ""
        return f"{where}{place}{level}{self.message}{cure} [{self.slug}]"

    def to_json(self) -> dict[str, Any]:
        """Return the plain JSON form."""
        return asdict(self)

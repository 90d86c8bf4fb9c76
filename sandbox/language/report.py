"""Report: collects the diagnostics of one program."""

from __future__ import annotations

import ast
import re

from sandbox.diagnostics import Diagnostic, Fix, Severity
from sandbox.language.limits import DIAGNOSTICS_MAX
from sandbox.language.tree import Span

WHOLE = Span(0, 0, 0, 0)
_PLACED = (ast.expr, ast.stmt, ast.arg, ast.keyword)


def span_of(node: ast.AST) -> Span:
    """Return the source range of a node of Python's tree; the text is ASCII, so offsets are columns."""
    if not isinstance(node, _PLACED):
        return WHOLE
    line, column = node.lineno, node.col_offset + 1
    end = node.end_col_offset
    return Span(line, column, node.end_lineno or line, column if end is None else end + 1)


class Report:
    """The problems found so far: each once, the first of its slug and place wins.

    `suppressed` slugs are swallowed, which lets a test show that each rule is needed.
    """

    def __init__(self, source: str, suppressed: frozenset[str] = frozenset()) -> None:
        self.source = source
        self.suppressed = suppressed
        self.found: dict[tuple[str, int, int, str], Diagnostic] = {}
        self.overflow = False

    def add(
        self,
        slug: str,
        place: ast.AST | Span,
        message: str,
        hint: str = "",
        *,
        severity: Severity = "error",
        fix: tuple[str, Span, str] | None = None,
    ) -> None:
        """Note a problem at a node or range; `fix` is (title, range, replacement)."""
        span = place if isinstance(place, Span) else span_of(place)
        key = (slug, span.line, span.column, "" if span.line else message)
        if slug in self.suppressed or key in self.found:
            return
        if len(self.found) >= DIAGNOSTICS_MAX:
            self.overflow = True
            return
        self.found[key] = Diagnostic(
            slug=slug,
            message=message,
            line=span.line,
            column=span.column,
            end_line=span.end_line,
            end_column=span.end_column,
            severity=severity,
            hint=hint,
            fix=_fix(fix or _respelled(place, message)),
            source=self.source,
        )

    @property
    def failed(self) -> bool:
        """Whether any problem is an error."""
        return any(problem.severity == "error" for problem in self.found.values())

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Return the problems in the order of the text."""
        problems = sorted(self.found.values(), key=lambda p: (p.line, p.column, p.slug))
        if self.overflow and "too-many-problems" not in self.suppressed:
            problems.append(
                Diagnostic(
                    slug="too-many-problems",
                    message=f"only the first {DIAGNOSTICS_MAX} problems found are shown",
                    hint="fix these first",
                    source=self.source,
                )
            )
        return tuple(problems)


_MISSPELT = re.compile(r'"(\w+)"[^"]*\(did you mean "(\w+)"\?\)')


def _respelled(place: ast.AST | Span, message: str) -> tuple[str, Span, str] | None:
    """Return the fix of a misspelt name whose message suggests the right one."""
    found = _MISSPELT.search(message)
    word = place.id if isinstance(place, ast.Name) else getattr(place, "attr", "")
    if found is None or isinstance(place, Span) or found.group(1) != word:
        return None
    span = span_of(place)
    at = Span(span.end_line, span.end_column - len(word), span.end_line, span.end_column)
    return f'write "{found.group(2)}"', at, found.group(2)


def _fix(fix: tuple[str, Span, str] | None) -> Fix | None:
    if fix is None:
        return None
    title, span, replacement = fix
    return Fix(
        title=title,
        line=span.line,
        column=span.column,
        end_line=span.end_line,
        end_column=span.end_column,
        replacement=replacement,
    )

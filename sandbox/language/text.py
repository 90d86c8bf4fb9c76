"""Text: from the bytes a user sent to plain ASCII lines that hide nothing."""

from __future__ import annotations

import re

from sandbox.language.limits import SOURCE_BYTES_MAX
from sandbox.language.report import Report
from sandbox.language.tree import Span

_STRANGE = re.compile(r"[^\t\n\x20-\x7e]")
STRANGE_REPORTED_MAX = 5


def read_text(source: str | bytes, report: Report) -> str | None:
    """Return the text, or None after reporting why it cannot be a program."""
    size = len(source)
    if size > SOURCE_BYTES_MAX:
        report.add(
            "source-too-long",
            Span(1, 1, 1, 2),
            f"the program has {size} characters, the limit is {SOURCE_BYTES_MAX}",
            "remove what is not needed, or split it into several programs",
        )
        return None
    if isinstance(source, bytes):
        # Latin-1 never fails and keeps one column a byte; anything above ASCII is refused just below.
        source = source.decode("latin-1")
    strange = list(_STRANGE.finditer(source))
    for match in strange[:STRANGE_REPORTED_MAX]:
        _report_strange(source, match.start(), report)
    if strange and any(key[0] in _SLUGS for key in report.found):
        return None
    return _STRANGE.sub(" ", source)


_SLUGS = ("non-ascii", "control-character")


def _report_strange(source: str, position: int, report: Report) -> None:
    character = source[position]
    line = source.count("\n", 0, position) + 1
    column = position - source.rfind("\n", 0, position)
    span = Span(line, column, line, column + 1)
    code = ord(character)
    if code > 126:
        report.add(
            "non-ascii",
            span,
            f"a program is plain ASCII, got character U+{code:04X}",
            "write it with ASCII letters, in comments too",
            fix=("remove the character", span, ""),
        )
        return
    name = "carriage return" if character == "\r" else f"control character U+{code:04X}"
    cure = 'save the file with line ends "\\n"' if character == "\r" else "remove it"
    report.add(
        "control-character",
        span,
        f"only line feeds and tabs are allowed beside visible characters, got a {name}",
        cure,
        fix=("remove the character", span, ""),
    )

"""SweepError: why a sweep cannot start, as the diagnostic that the reader sees."""

from __future__ import annotations

from sandbox.diagnostics import Diagnostic


class SweepError(ValueError):
    """A sweep that cannot be done as asked; nothing was run and nothing was written."""

    def __init__(self, slug: str, message: str, hint: str = "", line: int = 0) -> None:
        super().__init__(message)
        self.diagnostic = Diagnostic(slug=slug, message=message, hint=hint, line=line)

"""Split tc(8) text into lines of words that know their place."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox import units
from sandbox.diagnostics import Diagnostic
from sandbox.scenario.model import Word
from sandbox.units import UnitError, shown

MAX_LINES = 2000
MAX_WORDS = 256


class TcError(Exception):
    """A line that cannot be used; it carries its diagnostic."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def tc_error(word: Word, message: str, hint: str = "", slug: str = "tc-syntax") -> TcError:
    """Return the error of one word."""
    return TcError(
        Diagnostic(
            slug=slug,
            message=message,
            line=word.line,
            column=word.column,
            end_line=word.line,
            end_column=word.column + len(word.text) if word.column else 0,
            hint=hint,
            source="scenario",
        )
    )


def split_lines(text: str, line: int = 1, column: int = 1) -> list[list[Word]]:
    """Return the commands of a text as words; `#` starts a comment, a backslash at the end joins
    lines.

    `line` and `column` are where the text begins in the scenario; line 0 is unknown.
    """
    commands: list[list[Word]] = []
    joined: list[Word] = []
    for index, source in enumerate(text.split("\n")):
        number = line + index if line else 0
        offset = column if index == 0 else 1
        joined += _words(source.rstrip("\r").rstrip().removesuffix("\\"), number, offset)
        if source.rstrip().endswith("\\"):
            continue
        if joined:
            commands.append(joined)
        joined = []
    if joined:
        commands.append(joined)
    return commands


def _words(source: str, line: int, column: int) -> list[Word]:
    words: list[Word] = []
    at = 0
    for text in source.split():
        at = source.index(text, at)
        if text.startswith("#"):
            break
        words.append(Word(text=text, line=line, column=at + column if line and column else 0))
        at += len(text)
    return words


class Cursor:
    """Reads the words of one command from left to right."""

    def __init__(self, words: Sequence[Word]) -> None:
        self._words = words
        self._at = 0

    @property
    def here(self) -> Word:
        """Return the next word, or the last one at the end (for the place of an error)."""
        return self._words[min(self._at, len(self._words) - 1)]

    @property
    def done(self) -> bool:
        """Return whether all words are read."""
        return self._at >= len(self._words)

    def accept(self, *texts: str) -> bool:
        """Read the next word when it is one of these."""
        if not self.done and self._words[self._at].text in texts:
            self._at += 1
            return True
        return False

    def take(self, what: str) -> Word:
        """Read the next word; `what` names it when there is none."""
        if self.done:
            raise tc_error(
                self.here, f"{shown(self.here.text)} is followed by nothing, expected {what}"
            )
        self._at += 1
        return self._words[self._at - 1]

    def number(self, what: str, low: int, high: int) -> int:
        """Read a whole number, decimal or 0x hexadecimal."""
        word = self.take(what)
        return number_of(word, word.text, what, low, high)

    def rest(self) -> tuple[Word, ...]:
        """Read all that is left."""
        words = tuple(self._words[self._at :])
        self._at = len(self._words)
        return words


def number_of(word: Word, text: str, what: str, low: int, high: int) -> int:
    """Return a whole number written in (part of) a word."""
    try:
        value = units.parse_int(text)
    except UnitError as error:
        raise tc_error(word, f"{what}: {error.message}") from None
    if not low <= value <= high:
        raise tc_error(word, f"{what} {value} is not in {low} to {high}")
    return value

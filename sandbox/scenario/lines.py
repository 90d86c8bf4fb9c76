"""Find the place of a key path in a TOML text by a light scan, so that a problem can name its line.

tomllib gives values without places. The scan knows table headers, keys at the start of a line,
strings over several lines and open brackets; what it cannot place gets the place of the nearest
path above it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

Path = tuple[str | int, ...]

_PART = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*""")
# A string that is not closed takes the rest of its line, so that no line costs more than one pass.
_STRING = re.compile(r"""\"{3}|'{3}|"(?:[^"\\\n]|\\.)*+"?|'[^'\n]*+'?|#.*|[][{}]""")
_MAX_PARTS = 8


@dataclass(frozen=True, slots=True)
class Place:
    """A line and the columns of the key on it, from 1, end exclusive; line 0 is unknown."""

    line: int = 0
    column: int = 0
    end_column: int = 0


class Places:
    """Where the keys of one TOML text stand."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._places: dict[Path, Place] = {}
        self._counts: dict[Path, int] = {}
        self._scan()

    def at(self, path: Path) -> Place:
        """Return the place of this path, or of the nearest path above it that has one."""
        while path:
            if path in self._places:
                return self._places[path]
            path = path[:-1]
        return Place()

    def text_start(self, path: Path) -> tuple[int, int]:
        """Return line and column where the text value of a key begins, (0, 0) when unknown."""
        place = self._places.get(path)
        if place is None:
            return 0, 0
        line = self._lines[place.line - 1]
        match = re.compile(r"""\s*=\s*("{3}|'{3}|"|')""").match(line, place.end_column - 1)
        if match is None:
            return place.line, 0
        if len(match[1]) == 3 and match.end() == len(line.rstrip("\r")):
            return place.line + 1, 1
        return place.line, match.end() + 1

    def _scan(self) -> None:
        table: Path = ()
        closing = ""  # the quotes that end a string over several lines
        depth = 0
        for number, line in enumerate(self._lines, start=1):
            if closing:
                end = line.find(closing)
                if end < 0:
                    continue
                closing, depth = _after(line[end + 3 :], depth)
                continue
            if depth == 0:
                stripped = line.lstrip()
                if stripped.startswith("["):
                    table = self._header(line, number, table)
                    continue
                parts, end = _parts(line, 0)
                if parts and line[end : end + 1] == "=":
                    start = len(line) - len(stripped) + 1
                    place = Place(number, start, len(line[:end].rstrip()) + 1)
                    for length in range(1, len(parts) + 1):
                        self._places.setdefault(table + parts[:length], place)
            closing, depth = _after(line, depth)

    def _header(self, line: str, number: int, current: Path) -> Path:
        array = line.lstrip().startswith("[[")
        start = line.index("[") + (2 if array else 1)
        parts, end = _parts(line, start)
        if not parts:
            return current
        path: Path = ()
        for index, part in enumerate(parts):
            path += (part,)
            last = index == len(parts) - 1
            if last and array:
                self._places.setdefault(path, Place(number, start + 1, end + 1))
                self._counts[path] = self._counts.get(path, 0) + 1
            if path in self._counts:
                path += (self._counts[path] - 1,)
        self._places.setdefault(path, Place(number, start + 1, end + 1))
        return path


def _parts(line: str, at: int) -> tuple[Path, int]:
    parts: list[str | int] = []
    while len(parts) < _MAX_PARTS:
        match = _PART.match(line, at)
        if match is None:
            return (), at
        parts.append(next(group for group in match.groups() if group is not None))
        at = match.end()
        if line[at : at + 1] != ".":
            break
        at += 1
    return tuple(parts), at


def _after(line: str, depth: int) -> tuple[str, int]:
    """Return the quotes still open and the bracket depth after this rest of a line."""
    at = 0
    while True:
        match = _STRING.search(line, at)
        if match is None:
            return "", depth
        token = match[0]
        at = match.end()
        if token in ('"""', "'''"):
            end = line.find(token, at)
            if end < 0:
                return token, depth
            at = end + 3
        elif token in "[{":
            depth += 1
        elif token in "]}":
            depth = max(0, depth - 1)

"""Checkpoints: the states a run can go back to, as pages of its memory, within a budget of bytes.

A page that did not change since the checkpoint before is the same object, so that a checkpoint costs what changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest

PAGE_BYTES = 4096
BLANK = bytes(PAGE_BYTES)
BUDGET_BYTES = 24 << 20
# Looking for what changed in more than this would cost more than it saves.
MEMORY_BYTES_MAX = 64 << 20
STRIDE = 1 << 15
STRIDE_PER_PAGE = 64  # keeps the search for changed pages below a twentieth of the run


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A state of a run: how far it was, and its memory from address 0 to the top."""

    now_ns: int
    rows: int
    handled: int
    begun: bool
    logged: int
    changes: int  # how many changes it knows of
    pages: tuple[bytes, ...]

    @property
    def work(self) -> int:
        """Return how much was done: events carried out and rows kept."""
        return self.handled + self.rows


class Checkpoints:
    """Keeps checkpoints in order, close together at first and further apart as the budget fills."""

    def __init__(self, budget_bytes: int = BUDGET_BYTES) -> None:
        self.budget_bytes = budget_bytes
        self.kept: list[Checkpoint] = []
        self._stride = STRIDE
        self._bytes = 0

    def due(self, work: int) -> bool:
        """Return whether so much was done since the last checkpoint that another is worth its price."""
        if not self.kept:
            return True
        last = self.kept[-1]
        return work - last.work >= max(self._stride, STRIDE_PER_PAGE * len(last.pages))

    def add(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint; every second one goes while all together exceed the budget."""
        before = self.kept[-1].pages if self.kept else ()
        self.kept.append(checkpoint)
        self._bytes += _unshared_bytes(checkpoint.pages, before)
        while self._bytes > self.budget_bytes and len(self.kept) > 1:
            del self.kept[1::2]
            self._stride *= 2
            self._bytes = self._count()

    def _count(self) -> int:
        """Return how much memory all take."""
        pages = {id(page): page for one in self.kept for page in one.pages}
        return _unshared_bytes(tuple(pages.values()), ())

    def back_to(self, fits: Callable[[Checkpoint], bool]) -> Checkpoint | None:
        """Return the last checkpoint that fits, and forget the later ones; None, and all stay, when none does."""
        for number in range(len(self.kept) - 1, -1, -1):
            if fits(self.kept[number]):
                del self.kept[number + 1 :]
                self._bytes = self._count()
                return self.kept[number]
        return None


def _unshared_bytes(pages: tuple[bytes, ...], before: tuple[bytes, ...]) -> int:
    """Return how much memory `pages` take that `before` does not."""
    pairs = zip_longest(pages, before[: len(pages)])
    return sum(len(page) for page, old in pairs if page is not old and page is not BLANK)

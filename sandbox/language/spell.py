"""Spelling hints: the known name nearest to a mistyped one."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known name within one edit per three letters of `word`, or ""."""
    limit = max(1, len(word) // 3)
    best, best_distance = "", limit + 1
    # Of names equally near, one in the same case is meant: `quee` is `queue`, not `Queue`.
    for candidate in sorted(
        set(known), key=lambda name: (name[:1].isupper() != word[:1].isupper(), name)
    ):
        if len(candidate) > 2 and word.startswith(candidate) and best_distance > 1:
            best, best_distance = candidate, 1
        if abs(len(candidate) - len(word)) >= best_distance:
            continue
        distance = _distance(word.lower(), candidate.lower(), best_distance)
        if distance < best_distance and candidate != word:
            best, best_distance = candidate, distance
    return best


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean "name"?)`, or "" when no known name is near."""
    if len(word) > 64:
        return ""
    name = nearest(word, known)
    return f' (did you mean "{name}"?)' if name else ""


def _distance(left: str, right: str, limit: int) -> int:
    """Return the number of edits (insert, delete, replace, swap of neighbours), at most `limit`."""
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        older, before, row = before, row, [i]
        for j, b in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit
    return row[-1]

"""A rule whose message is switched off makes a case fail: no rule is without a test."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

import sandbox.language
from tests.language.chunks import Chunk, chunks, problems
from tests.language.limit_cases import LIMIT_CASES, slugs_of

_SLUG = re.compile(r"\\\[([a-z-]+)\\\]")


def slugs_in_code() -> set[str]:
    """Return every slug that the checker's own source passes to a reporting function."""
    found = {"too-many-problems"}
    for path in Path(sandbox.language.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(
                    func=ast.Attribute(attr="add" | "error" | "refuse"),
                    args=[ast.Constant(value=str() as slug), _, _, *_],
                ):
                    found.add(slug)
    return found


def cases_by_slug() -> dict[str, list[Chunk]]:
    found: dict[str, list[Chunk]] = defaultdict(list)
    for chunk in chunks():
        for _, regex in chunk.expected:
            for slug in _SLUG.findall(regex):
                found[slug].append(chunk)
    return found


BY_SLUG = cases_by_slug()


@pytest.mark.parametrize("slug", sorted(slugs_in_code()))
def test_rule_switched_off_makes_a_case_fail(slug: str) -> None:
    if slug in LIMIT_CASES:
        assert slug in slugs_of(LIMIT_CASES[slug].refused)
        assert slug not in slugs_of(LIMIT_CASES[slug].refused, frozenset({slug}))
        return
    assert BY_SLUG[slug], f"no case expects [{slug}]"
    assert any(problems(chunk, frozenset({slug})) for chunk in BY_SLUG[slug])


@pytest.mark.parametrize("slug", sorted(slugs_in_code()))
def test_rule_has_an_accepted_twin(slug: str) -> None:
    if slug in LIMIT_CASES:
        assert slug not in slugs_of(LIMIT_CASES[slug].accepted)
        return
    assert any(chunk.has_twin for chunk in BY_SLUG[slug]), f"no case of [{slug}] has a twin"


def test_cases_expect_only_slugs_that_exist() -> None:
    assert set(BY_SLUG) <= slugs_in_code()

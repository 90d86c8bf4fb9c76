"""Any text whatever ends in diagnostics, soon; what is accepted is Python."""

from __future__ import annotations

import time
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.diagnostics import Diagnostic
from sandbox.language.check import Checked, check
from tests.effort import calls_of
from tests.language.chunks import chunks
from tests.language.limit_cases import LIMIT_CASES
from tests.language.spoiled import WORDS, spoiled

PROGRAMS = {
    path.name: path.read_text()
    for path in sorted((Path(__file__).parent / "programs").glob("*.txt"))
}
SECONDS_MAX = 5.0
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def checked_soon(source: str | bytes) -> Checked:
    begin = time.process_time()
    checked = check(source)
    assert time.process_time() - begin < SECONDS_MAX
    assert isinstance(checked, Checked)
    for problem in checked.diagnostics:
        assert isinstance(problem, Diagnostic)
        assert problem.slug and problem.message and problem.hint
        assert problem.message == problem.message.rstrip(".")
    errors = [problem for problem in checked.diagnostics if problem.severity == "error"]
    assert bool(errors) == (checked.program is None)
    return checked


def must_compile(source: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compile(source, "<program>", "exec")


@FUZZ
@given(st.binary(max_size=2000))
def test_any_bytes_end_in_diagnostics(source: bytes) -> None:
    checked_soon(source)


@FUZZ
@given(st.text(max_size=1000))
def test_any_text_ends_in_diagnostics(source: str) -> None:
    checked_soon(source)


@FUZZ
@given(st.lists(st.sampled_from(WORDS), max_size=80))
def test_any_words_end_in_diagnostics(words: list[str]) -> None:
    checked_soon(" ".join(words))


@settings(FUZZ, max_examples=300)
@given(spoiled(sorted(PROGRAMS.values())))
def test_mutated_programs_end_in_diagnostics_and_accepted_ones_are_python(text: str) -> None:
    checked = checked_soon(text)
    if checked.program is not None:
        must_compile(text)


@pytest.mark.parametrize("chunk", chunks(), ids=lambda chunk: chunk.name)
def test_accepted_programs_are_python(chunk: object) -> None:
    source = chunk.source  # type: ignore[attr-defined]
    if check(source).program is not None:
        must_compile(source)


@pytest.mark.parametrize("slug", LIMIT_CASES)
def test_programs_beyond_the_limits_are_refused_soon(slug: str) -> None:
    checked_soon(LIMIT_CASES[slug].refused)


NASTY = {
    "nothing": "",
    "white space": " \t\n" * 1000,
    "10 MB": "x = 1\n" * 1_700_000,
    "10 MB of bytes": b"\xff\x00" * 5_000_000,
    "surrogates": "x = '\udc80'",
    "byte order mark": "\ufeffx = 1",
    "NUL": "x = 1\0",
    "coding cookie": "# -*- coding: utf-7 -*-\n+AG8-",
    "open quotes": '"\\' * 30_000,
    "open triple quotes": '"""' + "\\\n" * 30_000,
    "alternating quotes": "\"'" * 30_000,
    "backslashes": "\\\n" * 30_000,
    "brackets": "(" * 60_000,
    "mixed brackets": "([{" * 20_000,
    "minus": "x = " + "-" * 900 + "1",
    "not": "x = " + "not " * 900 + "1",
    "stars": "x = 1" + "**1" * 400,
    "ternary": "x = " + "1 if 1 else " * 150 + "1",
    "lambda": "x = " + "lambda: " * 400 + "1",
    "attributes": "x = a" + ".a" * 400,
    "calls": "x = a" + "()" * 400,
    "subscripts": "x = a" + "[0]" * 300,
    "comparisons": "x = 1" + " < 1" * 400,
    "sums": "x = 1" + " + 1" * 400,
    "elif": "if 1:\n    pass\n" + "elif 1:\n    pass\n" * 3000,
    "indents": "".join(" " * i + "if 1:\n" for i in range(200)),
    "blocks": "".join(f"def f{i}():\n    pass\n" for i in range(2500)),
    "assignments": "x" + " = x" * 400,
    "decorators": "@a\n" * 3000 + "def f(): pass",
    "digits": "x = " + "9" * 60_000,
    "underscores": "x = 1" + "_" * 60_000,
    "names": "a" * 60_000,
    "comments": "#\n" * 30_000,
    "semicolons": ";" * 900,
    "recursive functions": "".join(
        f"def f{i}():\n    return f{(i + 1) % 200}()\n" for i in range(200)
    ),
    "binary chain of calls": "def f0():\n    return 1\n"
    + "".join(f"def f{i}():\n    return f{i - 1}() + f{i - 1}()\n" for i in range(1, 200)),
    "big constant": "X = 1 << 62\nY = X * X * X\n",
    "deep f-string": "x = f'{f\"{1}\"}'",
}


@pytest.mark.parametrize("name", NASTY)
def test_nasty_text_ends_in_diagnostics(name: str) -> None:
    assert checked_soon(NASTY[name]).program is None


@pytest.mark.parametrize("name", PROGRAMS)
def test_kernel_like_programs_are_accepted_at_a_cost_in_proportion_to_their_length(
    name: str,
) -> None:
    source = PROGRAMS[name]
    checked = check(source)
    assert checked.program is not None, [problem.render() for problem in checked.diagnostics]
    assert calls_of(lambda: check(source)) < 30 * len(source)

"""Every limit of a program has a message, and what just fits is accepted."""

from __future__ import annotations

import pytest

from sandbox.language import limits
from sandbox.language.check import check
from tests.language.limit_cases import LIMIT_CASES, QDISC, init, lines, loops, slugs_of


@pytest.mark.parametrize("slug", LIMIT_CASES)
def test_beyond_the_limit_is_refused(slug: str) -> None:
    assert slug in slugs_of(LIMIT_CASES[slug].refused)


@pytest.mark.parametrize("slug", LIMIT_CASES)
def test_within_the_limit_is_not_refused(slug: str) -> None:
    assert slug not in slugs_of(LIMIT_CASES[slug].accepted)


@pytest.mark.parametrize(
    ("most", "form"),
    [
        (limits.PARAMS_MAX, "p{} = Param(1)\n"),
        (limits.GLOBALS_MAX, "g{} = 1\n"),
        (limits.MAPS_MAX, "m{} = Queue(max_entries=4)\n"),
        (limits.RECORDS_MAX, "class R{}(Record):\n    n: int = 0\n"),
        (limits.FUNCTIONS_MAX - 2, "def f{}():\n    return 1\n"),
    ],
)
def test_number_of_declarations_is_limited(most: int, form: str) -> None:
    assert check(lines(most, form)).program is not None
    assert slugs_of(lines(most + 1, form)) == {"too-many-declarations"}


@pytest.mark.parametrize(
    ("most", "form"),
    [
        (limits.REASONS_MAX, "p = q.pop()\n    if p is not None:\n        drop(p, 'r{}')"),
        (limits.FORMATS_MAX, "trace('t{}')"),
        (limits.LOCALS_MAX, "x{} = 1"),
    ],
)
def test_number_of_things_in_functions_is_limited(most: int, form: str) -> None:
    def program(count: int) -> str:
        body = "\n    ".join(form.format(i) for i in range(count))
        return "q = SkbMap(max_entries=4)\n" + init(body)

    assert check(program(most)).program is not None
    assert slugs_of(program(most + 1)) - {"many-locals"} == {"too-many-declarations"}


def test_number_of_fields_is_limited() -> None:
    def program(count: int) -> str:
        fields = "".join(f"    f{i}: int = 0\n" for i in range(count))
        return f"class R(Record):\n{fields}\n\n{QDISC}"

    assert check(program(limits.FIELDS_MAX)).program is not None
    assert slugs_of(program(limits.FIELDS_MAX + 1)) == {"too-many-declarations"}


def test_number_of_words_of_a_record_is_limited() -> None:
    fields = "".join(f"    f{i}: Array(int, 1024)\n" for i in range(5))
    assert slugs_of(f"class R(Record):\n{fields}\n\n{QDISC}") == {"record"}


def test_number_of_items_of_a_list_parameter_is_limited() -> None:
    assert check(f"p = Param({[1] * 64})\n{QDISC}").program is not None
    assert slugs_of(f"p = Param({[1] * 65})\n{QDISC}") == {"param"}


def test_number_of_parameters_of_a_function_is_limited() -> None:
    def program(count: int) -> str:
        return f"{QDISC}def f({', '.join(f'a{i}' for i in range(count))}):\n    return 1\n"

    assert check(program(limits.ARGUMENTS_MAX)).program is not None
    assert "parameters" in slugs_of(program(limits.ARGUMENTS_MAX + 1))


def test_number_of_traced_values_is_limited() -> None:
    def program(count: int) -> str:
        return init(f'trace("{"%d " * count}", {", ".join(["1"] * count)})')

    assert check(program(limits.TRACE_ARGS_MAX)).program is not None
    assert slugs_of(program(limits.TRACE_ARGS_MAX + 1)) == {"trace-format"}


def test_loops_nest_only_so_deep() -> None:
    assert check(loops(limits.LOOP_DEPTH_MAX)).program is not None
    assert slugs_of(loops(limits.LOOP_DEPTH_MAX + 1)) == {"nesting-too-deep"}


def test_blocks_nest_only_so_deep() -> None:
    def program(depth: int) -> str:
        return init("".join(f"if 1:\n{'    ' * (i + 2)}" for i in range(depth)) + "pass")

    assert check(program(limits.INDENT_DEPTH_MAX - 2)).program is not None
    assert slugs_of(program(limits.INDENT_DEPTH_MAX + 1)) == {"nesting-too-deep"}


def test_chains_of_elif_are_limited() -> None:
    def program(count: int) -> str:
        chain = "".join(f"    elif x == {i}:\n        pass\n" for i in range(count))
        return init(f"x = 1\n    if x == 3:\n        pass\n{chain}")

    assert check(program(limits.ELIF_MAX)).program is not None
    assert "nesting-too-deep" in slugs_of(program(limits.ELIF_MAX + 1))


def test_long_docstring_is_refused() -> None:
    size = limits.DOCSTRING_BYTES_MAX
    assert check(f'"""{"a" * (size - 6)}"""\n{QDISC}').program is not None
    assert slugs_of(f'"""{"a" * size}"""\n{QDISC}') == {"string-too-long"}

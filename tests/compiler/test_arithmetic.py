"""Ints are signed 64-bit: wraps, floors, shifts, chains and helpers agree with an oracle of their own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.core import trap
from sandbox.language import tree
from sandbox.language.tree import INT_MAX, INT_MIN
from tests.compiler.lab import Lab
from tests.compiler.trees import (
    BOOL,
    INT,
    cmp,
    cond,
    function,
    helper,
    logic,
    neg,
    num,
    op,
    program,
    ret,
    var,
)

EDGES = [0, 1, -1, 2, 3, 7, -7, 63, 64, 65, 2**31, 2**32 - 1, 2**62, INT_MAX, INT_MIN, INT_MIN + 1]
INTS = st.one_of(st.sampled_from(EDGES), st.integers(INT_MIN, INT_MAX), st.integers(-100, 100))
SIGNS = ["+", "-", "*", "//", "%", "<<", ">>", "&", "|", "^"]
PARAMS = (("a", INT), ("b", INT), ("c", INT))


def evaluate(expr: tree.Expr, *values: int, direct: bool = False) -> Any:
    lab = Lab(program(function("f", [ret(expr)], PARAMS)), direct=direct)
    return lab.helper("f", *values, *[0] * (3 - len(values)))


def s64(value: int) -> int:
    return (value + 2**63) % 2**64 - 2**63


def oracle(sign: str, a: int, b: int) -> Any:
    if sign in ("//", "%") and b == 0:
        return "trap", trap.DIV_ZERO, 1, 0
    exact = {
        "+": lambda: a + b,
        "-": lambda: a - b,
        "*": lambda: a * b,
        "//": lambda: a // b,
        "%": lambda: a % b,
        "<<": lambda: a << b % 64,
        ">>": lambda: a >> b % 64,
        "&": lambda: a & b,
        "|": lambda: a | b,
        "^": lambda: a ^ b,
    }[sign]()
    return s64(exact)


LAB = Lab(
    program(
        *(
            function(f"f{i}", [ret(op(var("a"), sign, var("b")))], PARAMS[:2])
            for i, sign in enumerate(SIGNS)
        )
    )
)


@pytest.mark.parametrize("sign", SIGNS)
def test_every_operator_wraps_and_floors_at_the_edges(sign: str) -> None:
    for a in EDGES:
        for b in EDGES:
            assert LAB.helper(f"f{SIGNS.index(sign)}", a, b) == oracle(sign, a, b), (a, sign, b)


@given(st.integers(0, len(SIGNS) - 1), INTS, INTS)
def test_every_operator_agrees_with_the_oracle(which: int, a: int, b: int) -> None:
    assert LAB.helper(f"f{which}", a, b) == oracle(SIGNS[which], a, b)


def test_a_proven_bound_drops_the_check_and_changes_nothing() -> None:
    small = op(var("a", low=0, high=10), "+", var("b", low=0, high=10), wraps=False)
    assert evaluate(small, 3, 4) == 7
    upper_only = op(var("a", low=0), "+", var("b", low=0))
    assert evaluate(upper_only, INT_MAX, 1) == INT_MIN
    lower_only = op(var("a", high=0), "+", var("b", high=0))
    assert evaluate(lower_only, INT_MIN, -1) == INT_MAX


def test_minus_and_magnitude_of_the_smallest_int_wrap_to_itself() -> None:
    assert evaluate(neg(var("a")), INT_MIN) == INT_MIN
    assert evaluate(helper("abs", var("a")), INT_MIN) == INT_MIN
    assert evaluate(helper("abs", var("a")), -5) == 5
    assert evaluate(neg(var("a"), "~"), INT_MIN) == INT_MAX


def test_a_wrap_is_logged_once_for_its_line() -> None:
    lab = Lab(program(function("f", [ret(op(var("a"), "+", var("b"), line=4))], PARAMS[:2])))
    lab.helper("f", INT_MAX, 1)
    lab.helper("f", INT_MAX, 2)
    assert [(entry[2], entry[4]) for entry in lab.sim.log] == [(4, -1)]


def test_bools_are_0_and_1_wherever_they_become_values() -> None:
    for expr, expected in [
        (cmp(var("a"), "<", var("b")), 1),
        (neg(var("a"), "not"), 0),
        (logic("and", var("a"), var("b")), 1),
        (logic("or", var("c"), num(0)), 0),
        (op(cmp(var("a"), "<", var("b")), "+", cmp(var("a"), "<", var("b"))), 2),
        (helper("ult", var("a"), num(-1), type=BOOL), 1),
    ]:
        got = evaluate(expr, 3, 5)
        assert got == expected and type(got) is int


def test_a_chain_evaluates_its_middle_once() -> None:
    counted = tree.UserCall(span=num(0).span, type=INT, function="next", args=())
    bump = tree.SetGlobal(span=num(0).span, name="n", value=op(_n(), "+", num(1)))
    lab = Lab(
        program(
            function("next", [bump, ret(_n())]),
            function("f", [ret(cmp(num(0), "<", counted, "<", num(5)))]),
            globals=(tree.GlobalVar(name="n", kind=tree.Kind.INT, initial=0, span=num(0).span),),
        )
    )
    assert lab.helper("f") == 1
    assert lab.globals() == {"n": 1}


def _n() -> tree.Expr:
    return tree.Global(span=num(0).span, type=INT, name="n")


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("min", (3, -2, 9), -2),
        ("max", (3, -2, 9), 9),
        ("isqrt", (99,), 9),
        ("isqrt", (-4,), 0),
        ("isqrt", (INT_MAX,), 3_037_000_499),
        ("log2_floor", (0,), -1),
        ("log2_floor", (-1,), 63),
        ("log2_floor", (1024,), 10),
        ("find_first_set", (0,), -1),
        ("find_first_set", (INT_MIN,), 63),
        ("find_first_set", (40,), 3),
        ("udiv", (-1, 2), INT_MAX),
        ("umod", (-1, 10), 5),
        ("udiv", (1, 0), ("trap", trap.DIV_ZERO, 1, 0)),
        ("umod", (1, 0), ("trap", trap.DIV_ZERO, 1, 0)),
    ],
)
def test_helpers_of_arithmetic(name: str, args: tuple[int, ...], expected: Any) -> None:
    names = [var(n) for n, _ in PARAMS[: len(args)]]
    assert evaluate(helper(name, *names), *args) == expected


def expressions() -> st.SearchStrategy[tree.Expr]:
    leaves = st.one_of(INTS.map(num), st.sampled_from("abc").map(var))

    def bigger(inner: st.SearchStrategy[tree.Expr]) -> st.SearchStrategy[tree.Expr]:
        signs = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
        return st.one_of(
            st.builds(op, inner, st.sampled_from(SIGNS), inner),
            st.builds(neg, inner, st.sampled_from(["-", "~", "not"])),
            st.builds(cmp, inner, signs, inner, signs, inner),
            st.builds(logic, st.sampled_from(["and", "or"]), inner, inner),
            st.builds(cond, inner, inner, inner),
            st.builds(helper, st.sampled_from(["min", "max", "udiv", "umod", "ult"]), inner, inner),
            st.builds(helper, st.sampled_from(["abs", "isqrt", "log2_floor"]), inner),
        )

    return st.recursive(leaves, bigger, max_leaves=12)


@settings(deadline=None)
@given(expressions(), INTS, INTS, INTS)
def test_random_expressions_agree_with_the_interpreter(
    expr: tree.Expr, a: int, b: int, c: int
) -> None:
    assert evaluate(expr, a, b, c) == evaluate(expr, a, b, c, direct=True)

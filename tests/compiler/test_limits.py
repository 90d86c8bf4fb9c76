"""Whatever the checker accepts compiles, at the edges of its limits too, and in bounded time."""

from __future__ import annotations

import sys

import pytest

from sandbox.compiler.restricted_python import compile_program, statement_lines
from sandbox.language.check import check
from sandbox.language.limits import DEPTH_MAX, ELIF_MAX, FUNCTIONS_MAX, INDENT_DEPTH_MAX
from tests.compiler.lab import Lab
from tests.compiler.samples import checked, everything
from tests.effort import calls_of

HEAD = "queue = SkbMap(max_entries=9)\nout = 0\n\n"
TAIL = "\n\ndef dequeue(ctx):\n    return queue.pop()\n"


def enqueuing(body: str, head: str = "") -> Lab:
    text = f"{HEAD}{head}\ndef enqueue(skb, ctx):\n    global out\n{body}    return DROP\n{TAIL}"
    return Lab(checked(text))


def out_of(body: str, head: str = "") -> int:
    lab = enqueuing(body, head)
    assert isinstance(lab.call("enqueue", lab.packet(mark=3)), int)
    return lab.globals()["out"]


def test_the_longest_chain_of_elifs_compiles() -> None:
    chain = "    if skb.mark == 1000:\n        out = 1\n"
    chain += "".join(
        f"    elif skb.mark == {i + 2000}:\n        out = 2\n" for i in range(ELIF_MAX - 1)
    )
    assert out_of(chain + "    else:\n        out = 3\n") == 3


def test_the_deepest_expression_compiles() -> None:
    depth = DEPTH_MAX
    while depth > 1:
        text = "skb.mark"
        for level in range(depth):
            text = f"-max({text}, 1)" if level % 8 == 7 else f"~{text}"
        body = f"    out = {text}\n"
        whole = f"{HEAD}\ndef enqueue(skb, ctx):\n    global out\n{body}    return DROP\n{TAIL}"
        if check(whole).program is not None:
            break
        depth -= 1
    assert depth >= DEPTH_MAX // 2
    out_of(body)


def test_the_deepest_nesting_compiles() -> None:
    body = ""
    for level in range(1, INDENT_DEPTH_MAX - 1):
        body += "    " * level + "if skb.mark > 0:\n"
    body += "    " * (INDENT_DEPTH_MAX - 1) + "out = 5\n"
    assert out_of(body) == 5


def test_a_chain_of_as_many_helpers_as_there_may_be_runs() -> None:
    count = FUNCTIONS_MAX - 3
    head = "def f0(x):\n    return x\n\n"
    head += "".join(f"def f{i}(x):\n    return f{i - 1}(x) + 1\n\n" for i in range(1, count))
    assert out_of(f"    out = f{count - 1}(0)\n", head) == count - 1


def test_a_program_twice_as_long_takes_twice_the_work_to_compile() -> None:
    def work(lines: int) -> int:
        body = "".join(f"    out = out * {i} + (skb.len ^ {i})\n" for i in range(lines))
        program = enqueuing(body).program
        return calls_of(lambda: compile_program(program, traced=False))

    assert work(700) < 2.2 * work(350)


def test_compiling_leaves_the_recursion_limit_as_it_was() -> None:
    before = sys.getrecursionlimit()
    compile_program(everything(), traced=False)
    assert sys.getrecursionlimit() == before


@pytest.mark.parametrize("traced", [False, True])
def test_compiling_twice_gives_the_same_code(traced: bool) -> None:
    first = compile_program(everything(), traced=traced)
    second = compile_program(everything(), traced=traced)
    assert first.code.co_consts[0] == second.code.co_consts[0]
    assert list(first.bound) == list(second.bound)


def test_statement_lines_are_those_that_counts_can_name() -> None:
    program = checked(f"{HEAD}\ndef enqueue(skb, ctx):\n    return DROP\n{TAIL}")
    assert statement_lines(program) == [6, 10]

"""The largest programs the checker accepts compile in bounded memory, whatever they are made of."""

from __future__ import annotations

import os
import resource

import pytest

from sandbox.compiler.wasm import host
from sandbox.compiler.wasm.program import compile_program
from sandbox.language.check import check
from sandbox.language.tree import Program

MOST_BYTES = 128 << 20
HEAD = '''"""A bomb."""

queue = SkbMap(max_entries=10)
m = HashMap(max_entries=64)
t = 0


def dequeue(ctx):
    return queue.pop()


def enqueue(skb, ctx):
    global t
'''
TAIL = """
    if not queue.push(skb, 0):
        return DROP
    return QUEUED
"""


def chain(word: str, part: str, count: int) -> str:
    return f"if {word.join(part.format(i) for i in range(count))}:\n        t += 1"


# A statement, and how often the limits of the checker let it stand in one program.
BOMBS = {
    "sums": ("t = t + 3 * t", 1420),
    "divisions": ("t = t // (t | 1) % 7", 1100),
    "powers": ("t = t * t % 1000003 >> (t & 7) << 3", 760),
    "magnitudes": ("t = abs(abs(abs(abs(t))))", 900),
    "extremes": ("t = min(max(t, 1), max(t, 2), min(t, 3), abs(t))", 520),
    "choices": ("t = 1 if t > 1 else (2 if t > 2 else (3 if t > 3 else 4))", 500),
    "comparisons": (chain(" < ", "t", 19), 360),
    "sums compared": (chain(" < ", "t + {}", 12), 230),
    "conditions": (chain(" and ", "t > {}", 40), 76),
    "alternatives": (chain(" or ", "(t > {} and t < 9)", 20), 66),
    "updates": ("m.update(t, t + 1)", 1240),
    "words": ("skb.cb[t & 3] = skb.cb[(t + 1) & 3]", 660),
    "loops": ("while t > 5:\n        t -= 1\n        if t == 7:\n            break", 820),
    "loads": ("t = skb.load_u32(14) + skb.load_u16(2)", 900),
    "lines": ('trace("%d %d %d", t, t, t)', 1420),
}


def program(statement: str, count: int) -> Program | None:
    return check(HEAD + f"    {statement}\n" * count + TAIL).program


def grown_bytes(bomb: Program) -> int:
    """Return by how much compiling raises the most memory that a process has used."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        host.machine_code(compile_program(bomb, traced=True))
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        os.write(theirs, str((after - before) * 1024).encode())
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as said:
        text = said.read()
    os.waitpid(pid, 0)
    return int(text)


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_compiles_in_bounded_memory(name: str) -> None:
    statement, count = BOMBS[name]
    bomb = program(statement, count)
    assert bomb is not None
    assert program(statement, count * 5 // 4) is None
    host.warm()
    assert 0 < grown_bytes(bomb) < MOST_BYTES

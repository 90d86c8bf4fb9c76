"""The cure of a beginner's mistake leads to what works."""

from __future__ import annotations

import pytest

from sandbox.language.check import check

PROGRAM = '''"""x"""
right = SkbMap(max_entries=10)
FIRST


def put(skb, rank):
    return BODY


def enqueue(skb, ctx):
    if not right.push(PUSH):
        return DROP
    return QUEUED


def dequeue(ctx):
    return right.pop()
'''


@pytest.mark.parametrize(
    ("first", "body", "push", "cure"),
    [
        ("q = Skbmap(max_entries=10)", "rank", "skb, 0", 'did you mean "SkbMap"?'),
        ("q = []", "rank", "skb, 0", "ints in a Queue"),
        ("q = {}", "rank", "skb, 0", "HashMap"),
        ("", "right.push(skb, rank)", "skb, 0", '"skb: Owned" takes the packet'),
        ("", "rank", "skb, rank=0", "write push(skb, rank)"),
        ("", "rank", "skb, skb", "name a field of the packet"),
        ("", "rank", "skb, put(skb, 1)", 'say in its def that it takes a packet, "skb: Owned"'),
    ],
)
def test_what_is_offered_is_what_was_meant(first: str, body: str, push: str, cure: str) -> None:
    text = PROGRAM.replace("FIRST", first).replace("BODY", body).replace("PUSH", push)
    problems = [one for one in check(text).diagnostics if one.severity == "error"]
    assert any(cure in one.hint for one in problems), problems

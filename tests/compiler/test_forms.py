"""The same meaning in every form: optional records, helpers' results, truth, augmented targets."""

from __future__ import annotations

import pytest

from tests.compiler.lab import Lab
from tests.compiler.samples import checked
from tests.compiler.test_programs import CLASSES, FLOWS, enqueuing


@pytest.mark.parametrize(
    ("body", "head", "expected"),
    [
        (
            "flow = None\nif skb.mark > 1:\n    flow = flows.lookup_or_init(1)\n"
            "if flow is not None:\n    out = flow.finish",
            FLOWS,
            3,
        ),
        (
            "flow = flows.lookup_or_init(1) if skb.mark > 9 else None\nif flow is None:\n    out = 5",
            FLOWS,
            5,
        ),
        (
            "flow = flows.lookup_or_init(1) if skb.mark > 1 else others.lookup_or_init(2)\n"
            "if flow is not None:\n    flow.finish += 1\n    out = flow.finish",
            FLOWS,
            4,
        ),
        (
            "flow = find(7)\nout = 1 if flow is None else 2",
            FLOWS + "\ndef find(k):\n    return flows.lookup(k)\n",
            1,
        ),
        (
            "flow = find(7, skb.mark > 1)\nif flow is not None:\n    out = flow.finish",
            FLOWS
            + "\ndef find(k, a):\n    if a:\n        return flows.lookup_or_init(k)\n    return others.lookup(k)\n",
            3,
        ),
        (
            "if odd(skb.mark) and not odd(2):\n    out = 8",
            "\ndef odd(x):\n    return x % 2 == 1\n",
            8,
        ),
        ("x = odd(skb.mark)\nout = x + odd(3) * 10", "\ndef odd(x):\n    return x & 1 == 1\n", 11),
        ("n = 0\nwhile n < 5 and not skb.mark == n:\n    n += 1\nout = n", "", 5),
        ("out = (skb.mark if skb.mark > 3 else 1) + (2 if not skb.mark else 4)", "", 9),
        ("for cl in classes():\n    r = cl\n    r.sent = 4\n    out += r.sent", CLASSES, 8),
        (
            "flow = flows.lookup_or_init(1)\nif flow is None or flow.finish < 0:\n    return DROP\nout = flow.finish",
            FLOWS,
            3,
        ),
        (
            "flow = flows.lookup(1)\nif flow is not None and flow.finish > 0:\n    out = 1\nelse:\n    out = 2",
            FLOWS,
            2,
        ),
        ("if flows.lookup_or_init(1) is not None and 1 in flows:\n    out = 6", FLOWS, 6),
        ("out = 1\nout = 5 if (counts.lookup(3) is None) == True else 0", FLOWS, 5),
        ("a = 3\na <<= 62\na >>= 60\nout = a", "", -4),
        ("out = ~skb.mark & 0xff", "", 250),
        ("out = abs(-skb.mark) + min(4, 9, skb.mark) + max(skb.mark, -1)", "", 14),
        ("pass\nout = 2\nif skb.mark:\n    pass\nelse:\n    out = 3", "", 2),
        ('trace("%d %% %x", skb.mark, 3)\nout = 1', "", 1),
        (
            "skb.cb[0] += 5\nskb.mark |= 8\nskb.priority -= 1\nout = skb.cb[0] + skb.mark + skb.priority",
            "",
            19,
        ),
        ("ctx.delay = 5\nctx.delay += 2\nout = ctx.delay", "", 7),
    ],
)
@pytest.mark.parametrize("how", [{}, {"traced": True}, {"direct": True}])
def test_every_form_means_what_it_says(
    body: str, head: str, expected: int, how: dict[str, bool]
) -> None:
    lab = enqueuing(body, head, classes=(0x10001, 0x10002), **how)
    result = lab.call("enqueue", lab.packet(77, mark=5, priority=2))
    assert isinstance(result, int), result
    assert lab.globals()["out"] == expected


PACKETS = """queue = SkbMap(max_entries=2)
spare = SkbMapArray(2, max_entries=4)


def give(skb: Owned, which):
    if not spare[which].push(skb, which):
        drop(skb, "spare is full")
        return False
    return True


def judge(skb: Skb):
    return DROP if skb.mark == 9 else BYPASS


def first():
    for i in range(2):
        skb = spare[i].pop()
        if skb is not None:
            return skb
    return None


def enqueue(skb, ctx):
    if skb.mark > 7:
        verdict = judge(skb)
        return verdict
    if skb.mark > 3:
        return QUEUED if give(skb, skb.mark & 1) else CN
    if not queue.push(skb, 3):
        drop(skb)
        return CN
    return QUEUED


def dequeue(ctx):
    skb = first()
    if skb is None:
        skb = queue.pop()
    return skb


def peek(ctx):
    skb = queue.peek()
    return skb if skb is not None else spare[0].peek_last()
"""


@pytest.mark.parametrize("direct", [False, True])
def test_packets_pass_through_helpers_and_verdicts_through_locals(direct: bool) -> None:
    lab = Lab(checked(PACKETS), direct=direct)
    answers = [lab.call("enqueue", lab.packet(mark=mark)) & 255 for mark in (9, 8, 5, 4, 1, 2, 3)]
    assert answers == [2, 4, 0, 0, 0, 0, 1]
    assert lab.call("peek").mark == 1
    marks = [lab.call("dequeue")[1].mark for _ in range(4)]
    assert marks == [4, 5, 1, 2]
    assert lab.call("dequeue")[1] is None and lab.call("peek") is None

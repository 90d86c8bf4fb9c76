"""Programs in the language that together use every construct, map kind and helper."""

from __future__ import annotations

from functools import cache

from sandbox.language import tree
from sandbox.language.check import check


@cache
def checked(text: str) -> tree.Program:
    """Return the checked program; the samples are correct."""
    result = check(text, "sample")
    assert result.program is not None, [d.render() for d in result.diagnostics]
    return result.program


def everything() -> tree.Program:
    return checked(EVERYTHING)


EVERYTHING = '''"""Everything: one of each, for the tests of the compiler."""

limit = Param(6, min=1, max=100)
quantum = Param(1514, min=1, max=100_000, unit="bytes")
marking = Param(True)
weights = Param([1, 2, 3, 4])
SIZE = 8


class Flow(Record):
    finish: int = 3
    active: bool = False
    slots: Array(int, 4)


class Class(ClassRecord):
    share = Param(100, min=1, max=1000)
    sent: int = 0


def earlier(a, b):
    return a.mark < b.mark or (a.mark == b.mark and a.cb[0] < b.cb[0])


flows = HashMap(max_entries=4, value=Flow)
recent = LruHashMap(max_entries=3, value=Flow)
counts = HashMap(max_entries=3, value=int)
table = ArrayMap(max_entries=5, value=int)
queue = SkbMap(max_entries=limit)
sorted_queue = SkbMap(max_entries=8, less=earlier)
bands = SkbMapArray(3, max_entries=6)
by_key = SkbMapHash(4, max_entries=6)
ordered = FlowMap(4, max_entries=6)
active = Queue(max_entries=4)
undo = Stack(max_entries=4)
total = 0
busy = False


def charge(flow: Flow, cost):
    global total
    flow.finish += cost
    flow.slots[cost & 3] += 1
    total += cost
    return flow.finish


def share_of(cl: Class):
    return cl.share * cl.sent


def pick(skb: Skb, ctx):
    if skb.priority > 2:
        return 2
    return skb.priority if ctx.now > 5 else 0


def take(skb: Owned, key):
    if by_key[key].push(skb, key):
        return True
    drop(skb, "full")
    return False


def init(ctx):
    for i in range(5):
        table[i] = i * i
    for cl in classes():
        cl.sent = 1


def enqueue(skb, ctx):
    global busy, total
    busy = not busy
    key = skb.hash & 3
    skb.mark = skb.mark + 1
    skb.cb[key] = skb.len
    skb.tc_index = key
    flow = flows.lookup_or_init(key)
    if flow is None:
        return DROP
    old = recent.lookup(key)
    if old is not None:
        charge(old, 1)
    recent.update(key, flow)
    rank = charge(flow, max(skb.len // quantum, 1))
    flow.active = rank > 4
    counts[key % 3] = counts[key % 3] + 1
    if skb.mark % 7 == 1:
        if not sorted_queue.push(skb, rank):
            return DROP
        active.push(key)
        return QUEUED
    if skb.mark % 7 == 2:
        take(skb, key)
        return CN
    band = pick(skb, ctx)
    if skb.mark % 7 == 3:
        if not bands[band].push(skb, rank & 7):
            return DROP
        return QUEUED
    if skb.mark % 7 == 4:
        ordered.set_rank(key, rank)
        if not ordered.push(key, skb, ctx.now):
            return BYPASS
        undo.push(rank)
        return QUEUED
    if skb.mark % 7 == 5:
        ctx.classid = 0x10001
        return PASS
    if skb.mark % 7 == 6:
        skb.priority = skb_classify(skb, ctx.classid) + skb_classify_action(skb, ctx.classid, 1)
        return QUEUED if child_enqueue(skb, 0x10001 + key) else CN
    if marking and mark_ecn(skb):
        trace("marked %d of %d", skb.mark, total)
    if not queue.push(skb, rank ^ weights[key]):
        return DROP if len(queue) > 3 else BYPASS
    return QUEUED


def dequeue(ctx):
    global total
    worst = 0
    for key in flows:
        flow = flows.lookup(key)
        if flow is not None and flow.active:
            worst = max(worst, flow.finish)
    for skb in queue:
        if skb.rank > 1000:
            break
        worst += skb.len
    for i in range(2, -1, -1):
        for seen in bands[i]:
            worst -= seen.mark
        if len(bands[i]) == 0:
            continue
        found = bands[i].pop_last()
        if found is not None:
            return found
    key = active.pop()
    if key is not None and key in counts:
        counts.delete(key)
    n = 0
    while n < 3:
        n += 1
        if n == 2:
            continue
        packet = by_key[n].pop()
        if packet is not None:
            return packet
    first = ordered.first()
    if first >= 0:
        return ordered.pop(first)
    top = sorted_queue.peek()
    if top is not None and top.mark < worst:
        return sorted_queue.pop()
    for cl in classes():
        cl.sent += 1
        total = share_of(cl) if cl.sent > 5 else total - 1
    mine = class_of(0x10002)
    if mine is not None:
        total ^= mine.classid
    head = child_peek(0x10001)
    if head is not None or child_qlen(0x10001) + child_backlog(0x10001) > 0:
        return child_dequeue(0x10001)
    total = min(total, 1 << 40)
    if random() & 15 == 0:
        ctx.delay = 1000
        return THROTTLE
    return queue.pop()


def reset(ctx):
    global total
    total = isqrt(total) + log2_floor(total) + find_first_set(total) + udiv(total, 3) + umod(total, 3)
    while undo.peek() is not None:
        undo.pop()


def timer(ctx):
    if -5 < total <= 100 != ctx.qlen:
        ctx.timer_after(10)


def egress(skb, ctx):
    if skb.load_u8(23) == 17 and skb.load_u16(12) > abs(-3):
        return OK
    return STOLEN if ult(skb.load_u32(26), 5) else DROP


def classify(skb, ctx):
    return 0x10001 if hash_skb(skb, 3) & 1 else STOLEN
'''

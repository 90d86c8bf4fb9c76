"""Start-time fair queueing: weighted fair shares from one rank per packet.

Every flow has a clock of its own that advances by length / weight with each packet. A packet's rank is when
it would start on that clock, never before the start of the packet being sent. The skb map does the rest.
A flow of weight 2 gets twice the bytes of a flow of weight 1, and two busy flows never drift further apart than
their largest packets (divided by weight).

A class that a filter chooses is one flow with the class's weight; other packets are flows by their hash, weighted
by the low three bits of their mark. A packet keeps the rank it got: a flow cannot be made more urgent while its
packets wait.

Source: Goyal, Vin and Cheng, "Start-Time Fair Queueing", 1996; Sivaraman et al., "Programmable Packet Scheduling
at Line Rate", 2016.
"""

FRACTION_SHIFT = 8

limit = Param(TXQUEUELEN, min=1, max=1000000, unit="packets", help="packets it may hold")
weights = Param([1, 1, 1, 1, 1, 1, 1, 1], min=1, max=1000, help="weight of a flow by the low bits of its mark")


class Class(ClassRecord):
    weight = Param(1, min=1, max=1000, help="share of this class")


class Flow(Record):
    finish: int = 0


flows = LruHashMap(max_entries=4096, value=Flow)
queue = SkbMap(max_entries=1000000)
virtual_time = 0
last_finish = 0


def enqueue(skb, ctx):
    global last_finish
    if ctx.qlen >= limit:
        return DROP
    key = skb_classify(skb, ctx.classid)
    weight = weights[skb.mark & 7]
    cl = class_of(key)
    if cl is not None:
        weight = cl.weight
    else:
        key = skb.hash & 65535
    flow = flows.lookup_or_init(key)
    if flow is None:
        return DROP
    start = max(virtual_time, flow.finish)
    finish = start + (skb.len << FRACTION_SHIFT) // weight
    if not queue.push(skb, start):
        return DROP
    flow.finish = finish
    last_finish = max(last_finish, finish)
    return QUEUED


def dequeue(ctx):
    global virtual_time
    skb = queue.pop()
    if skb is not None:
        virtual_time = skb.rank
    else:
        virtual_time = last_finish
    return skb

"""Sixty-four strict levels in one queue: when full, the least urgent packet makes room.

`skb.priority` is the level, the largest first. A newcomer is refused only when nothing less urgent waits; otherwise the
newest packet of the lowest level goes. Made against floods: whoever marks his traffic low suffers first. As with
every strict priority, the upper levels can starve the rest.

Source: net/sched/sch_skbprio.c.
"""

LEVEL_MAX = 63

limit = Param(64, min=1, max=1000000, unit="packets", help="packets it may hold")

queue = SkbMap(max_entries=1000000)


def enqueue(skb, ctx):
    rank = LEVEL_MAX - min(skb.priority, LEVEL_MAX)
    full = ctx.qlen >= limit
    lowest = queue.peek_last()
    if full and (lowest is None or rank >= lowest.rank):
        return DROP
    if not queue.push(skb, rank):
        return DROP
    if not full:
        return QUEUED
    victim = queue.pop_last()
    if victim is not None:
        drop(victim, "less urgent")
    return CN


def dequeue(ctx):
    return queue.pop()


def peek(ctx):
    return queue.peek()

"""Shortest first: the smallest packet of the queue leaves next.

One map that orders packets by rank is the whole scheduler. A large packet can wait for ever when small ones keep
coming: the order is good for the mean wait and has no mercy.
"""

limit = Param(200, min=1, max=1000, unit="packets", help="packets the queue holds")

queue = SkbMap(max_entries=limit)


def enqueue(skb, ctx):
    if not queue.push(skb, skb.len):
        return DROP
    return QUEUED


def dequeue(ctx):
    return queue.pop()

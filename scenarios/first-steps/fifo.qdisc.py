"""A plain queue: first in, first out, and no more than `limit` packets.

The rank is always 0; packets of equal rank leave in the order they came.
"""

limit = Param(20, min=1, max=1000, unit="packets", help="packets the queue holds")

queue = SkbMap(max_entries=limit)


def enqueue(skb, ctx):
    if not queue.push(skb, 0):
        return DROP
    return QUEUED


def dequeue(ctx):
    return queue.pop()

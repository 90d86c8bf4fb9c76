"""Packet FIFO that drops its oldest packet when full.

The newest news is what a receiver wants: when the queue is full, the packet that has waited longest
makes room. Good for live data, bad for streams that must be complete; a sender learns of the loss
one queue earlier than with a tail drop.

Source: net/sched/sch_fifo.c.
"""

limit = Param(TXQUEUELEN, min=0, max=1000000, unit="packets", help="packets it may hold")

queue = SkbMap(max_entries=1000000)


def enqueue(skb, ctx):
    if limit == 0:
        return DROP
    full = ctx.qlen >= limit
    if full:
        oldest = queue.pop()
        if oldest is not None:
            drop(oldest, "oldest of a full queue")
    if not queue.push(skb, 0):
        return DROP
    return CN if full else QUEUED


def dequeue(ctx):
    return queue.pop()


def peek(ctx):
    return queue.peek()

"""Packet FIFO: first in, first out, at most `limit` packets.

The plainest queue there is, and the one a class gets when nothing else is attached to it. Every packet
waits behind all that came before it, so one greedy flow makes everybody wait: a long limit turns into
delay (bufferbloat), a short one into loss.

A packet that the parent has peeked at still counts against the limit, as in the kernel.

Source: net/sched/sch_fifo.c.
"""

limit = Param(TXQUEUELEN, min=0, max=1000000, unit="packets", help="packets it may hold")

queue = SkbMap(max_entries=1000000)


def enqueue(skb, ctx):
    if ctx.qlen >= limit:
        return DROP
    if not queue.push(skb, 0):
        return DROP
    return QUEUED


def dequeue(ctx):
    return queue.pop()

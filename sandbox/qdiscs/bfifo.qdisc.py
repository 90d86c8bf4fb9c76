"""Byte FIFO: first in, first out, at most `limit` bytes.

Like pfifo, but a packet is refused when its bytes do not fit. The delay of a full queue is then known
(limit / rate) whatever the packet sizes are; the price is that large packets are refused while small
ones still slip in behind them.

Source: net/sched/sch_fifo.c.
"""

ETHERNET_BYTES = 14

limit = Param(0, min=0, max=1073741824, unit="bytes", help="bytes it may hold; 0: txqueuelen x (MTU + 14)")

queue = SkbMap(max_entries=1000000)


def enqueue(skb, ctx):
    room = limit
    if room == 0:
        room = ctx.dev.txqueuelen * (ctx.dev.mtu + ETHERNET_BYTES)
    if ctx.backlog + skb.len > room:
        return DROP
    if not queue.push(skb, 0):
        return DROP
    return QUEUED


def dequeue(ctx):
    return queue.pop()

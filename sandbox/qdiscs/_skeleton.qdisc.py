"""One sentence that says what it does: the title.

What it demonstrates, and when it does badly. Copy this file to NAME.qdisc.py, keep what you need; the folder is
the list. As it stands it is a FIFO that lets small packets go first.

Source: the kernel file, RFC or paper it follows, or "this playground".
"""

limit = Param(TXQUEUELEN, min=1, max=1000000, unit="packets", help="packets it may hold")
small = Param(200, min=0, max=65535, unit="bytes", help="packets up to this length go first")

queue = SkbMap(max_entries=1000000)  # bounds memory; `limit` is the qdisc's own bound


def enqueue(skb, ctx):
    if ctx.qlen >= limit:
        return DROP
    rank = 0 if skb.len <= small else 1
    if not queue.push(skb, rank):
        return DROP
    return QUEUED


def dequeue(ctx):
    return queue.pop()

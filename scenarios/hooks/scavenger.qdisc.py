"""Scavenger: background traffic is set aside at the egress hook and sent when nothing else waits."""

BACKGROUND = 7

limit = Param(500, min=1, max=5000, unit="packets", help="packets each of the two queues holds")

queue = SkbMap(max_entries=limit)
aside = SkbMap(max_entries=limit)


def egress(skb, ctx):
    if skb.mark != BACKGROUND:
        return OK
    if not aside.push(skb, 0):
        return DROP
    return STOLEN


def enqueue(skb, ctx):
    if not queue.push(skb, 0):
        return DROP
    return QUEUED


def dequeue(ctx):
    skb = queue.pop()
    if skb is not None:
        return skb
    return aside.pop()

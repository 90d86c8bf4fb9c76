"""Priority with ageing: rank = time of arrival + handicap of the class.

A packet is overtaken only by more important packets that came within its handicap. Strict priority is the limit of a
very large handicap, a plain queue that of none.
"""

limit = Param(5000, min=1, max=10000, unit="packets", help="packets the queue holds")
handicap = Param(50_000_000, min=0, max=1_000_000_000, unit="ns", help="head start of one level over the next")

queue = SkbMap(max_entries=limit)


def level(skb: Skb):
    if skb.priority >= 4:
        return 0
    if skb.priority == 2:
        return 4
    return 1


def enqueue(skb, ctx):
    if not queue.push(skb, ctx.now + level(skb) * handicap):
        return DROP
    return QUEUED


def dequeue(ctx):
    return queue.pop()

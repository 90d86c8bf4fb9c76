"""A plain queue that counts the bytes it holds, and forgets them when it is reset."""

limit = Param(300, min=1, max=1000, unit="packets", help="packets the queue holds")

queue = SkbMap(max_entries=limit)
held = 0


def enqueue(skb, ctx):
    global held
    length = skb.len
    if not queue.push(skb, 0):
        return DROP
    held += length
    return QUEUED


def dequeue(ctx):
    global held
    skb = queue.pop()
    if skb is not None:
        held -= skb.len
    return skb


def reset(ctx):
    global held
    trace("reset while %d bytes were held", held)
    held = 0

"""First in, first out, at most 1000 packets."""
q = SkbMap(max_entries=1000)


def enqueue(skb, ctx):
    if not q.push(skb, 0):
        return DROP
    return QUEUED


def dequeue(ctx):
    return q.pop()
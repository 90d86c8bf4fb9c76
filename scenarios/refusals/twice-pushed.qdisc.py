"""A mirror that cannot be: the same packet in two queues."""

queue = SkbMap(max_entries=100)
mirror = SkbMap(max_entries=100)


def enqueue(skb, ctx):
    if not queue.push(skb, 0):
        return DROP
    if not mirror.push(skb, 0):
        return DROP
    return QUEUED


def dequeue(ctx):
    return queue.pop()

"""Deficit round robin over flows, at most 1000 packets together."""
class Flow(Record):
    deficit: int = 0

QUANTUM = 1500
flows = ArrayMap(max_entries=16, value=Flow)
queues = SkbMapArray(16, max_entries=1000)
active = Queue(max_entries=16)
n = 0


def enqueue(skb, ctx):
    global n
    i = skb.hash & 15
    if n >= 1000:
        return DROP
    empty = len(queues[i]) == 0
    if not queues[i].push(skb, 0):
        return DROP
    n += 1
    if empty:
        active.push(i)
        flow = flows.lookup(i)
        if flow is not None:
            flow.deficit = 0
    return QUEUED


def dequeue(ctx):
    global n
    while len(active) > 0:
        i = active.peek()
        if i is None:
            return None
        flow = flows.lookup(i)
        head = queues[i].peek()
        if flow is None or head is None:
            active.pop()
            continue
        if head.len <= flow.deficit:
            flow.deficit -= head.len
            skb = queues[i].pop()
            n -= 1
            if len(queues[i]) == 0:
                active.pop()
            return skb
        flow.deficit += QUANTUM
        active.pop()
        active.push(i)
    return None
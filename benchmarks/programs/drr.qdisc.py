"""Deficit round robin over flows, at most 1000 packets together."""

QUANTUM = 1500


class Flow(Record):
    deficit: int = 0


flows = ArrayMap(max_entries=16, value=Flow)
queues = SkbMapArray(16, max_entries=1000)
active = Queue(max_entries=16)
held = 0


def enqueue(skb, ctx):
    global held
    i = skb.hash & 15
    flow = flows.lookup(i)
    if held >= 1000 or flow is None:
        return DROP
    if len(queues[i]) == 0:
        active.push(i)
        flow.deficit = 0
    if not queues[i].push(skb, 0):
        return DROP
    held += 1
    return QUEUED


def dequeue(ctx):
    global held
    turn = active.peek()
    while turn is not None:
        i = turn & 15
        flow = flows.lookup(i)
        head = queues[i].peek()
        if flow is None or head is None:
            return None
        if head.len <= flow.deficit:
            flow.deficit -= head.len
            if len(queues[i]) == 1:
                active.pop()
            held -= 1
            return queues[i].pop()
        flow.deficit += QUANTUM
        active.pop()
        active.push(i)
        turn = active.peek()
    return None

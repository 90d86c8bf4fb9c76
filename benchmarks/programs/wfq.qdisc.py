"""Start-time fair queueing by rank, at most 1000 packets."""
class Flow(Record):
    finish: int = 0

flows = HashMap(max_entries=1024, value=Flow)
queue = SkbMap(max_entries=1000)
virtual_time = 0


def enqueue(skb, ctx):
    flow = flows.lookup_or_init(skb.hash & 1023)
    if flow is None:
        return DROP
    start = max(virtual_time, flow.finish)
    if not queue.push(skb, start):
        return DROP
    flow.finish = start + skb.len
    return QUEUED


def dequeue(ctx):
    global virtual_time
    skb = queue.pop()
    if skb is not None:
        virtual_time = skb.rank
    return skb
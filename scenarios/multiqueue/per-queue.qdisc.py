"""One skb map per transmit queue, served in turn.

With `by_flow` the key is a hash of the packet instead, which gives (nearly) every flow a map of its own.
"""

LANES = 64

limit = Param(50, min=1, max=1000, unit="packets", help="packets one lane holds")
by_flow = Param(False, help="key lanes by flow hash instead of by tx queue")

lanes = SkbMapArray(LANES, max_entries=64000)
turn = 0


def enqueue(skb, ctx):
    lane = skb.queue_mapping % LANES
    if by_flow:
        lane = skb.hash % LANES
    if len(lanes[lane]) >= limit or not lanes[lane].push(skb, 0):
        return DROP
    return QUEUED


def dequeue(ctx):
    global turn
    for step in range(LANES):
        lane = (turn + step) % LANES
        skb = lanes[lane].pop()
        if skb is not None:
            turn = (lane + 1) % LANES
            return skb
    return None

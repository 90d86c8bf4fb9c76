"""Nine slots of one packet each, and a search that hopes for the best."""

SLOTS = 9

slots = SkbMapArray(SLOTS, max_entries=SLOTS)


def enqueue(skb, ctx):
    slot = 0
    while len(slots[slot]) > 0:
        slot = (slot + 1) % SLOTS
    if not slots[slot].push(skb, 0):
        return DROP
    return QUEUED


def dequeue(ctx):
    for slot in range(SLOTS):
        skb = slots[slot].pop()
        if skb is not None:
            return skb
    return None

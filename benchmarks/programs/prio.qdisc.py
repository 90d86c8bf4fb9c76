"""Three strict priorities by flow, at most 1000 packets together."""
bands = SkbMapArray(3, max_entries=1000)
n = 0


def enqueue(skb, ctx):
    global n
    if n >= 1000:
        return DROP
    if not bands[skb.mark % 3].push(skb, 0):
        return DROP
    n += 1
    return QUEUED


def dequeue(ctx):
    global n
    for i in range(3):
        skb = bands[i].pop()
        if skb is not None:
            n -= 1
            return skb
    return None
"""Earliest deadline first: whoever is due first goes first.

The rank is the deadline in `skb.tstamp` (a flow's `deadline` in a scenario); a packet without one is due
`default_deadline` after it came. As long as all deadlines can be met at all, this order meets them. Once the
link is overloaded it degrades badly: late packets stay most urgent and make the others late too.
`drop_late` throws away what cannot arrive in time any more.

Source: Liu and Layland, "Scheduling Algorithms for Multiprogramming in a Hard-Real-Time Environment", 1973; the
rank is the deadline as in Sivaraman et al., 2016. Compare the deadline mode of net/sched/sch_etf.c.
"""

limit = Param(TXQUEUELEN, min=1, max=1000000, unit="packets", help="packets it may hold")
default_deadline = Param(100000000, min=0, max=3600000000000, unit="ns", help="for packets that carry no deadline")
drop_late = Param(False, help="drop packets whose deadline has passed")

queue = SkbMap(max_entries=1000000)


def enqueue(skb, ctx):
    if ctx.qlen >= limit:
        return DROP
    due = skb.tstamp
    if due <= 0:
        due = ctx.now + default_deadline
    if not queue.push(skb, due):
        return DROP
    return QUEUED


def dequeue(ctx):
    skb = queue.pop()
    while drop_late and skb is not None and skb.rank < ctx.now:
        drop(skb, "too late")
        skb = queue.pop()
    return skb

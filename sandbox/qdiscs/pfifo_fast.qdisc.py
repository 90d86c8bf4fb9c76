"""Three FIFO bands served in strict order: what Linux devices ran for decades.

`skb.priority` picks a band through the priomap; band 1 sends only while band 0 is empty, band 2 only
while both are. Each band holds `txqueuelen` packets of its own. It is prio without classes: quick, but
a busy band 0 starves the others for as long as it likes.

In the kernel the priomap cannot be changed and the bands are lockless rings; here it is a parameter,
so that the map can be tried out.

Source: net/sched/sch_generic.c.
"""

BANDS = 3
TC_PRIO_MAX = 15

priomap = Param([1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1], min=0, max=2, help="band of each skb.priority")

bands = SkbMapArray(3, max_entries=1000000)


def enqueue(skb, ctx):
    band = priomap[skb.priority & TC_PRIO_MAX]
    if len(bands[band]) >= ctx.dev.txqueuelen:
        return DROP
    if not bands[band].push(skb, 0):
        return DROP
    return QUEUED


def dequeue(ctx):
    for band in range(BANDS):
        skb = bands[band].pop()
        if skb is not None:
            return skb
    return None


def peek(ctx):
    for band in range(BANDS):
        skb = bands[band].peek()
        if skb is not None:
            return skb
    return None

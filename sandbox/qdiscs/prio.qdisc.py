"""Strict priority between classes 1 to `bands`, each with a qdisc of its own.

The first band that has a packet sends. Which band a packet joins is decided as tc(8) describes:
an `skb.priority` that names a class of this qdisc, else the filters, else the priomap. Great for a few
urgent packets; a band that never runs dry starves all bands after it.

`peek` looks into the bands without taking a packet out, so that a shaper above still sends an urgent
packet that comes while it waits for tokens.

Source: net/sched/sch_prio.c.
"""

TC_PRIO_MAX = 15
ACTION_DROP = 2
MINOR_MASK = 65535
MAJOR_MASK = 4294901760

bands = Param(3, min=2, max=16, help="number of bands")
priomap = Param([1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1], min=0, max=15, help="band of each skb.priority")

children = Children(bands)


def enqueue(skb, ctx):
    handle = ctx.classid
    classid = skb.priority
    if classid & MAJOR_MASK != handle:
        found = skb_classify_action(skb, handle)
        if found & MINOR_MASK == ACTION_DROP:
            return BYPASS
        classid = found >> 32
        if classid == 0:
            level = 0 if skb.priority & MAJOR_MASK else skb.priority & TC_PRIO_MAX
            classid = priomap[level] + 1
    band = (classid & MINOR_MASK) - 1
    if band < 0 or band >= bands:
        band = priomap[0]
    ctx.classid = handle + band + 1
    return PASS


def dequeue(ctx):
    for band in range(bands):
        skb = child_dequeue(ctx.classid + band + 1)
        if skb is not None:
            return skb
    return None


def peek(ctx):
    for band in range(bands):
        skb = child_peek(ctx.classid + band + 1)
        if skb is not None:
            return skb
    return None

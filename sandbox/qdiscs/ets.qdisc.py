"""Enhanced transmission selection: the first bands strict, the rest by deficit round robin.

As a data centre wants it: a few bands that must not wait (storage, control), the others with a guaranteed share each.
A band's packets come from `skb.priority` that names its class, a filter, or the priomap. Strict bands can starve the
others; among the others a band's delay depends on all quanta together.

A priority without an entry in the priomap goes to the last band. `bands` is never derived from `strict` and `quanta`:
write it.

Source: net/sched/sch_ets.c; IEEE 802.1Qaz.
"""

TC_PRIO_MAX = 15
ETHERNET_BYTES = 14
ACTION_DROP = 2
MINOR_MASK = 65535
MAJOR_MASK = 4294901760

bands = Param(3, min=1, max=16, help="number of bands")
strict = Param(0, min=0, max=16, help="how many of them are strict, from the first on")
quanta = Param([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], min=0, max=1000000, unit="bytes", help="bytes a round of the other bands; 0: MTU + 14")
priomap = Param([15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15], min=0, max=15, help="band of each skb.priority, at most the last")


class Band(Record):
    deficit: int = 0
    active: bool = False


table = ArrayMap(max_entries=16, value=Band)
ring = Queue(max_entries=16)

children = Children(bands)


def quantum_of(band, ctx):
    chosen = quanta[band - strict] if band >= strict else 0
    return chosen if chosen > 0 else ctx.dev.mtu + ETHERNET_BYTES


def band_of(skb: Skb, handle):
    chosen = skb.priority
    if chosen & MAJOR_MASK != handle:
        found = skb_classify_action(skb, handle)
        if found & MINOR_MASK == ACTION_DROP:
            return -1
        chosen = found >> 32
        if chosen == 0:
            level = 0 if skb.priority & MAJOR_MASK else skb.priority & TC_PRIO_MAX
            return min(priomap[level], bands - 1)
    band = (chosen & MINOR_MASK) - 1
    return band if 0 <= band < bands else min(priomap[0], bands - 1)


def enqueue(skb, ctx):
    handle = ctx.classid
    band = band_of(skb, handle)
    if band < 0:
        return BYPASS
    if not child_enqueue(skb, handle + band + 1):
        return CN
    state = table.lookup(band)
    if state is not None and band >= strict and not state.active:
        state.active = True
        state.deficit = quantum_of(band, ctx)
        ring.push(band)
    return QUEUED


def dequeue(ctx):
    handle = ctx.classid
    for band in range(min(strict, bands)):
        skb = child_dequeue(handle + band + 1)
        if skb is not None:
            return skb
    while len(ring) > 0:
        band = ring.peek()
        if band is None:
            return None
        state = table.lookup(band)
        head = child_peek(handle + band + 1)
        if state is None:
            return None
        if head is None:
            if child_qlen(handle + band + 1) > 0:
                return None
            state.active = False
            ring.pop()
        elif head.len <= state.deficit:
            state.deficit -= head.len
            skb = child_dequeue(handle + band + 1)
            if child_qlen(handle + band + 1) == 0:
                state.active = False
                ring.pop()
            return skb
        else:
            state.deficit += quantum_of(band, ctx)
            ring.pop()
            ring.push(band)
    return None


def reset(ctx):
    band = ring.pop()
    while band is not None:
        band = ring.pop()
    for index in table:
        state = table.lookup(index)
        if state is not None:
            state.active = False

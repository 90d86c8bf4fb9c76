"""Stochastic fairness queueing: flows hashed into buckets, served in turn by bytes.

Each bucket may overshoot its `quantum` by a packet and pays that back in the next round. When the qdisc is
full, the longest bucket (in packets) loses one from its tail: whoever sends too much punishes himself. With
`perturb` the hash changes every so many seconds, so that two flows in one bucket do not share it for ever.
Buckets are equal whatever the flows are worth, and two flows may collide; the queue as a whole has no idea
of delay.

Left out: the RED options (min, max, avpkt, probability, ecn, harddrop).

Source: net/sched/sch_sfq.c; McKenney, "Stochastic Fairness Queueing", 1990.
"""

ETHERNET_BYTES = 14
NS_PER_S = 1000000000
REHASH_MAX = 6000  # packets; one call must not run for ever
ACTION_MASK = 4294967295
MINOR_MASK = 65535
MAJOR_MASK = 4294901760

limit = Param(127, min=2, max=65536, unit="packets", help="packets in all buckets together")
depth = Param(127, min=1, max=127, unit="packets", help="packets of one bucket")
flows = Param(127, min=1, max=4096, help="buckets in use at a time")
divisor = Param(1024, min=1, max=65536, help="number of buckets")
quantum = Param(0, min=0, max=1048576, unit="bytes", help="bytes a bucket sends in a round; 0: MTU + 14")
perturb = Param(0, min=0, max=86400, help="seconds between changes of the hash; 0: never")
headdrop = Param(False, help="drop a bucket's oldest packet, not its newest")


class Flow(Record):
    allot: int = 0
    changed: int = 0  # number of the change that made the bucket as long as it is


table = HashMap(max_entries=flows, value=Flow)  # the buckets in use
queues = SkbMapHash(flows, max_entries=1000000)
ring = Queue(max_entries=flows)
moving = SkbMap(max_entries=1000000)
changes = 0
perturbation = 0


def quantum_of(ctx):
    return quantum if quantum > 0 else ctx.dev.mtu + ETHERNET_BYTES


def bucket_of(skb: Skb, handle):
    # 0 to divisor - 1, or -1 when the filters say drop or none matches.
    chosen = skb.priority
    if chosen & MAJOR_MASK != handle or chosen & MINOR_MASK == 0 or chosen & MINOR_MASK > divisor:
        found = skb_classify_action(skb, handle)
        if found & ACTION_MASK != 0:
            return -1
        chosen = found >> 32
    if chosen != 0:
        return (chosen & MINOR_MASK) - 1 if chosen & MINOR_MASK <= divisor else -1
    return hash_skb(skb, perturbation) % divisor


def resized(key, flow: Flow):
    # After a push or pop.
    global changes
    changes += 1
    flow.changed = changes
    if len(queues[key]) == 0:
        table.delete(key)


def began(key, flow: Flow, ctx):
    # A bucket that was empty goes to the back of the ring.
    if len(queues[key]) == 1:
        flow.allot = quantum_of(ctx)
        ring.push(key)
    resized(key, flow)


def longest():
    # Of equally long buckets the one that became so last.
    found = -1
    found_len = 0
    found_changed = 0
    for key in table:
        flow = table.lookup(key)
        length = len(queues[key])
        if flow is not None and (length > found_len or (length == found_len and flow.changed > found_changed)):
            found = key
            found_len = length
            found_changed = flow.changed
    return found


def drop_one():
    key = longest()
    if len(queues[key]) == 1:
        # All buckets hold one packet: the one whose turn it is loses it.
        front = ring.pop()
        if front is not None:
            key = front
    flow = table.lookup(key)
    skb = queues[key].pop() if headdrop else queues[key].pop_last()
    if skb is not None:
        drop(skb, "longest bucket")
    if flow is not None:
        resized(key, flow)
    return key


def enqueue(skb, ctx):
    key = bucket_of(skb, ctx.classid)
    if key < 0:
        return BYPASS
    flow = table.lookup_or_init(key)
    if flow is None:
        return DROP
    if len(queues[key]) >= depth:
        oldest = queues[key].pop() if headdrop else None
        if oldest is None:
            return DROP
        drop(oldest, "depth of a bucket")
        if not queues[key].push(skb, 0):
            return DROP
        return CN
    if not queues[key].push(skb, 0):
        return DROP
    began(key, flow, ctx)
    if ctx.qlen <= min(limit, depth * flows):
        return QUEUED
    return CN if drop_one() == key else QUEUED


def dequeue(ctx):
    while len(ring) > 0:
        key = ring.peek()
        if key is None:
            return None
        flow = table.lookup(key)
        if flow is None:
            return None
        if flow.allot > 0:
            skb = queues[key].pop()
            resized(key, flow)
            if len(queues[key]) == 0:
                ring.pop()
            elif skb is not None:
                flow.allot -= skb.len
            return skb
        flow.allot += quantum_of(ctx)
        ring.pop()
        ring.push(key)
    return None


def init(ctx):
    if perturb > 0:
        ctx.timer_after(perturb * NS_PER_S)


def timer(ctx):
    # Hash every packet anew; a very long queue keeps its hash until it is shorter.
    global perturbation
    ctx.timer_after(max(1, perturb) * NS_PER_S)
    if ctx.qlen > REHASH_MAX:
        return
    perturbation = random()
    while len(ring) > 0:
        key = ring.pop()
        if key is None:
            return
        table.delete(key)
        skb = queues[key].pop()
        while skb is not None:
            if not moving.push(skb, 0):
                drop(skb)
            skb = queues[key].pop()
    skb = moving.pop()
    while skb is not None:
        key = bucket_of(skb, ctx.classid)
        flow = table.lookup_or_init(max(key, 0))
        if flow is None or key < 0 or len(queues[key]) >= depth or not queues[key].push(skb, 0):
            drop(skb, "no room after a change of the hash")
        else:
            began(key, flow, ctx)
        skb = moving.pop()


def reset(ctx):
    key = ring.pop()
    while key is not None:
        table.delete(key)
        key = ring.pop()

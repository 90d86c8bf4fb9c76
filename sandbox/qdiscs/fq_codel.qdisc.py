"""Fair queueing with CoDel: every flow has a queue of its own, and CoDel in it.

Flows are told apart by their hash and served by deficit round robin. A flow that has just become busy is
"new" and goes first, so a sparse flow (a call, a name lookup) hardly waits at all; once it has spent its
quantum it joins the "old" flows. When the qdisc is full, the flow with most bytes loses up to half of its
packets at once, from the head. Flows that share a bucket share its fate, and an application that opens
fifty connections gets fifty shares.

Times and the inverse square root are kept as in codel. Left out: the size of the kernel's own packet
buffers (`memory_limit` counts packet bytes here).

Source: RFC 8290; net/sched/sch_fq_codel.c, include/net/codel_impl.h.
"""

UNIT_SHIFT = 10
ETHERNET_BYTES = 14
ACTION_DROP = 2
MINOR_MASK = 65535
MAJOR_MASK = 4294901760
ONE = 65535  # 1.0 as a 16-bit fraction
LOW_BITS = (1 << 47) - 1
BYTES_MAX = 1 << 40

limit = Param(10240, min=0, max=1000000, unit="packets", help="packets in all flows together")
flows = Param(1024, min=1, max=65536, help="number of buckets")
quantum = Param(0, min=0, max=1048576, unit="bytes", help="bytes a flow sends in a round, at least 256; 0: MTU + 14")
target = Param(5000000, min=0, max=10000000000, unit="ns", help="a wait that is acceptable for ever")
interval = Param(100000000, min=1024, max=10000000000, unit="ns", help="how long it may be longer; a worst round trip")
ecn = Param(True, help="mark ECN-capable packets in place of dropping them")
ce_threshold = Param(2199023254528, min=0, max=2199023254528, unit="ns", help="mark every packet that waited longer; off by default")
memory_limit = Param(33554432, min=0, max=2147483648, unit="bytes", help="bytes in all flows together")
drop_batch = Param(64, min=1, max=10000, unit="packets", help="most packets dropped at once when full")


class Flow(Record):
    listed: bool = False
    deficit: int = 0
    backlog: int = 0
    dropping: bool = False
    count: int = 0
    last_count: int = 0
    inv_sqrt: int = 0
    first_above: int = 0
    drop_next: int = -1099511627776  # long ago


table = HashMap(max_entries=flows, value=Flow)
queues = FlowMap(flows, max_entries=1000000)  # the flow of smallest rank has most bytes
new_flows = Queue(max_entries=flows)
old_flows = Queue(max_entries=flows)


def bucket_of(skb: Skb, handle):
    # 0 to flows - 1, or -1 when a filter says drop.
    chosen = skb.priority
    if chosen & MAJOR_MASK != handle or chosen & MINOR_MASK == 0 or chosen & MINOR_MASK > flows:
        found = skb_classify_action(skb, handle)
        if found & MINOR_MASK == ACTION_DROP:
            return -1
        chosen = found >> 32
    if chosen != 0:
        return (chosen & MINOR_MASK) - 1 if chosen & MINOR_MASK <= flows else -1
    return skb.hash * flows >> 32


def weigh(key, flow: Flow, len_bytes):
    # Of equally fat flows the one with the lower bucket is the fattest.
    flow.backlog += len_bytes
    queues.set_rank(key, (BYTES_MAX - flow.backlog << 16) + key)


def take(key, flow: Flow):
    skb = queues.pop(key)
    if skb is not None:
        weigh(key, flow, -skb.len)
    return skb


def drop_fattest():
    key = queues.first()
    flow = table.lookup(key)
    if flow is None:
        return -1
    enough = flow.backlog >> 1
    dropped_bytes = 0
    dropped = 0
    while dropped < drop_batch:
        skb = take(key, flow)
        if skb is None:
            break
        dropped_bytes += skb.len
        dropped += 1
        drop(skb, "fattest flow")
        if dropped_bytes >= enough:
            break
    flow.count += dropped
    return key


def enqueue(skb, ctx):
    key = bucket_of(skb, ctx.classid)
    if key < 0:
        return BYPASS
    flow = table.lookup_or_init(key)
    if flow is None:
        return DROP
    len_bytes = skb.len
    if not queues.push(key, skb, 0):
        return DROP
    weigh(key, flow, len_bytes)
    if not flow.listed:
        flow.listed = True
        flow.deficit = quantum_of(ctx)
        new_flows.push(key)
    if ctx.qlen <= limit and ctx.backlog <= memory_limit:
        return QUEUED
    return CN if drop_fattest() == key else QUEUED


def quantum_of(ctx):
    return max(256, quantum) if quantum > 0 else ctx.dev.mtu + ETHERNET_BYTES


def waited_units(skb: Skb, ctx):
    return (ctx.now >> UNIT_SHIFT) - (skb.enqueued_at >> UNIT_SHIFT)


def newton_step(flow: Flow):
    rest = ((3 << 32) - flow.count * flow.inv_sqrt * flow.inv_sqrt) >> 2
    flow.inv_sqrt = (((rest & LOW_BITS) * flow.inv_sqrt) >> 31) & ONE


def control_law(flow: Flow, start):
    flow.drop_next = start + (((interval >> UNIT_SHIFT) * flow.inv_sqrt) >> 16)


def stands(flow: Flow, skb: Skb, ctx):
    now = ctx.now >> UNIT_SHIFT
    if waited_units(skb, ctx) < target >> UNIT_SHIFT or flow.backlog <= ctx.dev.mtu + ETHERNET_BYTES:
        flow.first_above = 0
        return False
    if flow.first_above == 0:
        flow.first_above = now + (interval >> UNIT_SHIFT)
        return False
    return now > flow.first_above


def begin_dropping(flow: Flow, now):
    flow.dropping = True
    if flow.count - flow.last_count > 1 and now - flow.drop_next < 16 * (interval >> UNIT_SHIFT):
        flow.count = flow.count - flow.last_count
        newton_step(flow)
    else:
        flow.count = 1
        flow.inv_sqrt = ONE
    flow.last_count = flow.count
    control_law(flow, now)


def codel_dequeue(key, flow: Flow, ctx):
    now = ctx.now >> UNIT_SHIFT
    skb = take(key, flow)
    if skb is None:
        flow.dropping = False
        return None
    too_long = stands(flow, skb, ctx)
    if flow.dropping and not too_long:
        flow.dropping = False
    elif flow.dropping:
        while flow.dropping and now >= flow.drop_next:
            flow.count += 1
            newton_step(flow)
            if ecn and mark_ecn(skb):
                control_law(flow, flow.drop_next)
                break
            drop(skb, "standing queue")
            skb = take(key, flow)
            if skb is None:
                flow.first_above = 0
                flow.dropping = False
                return None
            if stands(flow, skb, ctx):
                control_law(flow, flow.drop_next)
            else:
                flow.dropping = False
    elif too_long:
        if ecn and mark_ecn(skb):
            begin_dropping(flow, now)
        else:
            drop(skb, "standing queue")
            begin_dropping(flow, now)
            skb = take(key, flow)
            if skb is None:
                flow.first_above = 0
                return None
            stands(flow, skb, ctx)
    if waited_units(skb, ctx) > ce_threshold >> UNIT_SHIFT:
        mark_ecn(skb)
    return skb


def next_key():
    key = new_flows.peek()
    if key is None:
        key = old_flows.peek()
    return key


def leave_front():
    if new_flows.pop() is None:
        old_flows.pop()


def dequeue(ctx):
    key = next_key()
    while key is not None:
        flow = table.lookup(key)
        if flow is None:
            return None
        was_new = len(new_flows) > 0
        if flow.deficit <= 0:
            flow.deficit += quantum_of(ctx)
            leave_front()
            old_flows.push(key)
        else:
            skb = codel_dequeue(key, flow, ctx)
            if skb is not None:
                flow.deficit -= skb.len
                return skb
            leave_front()
            if was_new and len(old_flows) > 0:
                old_flows.push(key)
            else:
                flow.listed = False
        key = next_key()
    return None


def reset(ctx):
    while len(new_flows) > 0:
        new_flows.pop()
    while len(old_flows) > 0:
        old_flows.pop()
    for key in table:
        flow = table.lookup(key)
        if flow is not None:
            flow.listed = False
            flow.backlog = 0
            flow.dropping = False
            flow.count = 0
            flow.last_count = 0
            flow.first_above = 0

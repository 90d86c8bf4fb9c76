"""Fair queueing with CoDel: every flow has a queue of its own, and CoDel in it.

Flows are told apart by their hash and served by deficit round robin. A flow that has just become busy is
"new" and goes first, so a sparse flow (a call, a name lookup) hardly waits at all; once it has spent its
quantum it joins the "old" flows. When the qdisc is full, the flow with most bytes loses up to half of its
packets at once, from the head. Flows that share a bucket share its fate, and an application that opens
fifty connections gets fifty shares.

Times and the inverse square root are kept as in codel. `memory_limit` counts packet buffers by an estimate of
what the kernel allocates.

Source: RFC 8290; net/sched/sch_fq_codel.c, include/net/codel_impl.h.
"""

UNIT_SHIFT = 10
ETHERNET_BYTES = 14
ACTION_MASK = 4294967295
MINOR_MASK = 65535
MAJOR_MASK = 4294901760
ONE = 65535  # 1.0 as a 16-bit fraction
LOW_BITS = (1 << 47) - 1
BYTES_MAX = 1 << 40

limit = Param(10240, min=0, max=1000000, unit="packets", help="packets in all flows together")
flows = Param(1024, min=1, max=32768, help="number of buckets")
quantum = Param(0, min=0, max=1048576, unit="bytes", help="bytes a round, at least 256; 0: MTU + 14")
target = Param(5000000, min=0, max=10000000000, unit="ns", help="a wait that is always acceptable")
interval = Param(100000000, min=1024, max=10000000000, unit="ns", help="how long a wait may exceed target")
ecn = Param(True, help="mark ECN-capable packets in place of dropping them")
ce_threshold = Param(2199023254528, min=0, max=2199023254528, unit="ns", help="mark what waited longer")  # off
memory_limit = Param(33554432, min=0, max=2147483648, unit="bytes", help="memory of all packets together")
drop_batch = Param(64, min=1, max=10000, unit="packets", help="most packets dropped at once when full")


class Flow(Record):
    epoch: int = 0
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
memory = 0
epoch = 0  # how often the link went down


def quantum_of(ctx):
    return max(256, quantum) if quantum > 0 else ctx.dev.mtu + ETHERNET_BYTES


def bucket_of(skb: Skb, handle):
    # 0 to flows - 1, or -1 when the filters say drop or none matches.
    chosen = skb.priority
    if chosen & MAJOR_MASK != handle or chosen & MINOR_MASK == 0 or chosen & MINOR_MASK > flows:
        found = skb_classify_action(skb, handle)
        if found & ACTION_MASK != 0:
            return -1
        chosen = found >> 32
    if chosen != 0:
        return (chosen & MINOR_MASK) - 1 if chosen & MINOR_MASK <= flows else -1
    return skb.hash * flows >> 32


def count_bytes(key, flow: Flow, len_bytes, packets):
    # Of equally fat flows the one with the lower bucket is the fattest.
    global memory
    memory += packets * ((2 << log2_floor(abs(len_bytes) + 351)) + 256)
    flow.backlog += len_bytes
    queues.set_rank(key, (BYTES_MAX - flow.backlog << 16) + key)


def take(key, flow: Flow):
    skb = queues.pop(key)
    if skb is not None:
        count_bytes(key, flow, -skb.len, -1)
    return skb


def flow_of(key):
    flow = table.lookup_or_init(key)
    if flow is not None and flow.epoch != epoch:
        flow.epoch = epoch
        flow.listed = False
        flow.backlog = 0
        flow.dropping = False
        flow.count = 0
        flow.last_count = 0
        flow.first_above = 0
    return flow


def drop_fattest():
    key = queues.first()
    flow = table.lookup(key)
    if flow is None:
        return -1
    enough = flow.backlog >> 1
    dropped_bytes = 0
    for i in range(drop_batch):
        skb = take(key, flow)
        if skb is None:
            break
        dropped_bytes += skb.len
        drop(skb, "fattest flow")
        flow.count += 1
        if dropped_bytes >= enough:
            break
    return key


def enqueue(skb, ctx):
    key = bucket_of(skb, ctx.classid)
    if key < 0:
        return BYPASS
    flow = flow_of(key)
    if flow is None:
        return DROP
    len_bytes = skb.len
    if not queues.push(key, skb, 0):
        return DROP
    count_bytes(key, flow, len_bytes, 1)
    if not flow.listed:
        flow.listed = True
        flow.deficit = quantum_of(ctx)
        new_flows.push(key)
    if ctx.qlen <= limit and memory <= memory_limit:
        return QUEUED
    return CN if drop_fattest() == key else QUEUED


def newton_step(flow: Flow):
    rest = ((3 << 32) - flow.count * flow.inv_sqrt * flow.inv_sqrt) >> 2
    flow.inv_sqrt = (((rest & LOW_BITS) * flow.inv_sqrt) >> 31) & ONE


def control_law(flow: Flow, start):
    flow.drop_next = start + (((interval >> UNIT_SHIFT) * flow.inv_sqrt) >> 16)


def waited_units(skb: Skb, ctx):
    return (ctx.now >> UNIT_SHIFT) - (skb.enqueued_at >> UNIT_SHIFT)


def stands(flow: Flow, skb: Skb, ctx):
    # Whether the wait has been above target for an interval.
    now = ctx.now >> UNIT_SHIFT
    if waited_units(skb, ctx) < target >> UNIT_SHIFT or ctx.backlog <= ctx.dev.mtu + ETHERNET_BYTES:
        flow.first_above = 0
        return False
    if flow.first_above == 0:
        flow.first_above = now + (interval >> UNIT_SHIFT)
        return False
    return now > flow.first_above


def begin_dropping(flow: Flow, now):
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
    standing = stands(flow, skb, ctx)
    starting = standing and not flow.dropping
    flow.dropping = standing
    while starting or (flow.dropping and now >= flow.drop_next):
        if starting:
            begin_dropping(flow, now)
        else:
            flow.count += 1
            newton_step(flow)
        marked = ecn and mark_ecn(skb)
        if not marked:
            drop(skb, "standing queue")
            skb = take(key, flow)
            if skb is None:
                flow.first_above = 0
                flow.dropping = starting
                return None
            flow.dropping = stands(flow, skb, ctx) or starting
        if flow.dropping and not starting:
            control_law(flow, flow.drop_next)
        if marked:
            break
        starting = False
    if waited_units(skb, ctx) > ce_threshold >> UNIT_SHIFT:
        mark_ecn(skb)
    return skb


def dequeue(ctx):
    while len(new_flows) + len(old_flows) > 0:
        is_new = len(new_flows) > 0
        key = new_flows.peek() if is_new else old_flows.peek()
        if key is None:
            return None
        flow = table.lookup(key)
        if flow is None:
            return None
        if flow.deficit > 0:
            skb = codel_dequeue(key, flow, ctx)
            if skb is not None:
                flow.deficit -= skb.len
                return skb
            # Once round the old flows, so that being new again and again does not pay.
            flow.listed = is_new and len(old_flows) > 0
        else:
            flow.deficit += quantum_of(ctx)
        if is_new:
            new_flows.pop()
        else:
            old_flows.pop()
        if flow.listed:
            old_flows.push(key)
    return None


def reset(ctx):
    global memory, epoch
    memory = 0
    epoch += 1
    while new_flows.pop() is not None or old_flows.pop() is not None:
        pass

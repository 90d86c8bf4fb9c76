"""CoDel: drop at the head when waits have stayed above `target` for an `interval`.

A queue that drains within 100 ms is good, it absorbs bursts; one that stands is only delay. CoDel looks
at how long each packet waited. When that stays above target for an interval it drops one packet, then
the next after interval / sqrt(2), interval / sqrt(3) and so on, until the wait falls below target. It
needs no knowledge of the link's rate. It does badly where one packet lasts longer than target (below
some 2 Mbit/s), and against traffic that does not slow down when it loses packets.

As in the kernel, times count in units of 1024 ns, and 1 / sqrt(count) is a 16-bit fraction improved by
one Newton step a drop: the third drop comes interval / 2 after the second, not interval / sqrt(2).

Source: RFC 8289; include/net/codel_impl.h, net/sched/sch_codel.c.
"""

UNIT_SHIFT = 10
ETHERNET_BYTES = 14
ONE = 65535  # 1.0 as a 16-bit fraction
LOW_BITS = (1 << 47) - 1  # all that the 16-bit result depends on

limit = Param(1000, min=0, max=1000000, unit="packets", help="packets it may hold")
target = Param(5000000, min=0, max=10000000000, unit="ns", help="a wait that is always acceptable")
interval = Param(100000000, min=1024, max=10000000000, unit="ns", help="how long a wait may exceed target")
ecn = Param(False, help="mark ECN-capable packets in place of dropping them")
ce_threshold = Param(2199023254528, min=0, max=2199023254528, unit="ns", help="mark what waited longer")  # off

queue = SkbMap(max_entries=1000000)

dropping = False
count = 0
last_count = 0
inv_sqrt = 0  # 1 / sqrt(count) as a 16-bit fraction
first_above = 0  # when the wait will have been above target for an interval; 0: it is not above
drop_next = 0


def now_units(ctx):
    return ctx.now >> UNIT_SHIFT


def waited_units(skb: Skb, ctx):
    return now_units(ctx) - (skb.enqueued_at >> UNIT_SHIFT)


def newton_step():
    # x * (3 - count * x * x) / 2 in fixed point
    global inv_sqrt
    rest = ((3 << 32) - count * inv_sqrt * inv_sqrt) >> 2
    inv_sqrt = (((rest & LOW_BITS) * inv_sqrt) >> 31) & ONE


def control_law(start):
    return start + (((interval >> UNIT_SHIFT) * inv_sqrt) >> 16)


def stands(skb: Skb, ctx):
    # Whether the wait has been above target for an interval.
    global first_above
    if waited_units(skb, ctx) < target >> UNIT_SHIFT or ctx.backlog <= ctx.dev.mtu + ETHERNET_BYTES:
        first_above = 0
        return False
    if first_above == 0:
        first_above = now_units(ctx) + (interval >> UNIT_SHIFT)
        return False
    return now_units(ctx) > first_above


def begin_dropping(now):
    global count, last_count, inv_sqrt, drop_next
    # Back soon after the last time: go on at about the pace that worked then.
    if count - last_count > 1 and now - drop_next < 16 * (interval >> UNIT_SHIFT):
        count = count - last_count
        newton_step()
    else:
        count = 1
        inv_sqrt = ONE
    last_count = count
    drop_next = control_law(now)


def enqueue(skb, ctx):
    if ctx.qlen >= limit:
        return DROP
    if not queue.push(skb, 0):
        return DROP
    return QUEUED


def dequeue(ctx):
    global dropping, count, first_above, drop_next
    now = now_units(ctx)
    skb = queue.pop()
    if skb is None:
        dropping = False
        return None
    standing = stands(skb, ctx)
    starting = standing and not dropping
    dropping = standing
    while starting or (dropping and now >= drop_next):
        if starting:
            begin_dropping(now)
        else:
            count += 1
            newton_step()
        marked = ecn and mark_ecn(skb)
        if not marked:
            drop(skb, "standing queue")
            skb = queue.pop()
            if skb is None:
                first_above = 0
                dropping = starting
                return None
            dropping = stands(skb, ctx) or starting
        if dropping and not starting:
            drop_next = control_law(drop_next)
        if marked:
            break
        starting = False
    if waited_units(skb, ctx) > ce_threshold >> UNIT_SHIFT:
        mark_ecn(skb)
    return skb

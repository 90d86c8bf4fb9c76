"""Token bucket: `rate` on average, `burst` bytes at once, at most `peakrate` in between.

A packet leaves when the bucket holds its length in tokens; tokens come at `rate` and at most `burst`
of them are kept. With `peakrate` a second, small bucket of `mtu` bytes limits how fast a burst runs.
Use it to own the bottleneck: the queue then stands here, where it can be managed by a child qdisc,
and not in a modem. Too small a burst drops large packets for ever: what is larger than the bucket is
refused.

Tokens are counted in nanoseconds of link time, and a length becomes a time by one multiplication and
a shift, rounded down, as the kernel does it. The child is peeked at, so the packet that has to wait is
chosen before its tokens are there. Left out: link layer tables, and `latency` in place of `limit`.

Source: net/sched/sch_tbf.c, psched_ratecfg_precompute() in net/sched/sch_generic.c.
"""

rate = Param(1000000, min=8, max=1000000000000, unit="bits_per_second", help="tokens come at this rate")
burst = Param(3000, min=1, max=1073741824, unit="bytes", help="depth of the bucket")
limit = Param(30000, min=0, max=1073741824, unit="bytes", help="bytes that may wait (limit of the default child)")
peakrate = Param(0, min=0, max=1000000000000, unit="bits_per_second", help="fastest a burst may run; 0: as the device")
mtu = Param(1514, min=1, max=1048576, unit="bytes", help="depth of the peakrate bucket (minburst)")
mpu = Param(0, min=0, max=65535, unit="bytes", help="a packet costs at least so much")
overhead = Param(0, min=0, max=65535, unit="bytes", help="added to every packet's length")


class Rate(Record):
    bits_per_second: int = 0
    mult: int = 1
    shift: int = 0


rates = ArrayMap(max_entries=2, value=Rate)
bucket_ns = 0
tokens_ns = 0
peak_bucket_ns = 0
peak_tokens_ns = 0
checked_ns = 0
sum_of_settings = 0

children = Children(1, kind="bfifo", limit=limit)


def precompute(r: Rate, bits_per_second):
    # The largest 31-bit multiplier for "ns = bytes * mult >> shift".
    r.bits_per_second = bits_per_second
    r.mult = 1
    r.shift = 0
    bytes_per_second = bits_per_second // 8
    if bytes_per_second == 0:
        return
    factor = 1000000000
    r.mult = factor // bytes_per_second
    while r.mult < 1 << 31 and factor < 1 << 62:
        factor = factor << 1
        r.shift += 1
        r.mult = factor // bytes_per_second


def length_ns(r: Rate, len_bytes):
    return max(len_bytes + overhead, mpu) * r.mult >> r.shift


def configure(ctx):
    # As a fresh qdisc: full buckets at the present settings.
    global bucket_ns, tokens_ns, peak_bucket_ns, peak_tokens_ns, checked_ns, sum_of_settings
    slow = rates.lookup(0)
    fast = rates.lookup(1)
    if slow is None or fast is None:
        return
    precompute(slow, rate)
    precompute(fast, peakrate)
    bucket_ns = length_ns(slow, burst)
    tokens_ns = bucket_ns
    peak_bucket_ns = length_ns(fast, mtu)
    peak_tokens_ns = peak_bucket_ns
    checked_ns = ctx.now
    sum_of_settings = settings()


def settings():
    return rate * 31 + burst * 37 + peakrate * 41 + mtu * 43 + mpu * 47 + overhead


def init(ctx):
    configure(ctx)


def reset(ctx):
    configure(ctx)


def enqueue(skb, ctx):
    if skb.len > burst or (peakrate > 0 and skb.len > mtu):
        return DROP
    ctx.classid = ctx.classid + 1
    return PASS


def dequeue(ctx):
    global tokens_ns, peak_tokens_ns, checked_ns
    if settings() != sum_of_settings:
        configure(ctx)
    head = child_peek(ctx.classid + 1)
    slow = rates.lookup(0)
    fast = rates.lookup(1)
    if head is None or slow is None or fast is None:
        return None
    passed_ns = min(ctx.now - checked_ns, bucket_ns)
    peak_left_ns = 0
    if peakrate > 0:
        peak_left_ns = min(passed_ns + peak_tokens_ns, peak_bucket_ns) - length_ns(fast, head.len)
    left_ns = min(passed_ns + tokens_ns, bucket_ns) - length_ns(slow, head.len)
    if left_ns < 0 or peak_left_ns < 0:
        ctx.delay = max(-left_ns, -peak_left_ns)
        return THROTTLE
    checked_ns = ctx.now
    tokens_ns = left_ns
    peak_tokens_ns = peak_left_ns
    return child_dequeue(ctx.classid + 1)

"""Token bucket: `rate` on average, `burst` bytes at once, at most `peakrate` in between.

A packet leaves when the bucket holds its length in tokens; tokens come at `rate` and at most `burst`
of them are kept. With `peakrate` a second, small bucket of `mtu` bytes limits how fast a burst runs.
Use it to own the bottleneck: the queue then stands here, where it can be managed by a child qdisc,
and not in a modem. Too small a burst drops large packets for ever: what is larger than the bucket is
refused.

Tokens are counted in nanoseconds of link time, and a length becomes a time by one multiplication and
a shift, rounded down, as the kernel does it. The child is peeked at, so the packet that has to wait is
chosen before its tokens are there. `latency` may stand for `limit`; left out are link layer tables.

Source: net/sched/sch_tbf.c, psched_ratecfg_precompute() in net/sched/sch_generic.c.
"""

NS_PER_S = 1000000000

rate = Param(1000000, min=8, max=1000000000000, unit="bits_per_second", help="tokens come at this rate")
burst = Param(3000, min=1, max=1073741824, unit="bytes", help="depth of the bucket")
limit = Param(0, min=0, max=1073741824, unit="bytes", help="bytes the child may hold; 0: txqueuelen x (MTU + 14)")
latency = Param(0, min=0, max=3600000000000, unit="ns", help="longest wait, in place of limit; 0: none")
peakrate = Param(0, min=0, max=1000000000000, unit="bits_per_second", help="fastest a burst may run; 0: as the device")
mtu = Param(1514, min=1, max=1048576, unit="bytes", help="depth of the peakrate bucket (minburst)")
mpu = Param(0, min=0, max=65535, unit="bytes", help="a packet costs at least so much")
overhead = Param(0, min=0, max=65535, unit="bytes", help="added to every packet's length")

children = Children(1, kind="bfifo", limit=limit)

# The settings that what follows was computed from.
used_rate = 0
used_burst = 0
used_peakrate = 0
used_mtu = 0
# ns = bytes * mult >> shift
mult = 1
shift = 0
peak_mult = 1
peak_shift = 0
bucket_ns = 0
peak_bucket_ns = 0

tokens_ns = 0
peak_tokens_ns = 0
checked_ns = 0


def shift_for(bytes_per_second):
    # The one that leaves a multiplier of 31 bits.
    bits = 0
    while bits < 33 and (NS_PER_S << bits) // bytes_per_second < 1 << 31:
        bits += 1
    return bits


def configure(ctx):
    # As a fresh qdisc: full buckets at the present settings.
    global used_rate, used_burst, used_peakrate, used_mtu, mult, shift, peak_mult, peak_shift
    global bucket_ns, peak_bucket_ns, tokens_ns, peak_tokens_ns, checked_ns
    used_rate = rate
    used_burst = burst
    used_peakrate = peakrate
    used_mtu = mtu
    shift = shift_for(rate // 8)
    mult = (NS_PER_S << shift) // (rate // 8)
    bucket_ns = length_ns(burst)
    if peakrate >= 8:
        peak_shift = shift_for(peakrate // 8)
        peak_mult = (NS_PER_S << peak_shift) // (peakrate // 8)
        peak_bucket_ns = peak_length_ns(mtu)
    tokens_ns = bucket_ns
    peak_tokens_ns = peak_bucket_ns
    checked_ns = ctx.now


def length_ns(len_bytes):
    return max(len_bytes + overhead, mpu) * mult >> shift


def peak_length_ns(len_bytes):
    return max(len_bytes + overhead, mpu) * peak_mult >> peak_shift


def init(ctx):
    configure(ctx)


def reset(ctx):
    configure(ctx)


def enqueue(skb, ctx):
    if skb.len > burst or (peakrate > 0 and skb.len > mtu):
        return DROP
    if latency > 0 and ctx.backlog + skb.len > rate // 8 * latency // NS_PER_S + burst:
        return DROP
    ctx.classid = ctx.classid + 1
    return PASS


def dequeue(ctx):
    global tokens_ns, peak_tokens_ns, checked_ns
    if rate != used_rate or burst != used_burst or peakrate != used_peakrate or mtu != used_mtu:
        configure(ctx)
    head = child_peek(ctx.classid + 1)
    if head is None:
        return None
    passed_ns = min(ctx.now - checked_ns, bucket_ns)
    left_ns = min(passed_ns + tokens_ns, bucket_ns) - length_ns(head.len)
    peak_left_ns = 0
    if peakrate > 0:
        peak_left_ns = min(passed_ns + peak_tokens_ns, peak_bucket_ns) - peak_length_ns(head.len)
    if left_ns < 0 or peak_left_ns < 0:
        ctx.delay = max(-left_ns, -peak_left_ns)
        return THROTTLE
    checked_ns = ctx.now
    tokens_ns = left_ns
    peak_tokens_ns = peak_left_ns
    return child_dequeue(ctx.classid + 1)

"""Deficit round robin between classes: each sends `quantum` bytes a round.

Classes with packets stand in a ring. The one in front sends while its packet fits its deficit; then it
gets a quantum and goes to the back. What is left of a deficit carries over, so that shares are exact
in the long run whatever the packet sizes: over any stretch two busy classes differ by at most one
quantum and two packets. Delay is its weak side: a class may wait for a full round of all the others.

There is no default class: a packet that no filter claims is dropped.

Source: net/sched/sch_drr.c; Shreedhar and Varghese, "Efficient Fair Queuing Using Deficit Round-Robin",
1996.
"""

ETHERNET_BYTES = 14


class Class(ClassRecord):
    quantum = Param(0, min=0, max=1000000, unit="bytes", help="bytes a round; 0: MTU + 14")
    deficit: int = 0
    active: bool = False


ring = Queue(max_entries=1024)


def quantum_of(cl: Class, ctx):
    return cl.quantum if cl.quantum > 0 else ctx.dev.mtu + ETHERNET_BYTES


def enqueue(skb, ctx):
    cl = class_of(skb.priority)
    if cl is None:
        cl = class_of(skb_classify(skb, ctx.classid))
    if cl is None:
        return BYPASS
    if not child_enqueue(skb, cl.classid):
        return CN
    if not cl.active:
        cl.active = True
        cl.deficit = quantum_of(cl, ctx)
        ring.push(cl.classid)
    return QUEUED


def dequeue(ctx):
    classid = ring.peek()
    while classid is not None:
        cl = class_of(classid)
        head = child_peek(classid)
        if cl is None:
            ring.pop()
        elif head is None:
            if child_qlen(classid) > 0:
                return None  # a child that throttles holds up the round, which Linux warns of
            cl.active = False
            ring.pop()
        elif head.len <= cl.deficit:
            cl.deficit -= head.len
            skb = child_dequeue(classid)
            if child_qlen(classid) == 0:
                cl.active = False
                ring.pop()
            return skb
        else:
            cl.deficit += quantum_of(cl, ctx)
            ring.pop()
            ring.push(classid)
        classid = ring.peek()
    return None


def reset(ctx):
    while len(ring) > 0:
        ring.pop()
    for cl in classes():
        cl.active = False

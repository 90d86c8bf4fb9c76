"""Change: something done to the running simulation from outside: scenario events, live edits, tc lines."""

from __future__ import annotations

from sandbox.core.dialect import Array, List, record
from sandbox.core.filters import Filter
from sandbox.core.flowmap import FlowMap
from sandbox.core.instance import Instance
from sandbox.core.kinds import (
    D_REPLACED,
    E_BURST,
    E_FLOW,
    E_LINK,
    E_MAP,
    E_PARAM,
    E_RATE,
    E_TC,
    EVENT,
    LINK,
    PURGE,
)
from sandbox.core.netdev import Netdev
from sandbox.core.qdisc import Qdisc
from sandbox.core.sim import Sim
from sandbox.core.skb import Skb
from sandbox.core.skbmap import SkbMap
from sandbox.core.sources import ONOFF, SCRIPT

TC_FILTER_ADD, TC_FILTER_DEL, TC_GRAFT = 1, 2, 3


@record
class Change:
    """One change. Which fields count depends on `kind` (kinds.E_…) and, for E_TC, on `tc`."""

    kind: int
    event: int  # number of the scenario's event it belongs to
    place: int
    index: int = 0  # ifindex, source, table or parameter by kind
    on: bool = True
    value: int = 0
    values: Array[int] | None = None
    interval_ns: int = 0
    packets: int = 0
    len_bytes: int = 0
    key: int = 0
    tc: int = 0
    instance: Instance | None = None
    qdisc: Qdisc | None = None
    classid: int = 0
    filter: Filter | None = None


def apply(sim: Sim, change: Change) -> None:
    """Carry out a change at the current time."""
    if change.kind == E_LINK:
        device = sim.devices[change.index - 1]
        if change.on:
            link_up(sim, device)
        else:
            link_down(sim, device)
        return
    sim.trace.row(0, EVENT, change.kind, change.place, change.value, 0, 0, change.event)
    if change.kind == E_RATE:
        sim.devices[change.index - 1].set_rate(change.value)
        _tell_rate(sim, sim.devices[change.index - 1])
    elif change.kind == E_FLOW:
        _switch_flow(sim, change)
    elif change.kind == E_BURST:
        _burst(sim, change)
    elif change.kind == E_PARAM:
        _set_param(change)
    elif change.kind == E_MAP:
        _update_map(change)
    elif change.kind == E_TC:
        _tc(sim, change)


def _tell_rate(sim: Sim, device: Netdev) -> None:
    for i in range(len(sim.qdiscs)):
        if sim.qdiscs[i].ifindex == device.ifindex:
            sim.qdiscs[i].ctx.dev_rate_bps = device.rate_bps
    sim.hook_ctx[device.ifindex - 1].dev_rate_bps = device.rate_bps


def _switch_flow(sim: Sim, change: Change) -> None:
    source = sim.sources[change.index]
    if change.value > 0 or change.interval_ns > 0:
        source.set_pace(change.value, change.interval_ns)
    if change.on and not source.on and source.kind != SCRIPT and source.kind != ONOFF:
        sim.plan(source, sim.now_ns)
    source.on = change.on


def _burst(sim: Sim, change: Change) -> None:
    source = sim.sources[change.index]
    for _ in range(change.packets):
        len_bytes = change.len_bytes
        if len_bytes == 0:
            len_bytes = source.expected_len() if source.kind == SCRIPT else source.pick_len()
        sim.send(source, sim.make(source, len_bytes))
        sim.ask()


def _set_param(change: Change) -> None:
    """Replace a parameter's value; it takes effect at the next call of the program."""
    instance = change.instance
    qdisc = change.qdisc
    if instance is not None:
        if change.values is None:
            instance.params[change.index] = change.value
        else:
            for i in range(len(change.values)):
                instance.params[change.index][i] = change.values[i]
    elif qdisc is not None:
        base = qdisc.classes.class_of(change.classid)
        if base >= 0:
            qdisc.classes.write(base, change.index, change.value, 0)


def _update_map(change: Change) -> None:
    instance = change.instance
    assert instance is not None
    table = instance.tables[change.index]
    if not change.on:
        table.delete(change.key, 0)
    elif change.values is not None:
        base = table.lookup_or_init(change.key, 0)
        if base >= 0:
            for i in range(len(change.values)):
                table.write(base, i, change.values[i], 0)
    table.settle()


def _tc(sim: Sim, change: Change) -> None:
    qdisc = change.qdisc
    assert qdisc is not None
    if change.tc == TC_FILTER_ADD:
        assert change.filter is not None
        _insert_filter(qdisc, change.filter)
    elif change.tc == TC_FILTER_DEL:
        for i in range(len(qdisc.filters) - 1, -1, -1):
            if change.value == 0 or qdisc.filters[i].prio == change.value:
                qdisc.filters.pop(i)
    elif change.tc == TC_GRAFT:
        _graft(sim, qdisc)


def _insert_filter(qdisc: Qdisc, new: Filter) -> None:
    """Put a filter behind all of its priority and before those of the next."""
    at = len(qdisc.filters)
    while at > 0 and qdisc.filters[at - 1].prio > new.prio:
        at -= 1
    qdisc.filters.insert(at, new)


def _graft(sim: Sim, qdisc: Qdisc) -> None:
    """Attach a qdisc that was built beforehand in the place of the one that is there; its packets are dropped."""
    device = sim.devices[qdisc.ifindex - 1]
    parent = qdisc.parent
    old: Qdisc | None = None
    if parent is not None:
        tc_class = parent.classes.find(qdisc.parent_classid)
        if tc_class is not None:
            old = tc_class.child
            tc_class.child = qdisc
    elif qdisc.queue >= 0:
        old = device.queues[qdisc.queue].root
        device.queues[qdisc.queue].root = qdisc
    else:
        old = device.shared_root
        device.shared_root = qdisc
        for i in range(len(device.queues)):
            if device.queues[i].root is not None:
                old = device.queues[i].root
            device.queues[i].root = None
    qdisc.alive = True
    if old is not None:
        _retire(sim, old)
    device.instances.append(qdisc.instance)
    if qdisc.instance.users[0] is qdisc:
        qdisc.run_init()
    device.asked = True


def _retire(sim: Sim, old: Qdisc) -> None:
    """Take a qdisc and its children out of service."""
    old.alive = False
    old.watchdog_key = 0
    old.timer_key = 0
    gone: List[Skb] = List()
    _take_held(old, gone)
    still_used = False
    for i in range(len(old.instance.users)):
        if old.instance.users[i].alive:
            still_used = True
    if not still_used:
        purge_instance(old.instance, 0, gone)
    for i in range(len(gone)):
        sim.drop(gone[i], D_REPLACED, old.place, 0, 0)
    for i in range(len(old.classes.items)):
        child = old.classes.items[i].child
        if child is not None and child.alive:
            _retire(sim, child)


def _take_held(qdisc: Qdisc, gone: List[Skb]) -> None:
    """Take the packets a qdisc holds outside its maps: one peeked at, one whose ring was full."""
    peeked = qdisc.peeked
    if peeked is not None:
        qdisc.peeked = None
        qdisc.instance.gauge.sub(peeked.len)
        gone.append(peeked)
    requeued = qdisc.requeued
    if requeued is not None:
        qdisc.requeued = None
        qdisc.instance.gauge.sub(requeued.len)
        gone.append(requeued)


def purge_instance(instance: Instance, ifindex: int, gone: List[Skb]) -> None:
    """Take a device's packets (0 = all) out of every skb map of an instance."""
    for i in range(len(instance.skb_maps)):
        instance.skb_maps[i].purge(ifindex, gone)
    for i in range(len(instance.skb_arrays)):
        _purge_inner(instance.skb_arrays[i].inner, ifindex, gone)
    for i in range(len(instance.skb_hashes)):
        _purge_inner(instance.skb_hashes[i].inner, ifindex, gone)
        instance.skb_hashes[i].recount()
    for i in range(len(instance.flow_maps)):
        _purge_flows(instance.flow_maps[i], ifindex, gone)


def _purge_inner(inner: Array[SkbMap], ifindex: int, gone: List[Skb]) -> None:
    for k in range(len(inner)):
        if inner[k].length > 0:
            inner[k].purge(ifindex, gone)


def _purge_flows(one: FlowMap, ifindex: int, gone: List[Skb]) -> None:
    for k in range(len(one.flows)):
        packets = one.flows[k].packets
        if packets.length > 0:
            packets.purge(ifindex, gone)


def link_up(sim: Sim, device: Netdev) -> None:
    """Bring a device up; whatever waits in maps may leave again."""
    sim.trace.row(0, LINK, 1, device.place, 0, 0, 0, 0)
    device.up = True
    device.asked = True


def link_down(sim: Sim, device: Netdev) -> None:
    """Take a device down: its packets leave every map and ring, then its qdiscs' reset runs.

    Source: NETDEV_DOWN in the series (skbs whose dev is the device are freed, others stay); qdisc_reset of the kernel.
    """
    sim.trace.row(0, LINK, 0, device.place, 0, 0, 0, 0)
    device.up = False
    gone: List[Skb] = List()
    for i in range(len(sim.instances)):
        purge_instance(sim.instances[i], device.ifindex, gone)
    for i in range(len(sim.qdiscs)):
        if sim.qdiscs[i].ifindex == device.ifindex:
            first = len(gone)
            _take_held(sim.qdiscs[i], gone)
            for k in range(first, len(gone)):
                sim.trace.row(gone[k].id, PURGE, 0, sim.qdiscs[i].place, 0, 0, 0, 0)
    device.flush(gone)
    for i in range(len(gone)):
        gone[i].stats.purged += 1
        device.purged += 1
        sim.pool.give(gone[i])
    for i in range(len(sim.qdiscs)):
        qdisc = sim.qdiscs[i]
        if qdisc.alive and qdisc.ifindex == device.ifindex:
            qdisc.run_reset()

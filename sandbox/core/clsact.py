"""Clsact: the egress program of a device, which sees every packet before its qdisc."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.core.instance import CALL_FUEL, Instance
from sandbox.core.kinds import D_EGRESS, DROP, EGRESS, HELD, OK, STOLEN
from sandbox.core.netdev import Netdev
from sandbox.core.skb import Skb

if TYPE_CHECKING:
    from sandbox.core.sim import Sim


def run_egress(sim: Sim, device: Netdev, instance: Instance, skb: Skb) -> bool:
    """Run a device's egress program; False when the packet goes no further."""
    ident = skb.id
    sim.current_skb = ident
    ctx = sim.hook_ctx[device.ifindex - 1]
    ctx.now = sim.now_ns
    ctx.classid = 0
    instance.running = None
    instance.entering = True
    instance.fuel[0] = CALL_FUEL
    skb.enqueued_at = sim.now_ns
    assert instance.egress is not None
    sim.caller = instance
    code: int = instance.egress(skb, ctx)
    instance.entering = False
    verdict = code & 255
    line = code >> 8
    place = sim.hook_places[device.ifindex - 1]
    sim.trace.row(ident, EGRESS, verdict, place, 0, line, 0, 0)
    sim.burn(CALL_FUEL - instance.fuel[0], line)
    instance.settle()
    held = skb.state == HELD and skb.id == ident
    if verdict == OK:
        return held
    if verdict == STOLEN:
        if held:
            sim.steal(skb, place, line)
    elif verdict == DROP and held:
        device.drops += 1
        sim.drop(skb, D_EGRESS, place, line, 0)
    return False

"""Classifier: a program that runs as a tc bpf filter, for whoever classifies a packet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.core.instance import CALL_FUEL, Instance
from sandbox.core.kinds import HELD
from sandbox.core.skb import Skb

if TYPE_CHECKING:
    from sandbox.core.qdisc import Qdisc
    from sandbox.core.sim import Sim


def run_classifier(sim: Sim, instance: Instance, skb: Skb, qdisc: Qdisc, line: int) -> int:
    """Return a classid, 0 for no match, -1 for STOLEN.

    The instance may be the caller's own, which goes on where it was. What is stolen is gone for the caller.
    """
    caller = sim.caller
    running = instance.running
    left = instance.fuel[0]
    sim.caller = instance
    instance.running = qdisc
    instance.fuel[0] = CALL_FUEL
    qdisc.ctx.now = sim.now_ns
    assert instance.classify is not None
    answer: int = instance.classify(skb, qdisc.ctx)
    used = CALL_FUEL - instance.fuel[0]
    instance.fuel[0] = left
    instance.running = running
    sim.caller = caller
    if caller is not instance:
        instance.settle()
    sim.burn(used, line)
    if answer < 0 and skb.state == HELD:
        sim.steal(skb, qdisc.place, line)
    return answer

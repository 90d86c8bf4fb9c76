"""Pieces of a core without programs, for tests of maps."""

from sandbox.core.dialect import Array, List
from sandbox.core.gauge import Gauge
from sandbox.core.headers import Header
from sandbox.core.instance import Instance
from sandbox.core.rng import Rng
from sandbox.core.sim import Sim
from sandbox.core.skb import LEVELS_MAX, SkbPool
from sandbox.core.skbmap import SkbMap
from sandbox.core.skbtree import SkbTree
from sandbox.core.trace import Trace


def make_sim(kept: bool = True) -> Sim:
    trace = Trace(kept)
    trace.open()
    pool = SkbPool(levels=LEVELS_MAX, uses_cb=True)
    pool.open()
    sim = Sim(trace, pool, 1, 10**9, 10**6)
    sim.open()
    return sim


def make_instance(sim: Sim) -> Instance:
    instance = Instance(sim, 0, 0, Gauge(), Rng(1))
    instance.open()
    return instance


def make_map(instance, entries=10**6, tree=False, less=None, slot=0) -> SkbMap:
    shape = SkbTree(less is not None) if tree or less is not None else None
    if less is not None:
        shape.less = less
    one = SkbMap(instance.sim.trace, instance, instance.gauge, 0, slot, entries, shape)
    one.heap = List()
    return one


def make_skb(sim: Sim, len_bytes: int = 100, ifindex: int = 1):
    skb = sim.pool.take()
    skb.len = len_bytes
    skb.ifindex = ifindex
    return skb


def plain_header(data: bytes, l3: int = 14, version: int = 4, protocol: int = 17) -> Header:
    return Header(Array(list(data)), l3, version, protocol)

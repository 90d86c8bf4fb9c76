"""Hooks: egress programs and filters, which name programs of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.build.instances import Built, build_instance
from sandbox.build.programs import Loaded
from sandbox.build.values import values_of
from sandbox.core.dialect import Array
from sandbox.core.filters import ACT_DROP, ACT_NONE, ACT_OK, Filter
from sandbox.scenario import model
from sandbox.scenario.model import Device, Options, ProgramRef

if TYPE_CHECKING:
    from sandbox.build.network import Network

ACTIONS = {"": ACT_NONE, "pass": ACT_OK, "drop": ACT_DROP}


def add_egress(network: Network, egress: model.Egress) -> None:
    """Attach the clsact program of a device."""
    loaded = network.programs.of(egress.program)
    if loaded is None:
        return
    if loaded.program.function("egress") is None:
        message = f'egress {egress.device}: program "{loaded.name}" has no egress function'
        network.note("not-an-egress", message, egress.line)
        return
    device = network.model_device(egress.device)
    netdev = network.device(egress.device)
    built = _instance(network, egress.program, loaded, device, f"{egress.device} egress")
    netdev.egress = built.instance
    ctx = network.context(built, netdev, device)
    network.sim.hook_ctx[netdev.ifindex - 1] = ctx
    network.sim.hook_places[netdev.ifindex - 1] = network.places.add(
        "egress",
        egress.device,
        program=loaded.name,
        parent=netdev.place,
        instance=built.instance.place,
    )


def _instance(
    network: Network, ref: ProgramRef, loaded: Loaded, device: Device, target: str
) -> Built:
    if ref.origin == "shared":
        return network.shared(ref, loaded, device)
    params = values_of(
        loaded.program.params, Options(), device, target, network.overrides, network.problems
    )
    built = build_instance(network.sim, network.places, loaded, target, params, None)
    network.built[target] = built
    return built


def add_filter(network: Network, given: model.Filter, *, attach: bool = True) -> Filter | None:
    """Build a filter and hang it on its qdisc."""
    qdisc = network.qdiscs.get((given.device, given.parent & 0xFFFF0000))
    if qdisc is None:
        return None
    classifier = None
    if given.program is not None:
        loaded = network.programs.of(given.program)
        if loaded is None:
            return None
        if loaded.program.function("classify") is None:
            message = f'filter: program "{loaded.name}" has no classify function'
            network.note("not-a-classifier", message, given.line)
            return None
        device = network.model_device(given.device)
        target = f"{given.device} filter {network.filter_count}"
        classifier = _instance(network, given.program, loaded, device, target).instance
    flows = [flow.name for flow in network.scenario.flows]
    made = Filter(
        network.filter_count,
        given.parent,
        given.prio or 1 << 32,
        given.protocol,
        given.classid,
        ACTIONS[given.action],
        Array([key.offset for key in given.keys]),
        Array([key.mask for key in given.keys]),
        Array([key.value for key in given.keys]),
        Array([int(key.transport) for key in given.keys]),
        given.mark,
        given.mark_mask,
        flows.index(given.flow) if given.flow else -1,
        given.vlan,
        given.priority,
        classifier,
    )
    network.filter_count += 1
    if attach:
        qdisc.filters.append(made)
    return made

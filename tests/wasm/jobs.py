"""Random jobs: devices, traffic, programs and events together, short enough to run twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from sandbox.build.programs import library_names
from sandbox.protocol import Job
from tests.compiler.generated import program_texts
from tests.compiler.samples import EVERYTHING

MAIN = "main.qdisc.py"
SIZES = ('"1000b"', '"imix"', '["64b", "1500b"]')
PRIORITIES = ("0", "1", "5", '"1:1"', '"1:2"', '"8001:3"')
Draw = Callable[[Any], Any]


def _device(draw: Draw, name: str) -> str:
    lines = [f"[device.{name}]", f'rate = "{draw(st.sampled_from(["1mbit", "8mbit", "100mbit"]))}"']
    lines.append(f"tx_queues = {draw(st.sampled_from([1, 1, 1, 3]))}")
    lines.append(f"ring = {draw(st.sampled_from([1, 1, 2, 5]))}")
    lines.append(f"txqueuelen = {draw(st.sampled_from([3, 20, 1000]))}")
    if draw(st.booleans()):
        lines += [
            f'delay = "{draw(st.integers(0, 9))}ms"',
            f'jitter = "{draw(st.integers(0, 5))}ms"',
        ]
        lines.append(f'loss = "{draw(st.sampled_from([0, 0, 10]))}%"')
    return "\n".join(lines)


def _flow(draw: Draw, name: str, device: str) -> str:
    model = draw(st.sampled_from(["cbr", "poisson", "onoff", "burst", "script"]))
    parts = [f'model = "{model}"', f'device = "{device}"']
    if model in ("cbr", "poisson", "onoff"):
        parts.append(draw(st.sampled_from(['rate = "6mbit"', 'interval = "700us"', "pps = 3000"])))
    if model == "onoff":
        shape = draw(st.sampled_from(["exponential", "pareto", "constant"]))
        parts += ['on = "5ms"', 'off = "3ms"', f'distribution = "{shape}"']
        parts += ["shape = 1.3"] if shape == "pareto" else []
    if model == "burst":
        parts += [f"burst = {draw(st.integers(1, 12))}", 'period = "9ms"']
    if model == "script":
        parts.append('times = ["0ms", ["1ms", "200b"], ["1ms", "900b"], "7ms"]')
        parts.append(f"loop = {draw(st.sampled_from(['true', 'false']))}")
    else:
        parts.append("size = " + draw(st.sampled_from(SIZES)))
    parts.append(f"mark = {draw(st.integers(0, 9))}")
    parts.append("priority = " + draw(st.sampled_from(PRIORITIES)))
    parts.append(f'ecn = "{draw(st.sampled_from(["not-ect", "ect0", "ect1"]))}"')
    parts.append(f'l4 = "{draw(st.sampled_from(["udp", "tcp"]))}"')
    if draw(st.booleans()):
        parts += ['src = "fd00::7"', 'dst = "fd00::9"'] if draw(st.booleans()) else ["vlan = 5"]
    if draw(st.booleans()):
        parts.append(f'deadline = "{draw(st.integers(1, 9))}ms"')
    return f"{name} = {{ {', '.join(parts)} }}"


def _event(draw: Draw, devices: list[str], flows: list[str]) -> str:
    at = f'at = "{draw(st.integers(0, 30))}ms"\n'
    device = draw(st.sampled_from(devices))
    flow = draw(st.sampled_from(flows))
    return (
        "[[event]]\n"
        + at
        + draw(
            st.sampled_from(
                [
                    f'do = "link-down"\ndevice = "{device}"',
                    f'do = "link-up"\ndevice = "{device}"',
                    f'do = "rate"\ndevice = "{device}"\nrate = "3mbit"',
                    f'do = "flow"\nflow = "{flow}"\non = {draw(st.sampled_from(["true", "false"]))}',
                    f'do = "flow"\nflow = "{flow}"\ninterval = "300us"',
                    f'do = "burst"\nflow = "{flow}"\npackets = {draw(st.integers(1, 40))}',
                ]
            )
        )
    )


GENERATED_EVENTS = (
    'do = "param"\ntarget = "eth0 1:"\nname = "step"\nvalue = 9',
    'do = "param"\ntarget = "eth0 1:"\nname = "weights"\nvalue = [5, 6, 7]',
    'do = "map-update"\ntarget = "eth0 1:"\nmap = "counts"\nkey = 1\nvalue = 77',
    'do = "map-update"\ntarget = "eth0 1:"\nmap = "flows"\nkey = 2\nvalue = [4, 1]',
    'do = "map-update"\ntarget = "eth0 1:"\nmap = "flows"\nkey = 2\ndelete = true',
    'do = "tc"\ntc = "qdisc replace dev eth0 root handle 7: pfifo limit 5"',
)


def _filters(draw: Draw) -> list[str]:
    matches = (
        "match = { mark = 3 }",
        'match = { l4 = "udp" }',
        "match = {}",
        "match = { vlan = 5 }",
    )
    found = []
    for _ in range(draw(st.integers(0, 3))):
        action = draw(st.sampled_from(["", 'action = "drop"', 'action = "pass"']))
        classid = draw(st.sampled_from(["1:1", "1:2", "1:9"]))
        match = draw(st.sampled_from(matches))
        found.append(f'[[filter]]\nparent = "eth0 1:"\n{match}\nclassid = "{classid}"\n{action}')
    return found


@st.composite
def jobs(draw: st.DrawFn) -> Job:
    """Return a job; some are refused, which both engines must do alike."""
    which = draw(st.sampled_from(["generated", "generated", "everything", "library"]))
    devices = ["eth0", "eth1"][: draw(st.integers(1, 2))]
    flows = [f"f{i}" for i in range(draw(st.integers(1, 4)))]
    seed = draw(st.integers(0, 2**40))
    parts = ['title = "t"', f'run = {{ duration = "40ms", seed = {seed} }}']
    parts += [_device(draw, name) for name in devices]
    kind = f'program = "{MAIN}"'
    if which == "library":
        kind = f'kind = "{draw(st.sampled_from(library_names()))}"'
    parts += ["[qdisc]", f'"eth0 1:" = {{ {kind} }}']
    if draw(st.booleans()):
        inner = draw(st.sampled_from(["pfifo", "fq_codel", "sfq", "codel", "stfq"]))
        parts.append(f'"eth0 2:" = {{ parent = "1:1", kind = "{inner}" }}')
    parts += ["[class]", '"eth0 1:1" = { parent = "1:" }', '"eth0 1:2" = { parent = "1:" }']
    parts += ["[flow]", *(_flow(draw, name, draw(st.sampled_from(devices))) for name in flows)]
    parts += _filters(draw)
    parts += [_event(draw, devices, flows) for _ in range(draw(st.integers(0, 4)))]
    if which == "generated":
        for event in draw(st.lists(st.sampled_from(GENERATED_EVENTS), max_size=3)):
            parts.append(f'[[event]]\nat = "{draw(st.integers(0, 30))}ms"\n{event}')
    text = {"generated": program_texts(), "everything": st.just(EVERYTHING)}.get(which)
    programs = {MAIN: draw(text)} if text is not None else {}
    return Job(scenario="\n".join(parts), programs=programs, files={}, trace=draw(st.booleans()))

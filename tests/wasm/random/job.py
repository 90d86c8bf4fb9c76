"""Random jobs by number: a program of the writer on one or two devices, with traffic, filters and events."""

from __future__ import annotations

from random import Random

from sandbox.build.programs import library_names
from sandbox.protocol import Job
from tests.wasm.random.writer import Writer

MAIN = "main.qdisc.py"
TRACE = "time_us,len,flow,mark\n0,200,a,1\n400,1500,b,2\n900,64,a,3\n2000,900,b,4\n"
PACES = ('rate = "6mbit"', 'interval = "700us"', "pps = 3000")
MODELS = {
    "cbr": PACES,
    "poisson": PACES,
    "onoff": tuple(
        f'{pace}, on = "4ms", off = "3ms", distribution = "{kind}"'
        for pace in PACES
        for kind in ("exponential", "constant", 'pareto", shape = "1.3')
    ),
    "burst": ('burst = 9, period = "6ms"', "burst = 20"),
    "script": ('times = ["0ms", ["1ms", "200b"], ["1ms", "900b"], "7ms"], loop = true',),
    "replay": ('file = "trace.csv", loop = true', 'file = "trace.csv", scale = "2.5"'),
}
EVENTS = (
    'do = "link-down"\ndevice = "{device}"',
    'do = "link-up"\ndevice = "{device}"',
    'do = "rate"\ndevice = "{device}"\nrate = "3mbit"',
    'do = "flow"\nflow = "f0"\non = false',
    'do = "flow"\nflow = "f0"\ninterval = "300us"',
    'do = "burst"\nflow = "f0"\npackets = 25\nsize = "400b"',
    'do = "param"\ntarget = "{target}"\nname = "step"\nvalue = 9',
    'do = "param"\ntarget = "{target}"\nname = "weights"\nvalue = [5, 6, 7]',
    'do = "param"\ntarget = "eth0 1:1"\nname = "share"\nvalue = 77',
    'do = "map-update"\ntarget = "{target}"\nmap = "counts"\nkey = 1\nvalue = 77',
    'do = "map-update"\ntarget = "{target}"\nmap = "table"\nkey = 2\nvalue = -4',
    'do = "map-update"\ntarget = "{target}"\nmap = "flows"\nkey = 2\nvalue = [4, 1, 1, 2, 3]',
    'do = "map-update"\ntarget = "{target}"\nmap = "flows"\nkey = 2\ndelete = true',
    'do = "tc"\ntc = "qdisc replace dev eth0 root handle 7: pfifo limit 5"',
    'do = "tc"\ntc = "filter add dev eth0 parent 1: prio 1 handle 3 fw classid 1:2"',
)
MATCHES = (
    "match = { mark = 3 }",
    'match = { l4 = "udp" }',
    "match = {}",
    "match = { vlan = 5 }",
    'match = { src = "10.0.0.0/24", dport = 20001 }',
    'tc = "u32 match ip tos 0 0x03"',
    'tc = "u32 match u16 0x0800 0xffff at -2"',
)


def random_job(number: int) -> Job:
    """Return the job of a number; some are refused, by an event that fits no map of the program."""
    draw = Random(number)
    program = Writer(draw).program()
    shared = draw.random() < 0.25
    egress = "def egress(" in program and draw.random() < 0.8
    name = "one" if shared else MAIN
    devices = ["eth0", "eth1"][: 2 if shared else draw.choice([1, 1, 2])]
    parts = ['title = "t"', f'run = {{ duration = "30ms", seed = {draw.randint(0, 1 << 40)} }}']
    parts += [_device(draw, device) for device in devices]
    parts += ["[program]", f'one = "{MAIN}"'] if shared else []
    parts += ["[qdisc]", f'"eth0 1:" = {{ program = "{name}" }}']
    if shared:
        parts.append(f'"eth1 1:" = {{ program = "{name}" }}')
    elif draw.random() < 0.5:
        kind = draw.choice(library_names())
        parts.append(f'"eth0 2:" = {{ parent = "1:1", kind = "{kind}" }}')
    parts += [
        "[class]",
        '"eth0 1:1" = { parent = "1:" }',
        '"eth0 1:2" = { parent = "1:", share = 3 }',
    ]
    parts += ["[egress]", f'eth0 = "{name}"'] if egress else []
    count = draw.randint(1, 4)
    parts += ["[flow]", *(_flow(draw, f"f{i}", draw.choice(devices)) for i in range(count))]
    parts += [_filter(draw, program, name) for _ in range(draw.randint(0, 3))]
    target = "one" if shared else "eth0 1:"
    for _ in range(draw.randint(0, 4)):
        event = _event(draw, program).format(device=draw.choice(devices), target=target)
        parts.append(f'[[event]]\nat = "{draw.randint(0, 25)}ms"\n{event}')
    return Job(
        scenario="\n".join(parts),
        programs={MAIN: program},
        files={"trace.csv": TRACE.encode()},
        trace=draw.random() < 0.7,
        line_counts=draw.random() < 0.3,
    )


def _device(draw: Random, name: str) -> str:
    lines = [f"[device.{name}]", f'rate = "{draw.choice(["1mbit", "8mbit", "100mbit"])}"']
    lines.append(f"tx_queues = {draw.choice([1, 1, 1, 3])}")
    lines.append(f"ring = {draw.choice([1, 1, 2, 5])}")
    lines.append(f"txqueuelen = {draw.choice([3, 20, 1000])}")
    if draw.random() < 0.4:
        lines.append(f'delay = "{draw.randint(0, 9)}ms"\njitter = "{draw.randint(0, 5)}ms"')
        lines.append(f'loss = "{draw.choice([0, 0, 10])}%"')
    return "\n".join(lines)


def _flow(draw: Random, name: str, device: str) -> str:
    model = draw.choice(list(MODELS))
    parts = [f'model = "{model}"', f'device = "{device}"', draw.choice(MODELS[model])]
    if model == "replay":
        return f"{name} = {{ {', '.join(parts)} }}"
    if model != "script":
        parts.append("size = " + draw.choice(['"1000b"', '"imix"', '["64b", "1500b"]']))
    parts.append(f"mark = {draw.randint(0, 9)}")
    parts.append("priority = " + draw.choice(["0", "1", "5", '"1:1"', '"1:2"', '"8001:3"']))
    parts.append(f'ecn = "{draw.choice(["not-ect", "ect0", "ect1", "ce"])}"')
    parts.append(f'l4 = "{draw.choice(["udp", "tcp"])}"')
    parts.append(draw.choice(['src = "fd00::7", dst = "fd00::9"', "vlan = 5", "dscp = 46"]))
    if draw.random() < 0.3:
        parts.append(f'deadline = "{draw.randint(1, 9)}ms"')
    return f"{name} = {{ {', '.join(parts)} }}"


def _filter(draw: Random, program: str, name: str) -> str:
    if "def classify(" in program and draw.random() < 0.5:
        return f'[[filter]]\nparent = "eth0 1:"\nprogram = "{name}"'
    action = draw.choice(["", 'action = "drop"', 'action = "pass"'])
    classid = draw.choice(["1:1", "1:2", "1:9"])
    return (
        f'[[filter]]\nparent = "eth0 1:"\n{draw.choice(MATCHES)}\nclassid = "{classid}"\n{action}'
    )


def _event(draw: Random, program: str) -> str:
    """Return an event; a map it names is mostly one of the program's."""
    for _ in range(5):
        event = draw.choice(EVENTS)
        named = event.partition('map = "')[2].partition('"')[0]
        if not named or f"\n{named} = " in program:
            break
    return event

"""A scenario text becomes a checked model, or diagnostics that name the line and the cure."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.scenario.load import Loaded, load
from sandbox.scenario.model import (
    ETH_P_IP,
    ETH_P_IPV6,
    MAX_TEXT_BYTES,
    ROOT,
    Key,
    Scenario,
    Size,
)

ROOT_FOLDER = Path(__file__).resolve().parent.parent.parent
HEAD = 'title = "T"\ndevice = { rate = "10mbit" }\n'
FLOW = '[flow]\nbulk = { model = "cbr", rate = "8mbit" }\n'
QDISC = '[qdisc]\n"1:" = { kind = "pfifo" }\n'
BASE = HEAD + FLOW + QDISC


def good(text: str, files: dict[str, bytes] | None = None) -> Scenario:
    loaded = load(text, files)
    assert loaded.model is not None, [one.render() for one in loaded.diagnostics]
    return loaded.model


def rendered(loaded: Loaded) -> str:
    return "\n".join(one.render() for one in loaded.diagnostics)


def test_the_smallest_scenario_has_the_documented_defaults() -> None:
    scenario = good(BASE)
    (device,) = scenario.devices
    assert (device.name, device.rate_bps, device.mtu_bytes) == ("eth0", 10**7, 1500)
    assert (device.ring_packets, device.limit_bytes, device.txqueuelen_packets) == (1, 0, 1000)
    assert (scenario.duration_ns, scenario.seed) == (10 * 10**9, 1)
    (qdisc,) = scenario.qdiscs
    assert (qdisc.device, qdisc.handle, qdisc.parent, qdisc.queue) == ("eth0", 0x10000, ROOT, -1)
    (flow,) = scenario.flows
    assert (flow.sizes, flow.sport, flow.dport) == ((Size(len_bytes=1514),), 10_000, 20_000)
    assert (flow.src_ip, flow.dst_ip) == (0x0A000001, 0x0A000002)


def test_ports_differ_by_flow_as_in_the_kernel_recordings() -> None:
    text = HEAD + QDISC + '[flow]\na = { model = "cbr", pps = 1 }\nb = { model = "cbr", pps = 3 }\n'
    a, b = good(text).flows
    assert (b.sport, b.dport) == (10_001, 20_001)
    assert (a.interval_ns, b.interval_ns) == (10**9, 333_333_333)


def test_several_devices_are_named_and_addressed() -> None:
    scenario = good(
        'title = "T"\n[device.eth0]\nrate = "1mbit"\n[device.eth1]\nrate = "2mbit"\ntx_queues = 2\n'
        '[program]\nboth = "fq.qdisc.py"\n'
        '[qdisc]\n"eth0 1:" = { program = "both" }\n"eth1 1:" = { program = "both", queue = 1 }\n'
        '[egress]\neth0 = "both"\n'
        '[flow]\na = { model = "burst", burst = 3, device = "eth1", queue = 1, vlan = 5 }\n'
    )
    assert [device.rate_bps for device in scenario.devices] == [10**6, 2 * 10**6]
    assert [qdisc.queue for qdisc in scenario.qdiscs] == [-1, 1]
    assert {qdisc.program.origin for qdisc in scenario.qdiscs} == {"shared"}
    assert scenario.programs[0].source == "fq.qdisc.py"
    assert scenario.egress[0].device == "eth0"
    assert (scenario.flows[0].burst_packets, scenario.flows[0].queue) == (3, 1)


def test_a_program_may_stand_in_the_scenario_and_take_parameters() -> None:
    text = BASE.replace('kind = "pfifo"', 'program = "mine"')
    text += "[program]\nmine = { source = '''\n\"\"\"x\"\"\"\n''', params = { limit = 5 } }\n"
    (program,) = good(text).programs
    assert (program.origin, program.options.settings[0].value) == ("inline", 5)


def test_options_stand_in_params_or_beside_the_other_keys() -> None:
    text = HEAD + FLOW + '[qdisc]\n"1:" = { kind = "x", limit = 50, params = { ecn = true } }\n'
    (qdisc,) = good(text).qdiscs
    assert [(s.name, s.value) for s in qdisc.options.settings] == [("limit", 50), ("ecn", True)]


def test_a_match_narrows_the_protocol_and_becomes_words() -> None:
    filters = good(
        BASE + '[[filter]]\nparent = "1:"\nmatch = { dst = "10.0.0.0/8", dport = 80 }\n'
        'classid = "1:1"\n'
        '[[filter]]\nparent = "1:"\nmatch = { flow = "bulk", mark = 3, priority = "1:2" }\n'
        'action = "drop"\n'
        '[[filter]]\nparent = "1:"\nprotocol = "ipv6"\nmatch = { dscp = "ef", l4 = "tcp" }\n'
        'classid = "1:3"\n'
        '[[filter]]\nparent = "1:"\nmatch = {}\nclassid = "1:4"\n'
    ).filters
    assert filters[0].protocol == ETH_P_IP
    assert filters[0].keys == (
        Key(value=0x0A000000, mask=0xFF000000, offset=16),
        Key(value=80, mask=0xFFFF, offset=0, transport=True),
    )
    assert (filters[1].flow, filters[1].mark, filters[1].mark_mask) == ("bulk", 3, 2**32 - 1)
    assert (filters[1].priority, filters[1].action) == (0x10002, "drop")
    assert filters[2].protocol == ETH_P_IPV6
    assert filters[2].keys == (
        Key(value=6 << 8, mask=0xFF00, offset=4),
        Key(value=46 << 22, mask=0x0FC00000, offset=0),
    )
    assert filters[3].keys == ()


def test_a_filter_may_be_written_as_tc_writes_it() -> None:
    text = BASE + '[[filter]]\nparent = "1:"\ntc = "u32 match ip dport 80 0xffff flowid 1:7"\n'
    (found,) = good(text).filters
    assert (found.kind, found.classid, found.protocol) == ("u32", 0x10007, ETH_P_IP)


def test_tc_lines_apply_after_the_tables() -> None:
    scenario = good(
        BASE.replace("[flow]", 'tc = """\n'
        "qdisc change dev eth0 root handle 1: pfifo limit 5\n"
        "qdisc add dev eth0 parent 1:1 handle 2: pfifo\n"
        "qdisc add dev eth0 parent 1:2 pfifo\n"
        "class add dev eth0 parent 1: classid 1:1 pfifo\n"
        "class add dev eth0 parent 1: classid 1:2 pfifo\n"
        "class del dev eth0 classid 1:2\n"
        "filter add dev eth0 root prio 4 matchall classid 1:1\n"
        "filter add dev eth0 parent 1: prio 5 matchall classid 1:2\n"
        "filter del dev eth0 parent 1: prio 5\n"
        '"""\n[flow]')
    )  # fmt: skip
    root, second, third = scenario.qdiscs
    assert [word.text for word in root.options.words] == ["limit", "5"]
    assert (second.handle, third.handle) == (0x20000, 0x80010000)
    assert [one.classid for one in scenario.classes] == [0x10001]
    assert [(one.prio, one.parent) for one in scenario.filters] == [(4, 0x10000)]


def test_tc_words_know_their_line_in_the_scenario() -> None:
    text = HEAD + 'tc = """\nqdisc add dev eth0 root pfifo limit 5\nqdisc bad\n"""\n' + FLOW
    loaded = load(text)
    assert [(one.line, one.column) for one in loaded.diagnostics] == [(5, 7)]
    inline = HEAD + 'tc = "qdisc bad"\n' + FLOW
    assert [(one.line, one.column) for one in load(inline).diagnostics] == [(3, 13)]


def test_every_kind_of_event_is_read() -> None:
    events = good(
        BASE + '[program]\nshared = "pfifo"\n' + "".join(
            f'[[event]]\nat = "{9 - i}ms"\n{body}\n'
            for i, body in enumerate((
                'do = "link-down"', 'do = "link-up"', 'do = "rate"\nrate = "1mbit"',
                'do = "flow"\nflow = "bulk"\non = false',
                'do = "burst"\nflow = "bulk"\npackets = 9',
                'do = "param"\ntarget = "1:"\nname = "limit"\nvalue = 50',
                'do = "map-update"\ntarget = "shared"\nmap = "m"\nkey = -1\nvalue = [1, 2]',
                'do = "map-update"\ntarget = "shared"\nmap = "m"\nkey = 1\ndelete = true',
                'do = "tc"\ntc = "qdisc change dev eth0 root pfifo limit 1"',
            ))
        )
    ).events  # fmt: skip
    by_time = [event.at_ns for event in events]
    assert by_time == sorted(by_time)
    down = next(event for event in events if event.do == "link-down")
    param = next(event for event in events if event.do == "param")
    update = next(event for event in events if event.key == -1)
    assert (down.device, param.target, update.value) == ("eth0", "eth0 1:", (1, 2))
    assert next(event for event in events if event.do == "tc").commands[0].verb == "change"


def test_a_live_event_is_appended_as_if_it_were_written() -> None:
    loaded = load(BASE, events=[{"at": "1s", "do": "rate", "rate": "5mbit"}])
    assert loaded.model is not None
    assert loaded.model.events[0].rate_bps == 5_000_000
    refused = load(BASE, events=[{"at": "1s", "do": "explode"}])
    assert refused.model is None


def test_seed_and_duration_of_the_run_replace_those_of_the_text() -> None:
    loaded = load(BASE, seed=7, duration="3s")
    assert loaded.model is not None
    assert (loaded.model.seed, loaded.model.duration_ns) == (7, 3 * 10**9)
    assert load(BASE, duration="3").model is None


def test_sizes_may_be_mixed() -> None:
    text = BASE.replace('"8mbit"', '"8mbit", size = [["60b", 7], ["1514b", 1]]')
    assert good(text).flows[0].sizes == (
        Size(len_bytes=60, weight=7),
        Size(len_bytes=1514, weight=1),
    )
    imix = good(BASE.replace('"8mbit"', '"8mbit", size = "imix"')).flows[0].sizes
    assert [size.len_bytes for size in imix] == [60, 590, 1514]


def test_a_script_lists_its_moments() -> None:
    text = HEAD + QDISC + (
        '[flow]\ns = { model = "script", times = ["0ms", ["1ms", "100b"]], loop = true }\n'
    )  # fmt: skip
    (flow,) = good(text).flows
    assert flow.arrivals is not None
    assert flow.arrivals.times_ns.tolist() == [0, 10**6]
    assert flow.arrivals.lens_bytes.tolist() == [1514, 100]
    assert flow.loop_ns == 2 * 10**6


def test_a_sweep_keeps_its_order() -> None:
    text = BASE + '[sweep]\n"qdisc.1:.limit" = [5, 50]\nseed = [1, 2, 3]\n'
    assert [(axis.path, len(axis.values)) for axis in good(text).sweep] == [
        ("qdisc.eth0 1:.limit", 2),
        ("seed", 3),
    ]


# What is wrong, and what is said about it: line and the sentence must be there.
BAD = [
    ("titel = 1\n" + BASE, 'line 1: unknown key "titel"; did you mean "title"?'),
    ("", 'the scenario has no "title"'),
    ('title = "T"\n' + FLOW, "the scenario has no \"device\""),
    (HEAD, "the scenario has no flow"),
    (BASE.replace("10mbit", "10mbps"), 'line 2: device.rate: rate "10mbps" is bytes per second'),
    (BASE.replace('"10mbit"', "10"), 'line 2: device.rate: rate "10" has no unit'),
    (BASE.replace('"10mbit"', '"10mbit", ring = 0'), "line 2: device.ring: 0 is below the minimum 1"),
    (BASE.replace('"10mbit"', '"10mbit", loss = "200%"'), "is more than 100%"),
    (BASE.replace('"10mbit"', '"10mbit", up = 1'), "line 2: device.up: 1 is not true or false"),
    (BASE.replace('"8mbit"', '"8mbit", start = 5'), 'line 4: flow.bulk.start: time "5" has no unit'),
    (BASE.replace('"8mbit"', '"8mbit", pps = 5'), "line 4: flow.bulk: model \"cbr\" needs one of"),
    (BASE.replace('"8mbit"', '"8mbit", burst = 5'), 'line 4: flow.bulk: "burst" means nothing for'),
    (BASE.replace('"8mbit"', '"8mbit", size = "20b"'), 'size "20b" is not in 60b to 65535b'),
    (BASE.replace('"8mbit"', '"8mbit", size = "9000b"'), "size 9000b does not fit mtu 1500 of eth0"),
    (BASE.replace('"8mbit"', '"8mbit", size = []'), "size has 0 items, expected 1 to 64"),
    (BASE.replace('"8mbit"', '"8mbit", queue = 1'), "queue 1 does not exist on eth0"),
    (BASE.replace('"8mbit"', '"8mbit", device = "eth9"'), 'no device "eth9"; did you mean "eth0"?'),
    (BASE.replace('"8mbit"', '"8mbit", dscp = 99'), "99 is not a DSCP"),
    (BASE.replace('"8mbit"', '"8mbit", src = "10.0.0.1", dst = "fd00::1"'), "of different IP versions"),
    (BASE.replace('"8mbit"', '"8mbit", src = "10.0.0"'), '"10.0.0" is not an IP address'),
    (BASE.replace('"8mbit"', '"8mbit", start = "2s", stop = "1s"'), "stop is not after start"),
    (BASE.replace('"cbr"', '"cbrr"'), '"cbrr" is none of cbr, poisson'),
    (BASE.replace('"cbr"', '"replay"').replace('rate = "8mbit"', 'file = "t.csv"'), 'no file "t.csv"'),
    (BASE.replace("bulk =", '"a b" ='), '"a b" is not a flow name'),
    (BASE.replace('"1:"', '"1:1"'), '"1:1" is not the handle of a qdisc; write "1:"'),
    (BASE.replace('"1:"', '"x"'), 'line 6: qdisc.x: "x" is not a class id'),
    (BASE.replace('"1:"', '"eth1 1:"'), 'no device "eth1"'),
    (BASE.replace('kind = "pfifo"', 'kind = "a.qdisc.py"'), 'write program = "a.qdisc.py"'),
    (BASE.replace('kind = "pfifo"', ""), 'qdisc."1:" needs either "kind" or "program"'),
    (BASE.replace('kind = "pfifo"', 'program = "mine"'), 'no program "mine"; name a file NAME.qdisc.py'),
    (BASE.replace("kind =", 'parent = "2:1", kind ='), 'has no parent "2:"; handles here: 1:'),
    (BASE.replace("kind =", 'parent = "1:1", kind ='), "qdisc 1: is its own ancestor"),
    (BASE.replace("kind =", "queue = 3, kind ="), "tx queue 3 does not exist"),
    (BASE + "a" + ".a" * 16 + " = 1\n", "line 7: a key has more than 16 parts"),
    (BASE + '"2:" = { kind = "pfifo" }\n', "line 7: qdisc eth0 2: takes a place that another"),
    (BASE + '[class]\n"1:" = {}\n', "is a qdisc's handle, not a class id"),
    (BASE + '[class]\n"2:1" = {}\n', 'line 8: class 2:1 has no parent "2:"'),
    (BASE + '[class]\n"1:1" = { parent = "2:" }\n', "are of different qdiscs"),
    (BASE + '[egress]\neth7 = "x"\n', 'line 8: no device "eth7"'),
    (BASE + '[[filter]]\nmatch = {}\nclassid = "1:1"\n', 'line 7: filter[1] has no "parent"'),
    (BASE + '[[filter]]\nparent = "1:"\nclassid = "1:1"\n', "filter[1] needs one of match, tc and"),
    (BASE + '[[filter]]\nparent = "1:"\nmatch = {}\n', "filter[1] has neither classid nor action"),
    (BASE + '[[filter]]\nparent = "1:"\nmatch = { flow = "bukl" }\nclassid = "1:1"\n',
     'line 9: no flow "bukl"; did you mean "bulk"?'),
    (BASE + '[[filter]]\nparent = "1:"\ntc = "u32 mtch"\n', "line 9: unknown word \"mtch\""),
    (BASE + '[[event]]\nat = "1s"\ndo = "boom"\n', 'line 9: event[1].do: "boom" is none of'),
    (BASE + '[[event]]\nat = "1s"\ndo = "rate"\n', 'line 7: event[1]: do = "rate" needs rate'),
    (BASE + '[[event]]\nat = "1s"\ndo = "link-up"\nflow = "bulk"\n', 'line 10: event[1]: "flow" means'),
    (BASE + '[[event]]\nat = "1s"\ndo = "burst"\nflow = "x"\npackets = 1\n', 'line 10: no flow "x"'),
    (BASE + '[[expect]]\nmetric = "sojourn.p98"\nbelow = "1ms"\n', "did you mean"),
    (BASE + '[[expect]]\nmetric = "drops"\n', "expect[1] needs one of below, above"),
    (BASE + '[[expect]]\nmetric = "jain"\nabove = 2\n', "2 is not in 0 to 1"),
    (BASE + '[[expect]]\nmetric = "delay.max"\nbelow = 5\n', 'time "5" has no unit'),
    (BASE + '[[expect]]\nmetric = "drops"\nwithin = [5, 1]\n', "the other way round"),
    (BASE + '[sweep]\nx = 5\n', "line 8: sweep.x is 5, expected a list"),
    (BASE + "[sweep]\nx = [" + "1," * 200 + "]\ny = [" + "1," * 200 + "]\n", "the limit is 10000"),
    (BASE.replace('"1:" =', '"1:" = 5 #'), "is 5, expected a table"),
    ("run = 5\n" + BASE, "line 1: run is 5, expected a table"),
    ('run = { duration = "3d" }\n' + BASE, '"3d" is not a time; the units are s, ms, us and ns'),
    ('run = { duration = "100000s" }\n' + BASE, "is above the maximum 86400s"),
    ('title = "T"\ndevice = {\n', "line 2: this is not TOML: "),
    ("x = 10mbit\n", "line 1: this is not TOML: "),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), BAD)
def test_what_is_wrong_is_said_with_its_line(text: str, sentence: str) -> None:
    loaded = load(text)
    assert loaded.model is None
    assert sentence in rendered(loaded)


def test_all_problems_are_reported_at_once_in_order_of_lines() -> None:
    text = BASE.replace("10mbit", "10mbps").replace("8mbit", "8mbps").replace("pfifo", "a.qdisc.py")
    lines = [one.line for one in load(text).diagnostics]
    assert len(lines) >= 3
    assert lines == sorted(lines)


@pytest.mark.parametrize(
    "text",
    [
        'x = """"' + '\\"' * 100_000 + '"""',
        b"\xff\xfe", b"\0", b"a" * (MAX_TEXT_BYTES + 1), "[" * 50_000, "a = " + "[" * 50_000,
        "a = 1" + "0" * 6000, "a = 0x" + "f" * 6000, "device = nan", "device = 1979-05-27",
        "[[device]]", "[[flow]]\n" * 5000, "flow = [1]\ndevice = []\nqdisc = 1\nrun = {}",
        "a." * 20_000 + "b = 1", "'' = 1", '"\\u0000" = 1', "\r\n\r", "# only a comment",
        '[flow]\n"' + "x" * 100_000 + '" = 1', 'tc = 5\nexpect = {}\nevent = {}\nfilter = {}',
        '[device]\n' + "".join(f"d{i} = {{}}\n" for i in range(5000)),
    ],
)  # fmt: skip
def test_any_text_whatever_ends_in_diagnostics(text: str | bytes) -> None:
    loaded = load(text)
    assert loaded.model is None
    assert 0 < len(loaded.diagnostics) <= 101
    for one in loaded.diagnostics:
        assert one.source == "scenario" and one.slug and one.message
        assert not one.message.endswith(".")
        assert len(one.render()) < 1500


def test_loading_opens_and_imports_nothing_as_a_locked_worker_must() -> None:
    script = (
        "import sys; from sandbox.scenario.load import load\n"
        "seen = []\n"
        "sys.addaudithook(lambda e, a: seen.append((e, a)) if e in ('import', 'open') else None)\n"
        "head, bad = sys.argv[1:]\n"
        "load(head); load(bad); load(b'\\xff'); load('d = 1979-05-27T07:32:00Z'); load('x =')\n"
        "load(head + '[flow.r]\\nmodel = \"replay\"\\nfile = \"a\"\\n', {'a': b'time,len\\n1,99\\n'})\n"
        "assert seen == [], seen\n"
    )
    bad = BASE.replace("10mbit", "é10mbps").replace("cbr", "cbrr")
    tc = 'tc = "filter add dev eth0 parent 1: u32 match ip src 10.0.0.1 flowid 1:1"\n'
    done = subprocess.run(
        [sys.executable, "-c", script, tc + BASE, bad], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr


def test_a_mutilated_scenario_ends_in_a_model_or_in_diagnostics() -> None:
    dice = random.Random(11)
    texts = [path.read_text() for path in (ROOT_FOLDER / "scenarios").glob("*/*.toml")]
    for _ in range(1500):
        text = list(dice.choice(texts))
        for _ in range(dice.randrange(1, 6)):
            at = dice.randrange(len(text))
            text[at : at + dice.randrange(3)] = dice.choice("\"[]{}=.,:#\n' \\01aZ-%\0é")
        loaded = load("".join(text), {"three-bursts.csv": b"time,len\n1,100\n"})
        assert loaded.model is not None or loaded.diagnostics
        for one in loaded.diagnostics:
            assert one.message and one.render()

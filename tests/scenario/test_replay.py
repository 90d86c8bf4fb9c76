"""Recorded traffic keeps its times, sizes and headers; damaged files end in a diagnostic."""

from __future__ import annotations

import random
import struct

import pytest

from sandbox.scenario import recording as limits
from sandbox.scenario.load import load
from sandbox.scenario.model import Flow
from sandbox.scenario.recording import Recording, ReplayError
from sandbox.scenario.replay import read_recording

HEAD = 'title = "T"\ndevice = { rate = "10mbit" }\n[qdisc]\n"1:" = { kind = "pfifo" }\n'


def flows(files: dict[str, bytes], extra: str = "") -> tuple[Flow, ...]:
    name = next(iter(files))
    text = HEAD + f'[flow]\nr = {{ model = "replay", file = "{name}"{extra} }}\n'
    loaded = load(text, files)
    assert loaded.model is not None, [one.render() for one in loaded.diagnostics]
    return loaded.model.flows


def frame(
    sport: int, *, version: int = 4, tos: int = 0, vlan: int = -1, protocol: int = 17
) -> bytes:
    data = b"\2" * 12
    if vlan >= 0:
        data += struct.pack(">HH", 0x8100, vlan)
    if version == 4:
        data += struct.pack(">H", 0x0800) + bytes([0x45, tos, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0])
        data += bytes([10, 0, 0, 1, 10, 0, 0, 2])
    else:
        data += struct.pack(">HI", 0x86DD, 6 << 28 | tos << 20) + bytes([0, 0, protocol, 64])
        data += bytes(15) + b"\1" + bytes(15) + b"\2"
    return data + struct.pack(">HHI", sport, 443, 0)


def pcap(packets: list[tuple[int, bytes, int]], order: str = "<", nanos: bool = False) -> bytes:
    magic = 0xA1B23C4D if nanos else 0xA1B2C3D4
    data = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, 1)
    for time_ns, content, length in packets:
        part = time_ns % 10**9 if nanos else time_ns % 10**9 // 1000
        data += struct.pack(order + "IIII", time_ns // 10**9, part, len(content), length) + content
    return data


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def pcapng(packets: list[tuple[int, bytes, int]], order: str = "<", resolution: int = 9) -> bytes:
    data = block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)
    option = struct.pack(order + "HHBxxxHH", 9, 1, resolution, 0, 0)
    data += block(1, struct.pack(order + "HHI", 1, 0, 0) + option, order)
    for time_ns, content, length in packets:
        ticks = time_ns // 10 ** (9 - resolution)
        body = struct.pack(
            order + "IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(content), length
        )
        data += block(6, body + content, order)
    return data


PACKETS = [
    (10**9, frame(1), 1514),
    (10**9 + 5000, frame(2, tos=0xB9), 200),
    (2 * 10**9, frame(1), 60),
]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("make", [pcap, pcapng])
def test_captures_of_both_byte_orders_become_flows(make: object, order: str) -> None:
    first, second = flows({"t.pcap": make(PACKETS, order)})  # type: ignore[operator]
    assert first.arrivals is not None and second.arrivals is not None
    assert first.arrivals.times_ns.tolist() == [0, 10**9]
    assert first.arrivals.lens_bytes.tolist() == [1514, 60]
    assert second.arrivals.times_ns.tolist() == [5000]
    assert (second.arrivals.dscps[0], second.arrivals.ecns[0]) == (46, 1)
    assert (first.name, second.name, second.sport, second.dport) == ("r.1", "r.2", 2, 443)
    assert (first.src_ip, first.dst_ip, first.l4) == (0x0A000001, 0x0A000002, "udp")


def test_nanoseconds_and_other_resolutions_are_kept() -> None:
    packets = [(0, frame(1), 100), (1_234_567, frame(1), 100)]
    for data in (pcap(packets, nanos=True), pcapng(packets)):
        (flow,) = flows({"t.pcap": data})
        assert flow.arrivals is not None and flow.arrivals.times_ns[1] == 1_234_567
    (flow,) = flows({"t.pcap": pcapng(packets, resolution=6)})
    assert flow.arrivals is not None and flow.arrivals.times_ns[1] == 1_234_000


def test_ipv6_tcp_and_vlan_are_read_from_the_frame() -> None:
    packets = [(0, frame(7, version=6, tos=0x28, protocol=6), 100), (0, frame(8, vlan=5), 104)]
    six, tagged = flows({"t.pcap": pcap(packets)})
    assert (six.ip_version, six.src_ip, six.dst_ip, six.l4) == (6, 1, 2, "tcp")
    assert six.arrivals is not None and six.arrivals.dscps[0] == 10
    assert tagged.vlan == 5
    assert tagged.arrivals is not None and tagged.arrivals.lens_bytes[0] == 100


def test_packets_that_are_neither_udp_nor_tcp_are_left_out_and_said() -> None:
    text = HEAD + '[flow]\nr = { model = "replay", file = "t.pcap" }\n'
    loaded = load(text, {"t.pcap": pcap([*PACKETS, (0, frame(1, protocol=1), 98)])})
    assert loaded.model is not None
    assert [one.message for one in loaded.diagnostics] == ['1 packets of "t.pcap" are left out']


def test_scale_and_loop_change_times() -> None:
    (flow,) = flows({"t.csv": b"time_ms,len\n0,100\n2,100\n"}, ", scale = 0.5, loop = true")
    assert flow.arrivals is not None
    assert flow.arrivals.times_ns.tolist() == [0, 10**6]
    assert flow.loop_ns == 2 * 10**6


def test_a_csv_gives_each_packet_its_own_fields() -> None:
    text = (
        "time_us,len,flow,priority,mark,dscp,ecn,src,dst,sport,dport,l4,vlan\n"
        "0,1514,a,1:10,1,ef,ect0,10.0.0.1,10.0.0.9,5,6,tcp,\n"
        "1.5,200,b,0,2,0,0,,,,,,7\n"
        "3,300,a,2,3,8,1,10.0.0.1,10.0.0.9,5,6,tcp,\n"
    )
    a, b = flows({"t.csv": text.encode()})
    assert a.arrivals is not None and b.arrivals is not None
    assert (a.name, a.l4, a.sport, a.dst_ip) == ("r.a", "tcp", 5, 0x0A000009)
    assert a.arrivals.priorities.tolist() == [0x10010, 2]
    assert (a.arrivals.dscps.tolist(), a.arrivals.ecns.tolist()) == ([46, 8], [2, 1])
    assert (b.arrivals.times_ns.tolist(), b.vlan, b.sport) == ([1500], 7, 10_001)


def test_the_name_of_a_replay_means_all_its_flows() -> None:
    data = b"time,len,flow,sport\n0,100,a,1\n1,100,b,1\n2,100,a,2\n"
    text = (
        HEAD
        + '[flow]\nr = { model = "replay", file = "t.csv" }\n"r.b" = { model = "cbr", pps = 1 }\n'
        + '[[filter]]\nparent = "1:"\nmatch = { flow = "r" }\nclassid = "1:1"\n'
        + '[[event]]\nat = "1s"\ndo = "flow"\nflow = "r"\non = false\n'
    )
    loaded = load(text, {"t.csv": data})
    assert loaded.model is not None, [one.render() for one in loaded.diagnostics]
    assert [flow.name for flow in loaded.model.flows] == ["r.a", "r.b-2", "r.a-2", "r.b"]
    assert [one.flow for one in loaded.model.filters] == ["r.a", "r.b-2", "r.a-2"]
    assert [one.flow for one in loaded.model.events] == ["r.a", "r.b-2", "r.a-2"]
    promise = '[[expect]]\nmetric = "drops"\nflow = "r"\nequals = 0\n'
    refused = load(text + promise, {"t.csv": data})
    assert refused.model is None
    assert "name one of them: r.a, r.b-2" in refused.diagnostics[0].hint


def test_a_plain_csv_time_is_seconds_or_has_its_unit() -> None:
    (flow,) = flows({"t.csv": b"time,len\n0.000001,100\n2us,100\n1,100\n"})
    assert flow.arrivals is not None
    assert flow.arrivals.times_ns.tolist() == [1000, 2000, 10**9]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"\xff\xfe\0", "byte 0 is not UTF-8 text"),
        (b"a,b\n", 'line 1: unknown column "a"'),
        (b"time,time,len\n", 'line 1: column "time" is given twice'),
        (b"len,flow\n1,a\n", "line 1: the header needs a time and a len"),
        (b"time,len\n", "the file has no packets"),
        (b"time,len\n1\n", "line 2: it has 1 values, the header has 2"),
        (b"time,len\nx,100\n", 'line 2: "x" is not a time'),
        (b"time,len\n1,10\n", "line 2: len 10 is not in 60 to 65535"),
        (b"time,len\n2,100\n1,100\n", "line 3: time goes back"),
        (b"time,len\n99999999,100\n", 'line 2: time "99999999" is above one day'),
        (b"time,len,mark\n1,100,x\n", 'line 2: "x" is not a whole number'),
        (b"time,len,src\n1,100,x\n", 'line 2: "x" is not an IP address'),
        (b"time,len,flow\n1,100,a b\n", 'line 2: "a b" is not a flow name'),
        (b"time,len,l4\n1,100,sctp\n", 'line 2: l4 "sctp" is neither udp nor tcp'),
        (pcap(PACKETS)[:20], "the pcap header needs 24 bytes, the file has 20"),
        (pcap(PACKETS)[:-1], "needs 42 bytes, there are 41"),
        (pcap(PACKETS)[:30], "packet 1 at byte 24 needs 16 bytes, there are 6"),
        (pcap([(0, b"", 2**31)]).replace(b"\1\0\0\0", b"\x71\0\0\0"), "link type 113"),
        (pcap([])[:24] + struct.pack("<IIII", 0, 0, 2**32 - 1, 60), "says it has 4294967295 bytes"),
        (pcap([(0, frame(1, protocol=1), 60)]), "none of its 1 packets is UDP or TCP over IP"),
        (pcap([(0, frame(1), 60), (2 * 10**5 * 10**9, frame(1), 60)]), "longer than one day"),
        (pcapng(PACKETS)[:-2], "says it has"),
        (pcapng(PACKETS)[:30], "the block at byte 28 needs 12 bytes, the file has 2"),
        (pcapng([]) + block(3, bytes(20)), "has no time"),
        (pcapng([]) + block(6, bytes(8)), "is too short"),
        (pcapng([])[:28] + block(6, bytes(20)), "names no interface of the capture"),
        (pcapng([]) + block(1, bytes(4)), "is too short"),
        (b"\x0a\x0d\x0d\x0a" + bytes(16), "says it has 0 bytes"),
    ],
)
def test_a_damaged_file_is_refused_with_its_place(data: bytes, message: str) -> None:
    with pytest.raises(ReplayError) as caught:
        read_recording(data)
    assert message in caught.value.message


def test_the_scenario_names_the_file_and_the_line_of_the_flow() -> None:
    loaded = load(HEAD + '[flow]\nr = { model = "replay", file = "t.csv" }\n', {"t.csv": b"x"})
    (problem,) = loaded.diagnostics
    assert (problem.line, problem.slug) == (6, "bad-replay")
    assert '"t.csv": line 1: unknown column "x"' in problem.message


def test_flipped_bytes_never_end_in_anything_but_a_replay_error() -> None:
    dice = random.Random(1)
    for original in (pcap(PACKETS), pcapng(PACKETS), pcapng(PACKETS, ">"), b"time,len\n1,100\n"):
        for _ in range(400):
            data = bytearray(original)
            for _ in range(dice.randrange(1, 4)):
                data[dice.randrange(len(data))] = dice.randrange(256)
            try:
                assert read_recording(bytes(data[: dice.randrange(1, len(data) + 1)])).packets > 0
            except ReplayError as error:
                assert error.message


def test_packets_and_flows_of_a_file_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_PACKETS", 3)
    with pytest.raises(ReplayError, match="more than 3 packets"):
        read_recording(b"time,len\n" + b"1,100\n" * 4)
    monkeypatch.setattr(limits, "MAX_FLOWS", 2)
    with pytest.raises(ReplayError, match="more than 2 flows"):
        read_recording(b"time,len,flow\n" + b"".join(b"1,100,%d\n" % i for i in range(3)))


def test_a_packet_longer_than_the_mtu_names_the_cure() -> None:
    loaded = load(
        HEAD + '[flow]\nr = { model = "replay", file = "t.csv" }\n',
        {"t.csv": b"time,len\n1,9014\n"},
    )
    assert "does not fit mtu 1500 of eth0" in loaded.diagnostics[0].message
    assert 'mtu = "9000b"' in loaded.diagnostics[0].hint


def test_a_recording_counts_what_it_holds() -> None:
    recording = read_recording(pcap(PACKETS))
    assert isinstance(recording, Recording)
    assert (recording.packets, recording.last_ns, len(recording.streams)) == (3, 10**9, 2)

"""Options are those of tc(8), word for word, and do what they say."""

from __future__ import annotations

import pytest

from sandbox.engine import prepare
from sandbox.protocol import Job
from tests.qdiscs.workload import Sent, play

# Command lines as they are typed on Linux; what follows a qdisc's kind is its options.
LINES = [
    "pfifo limit 100",
    "bfifo limit 10k",
    "pfifo_head_drop limit 100",
    "pfifo_fast",
    "prio bands 4 priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1",
    "prio",
    "sfq perturb 10 quantum 1514 limit 60 depth 20 divisor 512 flows 64 headdrop",
    "tbf rate 1mbit burst 1600 limit 10000000",
    "tbf rate 1mbit burst 10000 limit 20000 peakrate 2mbit minburst 1514",
    "tbf rate 8kbit buffer 2000b limit 3k mpu 64 overhead 24",
    "tbf rate 1mbit burst 1600 latency 50ms",
    "codel limit 100 target 4ms interval 30ms ecn ce_threshold 20ms",
    "codel noecn",
    "fq_codel limit 1000 flows 512 quantum 300 target 5ms interval 100ms noecn memory_limit 4mb drop_batch 32",
    "drr",
    "ets bands 4 strict 2 quanta 4000 3000 priomap 0 1 2 3",
    "skbprio limit 100",
]


def scenario(tc: str) -> str:
    return (
        f'title = "options"\nrun = {{ duration = "1ms" }}\ntc = """\n{tc}\n"""\n'
        '[device.eth0]\nrate = "1mbit"\n[flow.f]\nmodel = "cbr"\nrate = "1mbit"\n'
    )


def problems(tc: str) -> list[str]:
    prepared = prepare(Job(scenario=scenario(tc)))
    return [d.message for d in prepared.diagnostics if d.severity == "error"]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[:30])
def test_a_line_of_tc_means_what_it_means_on_linux(line: str) -> None:
    assert problems(f"tc qdisc add dev eth0 root handle 1: {line}") == []


def test_classes_take_the_options_of_tc() -> None:
    line = "tc class add dev eth0 parent 1: classid 1:1 drr quantum 1600"
    assert problems(f"tc qdisc add dev eth0 root handle 1: drr\n{line}") == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("pfifo limit 100 limits 5", 'unknown option "limits"'),
        ("codel target", "target needs a value"),
        ("prio bands 17", "bands 17 is above its maximum 16"),
        ("tbf rate 1mbps", "bytes per second"),
        ("sfq depth 300", "depth 300 is above its maximum 127"),
        ("fq_codel flows 0", "flows 0 is below its minimum 1"),
    ],
)
def test_a_wrong_option_is_refused_with_its_reason(line: str, expected: str) -> None:
    found = problems(f"qdisc add dev eth0 root handle 1: {line}")
    assert any(expected in message for message in found), found


def burst(count: int, len_bytes: int = 1000) -> list[Sent]:
    return [Sent(0, 0, len_bytes) for _ in range(count)]


def test_pfifo_holds_txqueuelen_packets_by_default() -> None:
    ran = play("qdisc add dev eth0 root handle 1: pfifo", burst(30), txqueuelen=7)
    assert ran.order == (0, 1, 2, 3, 4, 5, 6, 7)  # the first is on the wire before the others come


def test_bfifo_holds_txqueuelen_full_frames_by_default() -> None:
    ran = play("qdisc add dev eth0 root handle 1: bfifo", burst(30, 757), txqueuelen=3)
    assert len(ran.order) == 1 + 3 * 1514 // 757


def test_prio_asks_the_filters_and_then_the_priomap() -> None:
    tc = (
        "qdisc add dev eth0 root handle 1: prio\n"
        "filter add dev eth0 parent 1: protocol ip prio 1 handle 3 fw flowid 1:1\n"
        "filter add dev eth0 parent 1: protocol ip prio 1 handle 2 fw action drop"
    )
    ran = play(tc, [Sent(0, flow, 1000) for flow in (3, 0, 1, 2)])
    assert ran.dropped == (2,)  # mark 2, by the filter's action
    assert ran.order == (
        0,
        3,
        1,
    )  # mark 3 in band 0 by its filter, mark 1 in band 1 by its priority


def test_prio_honours_a_priority_that_names_a_class() -> None:
    text = scenario("qdisc add dev eth0 root handle 1: prio") + 'priority = "1:3"\n'
    run = prepare(Job(scenario=text)).run
    assert run is not None
    while not run.done:
        run.advance(1000)
    classes = run.finished()["statistics"]["classes"]
    assert [classes[f"eth0 1:{band}"]["packets"] for band in (1, 2, 3)] == [0, 0, 1]


def test_edf_sends_what_is_due_first_and_drops_what_is_late() -> None:
    ran = play("qdisc add dev eth0 root handle 1: edf drop_late", burst(10))
    # each takes 2 ms on the link, the deadline is 5 ms after arrival
    assert ran.order == (0, 1, 2)
    assert ran.dropped == (3, 4, 5, 6, 7, 8, 9)


def test_the_latency_of_tbf_bounds_the_wait() -> None:
    tc = "qdisc add dev eth0 root handle 1: tbf rate 1mbit burst 2000 latency 50ms"
    ran = play(tc, burst(40), rate="1gbit", txqueuelen=1000)
    # the first leaves before the others come; then 8250 bytes may wait: 50 ms of tokens and a bucket
    assert len(ran.order) == 1 + 8
    assert ran.starts_ns[-1] <= 66_000_000


def test_drr_without_a_class_for_a_packet_drops_it() -> None:
    ran = play("qdisc add dev eth0 root handle 1: drr", burst(3))
    assert ran.dropped == (0, 1, 2)


@pytest.mark.parametrize("rate_bps", [8_000, 1_000_000, 9_999_999, 3_333_333_333, 400_000_000_000])
@pytest.mark.parametrize("len_bytes", [60, 1000, 1514])
def test_tbf_turns_bytes_into_time_as_the_kernel_does(rate_bps: int, len_bytes: int) -> None:
    """A bucket of one packet: the second waits for exactly len × mult >> shift ns."""
    tc = f"qdisc add dev eth0 root handle 1: tbf rate {rate_bps}bit burst {len_bytes} limit 100000"
    ran = play(tc, burst(2, len_bytes), rate="1tbit")
    per_second = rate_bps // 8
    factor, shift = 10**9, 0
    while (factor // per_second).bit_length() < 32 and factor < 1 << 62:
        factor, shift = factor * 2, shift + 1
    expected = len_bytes * (factor // per_second) >> shift
    wire_ns = -(-len_bytes * 8 // 1000)
    assert ran.starts_ns[1] == max(expected, wire_ns)


@pytest.mark.parametrize("flows", [20, 80])
def test_a_change_of_the_hash_never_runs_out_of_fuel(flows: int) -> None:
    """80 flows of 100 packets are more than one call may move: they keep their hash until the queue is shorter."""
    line = "sfq limit 20000 flows 4096 divisor 65536 perturb 1"
    bursts = "".join(
        f'f{number} = {{ model = "burst", burst = 100, size = "100b" }}\n'
        for number in range(flows)
    )
    text = (
        f'title = "hash"\nrun = {{ duration = "4s" }}\ntc = "qdisc add dev eth0 root handle 1: {line}"\n'
        f'[device.eth0]\nrate = "1mbit"\n[flow]\n{bursts}'
    )
    run = prepare(Job(scenario=text, trace=False)).run
    assert run is not None
    while not run.done:
        run.advance(1000)
    finished = run.finished()
    assert finished["outcome"] == "ok", finished["fault"]
    assert finished["statistics"]["total"]["drops"] == 0


@pytest.mark.parametrize("kind", ["sfq", "fq_codel"])
def test_with_filters_a_packet_that_none_matches_is_dropped_as_in_linux(kind: str) -> None:
    text = f"""title = "t"
device = {{ rate = "10mbit" }}
run = {{ duration = "100ms" }}
tc = \"\"\"
qdisc add dev eth0 root handle 1: {kind}
filter add dev eth0 parent 1: prio 1 handle 7 fw classid 1:3
\"\"\"
[flow]
marked = {{ model = "cbr", rate = "1mbit", mark = 7 }}
other = {{ model = "cbr", rate = "1mbit" }}
"""
    run = prepare(Job(scenario=text)).run
    assert run is not None
    while not run.done:
        run.advance(100_000)
    flows = run.finished()["statistics"]["flows"]
    assert (flows["marked"]["drops"], flows["other"]["received"]) == (0, 0)
    assert flows["other"]["drops"] == flows["other"]["sent"] > 0

"""Changes to a running simulation keep every invariant, and packets of a replaced qdisc are drops."""

import pytest

from sandbox.engine import prepare
from sandbox.protocol import ROW, DropCode, Job, RowKind
from tests.invariants import violations

TREE = """title = "t"
device = { rate = "2mbit" }
run = { duration = "2s" }
[qdisc]
"1:" = { parent = "root", kind = "drr" }
[class]
"1:1" = { parent = "1:", quantum = "1500b" }
"1:2" = { parent = "1:", quantum = "500b" }
[[filter]]
parent = "1:"
match = { flow = "a" }
classid = "1:1"
[[filter]]
parent = "1:"
match = { flow = "b" }
classid = "1:2"
[flow]
a = { model = "poisson", rate = "2mbit", size = "1000b" }
b = { model = "cbr", rate = "2mbit", size = "500b" }
"""


def event(at, do, **keys):
    lines = [f"{key} = {value}" for key, value in keys.items()]
    return "\n".join(["[[event]]", f'at = "{at}"', f'do = "{do}"', *lines, ""])


def play(text):
    prepared = prepare(Job(scenario=text))
    assert prepared.run is not None, [one.render() for one in prepared.diagnostics]
    run, data = prepared.run, b""
    while not run.done:
        data += run.advance(100_000)
    finished = run.finished()
    assert finished["outcome"] == "ok", finished["fault"]
    assert violations(data, run.started()) == []
    return finished["statistics"], list(ROW.iter_unpack(data))


def test_a_class_parameter_takes_effect_while_packets_wait():
    before, _ = play(TREE)
    quantum = event("1s", "param", target='"eth0 1:2"', name='"quantum"', value='"6000b"')
    after, _ = play(TREE + quantum)
    assert after["flows"]["b"]["received"] > 1.3 * before["flows"]["b"]["received"]


def test_packets_of_a_replaced_qdisc_are_drops_and_the_new_one_serves():
    replace = event("0.5s", "tc", tc='"tc qdisc replace dev eth0 root handle 2: pfifo limit 50"')
    numbers, rows = play(TREE + replace)
    replaced = [r for r in rows if r[2] == RowKind.DROP and r[3] == DropCode.REPLACED]
    assert len(replaced) > 100
    assert {r[0] for r in replaced} == {500_000_000}
    assert not [r for r in rows if r[2] == RowKind.PURGE]
    assert numbers["qdiscs"]["eth0 2:"]["packets"] > 100
    assert "eth0 1:" not in numbers["qdiscs"]


def test_a_link_that_went_down_and_up_purges_and_then_serves_again():
    text = TREE + event("1s", "link-down") + event("1.2s", "link-up")
    numbers, rows = play(text)
    purged = [r for r in rows if r[2] == RowKind.PURGE]
    assert len(purged) == numbers["total"]["purged"] > 100
    assert max(r[0] for r in rows if r[2] == RowKind.RECEIVE) > 1_900_000_000


@pytest.mark.parametrize(
    "changes",
    [
        event("0.5s", "tc", tc='"filter add dev eth0 parent 1: prio 1 matchall classid 1:2"'),
        event("0.5s", "rate", rate='"10mbit"') + event("0.8s", "rate", rate='"100kbit"'),
        event("0.3s", "flow", flow='"b"', on="false")
        + event("0.9s", "flow", flow='"b"', on="true"),
        event("0.3s", "burst", flow='"a"', packets="500"),
    ],
)
def test_any_change_keeps_the_invariants(changes):
    play(TREE + changes)


def test_a_flow_switched_off_is_silent_until_it_is_switched_on():
    off = event("0.5s", "flow", flow='"b"', on="false") + event("1s", "flow", flow='"b"', on="true")
    _, rows = play(TREE + off)
    arrivals = [r[0] for r in rows if r[2] == RowKind.ARRIVE and r[7] == 1]
    assert not [t for t in arrivals if 500_000_000 < t < 1_000_000_000]
    assert [t for t in arrivals if t > 1_000_000_000]

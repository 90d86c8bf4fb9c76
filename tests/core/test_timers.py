"""A timer outlives the link: what is armed for later still comes."""

from __future__ import annotations

from sandbox.core.kinds import TIMER
from sandbox.protocol import ROW
from tests.core.both import played

SCENARIO = """title = "t"
device = { rate = "1mbit" }
run = { duration = "10s" }
[qdisc]
"1:" = { kind = "sfq", perturb = 1 }
[flow]
a = { model = "cbr", pps = 10, size = "100b" }
[[event]]
at = "3.5s"
do = "link-down"
[[event]]
at = "3.6s"
do = "link-up"
"""


def test_sfq_goes_on_perturbing_after_the_link_was_down() -> None:
    rows = played(SCENARIO, {}, trace=True).rows
    times = [row[0] for row in ROW.iter_unpack(rows) if row[2] == TIMER]
    assert times == [second * 10**9 for second in range(1, 10 + 1)]

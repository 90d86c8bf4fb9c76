"""What a shaper sees of its child: the kernel's two ways to peek."""

from __future__ import annotations

from tests.qdiscs.workload import Sent, play

SHAPER = (
    "qdisc add dev eth0 root handle 1: tbf rate 1mbit burst 1000 limit 100000\n"
    "qdisc add dev eth0 parent 1:1 handle 2: "
)
# Flow 0 has priority 0 (band 1), flow 1 priority 6 (band 0); the bucket holds one packet, a packet takes 8 ms.
SENT = [Sent(0, 0, 1000), Sent(1, 0, 1000), Sent(2, 0, 1000), Sent(4_000_000, 1, 1000)]


def test_an_urgent_packet_goes_first_although_another_was_peeked_at() -> None:
    for kind in ("prio", "pfifo_fast"):
        ran = play(SHAPER + kind, SENT, rate="1tbit")
        assert ran.order == (0, 3, 1, 2), kind
        assert ran.starts_ns[1] == 8_000_000


def test_without_a_peek_of_its_own_a_child_holds_the_packet_it_showed() -> None:
    drr = (
        "drr\n"
        "class add dev eth0 parent 2: classid 2:1 drr quantum 9000\n"
        "class add dev eth0 parent 2: classid 2:2 drr\n"
        "filter add dev eth0 parent 2: protocol ip prio 1 handle 1 fw classid 2:1\n"
        "filter add dev eth0 parent 2: protocol ip prio 1 handle 2 fw classid 2:2"
    )
    ran = play(SHAPER + drr, SENT, rate="1tbit")
    assert ran.order == (0, 1, 2, 3)


def test_a_head_that_was_peeked_at_can_still_make_room() -> None:
    ran = play(SHAPER + "pfifo_head_drop limit 1", SENT[:3], rate="1tbit")
    assert ran.order == (0, 2)
    assert ran.dropped == (1,)


def test_a_packet_that_was_peeked_at_counts_against_the_limit() -> None:
    ran = play(SHAPER + "codel limit 1", SENT[:3], rate="1tbit")
    assert ran.order == (0, 1)
    assert ran.dropped == (2,)

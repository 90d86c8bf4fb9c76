"""An skb map is a sorted list by rank with ties in arrival order, whatever shape it has inside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.core.dialect import List
from sandbox.core.kinds import AFTER
from sandbox.core.trap import NEGATIVE_RANK, Trap
from sandbox.protocol import ROW
from tests.core.parts import make_instance, make_map, make_sim, make_skb

RANKS = st.one_of(st.integers(0, 5), st.integers(0, 2**63 - 1))
SIMPLE = st.lists(st.one_of(RANKS, st.just("pop"), st.just("peek")), max_size=80)
FULL = st.lists(
    st.one_of(
        RANKS,
        st.sampled_from(["pop", "pop_last", "peek", "peek_last", "walk"]),
        st.tuples(st.just("rank"), st.integers(0, 5)),
    ),
    max_size=80,
)


def play(skb_map, sim, actions):
    """Run actions against the map and a sorted list side by side."""
    oracle: list[tuple[int, int, int]] = []
    for number, action in enumerate(actions):
        if isinstance(action, int):
            skb = make_skb(sim)
            assert skb_map.push(skb, action, 1)
            oracle.append((action, number, skb.id))
            oracle.sort()
        elif action == "pop":
            taken = skb_map.pop(1)
            assert (taken.id if taken else None) == (oracle.pop(0)[2] if oracle else None)
        elif action == "pop_last":
            taken = skb_map.pop_last(1)
            assert (taken.id if taken else None) == (oracle.pop()[2] if oracle else None)
        elif action == "peek":
            seen = skb_map.peek()
            assert (seen.id if seen else None) == (oracle[0][2] if oracle else None)
        elif action == "peek_last":
            seen = skb_map.peek_last()
            assert (seen.id if seen else None) == (oracle[-1][2] if oracle else None)
        elif action == "walk":
            walked = []
            at = skb_map.first()
            while at is not None:
                walked.append(at.id)
                at = skb_map.after(at)
            assert walked == [item[2] for item in oracle]
        else:
            wanted = [item for item in oracle if item[0] == action[1]]
            taken = skb_map.pop_rank(action[1], 1)
            assert (taken.id if taken else None) == (wanted[0][2] if wanted else None)
            if wanted:
                oracle.remove(wanted[0])
        assert skb_map.length == len(oracle)
        assert skb_map.bytes == 100 * len(oracle) == skb_map.gauge.backlog


@given(SIMPLE)
def test_list_and_heap_pop_in_rank_order(actions):
    sim = make_sim()
    play(make_map(make_instance(sim)), sim, actions)


@given(FULL)
def test_tree_gives_both_ends_any_rank_and_a_walk(actions):
    sim = make_sim()
    play(make_map(make_instance(sim), tree=True), sim, actions)


@given(FULL)
def test_comparator_by_rank_is_the_same_as_rank_order(actions):
    sim = make_sim()
    skb_map = make_map(make_instance(sim), less=lambda a, b: a.rank < b.rank)
    play(skb_map, sim, actions)


@given(st.lists(st.integers(0, 3), max_size=60), st.booleans())
def test_an_inconsistent_comparator_loses_no_packet(bits, flip):
    sim = make_sim()
    skb_map = make_map(make_instance(sim), less=lambda a, b: (a.id * b.id + flip) % 2 == 0)
    pushed = []
    for _ in bits:
        skb = make_skb(sim)
        skb_map.push(skb, 0, 1)
        pushed.append(skb.id)
    popped = []
    while (skb := skb_map.pop(1)) is not None:
        popped.append(skb.id)
    assert sorted(popped) == pushed


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 2)), max_size=60), st.booleans())
def test_purge_takes_one_devices_packets_and_keeps_the_order_of_others(items, tree):
    sim = make_sim()
    skb_map = make_map(make_instance(sim), tree=tree)
    pushed = []
    for number, (rank, ifindex) in enumerate(items):
        skb = make_skb(sim, ifindex=ifindex)
        skb_map.push(skb, rank, 1)
        pushed.append((rank, number, skb.id, ifindex))
    gone = List()
    skb_map.purge(1, gone)
    assert sorted(skb.id for skb in gone) == sorted(p[2] for p in pushed if p[3] == 1)
    left = []
    while (skb := skb_map.pop(1)) is not None:
        left.append(skb.id)
    assert left == [p[2] for p in sorted(pushed) if p[3] == 2]
    assert skb_map.gauge.qlen == skb_map.gauge.backlog == skb_map.length == 0


def test_a_full_map_refuses_and_the_caller_keeps_the_packet():
    sim = make_sim()
    skb_map = make_map(make_instance(sim), entries=2)
    assert skb_map.push(make_skb(sim), 1, 1)
    assert skb_map.push(make_skb(sim), 1, 1)
    extra = make_skb(sim)
    assert not skb_map.push(extra, 0, 1)
    assert (skb_map.length, skb_map.refused) == (2, 1)
    skb_map.pop(1)
    assert skb_map.push(extra, 0, 1)  # the posted code stayed full for ever


def test_a_negative_rank_is_a_fault_of_its_line():
    sim = make_sim()
    with pytest.raises(Trap) as caught:
        make_map(make_instance(sim)).push(make_skb(sim), -1, 12)
    assert (caught.value.code, caught.value.line, caught.value.value) == (NEGATIVE_RANK, 12, -1)


@given(st.lists(st.integers(0, 5), max_size=40))
def test_rows_tell_where_a_comparator_put_each_packet(marks):
    sim = make_sim()
    skb_map = make_map(make_instance(sim), less=lambda a, b: a.mark > b.mark)
    for mark in marks:
        skb = make_skb(sim)
        skb.mark = mark
        skb_map.push(skb, 0, 1)
    seen: list[int] = []
    for row in ROW.iter_unpack(sim.trace.take()):
        if row[2] == AFTER:
            seen.insert(seen.index(row[5]) + 1 if row[5] else 0, row[1])
    walked = []
    while (skb := skb_map.pop(1)) is not None:
        walked.append(skb.id)
    assert seen == walked

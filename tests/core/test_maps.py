"""Maps of maps, tables and int queues behave as the plain containers they are described by."""

from collections import OrderedDict, deque

from hypothesis import given
from hypothesis import strategies as st

from sandbox.core.dialect import Array
from sandbox.core.flowmap import FlowMap
from sandbox.core.ints import IntQueue
from sandbox.core.skbmap import Bound
from sandbox.core.skbmaps import SkbMapHash
from sandbox.core.tables import ARRAY, HASH, LRU, Table
from tests.core.parts import make_instance, make_map, make_sim, make_skb

KEYS = st.integers(-2, 5)


def inner_maps(sim, count, entries=3):
    instance = make_instance(sim)
    return Array([make_map(instance, entries=entries, slot=i) for i in range(count)])


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("push"), KEYS, st.integers(0, 3)),
            st.tuples(st.just("pop"), KEYS, st.just(0)),
        ),
        max_size=80,
    )
)
def test_hash_of_skb_maps_has_a_key_while_it_holds_packets(actions):
    sim = make_sim()
    one = SkbMapHash(sim.trace, 0, inner_maps(sim, 3), Bound(100))
    one.open()
    oracle: dict[int, list] = {}
    for number, (what, key, rank) in enumerate(actions):
        if what == "push":
            skb = make_skb(sim)
            taken = one.push(key, skb, rank, 1)
            room = key in oracle or len(oracle) < 3
            assert taken == (room and len(oracle.get(key, [])) < 3)
            if taken:
                oracle.setdefault(key, []).append((rank, number, skb.id))
                oracle[key].sort()
        else:
            skb = one.pop(key, 1)
            queue = oracle.get(key)
            assert (skb.id if skb else None) == (queue.pop(0)[2] if queue else None)
            if queue == []:
                del oracle[key]
        assert one.length() == len(oracle)
        assert [one.len_of(k) for k in range(-2, 6)] == [
            len(oracle.get(k, [])) for k in range(-2, 6)
        ]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("push"), KEYS, st.integers(0, 3)),
            st.tuples(st.just("pop"), KEYS, st.just(0)),
            st.tuples(st.just("rank"), KEYS, st.integers(0, 3)),
            st.tuples(st.just("delete"), KEYS, st.just(0)),
        ),
        max_size=120,
    )
)
def test_flow_map_gives_the_waiting_flow_of_smallest_rank_ties_by_first_ranked(actions):
    sim = make_sim()
    one = FlowMap(sim.trace, make_instance(sim), 0, 4, Bound(5))
    one.open()
    queues: dict[int, list] = {}
    ranks: dict[int, tuple[int, int]] = {}
    for number, (what, key, value) in enumerate(actions):
        known = key in ranks
        if what in ("push", "rank") and not known and len(ranks) < 4:
            ranks[key] = (0, number)
            queues[key] = []
            known = True
        if what == "push":
            skb = make_skb(sim)
            taken = one.push(key, skb, value, 1)
            assert taken == (known and sum(map(len, queues.values())) < 5)
            if taken:
                queues[key].append((value, number, skb.id))
                queues[key].sort()
        elif what == "pop":
            skb = one.pop(key, 1)
            queue = queues.get(key)
            assert (skb.id if skb else None) == (queue.pop(0)[2] if queue else None)
        elif what == "rank":
            one.set_rank(key, value, 1)
            if known:
                ranks[key] = (value, number)
        else:
            assert one.delete(key, 1) == (known and not queues[key])
            if known and not queues[key]:
                del ranks[key], queues[key]
        waiting = [(ranks[k], k) for k in ranks if queues[k]]
        assert one.first() == (min(waiting)[1] if waiting else -1)
        assert one.rank_of(key) == ranks.get(key, (0, 0))[0]


@given(
    st.sampled_from([HASH, LRU]),
    st.lists(
        st.tuples(st.sampled_from(["update", "lookup", "delete", "init"]), KEYS, st.integers(0, 9)),
        max_size=100,
    ),
)
def test_tables_are_bounded_ordered_dicts(kind, actions):
    sim = make_sim()
    table = Table(sim.trace, 0, kind, 3, 1, Array([7]))
    table.open()
    oracle: OrderedDict[int, int] = OrderedDict()

    def insert(key, value):
        if key in oracle:
            return True
        if len(oracle) == 3:
            if kind == HASH:
                return False
            oracle.popitem(last=False)
        oracle[key] = value
        return True

    for what, key, value in actions:
        if what == "update":
            assert table.update(key, value, 1) == insert(key, value)
            if key in oracle:
                oracle[key] = value
        elif what == "lookup":
            base = table.lookup(key)
            assert (table.words[base] if base >= 0 else None) == oracle.get(key)
        elif what == "init":
            base = table.lookup_or_init(key, 1)
            assert (base >= 0) == insert(key, 7)
        else:
            assert table.delete(key, 1) == (oracle.pop(key, None) is not None)
        if kind == LRU and what != "delete" and key in oracle:
            oracle.move_to_end(key)
        if value % 2:
            table.settle()
        keys = []
        slot = table.first_slot()
        while slot >= 0:
            keys.append(table.key_at(slot))
            slot = table.next_slot(slot)
        assert keys == list(oracle)
        assert table.length == len(oracle)


def test_a_deleted_record_stays_whole_until_the_entry_point_returns():
    sim = make_sim()
    table = Table(sim.trace, 0, HASH, 8, 2, Array([1, 2]))
    table.open()
    held = table.lookup_or_init(5, 1)
    table.delete(5, 1)
    table.write(held, 1, 99, 1)
    other = table.lookup_or_init(6, 1)
    assert other != held
    assert table.words[held + 1] == 99
    table.settle()
    again = table.lookup_or_init(7, 1)
    assert again == held
    assert list(table.words[again : again + 2]) == [1, 2]


def test_an_array_has_every_index_from_the_start_and_no_other():
    sim = make_sim()
    table = Table(sim.trace, 0, ARRAY, 3, 1, Array([4]))
    table.open()
    assert [table.get(i) for i in (-1, 0, 2, 3)] == [0, 4, 4, 0]
    assert not table.update(3, 1, 1)
    assert table.update(2, 9, 1)
    assert table.get(2) == 9


@given(st.booleans(), st.lists(st.one_of(st.integers(), st.none()), max_size=60))
def test_int_queue_and_stack_are_a_bounded_deque(stack, actions):
    sim = make_sim()
    one = IntQueue(sim.trace, 0, 4, stack)
    one.open()
    oracle: deque[int] = deque()
    for action in actions:
        if action is None:
            expected = (oracle.pop() if stack else oracle.popleft()) if oracle else None
            assert one.pop(1) == expected
        else:
            value = action % 2**62
            assert one.push(value, 1) == (len(oracle) < 4)
            if len(oracle) < 4:
                oracle.append(value)
        assert one.length == len(oracle)
        assert one.peek() == ((oracle[-1] if stack else oracle[0]) if oracle else None)


def test_inner_maps_share_one_pool_of_entries():
    sim = make_sim()
    bound = Bound(2)
    inner = inner_maps(sim, 3)
    for one in inner:
        one.bound = bound
    assert [one.push(make_skb(sim), 0, 1) for one in inner] == [True, True, False]
    assert (bound.length, bound.bytes) == (2, 200)
    inner[0].pop(1)
    assert inner[2].push(make_skb(sim), 0, 1)

"""Map kinds: how each is declared, what its methods do, what user space may do with it."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.language.helpers import U32_MAX, Arg, HelperSpec
from sandbox.language.tree import MapDecl

SKB = Arg("skb", "owned")
RANK = Arg("rank")
KEY = Arg("key", "key")

SKB_ENTRIES_MAX = 1_000_000
INNER_MAPS_MAX = 65_536
TABLE_ENTRIES_MAX = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodSpec:
    """A method of a map. `changes` is insert, remove or "" (reads, or only changes ranks)."""

    call: HelperSpec
    changes: str = ""

    @property
    def name(self) -> str:
        """Return the method's name."""
        return self.call.name


@dataclass(frozen=True, slots=True, kw_only=True)
class MapSpec:
    """A map kind. `count_name` is its first, positional argument, "" for none.

    `inner` says that methods are called on `name[index]`; `holds` is packets, values or ints;
    `iterates` names what `for` gives, "" for nothing; `user_space` lists what user space may do
    besides dumping it.
    """

    name: str
    doc: str
    bpf: str
    holds: str
    methods: dict[str, MethodSpec]
    entries_max: int
    count_name: str = ""
    inner: bool = False
    takes_value: bool = False
    takes_less: bool = False
    iterates: str = ""
    contains: bool = False
    subscript: bool = False
    bytes: bool = False
    user_space: str = ""
    exportable: bool = True

    @property
    def signature(self) -> str:
        """Return the form of the declaration, e.g. `SkbMap(max_entries=, less=)`."""
        parts = [self.count_name] if self.count_name else []
        parts.append("max_entries=")
        parts += ["value="] if self.takes_value else []
        parts += ["less="] if self.takes_less else []
        return f"{self.name}({', '.join(parts)})"


def _method(
    name: str,
    args: tuple[Arg, ...],
    returns: str,
    doc: str,
    *,
    changes: str = "",
    cost: str = "O(1)",
    bpf: str = "",
    low: int = -(2**63),
    high: int = 2**63 - 1,
) -> MethodSpec:
    call = HelperSpec(
        name=name, args=args, returns=returns, doc=doc, cost=cost, bpf=bpf, low=low, high=high
    )
    return MethodSpec(call=call, changes=changes)


def _table(*methods: MethodSpec) -> dict[str, MethodSpec]:
    return {method.name: method for method in methods}


_PUSH_DOC = (
    "Store the packet under a rank of 0 or more; False when full, and the packet stays yours."
)

_SKB_METHODS = _table(
    _method(
        "push",
        (SKB, RANK),
        "bool",
        _PUSH_DOC,
        changes="insert",
        cost="O(log n)",
        bpf="bpf_skb_map_push(), bpf_rbtree_add()",
    ),
    _method(
        "pop",
        (),
        "owned?",
        "Take the packet of smallest rank, the earliest of equals; None when empty.",
        changes="remove",
        cost="O(log n)",
        bpf="bpf_skb_map_pop(), bpf_rbtree_first() and _remove()",
    ),
    _method(
        "pop_last",
        (),
        "owned?",
        "Take the packet of largest rank, the latest of equals; None when empty.",
        changes="remove",
        cost="O(log n)",
        bpf="a walk by bpf_rbtree_right()",
    ),
    _method(
        "pop_rank",
        (RANK,),
        "owned?",
        "Take the earliest packet of exactly this rank; None when there is none.",
        changes="remove",
        cost="O(log n)",
        bpf="bpf_skb_map_pop(map, key) of the 2022 series",
    ),
    _method("peek", (), "peek?", "Look at the packet pop() would give.", bpf="bpf_rbtree_first()"),
    _method(
        "peek_last",
        (),
        "peek?",
        "Look at the packet pop_last() would give.",
        cost="O(log n)",
        bpf="a walk by bpf_rbtree_right()",
    ),
)

_FLOW_METHODS = _table(
    _method(
        "push",
        (KEY, SKB, RANK),
        "bool",
        "Store the packet in the flow of this key, made if need be; False when full, and the "
        "packet stays yours.",
        changes="insert",
        cost="O(log n)",
        bpf="bpf_flow_map_push()",
    ),
    _method(
        "pop",
        (KEY,),
        "owned?",
        "Take the packet of smallest rank of this flow, or None.",
        changes="remove",
        cost="O(log n)",
        bpf="bpf_flow_map_pop()",
    ),
    _method(
        "peek", (KEY,), "peek?", "Look at the packet pop(key) would give.", bpf="bpf_rbtree_first()"
    ),
    _method(
        "first",
        (),
        "int",
        "The key of the non-empty flow of smallest flow rank (ties: the one whose rank was "
        "set first), or -1.",
        bpf="bpf_rbtree_first() on the tree of flows",
    ),
    _method(
        "set_rank",
        (KEY, RANK),
        "nothing",
        "Give the flow a new rank, also while its packets wait.",
        changes="insert",
        cost="O(log n)",
        bpf="bpf_rbtree_remove(), bpf_rbtree_add()",
    ),
    _method("rank_of", (KEY,), "int", "The flow's rank, 0 for a flow that is not there.", low=0),
    _method(
        "delete",
        (KEY,),
        "bool",
        "Forget the flow; False when it holds packets or is not there.",
        changes="remove",
        cost="O(log n)",
    ),
    _method("len_of", (KEY,), "int", "Packets in this flow.", low=0, high=U32_MAX),
)

_LOOKUP = _method(
    "lookup",
    (KEY,),
    "value?",
    "The value of this key, or None; a record is a reference to the entry.",
    bpf="bpf_map_lookup_elem()",
)
_LOOKUP_OR_INIT = _method(
    "lookup_or_init",
    (KEY,),
    "record?",
    "The record of this key, made with its defaults if missing; None when the map is full.",
    changes="insert",
    bpf="bpf_map_lookup_elem(), bpf_map_update_elem()",
)
_UPDATE = _method(
    "update",
    (KEY, Arg("value", "value")),
    "bool",
    "Store a value (a record is copied); False when the map is full.",
    changes="insert",
    bpf="bpf_map_update_elem()",
)
_DELETE = _method(
    "delete",
    (KEY,),
    "bool",
    "Remove the entry; False when it is not there.",
    changes="remove",
    bpf="bpf_map_delete_elem()",
)

_HASH_METHODS = _table(_LOOKUP, _LOOKUP_OR_INIT, _UPDATE, _DELETE)
_ARRAY_METHODS = _table(_LOOKUP, _UPDATE)


def _int_methods(kind: str, end: str) -> dict[str, MethodSpec]:
    return _table(
        _method(
            "push",
            (Arg("value"),),
            "bool",
            f"Put an int on the {kind}; False when full.",
            changes="insert",
            bpf="bpf_map_push_elem()",
        ),
        _method(
            "pop",
            (),
            "int?",
            f"Take the {end} int, or None.",
            changes="remove",
            bpf="bpf_map_pop_elem()",
        ),
        _method("peek", (), "int?", f"The {end} int, or None.", bpf="bpf_map_peek_elem()"),
    )


_SPECS = (
    MapSpec(
        name="SkbMap",
        doc="Packets in order of rank, smallest first, ties first in first out.",
        bpf="the skb map of the series; a bpf_rb_root of nodes that hold an skb",
        holds="packets",
        methods=_SKB_METHODS,
        entries_max=SKB_ENTRIES_MAX,
        takes_less=True,
        iterates="packets in rank order",
        bytes=True,
    ),
    MapSpec(
        name="SkbMapArray",
        doc=(
            "A fixed number of skb maps, `bands[i]`; max_entries bounds the packets of all "
            "together."
        ),
        bpf="an array of bpf_rb_roots",
        holds="packets",
        methods=_SKB_METHODS,
        entries_max=SKB_ENTRIES_MAX,
        count_name="n",
        inner=True,
        takes_less=True,
        iterates="packets of one inner map in rank order",
        bytes=True,
    ),
    MapSpec(
        name="SkbMapHash",
        doc=(
            "Skb maps by key, `flows[key]`, made by the first push; max_entries bounds the "
            "packets of all together."
        ),
        bpf="BPF_MAP_TYPE_HASH_OF_MAPS of skb maps",
        holds="packets",
        methods=_SKB_METHODS,
        entries_max=SKB_ENTRIES_MAX,
        count_name="max_flows",
        inner=True,
        takes_less=True,
        iterates="packets of one inner map in rank order",
        bytes=True,
    ),
    MapSpec(
        name="FlowMap",
        doc=(
            "Flows ordered by a flow rank that may change, each a queue of packets ordered by "
            "packet rank."
        ),
        bpf="the flow map of the series; two levels of bpf_rbtree",
        holds="packets",
        methods=_FLOW_METHODS,
        entries_max=SKB_ENTRIES_MAX,
        count_name="max_flows",
        bytes=True,
    ),
    MapSpec(
        name="HashMap",
        doc="Ints or records by int key, in insertion order.",
        bpf="BPF_MAP_TYPE_HASH",
        holds="values",
        methods=_HASH_METHODS,
        entries_max=TABLE_ENTRIES_MAX,
        takes_value=True,
        iterates="keys in insertion order",
        contains=True,
        subscript=True,
        user_space="lookup, update, delete",
    ),
    MapSpec(
        name="LruHashMap",
        doc=(
            "A HashMap that evicts its least recently used entry when full; lookup and update "
            "count as use."
        ),
        bpf="BPF_MAP_TYPE_LRU_HASH",
        holds="values",
        methods=_HASH_METHODS,
        entries_max=TABLE_ENTRIES_MAX,
        takes_value=True,
        iterates="keys, least recently used first",
        contains=True,
        subscript=True,
        user_space="lookup, update, delete",
    ),
    MapSpec(
        name="ArrayMap",
        doc="Ints or records by index 0 to max_entries-1; every entry always exists.",
        bpf="BPF_MAP_TYPE_ARRAY",
        holds="values",
        methods=_ARRAY_METHODS,
        entries_max=TABLE_ENTRIES_MAX,
        takes_value=True,
        iterates="indices 0 to max_entries-1",
        contains=True,
        subscript=True,
        user_space="lookup, update",
    ),
    MapSpec(
        name="Queue",
        doc="Ints, first in first out.",
        bpf="BPF_MAP_TYPE_QUEUE",
        holds="ints",
        methods=_int_methods("queue", "oldest"),
        entries_max=TABLE_ENTRIES_MAX,
    ),
    MapSpec(
        name="Stack",
        doc="Ints, last in first out.",
        bpf="BPF_MAP_TYPE_STACK",
        holds="ints",
        methods=_int_methods("stack", "newest"),
        entries_max=TABLE_ENTRIES_MAX,
    ),
)

MAPS: dict[str, MapSpec] = {spec.name: spec for spec in _SPECS}
_OUT_OF_ORDER = frozenset({"pop_last", "pop_rank", "peek_last", "iterate"})


def is_tree(declared: MapDecl) -> bool:
    """Whether a map's packets are sorted by a comparator, or reached in other ways than from the front."""
    return bool(declared.less or declared.methods & _OUT_OF_ORDER)

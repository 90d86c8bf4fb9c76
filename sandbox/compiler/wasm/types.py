"""Types of the dialect and how their values lie in linear memory.

A value has one machine word a component: an int one i64, a record its address, a tuple those of its items, an
optional int its value and whether it is there. Addresses are 32 bits, 0 is None.

| thing | bytes |
|---|---|
| record | its fields in order, each aligned to its size, rounded up to 8 |
| Array | u32 count, u32 unused, then the items |
| List | u32 count, u32 room, u32 address of the items, u32 unused |
| Dict | a record of `library.py` |
| Hook | u32 index in the table of functions (0: none), u32 address of the instance's frame |
"""

from __future__ import annotations

import ast
import importlib
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from operator import attrgetter
from typing import Any

from sandbox.compiler.wasm.code import F64, I32, I64

ARRAY_HEAD = 8
LIST_BYTES = 16
DIGEST_BYTES = 16
FIXED = 256  # behind the cells that library.py names


@dataclass(frozen=True, slots=True)
class T:
    """A type. `of` are item types, `record` the class of a record."""

    kind: str
    of: tuple[T, ...] = ()
    record: type | None = None


INT, U64, FLOAT, BOOL = T("int"), T("u64"), T("float"), T("bool")
NONE, VOID, ANY, HOOK, OPTIONAL_INT = T("none"), T("void"), T("any"), T("hook"), T("int?")
SMALL = T("i32")  # an int that is kept in four bytes
ADDRESS = T("address")
BYTES = T("bytes")  # a bytearray: a List whose items are single bytes
INTS = T("array", (INT,))

_COMPONENTS: dict[str, tuple[int, ...]] = {
    "int": (I64,),
    "u64": (I64,),
    "any": (I64,),
    "float": (F64,),
    "hook": (I32, I32),
    "int?": (I64, I32),
    "void": (),
}
SIZES = {I32: 4, I64: 8, F64: 8}


def record_type(record: type) -> T:
    """Return the type of a record."""
    return T("record", (), record)


def array_of(item: T) -> T:
    """Return the type of an Array."""
    return T("array", (item,))


def list_of(item: T) -> T:
    """Return the type of a List."""
    return T("list", (item,))


def components(t: T) -> tuple[int, ...]:
    """Return the machine types of a value."""
    if t.kind == "tuple":
        return tuple(kind for one in t.of for kind in components(one))
    return _COMPONENTS.get(t.kind, (I32,))


@cache
def placed(t: T) -> tuple[tuple[int, ...], int]:
    """Return the offset of each component of an item and the bytes from one item to the next."""
    at = 0
    offsets = []
    for kind in components(t):
        size = SIZES[kind]
        at = (at + size - 1) // size * size
        offsets.append(at)
        at += size
    return tuple(offsets), (at + 7) // 8 * 8 if t.kind != "bytes" else 1


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the fields of a record lie, and how its objects are read.

    `others` are the fields, by number, whose value is not what memory holds; `hooks` those with two words, last first.
    """

    record: type
    fields: dict[str, tuple[T, int]]
    size: int
    pack: struct.Struct
    read: Callable[[Any], tuple[Any, ...]]
    others: tuple[tuple[int, T], ...]
    hooks: tuple[tuple[int, str], ...]


_FORMATS = {"i32": "i", "int": "q", "u64": "Q", "float": "d", "bool": "I", "hook": "II", "any": "q"}
_NUMBERS = frozenset(("int", "u64", "i32", "bool", "float"))
# Fields that are not in memory as their annotation says: see library.py.
DIGEST, UNUSED = T("digest"), T("unused")
OVERRIDES: dict[tuple[str, str], T] = {("Trace", "digest"): DIGEST, ("Trace", "ring"): UNUSED}


@cache
def layout(record: type) -> Layout:
    """Return the layout of a record."""
    found: dict[str, tuple[T, int]] = {}
    at = 0
    form = "<"
    for one in fields(record):
        t = OVERRIDES.get((record.__name__, one.name)) or annotation(
            str(one.type), record.__module__
        )
        offset, width = at, 0
        first = SIZES[components(t)[0]] if t.kind != "hook" else 8
        offset = (at + first - 1) // first * first
        form += f"{offset - at}x" if offset > at else ""
        width = 8 if t.kind == "hook" else sum(SIZES[kind] for kind in components(t))
        form += _FORMATS.get(t.kind, "I")
        found[one.name] = (t, offset)
        at = offset + width
    size = (at + 7) // 8 * 8
    form += f"{size - at}x" if size > at else ""
    kinds = [(number, name, t) for number, (name, (t, _)) in enumerate(found.items())]
    return Layout(
        record,
        found,
        size,
        struct.Struct(form),
        _reader(tuple(found)),
        tuple((number, t) for number, _, t in kinds if t.kind not in _NUMBERS and t.kind != "hook"),
        tuple((number, name) for number, name, t in reversed(kinds) if t.kind == "hook"),
    )


def _reader(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """Return what reads an object's fields."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda thing: tuple(getattr(thing, name) for name in names)


# Records a run has one of. They, the heads of their lists and the first device lie at the same place in every run, so
# that code needs no address to find them: it would have to be loaded and kept, and there are few registers.
SINGLE = ("Sim", "Trace", "SkbPool")
FIRST = (("Sim", "first"), ("Sim", "first_queue"))


def fixed() -> dict[tuple[str, str], int]:
    """Return where the single records are, by (name, ""), and what their fields lead to, by (name, field)."""
    return _fixed()[0]


def fixed_end() -> int:
    """Return the first address behind what is at a fixed place."""
    return _fixed()[1]


@cache
def _fixed() -> tuple[dict[tuple[str, str], int], int]:
    found: dict[tuple[str, str], int] = {}
    at = FIXED
    for name in SINGLE:
        found[name, ""] = at
        at += layout(records()[name]).size
    for name in SINGLE:
        for field, (t, _) in layout(records()[name]).fields.items():
            if t.kind in ("list", "bytes", "digest"):
                found[name, field] = at
                at += LIST_BYTES if t != DIGEST else ARRAY_HEAD + DIGEST_BYTES
    for name, field in FIRST:
        found[name, field] = at
        t, _ = layout(records()[name]).fields[field]
        assert t.record is not None
        at += layout(t.record).size
    return found, at


_RECORDS: dict[str, type] = {}
CORE = (
    "skb", "skbtree", "skbmap", "skbmaps", "flowmap", "tables", "ints", "classes", "ctx", "filters", "gauge",
    "headers", "instance", "netdev", "qdisc", "rng", "sim", "sources", "stats", "trace", "changes",
)  # fmt: skip


def records() -> dict[str, type]:
    """Return every record of the core and of the library by name."""
    if not _RECORDS:
        for name in (*(f"sandbox.core.{one}" for one in CORE), "sandbox.compiler.wasm.library"):
            module = importlib.import_module(name)
            for value in vars(module).values():
                if not isinstance(value, type) or value.__module__ != name:
                    continue
                if hasattr(value, "__dataclass_fields__"):
                    _RECORDS[value.__name__] = value
    return _RECORDS


@cache
def annotation(text: str, module: str) -> T:
    """Return the type an annotation of a module's text stands for."""
    return of_node(ast.parse(text, mode="eval").body, sys.modules[module])


def of_node(node: ast.expr | None, module: Any) -> T:
    """Return the type an annotation stands for."""
    match node:
        case None | ast.Constant(value=None):
            return VOID
        case ast.Constant(value=str(text)):
            return of_node(ast.parse(text, mode="eval").body, module)
        case ast.BinOp(left=left):  # X | None
            inner = of_node(left, module)
            return OPTIONAL_INT if inner == INT else inner
        case ast.Subscript(value=ast.Name(id=name), slice=index):
            return _generic(name, index, module)
        case ast.Name(id=name):
            return _named(name, module)
        case ast.Attribute(attr=name):
            return _named(name, module)
    raise AssertionError(f"no type: {ast.dump(node)}")


_PLAIN = {
    "int": INT,
    "u64": U64,
    "i32": SMALL,
    "float": FLOAT,
    "bool": BOOL,
    "Any": ANY,
    "Hook": HOOK,
    "bytearray": BYTES,
    "None": VOID,
}


def _named(name: str, module: Any) -> T:
    if name in _PLAIN:
        return _PLAIN[name]
    known = records().get(name)  # names of the core may be imported for type checking only
    return record_type(known if known is not None else getattr(module, name))


def _generic(name: str, index: ast.expr, module: Any) -> T:
    if name in ("Array", "List"):
        return T("array" if name == "Array" else "list", (of_node(index, module),))
    if name == "Dict":
        return record_type(records()["IntDict"])
    assert name == "tuple" and isinstance(index, ast.Tuple)
    items = index.elts
    if isinstance(items[-1], ast.Constant) and items[-1].value is Ellipsis:
        return array_of(of_node(items[0], module))
    return T("tuple", tuple(of_node(one, module) for one in items))

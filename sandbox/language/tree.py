"""The neutral typed tree of a checked program: what every back end starts from.

The checker builds it, nothing mutates it. Every node carries its source range; every expression its
type and the interval its value is known to lie in. No node knows Python's ``ast`` or any target.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

INT_MIN = -(2**63)
INT_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Span:
    """A source range: lines from 1, columns from 1, the end column is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


class Kind(Enum):
    """What a value is; records carry their record's name beside it."""

    INT = "int"
    BOOL = "bool"
    OPTIONAL_INT = "int or None"
    VERDICT = "verdict"
    SKB = "skb"  # owns its packet, or borrows it: see Type.borrowed
    OPTIONAL_SKB = "skb or None"
    RECORD = "record"
    OPTIONAL_RECORD = "record or None"
    NONE = "None"
    VOID = "nothing"
    CTX = "ctx"  # the context, only as a parameter named ctx and an argument of a helper


@dataclass(frozen=True, slots=True)
class Type:
    """A type; `record` names the record of RECORD kinds, `borrowed` marks packets only read."""

    kind: Kind
    record: str = ""
    borrowed: bool = False


# --- expressions ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Expr:
    """Base of all expressions; `low`..`high` bounds an int's value, both ends included."""

    span: Span
    type: Type
    low: int = INT_MIN
    high: int = INT_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class Const(Expr):
    """An int or bool known at compile time (constants are folded to this), or None."""

    value: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictConst(Expr):
    """One of QUEUED CN DROP THROTTLE BYPASS PASS STOLEN OK."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Local(Expr):
    """A local variable or parameter of the function."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Global(Expr):
    """A program global."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParamRef(Expr):
    """The current value of a scalar parameter."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParamItem(Expr):
    """`name[index]` of a list parameter; an index outside 0..n-1 faults."""

    name: str
    index: Expr
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Field(Expr):
    """`base.name`, a scalar field of a record."""

    base: Expr
    record: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldItem(Expr):
    """`base.name[index]`, an item of an Array field; an index outside 0..length-1 faults."""

    base: Expr
    record: str
    name: str
    index: Expr
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SkbField(Expr):
    """`base.name` for a readable packet field."""

    base: Expr
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SkbCb(Expr):
    """`base.cb[index]`; an index outside 0..4 faults."""

    base: Expr
    index: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class CtxField(Expr):
    """`ctx.name`, or `ctx.dev.name` with name = "dev.mtu" and so on."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unary(Expr):
    """op is one of - ~ not."""

    op: str
    operand: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary(Expr):
    """op is one of + - * // % << >> & | ^.

    `wraps` is False where the bounds prove that no wrap can happen.
    """

    op: str
    left: Expr
    right: Expr
    wraps: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Compare(Expr):
    """A chain `first op1 rest1 op2 rest2 …`; operands are evaluated once, as in Python."""

    first: Expr
    ops: tuple[str, ...]  # < <= > >= == !=
    rest: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IsNone(Expr):
    """`value is None`, or `is not None` when negated."""

    value: Expr
    negated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BoolOp(Expr):
    """Short-circuit and/or. Operands are bool or int; the result is bool."""

    op: str
    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IfExp(Expr):
    """`then if test else orelse`."""

    test: Expr
    then: Expr
    orelse: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class HelperCall(Expr):
    """A call of a helper of the language (helpers.py), e.g. random, min, child_dequeue, skb.load_u8.

    Methods of skb and ctx are helpers too: "skb.load_u8" has the packet as args[0];
    "ctx.timer_after" has only the ns. Defaults of optional arguments are filled in.
    `drop` and `trace` are statements (Drop, Trace), not calls.
    """

    helper: str
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCall(Expr):
    """A call of a helper function of the program."""

    function: str
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MapCall(Expr):
    """`map.method(args)`, or `map[index].method(args)` for arrays and hashes of skb maps.

    Also len(map) as method "len", `q.bytes` as "bytes", `k in m` as "contains", `m[k]` of an int
    map as "get" (0 for a missing key), `m[k] = v` as "set" (a statement; faults when full).
    """

    map: str
    method: str
    index: Expr | None
    args: tuple[Expr, ...]


# --- statements ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Stmt:
    """Base of all statements."""

    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Assign(Stmt):
    """`name = value` for a local."""

    name: str
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class SetGlobal(Stmt):
    """`name = value` for a global."""

    name: str
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class SetField(Stmt):
    """`base.name = value` for a record."""

    base: Expr
    record: str
    name: str
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFieldItem(Stmt):
    """`base.name[index] = value`."""

    base: Expr
    record: str
    name: str
    index: Expr
    length: int
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSkbField(Stmt):
    """`base.name = value`; values are truncated to the width of the field."""

    base: Expr
    name: str
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSkbCb(Stmt):
    """`base.cb[index] = value`."""

    base: Expr
    index: Expr
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class SetCtx(Stmt):
    """`ctx.delay = value` or `ctx.classid = value`."""

    name: str
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class ExprStmt(Stmt):
    """An expression for its effect."""

    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop(Stmt):
    """`drop(skb)` or `drop(skb, "reason")`; reason indexes Program.reasons, 0 for none."""

    skb: Expr
    reason: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace(Stmt):
    """`trace("text %d", x)`; format indexes Program.formats."""

    format: int
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class If(Stmt):
    """`if test: then else: orelse`."""

    test: Expr
    then: tuple[Stmt, ...]
    orelse: tuple[Stmt, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class While(Stmt):
    """`while test: body`."""

    test: Expr
    body: tuple[Stmt, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForRange(Stmt):
    """`for name in range(start, stop, step)`; step is a non-zero constant."""

    name: str
    start: Expr
    stop: Expr
    step: int
    body: tuple[Stmt, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForMap(Stmt):
    """`for name in map`: keys in insertion order, or packets in rank order.

    `index` is that of `for skb in map[index]`, for arrays and hashes of skb maps.
    """

    name: str
    map: str
    index: Expr | None
    body: tuple[Stmt, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForClasses(Stmt):
    """`for cl in classes()`, in creation order."""

    name: str
    body: tuple[Stmt, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Break(Stmt):
    """`break`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Continue(Stmt):
    """`continue`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Return(Stmt):
    """`return value`; None for a bare return."""

    value: Expr | None


# --- declarations ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """A parameter. `default` is an int, a tuple of ints, "TXQUEUELEN" or "MTU" (the device's)."""

    name: str
    default: int | tuple[int, ...] | str
    kind: Kind  # INT or BOOL
    low: int = INT_MIN
    high: int = INT_MAX
    unit: str = ""  # bytes packets bits_per_second ns percent
    help: str = ""
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordField:
    """A field: `length` 0 is a scalar, else an Array of that many ints.

    `param` is set for the parameters of a ClassRecord.
    """

    name: str
    kind: Kind  # INT or BOOL
    default: int
    length: int = 0
    offset: int = 0  # index of its first word in the record
    param: Param | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record type; `words` is the number of 64-bit words of one value.

    A class record's first field, word 0, is always the read-only `classid` of its class.
    """

    name: str
    fields: tuple[RecordField, ...]
    words: int
    per_class: bool = False
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class MapDecl:
    """A map. `value` names a record, "" for int values; sizes are a constant or a Param's name."""

    name: str
    kind: str  # SkbMap SkbMapArray SkbMapHash FlowMap HashMap LruHashMap ArrayMap Queue Stack
    max_entries: int | str
    count: int | str = 0  # n of SkbMapArray, max_flows of SkbMapHash and FlowMap
    value: str = ""
    less: str = ""  # comparator
    methods: frozenset[str] = field(default_factory=frozenset)  # used ones, and "iterate"
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalVar:
    """A global with its initial value."""

    name: str
    kind: Kind
    initial: int
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildrenDecl:
    """`Children(count, kind="pfifo", limit=…)`: classes 1..count with a default child each.

    `kind` names a program of the library; `limit` sets its parameter of that name, None leaves it.
    """

    count: int | str  # a constant or a Param's name
    kind: str
    limit: int | str | None
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function. `role` is an entry point's name, "helper" or "comparator".

    `params` include ("ctx", CTX) where the source has it; a helper may take ctx too and is
    then given it by its caller as Local("ctx"). `calls` names the helpers it calls.
    """

    name: str
    role: str  # enqueue dequeue peek init reset timer egress classify helper comparator
    params: tuple[tuple[str, Type], ...]
    returns: Type
    locals: tuple[tuple[str, Type], ...]
    body: tuple[Stmt, ...]
    calls: tuple[str, ...] = ()
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A whole checked program. `functions` is ordered so that a callee comes before its callers."""

    name: str
    title: str
    doc: str
    source: str
    params: tuple[Param, ...]
    records: tuple[Record, ...]
    class_record: Record | None
    globals: tuple[GlobalVar, ...]
    maps: tuple[MapDecl, ...]
    functions: tuple[Function, ...]
    reasons: tuple[str, ...]  # reasons[0] is ""
    formats: tuple[str, ...]
    children: ChildrenDecl | None = None

    def function(self, role: str) -> Function | None:
        """Return the entry point of this role, or None."""
        return next((f for f in self.functions if f.role == role), None)

"""The expressions of the direct interpreter: one method a kind, values as a reader would think of them."""

from __future__ import annotations

import math
from typing import Any

from sandbox.core import skb as core_skb
from sandbox.core import trap
from sandbox.core.trap import Trap
from sandbox.language import tree
from sandbox.language.tree import Kind


def low64(value: int) -> int:
    value %= 2**64
    return value - 2**64 if value >= 2**63 else value


class Evaluator:
    """What expressions need of an instance: `lab` offers sim, instance, maps, classes, params, ctx."""

    def __init__(self, program: tree.Program, lab: Any) -> None:
        self.program = program
        self.lab = lab
        self.local: dict[str, Any] = {}
        self.globals = {g.name: int(g.initial) for g in program.globals}
        self.kinds = {m.name: m for m in program.maps}
        records = [*program.records, *([program.class_record] if program.class_record else [])]
        self.offsets = {(r.name, f.name): f.offset for r in records for f in r.fields}

    def call(self, name: str, args: list[Any]) -> Any:
        raise NotImplementedError

    def index(self, index: int, length: int, line: int) -> int:
        if not 0 <= index < length:
            raise Trap(trap.INDEX, line, index)
        return index

    def truth(self, e: tree.Expr) -> bool:
        value = self.eval(e)
        return value is not None and value != 0

    def eval(self, e: tree.Expr) -> Any:
        match e:
            case tree.Const():
                return None if e.value is None else int(e.value)
            case tree.VerdictConst():
                return e.name
            case tree.Local():
                return self.local.get(e.name, 0 if e.type.kind in (Kind.INT, Kind.BOOL) else None)
            case tree.Global():
                return self.globals[e.name]
            case tree.ParamRef() | tree.ParamItem():
                number = [p.name for p in self.program.params].index(e.name)
                value = self.lab.params[number]
                if isinstance(e, tree.ParamItem):
                    value = value[self.index(self.eval(e.index), e.length, e.index.span.line)]
                return int(value)
            case tree.Field():
                table, base = self.eval(e.base)
                return table.words[base + self.offsets[e.record, e.name]]
            case tree.FieldItem():
                table, base = self.eval(e.base)
                index = self.index(self.eval(e.index), e.length, e.index.span.line)
                return table.words[base + self.offsets[e.record, e.name] + index]
            case tree.SkbField():
                return self.skb_field(self.eval(e.base), e.name)
            case tree.SkbCb():
                skb = self.eval(e.base)
                index = self.index(self.eval(e.index), 5, e.span.line)
                return skb.cb[self.lab.level * 5 + index]
            case tree.CtxField():
                value = getattr(self.lab.ctx, e.name.replace("dev.", "dev_"))
                return value() if callable(value) else value
            case tree.Unary(op="not"):
                return int(not self.truth(e.operand))
            case tree.Unary():
                operand = self.eval(e.operand)
                return self.wrap(-operand if e.op == "-" else ~operand, e.span.line)
            case tree.Binary():
                left = self.eval(e.left)
                return self.binary(e.op, left, self.eval(e.right), e.span.line)
            case tree.Compare():
                return self.compare(e)
            case tree.IsNone():
                return int((self.eval(e.value) is None) != e.negated)
            case tree.BoolOp():
                for operand in e.values:
                    if self.truth(operand) == (e.op == "or"):
                        return int(e.op == "or")
                return int(e.op == "and")
            case tree.IfExp():
                return self.eval(e.then) if self.truth(e.test) else self.eval(e.orelse)
            case tree.UserCall():
                return self.call(e.function, [self.eval(a) for a in e.args])
            case tree.MapCall():
                return self.map_call(e)
            case tree.HelperCall():
                return self.helper(e)
        raise AssertionError(e)

    def skb_field(self, skb: Any, name: str) -> Any:
        if name == "hash":
            return skb.header.tuple_hash
        if name == "protocol" or name.startswith("vlan"):
            return getattr(skb.header, name)
        return skb.len if name == "wire_len" else getattr(skb, name)

    def wrap(self, value: int, line: int) -> int:
        if not -(2**63) <= value < 2**63:
            self.lab.instance.wrapped(line)
        return low64(value)

    def binary(self, op: str, a: int, b: int, line: int) -> int:
        if op in ("//", "%") and b == 0:
            raise Trap(trap.DIV_ZERO, line)
        match op:
            case "+":
                value = a + b
            case "-":
                value = a - b
            case "*":
                value = a * b
            case "//":
                value = math.floor(a // b)
            case "%":
                value = a - b * (a // b)
            case "<<":
                value = a * 2 ** (b % 64)
            case ">>":
                value = a // 2 ** (b % 64)
            case "&":
                value = low64((a % 2**64) & (b % 2**64))
            case "|":
                value = low64((a % 2**64) | (b % 2**64))
            case "^":
                value = low64((a % 2**64) ^ (b % 2**64))
        return self.wrap(value, line)

    def compare(self, e: tree.Compare) -> int:
        left = self.eval(e.first)
        for op, operand in zip(e.ops, e.rest, strict=True):
            right = self.eval(operand)
            holds = {
                "<": left < right,
                "<=": left <= right,
                ">": left > right,
                ">=": left >= right,
                "==": left == right,
                "!=": left != right,
            }[op]
            if not holds:
                return 0
            left = right
        return 1

    # --- calls of the core

    def map_call(self, e: tree.MapCall) -> Any:
        decl = self.kinds[e.map]
        target = self.lab.maps[e.map]
        line = e.span.line
        if decl.kind in ("HashMap", "LruHashMap", "ArrayMap"):
            return self.table_call(e, target, bool(decl.value))
        prefix: list[Any] = []
        if decl.kind == "SkbMapArray" and e.index is not None:
            target = target.at(self.eval(e.index), line)
        elif decl.kind == "SkbMapHash" and e.index is not None:
            prefix = [self.eval(e.index)]
        args = prefix + [self.eval(a) for a in e.args]
        if e.method in ("len", "bytes"):
            inners = list(getattr(target, "inner", [target]))
            if prefix:
                inners = [inner for inner in [target.find(args[0])] if inner is not None]
            attribute = "length" if e.method == "len" else "bytes"
            return sum(getattr(inner, attribute) for inner in inners)
        if e.method in ("push", "pop", "pop_last", "pop_rank", "set_rank", "delete"):
            args.append(line)
        result = getattr(target, e.method)(*args)
        return int(result) if isinstance(result, bool) else result

    def table_call(self, e: tree.MapCall, table: Any, records: bool) -> Any:
        if e.method == "len":
            return table.length
        key = self.eval(e.args[0])
        line = e.span.line
        match e.method:
            case "lookup" | "lookup_or_init":
                lined = (key, line) if e.method == "lookup_or_init" else (key,)
                base = getattr(table, e.method)(*lined)
                if base < 0:
                    return None
                return (table, base) if records else table.words[base]
            case "update":
                value = self.eval(e.args[1])
                if records:
                    return int(table.update_record(key, value[0].words, value[1], line))
                return int(table.update(key, value, line))
            case "delete":
                return int(table.delete(key, line))
            case "contains":
                return int(table.contains(key))
            case "get":
                return table.get(key)
        raise AssertionError(e.method)

    def helper(self, e: tree.HelperCall) -> Any:
        args = [self.eval(a) for a in e.args]
        line = e.span.line
        instance = self.lab.instance
        match e.helper:
            case "min" | "max":
                return min(args) if e.helper == "min" else max(args)
            case "abs":
                return self.wrap(abs(args[0]), line)
            case "isqrt":
                return math.isqrt(max(args[0], 0))
            case "log2_floor":
                return max((i for i in range(64) if args[0] % 2**64 >> i & 1), default=-1)
            case "find_first_set":
                return min((i for i in range(64) if args[0] % 2**64 >> i & 1), default=-1)
            case "ult":
                return int(args[0] % 2**64 < args[1] % 2**64)
            case "udiv" | "umod":
                if args[1] == 0:
                    raise Trap(trap.DIV_ZERO, line)
                quotient, rest = divmod(args[0] % 2**64, args[1] % 2**64)
                return low64(quotient if e.helper == "udiv" else rest)
            case "hash_skb":
                return core_skb.hash_skb(*args)
            case "skb.load_u8" | "skb.load_u16" | "skb.load_u32":
                return getattr(core_skb, e.helper[4:])(*args, line)
            case "ctx.timer_after":
                return self.lab.ctx.timer_after(args[0], line)
            case "class_of":
                base = self.lab.classes.class_of(args[0])
                return (self.lab.classes, base) if base >= 0 else None
            case "random" | "child_qlen" | "child_backlog":
                return getattr(instance, e.helper)(*args)
        if e.helper.startswith("child_"):
            return self.child(e.helper, args, line)
        result = getattr(instance, e.helper)(*args, line)
        return int(result) if isinstance(result, bool) else result

    def child(self, name: str, args: list[Any], line: int) -> Any:
        """Call a child, which may run this very instance: put back what belongs to this call."""
        instance = self.lab.instance
        mine = instance.fuel[0], instance.running, instance.entering, self.local
        instance.fuel[0] = 50_000
        result = getattr(instance, name)(*args, line)
        instance.fuel[0], instance.running, instance.entering, self.local = mine
        return int(result) if isinstance(result, bool) else result

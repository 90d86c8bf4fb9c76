"""A direct interpreter of the neutral tree: slow, obvious, and written without a look at the lowering.

It shares with the back end only the core's maps. A record is a pair (table, base), a verdict its name, a bool 0 or 1.
"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

from sandbox.core import skb as core_skb
from sandbox.core import trap
from sandbox.core.trap import Trap
from sandbox.language import tree
from sandbox.language.tree import Kind

NUMBERS = {"QUEUED": 0, "CN": 1, "DROP": 2, "THROTTLE": 3}
NUMBERS |= {"BYPASS": 4, "PASS": 5, "STOLEN": 6, "OK": 7}
CALL_FUEL = 50_000


class Leave(Exception):
    """A return on its way out; `line` is that of the statement."""

    def __init__(self, value: Any, line: int) -> None:
        self.value = value
        self.line = line


class Stop(Exception):
    """A break."""


class Again(Exception):
    """A continue."""


def low64(value: int) -> int:
    value %= 2**64
    return value - 2**64 if value >= 2**63 else value


class Interpreter:
    """One instance of a program; `lab` offers sim, instance, maps, classes, params, ctx."""

    def __init__(self, program: tree.Program, lab: Any) -> None:
        self.program = program
        self.lab = lab
        self.functions = {f.name: f for f in program.functions}
        self.globals = {g.name: int(g.initial) for g in program.globals}
        self.kinds = {m.name: m for m in program.maps}
        records = [*program.records, *([program.class_record] if program.class_record else [])]
        self.offsets = {(r.name, f.name): f.offset for r in records for f in r.fields}

    # --- calls

    def run(self, role: str, **args: Any) -> Any:
        """Call an entry point and return what docs/architecture.md promises."""
        function = next(f for f in self.program.functions if f.role == role)
        self.lab.instance.fuel[0] = CALL_FUEL
        value, line = self.invoke(function, [args[name] for name, _ in function.params])
        if role == "dequeue":
            if isinstance(value, str):
                return NUMBERS[value] | line << 8, None
            return line << 8, value
        if role in ("enqueue", "egress"):
            return NUMBERS[value] | line << 8
        if role == "classify":
            return -1 if value == "STOLEN" else value % 2**32
        return None

    def less(self, name: str) -> Any:
        """Return a comparator as the core calls it."""
        return lambda a, b: self.call(name, [a, b])

    def call(self, name: str, args: list[Any]) -> Any:
        function = self.functions[name]
        self.burn(function.span.line)
        return self.invoke(function, args)[0]

    def invoke(self, function: tree.Function, args: list[Any]) -> tuple[Any, int]:
        outer = getattr(self, "local", None)
        self.local = {name: arg for (name, _), arg in zip(function.params, args, strict=True)}
        last = function.body[-1].span.end_line
        try:
            self.block(function.body)
            return None, last
        except Leave as leave:
            return leave.value, leave.line
        finally:
            self.local = outer or {}

    def burn(self, line: int) -> None:
        fuel = self.lab.instance.fuel
        fuel[0] -= 1
        if fuel[0] < 0:
            raise Trap(trap.FUEL_CALL, line, CALL_FUEL)

    # --- statements

    def block(self, body: tuple[tree.Stmt, ...]) -> None:
        for statement in body:
            self.statement(statement)

    def statement(self, s: tree.Stmt) -> None:
        line = s.span.line
        match s:
            case tree.Assign():
                self.local[s.name] = self.eval(s.value)
            case tree.SetGlobal():
                self.globals[s.name] = self.eval(s.value)
                state = self.lab.sim.trace.state
                number = [g.name for g in self.program.globals].index(s.name)
                state(32, 0, self.lab.instance.place, self.globals[s.name], line, number, 0)
            case tree.SetField():
                value = self.eval(s.value)
                table, base = self.eval(s.base)
                table.write(base, self.offsets[s.record, s.name], value, line)
            case tree.SetFieldItem():
                value = self.eval(s.value)
                table, base = self.eval(s.base)
                index = self.index(self.eval(s.index), s.length, s.index.span.line)
                table.write(base, self.offsets[s.record, s.name] + index, value, line)
            case tree.SetSkbField() | tree.SetSkbCb() | tree.SetCtx():
                self.set_outside(s)
            case tree.ExprStmt(value=tree.MapCall(method="set") as e):
                value = self.eval(e.args[1])
                key = self.eval(e.args[0])
                if not self.lab.maps[e.map].update(key, value, e.span.line):
                    raise Trap(trap.MAP_FULL, e.span.line)
            case tree.ExprStmt():
                self.eval(s.value)
            case tree.Drop():
                self.lab.instance.drop(self.eval(s.skb), s.reason, line)
            case tree.Trace():
                self.lab.instance.log(s.format, tuple(self.eval(a) for a in s.args), line)
            case tree.If():
                self.block(s.then if self.truth(s.test) else s.orelse)
            case tree.Break():
                raise Stop
            case tree.Continue():
                raise Again
            case tree.Return():
                raise Leave(None if s.value is None else self.eval(s.value), line)
            case _:
                self.loop(s)

    def set_outside(self, s: tree.Stmt) -> None:
        match s:
            case tree.SetCtx(name="classid"):
                self.lab.ctx.classid = self.eval(s.value) % 2**32
            case tree.SetCtx():
                self.lab.ctx.delay = self.eval(s.value)
            case tree.SetSkbField():
                value = self.eval(s.value)
                getattr(core_skb, f"set_{s.name}")(self.eval(s.base), value)
            case tree.SetSkbCb():
                value = self.eval(s.value)
                skb = self.eval(s.base)
                index = self.index(self.eval(s.index), 5, s.span.line)
                skb.cb[self.lab.level * 5 + index] = value % 2**32

    def loop(self, s: tree.Stmt) -> None:
        try:
            for name, value in self.turns(s):
                if name:
                    self.local[name] = value
                self.burn(s.span.line)
                with suppress(Again):
                    self.block(s.body)  # type: ignore[attr-defined]
        except Stop:
            pass

    def turns(self, s: tree.Stmt) -> Any:
        """Yield (variable or "", value) for each turn of a loop."""
        match s:
            case tree.While():
                while self.truth(s.test):
                    yield "", None
            case tree.ForRange():
                for number in range(self.eval(s.start), self.eval(s.stop), s.step):
                    yield s.name, number
            case tree.ForClasses():
                classes = self.lab.classes
                at = classes.first_class()
                while at >= 0:
                    yield s.name, (classes, classes.base_of(at))
                    at = classes.next_class(at)
            case tree.ForMap():
                for value in self.items(s):
                    yield s.name, value

    def items(self, s: tree.ForMap) -> Any:
        target = self.lab.maps[s.map]
        kind = self.kinds[s.map].kind
        if kind in ("HashMap", "LruHashMap", "ArrayMap"):
            slot = target.first_slot()
            while slot >= 0:
                yield target.key_at(slot)
                slot = target.next_slot(slot)
            return
        if s.index is not None:
            index = self.eval(s.index)
            target = target.find(index) if kind == "SkbMapHash" else target.at(index, s.span.line)
        skb = target.first() if target is not None else None
        while skb is not None:
            yield skb
            skb = target.after(skb)

    # --- expressions

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
                skb = self.eval(e.base)
                if e.name == "hash":
                    return skb.header.tuple_hash
                if e.name == "protocol" or e.name.startswith("vlan"):
                    return getattr(skb.header, e.name)
                return skb.len if e.name == "wire_len" else getattr(skb, e.name)
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
        left = instance.fuel[0]
        result = getattr(instance, e.helper)(*args, line)
        instance.fuel[0] = left
        return int(result) if isinstance(result, bool) else result

"""A direct interpreter of the neutral tree: slow, obvious, and written without a look at the lowering.

It shares with the back end only the core's maps. A record is a pair (table, base), a verdict its name, a bool 0 or 1.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from sandbox.core import skb as core_skb
from sandbox.core import trap
from sandbox.core.trap import Trap
from sandbox.language import tree
from tests.compiler.evaluator import Evaluator

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


class Interpreter(Evaluator):
    """One instance of a program; `lab` offers sim, instance, maps, classes, params, ctx."""

    def __init__(self, program: tree.Program, lab: Any) -> None:
        super().__init__(program, lab)
        self.functions = {f.name: f for f in program.functions}

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
        return value if role == "peek" else None

    def less(self, name: str) -> Any:
        """Return a comparator as the core calls it."""
        return lambda a, b: self.call(name, [a, b])

    def call(self, name: str, args: list[Any]) -> Any:
        function = self.functions[name]
        self.burn(function.span.line)
        return self.invoke(function, args)[0]

    def invoke(self, function: tree.Function, args: list[Any]) -> tuple[Any, int]:
        outer = self.local
        self.local = {name: arg for (name, _), arg in zip(function.params, args, strict=True)}
        last = function.body[-1].span.end_line
        try:
            self.block(function.body)
            return None, last
        except Leave as leave:
            return leave.value, leave.line
        finally:
            self.local = outer

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

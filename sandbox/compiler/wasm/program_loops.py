"""Programs: loops of the neutral tree → code."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.compiler.records import CLASSES
from sandbox.compiler.wasm import code
from sandbox.compiler.wasm.code import I32, I64, Node
from sandbox.compiler.wasm.dialect_call import method
from sandbox.compiler.wasm.frame import CLASS_TABLE, FUEL, TABLE_KINDS
from sandbox.compiler.wasm.program_call import inner_map
from sandbox.compiler.wasm.program_expr import encoded, number, test
from sandbox.compiler.wasm.program_scope import SKB, Scope
from sandbox.compiler.wasm.types import INT
from sandbox.compiler.wasm.values import V, fit, integer, one
from sandbox.core import trap
from sandbox.core.instance import CALL_FUEL
from sandbox.core.skbmap import SkbMap
from sandbox.core.skbmaps import SkbMapHash
from sandbox.language import tree


def burn(scope: Scope, line: int) -> None:
    """Take one unit of fuel; the run ends when none is left."""
    fn = scope.fn
    at = scope.thing(FUEL).node
    left = fn.keep(one(INT, code.op(code.I64_SUB, code.load(I64, 8, at), code.i64(1)))).node
    fn.emit(code.store(I64, 8, at, left))
    stop = scope.faulting(trap.FUEL_CALL, line, integer(CALL_FUEL))
    fn.emit((code.IF, code.op(code.I64_LT_S, left, code.i64(0)), stop, []))


Block = Callable[[Scope, tuple[tree.Stmt, ...]], None]


def loop(scope: Scope, statement: tree.Stmt, block: Block) -> None:
    """Translate a loop; every turn burns one unit of fuel before its body, which `block` translates."""
    match statement:
        case tree.While():
            _while(scope, statement, block)
        case tree.ForRange():
            _for_range(scope, statement, block)
        case tree.ForMap():
            _for_map(scope, statement, block)
        case tree.ForClasses():
            _for_classes(scope, statement, block)
        case _:
            raise AssertionError(f"no translation of {type(statement).__name__}")


def _while(scope: Scope, statement: tree.While, block: Block) -> None:
    """Test before the loop and at the end of each turn: what a machine moves out of it then costs only who enters."""
    fn = scope.fn
    out, top, following = fn.label(), fn.label(), fn.label()
    first = test(scope, statement.test)
    scope.loops.append((out, following))
    with fn.collected() as turn:
        burn(scope, statement.span.line)
        block(scope, statement.body)
    scope.loops.pop()
    with fn.collected() as body:
        fn.emit((code.BLOCK, following, turn))
        fn.emit((code.BR_IF, top, test(scope, statement.test)))
    loop = (code.LOOP, top, body)
    fn.emit((code.BLOCK, out, [(code.BR_IF, out, code.negate(first)), loop]))


class _Turns:
    """A loop under construction: `out` ends it, `body` is what a turn does before it goes on."""

    def __init__(self, scope: Scope, block: Block) -> None:
        self.scope = scope
        self.block = block
        self.out, self.top, self.following = (scope.fn.label() for _ in range(3))

    def make(self, ended: Node, name: str, v: V, statement: tree.Stmt, advance: list[Node]) -> None:
        """Emit the loop: leave when `ended`, set the variable, burn, do the body, advance."""
        scope, fn = self.scope, self.scope.fn
        assert isinstance(statement, tree.ForRange | tree.ForMap | tree.ForClasses)
        scope.loops.append((self.out, self.following))
        with fn.collected() as body:
            t, locals_ = scope.declare(name, v.t)
            fn.assign(locals_, fit(v, t))
            burn(scope, statement.span.line)
            self.block(scope, statement.body)
        scope.loops.pop()
        turn: list[Node] = [
            (code.BR_IF, self.out, ended),
            (code.BLOCK, self.following, body),
            *advance,
            (code.BR, self.top),
        ]
        fn.emit((code.BLOCK, self.out, [(code.LOOP, self.top, turn)]))


def _for_range(scope: Scope, statement: tree.ForRange, block: Block) -> None:
    """Count; the last step is taken only when the end is farther than it, so that nothing wraps."""
    fn = scope.fn
    start = number(scope, statement.start)
    counter = fn.local(I64)
    fn.emit((code.SET, counter, start.node))
    stop = fn.keep(number(scope, statement.stop)).node
    now: Node = (code.GET, counter)
    step = statement.step
    ended = code.op(code.I64_GE_S if step > 0 else code.I64_LE_S, now, stop)
    left = (stop, now) if step > 0 else (now, stop)
    turns = _Turns(scope, block)
    last = code.op(code.I64_LE_U, code.op(code.I64_SUB, *left), code.i64(abs(step)))
    advance: list[Node] = [
        (code.BR_IF, turns.out, last),
        (code.SET, counter, code.op(code.I64_ADD, now, code.i64(step))),
    ]
    turns.make(ended, statement.name, one(INT, now), statement, advance)


def _for_classes(scope: Scope, statement: tree.ForClasses, block: Block) -> None:
    fn = scope.fn
    table = scope.thing(CLASS_TABLE)
    at = fn.local(I64)
    now = one(INT, (code.GET, at))
    fn.emit((code.SET, at, method(scope.env, table, "first_class", []).node))
    ended = code.op(code.I64_LT_S, now.node, code.i64(0))
    base = method(scope.env, table, "base_of", [now])
    sources = scope.facts.provenance.variable(scope.function.name, statement.name)
    if len(sources) > 1:
        base = encoded(scope, base, CLASSES)
    with fn.collected() as advance:
        fn.emit((code.SET, at, method(scope.env, table, "next_class", [now]).node))
    _Turns(scope, block).make(ended, statement.name, base, statement, advance)


def _for_map(scope: Scope, statement: tree.ForMap, block: Block) -> None:
    kind = scope.facts.maps[statement.map].kind
    owner = scope.map(statement.map)
    if kind in TABLE_KINDS:
        _for_keys(scope, statement, owner, block)
        return
    fn = scope.fn
    if statement.index is not None:
        line = statement.span.line
        if kind == "SkbMapArray":
            owner = inner_map(scope, owner, statement.map, statement.index, line)
        else:
            assert owner.t.record is SkbMapHash
            owner = method(scope.env, owner, "find", [number(scope, statement.index)])
    owner = fn.keep(owner)
    assert owner.t.record is SkbMap
    at = fn.local(I32)
    now = one(SKB, (code.GET, at))
    with fn.collected() as there:
        fn.emit((code.SET, at, method(scope.env, owner, "first", []).node))
    none: list[Node] = [(code.SET, at, code.i32(0))]
    fn.emit((code.IF, owner.node, there, none))
    ended = code.op(code.I32_EQZ, now.node)
    with fn.collected() as advance:
        fn.emit((code.SET, at, method(scope.env, owner, "after", [now]).node))
    _Turns(scope, block).make(ended, statement.name, now, statement, advance)


def _for_keys(scope: Scope, statement: tree.ForMap, owner: V, block: Block) -> None:
    fn = scope.fn
    at = fn.local(I64)
    now = one(INT, (code.GET, at))
    fn.emit((code.SET, at, method(scope.env, owner, "first_slot", []).node))
    ended = code.op(code.I64_LT_S, now.node, code.i64(0))
    key = method(scope.env, owner, "key_at", [now])
    with fn.collected() as advance:
        fn.emit((code.SET, at, method(scope.env, owner, "next_slot", [now]).node))
    _Turns(scope, block).make(ended, statement.name, key, statement, advance)

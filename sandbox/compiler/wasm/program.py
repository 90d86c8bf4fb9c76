"""Programs: a checked program → one WebAssembly module that works on the core's memory."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.compiler.unset import unset_locals
from sandbox.compiler.wasm import code
from sandbox.compiler.wasm.binary import Defined
from sandbox.compiler.wasm.code import I32
from sandbox.compiler.wasm.core_module import core_module
from sandbox.compiler.wasm.dialect import compile_waiting
from sandbox.compiler.wasm.dialect_call import hook_types
from sandbox.compiler.wasm.frame import Frame
from sandbox.compiler.wasm.program_loops import burn
from sandbox.compiler.wasm.program_scope import Facts, Scope, is_record, type_of
from sandbox.compiler.wasm.program_stmt import block, returned
from sandbox.compiler.wasm.types import BOOL, INT, T, components
from sandbox.compiler.wasm.unit import Unit
from sandbox.compiler.wasm.values import integer
from sandbox.language import tree
from sandbox.language.tree import Kind

INLINE_NODES = 30
INLINED = frozenset(
    ("IntQueue.push", "IntQueue.pop", "IntQueue.peek", "IntQueue._at", "SkbMap.peek")
)
ENTRY_ROLES = ("enqueue", "dequeue", "peek", "init", "reset", "timer", "egress", "classify")


@dataclass(frozen=True, slots=True)
class ProgramModule:
    """The bytes of a program's module. `exports` are its entry points and comparators by their names."""

    binary: bytes
    frame: Frame
    entries: dict[str, str]  # role → exported name
    comparators: tuple[str, ...]


def compile_program(program: tree.Program, *, traced: bool, line_cells: int = 0) -> ProgramModule:
    """Compile a checked program; `traced` code also shows globals and records in the trace.

    With `line_cells` each statement counts its line, in as many counters at the end of the frame.
    """
    core = core_module()
    unit = Unit(
        core.statics,
        core.given,
        owns_memory=False,
        inline_nodes=INLINE_NODES,
        inlined=INLINED,
        kept=traced,
    )
    facts = Facts(program, unit, traced=traced, line_cells=line_cells)
    entries: dict[str, str] = {}
    comparators = []
    for function in program.functions:
        if function.role in ENTRY_ROLES:
            entries[function.role] = function.name
        elif function.role == "comparator":
            comparators.append(function.name)
        else:
            continue
        unit.writer.functions.append(_function(facts, function))
    made: set[str] = set()
    while facts.called:
        name = facts.called.pop()
        if name not in made:
            made.add(name)
            unit.writer.functions.append(_function(facts, facts.functions[name]))
    compile_waiting(unit)
    for name in (*entries.values(), *comparators):
        unit.writer.exports[name] = ("program", name)
    return ProgramModule(unit.writer.write(), facts.frame, entries, tuple(comparators))


def _result(function: tree.Function) -> T:
    if function.role in ENTRY_ROLES:
        return hook_types(function.role)[1]
    return BOOL if function.role == "comparator" else type_of(function.returns.kind)


def _function(facts: Facts, function: tree.Function) -> Defined:
    scope = Scope(facts, function)
    fn = scope.fn
    result = _result(function)
    given = list(fn.locals)
    if function.role in ENTRY_ROLES:
        _take_all(scope, function)
        given = list(fn.locals)
    with fn.collected() as body:
        for name in unset_locals(function):
            _initial(scope, name)
        if function.role in ("helper", "comparator"):
            burn(scope, function.span.line)
        block(scope, function.body)
        if not code.ends(fn.out):
            last = function.body[-1].span.end_line if function.body else function.span.line
            returned(scope, None, last)
    return Defined(("program", function.name), tuple(given), components(result), fn.locals, body)


def _take_all(scope: Scope, function: tree.Function) -> None:
    """Make the parameters those of the hook, whether or not the program names `ctx`."""
    wanted = (I32, *(kind for t in hook_types(function.role)[0] for kind in components(t)))
    while len(scope.fn.locals) < len(wanted):
        scope.fn.local(wanted[len(scope.fn.locals)])


def _initial(scope: Scope, name: str) -> None:
    """Give a record its value before its first assignment; everything else starts as zeros."""
    kind = scope.kinds.get(name, Kind.INT)
    if is_record(kind) and kind is not Kind.RECORD:
        _, locals_ = scope.declare(name, INT)
        scope.fn.assign(locals_, integer(-1))

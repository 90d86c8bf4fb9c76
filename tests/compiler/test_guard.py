"""The second gate stands alone: it refuses what the checker would never let through."""

from __future__ import annotations

import ast
import dis
from collections.abc import Iterator
from types import CodeType

import pytest

from sandbox.compiler.guard import GuardError, compile_guarded
from sandbox.compiler.lower import lower
from sandbox.compiler.restricted_python import compile_program
from sandbox.language import tree
from tests.compiler.lab import Lab
from tests.compiler.samples import everything
from tests.compiler.trees import INT, function, num, program, ret, var


def guarded(text: str) -> CodeType:
    """Put statements into a lowered function, as if the checker were absent, and compile that."""
    module, facts = lower(
        program(function("f", [ret(num(1))], (("a", INT),))), traced=False, counts=False
    )
    inserted = ast.parse(text)
    outer = module.body[0]
    assert isinstance(outer, ast.FunctionDef)
    outer.body[:0] = inserted.body
    calls = facts.registry.calls() | {"m_push_q", "each_range"}
    lists = facts.registry.lists() | {"w_flows"}
    return compile_guarded(module, "test", callable_names=calls, list_names=lists)


REFUSED = [
    "u_a.real",
    "u_a.__class__",
    "u_a.real = 1",
    "del u_a.real",
    "del u_a",
    "import os",
    "import sandbox.core.sim",
    "from os import system",
    "m_push_q.__self__",
    "w_flows.append(1)",
    "u_a[0]",
    "u_a[0] = 1",
    "w_flows[0:2]",
    "w_flows[0] += 1",
    "u_a += 1",
    "u_a()",
    "(m_push_q or u_a)()",
    "u_x = m_push_q\nu_x()",
    "open('/etc/passwd')",
    "eval('1')",
    "exec('1')",
    "getattr(u_a, 'real')",
    "u_x = 'text'",
    "u_x = b'bytes'",
    "u_x = 1.5",
    "u_x = 1j",
    "u_x = ...",
    "u_x = f'{u_a}'",
    "u_x = [1]",
    "u_x = {1: 2}",
    "u_x = {1}",
    "u_x = [u_y for u_y in each_range(3)]",
    "u_x = lambda: 1",
    "u_x = 2 ** 3",
    "u_x = 1 / 2",
    "u_x = 1 @ 2",
    "u_x, u_y = 1, 2",
    "class u_C:\n    pass",
    "def d_g(): pass\n@d_g\ndef d_h(): pass",
    "def d_g(u_x=1): pass",
    "def d_g(*u_x): pass",
    "def d_g(x): pass",
    "def other(): pass",
    "with u_a: pass",
    "try:\n    pass\nexcept: pass",
    "raise u_a",
    "assert u_a",
    "yield 1",
    "await u_a",
    "async def d_g(): pass",
    "nonlocal u_a",
    "for u_x in u_a: pass",
    "for u_x, u_y in each_range(1): pass",
    "for u_x in each_range(1): pass\nelse: pass",
    "match u_a:\n    case 1: pass",
    "m_push_q(*u_a)",
    "m_push_q(a=1)",
    "m_push_q = 1",
    "w_flows = 1",
    "__builtins__",
    "print(1)",
    "u_x__roles__ = 1",
    "_private = 1",
    "a",
    "u_a in u_a",
]


@pytest.mark.parametrize("text", REFUSED)
def test_the_second_gate_alone_refuses(text: str) -> None:
    with pytest.raises(GuardError):
        guarded(text)


@pytest.mark.parametrize(
    "text",
    [
        "u_x = u_a + 1",
        "u_x = w_flows[u_a]",
        "w_flows[u_a] = 1",
        "m_push_q(u_a, 1)",
        "for u_x in each_range(3): pass",
    ],
)
def test_the_second_gate_accepts_what_lowering_makes(text: str) -> None:
    guarded(text)


FORBIDDEN = (
    *("ATTR", "IMPORT", "BUILD_CLASS", "CLOSURE", "DEREF", "YIELD", "METHOD", "DELETE", "_NAME"),
    *("SETUP", "RAISE", "BUILD_MAP", "BUILD_SET", "BUILD_LIST", "FORMAT"),
)


def codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("counts", [False, True])
def test_code_objects_hold_no_dangerous_instruction_and_only_known_names(
    traced: bool, counts: bool
) -> None:
    compiled = compile_program(everything(), traced=traced, counts=counts)
    own = {f"d_{f.name}" for f in compiled.program.functions}
    own |= {f"g_{g.name}" for g in compiled.program.globals}
    for code in codes(compiled.code):
        assert set(code.co_names) <= own | compiled.bound.keys()
        assert not code.co_freevars and not code.co_cellvars
        for constant in code.co_consts:
            assert constant is None or isinstance(constant, int | tuple | CodeType | str)
            if isinstance(constant, str):  # qualified names of functions, never loaded as values
                assert constant.startswith("d_")
        if code.co_name != "<module>":
            assert not [
                i.opname
                for i in dis.get_instructions(code)
                if any(word in i.opname for word in FORBIDDEN)
            ]


def test_the_namespace_has_no_builtins() -> None:
    lab = Lab(program(function("f", [ret(var("a"))], (("a", INT),))))
    assert lab.entries.namespace["__builtins__"] == {}
    made = lab.entries.namespace["d_f"]
    assert made.__builtins__ == {}


def test_names_of_the_user_never_meet_ours() -> None:
    for name in ["len", "print", "printed", "x__roles__", "t1", "l_fuel", "u_a", "range", "i"]:
        body: list[tree.Stmt] = [ret(var(name))]
        lab = Lab(program(function(name, body, ((name, INT),))))
        lowered = next(f for n, f in lab.entries.namespace.items() if n.startswith("d"))
        lab.instance.fuel[0] = 10
        assert lowered(5) == 5

"""What the checker accepts compiles, and both engines agree on it: good programs, spoiled until they hardly pass."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from sandbox.build.programs import library_texts
from sandbox.compiler.wasm import program_scope
from sandbox.compiler.wasm.host import machine_code
from sandbox.compiler.wasm.program import compile_program
from sandbox.language.check import check
from sandbox.protocol import Job
from tests.language.spoiled import spoiled
from tests.wasm.agreement import assert_agreement

EXAMPLES = 4 * int(os.environ.get("AGREE_EXAMPLES", "40"))
NAMES = ("skb", "ctx", "queue", "flow", "None", "True", "limit", "len_bytes", "key", "now")
NUMBERS = ("0", "1", "-1", "7", "63", "4294967296", "9223372036854775807", "-9223372036854775808")
SIGNS = ("+", "-", "*", "//", "%", "<<", ">>", "&", "|", "^", "==", "!=", "<", ">=", "and", "or")
WORDS = (*NAMES, *NUMBERS, *SIGNS, "not", "min", "max", "abs", "return", "pass")
SCENARIO = """
title = "spoiled"
device = { rate = "8mbit" }
run = { duration = "20ms", seed = 5 }
[qdisc]
"1:" = { program = "spoiled.qdisc.py" }
[flow]
a = { model = "poisson", rate = "9mbit", size = "imix", priority = 1 }
b = { model = "cbr", rate = "4mbit", size = "700b", deadline = "2ms" }
"""


@settings(deadline=None, max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(spoiled(sorted(library_texts().values()), WORDS), st.booleans(), st.booleans())
def test_what_is_accepted_compiles_and_agrees(text: str, traced: bool, large: bool) -> None:
    program = check(text).program
    event("accepted" if program is not None else "refused")
    if program is None:
        return
    with pytest.MonkeyPatch.context() as patch:
        if large:
            patch.setattr(program_scope, "LARGE_NODES", 0)
        machine_code(compile_program(program, traced=traced))
    job = Job(scenario=SCENARIO, programs={"spoiled.qdisc.py": text}, trace=traced)
    assert_agreement(job)

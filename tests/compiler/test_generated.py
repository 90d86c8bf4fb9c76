"""Random programs mean the same compiled, compiled for the trace, and interpreted."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from sandbox.language import tree
from sandbox.language.check import check
from tests.compiler.generated import program_texts
from tests.compiler.lab import Lab

PACKETS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 2**32 - 1), st.booleans()), min_size=1, max_size=10
)


def history(lab: Lab, packets: list[tuple[int, int, bool]]) -> list[Any]:
    """Return everything that can be seen of a short life of the program."""
    seen: list[Any] = []
    for mark, hashed, asks in packets:
        skb = lab.packet(mark=mark, hash=hashed, len=64 + mark * 100, priority=mark)
        seen.append(lab.call("enqueue", skb))
        seen.append([skb.mark, skb.priority, skb.tc_index, skb.tstamp, *skb.cb])
        lab.ctx.now += 10
        if asks:
            answer = lab.call("dequeue")
            is_packet = answer[0] != "trap" and answer[1] is not None
            seen.append((answer[0], answer[1].id) if is_packet else answer)
        seen.append(lab.state())
        if any(item[0] == "trap" for item in seen if isinstance(item, tuple)):
            break
    return seen


def lab_of(program: tree.Program, **how: Any) -> Lab:
    return Lab(program, classes=(0x10001, 0x10002), **how)


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(program_texts(), PACKETS)
def test_random_programs_agree_with_the_interpreter(
    text: str, packets: list[tuple[int, int, bool]]
) -> None:
    checked = check(text, "generated")
    event("accepted" if checked.program is not None else "refused")
    if checked.program is None:
        return
    direct = lab_of(checked.program, direct=True)
    expected = history(direct, packets)
    event("fault" if any(isinstance(e, tuple) and e[0] == "trap" for e in expected) else "no fault")
    for traced in (False, True):
        compiled = lab_of(checked.program, traced=traced, counts=traced)
        assert history(compiled, packets) == expected
        if traced:
            assert compiled.sim.trace.take() == direct.sim.trace.take()

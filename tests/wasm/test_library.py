"""Every program of the library agrees in every shipped scenario.

They run for a moment; `AGREE_DURATION=all` runs them as long as the scenarios are.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from sandbox import shelf
from sandbox.build.programs import library_names
from sandbox.cli_inputs import beside
from sandbox.compare import differences, play
from sandbox.machines.interface import Engine
from sandbox.protocol import Job

DURATION = os.environ.get("AGREE_DURATION", "200ms")
ATTACHED = re.compile(r'^("[^"\n]+" = \{) (?:kind|program) = .*\}$', re.MULTILINE)
# What speaks to the program that is replaced: its parameters, maps, classes and filters.
SPEAKING = re.compile(
    r'^\[\[(?:event|expect|filter)\]\].*?(?=^\[|\Z)|^\[class\].*?(?=^\[|\Z)|^tc = """.*?"""$',
    re.MULTILINE | re.DOTALL,
)
FLOWING = ("link-down", "link-up", "rate", "flow", "burst")
SCENARIOS = [
    path
    for path in sorted(shelf.SCENARIOS.glob("*/*.toml"))
    if path.parent.name != "refusals" and ATTACHED.search(path.read_text(encoding="utf-8"))
]


def with_kind(text: str, kind: str) -> str:
    """Return a scenario with a library program in place of its own."""

    def keep(part: re.Match[str]) -> str:
        return part[0] if any(f'do = "{word}"' in part[0] for word in FLOWING) else ""

    return ATTACHED.sub(rf'\1 kind = "{kind}" }}', SPEAKING.sub(keep, text))


@pytest.mark.parametrize("kind", library_names())
@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_every_program_agrees_in_every_scenario(path: Path, kind: str) -> None:
    data = path.read_bytes()
    programs, files = beside(path, data)
    job = Job(
        scenario=with_kind(data.decode(), kind),
        programs=programs,
        files=files,
        duration=None if DURATION == "all" else DURATION,
    )
    reference = play(job, Engine.REFERENCE)
    assert reference is not None
    assert reference.finished["outcome"] == "ok"
    assert differences(reference, play(job, Engine.WASM)) == []

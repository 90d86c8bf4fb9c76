"""Replace: which program of a scenario another text stands in for."""

from __future__ import annotations

from sandbox.scenario.model import ROOT, Scenario

SUFFIX = ".qdisc.py"


def replaced_program(scenario: Scenario, file_name: str) -> str:
    """Return the name of the program that a text of this file name stands for.

    One of the same name is replaced; else the program of the first root qdisc.
    """
    shared = {one.name: one for one in scenario.programs}
    names: dict[str, None] = {}
    for qdisc in sorted(scenario.qdiscs, key=lambda one: one.parent != ROOT):
        name = qdisc.program.name
        if qdisc.program.origin == "shared" and shared[name].origin != "inline":
            name = shared[name].source
        names[name] = None
    if file_name in names or not names:
        return file_name
    plain = file_name.removesuffix(SUFFIX)
    return plain if plain in names else next(iter(names))

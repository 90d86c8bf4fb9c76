"""Line counts: how often each line of a program ran, when the job asks for it."""

from __future__ import annotations

from sandbox.build.network import Network
from sandbox.compiler.restricted_python import statement_lines


def line_counts(network: Network) -> dict[str, dict[str, int]]:
    """Return, by program and line, how often statements that begin there ran, all instances together.

    A loop counts once for each time it is come to. Lines that never ran have 0; lines without a
    statement are absent. Empty when the job did not ask.
    """
    found: dict[str, dict[str, int]] = {}
    every = (*network.built.values(), *network.targets.values())  # a replaced qdisc's too
    for built in {id(built): built for built in every}.values():
        if not built.entries.counts:
            continue
        loaded = built.loaded
        lines = found.setdefault(loaded.name, {})
        for line in statement_lines(loaded.program):
            lines[str(line)] = lines.get(str(line), 0) + built.entries.counts[line]
    return found

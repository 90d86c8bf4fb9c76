"""Point: one run of a sweep, named by the digest of all that decides it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sandbox.build.programs import library_texts
from sandbox.engine import ENGINE_VERSION
from sandbox.protocol import Job
from sandbox.sweep.design import Choice, Design
from sandbox.sweep.problem import SweepError
from sandbox.sweep.span import Value
from sandbox.units import parse_time_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What all points of a sweep share. `programs` has the texts to use, for each label."""

    scenario: str
    programs: Mapping[str, Mapping[str, str]]
    files: Mapping[str, bytes] = field(default_factory=dict)
    duration: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One point: its place in the design, its key and what distinguishes it from the others."""

    index: int
    key: str
    program: str
    values: tuple[tuple[str, Value], ...]
    seed: int

    def job(self, inputs: Inputs) -> Job:
        """Return the job of this point; without a trace, since a sweep keeps numbers only."""
        return Job(
            scenario=inputs.scenario,
            programs=dict(inputs.programs[self.program]),
            files=dict(inputs.files),
            params=dict(self.values),
            seed=self.seed,
            duration=inputs.duration,
            trace=False,
        )


def points(design: Design, inputs: Inputs) -> Iterator[Point]:
    """Yield the points of a design in order, each with its key."""
    common = {label: shared(inputs, label) for label in design.programs}
    if len(set(common.values())) < len(common):
        twins = [label for label in common if list(common.values()).count(common[label]) > 1]
        raise SweepError("sweep-axis", f"programs {' and '.join(twins)} are the same text")
    for index, choice in enumerate(design.choices()):
        yield Point(
            index=index,
            key=key_of(common[choice.program], choice),
            program=choice.program,
            values=choice.values,
            seed=choice.seed,
        )


def shared(inputs: Inputs, label: str, library: str = "", engine: str = ENGINE_VERSION) -> str:
    """Return the digest of what the points of one program share, the engine's version included.

    The library is an input too, whole: which of its programs a run loads is known only afterwards.
    """
    ns = None if inputs.duration is None else parse_time_ns(inputs.duration)
    return _digest(
        {
            "engine": engine,
            "library": library or library_digest(),
            "scenario": _sha(inputs.scenario.encode()),
            "programs": {n: _sha(t.encode()) for n, t in inputs.programs[label].items()},
            "files": {name: _sha(data) for name, data in inputs.files.items()},
            "duration_ns": ns,
        }
    )


def key_of(common: str, choice: Choice) -> str:
    """Return a point's key; it does not depend on the order in which parameters are given."""
    return _digest({"shared": common, "params": dict(choice.values), "seed": choice.seed})


def library_digest() -> str:
    """Return the digest of every program of the library."""
    return _digest({name: _sha(text.encode()) for name, text in library_texts().items()})


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _digest(value: object) -> str:
    return _sha(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())

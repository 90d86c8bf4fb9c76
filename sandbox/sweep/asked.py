"""Asked: a sweep as a client of the service asks for it, and the plan it gets back, both as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sandbox.build.programs import library_text
from sandbox.diagnostics import Diagnostic
from sandbox.engine import ENGINE_VERSION, prepare
from sandbox.language.check import check
from sandbox.protocol import Job, ProtocolError, job_from_json
from sandbox.scenario.load import load
from sandbox.scenario.model import Scenario
from sandbox.scenario.replace import SUFFIX, replaced_program
from sandbox.sweep.design import MAX_LIST_BYTES, Design, listed
from sandbox.sweep.fields import field_problems
from sandbox.sweep.plan import Request, design_of, problems, promised_metrics, seeds_of
from sandbox.sweep.point import Inputs, points
from sandbox.sweep.problem import SweepError

LATIN_MAX = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The job that all points vary, the texts to compare by label, and which points to take."""

    job: Job
    compare: Mapping[str, str]
    request: Request
    metrics: tuple[str, ...]


def asked_from_json(value: Mapping[str, Any]) -> Asked:
    """Return the sweep that decoded JSON describes. Raises ProtocolError and SweepError.

    A text to compare that is empty is the library's program of that name.
    """
    job = job_from_json(
        {name: value[name] for name in ("scenario", "programs", "files", "duration", "seed")}
    )
    compare = {}
    for label, text in job_from_json(
        {"scenario": "", "programs": value["compare"]}
    ).programs.items():
        known = text or library_text(label.removesuffix(SUFFIX))
        if known is None:
            raise SweepError("sweep-axis", f'the library has no program "{label}"')
        compare[label] = known
    csv = str(value["list"])
    if len(csv) > MAX_LIST_BYTES:
        raise SweepError("sweep-too-large", f"the list is larger than {MAX_LIST_BYTES >> 20} MiB")
    latin = int(value["latin"])
    if not 0 <= latin <= LATIN_MAX:
        raise ProtocolError("bad-value", f"latin takes a number from 0 to {LATIN_MAX}")
    params = value["params"]
    request = Request(
        params=tuple((str(path), str(text)) for path, text in dict(params or {}).items()),
        own_axes=params is None,
        latin=latin,
        latin_seed=int(value["latin_seed"]),
        listed=listed(csv) if csv.strip() else (),
        seeds=value["seeds"],
        first_seed=job.seed,
    )
    job = replace(job, seed=None, trace=False)
    return Asked(job=job, compare=compare, request=request, metrics=tuple(value["metrics"]))


_NOTHING: Mapping[str, Any] = {
    "ok": False, "diagnostics": [], "title": "", "engine": ENGINE_VERSION, "params": [],
    "kind": "grid", "count": 0, "programs": [], "axes": [], "seeds": [], "metrics": [],
    "points": [], "fields": {}, "point_ms": 0.0,
}  # fmt: skip


def refused_plan(refused: SweepError) -> dict[str, Any]:
    """Return the plan of a sweep that cannot even be read."""
    return {**_NOTHING, "diagnostics": _told((refused.diagnostic,))}


def plan(asked: Asked) -> dict[str, Any]:
    """Return what would run, and what keeps it from running.

    `params` are there as soon as the scenario itself is well, so that a form can offer them.
    """
    reply = dict(_NOTHING)
    job = asked.job
    loaded = load(job.scenario, job.files, duration=job.duration)
    if loaded.model is None:
        return {**reply, "diagnostics": _told(loaded.diagnostics)}
    scenario = loaded.model
    reply["title"] = scenario.title
    base = prepare(job)
    if base.run is not None:
        reply["params"] = base.run.started()["params"]
    reply["fields"] = field_problems(
        asked.request.params, asked.request.latin > 0, scenario, base.run
    )
    try:
        found = _designed(asked, scenario)
    except SweepError as refused:
        wrong = [one for one in base.diagnostics if one.severity == "error"]
        if asked.compare:
            wrong = []  # the scenario's own program may be what is replaced
        return {**reply, "diagnostics": _told((*wrong, refused.diagnostic))}
    return {**reply, **found}


def _designed(asked: Asked, scenario: Scenario) -> dict[str, Any]:
    texts = dict(asked.job.programs)
    replaced = {
        label: replaced_program(scenario, label if label.endswith(SUFFIX) else label + SUFFIX)
        for label in asked.compare
    }
    programs = {
        label: {**texts, replaced[label]: text} for label, text in asked.compare.items()
    } or {"": texts}
    made = design_of(asked.request, scenario, tuple(programs), least=1)
    job = asked.job
    inputs = Inputs(
        scenario=job.scenario, programs=programs, files=job.files, duration=job.duration
    )
    found = {
        "kind": made.kind,
        "count": made.count,
        "programs": [
            {
                "label": label,
                "replaces": replaced.get(label, ""),
                "text": asked.compare.get(label, ""),
            }
            for label in made.programs
        ],
        "axes": list(_axes(made)),
        "seeds": list(seeds_of(made)),
        "metrics": list(dict.fromkeys(asked.metrics)) or list(promised_metrics(scenario)),
    }
    wrong = problems(made, inputs)
    if wrong and not scenario.expect_error:
        return {**found, "diagnostics": _told(_wrong_programs(asked) or wrong)}
    found["points"] = [
        {"key": one.key, "program": one.program, "values": dict(one.values), "seed": one.seed}
        for one in points(made, inputs)
    ]
    # A wrong program fails in its own points only; whoever asks hears it before they run.
    return {**found, "ok": True, "diagnostics": _told(_wrong_programs(asked))}


def _wrong_programs(asked: Asked) -> tuple[Diagnostic, ...]:
    return tuple(
        one
        for label, text in asked.compare.items()
        if text != library_text(label.removesuffix(SUFFIX))
        for one in check(text, label).diagnostics
        if one.severity == "error"
    )


def first_job(asked: Asked, planned: Mapping[str, Any]) -> Job:
    """Return the job of the first point of a plan that is ok."""
    point, program = planned["points"][0], planned["programs"][0]
    texts = {program["replaces"]: program["text"]} if program["replaces"] else {}
    return replace(
        asked.job,
        programs={**asked.job.programs, **texts},
        params=point["values"],
        seed=point["seed"],
    )


def _axes(made: Design) -> Any:
    for path in made.paths():
        values = dict.fromkeys(
            value for one in made.settings for name, value in one.values if name == path
        )
        yield {"path": path, "values": list(values)}


def _told(found: tuple[Diagnostic, ...]) -> list[dict[str, Any]]:
    return [one.to_json() for one in found]

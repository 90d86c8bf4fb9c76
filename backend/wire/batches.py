"""Batches as clients ask for them and as they are told: the bodies of /api/batches."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from backend.wire.messages import DiagnosticModel, ParamInfo, PlannedAxis

Name = Annotated[str, Field(min_length=1, max_length=200)]
# A label stands in tables, where spreadsheets take some first letters for a formula.
Label = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^=+\-@]")]
Text = Annotated[str, Field(max_length=4096)]
State = Literal["queued", "running", "done", "cancelled", "interrupted"]
COMPARE_MAX = 32
METRICS_MAX = 40


class BatchRequest(BaseModel):
    """A sweep: one scenario with parameters, programs and seeds that vary; docs/batches.md.

    Without `params` the scenario's own `[sweep]` is taken; with empty ones no parameter varies.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    scenario: str
    programs: dict[str, str] = {}
    files: dict[str, str] = {}
    compare: Annotated[dict[Label, str], Field(max_length=COMPARE_MAX)] = {}
    params: Annotated[dict[Name, Text], Field(max_length=32)] | None = None
    latin: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    latin_seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    list: str = ""
    seeds: Annotated[int, Field(ge=1, le=10_000)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    duration: Text | None = None
    metrics: Annotated[tuple[Name, ...], Field(strict=False, max_length=METRICS_MAX)] = ()


class PlanReply(BaseModel):
    """What a batch would run; with `ok` false the diagnostics say why it would not.

    `fields` has a sentence for each axis with something wrong. `estimate_s` is what the batch takes
    when nothing else runs, by the first point's processor time; null where that is not known.
    """

    ok: bool
    diagnostics: list[DiagnosticModel]
    fields: dict[str, str]
    estimate_s: float | None
    title: str
    kind: str
    count: int
    programs: list[str]
    axes: list[PlannedAxis]
    seeds: list[int]
    metrics: list[str]
    params: list[ParamInfo]


class PointJob(BaseModel):
    """One point of a batch with everything that decides it, as the playground starts a run."""

    scenario: str
    programs: dict[str, str]
    files: dict[str, str]
    params: dict[str, int | str]
    seed: int
    duration: str | None


class BatchState(BaseModel):
    """A batch and how far it is; times are seconds of Unix time, `reason` is what interrupted it, if that is known."""

    id: str
    url: str
    title: str
    state: State
    reason: str
    kind: str
    count: int
    done: int
    failed: int
    limited: int
    cached: int
    eta_s: float | None
    created_s: int
    started_s: int | None
    finished_s: int | None
    engine: str
    executor: str
    programs: list[str]
    axes: list[PlannedAxis]
    seeds: list[int]
    metrics: list[str]


class ResultsReply(BaseModel):
    """Every column that some row has, and the rows; a row has only what it has."""

    columns: list[str]
    rows: list[dict[str, int | float | str]]


class Mean(BaseModel):
    """The mean over the seeds and half the width of its 95 % interval; null of one seed."""

    mean: float
    half_width: float | None
    n: int


class Group(BaseModel):
    """All seeds of one program and setting."""

    program: str
    params: dict[str, int | str]
    runs: int
    failed: int
    values: dict[str, Mean]


class SummaryReply(BaseModel):
    """The table of a batch: a group for each program and setting, in the order of the design."""

    metrics: list[str]
    groups: list[Group]


class Distribution(BaseModel):
    """The waits of one program and setting: by flow the points (value_ns, fraction) of its curve."""

    program: str
    params: dict[str, int | str]
    flows: dict[str, list[tuple[float, float]]]


class DistributionsReply(BaseModel):
    """How long packets waited, pooled over the seeds."""

    groups: list[Distribution]

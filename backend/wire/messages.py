"""What a worker may answer, and what the service sends on: strict shapes, bounded sizes.

A worker runs hostile code, so that every message is validated before anything looks at it. What
passes is sent to the browser with the run's `id` added.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

from sandbox.protocol import Outcome

Short = Annotated[str, Field(max_length=4096)]
Long = Annotated[str, Field(max_length=4 * 1024 * 1024)]
Count = Annotated[int, Field(ge=0, lt=2**63)]
Index = Annotated[int, Field(ge=-1, lt=2**31)]
Waits = Annotated[list[Count], Field(max_length=100)]
POINTS_MAX = 10_000


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class FixModel(_Message):
    """A replacement that cures a problem."""

    title: Short
    line: Count
    column: Count
    end_line: Count
    end_column: Count
    replacement: Long


class DiagnosticModel(_Message):
    """One problem in a text."""

    slug: Annotated[str, Field(max_length=80)]
    message: Short
    line: Count = 0
    column: Count = 0
    end_line: Count = 0
    end_column: Count = 0
    severity: Literal["error", "warning", "advice"] = "error"
    hint: Short = ""
    fix: FixModel | None = None
    source: Short = ""


class Diagnostics(_Message):
    """Every problem found; `ok` when nothing keeps the text from running."""

    op: Literal["diagnostics"]
    ok: bool
    diagnostics: Annotated[list[DiagnosticModel], Field(max_length=10_000)]


class Place(BaseModel):
    """Something rows refer to: a device, tx queue, qdisc, class, map, instance, hook or filter.

    What else describes a place depends on its kind; docs/protocol.md lists it.
    """

    model_config = ConfigDict(extra="allow", strict=True)
    __pydantic_extra__: dict[str, JsonValue]

    index: Count
    kind: Literal["device", "txq", "qdisc", "class", "map", "instance", "egress", "filter"]
    name: Short
    program: Short | None = None
    parent: Index = -1
    qdisc: Index = -1
    capacity: Count | None = None


class Flow(_Message):
    """A flow of the scenario."""

    index: Count
    name: Short
    model: Short
    letter: Short
    device: Index | Short


class ParamInfo(_Message):
    """A parameter of an instance, with its bounds; 64-bit bounds may be texts."""

    path: Short
    instance: Short | Index
    name: Short
    value: JsonValue
    low: int | Short | None = None
    high: int | Short | None = None
    unit: Short = ""
    help: Short = ""
    kind: Short = "int"


class Started(_Message):
    """The run is ready; what its rows refer to."""

    op: Literal["started"]
    seed: int
    duration_ns: Count
    places: Annotated[list[Place], Field(max_length=65_536)]
    flows: Annotated[list[Flow], Field(max_length=65_536)]
    programs: dict[Short, Long]
    params: Annotated[list[ParamInfo], Field(max_length=65_536)]
    engine: Short
    title: Short = ""
    summary: Short = ""
    look_for: Short = ""
    story: Long = ""


class Rewound(_Message):
    """Rows from this number on are replaced."""

    op: Literal["rewound"]
    row: Count


class Anew(_Message):
    """The worker cannot go on; one that begins at the start can."""

    op: Literal["anew"]


class LogEntry(_Message):
    """One line of the log."""

    index: Count
    time_ns: Count
    line: Count
    place: Index
    skb: Count = 0
    text: Short


class Log(_Message):
    """New lines of the log; an index that was sent before is replaced."""

    op: Literal["log"]
    entries: Annotated[list[LogEntry], Field(max_length=100_000)]


class Progress(_Message):
    """How far the computation is."""

    op: Literal["progress"]
    time_ns: Count
    rows: Count
    packets: Count


LineCounts = Annotated[dict[Short, Count], Field(max_length=65_536)]


class Finished(_Message):
    """The last message of a run."""

    op: Literal["finished"]
    outcome: Annotated[Outcome, Field(strict=False)]
    digest: Short
    rows: Count
    time_ns: Count
    statistics: dict[Short, JsonValue]
    maps: list[JsonValue] | dict[Short, JsonValue]
    tc_text: Long
    map_text: Long
    fault: dict[Short, JsonValue] | None
    expects: Annotated[list[dict[Short, JsonValue]], Field(max_length=1000)]
    truncated: bool
    lines: Annotated[dict[Short, LineCounts], Field(max_length=1000)]


class WorkerErrorBody(_Message):
    """A task the worker could not take."""

    slug: Annotated[str, Field(max_length=80)]
    message: Short
    hint: Short | None = None


class WorkerError(_Message):
    """The worker refuses its task."""

    op: Literal["error"]
    error: WorkerErrorBody


class LibraryParam(_Message):
    """A parameter of a library program; bounds are decimal texts."""

    name: Short
    kind: Short
    default: int | str | list[int]
    low: Short
    high: Short
    unit: Short
    help: Short


class LibraryProgram(_Message):
    """A program of the library."""

    name: Short
    title: Short
    doc: Long
    text: Long
    params: list[LibraryParam]


class Library(_Message):
    """The library of qdisc programs."""

    op: Literal["library"] = "library"
    programs: list[LibraryProgram]


class ScenarioItem(_Message):
    """A shipped scenario with the programs and files (base64) it needs."""

    name: Short
    title: Short
    summary: Short
    look_for: Short
    story: Long = ""
    text: Long
    programs: dict[Short, Long]
    files: dict[Short, Long]


class Scenarios(_Message):
    """The shipped scenarios."""

    op: Literal["scenarios"] = "scenarios"
    scenarios: list[ScenarioItem]


class Helpers(_Message):
    """The language's vocabulary, for completions and hovers."""

    op: Literal["helpers"] = "helpers"
    helpers: list[dict[str, JsonValue]]
    maps: list[dict[str, JsonValue]]
    skb: list[dict[str, JsonValue]]
    ctx: list[dict[str, JsonValue]]
    entries: list[dict[str, JsonValue]]
    verdicts: list[dict[str, JsonValue]]
    constants: list[dict[str, JsonValue]]


class PlannedProgram(_Message):
    """A program of a sweep: its text replaces the scenario's program of the name `replaces`."""

    label: Short
    replaces: Short
    text: Long


class PlannedAxis(_Message):
    """What one parameter takes."""

    path: Short
    values: Annotated[list[int | Short], Field(max_length=POINTS_MAX)]


class PlannedPoint(_Message):
    """One point of a sweep, and the digest of everything that decides it."""

    key: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    program: Short
    values: dict[Short, int | Short]
    seed: Count


class Planned(_Message):
    """What a sweep would run, or what keeps it from running."""

    op: Literal["planned"]
    ok: bool
    diagnostics: Annotated[list[DiagnosticModel], Field(max_length=10_000)]
    title: Short
    engine: Short
    params: Annotated[list[ParamInfo], Field(max_length=10_000)]
    kind: Literal["grid", "list", "latin"]
    count: Count
    programs: Annotated[list[PlannedProgram], Field(max_length=100)]
    axes: Annotated[list[PlannedAxis], Field(max_length=100)]
    seeds: Annotated[list[Count], Field(max_length=POINTS_MAX)]
    metrics: Annotated[list[Short], Field(max_length=100)]
    points: Annotated[list[PlannedPoint], Field(max_length=POINTS_MAX)]
    fields: Annotated[dict[Short, str], Field(max_length=100)]
    point_ms: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class PointRow(_Message):
    """What a point came to; `waits` are a flow's sojourns at fixed levels. `more`: the worker takes another point."""

    op: Literal["row"]
    more: bool
    row: Annotated[dict[Short, int | float | Short], Field(max_length=20_000)]
    waits: Annotated[dict[Short, Waits], Field(max_length=2000)]


WorkerMessage = Annotated[
    Diagnostics
    | Started
    | Rewound
    | Anew
    | Log
    | Progress
    | Finished
    | WorkerError
    | Library
    | Scenarios
    | Helpers
    | Planned
    | PointRow,
    Field(discriminator="op"),
]
WORKER_MESSAGE: TypeAdapter[WorkerMessage] = TypeAdapter(WorkerMessage)


class Busy(_Message):
    """The run waits for a free worker."""

    op: Literal["busy"] = "busy"
    position: Count
    seconds: float


def plain(message: BaseModel) -> dict[str, Any]:
    """Return a validated message as JSON values."""
    return message.model_dump(mode="json")

"""What a client may say: WebSocket messages by `op`, and the body of a check."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

RunId = Annotated[int, Field(ge=0, lt=2**53)] | Annotated[str, Field(min_length=1, max_length=64)]
Rows = Annotated[int, Field(gt=0, le=2**40)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Inputs(_Request):
    """A scenario with all that goes with it; `files` are base64."""

    scenario: str
    programs: dict[str, str] = {}
    files: dict[str, str] = {}
    params: dict[str, int | str] = {}
    seed: int | None = None
    duration: str | None = None


class Start(Inputs):
    """Check and run; supersedes the run before it on this socket."""

    op: Literal["start"]
    id: RunId
    from_row: Annotated[int, Field(ge=0, le=2**40)] = 0
    credit: Annotated[int, Field(ge=0, le=2**40)] = 0
    trace: bool = True
    line_counts: bool = False
    events: list[dict[str, Any]] = []


class Credit(_Request):
    """Send that many rows more."""

    op: Literal["credit"]
    id: RunId
    rows: Rows


class Step(_Request):
    """Compute and send that many rows more, then pause."""

    op: Literal["step"]
    id: RunId
    rows: Rows


class Pause(_Request):
    """Stop computing for now."""

    op: Literal["pause"]
    id: RunId


class Resume(_Request):
    """Go on after a pause."""

    op: Literal["resume"]
    id: RunId


class Stop(_Request):
    """End the run; its results so far follow."""

    op: Literal["stop"]
    id: RunId


class LiveEvent(_Request):
    """Append an event as a scenario's `[[event]]` and compute again from its time."""

    op: Literal["event"]
    id: RunId
    event: dict[str, Any]


ClientMessage = Annotated[
    Start | Credit | Step | Pause | Resume | Stop | LiveEvent, Field(discriminator="op")
]
CLIENT_MESSAGE: TypeAdapter[ClientMessage] = TypeAdapter(ClientMessage)


class Mentioned(BaseModel):
    """Only what a message says about its run."""

    model_config = ConfigDict(extra="ignore", strict=True)

    id: RunId


MENTIONED = TypeAdapter(Mentioned)


class CheckProgram(_Request):
    """One program's text."""

    program: str
    name: Annotated[str, Field(min_length=1, max_length=120)] = "program"


class CheckScenario(Inputs):
    """A scenario and its programs."""


CheckRequest = CheckProgram | CheckScenario

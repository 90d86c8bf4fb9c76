"""POST /api/check: every problem of a program, or of a scenario with its programs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from pydantic import BaseModel

from backend.api.client import client_of
from backend.state import State
from backend.wire.errors import ApiError
from backend.wire.messages import DiagnosticModel, Diagnostics
from backend.wire.requests import CheckProgram, CheckScenario
from sandbox.protocol import ProtocolError, job_from_json

router = APIRouter()


class CheckReply(BaseModel):
    """`ok` when the text can run; advice and warnings may still be among the diagnostics."""

    ok: bool
    diagnostics: list[DiagnosticModel]


@router.post("/api/check", summary="Check a program or a scenario", tags=["check"])
async def check(
    request: Request, body: Annotated[CheckProgram | CheckScenario, Body()]
) -> CheckReply:
    """Report every problem; a locked worker reads the text, this process does not."""
    state: State = request.app.state.service
    client = client_of(request)
    state.allowances.checks.spend(client)
    try:
        task = _task(body)
    except ProtocolError as refused:
        status = 413 if refused.slug == "too-large" else 422
        raise ApiError(status, refused.slug, refused.message) from None
    answer = await state.pool.ask(task, client)
    if not isinstance(answer, Diagnostics):
        raise ApiError(422, "crashed", "the sandbox was stopped")
    return CheckReply(ok=answer.ok, diagnostics=answer.diagnostics)


def _task(body: CheckProgram | CheckScenario) -> dict[str, Any]:
    """Return what the worker is asked; caps are the same as for a run."""
    if isinstance(body, CheckScenario):
        job = job_from_json({**body.model_dump(), "trace": False})
        return {"op": "check", "job": job.to_json()}
    job_from_json({"scenario": "", "programs": {body.name: body.program}})
    return {"op": "check", "program": body.program, "name": body.name}

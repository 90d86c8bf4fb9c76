"""/api/batches: make, watch, stop and read sweeps that the service runs."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from backend.api.client import client_of
from backend.batches import results
from backend.batches.batch import Batch
from backend.batches.keeper import Batches
from backend.batches.point import job_of
from backend.batches.summary import distributions, summary
from backend.state import State
from backend.wire.batches import (
    BatchRequest,
    BatchState,
    DistributionsReply,
    PlanReply,
    PointJob,
    ResultsReply,
    SummaryReply,
)
from backend.wire.errors import ApiError
from backend.wire.messages import Planned
from sandbox.protocol import ProtocolError, job_from_json

router = APIRouter(prefix="/api/batches", tags=["batches"])
UNLISTED = {"x-robots-tag": "noindex"}
EVENT_ID = re.compile(r"([0-9a-f]{8})-([0-9]{1,9})")
VALID = re.compile(r"[A-Za-z0-9_-]{22}")
PARQUET = "application/vnd.apache.parquet"
EVENTS = "text/event-stream"
HEARTBEAT_S = 15.0
NEWS_AT_ONCE = 200
Key = Annotated[str | None, Header(min_length=1, max_length=128)]


def _media(kind: str) -> dict[int | str, dict[str, Any]]:
    """Return what the OpenAPI document says of an answer that is no JSON."""
    return {200: {"content": {kind: {"schema": {"type": "string"}}}}}


@router.post("/plan", summary="What a batch would run, without running it")
async def plan(request: Request, body: BatchRequest) -> PlanReply:
    """Return count, axes and parameters, or what keeps it from running; a locked worker reads it."""
    state: State = request.app.state.service
    client = client_of(request)
    state.allowances.checks.spend(client)
    planned = await _planned(state, body, client)
    return _plan_reply(planned, state.batches.estimate_s(planned))


@router.post(
    "",
    summary="Run a batch",
    response_model=BatchState,
    responses={201: {"model": BatchState, "description": "the batch is new"}},
)
async def make(request: Request, body: BatchRequest, idempotency_key: Key = None) -> JSONResponse:
    """Check everything, then begin; the same Idempotency-Key gives the same batch, and 200."""
    state: State = request.app.state.service
    client = client_of(request)
    state.allowances.batches.spend(client)
    planned = await _planned(state, body, client)
    if not planned.ok:
        first = next((one for one in planned.diagnostics if one.severity == "error"), None)
        problem = ApiError(
            422,
            first.slug if first else "bad-request",
            first.message if first else "this batch cannot run",
            (first.hint or None) if first else None,
        )
        problem.body.line = first.line if first else None
        problem.body.diagnostics = [one.model_dump(mode="json") for one in planned.diagnostics]
        raise problem
    batch, new = await state.batches.make(body, planned, client, idempotency_key)
    return JSONResponse(
        batch.told(_url(request, batch)).model_dump(mode="json"), status_code=201 if new else 200
    )


@router.get("/{batch_id}", summary="How far a batch is")
async def state_of(request: Request, batch_id: str) -> BatchState:
    """Return state, counts and the time that is left."""
    batch = await _found(request, batch_id)
    return batch.told(_url(request, batch))


@router.get("/{batch_id}/request", summary="What a batch was made of")
async def request_of(request: Request, batch_id: str) -> BatchRequest:
    """Return the body that was posted, so that a form can open it."""
    batch = await _found(request, batch_id)
    return BatchRequest.model_validate(dict(batch.request))


@router.get("/{batch_id}/points/{key}", summary="One point, to run it again")
async def point_of(request: Request, batch_id: str, key: str) -> PointJob:
    """Return scenario, programs, files, parameters and seed of a point by the key of its row."""
    batch = await _found(request, batch_id)
    point = next((one for one in batch.plan.points if one.key == key), None)
    if point is None:
        raise ApiError(404, "no-such-point", "this batch has no point with this key")
    return job_of(batch.request, batch.plan, point)


@router.post("/{batch_id}/cancel", summary="Stop a batch")
async def cancel(request: Request, batch_id: str) -> BatchState:
    """Stop it; rows that are there stay. Harmless when it has ended."""
    batch = await _found(request, batch_id)
    await _batches(request).cancel(batch)
    return batch.told(_url(request, batch))


@router.post("/{batch_id}/resume", summary="Go on with a batch that was stopped")
async def resume(request: Request, batch_id: str) -> BatchState:
    """Run the points that are missing; harmless when it runs or is done."""
    batch = await _found(request, batch_id)
    await _batches(request).resume(batch, client_of(request))
    return batch.told(_url(request, batch))


@router.get(
    "/{batch_id}/results.json",
    summary="Every row, in the order of the design",
    response_class=JSONResponse,
    responses={200: {"model": ResultsReply}},
)
async def results_json(request: Request, batch_id: str) -> StreamingResponse:
    """Return `columns` and `rows`; a running batch gives the rows it has."""
    batch = await _found(request, batch_id)
    rows = results.as_json(_batches(request), batch)
    return StreamingResponse(rows, media_type="application/json", headers=UNLISTED)


@router.get(
    "/{batch_id}/results.csv",
    summary="The rows as CSV",
    response_class=Response,
    responses=_media("text/csv"),
)
async def results_csv(request: Request, batch_id: str) -> StreamingResponse:
    """Return a line of names and a line a row."""
    batch = await _found(request, batch_id)
    rows = results.as_csv(_batches(request), batch)
    headers = {**UNLISTED, **_as_file(batch, "csv")}
    return StreamingResponse(rows, media_type="text/csv", headers=headers)


@router.get(
    "/{batch_id}/results.parquet",
    summary="The rows as Parquet",
    response_class=Response,
    responses=_media(PARQUET),
)
async def results_parquet(request: Request, batch_id: str) -> Response:
    """Return a Parquet file with a column for every name."""
    batch = await _found(request, batch_id)
    data = await results.as_parquet(_batches(request), batch)
    headers = {**UNLISTED, **_as_file(batch, "parquet")}
    return Response(data, media_type=PARQUET, headers=headers)


@router.get("/{batch_id}/summary.json", summary="Means and intervals over the seeds")
async def summary_json(
    request: Request,
    batch_id: str,
    metric: Annotated[list[str] | None, Query(max_length=40)] = None,
) -> SummaryReply:
    """Return a group for each program and setting; `metric` may be given several times."""
    batch = await _found(request, batch_id)
    return await summary(_batches(request), batch, tuple(metric or ()))


@router.get("/{batch_id}/distributions.json", summary="How long packets waited")
async def distributions_json(request: Request, batch_id: str) -> DistributionsReply:
    """Return the curve of each flow's waits for each program and setting, pooled over the seeds."""
    batch = await _found(request, batch_id)
    return await distributions(_batches(request), batch)


@router.get(
    "/{batch_id}/events",
    summary="A batch as it goes, as server-sent events",
    response_class=Response,
    responses=_media(EVENTS),
)
async def events(
    request: Request, batch_id: str, last_event_id: Annotated[str | None, Header()] = None
) -> StreamingResponse:
    """Send `state`, `rows` and at last `end`; after the id of `rows` go on those that were not sent by then."""
    batch = await _found(request, batch_id)
    known = EVENT_ID.fullmatch(last_event_id or "")
    epoch, first = (known[1], int(known[2])) if known else ("", 0)
    url = _url(request, batch)
    headers = {**UNLISTED, "cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(
        _events(_batches(request), batch, url, epoch, first),
        media_type=EVENTS,
        headers=headers,
    )


async def _events(
    batches: Batches, batch: Batch, url: str, epoch: str, sent: int
) -> AsyncIterator[str]:
    told: Any = None
    labels = {point.key: point.program for point in batch.plan.points}
    while True:
        now = batch.told(url).model_dump(mode="json")
        if now != told:
            told = now
            yield _event("state", now)
        if batch.epoch != epoch:  # the rows are in another order now, so all of them come once more
            epoch, sent = batch.epoch, 0
        keys = list(batch.keys)[sent : sent + NEWS_AT_ONCE]
        if keys:
            found = await batches.results(keys)
            sent += len(keys)
            rows = [found[key].named(labels[key]).row for key in keys if key in found]
            yield _event("rows", {"rows": rows}, f"{epoch}-{sent}")
        elif batch.ended:
            yield _event("end", {"state": batch.state})
            return
        else:
            yield ": still here\n\n"
            await batch.news(HEARTBEAT_S)


def _event(name: str, data: Any, event_id: str | None = None) -> str:
    mark = "" if event_id is None else f"id: {event_id}\n"
    return f"event: {name}\n{mark}data: {json.dumps(data, separators=(',', ':'))}\n\n"


async def _planned(state: State, body: BatchRequest, client: str) -> Planned:
    sweep = body.model_dump(mode="json")
    _refuse_half_letters(body.model_dump())
    try:
        job_from_json({name: sweep[name] for name in ("scenario", "programs", "files", "seed")})
        job_from_json({"scenario": "", "programs": sweep["compare"]})
    except ProtocolError as refused:
        status = 413 if refused.slug == "too-large" else 422
        raise ApiError(status, refused.slug, refused.message) from None
    answer = await state.pool.ask({"op": "plan", "sweep": sweep}, client)
    if not isinstance(answer, Planned):
        raise ApiError(422, "crashed", "the sandbox was stopped")
    return answer


def _refuse_half_letters(sweep: dict[str, Any]) -> None:
    """JSON can hold halves of letters, which are no text and cannot be stored."""
    for name, value in sweep.items():
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ApiError(
                422, "bad-text", f"{name} has half of a letter (a lone surrogate)",
                "send it as UTF-8",
            ) from None  # fmt: skip


def _plan_reply(planned: Planned, estimate_s: float | None) -> PlanReply:
    told = planned.model_dump(mode="json", include=set(PlanReply.model_fields))
    told.update(programs=[one.label for one in planned.programs], estimate_s=estimate_s)
    return PlanReply(**told)


async def _found(request: Request, batch_id: str) -> Batch:
    state: State = request.app.state.service
    client = client_of(request)
    state.allowances.misses.ask(client)
    batch = await state.batches.find(batch_id) if VALID.fullmatch(batch_id) else None
    if batch is None:
        state.allowances.misses.count(client)
        raise ApiError(404, "no-such-batch", "there is no batch with this id")
    return batch


def _batches(request: Request) -> Batches:
    state: State = request.app.state.service
    return state.batches


def _url(request: Request, batch: Batch) -> str:
    state: State = request.app.state.service
    base = (state.settings.public_url or str(request.base_url)).rstrip("/")
    return f"{base}/sweep/{batch.stored.batch_id}"


def _as_file(batch: Batch, ending: str) -> dict[str, str]:
    name = f"sweep-{batch.stored.batch_id[:8]}.{ending}"
    return {"content-disposition": f'attachment; filename="{name}"'}

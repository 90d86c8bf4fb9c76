"""POST /api/shares, GET /api/shares/{id} and the page, with its picture, at /s/{id}."""

from __future__ import annotations

import re

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, JSONResponse, Response

from backend.api.client import client_of
from backend.api.page import page_response
from backend.shares.card import page_of
from backend.shares.document import ID, Share, readable
from backend.shares.picture import drawn
from backend.state import State
from backend.wire.errors import ApiError

router = APIRouter(tags=["shares"])
# A search engine would be a list.
UNLISTED = {"x-robots-tag": "noindex"}
# Not for good: what the operator deletes should leave caches soon.
AN_HOUR = "public, max-age=3600"
VALID = re.compile(ID)


class ShareReply(BaseModel):
    """Where a share is; `expires_s`, in Unix time, is null unless the operator lets shares expire."""

    id: str
    url: str
    expires_s: int | None


@router.post(
    "/api/shares",
    summary="Keep a run, its moment and its texts under a link",
    response_model=ShareReply,
    responses={201: {"model": ShareReply, "description": "the share is new"}},
)
async def post(request: Request, body: Share) -> JSONResponse:
    """Store the share; the same share gets the same id, and 200 instead of 201."""
    state: State = request.app.state.service
    state.allowances.shares.spend(client_of(request))
    stored, new = await run_in_threadpool(state.keeper.put, body)
    reply = ShareReply(
        id=stored.share_id,
        url=f"{_base(request, state)}/s/{stored.share_id}",
        expires_s=state.keeper.expires_s(stored),
    )
    return JSONResponse(reply.model_dump(), status_code=201 if new else 200)


@router.get(
    "/api/shares/{share_id}",
    summary="A share, byte for byte",
    responses={
        200: {"model": Share, "description": "the first 128 bits of its SHA-256 are its id"}
    },
)
async def get(request: Request, share_id: str) -> Response:
    """Return the canonical bytes; a share of an older version comes in this one's shape."""
    body = await _found(request, share_id)
    return Response(body, media_type="application/json", headers=UNLISTED)


@router.api_route("/s/{share_id}", methods=["GET", "HEAD"], include_in_schema=False)
async def page(request: Request, share_id: str) -> HTMLResponse:
    """Return the page, which then fetches the share; its head tells what a pasted link shows."""
    state: State = request.app.state.service
    status, share = 200, None
    try:
        share = readable(await _found(request, share_id))
    except ApiError as problem:
        status = problem.status
    link = f"{_base(request, state)}/s/{share_id}"
    response = page_response(
        state.settings, lambda html: page_of(html, share, link, f"{link}/picture.png"), status
    )
    response.headers.update(UNLISTED)
    return response


@router.api_route("/s/{share_id}/picture.png", methods=["GET", "HEAD"], include_in_schema=False)
async def picture(request: Request, share_id: str) -> Response:
    """Return the thumbnail, drawn from the facts in the share."""
    share = readable(await _found(request, share_id))
    if share is None:
        raise ApiError(404, "not-found", "this share has no picture")
    png = await run_in_threadpool(drawn, share.picture.model_dump_json())
    return Response(png, media_type="image/png", headers={"cache-control": AN_HOUR, **UNLISTED})


async def _found(request: Request, share_id: str) -> bytes:
    """Return a share's bytes; whoever asks for too many that are absent has to wait."""
    state: State = request.app.state.service
    misses = state.allowances.misses
    misses.ask(client_of(request))
    found = None
    if VALID.fullmatch(share_id):
        found = await run_in_threadpool(state.keeper.get, share_id)
    if found is None:
        misses.count(client_of(request))
        raise ApiError(404, "no-such-share", "there is no share with this id")
    return found


def _base(request: Request, state: State) -> str:
    return (state.settings.public_url or str(request.base_url)).rstrip("/")

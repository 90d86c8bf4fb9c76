"""Every error of every route in the one shape."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from backend.wire.errors import ApiError, ErrorReply, error_json
from backend.wire.problems import sentence

LOG = logging.getLogger(__name__)

SLUGS = {
    400: ("bad-request", "the request cannot be read"),
    404: ("not-found", "there is nothing here"),
    405: ("method-not-allowed", "this method is not for this address"),
    413: ("too-large", "the request is too large"),
    415: ("bad-media-type", "the body must be JSON"),
}

ERROR_REPLIES: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorReply, "description": text}
    for status, text in {
        400: "the body cannot be decoded",
        403: "another site's page asked",
        404: "there is nothing here",
        405: "the method is not for this address",
        408: "the request arrives too slowly",
        413: "the request is too large",
        421: "the host name is not this service's",
        422: "the request cannot be served as it is",
        429: "too many requests from this address",
        500: "a mistake of the service",
        503: "too much is going on, or no sandbox or database can be reached",
        507: "there is no room for more",
    }.items()
}


def install(app: FastAPI) -> None:
    """Make `app` answer every failure in the one shape."""
    app.add_exception_handler(ApiError, _told)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unexpected)


async def _told(request: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, ApiError)
    return answer_of(problem)


def answer_of(problem: ApiError) -> JSONResponse:
    """Return the reply that tells a problem."""
    headers = None if problem.retry_s is None else {"retry-after": str(problem.retry_s)}
    body = {"error": problem.body.model_dump(exclude_none=True)}
    return JSONResponse(body, status_code=problem.status, headers=headers)


async def _http(request: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, HTTPException)
    slug, message = SLUGS.get(problem.status_code, ("error", "the request failed"))
    return JSONResponse(
        error_json(slug, message), status_code=problem.status_code, headers=problem.headers
    )


async def _invalid(request: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, RequestValidationError)
    errors = [{**error, "loc": error["loc"][1:]} for error in problem.errors()]
    return JSONResponse(error_json("bad-request", sentence(errors)), status_code=422)


async def _unexpected(request: Request, problem: Exception) -> JSONResponse:
    LOG.error("a request failed", exc_info=problem)
    return JSONResponse(error_json("internal", "the service made a mistake"), status_code=500)

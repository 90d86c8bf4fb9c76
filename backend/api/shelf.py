"""What ships with the playground: the library, the scenarios, the language's vocabulary."""

from __future__ import annotations

from fastapi import APIRouter, Request

from backend.state import State
from backend.wire.messages import Helpers, Library, Scenarios

router = APIRouter(tags=["library"])


@router.get("/api/library", summary="The library of qdisc programs")
async def library(request: Request) -> Library:
    """Return each program's name, title, doc, text and parameters."""
    state: State = request.app.state.service
    return state.library


@router.get("/api/scenarios", summary="The shipped scenarios")
async def scenarios(request: Request) -> Scenarios:
    """Return each scenario with the programs and files it needs."""
    state: State = request.app.state.service
    return state.scenarios


@router.get("/api/helpers", summary="The language's vocabulary")
async def helpers(request: Request) -> Helpers:
    """Return helpers, maps, fields, entry points, verdicts and constants."""
    state: State = request.app.state.service
    return state.helpers

"""Counts, times and, where the operator wants it, logs every HTTP request by its route.

The route is as it is written in the code, so that an id, which may be all the secret that a link has, is in
no log and no metric.
"""

from __future__ import annotations

import logging
import secrets
import time

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.logs import REQUEST_ID
from backend.metrics import Metrics
from backend.settings import Settings

LOG = logging.getLogger("backend.requests")
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
FILES = "files"  # of the page, and whatever is not there


class Watch:
    """Gives each connection an id, which its answer and its lines in the log have."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app = app
        self._log = settings.log_requests
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        token = REQUEST_ID.set(request_id)
        started_s = time.perf_counter()
        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            if scope["type"] == "http":
                self._answered(scope, status, time.perf_counter() - started_s)
            REQUEST_ID.reset(token)

    def _answered(self, scope: Scope, status: int, took_s: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else "other"
        route = getattr(scope.get("route"), "path", "") or FILES
        self._metrics.request_answered(method, route, status, took_s)
        if self._log:
            ms = round(took_s * 1000, 1)
            facts = {"method": method, "route": route, "status": status, "ms": ms}
            LOG.info("%s %s %d in %s ms", method, route, status, ms, extra={"facts": facts})

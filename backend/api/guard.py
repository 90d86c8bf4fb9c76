"""What every request passes first: client, host, origin, body; and the headers of every answer.

Plain ASGI, so that it covers WebSockets too, which CORS middleware does not.
"""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.api.body import Body
from backend.api.client import Proxies
from backend.settings import Settings
from backend.wire.errors import error_json

SAFE_METHODS = frozenset(("GET", "HEAD"))
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; worker-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; font-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()",
    "x-frame-options": "DENY",
}


# Only behind TLS: over plain HTTP browsers ignore it. A year, this name alone.
HSTS = "max-age=31536000"


class Guard:
    """Refuses foreign hosts, foreign origins and large bodies; adds the security headers."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._public_tls = settings.public_url.startswith("https:")
        self._proxies = Proxies(settings.proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        scope.update(self._proxies.seen_through(scope))
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if scope["type"] == "websocket":
            if refusal is not None:
                await _refuse_socket(refusal, scope, receive, send)
            else:
                await self._app(scope, receive, send)
            return
        secure = _with_headers(send, scope["scheme"] == "https" or self._public_tls)
        if refusal is not None:
            status, slug, message = refusal
            response = JSONResponse(error_json(slug, message), status_code=status)
            await response(scope, receive, secure)
            return
        await Body(self._settings, receive, secure).serve(self._app, scope)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str, str] | None:
        host = headers.get("host", "")
        if not self._known_host(host):
            return 421, "unknown-host", "this service does not answer to that host name"
        origin = headers.get("origin")
        exempt = scope["type"] == "http" and scope["method"] in SAFE_METHODS
        if origin is None or exempt or origin in self._settings.origins:
            return None
        if urlsplit(origin).netloc != host:
            return 403, "foreign-origin", "another site may not use this service"
        return None

    def _known_host(self, host: str) -> bool:
        allowed = self._settings.hosts
        if "*" in allowed:
            return True
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in allowed or (name == self._settings.host and not _is_any(name))


def _is_any(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _with_headers(send: Send, tls: bool) -> Send:
    async def secure(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if tls:
                headers.setdefault("strict-transport-security", HSTS)
        await send(message)

    return secure


async def _refuse_socket(
    refusal: tuple[int, str, str], scope: Scope, receive: Receive, send: Send
) -> None:
    """Answer the upgrade with the error, or just close where the server cannot."""
    status, slug, message = refusal
    if "websocket.http.response" in scope.get("extensions", {}):
        response = JSONResponse(error_json(slug, message), status_code=status)

        async def denied(part: Message) -> None:
            await send({**part, "type": f"websocket.{part['type']}"})

        await response({**scope, "type": "http", "method": "GET"}, receive, denied)
        return
    close: dict[str, Any] = {"type": "websocket.close", "code": 1008, "reason": message}
    await send(close)

"""The built page: index.html with a fresh nonce for its styles, and the files beside it."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Match, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from backend.api.guard import CSP
from backend.settings import Settings
from backend.state import State

NONCE = "__NONCE__"
FOR_GOOD = "public, max-age=31536000, immutable"
ABSENT = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Qdisc Playground</title>
<h1>The page is not built</h1>
<p>The service runs, but there is no page in it. Stop it and start it again with</p>
<pre>./run</pre>
<p>which builds the page first. The REST service is described at
<a href="/api/openapi.json">/api/openapi.json</a>.</p>
</html>
"""


class PageFiles(StaticFiles):
    """Files beside the page; a page that is not built has none, which is no mistake."""

    async def check_config(self) -> None:
        """Accept a folder that does not exist."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file; names in assets/ change with their content, so those are kept for good."""
        response = await super().get_response(path, scope)
        kept = path.startswith("assets/") and response.status_code == 200
        response.headers["cache-control"] = FOR_GOOD if kept else "no-cache"
        return response


class PageMount(Mount):
    """Everything but /api, whose routes tell themselves which methods they have."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match what is not the API's."""
        if scope["type"] == "http" and scope["path"].startswith("/api/"):
            return Match.NONE, {}
        return super().matches(scope)


def page_response(
    settings: Settings,
    change: Callable[[str], str] | None = None,
    status: int = 200,
    file: str = "index.html",
) -> HTMLResponse:
    """Return the page; `change` sees its text after the nonce is in, so it cannot obtain one."""
    try:
        text = (settings.page_dir / file).read_text(encoding="utf-8")
    except OSError:
        return HTMLResponse(ABSENT, status_code=503)
    nonce = secrets.token_urlsafe(16)
    policy = CSP.replace("style-src 'self'", f"style-src 'self' 'nonce-{nonce}'")
    headers = {"content-security-policy": policy, "cache-control": "no-store"}
    text = text.replace(NONCE, nonce)
    return HTMLResponse(change(text) if change else text, headers=headers, status_code=status)


def install(app: FastAPI) -> None:
    """Serve the page at /, its files beside it."""

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def index(request: Request) -> HTMLResponse:
        state: State = request.app.state.service
        return page_response(state.settings)

    @app.api_route("/sweep", methods=["GET", "HEAD"], include_in_schema=False)
    @app.api_route("/sweep/{batch_id}", methods=["GET", "HEAD"], include_in_schema=False)
    async def sweep(request: Request) -> HTMLResponse:
        state: State = request.app.state.service
        response = page_response(state.settings, file="sweep.html")
        response.headers["x-robots-tag"] = "noindex"
        return response

    settings = app.state.settings
    files = PageFiles(directory=settings.page_dir, check_dir=False)
    app.router.routes.append(PageMount("/", files, name="page"))

"""PlaygroundError: what the service refuses, in its own words."""

from __future__ import annotations

from typing import Any

import httpx


class PlaygroundError(Exception):
    """`slug` names the error; `diagnostics` has every problem of a text, with line and cure."""

    def __init__(
        self, slug: str, message: str, diagnostics: list[dict[str, Any]] | None = None
    ) -> None:
        super().__init__(message)
        self.slug = slug
        self.diagnostics = diagnostics or []


def checked(response: httpx.Response) -> httpx.Response:
    """Return a good response. Raises PlaygroundError for any other."""
    if response.is_success:
        return response
    try:
        error = response.json()["error"]
        message = str(error["message"])
        hint = f"; {error['hint']}" if error.get("hint") else ""
        raise PlaygroundError(str(error["slug"]), message + hint, error.get("diagnostics"))
    except (ValueError, KeyError, TypeError):
        text = f"the service answered {response.status_code}"
        raise PlaygroundError("error", text) from None

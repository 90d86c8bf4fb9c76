"""The one shape of every error, over HTTP and over the WebSocket."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

RETRY_S = 2  # when "busy" knows no better


class ErrorBody(BaseModel):
    """What went wrong: a stable slug, a sentence, and the cure where there is one."""

    model_config = ConfigDict(extra="forbid")

    slug: str
    message: str
    hint: str | None = None
    line: int | None = None
    diagnostics: list[dict[str, Any]] | None = None


class ErrorReply(BaseModel):
    """Every HTTP error."""

    model_config = ConfigDict(extra="forbid")

    error: ErrorBody = Field()


class ApiError(Exception):
    """An error to be told to the client."""

    def __init__(
        self,
        status: int,
        slug: str,
        message: str,
        hint: str | None = None,
        retry_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_s = retry_s if retry_s is not None or status != 503 else RETRY_S
        self.body = ErrorBody(slug=slug, message=message, hint=hint)


def error_json(slug: str, message: str, hint: str | None = None) -> dict[str, Any]:
    """Return the body of an error reply."""
    return {"error": ErrorBody(slug=slug, message=message, hint=hint).model_dump(exclude_none=True)}

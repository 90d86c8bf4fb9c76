"""The service's log: one line an event, as text or as JSON, without a word of a user's.

A traceback shows where and what kind of exception, not its message, which may quote what somebody sent.
"""

from __future__ import annotations

import json
import logging
import time
import traceback
from contextvars import ContextVar
from types import TracebackType

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
TEXT = "%(levelname)s %(name)s: %(message)s%(request)s"
FORMATS = ("text", "json")

Failure = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class Plain(logging.Formatter):
    """Lines for a terminal."""

    def __init__(self) -> None:
        super().__init__(TEXT)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; a traceback follows on lines of its own."""
        request_id = REQUEST_ID.get()
        record.request = f" (request {request_id})" if request_id else ""
        record.exc_text = None
        return super().format(record)

    def formatException(self, ei: Failure) -> str:
        """Return frames and kinds, innermost last."""
        return "\n".join(f"  {line}" for line in frames(ei[1]))


class Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object; its time is UTC."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        fields: dict[str, object] = {
            "time": f"{moment}.{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id := REQUEST_ID.get():
            fields["request"] = request_id
        fields |= getattr(record, "facts", {})
        if record.exc_info:
            fields["failure"] = frames(record.exc_info[1])
        return json.dumps(fields, ensure_ascii=False)


def frames(problem: BaseException | None) -> list[str]:
    """Return where an exception and its causes come from, without what they say."""
    lines: list[str] = []
    while problem is not None and len(lines) < 100:
        found = [
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(problem.__traceback__)
        ]
        lines = [*found, type(problem).__name__, *lines]
        problem = problem.__cause__ or problem.__context__
    return lines


def install(style: str) -> None:
    """Have everything logged in that style, to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(Json() if style == "json" else Plain())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)

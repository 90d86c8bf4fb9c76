"""A validation error of pydantic as one sentence; what the client sent is never repeated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

JSON_OBJECT = "send a JSON object, with Content-Type: application/json"
SENTENCES = {
    "model_attributes_type": f"this is no JSON object; {JSON_OBJECT}",
    "json_invalid": "this is not JSON",
    "missing": "this field is missing",
    "extra_forbidden": "this field is unknown",
    "union_tag_invalid": "{tag} is unknown",
    "union_tag_not_found": "{tag} is missing",
}


def first_problem(problem: ValidationError) -> str:
    """Return where the first problem is and what it is."""
    return sentence(problem.errors(include_url=False, include_input=False))


def sentence(errors: Sequence[Any]) -> str:
    """Return the first of pydantic's errors as one sentence, lower case, without a full stop."""
    first = errors[0]
    parts = [str(part)[:60] for part in first["loc"] if not str(part)[:1].isupper()]
    text = SENTENCES.get(first["type"]) or str(first["msg"])[:200]
    # pydantic quotes the field that tells one kind of message from another.
    text = text.replace("{tag}", str(first.get("ctx", {}).get("discriminator", "")).strip("'"))
    text = text[:1].lower() + text[1:]
    if first["type"] == "missing" and not parts:
        text = f"there is no body; {JSON_OBJECT}"
    return f"{'.'.join(parts)}: {text}" if parts else text

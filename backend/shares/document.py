"""What a share holds: the inputs of a run, the moment it is looked at, and what came of it.

Bytes are what counts: the id is a hash of the canonical bytes, which are stored and given back as
they are. VERSION grows when the shape changes; UPGRADES then gets a function for every version that
was ever released, and tests/backend/shares keeps links of each.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backend.wire.requests import Inputs

VERSION = 1
ID_BITS = 128
ID = r"[A-Za-z0-9_-]{22}"
TITLE_CHARS_MAX = 200
CURVE_MAX = 200
BOXES_MAX = 64

UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}

Count = Annotated[int, Field(ge=0, lt=2**53)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Nothing(_Part):
    """Nothing is inspected."""

    kind: Literal["none"] = "none"


class ChosenSkb(_Part):
    """An skb is followed."""

    kind: Literal["skb"]
    skb: Count


class ChosenPlace(_Part):
    """A qdisc, map, queue or device is inspected; `slot` is the inner map, or 0."""

    kind: Literal["place"]
    place: Annotated[int, Field(ge=-1, lt=2**31)]
    slot: Count


class ChosenFlow(_Part):
    """A flow is inspected."""

    kind: Literal["flow"]
    flow: Count


class View(_Part):
    """The moment: shown time, the row when it is known, what is inspected, which text is open."""

    time_ns: Count = 0
    row: Count | None = None
    selection: Annotated[
        Nothing | ChosenSkb | ChosenPlace | ChosenFlow, Field(discriminator="kind")
    ] = Nothing()
    tab: Annotated[str, Field(max_length=120)] = ""


class Box(_Part):
    """A waiting packet as it is drawn: its flow, its width in percent, whether it is marked."""

    flow: Annotated[int, Field(ge=0, lt=65_536)]
    width: Annotated[int, Field(ge=1, le=100)]
    marked: bool = False


class Picture(_Part):
    """Facts for the thumbnail: backlog over the run in percent, the packets waiting, head first."""

    curve: Annotated[list[Annotated[int, Field(ge=0, le=100)]], Field(max_length=CURVE_MAX)] = []
    at: Annotated[int, Field(ge=0, le=1000)] = 0
    boxes: Annotated[list[Box], Field(max_length=BOXES_MAX)] = []


class Share(Inputs):
    """A share as it is posted, in version 1."""

    version: Literal[1]
    title: Annotated[str, Field(max_length=TITLE_CHARS_MAX)] = ""
    view: View = View()
    picture: Picture = Picture()
    digest: Annotated[str, Field(max_length=128, pattern=r"^[0-9a-f]*$")] = ""
    engine: Annotated[str, Field(max_length=64)] = ""

    def inputs(self) -> dict[str, Any]:
        """Return what a run would be asked for."""
        return self.model_dump(include=set(Inputs.model_fields))


def canonical(share: Share) -> bytes:
    """Return the one JSON text of a share: every field, keys sorted, no spaces, UTF-8."""
    return text_of(share.model_dump()).encode()


def text_of(value: object) -> str:
    """Return the one JSON text of a value."""
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True
    )


def share_id(body: bytes) -> str:
    """Return the id of canonical bytes: the first 128 bits of their SHA-256, base64url."""
    digest = hashlib.sha256(body).digest()[: ID_BITS // 8]
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def current(body: bytes) -> bytes:
    """Return stored bytes in the shape of this release; a newer shape stays as it is."""
    document = json.loads(body)
    version = document["version"]
    if version >= VERSION:
        return body
    while version < VERSION:
        document = UPGRADES[version](document)
        version = document["version"]
    return text_of(document).encode()


def readable(body: bytes) -> Share | None:
    """Return the share in this release's shape; None when a newer release wrote it."""
    try:
        return Share.model_validate(json.loads(body))
    except ValidationError:
        return None

"""What the service asks of its database; what may be stored, and what can go wrong."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class StoreError(Exception):
    """The database cannot be used; the message is for the operator and holds no password."""


class StoreFull(StoreError):
    """There is no room where the database is; what it holds can still be read."""


@dataclass(frozen=True, slots=True)
class StoredShare:
    """A share as it was posted: its canonical bytes, never changed."""

    share_id: str
    body: bytes
    created_s: int


class Shares(Protocol):
    """Immutable shares by id. There is deliberately no way to list them."""

    def put(self, share: StoredShare) -> bool:
        """Store a share; False when its id is there already, which changes nothing."""

    def get(self, share_id: str, since_s: int = 0) -> StoredShare | None:
        """Return the share unless it is absent or was made before `since_s`."""

    def delete(self, share_id: str) -> bool:
        """Remove a share; False when there is none."""

    def purge(self, before_s: int) -> int:
        """Remove shares made before `before_s`; return how many."""

    def total_bytes(self) -> int:
        """Return how many bytes all shares hold."""


class Store(Protocol):
    """One open database. Every call may block and may raise StoreError."""

    @property
    def shares(self) -> Shares:
        """Return the table of shares."""

    def backup(self, target: Path) -> None:
        """Write a consistent copy of everything while the service runs."""

    def close(self) -> None:
        """Give up every connection."""

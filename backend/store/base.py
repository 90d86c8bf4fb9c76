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


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBatch:
    """A batch: what was asked and what was planned, as compressed JSON, and how far it is."""

    batch_id: str
    body: bytes
    plan: bytes
    client: str
    token: str | None
    state: str
    created_s: int
    started_s: int | None = None
    finished_s: int | None = None
    keeper: str | None = None  # of the services on this database, the one that computes it
    kept_s: int | None = None  # when it last said so, by the clock of the database


class Batches(Protocol):
    """Batches by id. There is deliberately no way to list those of others."""

    def put(self, batch: StoredBatch) -> bool:
        """Store a new batch; False when its token was used before."""

    def get(self, batch_id: str) -> StoredBatch | None:
        """Return a batch."""

    def by_token(self, token: str) -> StoredBatch | None:
        """Return the batch that was made with an idempotency token."""

    def kept(self, keeper: str) -> set[str]:
        """Say that a service lives, and return the ids of the unfinished batches that are its own."""

    def free(self, silent_s: int) -> list[str]:
        """Return the ids of unfinished batches whose keeper was silent for so long, or that have none, oldest first."""

    def claim(self, batch_id: str, keeper: str, silent_s: int) -> bool:
        """Make a service the keeper of a batch that is free or its own; False when it is another's, or has ended."""

    def release(self, keeper: str) -> None:
        """Free all batches of a service."""

    def move(self, batch_id: str, state: str, at_s: int) -> None:
        """Set a batch's state; a time is kept of its start and of its end, and none that has ended has a keeper."""

    def purge(self, before_s: int) -> int:
        """Remove finished batches made before `before_s`; return how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPoint:
    """What a point came to, under the digest of its inputs."""

    key: str
    body: bytes
    outcome: str
    created_s: int


class Points(Protocol):
    """Results of points, shared by all batches: the same inputs give the same row."""

    def put(self, points: list[StoredPoint]) -> None:
        """Store results; a newer one replaces an older of the same key."""

    def get(self, keys: list[str]) -> list[StoredPoint]:
        """Return those that are there, in any order."""

    def outcomes(self, keys: list[str], before_s: int | None = None) -> dict[str, str]:
        """Return how those that are there ended, or of them those stored before a time."""

    def use(self, keys: list[str], at_s: int) -> None:
        """Note that a batch uses these results, so that they stay as long as it does."""

    def purge(self, before_s: int) -> int:
        """Remove results that were made and last used before `before_s`; return how many."""


class Store(Protocol):
    """One open database. Every call may block and may raise StoreError."""

    @property
    def shares(self) -> Shares:
        """Return the table of shares."""

    @property
    def batches(self) -> Batches:
        """Return the table of batches."""

    @property
    def points(self) -> Points:
        """Return the table of results."""

    def backup(self, target: Path) -> None:
        """Write a consistent copy of everything while the service runs."""

    def close(self) -> None:
        """Give up every connection."""

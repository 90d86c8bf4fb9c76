"""Stores and finds shares within the operator's limits. Its calls block; routers use a thread."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from backend.settings import Settings
from backend.shares.document import Share, canonical, current, share_id, text_of
from backend.store.base import Store, StoredShare, StoreError, StoreFull
from backend.wire.errors import ApiError
from sandbox.protocol import ProtocolError, job_from_json

LOG = logging.getLogger(__name__)
DAY_S = 86_400
RECOUNT_S = 60.0


class Keeper:
    """The shares of one store."""

    def __init__(
        self, store: Store, settings: Settings, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._held_bytes = 0
        self._counted_s = float("-inf")

    def put(self, share: Share) -> tuple[StoredShare, bool]:
        """Store a share; also tell whether it is new."""
        body = self._checked(share)
        with _told():
            self.purge()
            self._make_room(len(body))
            stored = StoredShare(share_id(body), body, int(self._clock()))
            new = self._store.shares.put(stored)
            if not new:
                stored = self._store.shares.get(stored.share_id) or stored
        with self._lock:
            self._held_bytes += len(body) if new else 0
        return stored, new

    def get(self, name: str) -> bytes | None:
        """Return a share's bytes in this release's shape."""
        with _told():
            stored = self._store.shares.get(name, self._since_s())
        return None if stored is None else current(stored.body)

    def expires_s(self, stored: StoredShare) -> int | None:
        """Return when a share goes, in seconds of Unix time; None for never."""
        days = self._settings.share_days
        return None if days is None else stored.created_s + days * DAY_S

    def purge(self) -> int:
        """Remove what has expired."""
        since_s = self._since_s()
        return self._store.shares.purge(since_s) if since_s > 0 else 0

    def _since_s(self) -> int:
        days = self._settings.share_days
        return 0 if days is None else int(self._clock()) - days * DAY_S

    def _checked(self, share: Share) -> bytes:
        """Return the canonical bytes; caps are those of a run and of the operator."""
        try:
            job = job_from_json(share.inputs())
        except ProtocolError as refused:
            status = 413 if refused.slug == "too-large" else 422
            raise ApiError(status, refused.slug, refused.message) from None
        files = sum(map(len, job.files.values()))
        if files > self._settings.share_file_bytes:
            raise _too_large("the files of a share", files, self._settings.share_file_bytes)
        try:
            body = canonical(share)
        except UnicodeEncodeError:
            raise ApiError(422, "bad-text", "a share holds half a letter: not Unicode") from None
        encoded = len(text_of(share.files).encode())
        if len(body) - encoded > self._settings.share_bytes:
            raise _too_large(
                "a share without its files", len(body) - encoded, self._settings.share_bytes
            )
        return body

    def _make_room(self, wanted: int) -> None:
        """Refuse when the store is full; what others deleted is counted again once a minute."""
        limit = self._settings.shares_total_bytes
        with self._lock:
            if self._held_bytes + wanted > limit or self._counted_s == float("-inf"):
                now_s = time.monotonic()
                if now_s - self._counted_s >= RECOUNT_S:
                    self._counted_s = now_s
                    self._held_bytes = self._store.shares.total_bytes()
            if self._held_bytes + wanted > limit:
                raise _full()


@contextmanager
def _told() -> Iterator[None]:
    """Turn a failure of the store into an answer; the operator reads the cause in the log."""
    try:
        yield
    except StoreFull as problem:
        LOG.error("the disk of the database is full: %s", problem)
        raise _full() from problem
    except StoreError as problem:
        LOG.error("the store failed: %s", problem)
        raise ApiError(
            503, "store-unavailable", "shares cannot be reached for now", "try again later"
        ) from problem


def _full() -> ApiError:
    return ApiError(507, "store-full", "there is no room for more shares", "tell the operator")


def _too_large(what: str, got: int, limit: int) -> ApiError:
    return ApiError(413, "too-large", f"{what} may hold {limit} bytes, got {got}")

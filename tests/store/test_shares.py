"""What is stored comes back byte for byte, never changes, and cannot be listed: on both databases."""

from __future__ import annotations

import base64
import threading

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.store.base import Shares, StoredShare
from backend.store.open import SqlStore
from tests.store.conftest import Place

EACH = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def name_of(seed: int) -> str:
    return base64.urlsafe_b64encode(seed.to_bytes(16, "big")).rstrip(b"=").decode()


def test_an_absent_share_is_none(store: SqlStore) -> None:
    assert store.shares.get(name_of(1)) is None
    assert not store.shares.delete(name_of(1))
    assert store.shares.total_bytes() == 0


@EACH
@given(body=st.binary(max_size=5000), seed=st.integers(0, 2**128 - 1))
def test_any_bytes_come_back_as_they_were(store: SqlStore, body: bytes, seed: int) -> None:
    share = StoredShare(name_of(seed), body, 5)
    store.shares.delete(share.share_id)
    assert store.shares.put(share)
    assert store.shares.get(share.share_id) == share


def test_eleven_megabytes_come_back_as_they_were(store: SqlStore) -> None:
    body = bytes(range(256)) * 45_000
    assert store.shares.put(StoredShare(name_of(2), body, 5))
    found = store.shares.get(name_of(2))
    assert found is not None
    assert found.body == body


def test_a_stored_share_never_changes(store: SqlStore) -> None:
    first = StoredShare(name_of(3), b"first", 5)
    assert store.shares.put(first)
    assert not store.shares.put(StoredShare(name_of(3), b"second", 9))
    assert store.shares.get(name_of(3)) == first
    assert not hasattr(Shares, "list")


def test_ids_differ_by_case(store: SqlStore) -> None:
    assert store.shares.put(StoredShare("a" * 22, b"small", 5))
    assert store.shares.put(StoredShare("A" * 22, b"capital", 5))
    found = store.shares.get("A" * 22)
    assert found is not None
    assert found.body == b"capital"


def test_deleted_is_gone_and_the_rest_stays(store: SqlStore) -> None:
    for seed in (1, 2):
        store.shares.put(StoredShare(name_of(seed), b"12345", 5))
    assert store.shares.total_bytes() == 10
    assert store.shares.delete(name_of(1))
    assert not store.shares.delete(name_of(1))
    assert store.shares.get(name_of(1)) is None
    assert store.shares.get(name_of(2)) is not None
    assert store.shares.total_bytes() == 5


def test_expired_shares_are_not_served_and_purged(store: SqlStore) -> None:
    for seed in range(10):
        store.shares.put(StoredShare(name_of(seed), b"x", seed))
    assert store.shares.get(name_of(4), since_s=5) is None
    assert store.shares.get(name_of(5), since_s=5) is not None
    assert store.shares.purge(5) == 5
    assert store.shares.purge(5) == 0
    assert store.shares.get(name_of(4)) is None


def test_the_same_share_from_many_at_once_is_stored_once(store: SqlStore) -> None:
    new: list[bool] = []

    def put() -> None:
        for seed in range(10):
            new.append(store.shares.put(StoredShare(name_of(seed), b"body", 5)))

    threads = [threading.Thread(target=put) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(new) == 40
    assert sum(new) == 10


def test_what_was_stored_is_there_after_a_restart(place: Place) -> None:
    first = place.open()
    first.shares.put(StoredShare(name_of(7), b"kept", 5))
    first.close()
    second = place.open()
    found = second.shares.get(name_of(7))
    second.close()
    assert found == StoredShare(name_of(7), b"kept", 5)

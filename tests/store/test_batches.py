"""Batches and results of points are kept alike in both databases."""

from __future__ import annotations

from backend.store.base import StoredBatch, StoredPoint
from backend.store.open import SqlStore


def batch(name: str, token: str | None = None, created_s: int = 5) -> StoredBatch:
    return StoredBatch(
        batch_id=name * 22,
        body=b"body",
        plan=b"plan",
        client="127.0.0.1",
        token=token,
        state="queued",
        created_s=created_s,
    )


def test_a_batch_is_kept_and_its_state_moves(store: SqlStore) -> None:
    assert store.batches.put(batch("a"))
    store.batches.move("a" * 22, "running", 7)
    store.batches.move("a" * 22, "done", 9)
    found = store.batches.get("a" * 22)
    assert found is not None
    assert (found.state, found.started_s, found.finished_s) == ("done", 7, 9)
    assert store.batches.get("b" * 22) is None


def test_a_batch_that_goes_on_has_no_end(store: SqlStore) -> None:
    store.batches.put(batch("a"))
    store.batches.move("a" * 22, "cancelled", 7)
    store.batches.move("a" * 22, "queued", 9)
    found = store.batches.get("a" * 22)
    assert found is not None
    assert (found.state, found.finished_s) == ("queued", None)


def test_a_token_makes_one_batch(store: SqlStore) -> None:
    assert store.batches.put(batch("a", token="t"))
    assert not store.batches.put(batch("b", token="t"))
    found = store.batches.by_token("t")
    assert found is not None and found.batch_id == "a" * 22
    assert store.batches.by_token("u") is None


def test_what_is_unfinished_and_nobodys_is_found_oldest_first(store: SqlStore) -> None:
    for name, created_s in (("b", 2), ("a", 3), ("c", 1)):
        store.batches.put(batch(name, created_s=created_s))
    store.batches.move("b" * 22, "done", 9)
    assert store.batches.free(8) == ["c" * 22, "a" * 22]
    assert store.batches.claim("c" * 22, "one", 8)
    assert store.batches.free(8) == ["a" * 22]
    assert store.batches.kept("one") == {"c" * 22}


def test_a_batch_has_one_keeper(store: SqlStore) -> None:
    store.batches.put(batch("a"))
    assert store.batches.claim("a" * 22, "one", 8)
    assert not store.batches.claim("a" * 22, "two", 8)
    assert store.batches.kept("two") == set()
    store.batches.release("one")
    assert store.batches.claim("a" * 22, "two", 8)
    assert (store.batches.kept("one"), store.batches.kept("two")) == (set(), {"a" * 22})


def test_a_batch_whose_keeper_is_silent_is_free(store: SqlStore) -> None:
    store.batches.put(batch("a"))
    assert store.batches.claim("a" * 22, "one", 8)
    assert store.batches.free(-1) == ["a" * 22]  # as if the last word were older by more than it is
    assert store.batches.claim("a" * 22, "two", -1)


def test_a_batch_that_has_ended_has_no_keeper(store: SqlStore) -> None:
    store.batches.put(batch("a"))
    assert store.batches.claim("a" * 22, "one", 8)
    store.batches.move("a" * 22, "cancelled", 9)
    assert not store.batches.claim("a" * 22, "two", 8)
    store.batches.move("a" * 22, "queued", 9)
    assert store.batches.claim("a" * 22, "two", 8)


def test_old_batches_go_unless_they_run(store: SqlStore) -> None:
    for name in "ab":
        store.batches.put(batch(name))
    store.batches.move("a" * 22, "done", 9)
    assert store.batches.purge(6) == 1
    assert store.batches.get("a" * 22) is None
    assert store.batches.get("b" * 22) is not None


def point(number: int, outcome: str = "ok") -> StoredPoint:
    return StoredPoint(key=f"{number:064x}", body=b"row", outcome=outcome, created_s=number)


def test_results_of_more_points_than_one_statement_takes_are_found(store: SqlStore) -> None:
    many = [point(number) for number in range(1200)]
    store.points.put(many)
    keys = [one.key for one in many]
    assert sorted(one.key for one in store.points.get([*keys, "f" * 64])) == keys
    assert store.points.outcomes(keys[:3]) == dict.fromkeys(keys[:3], "ok")
    assert store.points.outcomes(keys, 2) == dict.fromkeys(keys[:2], "ok")


def test_results_stay_as_long_as_what_uses_them(store: SqlStore) -> None:
    many = [point(number) for number in range(600)]
    store.points.put(many)
    store.points.use([one.key for one in many[1:]], 1000)
    assert store.points.purge(999) == 1
    assert store.points.get([many[1].key]) == [many[1]]
    assert store.points.purge(1001) == 599


def test_a_newer_result_replaces_an_older(store: SqlStore) -> None:
    store.points.put([point(1, "crashed")])
    store.points.put([point(1)])
    assert store.points.outcomes([point(1).key]) == {point(1).key: "ok"}
    assert store.points.purge(2) == 1
    assert store.points.get([point(1).key]) == []

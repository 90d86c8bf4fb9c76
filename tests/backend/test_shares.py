"""A link opens what was shared, byte for byte, for good; what it may hold and who may ask is bounded."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.api.buckets import Buckets
from backend.settings import SettingError, Settings, from_environment
from backend.shares import document, shell
from backend.shares.document import Share, canonical, current, readable, share_id
from backend.shares.keeper import DAY_S, Keeper
from backend.store.base import StoreError
from backend.store.open import open_store
from backend.wire.errors import ApiError
from tests.backend.service import ROOT, Service, service
from tests.backend.sharing import posted, share
from tests.backend.test_http import shape

CORPUS = sorted((Path(__file__).parent / "shares").glob("v*/*.json"))


@pytest.fixture(scope="module")
def shared() -> Iterator[Service]:
    with service(
        shares_per_minute=10_000,
        share_misses_per_minute=10_000,
        share_bytes=20_000,
        share_file_bytes=3_000,
    ) as running:
        yield running


# --- what comes back ------------------------------------------------------------------------------


def test_a_share_comes_back_byte_for_byte_and_its_id_is_its_hash(shared: Service) -> None:
    body = share(programs={"mine.qdisc.py": "# Grüße \t\u2028 ' \" \\ \x7f\r\n\n"})
    answer = shared.post("/api/shares", body)
    assert answer.status_code == 201
    name = answer.json()["id"]
    assert answer.json()["url"] == f"{shared.url}s/{name}"
    assert answer.json()["expires_s"] is None
    found = shared.get(f"/api/shares/{name}")
    assert found.headers["x-robots-tag"] == "noindex"
    digest = hashlib.sha256(found.content).digest()[:16]
    assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == name
    assert len(name) == 22
    for key in ("scenario", "programs", "files", "title"):
        assert found.json()[key] == body[key]
    assert found.json()["view"] == {**body["view"], "tab": ""}


def test_the_same_share_has_the_same_id_however_it_is_written(shared: Service) -> None:
    body = share(title="again")
    name = posted(shared, body)
    again = shared.post("/api/shares", dict(reversed(body.items())))
    assert again.status_code == 200
    assert again.json()["id"] == name
    assert posted(shared, share(title="again ")) != name


def test_ids_never_change() -> None:
    first = Share.model_validate({"version": 1, "scenario": "x"})
    assert share_id(canonical(first)) == "aRUjz1Sr4VvYrAquLaOHAg"


@settings(max_examples=60, deadline=None)
@given(
    title=st.text(max_size=200),
    scenario=st.text(max_size=300),
    programs=st.dictionaries(st.text(max_size=20), st.text(max_size=300), max_size=3),
    time_ns=st.integers(0, 2**53 - 1),
)
def test_any_text_survives_the_canonical_form(
    title: str, scenario: str, programs: dict[str, str], time_ns: int
) -> None:
    made = Share.model_validate(
        {
            "version": 1,
            "title": title,
            "scenario": scenario,
            "programs": programs,
            "view": {"time_ns": time_ns},
        }
    )
    body = canonical(made)
    assert readable(body) == made
    assert current(body) == body
    assert share_id(body) == share_id(canonical(Share.model_validate(json.loads(body))))


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_every_released_link_opens_with_its_digest(shared: Service, path: Path) -> None:
    body = path.read_bytes()
    assert share_id(body) == path.stem
    found = readable(current(body))
    assert found is not None
    with shared.connect() as client:
        client.start(found.inputs())
        run = client.to_end()
    assert run.finished["outcome"] == "ok"
    (started,) = run.of("started")
    # Another engine may compute another run; the page then says which engine it was.
    if started["engine"] == found.engine:
        assert run.finished["digest"] == found.digest
        assert (found.view.row or 0) <= run.count


def test_there_are_released_links() -> None:
    assert len(CORPUS) >= 3


def test_older_versions_are_brought_up_to_date_and_newer_ones_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(document, "VERSION", 3)
    monkeypatch.setitem(document.UPGRADES, 1, lambda old: {**old, "version": 2, "two": True})
    monkeypatch.setitem(
        document.UPGRADES, 2, lambda old: {**old, "version": 3, "three": old["two"]}
    )
    assert json.loads(current(b'{"version":1}')) == {"three": True, "two": True, "version": 3}
    assert json.loads(current(b'{"two":false,"version":2}'))["three"] is False
    assert current(b'{"version": 9}') == b'{"version": 9}'


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "status", "slug"),
    (
        ({"version": 2}, 422, "bad-request"),
        ({"stranger": 1}, 422, "bad-request"),
        ({"title": "x" * 201}, 422, "bad-request"),
        ({"digest": "<b>"}, 422, "bad-request"),
        ({"view": {"time_ns": -1}}, 422, "bad-request"),
        ({"view": {"selection": {"kind": "magic"}}}, 422, "bad-request"),
        ({"picture": {"curve": [101]}}, 422, "bad-request"),
        ({"picture": {"boxes": [{"flow": 0, "width": 1}] * 65}}, 422, "bad-request"),
        ({"seed": 1.5}, 422, "bad-request"),
        ({"scenario": "\ud800"}, 422, "bad-text"),
        ({"title": "\ud800"}, 422, "bad-request"),
        ({"params": {"\udfff": 1}}, 422, "bad-name"),
        ({"scenario": "é" * 10_000}, 413, "too-large"),
        ({"programs": {f"p{i}": "" for i in range(33)}}, 422, "too-many"),
        ({"files": {"a": "!!"}}, 422, "bad-base64"),
        ({"files": {"a": base64.b64encode(bytes(3_001)).decode()}}, 413, "too-large"),
    ),
)
def test_what_a_share_may_not_hold_is_told(
    shared: Service, fields: dict[str, Any], status: int, slug: str
) -> None:
    text = json.dumps(share(**fields))
    headers = {"content-type": "application/json"}
    answer = httpx.post(f"{shared.url}api/shares", content=text, headers=headers)
    assert answer.status_code == status
    assert shape(answer) == slug


def test_files_have_a_cap_of_their_own(shared: Service) -> None:
    files = {"a.pcap": base64.b64encode(os.urandom(3_000)).decode()}
    name = posted(shared, share(scenario="x" * 14_000, files=files))
    assert shared.get(f"/api/shares/{name}").json()["files"] == files


def test_the_sizes_of_the_defaults_are_those_that_are_documented() -> None:
    assert Settings().share_bytes == 256 * 1024
    assert Settings().share_file_bytes == 8 * 1024 * 1024
    assert Settings().share_days is None


@pytest.mark.parametrize("name", ("A" * 22, "short", "A" * 21 + "!", "A" * 23, "%2e%2e"))
def test_absent_shares_are_404_everywhere(shared: Service, name: str) -> None:
    answer = shared.get(f"/api/shares/{name}")
    assert answer.status_code == 404
    assert shape(answer) == "no-such-share"
    assert shared.get(f"/s/{name}/picture.png").status_code == 404
    assert shared.get(f"/s/{name}").status_code in (404, 503)


def test_there_is_no_list(shared: Service) -> None:
    for path in ("/api/shares", "/api/shares/"):
        assert shared.get(path, follow_redirects=True).status_code in (404, 405)
    assert shared.get("/s/").status_code == 404
    paths = shared.get("/api/openapi.json").json()["paths"]
    assert [path for path in paths if "share" in path] == ["/api/shares", "/api/shares/{share_id}"]


def test_another_site_cannot_share(shared: Service) -> None:
    answer = shared.post("/api/shares", share(), headers={"origin": "http://evil"})
    assert answer.status_code == 403


def test_no_cookie_is_ever_set(shared: Service) -> None:
    name = posted(shared, share())
    for path in (f"/api/shares/{name}", f"/s/{name}", f"/s/{name}/picture.png"):
        assert "set-cookie" not in shared.get(path).headers


# --- how often ------------------------------------------------------------------------------------


def test_who_tries_links_that_lead_nowhere_has_to_wait() -> None:
    with service(share_misses_per_minute=3) as running:
        name = posted(running, share())
        for _ in range(5):
            assert running.get(f"/api/shares/{name}").status_code == 200
        for at in range(3):
            assert running.get(f"/api/shares/{'B' * 21}{at}").status_code == 404
        for path in (f"/api/shares/{'C' * 22}", f"/s/{'C' * 22}/picture.png"):
            answer = running.get(path)
            assert answer.status_code == 429
            assert shape(answer) == "too-many-misses"
            assert 1 <= int(answer.headers["retry-after"]) <= 20
        # An answer that depended on whether the share is there would go on telling.
        assert running.get(f"/api/shares/{name}").status_code == 429
        assert running.health()["status"] == "ok"


def test_who_shares_too_often_has_to_wait() -> None:
    with service(shares_per_minute=2) as running:
        for at in range(2):
            posted(running, share(title=str(at)))
        answer = running.post("/api/shares", share())
        assert answer.status_code == 429
        assert shape(answer) == "too-many-shares"
        assert int(answer.headers["retry-after"]) >= 1


def test_buckets_refill_with_time_and_forget_clients() -> None:
    now_s = 0.0
    buckets = Buckets(6, clock=lambda: now_s)
    for _ in range(6):
        assert buckets.wait_s("a") == 0
        buckets.take("a")
    assert buckets.wait_s("a") == 10
    assert buckets.wait_s("b") == 0
    now_s = 10.0
    assert buckets.wait_s("a") == 0
    for at in range(20_000):
        buckets.take(f"client {at}")
    assert len(buckets._levels) <= 10_000


# --- expiry, deletion, room, faults ----------------------------------------------------------------


def test_shares_expire_only_where_the_operator_says_so(tmp_path: Path) -> None:
    now_s = 1_000_000_000.0
    store = open_store("", tmp_path)
    forever = Keeper(store, Settings(), clock=lambda: now_s)
    keeper = Keeper(store, Settings(share_days=2), clock=lambda: now_s)
    stored, new = keeper.put(Share.model_validate(share()))
    assert new
    assert keeper.expires_s(stored) == 1_000_000_000 + 2 * DAY_S
    assert forever.expires_s(stored) is None
    now_s += 2 * DAY_S
    assert keeper.get(stored.share_id) == stored.body
    now_s += 1
    assert keeper.get(stored.share_id) is None
    assert forever.get(stored.share_id) == stored.body
    again, new = keeper.put(Share.model_validate(share()))
    assert new
    assert (again.share_id, again.created_s) == (stored.share_id, int(now_s))
    store.close()


def test_a_full_store_refuses_and_takes_again_after_deletion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store("", tmp_path)
    first = Share.model_validate(share())
    size = len(canonical(first))
    keeper = Keeper(store, Settings(shares_total_bytes=2 * size - 1))
    stored, _ = keeper.put(first)
    with pytest.raises(ApiError) as caught:
        keeper.put(Share.model_validate(share(title="Two queue")))
    assert (caught.value.status, caught.value.body.slug) == (507, "store-full")
    store.shares.delete(stored.share_id)
    monkeypatch.setattr("backend.shares.keeper.RECOUNT_S", 0.0)
    keeper.put(Share.model_validate(share(title="Two queue")))
    store.close()


def test_a_store_that_fails_is_told_and_the_service_goes_on(tmp_path: Path) -> None:
    with service(state_dir=tmp_path) as running:
        name = posted(running, share())
        with closing(sqlite3.connect(tmp_path / "store.sqlite")) as connection, connection:
            connection.execute("DROP TABLE shares")
        answer = running.get(f"/api/shares/{name}")
        assert answer.status_code == 503
        assert shape(answer) == "store-unavailable"
        assert "shares" not in answer.json()["error"].get("hint", "")
        assert running.health()["status"] == "ok"


def test_the_operator_deletes_by_id_or_link_while_the_service_runs(tmp_path: Path) -> None:
    with service(state_dir=tmp_path) as running:
        one, two = posted(running, share()), posted(running, share(title="two"))
        link = f"{running.url}s/{two}#v1:x"
        done = subprocess.run(
            [sys.executable, "-m", "backend", "shares", "delete", one, link, "-" * 22, "x"],
            cwd=ROOT,
            env={**os.environ, "QDISC_STATE_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 1
        assert done.stdout == f"{one}: deleted\n{two}: deleted\n"
        assert (
            done.stderr == f"{'-' * 22}: there is no such share\nx: not an id or link of a share\n"
        )
        for name in (one, two):
            assert running.get(f"/api/shares/{name}").status_code == 404


def test_the_operator_backs_up_and_cannot_list(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(state_dir=tmp_path)
    backup = ["store", "backup", str(tmp_path / "copy.sqlite")]
    assert shell.main(backup, settings) == 0
    assert (tmp_path / "copy.sqlite").exists()
    assert shell.main(backup, settings) == 1
    assert "there already" in capsys.readouterr().err
    for words in (["shares"], ["shares", "list"], ["shares", "delete"], ["store", "drop"]):
        assert shell.main(words, settings) == 2
    assert "shares delete ID" in capsys.readouterr().err


def test_a_database_that_cannot_be_used_is_told_in_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "backend", "--port", "0", "--no-browser"],
        cwd=ROOT,
        env={
            **os.environ,
            "QDISC_START_TIMEOUT_S": "1",
            "DATABASE_URL": "postgresql://user:hunter2@/x?host=/nowhere",
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "cannot start: the database postgresql" in done.stderr
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr


def test_settings_of_the_store_come_from_the_environment() -> None:
    assert from_environment({"DATABASE_URL": "a"}).database_url == "a"
    both = {"DATABASE_URL": "a", "QDISC_DATABASE_URL": "b"}
    assert from_environment(both).database_url == "b"
    assert from_environment({"QDISC_SHARE_DAYS": "30"}).share_days == 30
    with pytest.raises(SettingError, match="positive integer"):
        from_environment({"QDISC_SHARE_DAYS": "0"})


def test_the_store_error_holds_no_values(tmp_path: Path) -> None:
    store = open_store("", tmp_path)
    with closing(sqlite3.connect(tmp_path / "store.sqlite")) as connection, connection:
        connection.execute("DROP TABLE shares")
    with pytest.raises(StoreError) as caught:
        store.shares.get("secret")
    assert "secret" not in str(caught.value)
    store.close()

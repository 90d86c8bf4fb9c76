"""A client is who the connection, or a trusted proxy, says; nobody can write himself another address."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.api.client import Proxies
from backend.settings import SettingError, from_environment
from tests.backend.service import Service, inputs, service
from tests.backend.sharing import posted, share


def seen(
    peer: str, forwarded: str | list[str] = "", proxies: tuple[str, ...] = (), proto: str = ""
) -> tuple[str, str]:
    lists = [forwarded] if isinstance(forwarded, str) else forwarded
    headers = [(b"x-forwarded-for", text.encode("latin-1")) for text in lists if text]
    if proto:
        headers.append((b"x-forwarded-proto", proto.encode()))
    scope: dict[str, Any] = {
        "type": "http",
        "scheme": "http",
        "client": (peer, 5),
        "headers": headers,
    }
    through = Proxies(proxies).seen_through(scope)
    return through["client"][0], through["scheme"]


TRUSTED = ("10.0.0.0/8", "fd00::/8", "127.0.0.1")


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    (
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # nobody trusts that peer
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),  # the client wrote the first word
        ("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", "10.0.0.7, 10.0.0.8", "10.0.0.7"),
        ("10.0.0.1", "198.51.100.1, rubbish", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1,", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("fd00::1", "[2001:db8:1:2:3:4:5:6]:80", "2001:db8:1:2::/64"),
        ("fd00::1", "2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::7", "", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "", "203.0.113.9"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("fe80::1%eth0", "", "fe80::/64"),
    ),
)
def test_the_client_is_the_first_from_the_right_that_is_no_proxy(
    peer: str, forwarded: str | list[str], client: str
) -> None:
    assert seen(peer, forwarded, TRUSTED)[0] == client


@given(st.text(st.characters(max_codepoint=255), max_size=200))
def test_any_forwarded_list_from_a_stranger_changes_nothing(text: str) -> None:
    assert seen("203.0.113.9", text, TRUSTED) == ("203.0.113.9", "http")


@given(st.text(st.characters(max_codepoint=255), max_size=200))
def test_what_a_client_writes_before_the_proxys_word_never_counts(text: str) -> None:
    assert seen("10.0.0.1", f"{text}, 198.51.100.1", TRUSTED)[0] == "198.51.100.1"


def test_only_a_trusted_proxy_says_that_there_is_tls() -> None:
    assert seen("10.0.0.1", proxies=TRUSTED, proto="https")[1] == "https"
    assert seen("10.0.0.1", proxies=TRUSTED, proto="https, http")[1] == "http"
    assert seen("203.0.113.9", proxies=TRUSTED, proto="https")[1] == "http"


def test_a_proxy_that_is_no_address_is_refused_at_the_start() -> None:
    assert from_environment({"QDISC_PROXIES": "10.0.0.0/8, ::1"}).proxies == ("10.0.0.0/8", "::1")
    with pytest.raises(SettingError, match=r'QDISC_PROXIES.*got "proxy"'):
        from_environment({"QDISC_PROXIES": "proxy"})


def statuses(running: Service, senders: list[str]) -> list[int]:
    body = {"program": "x"}
    return [
        running.post("/api/check", body, headers={"x-forwarded-for": sender}).status_code
        for sender in senders
    ]


def test_behind_a_proxy_each_client_has_buckets_of_its_own() -> None:
    with service(checks_per_minute=1, proxies="127.0.0.1") as running:
        senders = ["198.51.100.1", "198.51.100.2", "198.51.100.1", "9.9.9.9, 198.51.100.2"]
        assert statuses(running, senders) == [200, 200, 429, 429]
        one_network = ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"]
        assert statuses(running, one_network) == [200, 429, 200]


def test_without_a_proxy_a_client_cannot_leave_its_bucket() -> None:
    with service(checks_per_minute=1) as running:
        assert statuses(running, ["198.51.100.1", "198.51.100.2"]) == [200, 429]


def test_sockets_are_counted_by_the_same_address() -> None:
    with (
        service(sockets_per_client=1, proxies="127.0.0.0/8") as running,
        running.connect(additional_headers={"x-forwarded-for": "198.51.100.1"}) as first,
        running.connect(additional_headers={"x-forwarded-for": "198.51.100.2"}) as second,
        running.connect(additional_headers={"x-forwarded-for": "198.51.100.1"}) as third,
    ):
        refused = third.receive()
        assert isinstance(refused, dict)
        assert refused["error"]["slug"] == "too-many-sockets"
        for client in (first, second):
            client.start(inputs())
            assert client.to_end().finished["outcome"] == "ok"


def test_behind_tls_browsers_are_told_to_stay_there_and_links_say_https() -> None:
    with service(proxies="127.0.0.1") as running:
        tls = {"x-forwarded-proto": "https"}
        assert running.get("/", headers=tls).headers["strict-transport-security"]
        assert "strict-transport-security" not in running.get("/").headers
        answer = running.post("/api/shares", share(), headers=tls)
        assert answer.json()["url"].startswith("https://")
        posted(running, share())

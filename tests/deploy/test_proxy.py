"""Through the proxy everything works over TLS, and what a client says of itself does not count."""

from __future__ import annotations

import contextlib
import socket
import ssl

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.backend.service import Client, inputs
from tests.backend.sharing import share
from tests.deploy.conftest import Front


def get(front: Front, path: str, **headers: str) -> httpx.Response:
    with httpx.Client(verify=front.tls(), timeout=20) as client:
        return client.get(f"https://{front.host}{path}", headers=headers)


def post(front: Front, path: str, body: object, **headers: str) -> httpx.Response:
    with httpx.Client(verify=front.tls(), timeout=20) as client:
        return client.post(f"https://{front.host}{path}", json=body, headers=headers)


def test_plain_http_leads_to_tls(front: Front) -> None:
    answer = httpx.get(f"http://localhost:{front.http}/s/x", timeout=20)
    assert answer.status_code in (301, 308)
    assert answer.headers["location"] == "https://localhost/s/x"


def test_answers_keep_their_headers_and_gain_hsts(front: Front) -> None:
    answer = get(front, "/api/health")
    assert answer.json()["locked"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["strict-transport-security"].startswith("max-age=")
    assert "server" not in answer.headers


def test_links_say_https_and_the_name_that_was_asked(front: Front) -> None:
    answer = post(front, "/api/shares", share())
    assert answer.status_code == 201
    assert answer.json()["url"].startswith(f"https://{front.host}/s/")


def test_a_run_streams_through_and_its_origin_is_checked(front: Front) -> None:
    address = f"wss://{front.host}/api/run"
    with (
        connect(
            address,
            ssl=front.tls(),
            origin=f"https://{front.host}",
            max_size=None,  # type: ignore[arg-type]
        ) as socket_,
        Client(socket_) as client,
    ):
        client.start(inputs())
        run = client.to_end()
        assert run.finished["outcome"] == "ok"
        assert run.count == run.finished["rows"]
    with pytest.raises(InvalidStatus) as refused:
        connect(address, ssl=front.tls(), origin="https://evil.example")  # type: ignore[arg-type]
    assert refused.value.response.status_code == 403


def test_a_client_cannot_give_itself_another_address(front: Front) -> None:
    statuses = [
        post(front, "/api/check", {"program": "x"}, **{"x-forwarded-for": f"198.51.100.{at}"})
        for at in range(5)
    ]
    assert [answer.status_code for answer in statuses] == [200, 200, 200, 429, 429]


def test_a_body_beyond_the_limit_is_told_in_the_services_words(front: Front) -> None:
    answer = post(front, "/api/shares", {"scenario": "x" * (14 << 20)})
    assert answer.status_code == 413
    assert answer.json()["error"]["slug"] == "too-large"


def test_the_proxy_answers_its_own_health_check(front: Front) -> None:
    assert httpx.get(f"http://127.0.0.1:{front.health}/", timeout=20).status_code == 204


def test_headers_that_trickle_in_are_given_up(front: Front) -> None:
    with (
        socket.create_connection(("127.0.0.1", front.https), timeout=30) as plain,
        front.tls().wrap_socket(plain, server_hostname="localhost") as slow,
    ):
        slow.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        # It may be cut instead of closed; a time-out would be neither.
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            assert slow.recv(1 << 12) in (b"", b"HTTP/1.1 408 Request Timeout")
    assert get(front, "/api/health").json()["status"] == "ok"

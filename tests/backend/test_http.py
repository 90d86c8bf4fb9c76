"""Every route answers in its shape, every failure in the one shape, every answer with its headers."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from backend.app import create_app
from backend.settings import SettingError, Settings, from_environment
from tests.backend.service import FIFO, Service, inputs, service

ROUTES = ("/api/health", "/api/library", "/api/scenarios", "/api/helpers", "/api/openapi.json")


def shape(answer: httpx.Response) -> str:
    """Check the one shape and return its slug."""
    body = answer.json()
    assert set(body) == {"error"}, body
    assert set(body["error"]) <= {"slug", "message", "hint", "line", "diagnostics"}
    assert re.fullmatch(r"[a-z0-9-]+", body["error"]["slug"])
    assert body["error"]["message"]
    assert not body["error"]["message"].endswith(".")
    return str(body["error"]["slug"])


@pytest.mark.parametrize("path", (*ROUTES, "/api/check", "/"))
def test_wrong_methods_have_the_one_shape(served: Service, path: str) -> None:
    for method in ("PUT", "DELETE", "PATCH"):
        answer = httpx.request(method, served.url + path.lstrip("/"))
        assert answer.status_code == 405
        assert shape(answer) == "method-not-allowed"


@pytest.mark.parametrize(
    "path",
    ("/nothing", "/api/nothing", "/api", "/assets/x.js", "/..%2f..%2fetc/passwd", "/api/run"),
)
def test_unknown_addresses_have_the_one_shape(served: Service, path: str) -> None:
    answer = served.get(path)
    assert answer.status_code == 404
    assert shape(answer) == "not-found"


@pytest.mark.parametrize(
    "body",
    (
        b"",
        b"nonsense",
        b"[]",
        b'"x"',
        b"{}",
        b'{"program": 5}',
        b'{"program": "x", "stranger": 1}',
        b'{"scenario": "x", "files": {"a": "!!"}}',
        b'{"scenario": "x", "seed": -1}',
        b'{"program": "\xff"}',
        b"[" * 50_000,
    ),
)
def test_bad_bodies_have_the_one_shape(served: Service, body: bytes) -> None:
    answer = httpx.post(
        served.url + "api/check", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code in (400, 422)
    shape(answer)


def test_a_large_body_is_refused_whether_or_not_it_says_its_length(served: Service) -> None:
    body = b'{"program": "' + b"x" * (2 << 20) + b'"}'
    headers = {"content-type": "application/json"}
    url = served.url + "api/check"
    assert shape(httpx.post(url, content=body, headers=headers)) == "too-large"
    chunks = (body[start : start + 65536] for start in range(0, len(body), 65536))
    answer = httpx.post(url, content=chunks, headers=headers)
    assert answer.status_code == 413
    assert shape(answer) == "too-large"


def test_a_text_beyond_the_cap_is_refused_with_both_sizes(served: Service) -> None:
    for body in ({"program": "x" * 300_000}, {"scenario": "x" * 300_000}):
        answer = served.post("/api/check", body)
        assert answer.status_code == 413
        assert shape(answer) == "too-large"
        assert "300000 bytes, at most 262144" in answer.json()["error"]["message"]


def test_a_good_program_checks_without_a_word(served: Service) -> None:
    answer = served.post("/api/check", {"program": FIFO})
    assert answer.status_code == 200
    assert answer.json()["ok"]


def test_a_bad_program_is_told_with_line_and_slug(served: Service) -> None:
    answer = served.post("/api/check", {"program": "import os\n", "name": "mine"})
    body = answer.json()
    assert not body["ok"]
    assert any(problem["line"] == 1 and problem["slug"] for problem in body["diagnostics"])


def test_a_scenario_checks_with_its_programs(served: Service) -> None:
    assert served.post("/api/check", inputs()).json()["ok"]
    broken = {**inputs(), "scenario": inputs()["scenario"].replace("10mbit", "10mbps")}
    answer = served.post("/api/check", broken).json()
    assert not answer["ok"]
    assert any("10mbps" in problem["message"] for problem in answer["diagnostics"])


@pytest.mark.parametrize(
    "text", ("", "\0", "é", "x" * 70_000, "(" * 5000, "\n" * 60_000, "'''", "def f(:", "\r\n")
)
def test_any_text_gets_a_verdict(served: Service, text: str) -> None:
    answer = served.post("/api/check", {"program": text})
    assert answer.status_code == 200
    assert not answer.json()["ok"]


def test_the_library_shows_titles_texts_and_parameters(served: Service) -> None:
    for program in served.get("/api/library").json()["programs"]:
        assert program["title"]
        assert served.post("/api/check", {"program": program["text"]}).json()["ok"]
        for param in program["params"]:
            assert set(param) == {"name", "kind", "default", "low", "high", "unit", "help"}


def test_the_scenarios_come_with_what_they_need(served: Service) -> None:
    for scenario in served.get("/api/scenarios").json()["scenarios"]:
        assert scenario["title"]
        body = {key: scenario[key] for key in ("programs", "files")}
        body["scenario"] = scenario["text"]
        answer = served.post("/api/check", body).json()
        assert answer["ok"] or "expect_error" in scenario["text"], (scenario["name"], answer)


def test_the_helpers_are_the_language_s(served: Service) -> None:
    helpers = served.get("/api/helpers").json()
    assert "random" in {helper["name"] for helper in helpers["helpers"]}
    assert "SkbMap" in {one["name"] for one in helpers["maps"]}


def test_health_tells_that_the_sandbox_is_locked(served: Service) -> None:
    health = served.health()
    assert health["status"] == "ok"
    assert health["locked"]
    assert health["probes"] > 34


def test_every_answer_carries_the_security_headers(served: Service) -> None:
    for path in (*ROUTES, "/", "/nothing"):
        headers = served.get(path).headers
        assert headers["content-security-policy"].startswith(
            "default-src 'none'; script-src 'self'"
        )
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-opener-policy"] == "same-origin"


def test_openapi_has_every_route_with_replies_and_errors(served: Service) -> None:
    document = served.get("/api/openapi.json").json()
    app = create_app(Settings())
    paths = {getattr(route, "path", "") for route in app.routes} | _included(app)
    wanted = {path for path in paths if path.startswith("/api") and path != "/api/openapi.json"}
    assert {"/api/run", "/api/check", "/api/health"} <= wanted
    assert wanted == set(document["paths"])
    for path, methods in document["paths"].items():
        for name, operation in methods.items():
            if path == "/api/run":
                assert operation["x-client-messages"]
                continue
            for media, reply in operation["responses"]["200"]["content"].items():
                named = media != "application/json" or "$ref" in reply["schema"]
                assert named, (path, name)
            for status in ("404", "405", "413", "422", "503"):
                schema = operation["responses"][status]["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorReply"}
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for reference in re.findall(
        r'"#/components/schemas/(\w+)"', served.get("/api/openapi.json").text
    ):
        assert reference in document["components"]["schemas"]


def _included(app: object) -> set[str]:
    """Routes of included routers, which newer FastAPI keeps nested."""
    found = set()
    for route in getattr(app, "routes", ()):
        inner = getattr(route, "original_router", None) or getattr(route, "router", None)
        for part in getattr(inner, "routes", ()):
            found.add(getattr(part, "path", ""))
    return found


def test_a_page_that_is_not_built_says_how_to_build_it(tmp_path: Path) -> None:
    with service(page_dir=tmp_path / "none") as served:
        answer = served.get("/")
        assert answer.status_code == 503
        assert "./run" in answer.text
        assert shape(served.get("/assets/a.js")) == "not-found"


def test_the_page_gets_a_fresh_nonce_each_time(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text('<meta name="nonce" content="__NONCE__"><p>hi')
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "a.js").write_text("1")
    with service(page_dir=tmp_path) as served:
        nonces = set()
        for _ in range(3):
            answer = served.get("/")
            found = re.search(r'content="([^"]+)"', answer.text)
            assert found is not None
            nonces.add(found[1])
            policy = answer.headers["content-security-policy"]
            assert f"style-src 'self' 'nonce-{found[1]}'" in policy
        assert len(nonces) == 3
        assert httpx.head(served.url).status_code == 200
        script = served.get("/assets/a.js")
        assert script.text == "1"
        assert "immutable" in script.headers["cache-control"]
        assert served.get("/").headers["cache-control"] == "no-store"


def test_settings_come_from_the_environment() -> None:
    settings = from_environment(
        {"QDISC_PORT": "9", "QDISC_ORIGINS": "http://a, http://b", "QDISC_ALLOW_UNLOCKED": "1"}
    )
    assert settings.port == 9
    assert settings.origins == ("http://a", "http://b")
    assert settings.allow_unlocked


@pytest.mark.parametrize(
    ("name", "value"),
    (("QDISC_PROT", "9"), ("QDISC_PORT", "x"), ("QDISC_PORT", "-1"), ("QDISC_ALLOW_UNLOCKED", "y")),
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=name):
        from_environment({name: value})

"""What a pasted link shows is text and a drawing of ours, whatever the share holds."""

from __future__ import annotations

import sqlite3
import struct
import zlib
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from backend.api.page import NONCE
from backend.shares import document
from backend.shares.card import page_of
from backend.shares.document import Share
from backend.shares.picture import HEIGHT, KEPT, WIDTH, draw, drawn
from tests.backend.service import Service, service
from tests.backend.sharing import PNG, posted, share
from tests.effort import calls_of

PAYLOADS = (
    "</title><script>alert(1)</script>",
    '"><script src=//evil></script>',
    "' onload=alert(1) x='",
    '" http-equiv="refresh" content="0;url=//evil',
    "</head><body>&lt;b&gt;&amp;",
    NONCE,
    "\\1\\g<0>",
)


class Head(HTMLParser):
    """Collects the tags of a page and the text of its title."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.metas: dict[str, str] = {}
        self.title = ""
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self._in_title = tag == "title"
        values = dict(attrs)
        if tag == "meta" and "property" in values:
            assert set(values) == {"property", "content"}
            self.metas[str(values["property"])] = str(values["content"])

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
            self._in_title = False


def page_folder(folder: Path) -> Path:
    (folder / "index.html").write_text(
        "<!doctype html><html><head>\n<title>plain</title>\n"
        f'<meta name="csp-nonce" content="{NONCE}" />\n'
        '<link rel="preload" href="/opening.json" as="fetch" crossorigin />\n'
        "</head><body></body></html>"
    )
    return folder


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_title_is_text_whatever_it_holds(payload: str) -> None:
    held = Share.model_validate(share(title=payload, programs={payload[:100]: "x"}))
    html = page_of("<head><title>plain</title></head>", held, "http://h/s/1", "http://h/s/1/p")
    head = Head()
    head.feed(html)
    assert set(head.names) == {"head", "title", "meta"}
    assert head.metas["og:title"] == payload
    assert head.title.startswith(payload)
    assert payload[:100] in head.metas["og:description"]


def test_a_pasted_link_shows_title_and_picture(tmp_path: Path) -> None:
    with service(page_dir=page_folder(tmp_path), public_url="https://play.example/") as running:
        name = posted(running, share(title=f"one\n\u0000 two {NONCE}"))
        answer = running.get(f"/s/{name}")
        head = Head()
        head.feed(answer.text)
        assert head.metas["og:title"] == f"one two {NONCE}"
        assert head.metas["og:url"] == f"https://play.example/s/{name}"
        assert head.metas["og:image"] == f"https://play.example/s/{name}/picture.png"
        assert "mine.qdisc.py at 0.012346 s" in head.metas["og:description"]
        assert "opening" not in answer.text
        assert answer.headers["x-robots-tag"] == "noindex"
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self';" in policy
        # The page has its nonce, a title that asks for it does not.
        nonce = policy.split("'nonce-")[1].split("'")[0]
        assert answer.text.count(nonce) == 1
        absent = running.get(f"/s/{'A' * 22}")
        assert absent.status_code == 404
        assert "og:" not in absent.text
        assert "<title>plain</title>" in absent.text


def test_a_share_of_a_newer_release_has_a_page_but_no_picture(tmp_path: Path) -> None:
    folder = page_folder(tmp_path)
    with service(page_dir=folder, state_dir=tmp_path / "state") as running:
        with (
            closing(sqlite3.connect(tmp_path / "state" / "store.sqlite")) as connection,
            connection,
        ):
            connection.execute(
                "INSERT INTO shares (share_id, body, body_bytes, created_s) VALUES (?, ?, 13, 1)",
                ("N" * 22, b'{"version":9}'),
            )
        assert running.get(f"/api/shares/{'N' * 22}").content == b'{"version":9}'
        page = running.get(f"/s/{'N' * 22}")
        assert page.status_code == 200
        assert "og:" not in page.text
        assert running.get(f"/s/{'N' * 22}/picture.png").status_code == 404


def test_the_picture_is_a_png_drawn_from_the_facts(served: Service) -> None:
    name = posted(served, share())
    answer = served.get(f"/s/{name}/picture.png")
    head = httpx.head(f"{served.url}s/{name}/picture.png")
    assert (head.status_code, head.headers["content-type"]) == (200, "image/png")
    assert answer.headers["content-type"] == "image/png"
    assert answer.content.startswith(PNG)
    assert struct.unpack(">II", answer.content[16:24]) == (WIDTH, HEIGHT)
    plain = draw(document.Picture())
    assert answer.content != plain
    assert len(answer.content) < 20_000
    data_at = plain.index(b"IDAT") + 4
    (size,) = struct.unpack(">I", plain[data_at - 8 : data_at - 4])
    assert len(zlib.decompress(plain[data_at : data_at + size])) == HEIGHT * (WIDTH + 1)


def test_the_largest_picture_takes_little_work() -> None:
    picture = document.Picture(
        curve=[100] * document.CURVE_MAX,
        at=1000,
        boxes=[document.Box(flow=65_535, width=1, marked=True)] * document.BOXES_MAX,
    )
    assert draw(picture).startswith(PNG)
    assert calls_of(lambda: draw(picture)) < 20_000


def test_a_picture_asked_for_again_is_not_drawn_again() -> None:
    facts = document.Picture(at=77).model_dump_json()
    assert drawn(facts) is drawn(facts)
    assert drawn(facts) == draw(document.Picture(at=77))
    assert drawn.cache_info().maxsize == KEPT

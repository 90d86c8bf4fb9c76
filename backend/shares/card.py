"""What a pasted link shows: Open Graph tags in the page of a share, every text escaped."""

from __future__ import annotations

import re
from html import escape

from backend.shares.document import Share
from backend.shares.picture import HEIGHT, WIDTH

NAME = "Qdisc Playground"
PRELOAD = re.compile(r'\s*<link rel="preload"[^>]*/opening\.[^>]*>')
TITLE = re.compile(r"<title>[^<]*</title>")


def title_of(share: Share) -> str:
    """Return the title on one line, without control characters."""
    text = "".join(letter if letter.isprintable() else " " for letter in share.title)
    return " ".join(text.split()) or "A shared run"


def describe(share: Share) -> str:
    """Return a sentence about a share, made of its facts."""
    seconds = f"{share.view.time_ns / 1e9:.6f}".rstrip("0").rstrip(".")
    programs = ", ".join(sorted(share.programs)[:3]) or "the library's programs"
    return f"{programs} at {seconds} s: the link opens that moment and runs it again."


def tags(share: Share, page_url: str, image_url: str) -> str:
    """Return the tags for the head of the page."""
    properties = {
        "og:type": "website",
        "og:site_name": NAME,
        "og:title": title_of(share),
        "og:description": describe(share),
        "og:url": page_url,
        "og:image": image_url,
        "og:image:type": "image/png",
        "og:image:width": str(WIDTH),
        "og:image:height": str(HEIGHT),
        "og:image:alt": "Packets waiting in a queue, and its backlog over the run",
    }
    lines = [
        f'<meta property="{name}" content="{escape(text)}" />' for name, text in properties.items()
    ]
    lines.append('<meta name="twitter:card" content="summary_large_image" />')
    return "\n    ".join(lines)


def page_of(html: str, share: Share | None, page_url: str, image_url: str) -> str:
    """Return the page for a share; without one, the page alone. The opening is not needed."""
    html = PRELOAD.sub("", html)
    if share is None:
        return html
    head = f"<title>{escape(title_of(share))} · {NAME}</title>"
    html = TITLE.sub(lambda _: head, html, count=1)
    before, end, after = html.partition("</head>")
    return f"{before}  {tags(share, page_url, image_url)}\n  {end}{after}"

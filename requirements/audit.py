"""Ask what is known against the locked packages: python -m requirements.audit

Without a network it still checks that every package of every lock, Python's and the page's, is pinned to one
version and one content. With one it asks the database of advisories at osv.dev in a single request; when that
cannot be reached it says so in a line, and that is no failure.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PAGE_LOCK = ROOT / "frontend" / "package-lock.json"
ADVISORIES = "https://api.osv.dev/v1/querybatch"
REGISTRY = "https://registry.npmjs.org/"
TIMEOUT_S = 20.0
ANSWER_BYTES_MAX = 16 << 20
# Advisories that do not concern us, each with the reason.
ACCEPTED: dict[str, str] = {}


class Pin(NamedTuple):
    """A package as a lock names it."""

    ecosystem: str
    name: str
    version: str


def python_pins(text: str, problems: list[str]) -> set[Pin]:
    """Return the pins of a requirements file; what has no version or no hash goes to `problems`."""
    pins = set()
    for entry in re.sub(r"\\\n", " ", text).splitlines():
        words = entry.split("#")[0].split()
        if not words:
            continue
        name, _, version = words[0].partition("==")
        if not version:
            problems.append(f"{name}: not pinned to a version")
        elif not any(word.startswith("--hash=sha256:") for word in words):
            problems.append(f"{name}: no hash")
        else:
            pins.add(Pin("PyPI", name.split("[")[0], version))
    return pins


def page_pins(lock: dict[str, Any], problems: list[str]) -> set[Pin]:
    """Return the pins of npm's lock; what has no hash, or comes from elsewhere, goes to `problems`."""
    pins = set()
    for place, entry in lock["packages"].items():
        if not place:
            continue
        name = place.rpartition("node_modules/")[2]
        # Tools for platforms that the registry here does not serve (requirements/lock_page.py) have none.
        foreign_tool = entry.get("dev") and entry.get("optional") and entry.get("os")
        if not str(entry.get("integrity", "")).startswith("sha512-") and not foreign_tool:
            problems.append(f"{name}: no hash")
        if not str(entry.get("resolved", REGISTRY)).startswith(REGISTRY):
            problems.append(f"{name}: not from npm's registry")
        pins.add(Pin("npm", name, entry["version"]))
    return pins


def known_against(pins: Sequence[Pin], url: str) -> list[str]:
    """Return a line for each advisory about one of the pins. Raises OSError without an answer."""
    queries = [
        {"package": {"name": pin.name, "ecosystem": pin.ecosystem}, "version": pin.version}
        for pin in pins
    ]
    request = urllib.request.Request(
        url, json.dumps({"queries": queries}).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        results = json.loads(answer.read(ANSWER_BYTES_MAX))["results"]
    return [
        f"{pin.name} {pin.version}: {advisory['id']}"
        for pin, result in zip(pins, results, strict=True)
        for advisory in result.get("vulns", ())
        if advisory["id"] not in ACCEPTED
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the locks, then ask; 1 when something is unpinned or an advisory is known."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--advisories", default=ADVISORIES, help="URL that answers as osv.dev does")
    url = parser.parse_args(arguments).advisories
    problems: list[str] = []
    pins: set[Pin] = set()
    for lock in LOCKS:
        pins |= python_pins(lock.read_text(), problems)
    pins |= page_pins(json.loads(PAGE_LOCK.read_text()), problems)
    print(f"{len(pins)} locked packages, {len(problems)} not pinned to one version and content")
    try:
        problems += known_against(sorted(pins), url)
    except (OSError, ValueError, KeyError) as failure:
        print(f"advisories were not asked: {url} cannot be reached ({type(failure).__name__})")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

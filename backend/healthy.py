"""python -m backend.healthy [URL]: whether runs can be had and the sandbox is locked; 0 when so, for a container.

Of tcp://HOST:PORT, a part of a cluster, only whether it can be reached.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import urllib.request
from collections.abc import Sequence
from urllib.parse import urlsplit

TIMEOUT_S = 4.0
DEFAULT = f"http://127.0.0.1:{os.environ.get('QDISC_PORT', '8000')}/"


def problem(url: str) -> str:
    """Return why the service there is not healthy, or nothing."""
    if url.startswith("tcp://"):
        return unreachable(url)
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/api/health", timeout=TIMEOUT_S) as answer:
            health = json.load(answer)
    except (OSError, ValueError) as failure:
        return f"{url} does not answer: {failure}"
    if not health["locked"]:
        return "a layer of the sandbox is off"
    if health["status"] != "ok":
        return f"the service is {health['status']}"
    return ""


def unreachable(url: str) -> str:
    """Return why nothing answers there, or nothing."""
    place = urlsplit(url)
    try:
        socket.create_connection((place.hostname, place.port), timeout=TIMEOUT_S).close()
    except (OSError, ValueError) as failure:
        return f"{url} cannot be reached: {failure}"
    return ""


def main(arguments: Sequence[str]) -> int:
    """Say what is wrong, if anything is."""
    found = problem(arguments[0] if arguments else DEFAULT)
    if found:
        print(found, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""python -m backend: serve the playground on this machine and open it in the browser.

python -m backend shares delete ID… and store backup FILE are the operator's: backend/shares/shell.py.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import socket
import sys
import threading
import webbrowser
from collections.abc import Sequence
from dataclasses import replace

import uvicorn

from backend import logs
from backend.app import create_app
from backend.metrics import Unbound
from backend.settings import SettingError, Settings, from_environment
from backend.shares import shell
from backend.store.base import StoreError
from backend.workers.zygote import Unavailable

SHUTDOWN_S = 5
REFUSED = "ASGI callable returned without completing handshake."


class Server(uvicorn.Server):
    """Says where the page is once it can be had, and opens it."""

    def __init__(self, config: uvicorn.Config, url: str, browser: bool) -> None:
        super().__init__(config)
        self._url = url
        self._browser = browser

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell."""
        await super().startup(sockets=sockets)
        if self.should_exit:
            return
        print(f"Qdisc Playground: {self._url}  (Ctrl-C ends it)", flush=True)
        if self._browser:
            threading.Thread(target=webbrowser.open, args=(self._url,), daemon=True).start()


class Quiet(logging.Filter):
    """Keeps out of the log what is told otherwise: a start that fails, and a WebSocket that was refused."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is shown."""
        message = record.getMessage()
        if message == REFUSED:
            return False
        return not any(kind.__name__ in message for kind in (Unavailable, StoreError, Unbound))


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C; 1 when it cannot start, 2 for wrong arguments."""
    try:
        settings = from_environment(os.environ)
        logs.install(settings.log_format)
    except SettingError as problem:
        print(f"python -m backend: {problem}", file=sys.stderr)
        return 2
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words[:1] and words[0] in shell.ROOMS:
        return shell.main(words, settings)
    parser = argparse.ArgumentParser(prog="python -m backend", description=__doc__)
    parser.add_argument("--host", default=settings.host)
    parser.add_argument("--port", type=int, default=settings.port)
    parser.add_argument("--no-browser", action="store_true", help="do not open the page")
    parser.add_argument(
        "--allow-unlocked",
        action="store_true",
        default=settings.allow_unlocked,
        help="for development only: serve even when a layer of the sandbox is off",
    )
    chosen = parser.parse_args(words)
    settings = replace(
        settings, host=chosen.host, port=chosen.port, allow_unlocked=chosen.allow_unlocked
    )
    return serve(settings, browser=not chosen.no_browser)


def serve(settings: Settings, browser: bool) -> int:
    """Bind, then serve; a port that is taken is told in one line."""
    try:
        listener = socket.create_server((settings.host, settings.port), backlog=128)
    except OSError as problem:
        print(
            f"cannot listen on {settings.host} port {settings.port}: {problem.strerror}; "
            "is another playground running? choose one with --port",
            file=sys.stderr,
        )
        return 1
    port = listener.getsockname()[1]
    shown = "localhost" if settings.host in ("127.0.0.1", "0.0.0.0") else settings.host
    app = create_app(settings)
    logging.getLogger("uvicorn.error").addFilter(Quiet())
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        # backend/api/client.py does it, and trusts nobody who is not named.
        proxy_headers=False,
        ws="websockets-sansio",
        ws_max_size=settings.message_bytes,
        ws_per_message_deflate=False,
        ws_ping_interval=settings.ping_s,
        ws_ping_timeout=settings.ping_s,
        timeout_graceful_shutdown=SHUTDOWN_S,
    )
    server = Server(config, f"http://{shown}:{port}/", browser)
    with listener, contextlib.suppress(KeyboardInterrupt, SystemExit):
        server.run(sockets=[listener])
    if not server.started:
        reason = app.state.problem or "the service made a mistake, which is in its log above"
        print(f"cannot start: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

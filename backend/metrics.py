"""What the operator can measure: counters and times of this process, in the text format of Prometheus.

Nothing here is about a user: no address, no text, no id; the labels are outcomes, routes as they are written
in the code, and statuses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    start_http_server,
)

# A start takes milliseconds on an idle machine, and seconds in a queue.
START_BUCKETS_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
REQUEST_BUCKETS_S = (0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 5.0, 10.0)


class Unbound(Exception):
    """The port for scrapes cannot be had."""


class Metrics:
    """One registry; whoever counts calls a method, gauges are read when somebody scrapes."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._outcomes = self._counter("runs", "runs that ended, by outcome", "outcome")
        self._start_s = Histogram(
            "qdisc_run_start_seconds",
            "from the wish to start a run, its wait in the queue included, until it computes",
            buckets=START_BUCKETS_S,
            registry=self.registry,
        )
        self._rows = self._counter("rows", "rows of traces sent to browsers")
        self._zygotes = self._counter(
            "zygotes", "zygotes started; each after the first replaced one"
        )
        self._request_s = Histogram(
            "qdisc_request_seconds",
            "HTTP requests until their answer was sent",
            ("method", "route", "status"),
            buckets=REQUEST_BUCKETS_S,
            registry=self.registry,
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"qdisc_{name}", text, labels, registry=self.registry)

    def watch(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Have a gauge that is read when it is asked for."""
        Gauge(f"qdisc_{name}", text, registry=self.registry).set_function(read)

    def run_started(self, after_s: float) -> None:
        """Count a run that computes, `after_s` after it was asked for."""
        self._start_s.observe(after_s)

    def run_ended(self, outcome: str) -> None:
        """Count a run that said its last message."""
        self._outcomes.labels(outcome).inc()

    def rows_sent(self, count: int) -> None:
        """Count rows."""
        self._rows.inc(count)

    def zygote_started(self) -> None:
        """Count a zygote."""
        self._zygotes.inc()

    def request_answered(self, method: str, route: str, status: int, took_s: float) -> None:
        """Count an HTTP request."""
        self._request_s.labels(method, route, status).observe(took_s)

    @contextmanager
    def served(self, host: str, port: int | None) -> Iterator[None]:
        """Answer scrapes on a port of their own, in a thread, until the block ends; not without one.

        Raises Unbound when the port cannot be had.
        """
        if port is None:
            yield
            return
        try:
            server, thread = start_http_server(port, host, self.registry)
        except OSError as problem:
            raise Unbound(
                f"cannot listen for scrapes on {host} port {port}: {problem.strerror}"
            ) from None
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

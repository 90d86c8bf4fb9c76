"""Batch: a sweep on the service: wait for it, read it, stop it."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TextIO

import httpx

from qdisc_playground.errors import PlaygroundError, checked

if TYPE_CHECKING:
    import pandas

ENDED = ("done", "cancelled", "interrupted")
RETRY_S = 1.0
PATIENCE_S = 60.0
BAR = 30
Row = dict[str, Any]


class Batch:
    """One batch; `id` and `url` stay valid after this program has ended."""

    def __init__(self, http: httpx.Client, state: dict[str, Any]) -> None:
        self._http = http
        self.state = state

    @property
    def id(self) -> str:
        """The name of the batch."""
        return str(self.state["id"])

    @property
    def url(self) -> str:
        """The page of the batch, to open or to share."""
        return str(self.state["url"])

    def __repr__(self) -> str:
        state = self.state
        return f"<Batch {self.id} {state['state']} {state['done']}/{state['count']}>"

    def refresh(self) -> dict[str, Any]:
        """Return how far it is now: state, count, done, failed, limited, cached, eta_s."""
        self.state = checked(self._http.get(self._path(""))).json()
        return self.state

    def rows(self) -> Iterator[Row]:
        """Yield each row once, as it is finished, until the batch has ended; goes on after a lost connection.

        Raises httpx.TransportError when the service cannot be reached for a minute.
        """
        last, seen = "", set[str]()
        heard_s = time.monotonic()
        while True:
            try:
                path, headers = self._path("/events"), {"last-event-id": last}
                with self._http.stream("GET", path, headers=headers, timeout=60) as response:
                    if not response.is_success:
                        response.read()
                    for name, event_id, data in _events(checked(response).iter_lines()):
                        heard_s = time.monotonic()
                        if name == "state":
                            self.state = data
                        elif name == "rows":
                            fresh = [row for row in data["rows"] if row["key"] not in seen]
                            seen.update(row["key"] for row in fresh)
                            last = event_id
                            yield from fresh
                        elif name == "end":
                            self.refresh()
                            return
            except httpx.TransportError:
                if time.monotonic() - heard_s > PATIENCE_S:
                    raise
                time.sleep(RETRY_S)

    def wait(self, progress: bool | TextIO = True) -> Batch:
        """Return when the batch has ended; `progress` is shown on stderr, or where it says."""
        out = sys.stderr if progress is True else progress or None
        for _ in self.rows():
            if out is not None:
                _show(out, self.state)
        if out is not None:
            _show(out, self.state, end="\n")
        return self

    def results(self) -> list[Row]:
        """Return every row, in the order of the design; docs/sweeps.md has the columns."""
        rows: list[Row] = checked(self._http.get(self._path("/results.json"))).json()["rows"]
        return rows

    def frame(self) -> pandas.DataFrame:
        """Return the rows as a pandas data frame; needs the extra `pandas`."""
        import pandas

        return pandas.DataFrame.from_records(self.results())

    def summary(self, *metrics: str) -> list[Row]:
        """Return a row for each program and setting: means over the seeds, and half the widths of their intervals."""
        params = httpx.QueryParams([("metric", metric) for metric in metrics])
        reply = checked(self._http.get(self._path("/summary.json"), params=params)).json()
        return [_flat(group) for group in reply["groups"]]

    def waits(self) -> list[Row]:
        """Return the distributions of the packets' waits: `program`, `params`, `flows` of (ns, share)."""
        groups: list[Row] = checked(self._http.get(self._path("/distributions.json"))).json()[
            "groups"
        ]
        return groups

    def save(self, path: str) -> None:
        """Write the rows to a file whose name ends with .csv, .json or .parquet; nothing is lost when that fails."""
        ending = path.rpartition(".")[2]
        if ending not in ("csv", "json", "parquet"):
            raise PlaygroundError("bad-format", f'"{path}" must end with .csv, .json or .parquet')
        partial = f"{path}.part"
        try:
            with self._http.stream("GET", self._path(f"/results.{ending}")) as response:
                if not response.is_success:
                    response.read()
                parts = checked(response).iter_bytes()
                with open(partial, "wb") as file:
                    file.writelines(parts)
            os.replace(partial, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(partial)

    def cancel(self) -> Batch:
        """Stop it; the rows that are there stay."""
        return self._act("cancel")

    def resume(self) -> Batch:
        """Go on with the points that are missing."""
        return self._act("resume")

    def _act(self, what: str) -> Batch:
        self.state = checked(self._http.post(self._path(f"/{what}"), json={})).json()
        return self

    def _path(self, rest: str) -> str:
        return f"/api/batches/{self.id}{rest}"


def _flat(group: Row) -> Row:
    row: Row = {"program": group["program"], **group["params"]}
    row.update(runs=group["runs"], failed=group["failed"])
    for metric, found in group["values"].items():
        row[metric] = found["mean"]
        row[f"{metric} ±"] = found["half_width"]
    return row


def _events(lines: Iterator[str]) -> Iterator[tuple[str, str, Any]]:
    """Yield (event, id, data) of a stream of server-sent events."""
    fields: dict[str, str] = {}
    for line in lines:
        if line == "":
            if "event" in fields:
                yield fields["event"], fields.get("id", "0"), json.loads(fields.get("data", "null"))
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value


def _show(out: TextIO, state: Row, end: str = "") -> None:
    done, count = state["done"], state["count"]
    bar = "#" * (BAR * done // max(1, count))
    eta = f", about {state['eta_s']:.0f} s left" if state.get("eta_s") else ""
    failed = f", {state['failed']} failed" if state["failed"] else ""
    reason = f": {state['reason']}" if state.get("reason") else ""
    out.write(f"\r[{bar:<{BAR}}] {done}/{count} {state['state']}{reason}{failed}{eta}   {end}")
    out.flush()

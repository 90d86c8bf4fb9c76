"""Playground: one service, asked over REST."""

from __future__ import annotations

import base64
import csv
import io
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from qdisc_playground.batch import Batch, Row
from qdisc_playground.errors import PlaygroundError, checked

TRIES = 4
Axis = str | Sequence[int | float | str]
Text = str | Path


class Playground:
    """A service such as `Playground("http://localhost:8000")`; use it in a `with` to let go of its connections."""

    def __init__(self, url: str = "http://localhost:8000", timeout_s: float = 30.0) -> None:
        transport = httpx.HTTPTransport(retries=TRIES)
        self._http = httpx.Client(base_url=url, timeout=timeout_s, transport=transport)

    def __enter__(self) -> Playground:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def scenarios(self) -> dict[str, str]:
        """Return the texts of the shipped scenarios by name, e.g. `latency/bufferbloat`."""
        return {name: str(item["text"]) for name, item in self._shipped().items()}

    def _shipped(self) -> dict[str, Row]:
        found = checked(self._http.get("/api/scenarios")).json()["scenarios"]
        return {item["name"]: item for item in found}

    def run(
        self,
        scenario: Text,
        *,
        programs: Mapping[str, Text] | None = None,
        files: Mapping[str, bytes] | None = None,
        params: Mapping[str, int | str] | None = None,
        seed: int | None = None,
        duration: str | None = None,
    ) -> Row:
        """Run once and return its row: inputs, outcome, digest and every number of its statistics.

        Raises PlaygroundError when the texts cannot run.
        """
        texts = self._texts(scenario, programs or {}, files or {})
        if seed is None:
            plan = checked(self._http.post("/api/batches/plan", json=texts)).json()
            seed = plan["seeds"][0] if plan["seeds"] else 1
        if "seed" in (params or {}):
            raise PlaygroundError("bad-value", "the seed is no parameter; write seed=N")
        point = {**(params or {}), "seed": seed}
        body = {**texts, "list": _csv(point), "duration": duration}
        (row,) = Batch(self._http, self._post(body)).wait(progress=False).results()
        return row

    def sweep(
        self,
        scenario: Text,
        *,
        params: Mapping[str, Axis] | None = None,
        compare: Mapping[str, Text] | Iterable[str] | str = (),
        seeds: int | None = None,
        seed: int | None = None,
        latin: int = 0,
        latin_seed: int = 1,
        points: str = "",
        duration: str | None = None,
        metrics: Sequence[str] = (),
        programs: Mapping[str, Text] | None = None,
        files: Mapping[str, bytes] | None = None,
    ) -> Batch:
        """Begin a sweep and return it at once.

        `scenario` is a TOML text, a file, or the name of a shipped scenario. An axis of `params` is a
        sequence of values or a text such as "10..1000:5log"; without `params` the scenario's own
        `[sweep]` is taken. `compare` has programs by label, or
        names of the library. Raises PlaygroundError with every problem when it cannot run.
        """
        if isinstance(compare, str):
            compare = (compare,)
        named = compare if isinstance(compare, Mapping) else dict.fromkeys(compare, "")
        body = {
            **self._texts(scenario, programs or {}, files or {}),
            "compare": _texts(named),
            "params": None
            if params is None
            else {path: _axis(axis) for path, axis in params.items()},
            "latin": latin,
            "latin_seed": latin_seed,
            "list": points,
            "seeds": seeds,
            "seed": seed,
            "duration": duration,
            "metrics": list(metrics),
        }
        return Batch(self._http, self._post(body))

    def batch(self, batch_id: str) -> Batch:
        """Return a batch that was begun earlier, by its id or its link."""
        name = batch_id.rstrip("/").rpartition("/")[2]
        if not name:
            raise PlaygroundError("no-such-batch", "write the id of a batch, or its link")
        return Batch(self._http, checked(self._http.get(f"/api/batches/{name}")).json())

    def _post(self, body: Row) -> dict[str, Any]:
        """Post a batch once, however often the connection is lost meanwhile."""
        headers = {"idempotency-key": str(uuid.uuid4())}
        for attempt in range(TRIES):
            try:
                reply = self._http.post("/api/batches", json=body, headers=headers)
                state: dict[str, Any] = checked(reply).json()
                return state
            except httpx.TransportError:
                if attempt == TRIES - 1:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _texts(
        self, scenario: Text, programs: Mapping[str, Text], files: Mapping[str, bytes]
    ) -> Row:
        """Return scenario, programs and files as they are posted; a shipped scenario brings its own."""
        own: Row = {"text": "", "programs": {}, "files": {}}
        if isinstance(scenario, Path) or scenario.endswith(".toml"):
            own["text"] = Path(scenario).read_text(encoding="utf-8")
        elif "\n" in scenario or "=" in scenario:
            own["text"] = scenario
        else:
            shipped = self._shipped()
            if scenario not in shipped:
                raise PlaygroundError(
                    "unknown-scenario",
                    f'no scenario "{scenario}"; there are {", ".join(sorted(shipped))}',
                )
            own = shipped[scenario]
        return {
            "scenario": own["text"],
            "programs": {**own["programs"], **_texts(programs)},
            "files": {**own["files"], **_encoded(files)},
        }


def _texts(texts: Mapping[str, Text]) -> dict[str, str]:
    return {
        name: text.read_text(encoding="utf-8") if isinstance(text, Path) else text
        for name, text in texts.items()
    }


def _encoded(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: base64.b64encode(data).decode() for name, data in files.items()}


def _csv(point: Mapping[str, int | str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows((list(point), list(point.values())))
    return text.getvalue()


def _axis(axis: Axis) -> str:
    return axis if isinstance(axis, str) else ",".join(str(value) for value in axis)

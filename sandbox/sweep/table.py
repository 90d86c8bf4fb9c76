"""Table: the rows of a sweep in a file, CSV or JSON lines, that a stopped sweep goes on from.

While a sweep runs, finished rows are appended to a journal beside the file (`FILE.part`), so that
even a killed process loses none. At the end the file is written anew from it, in the order of the
design, and takes the place of the old one at once. Memory holds one offset a row, never the rows.
"""

from __future__ import annotations

import csv
import fcntl
import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from sandbox.protocol import Outcome
from sandbox.sweep.problem import SweepError
from sandbox.sweep.row import INPUTS, PARAM, RESULTS, Row

SUFFIXES = (".csv", ".jsonl")
_INT = re.compile(r"-?(0|[1-9][0-9]{0,30})")
_TEXTS = {"key", "program", "engine", "outcome", "digest", "slug", "message"}
# How these end may depend on the machine and on what else runs there: they are tried again.
_AGAIN = {Outcome.CRASHED, Outcome.LIMIT_CPU, Outcome.LIMIT_MEMORY}


class Table:
    """The output of one sweep; `close` makes the file of what is there."""

    def __init__(self, path: Path) -> None:
        if path.suffix not in SUFFIXES:
            raise SweepError("sweep-output", f"{path} is neither CSV nor JSON lines",
                             "name it NAME.csv or NAME.jsonl")  # fmt: skip
        self.path = path
        self.part = path.with_name(path.name + ".part")
        self._places: dict[str, int] = {}
        earlier = list(self._keys_of_file()) if path.exists() else []
        try:
            self._journal = self.part.open("a+b")
            _claim(self._journal, path)
            self._recover()
            if earlier:
                self._take_over()
        except OSError as error:
            raise SweepError("sweep-output", f"cannot write {path}: {error.strerror}") from None

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def __len__(self) -> int:
        return len(self._places)

    def add(self, row: Row) -> None:
        """Keep a row; it is on its way to the disk when this returns."""
        try:
            place = self._journal.seek(0, os.SEEK_END)
            self._journal.write(_line(row))
            self._journal.flush()
        except OSError as error:
            message = f"cannot write {self.part}: {error.strerror}; the rows before are in it"
            raise SweepError("sweep-output", message) from None
        self._places[row["key"]] = place

    def row(self, key: str) -> Row:
        """Return a row by its key."""
        self._journal.seek(self._places[key])
        found: Row = json.loads(self._journal.readline())
        return found

    def final(self, key: str) -> bool:
        """Return whether a point is there and need not be tried again."""
        return key in self._places and self.row(key)["outcome"] not in _AGAIN

    def close(self, order: Iterable[str]) -> None:
        """Write the file: rows of other sweeps first, then those of `order`."""
        mine = dict.fromkeys(key for key in order if key in self._places)
        keys = [key for key in self._places if key not in mine]
        keys += mine
        fresh = self.path.with_name(self.path.name + ".new")
        try:
            with fresh.open("w", encoding="utf-8", newline="") as stream:
                if self.path.suffix == ".csv":
                    self._write_csv(stream, keys)
                else:
                    stream.writelines(_line(self.row(key)).decode() for key in keys)
                stream.flush()
                os.fsync(stream.fileno())
            fresh.replace(self.path)
        except OSError as error:
            message = f"cannot write {self.path}: {error.strerror}; the rows are in {self.part}"
            raise SweepError("sweep-output", message) from None
        self.part.unlink()
        self.leave()

    def leave(self) -> None:
        """Let go of the journal as it is, for another to go on from."""
        self._journal.close()

    def _write_csv(self, stream: IO[str], keys: list[str]) -> None:
        names = columns(self.row(key) for key in keys)
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(names)
        for key in keys:
            row = self.row(key)
            writer.writerow([row.get(name, "") for name in names])

    def _recover(self) -> None:
        """Index what an ended process left in the journal; a torn last line goes."""
        self._journal.seek(0)
        good = 0
        for line in self._journal:
            row = _read_line(line)
            if row is None:
                break
            self._places[row["key"]] = good
            good += len(line)
        self._journal.truncate(good)

    def _keys_of_file(self) -> Iterator[str]:
        for row in read_rows(self.path):
            yield row["key"]

    def _take_over(self) -> None:
        for row in read_rows(self.path):
            if row["key"] not in self._places:
                self.add(row)


def _claim(journal: IO[bytes], path: Path) -> None:
    """Keep a second sweep from the same file; the lock goes with the process, however it ends."""
    try:
        fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        journal.close()
        raise SweepError("sweep-output", f"another sweep is writing {path}",
                         "wait for it, or give another --out") from None  # fmt: skip


def columns(rows: Iterable[Row]) -> list[str]:
    """Return every column of some rows: inputs with parameters, results, metrics as they come."""
    seen: dict[str, None] = {}
    for row in rows:
        for name in row:
            seen.setdefault(name)
    params = [name for name in seen if name.startswith(PARAM)]
    first = [*INPUTS[:2], *params, *INPUTS[2:], *RESULTS]
    known = set(first)
    return [*first, *(name for name in seen if name not in known)]


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of an output file; a file that is none is refused before it can be lost."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            if path.suffix == ".csv":
                yield from _read_csv(path, stream)
                return
            for number, line in enumerate(stream, start=1):
                row = _read_line(line.encode())
                if row is None:
                    raise _stranger(path, number)
                yield row
    except OSError as error:
        raise SweepError("sweep-output", f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise _stranger(path, 1) from None


def _read_csv(path: Path, stream: IO[str]) -> Iterator[Row]:
    reader = csv.reader(stream)
    try:
        header = next(reader, [])
        if not {*INPUTS, *RESULTS} <= set(header):
            raise _stranger(path, 1)
        for cells in reader:
            if len(cells) != len(header):
                raise _stranger(path, reader.line_num)
            pairs = zip(header, cells, strict=True)
            yield {n: _value(n, cell) for n, cell in pairs if cell or n in _TEXTS}
    except csv.Error:
        raise _stranger(path, reader.line_num) from None


def _value(name: str, cell: str) -> Any:
    if name in _TEXTS or name.startswith(PARAM):
        return cell
    if _INT.fullmatch(cell):
        return int(cell)
    try:
        return float(cell)
    except ValueError:
        return cell


def _line(row: Row) -> bytes:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _read_line(line: bytes) -> Row | None:
    if not line.endswith(b"\n"):
        return None
    try:
        row = json.loads(line)
    except ValueError:
        return None
    whole = isinstance(row, dict) and isinstance(row.get("key"), str) and "outcome" in row
    return row if whole else None


def _stranger(path: Path, line: int) -> SweepError:
    return SweepError("sweep-output", f"{path} is there and not the output of a sweep",
                      "give another --out, so that nothing is lost", line)  # fmt: skip

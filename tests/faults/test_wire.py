"""A slow, cut or silent wire loses no row, and holds nothing for ever."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from sandbox.protocol import ROW
from tests.backend.service import Client, Run, Service, eventually, inputs, service
from tests.faults.wire import Wire, wire

# Some frames long, so that a cut falls between two of them.
LONG_RUN = inputs("3s")


@pytest.fixture(scope="module")
def served() -> Iterator[Service]:
    with service(send_timeout_s=2, ping_s=1, stall_s=1) as running:
        yield running


@pytest.fixture(scope="module")
def whole(served: Service) -> Run:
    """What a run gives over a wire without faults."""
    with served.connect() as client:
        client.start(LONG_RUN)
        return client.to_end()


def over(between: Wire) -> Client:
    # The test's own pings are off, so that only the service's count.
    address = f"ws://{between.address}/api/run"
    return Client(
        connect(address, max_size=None, compression=None, ping_interval=None, legacy=True)
    )


@pytest.mark.parametrize(("piece_bytes", "pause_s"), ((1, 0.0), (7, 0.0), (4096, 0.002)))
def test_pieces_and_pauses_change_nothing(
    served: Service, piece_bytes: int, pause_s: float
) -> None:
    with (
        wire(served.host, piece_bytes=piece_bytes, pause_s=pause_s) as between,
        over(between) as client,
    ):
        client.start(inputs("200ms"))
        run = client.to_end()
    with served.connect() as client:
        client.start(inputs("200ms"))
        assert client.to_end().rows == run.rows
    assert run.finished["outcome"] == "ok"


def test_a_cut_wire_frees_the_worker_and_the_rest_comes_over_the_next(
    served: Service, whole: Run
) -> None:
    seen = Run()
    with wire(served.host, cut_after_bytes=200_000) as between, over(between) as client:
        client.start(LONG_RUN)
        with pytest.raises(ConnectionClosed):
            client.to_end(seen)
    assert 0 < seen.count < whole.count
    assert eventually(lambda: served.workers() == [] and served.health()["sockets"] == 0)
    with served.connect() as client:
        client.start(LONG_RUN, from_row=seen.count)
        rest = client.to_end()
    assert rest.first == seen.count
    assert bytes(seen.rows + rest.rows) == bytes(whole.rows)
    assert rest.finished["digest"] == whole.finished["digest"]


def test_many_cuts_in_a_row_still_give_every_row_once(served: Service, whole: Run) -> None:
    rows = bytearray()
    digest = ""
    for _ in range(50):
        with wire(served.host, cut_after_bytes=600_000) as between, over(between) as client:
            part = Run()
            client.start(LONG_RUN, from_row=len(rows) // ROW.size)
            try:
                client.to_end(part)
                digest = part.finished["digest"]
            except ConnectionClosed:
                pass
        rows += part.rows
        if digest:
            break
    assert digest == whole.finished["digest"]
    assert bytes(rows) == bytes(whole.rows)


def test_a_wire_that_falls_silent_in_the_middle_is_given_up(served: Service) -> None:
    with wire(served.host) as between, over(between) as client:
        client.start(inputs("600s"), credit=10**9)
        client.collect(lambda run: run.count > 1000)
        assert len(served.workers()) == 1
        between.silent = True
        assert eventually(lambda: served.workers() == [] and served.health()["sockets"] == 0, 20)


def test_a_browser_that_is_gone_without_a_word_is_noticed(served: Service) -> None:
    with wire(served.host) as between, over(between):
        assert eventually(lambda: served.health()["sockets"] == 1)
        between.silent = True
        assert eventually(lambda: served.health()["sockets"] == 0, 20)


def test_a_silent_browser_that_answers_pings_stays(served: Service) -> None:
    with served.connect() as client:
        assert client.nothing_comes(4)
        assert served.health()["sockets"] == 1
        client.start(inputs())
        assert client.to_end().finished["outcome"] == "ok"

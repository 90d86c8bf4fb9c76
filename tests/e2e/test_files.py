"""Local files: programs and scenarios opened and saved, recordings replayed."""

from __future__ import annotations

import struct
from pathlib import Path

from tests.backend.service import ROOT
from tests.e2e.playground import CALM_MS, Playground, expect
from tests.e2e.texts import FIFO, LAST_IN_FIRST_OUT, SCENARIO, own

CSV = (ROOT / "scenarios/first-steps/three-bursts.csv").read_bytes()
REPLAY = SCENARIO.replace(
    'model = "cbr", rate = "2mbit", size = "500b"', 'model = "replay", file = "FILE"'
)


def pcap(packets: int) -> bytes:
    """Return a capture of UDP packets, a millisecond apart."""
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for index in range(packets):
        payload = bytes(100)
        udp = struct.pack(">HHHH", 4000, 5000, 8 + len(payload), 0) + payload
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), index, 0, 64, 17, 0,
                         bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2)))  # fmt: skip
        frame = bytes(12) + b"\x08\x00" + ip + udp
        out += struct.pack("<IIII", 0, index * 1000, len(frame), len(frame)) + frame
    return out


def arrivals(page: Playground) -> int:
    """Return how many packets the sources have sent up to the shown time."""
    counts = page.page.locator(".source-count").all_inner_texts()
    return sum(int(text.replace(",", "")) for text in counts)


def replay(page: Playground, name: str, content: bytes) -> None:
    before = page.finished()
    page.open_files({**own(scenario=REPLAY.replace("FILE", name)), name: content})
    page.new_run(before)
    expect(page.page.locator(".note")).to_contain_text(f"{name} is attached")
    page.pause()
    page.scrub(2_000_000_000 - 1)


def test_a_csv_recording_is_replayed_by_a_flow(playground: Playground) -> None:
    replay(playground, "mine.csv", CSV)
    playground.wait_for(lambda: arrivals(playground) == len(CSV.splitlines()) - 1)


def test_a_pcap_recording_is_replayed_by_a_flow(playground: Playground) -> None:
    replay(playground, "mine.pcap", pcap(30))
    playground.wait_for(lambda: arrivals(playground) == 30)


def test_a_broken_recording_is_refused_with_its_reason(playground: Playground) -> None:
    playground.finished()
    playground.open_files({**own(scenario=REPLAY.replace("FILE", "mine.pcap")), "mine.pcap": b"no"})
    expect(playground.status).to_contain_text("not run", timeout=CALM_MS)
    expect(playground.problem_list).to_contain_text("mine.pcap")


def test_a_recording_that_is_too_large_is_refused_before_it_is_sent(
    playground: Playground,
) -> None:
    digest = playground.finished()
    playground.open_files({"mine.csv": bytes(9 << 20)})
    expect(playground.page.locator(".note")).to_contain_text("at most")
    assert playground.digest() == digest


def test_a_program_file_takes_the_place_of_the_shown_program(playground: Playground) -> None:
    before = playground.finished()
    playground.open_files(own())
    digest = playground.new_run(before)
    playground.open_files({"another.py": LAST_IN_FIRST_OUT})
    expect(playground.editor).to_contain_text("pop_last")
    assert playground.new_run(digest) != digest


def test_texts_are_saved_as_they_are_shown(playground: Playground, tmp_path: Path) -> None:
    before = playground.finished()
    playground.open_files(own())
    playground.new_run(before)
    for tab, name, text in (
        ("mine.qdisc.py", "mine.qdisc.py", FIFO),
        ("Scenario", "scenario.toml", SCENARIO),
    ):
        playground.show_text(tab)
        with playground.page.expect_download() as download:
            playground.page.get_by_role("button", name="Save").click()
        assert download.value.suggested_filename == name
        download.value.save_as(tmp_path / name)
        assert (tmp_path / name).read_text(encoding="utf-8") == text


def test_a_draft_outlives_the_page_and_waits_to_be_opened(playground: Playground) -> None:
    before = playground.finished()
    playground.open_files(own())
    digest = playground.new_run(before)
    playground.page.reload()
    playground.page.get_by_role("button", name="Open it").click()
    expect(playground.status.locator("code")).to_have_text(digest, timeout=CALM_MS)

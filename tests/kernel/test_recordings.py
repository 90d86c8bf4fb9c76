"""The simulator does what the Linux kernel did, case by case; docs/fidelity.md says how the two are compared."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.build.programs import library_names
from tests.kernel import compare as judge
from tests.kernel import replay
from tests.kernel.compare import ENTRIES_MAX, compare, known, main
from tests.kernel.recording import read

RECORDINGS = sorted((Path(__file__).parent / "recordings").glob("*.json"))
NAMES = [path.stem for path in RECORDINGS]


@pytest.mark.parametrize("path", RECORDINGS, ids=NAMES)
def test_the_kernel_and_the_simulator_agree(path: Path) -> None:
    verdict = compare(read(path))
    assert verdict.word in ("same", "known"), verdict.line


def test_every_recorded_kind_is_compared() -> None:
    kinds = {
        replay.kind_of(line) for path in RECORDINGS for line in replay.lines_of(read(path))
    } - {""}
    assert kinds <= set(library_names())
    assert len(kinds) >= 9


def test_the_page_counts_every_recording() -> None:
    page = Path(__file__).resolve().parent.parent.parent / "docs" / "fidelity.md"
    counts = re.findall(r"(?m)^\| .* \| (\d+) \| same \|$", page.read_text())
    assert sum(map(int, counts)) == len(RECORDINGS)


def test_a_wrong_program_is_found_different(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = read(RECORDINGS[NAMES.index("sfq-l10.burst3")])
    other = tuple(line.replace("limit 10", "limit 9") for line in recording.config)
    ours = replay.play(replace(recording, config=other))
    monkeypatch.setattr(judge, "play", lambda _: ours)
    verdict = compare(recording)
    assert verdict.word == "different"
    assert verdict.drops == 1
    assert "the kernel" in verdict.line


def test_a_packet_that_leaves_too_late_is_found_different(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = read(RECORDINGS[NAMES.index("tbf.idle")])
    ours = replay.play(recording)
    late = replace(ours, times_us=(*ours.times_us[:-1], ours.times_us[-1] + 150))
    monkeypatch.setattr(judge, "play", lambda _: late)
    assert "leaves at" in compare(recording).line


def test_a_qdisc_that_is_not_in_the_library_does_not_fail_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = RECORDINGS[NAMES.index("pfifo-l10.burst3")].read_text()
    strange = tmp_path / "strange.json"
    strange.write_text(text.replace("pfifo limit 10", "cake unlimited"))
    assert main([str(strange), str(RECORDINGS[0])]) == 0
    assert "not in the library" in capsys.readouterr().out
    wrong = tmp_path / "wrong.json"
    wrong.write_text(text.replace("pfifo limit 10", "pfifo limit 11"))
    assert main([str(wrong)]) == 1


def test_the_list_of_known_differences_is_short_and_gives_reasons() -> None:
    entries = known()
    assert len(entries) <= ENTRIES_MAX
    for entry in entries:
        assert entry["why"]
        assert entry["source"].startswith(("net/", "include/"))
        assert {"cases", "positions_max", "drops_max", "time_us_max"} <= entry.keys()

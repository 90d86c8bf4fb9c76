"""Read a recorded file, whatever its format: its first bytes tell CSV, pcap and pcapng apart."""

from __future__ import annotations

from sandbox.scenario.recording import Recording, ReplayError
from sandbox.scenario.replay_csv import read_csv
from sandbox.scenario.replay_pcap import read_pcap, read_pcapng

MAX_FILE_BYTES = 64 * 1024 * 1024

PCAP_MAGICS = {
    b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d",
}  # fmt: skip
PCAPNG_MAGIC = b"\x0a\x0d\x0d\x0a"


def read_recording(data: bytes) -> Recording:
    """Return what a file holds. Raise ReplayError when it cannot be read."""
    if len(data) > MAX_FILE_BYTES:
        limit = MAX_FILE_BYTES >> 20
        raise ReplayError(f"the file has {len(data)} bytes, the limit is {limit} MiB")
    if not data:
        raise ReplayError("the file is empty")
    if data[:4] in PCAP_MAGICS:
        recording = read_pcap(data)
    elif data[:4] == PCAPNG_MAGIC:
        recording = read_pcapng(data)
    else:
        recording = read_csv(data)
    if not recording.packets:
        message = "the file has no packets"
        if recording.skipped:
            message = f"none of its {recording.skipped} packets is UDP or TCP over IP"
        raise ReplayError(message)
    return recording

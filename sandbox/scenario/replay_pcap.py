"""Read pcap (both byte orders, micro- and nanoseconds) and pcapng captures of Ethernet links."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.scenario.model import ETH_P_8021Q, ETH_P_IP, ETH_P_IPV6
from sandbox.scenario.recording import Recording, ReplayError, Stream, ordered

LINKTYPE_ETHERNET = 1
MAX_CAPTURED_BYTES = 262_144
MAX_INTERFACES = 64
MAX_SPAN_NS = 86_400_000_000_000
_SHB, _IDB, _SPB, _EPB = 0x0A0D0D0A, 1, 3, 6


@dataclass(frozen=True, slots=True)
class _Packet:
    time_ns: int
    len_bytes: int
    frame: memoryview


def read_pcap(data: bytes) -> Recording:
    """Return the packets of a classic capture. Raise ReplayError when it cannot be read."""
    return _record(_pcap(memoryview(data)))


def read_pcapng(data: bytes) -> Recording:
    """Return the packets of a pcapng capture. Raise ReplayError when it cannot be read."""
    return _record(_pcapng(memoryview(data)))


def _pcap(data: memoryview) -> Iterator[_Packet]:
    magic = bytes(data[:4])
    order = "<" if magic in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    scale = 1 if magic in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d") else 1000
    if len(data) < 24:
        raise ReplayError(f"the pcap header needs 24 bytes, the file has {len(data)}")
    (linktype,) = struct.unpack_from(order + "I", data, 20)
    _check_link(linktype & 0x0FFFFFFF)
    record = struct.Struct(order + "IIII")
    at, number = 24, 0
    while at < len(data):
        number += 1
        if at + 16 > len(data):
            raise _cut(number, at, 16, len(data))
        seconds, part, captured, length = record.unpack_from(data, at)
        frame = _frame(data, number, at + 16, captured)
        yield _Packet(seconds * 1_000_000_000 + part * scale, length, frame)
        at += 16 + captured


def _pcapng(data: memoryview) -> Iterator[_Packet]:
    at, number, order = 0, 0, "<"
    clocks: list[tuple[int, int]] = []  # numerator and denominator of ns per tick, by interface
    while at < len(data):
        if at + 12 > len(data):
            raise ReplayError(
                f"the block at byte {at} needs 12 bytes, the file has {len(data) - at}"
            )
        (kind,) = struct.unpack_from(order + "I", data, at)
        if kind == _SHB:
            order = "<" if bytes(data[at + 8 : at + 12]) == b"\x4d\x3c\x2b\x1a" else ">"
            clocks = []
        (size,) = struct.unpack_from(order + "I", data, at + 4)
        if size < 12 or size % 4 or at + size > len(data):
            raise ReplayError(
                f"the block at byte {at} says it has {size} bytes", "the capture is cut or damaged"
            )
        body = data[at + 8 : at + size - 4]
        if kind == _IDB:
            clocks.append(_interface(body, order, at))
            if len(clocks) > MAX_INTERFACES:
                raise ReplayError(f"the capture has more than {MAX_INTERFACES} interfaces")
        elif kind == _EPB:
            number += 1
            yield _enhanced(body, order, number, at, clocks)
        elif kind == _SPB:
            raise ReplayError(
                f"the packet at byte {at} has no time", "capture with enhanced packet blocks"
            )
        at += size


def _interface(body: memoryview, order: str, place: int) -> tuple[int, int]:
    if len(body) < 8:
        raise ReplayError(f"the interface block at byte {place} is too short")
    (linktype,) = struct.unpack_from(order + "H", body, 0)
    _check_link(linktype)
    clock = (1000, 1)
    at = 8
    while at + 4 <= len(body):
        code, size = struct.unpack_from(order + "HH", body, at)
        if code == 0:
            break
        if code == 9 and size == 1 and at + 4 < len(body):
            power = body[at + 4] & 0x7F
            if power > 60 or (not body[at + 4] & 0x80 and power > 18):
                raise ReplayError(
                    f"the interface at byte {place} has an impossible time resolution"
                )
            base = 2 if body[at + 4] & 0x80 else 10
            clock = (1_000_000_000, base**power)
        at += 4 + (size + 3) // 4 * 4
    return clock


def _enhanced(
    body: memoryview, order: str, number: int, at: int, clocks: list[tuple[int, int]]
) -> _Packet:
    if len(body) < 20:
        raise ReplayError(f"packet {number} at byte {at} is too short")
    interface, high, low, captured, length = struct.unpack_from(order + "IIIII", body, 0)
    if interface >= len(clocks):
        raise ReplayError(f"packet {number} at byte {at} names no interface of the capture")
    numerator, denominator = clocks[interface]
    time_ns = (high << 32 | low) * numerator // denominator
    return _Packet(time_ns, length, _frame(body, number, 20, captured))


def _check_link(linktype: int) -> None:
    if linktype != LINKTYPE_ETHERNET:
        raise ReplayError(
            f"the capture has link type {linktype}, expected Ethernet (1)",
            "capture on an Ethernet device, not on any",
        )


def _frame(data: memoryview, number: int, at: int, captured: int) -> memoryview:
    if captured > MAX_CAPTURED_BYTES:
        raise ReplayError(
            f"packet {number} at byte {at} says it has {captured} bytes",
            f"the limit is {MAX_CAPTURED_BYTES}; the capture is cut or damaged",
        )
    if at + captured > len(data):
        raise _cut(number, at, captured, len(data))
    return data[at : at + captured]


def _cut(number: int, at: int, needed: int, size: int) -> ReplayError:
    return ReplayError(
        f"packet {number} at byte {at} needs {needed} bytes, there are {max(0, size - at)}",
        "the capture is cut or damaged",
    )


def _record(packets: Iterator[_Packet]) -> Recording:
    recording = Recording()
    first = -1
    for packet in packets:
        if first < 0:
            first = packet.time_ns
        parsed = _headers(packet.frame)
        if parsed is None:
            recording.skipped += 1
            continue
        key, tos, tag_bytes = parsed
        time_ns = max(0, packet.time_ns - first)
        if time_ns > MAX_SPAN_NS:
            raise ReplayError("the capture is longer than one day")
        stream = recording.stream(key, lambda number, key=key: Stream(str(number), _fields(key)))  # type: ignore[misc]
        recording.add(stream, time_ns, packet.len_bytes - tag_bytes)
        stream.arrivals.dscps.append(tos >> 2)
        stream.arrivals.ecns.append(tos & 3)
    for stream in recording.streams.values():
        stream.arrivals = ordered(stream.arrivals)
    return recording


_Key = tuple[int, int, bytes, bytes, int, int, int]


def _headers(frame: memoryview) -> tuple[_Key, int, int] | None:
    """Return (vlan, version, src, dst, protocol, sport, dport), the tos byte and the bytes of vlan tags."""
    if len(frame) < 14:
        return None
    at, vlan = 14, -1
    kind = frame[12] << 8 | frame[13]
    if kind == ETH_P_8021Q and len(frame) >= 18:
        vlan = (frame[14] << 8 | frame[15]) & 0xFFF
        kind = frame[16] << 8 | frame[17]
        at = 18
    if kind == ETH_P_IP and len(frame) >= at + 20 and frame[at] >> 4 == 4:
        tos, protocol = frame[at + 1], frame[at + 9]
        source, target = bytes(frame[at + 12 : at + 16]), bytes(frame[at + 16 : at + 20])
        later_fragment = (frame[at + 6] << 8 | frame[at + 7]) & 0x1FFF
        transport = at + 4 * (frame[at] & 15)
        version = 4
    elif kind == ETH_P_IPV6 and len(frame) >= at + 40 and frame[at] >> 4 == 6:
        tos = (frame[at] << 8 | frame[at + 1]) >> 4 & 0xFF
        protocol = frame[at + 6]
        source, target = bytes(frame[at + 8 : at + 24]), bytes(frame[at + 24 : at + 40])
        later_fragment, transport, version = 0, at + 40, 6
    else:
        return None
    if protocol not in (6, 17) or later_fragment or len(frame) < transport + 4:
        return None
    sport, dport = struct.unpack_from(">HH", frame, transport)
    return (vlan, version, source, target, protocol, sport, dport), tos, at - 14


def _fields(key: _Key) -> dict[str, Any]:
    vlan, version, source, target, protocol, sport, dport = key
    return {
        "vlan": vlan if vlan < 4095 else -1,
        "ip_version": version,
        "src_ip": int.from_bytes(source, "big"),
        "dst_ip": int.from_bytes(target, "big"),
        "l4": "tcp" if protocol == 6 else "udp",
        "sport": sport,
        "dport": dport,
    }

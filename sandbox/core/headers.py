"""Header: the Ethernet/IP/UDP/TCP bytes that all packets of one five-tuple share, and what is read from them."""

from __future__ import annotations

from sandbox.core.dialect import M32, Array, record
from sandbox.core.rng import mix

ETH_P_IP = 0x0800
ETH_P_IPV6 = 0x86DD


@record
class Header:
    """A template of header bytes; length, identification, ECN and checksum are computed for each packet."""

    bytes: Array[int]
    l3: int  # offset of the IP header: 14, or 18 behind a VLAN tag
    version: int  # 4 or 6
    l4_protocol: int  # 6 or 17
    tuple_hash: int  # u32 over addresses, ports and protocol
    protocol: int = 0  # ethertype, network byte order in the low 16 bits
    vlan_present: int = 0
    vlan_tci: int = 0
    vlan_proto: int = 0


def hash_bytes(header: Header) -> int:
    """Return the u32 hash of addresses, ports and protocol; the same for both engines, not the kernel's siphash."""
    at = header.l3 + (12 if header.version == 4 else 8)
    end = header.l3 + (24 if header.version == 4 else 44)
    z = mix(header.l4_protocol, 0x51F15E)
    word = 0
    held = 0
    for i in range(at, end):
        word = (word << 8) | header.bytes[i]
        held += 1
        if held == 4:
            z = mix(z, word + 1)
            word = 0
            held = 0
    return z >> 32


def header_byte(header: Header, len_bytes: int, ident: int, tos: int, offset: int) -> int:
    """Return the byte at `offset` (0 = first of Ethernet) of a packet with this length, IP id and tos byte."""
    if offset >= len(header.bytes):
        return 0
    l3 = header.l3
    at = offset - l3
    if at < 0 or at >= 40:
        return header.bytes[offset]
    if header.version == 4:
        if at == 1:
            return tos
        if at == 2 or at == 3:
            return ((len_bytes - l3) >> (8 * (3 - at))) & 255
        if at == 4 or at == 5:
            return (ident >> (8 * (5 - at))) & 255
        if at == 10 or at == 11:
            return (checksum(header, len_bytes, ident, tos) >> (8 * (11 - at))) & 255
        if at == 24 or at == 25:
            return _udp_length(header, len_bytes, l3 + 20, at - 24, header.bytes[offset])
        return header.bytes[offset]
    if at == 0:
        return 0x60 | (tos >> 4)
    if at == 1:
        return (header.bytes[offset] & 0x0F) | ((tos & 15) << 4)
    if at == 4 or at == 5:
        return ((len_bytes - l3 - 40) >> (8 * (5 - at))) & 255
    return header.bytes[offset]


def _udp_length(header: Header, len_bytes: int, l4: int, low: int, byte: int) -> int:
    if header.l4_protocol != 17:
        return byte
    return ((len_bytes - l4) >> (8 * (1 - low))) & 255


def checksum(header: Header, len_bytes: int, ident: int, tos: int) -> int:
    """Return the IPv4 header checksum (RFC 791, RFC 1071)."""
    l3 = header.l3
    total = 0
    for i in range(0, 20, 2):
        high = header.bytes[l3 + i]
        low = header.bytes[l3 + i + 1]
        if i == 0:
            low = tos
        if i == 2:
            total += (len_bytes - l3) & 0xFFFF
        elif i == 4:
            total += ident & 0xFFFF
        elif i != 10:
            total += (high << 8) | low
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def hash_tuple(header: Header, perturb: int) -> int:
    """Return the u32 flow hash under a perturbation; perturb 0 gives `tuple_hash`."""
    if perturb == 0:
        return header.tuple_hash
    return (mix(header.tuple_hash, (perturb & M32) + 1)) >> 32

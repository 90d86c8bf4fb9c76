"""The `match` of a u32 filter: named header fields and raw words, packed as tc packs them."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.scenario.model import ETH_P_IP, ETH_P_IPV6, Key, Word
from sandbox.scenario.options import did_you_mean
from sandbox.scenario.reader import parse_ip
from sandbox.scenario.tc.words import Cursor, number_of, tc_error
from sandbox.units import UnitError, shown

# name: (width in bits, byte offset); `tos` and the like are synonyms in tc.
_IP = {
    "tos": (8, 1), "dsfield": (8, 1), "precedence": (8, 1), "protocol": (8, 9),
    "sport": (16, 20), "dport": (16, 22), "icmp_type": (8, 20), "icmp_code": (8, 21),
}  # fmt: skip
_IP6 = {
    "protocol": (8, 6), "sport": (16, 40), "dport": (16, 42),
    "icmp_type": (8, 40), "icmp_code": (8, 41),
}  # fmt: skip
_PORTS = {"src": (16, 0), "sport": (16, 0), "dst": (16, 2), "dport": (16, 2)}
_ICMP = {"type": (8, 0), "code": (8, 1)}
_RAW = {"u8": 8, "u16": 16, "u32": 32}
_SELECTORS = ("ip", "ip6", "tcp", "udp", "icmp", "mark", "u8", "u16", "u32")


class Match:
    """What the matches of one u32 filter add up to."""

    def __init__(self) -> None:
        self.keys: list[Key] = []
        self.mark = 0
        self.mark_mask = 0
        self.protocols: set[int] = set()
        self.beyond_header = False  # uses nexthdr, which the kernel resolves through a hash table


def pack(value: int, mask: int, bits: int, offset: int, transport: bool = False) -> Key:
    """Return the comparison of a field of 8, 16 or 32 bits within the 32-bit word that holds it."""
    base = offset & ~3
    shift = 32 - bits - 8 * (offset - base)
    mask &= (1 << bits) - 1
    return Key(value=(value & mask) << shift, mask=mask << shift, offset=base, transport=transport)


def parse_match(words: Cursor, match: Match) -> None:
    """Read what follows the word `match` and add it."""
    selector = words.take("what to match")
    if selector.text == "mark":
        match.mark_mask = 0xFFFFFFFF
        match.mark = words.number("mark", 0, 0xFFFFFFFF)
        if not words.done and words.here.text.lower().startswith("0x"):
            match.mark_mask = words.number("mask", 1, 0xFFFFFFFF)
        match.mark &= match.mark_mask
    elif selector.text in _RAW:
        match.keys.append(_raw(words, _RAW[selector.text], match))
    elif selector.text == "ip":
        match.protocols.add(ETH_P_IP)
        _header(words, match, _IP, ETH_P_IP)
    elif selector.text == "ip6":
        match.protocols.add(ETH_P_IPV6)
        _header(words, match, _IP6, ETH_P_IPV6)
    elif selector.text in ("tcp", "udp", "icmp"):
        match.beyond_header = True
        fields = _ICMP if selector.text == "icmp" else _PORTS
        bits, offset, word = _field(words, fields, selector)
        match.keys.append(_value_mask(words, word, bits, offset, transport=True))
    else:
        hint = did_you_mean(selector.text, _SELECTORS)
        raise tc_error(selector, f"u32 cannot match {shown(selector.text)}", hint)


def _header(words: Cursor, match: Match, fields: dict[str, tuple[int, int]], family: int) -> None:
    name = words.take("a header field")
    if name.text in ("src", "dst"):
        match.keys += _address(words.take("an address"), name.text, family)
    elif name.text in fields:
        bits, offset = fields[name.text]
        match.keys.append(_value_mask(words, name, bits, offset))
    elif family == ETH_P_IP and name.text in ("nofrag", "firstfrag", "df", "mf"):
        value, mask = {
            "nofrag": (0, 0x3FFF), "firstfrag": (0, 0x1FFF),
            "df": (0x4000, 0x4000), "mf": (0x2000, 0x2000),
        }[name.text]  # fmt: skip
        match.keys.append(pack(value, mask, 16, 6))
    elif family == ETH_P_IP and name.text == "ihl":
        key = _value_mask(words, name, 8, 0)
        match.keys.append(pack(key.value >> 24, key.mask >> 24 & 0x0F, 8, 0))
    elif family == ETH_P_IPV6 and name.text in ("priority", "flowlabel"):
        shift, top = (20, 0xFF) if name.text == "priority" else (0, 0xFFFFF)
        value = words.number(name.text, 0, top)
        mask = words.number("mask", 0, top) if _is_number(words) else top
        match.keys.append(Key(value=(value & mask) << shift, mask=mask << shift, offset=0))
    else:
        known = ["src", "dst", *fields]
        raise tc_error(name, f"no header field {shown(name.text)}", did_you_mean(name.text, known))


def _field(
    words: Cursor, fields: dict[str, tuple[int, int]], selector: Word
) -> tuple[int, int, Word]:
    name = words.take(f"a field of {selector.text}")
    if name.text not in fields:
        hint = did_you_mean(name.text, fields)
        raise tc_error(name, f"no {selector.text} field {shown(name.text)}", hint)
    bits, offset = fields[name.text]
    return bits, offset, name


def _is_number(words: Cursor) -> bool:
    return not words.done and words.here.text[:1].isdigit()


def _value_mask(
    words: Cursor, name: Word, bits: int, offset: int, *, transport: bool = False
) -> Key:
    top = (1 << bits) - 1
    value = words.number(name.text, 0, top)
    if not _is_number(words):
        full = "0xff" if bits == 8 else "0xffff"
        raise tc_error(name, f"{name.text} has no mask", f'write "{name.text} {value} {full}"')
    mask = words.number("mask", 0, top)
    return pack(value, mask, bits, offset, transport)


def _raw(words: Cursor, bits: int, match: Match) -> Key:
    top = (1 << bits) - 1
    value = words.number("value", 0, top)
    mask = words.number("mask", 0, top)
    if not words.accept("at"):
        raise tc_error(words.here, f'u{bits} needs its place: "at" and an offset in bytes')
    word = words.take("an offset")
    transport = word.text.startswith("nexthdr+")
    match.beyond_header |= transport
    offset = number_of(word, word.text.removeprefix("nexthdr+"), "offset", -12, 1500)
    if offset % (bits // 8):
        raise tc_error(word, f"offset {offset} of u{bits} is not a multiple of {bits // 8}")
    return pack(value, mask, bits, offset, transport)


def _address(word: Word, side: str, family: int) -> Iterable[Key]:
    try:
        address = parse_ip(word.text)
    except UnitError as error:
        raise tc_error(word, error.message, error.hint) from None
    version = 4 if family == ETH_P_IP else 6
    if address.version != version:
        raise tc_error(word, f"{shown(word.text)} is not an IPv{version} address")
    return address_keys(int(address.ip), int(address.netmask), version, side)


def address_keys(ip: int, mask: int, version: int, side: str) -> list[Key]:
    """Return the comparisons of a source or destination address under its mask."""
    words, offset = (1, 12) if version == 4 else (4, 8)
    offset += 4 * words if side == "dst" else 0
    keys = []
    for index in range(words):
        shift = 32 * (words - 1 - index)
        part = (mask >> shift) & 0xFFFFFFFF
        if part:
            keys.append(Key(value=(ip >> shift) & part, mask=part, offset=offset + 4 * index))
    return keys

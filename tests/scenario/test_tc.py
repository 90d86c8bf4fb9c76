"""tc(8) lines mean what they mean to tc; every unknown word is refused at its place."""

from __future__ import annotations

import pytest

from sandbox.diagnostics import Diagnostic
from sandbox.scenario.model import ETH_P_ALL, ETH_P_IP, ROOT, Class, Command, Filter, Key, Qdisc
from sandbox.scenario.tc.commands import parse_lines


def parse(text: str) -> tuple[tuple[Command, ...], tuple[Diagnostic, ...]]:
    return parse_lines(text, devices=("eth0", "v0"), programs=("mine",))


def one(text: str) -> Qdisc | Class | Filter:
    commands, problems = parse(text)
    assert not [p for p in problems if p.severity == "error"], problems
    return commands[0].subject


def test_a_qdisc_line_keeps_its_options_as_words_with_places() -> None:
    qdisc = one("tc qdisc add dev v0 parent 1:1 handle 10: pfifo limit 0xa")
    assert isinstance(qdisc, Qdisc)
    assert (qdisc.device, qdisc.parent, qdisc.handle) == ("v0", 0x10001, 0x100000)
    assert (qdisc.program.origin, qdisc.program.name) == ("library", "pfifo")
    assert [(w.text, w.column) for w in qdisc.options.words] == [("limit", 49), ("0xa", 55)]


def test_root_is_the_root_and_a_shared_program_is_a_kind() -> None:
    qdisc = one("qdisc replace dev eth0 root handle 1: mine")
    assert isinstance(qdisc, Qdisc)
    assert (qdisc.parent, qdisc.program.origin) == (ROOT, "shared")


def test_class_ids_are_hexadecimal() -> None:
    cl = one("class add dev v0 parent 10: classid 10:1f drr quantum 500")
    assert isinstance(cl, Class)
    assert (cl.classid, cl.parent, cl.kind) == (0x10001F, 0x100000, "drr")


def test_fw_compares_the_mark_under_its_mask() -> None:
    plain = one("filter add dev v0 parent 10: protocol ip prio 1 handle 1 fw classid 10:1")
    masked = one("filter add dev v0 parent 10: handle 0x18/0x8 fw action drop")
    assert isinstance(plain, Filter) and isinstance(masked, Filter)
    assert (plain.mark, plain.mark_mask, plain.protocol) == (1, 0xFFFFFFFF, ETH_P_IP)
    assert (plain.prio, plain.classid) == (1, 0x100001)
    assert (masked.mark, masked.mark_mask, masked.action) == (8, 8, "drop")


@pytest.mark.parametrize(
    ("match", "keys"),
    [
        ("match ip dport 80 0xffff", (Key(value=80, mask=0xFFFF, offset=20),)),
        ("match ip sport 80 0xffff", (Key(value=80 << 16, mask=0xFFFF0000, offset=20),)),
        ("match ip protocol 17 0xff", (Key(value=17 << 16, mask=0xFF0000, offset=8),)),
        ("match ip tos 0x10 0xff", (Key(value=0x100000, mask=0xFF0000, offset=0),)),
        ("match ip src 10.1.2.3/8", (Key(value=0x0A000000, mask=0xFF000000, offset=12),)),
        ("match ip dst 10.1.2.3", (Key(value=0x0A010203, mask=0xFFFFFFFF, offset=16),)),
        ("match ip ihl 5 0xf", (Key(value=0x05000000, mask=0x0F000000, offset=0),)),
        ("match ip df", (Key(value=0x4000 << 0, mask=0x4000, offset=4),)),
        ("match u8 0x10 0xff at 1", (Key(value=0x100000, mask=0xFF0000, offset=0),)),
        ("match u16 53 0xffff at 22", (Key(value=53, mask=0xFFFF, offset=20),)),
        ("match u32 0 0 at 0", (Key(value=0, mask=0, offset=0),)),
        ("match u32 1 0xff at nexthdr+4", (Key(value=1, mask=255, offset=4, transport=True),)),
        ("match udp dst 53 0xffff", (Key(value=53, mask=0xFFFF, offset=0, transport=True),)),
        (
            "match ip6 dst fd00::1/72",
            (
                Key(value=0xFD000000, mask=0xFFFFFFFF, offset=24),
                Key(value=0, mask=0xFFFFFFFF, offset=28),
                Key(value=0, mask=0xFF000000, offset=32),
            ),
        ),
        ("match ip6 priority 0x2e", (Key(value=0x02E00000, mask=0x0FF00000, offset=0),)),
    ],
)
def test_u32_packs_a_match_into_masked_words(match: str, keys: tuple[Key, ...]) -> None:
    found = one(f"filter add dev v0 parent 1: u32 {match} flowid 1:1")
    assert isinstance(found, Filter)
    assert found.keys == keys


def test_u32_matches_add_up_and_mark_is_one_of_them() -> None:
    found = one(
        "filter add dev v0 parent 1: u32 match mark 6 0xf match ip dport 80 0xffff "
        "match ip src 10.0.0.1 classid 1:2 action pass"
    )
    assert isinstance(found, Filter)
    assert (len(found.keys), found.mark, found.mark_mask, found.action) == (2, 6, 15, "pass")


def test_matchall_and_bpf_are_known() -> None:
    every = one("filter add dev v0 parent 1: matchall classid 1:3")
    program = one("filter add dev v0 parent 1: bpf da obj mine flowid 1:4")
    assert isinstance(every, Filter) and isinstance(program, Filter)
    assert (every.kind, every.keys, every.protocol) == ("matchall", (), ETH_P_ALL)
    assert program.program is not None and program.program.name == "mine"


def test_comments_empty_lines_and_continued_lines_are_read_as_a_shell_does() -> None:
    commands, problems = parse("# first\n\nqdisc add dev v0 root \\\n  handle 1: pfifo # end\n")
    assert (len(commands), problems, commands[0].line) == (1, (), 3)


def test_the_nexthdr_of_the_kernel_is_explained() -> None:
    _, (advice,) = parse("filter add dev v0 parent 1: u32 match tcp dst 80 0xffff flowid 1:1")
    assert (advice.severity, advice.slug) == ("advice", "tc-nexthdr")


@pytest.mark.parametrize(
    ("line", "column", "message", "hint"),
    [
        ("qdsc add dev v0 root pfifo", 1, 'no tc object "qdsc"', 'did you mean "qdisc"?'),
        ("qdisc ad dev v0 root pfifo", 7, 'no tc command "ad"', 'did you mean "add"?'),
        ("qdisc add dev v9 root pfifo", 15, 'no device "v9"', "known here: eth0, v0"),
        ("qdisc add dev v0 handle 1: pfifo", 1, "the qdisc has no parent", ""),
        ("qdisc add root pfifo", 1, "the qdisc names no device", ""),
        ("qdisc add dev v0 root", 18, '"root" is followed by nothing, expected a kind of qdisc', ""),
        ("qdisc add dev v0 root handle 1:2 pfifo", 30, "the handle of a qdisc ends with its colon", ""),
        ("qdisc add dev v0 parent x pfifo", 25, '"x" is not a class id', ""),
        ("class add dev v0 parent 1: drr", 1, "the class has no classid", ""),
        ("class add dev v0 classid 1:1 drr", 1, "the class has no parent", ""),
        ("filter add dev v0 matchall classid 1:1", 1, "the filter has no parent", ""),
        ("filter add dev v0 parent 1: u32 match ip dprt 8 0xff", 42, 'no header field "dprt"', 'did you mean "dport"?'),
        ("filter add dev v0 parent 1: u32 match ip dport 80 flowid 1:1", 42, "dport has no mask",
         'write "dport 80 0xffff"'),
        ("filter add dev v0 parent 1: u32 match ip dport 99999 0xffff", 48, "dport 99999 is not in 0 to 65535", ""),
        ("filter add dev v0 parent 1: u32 match ip src x", 46, '"x" is not an IP address', ""),
        ("filter add dev v0 parent 1: u32 match u16 1 1 at 3", 50, "offset 3 of u16 is not a multiple of 2", ""),
        ("filter add dev v0 parent 1: u32 flowid 1:1", 29, "u32 matches nothing", ""),
        ("filter add dev v0 parent 1: u32 divisor 256", 33, "u32 hash tables (divisor) are not simulated", ""),
        ("filter add dev v0 parent 1: flower dst_port 80", 29, 'the filter kind "flower" is not simulated', ""),
        ("filter add dev v0 parent 1: fw classid 1:1", 29, "fw has no handle", ""),
        ("filter add dev v0 parent 1: matchall action mirred", 45, 'the action "mirred" is not simulated', ""),
        ("filter add dev v0 parent 1: matchall", 1, "the filter has no classid and no action", ""),
        ("filter add dev v0 parent 1: bpf obj mein", 37, 'no [program] "mein"', 'did you mean "mine"?'),
        ("filter add dev v0 parent 1: protocol arp matchall", 38, 'no protocol "arp"', ""),
        ("filter add dev v0 parent 1: protocol ip u32 match ip6 dport 1 0xffff flowid 1:1", 1,
         "the match is for another protocol than the filter's", ""),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_used_names_its_word(
    line: str, column: int, message: str, hint: str
) -> None:
    commands, problems = parse(line)
    assert commands == ()
    (problem,) = problems
    assert (problem.line, problem.column, problem.message) == (1, column, message)
    assert problem.hint.startswith(hint)


def test_good_lines_survive_bad_ones() -> None:
    commands, problems = parse("nonsense\nqdisc add dev v0 root pfifo\n")
    assert (len(commands), len(problems)) == (1, 1)


def test_there_are_limits_to_lines_and_words() -> None:
    _, problems = parse("qdisc add dev v0 root pfifo\n" * 2001)
    assert problems[-1].message == "2001 tc lines, the limit is 2000"
    _, problems = parse("qdisc " + "x " * 300)
    assert problems[0].message == "a tc line has 301 words, the limit is 256"

"""Random streams, histograms, header bytes and the digest are what their definitions say."""

import math
import struct

from hypothesis import given
from hypothesis import strategies as st

from sandbox.build.instances import stream_seed
from sandbox.build.traffic import build_header
from sandbox.core.headers import header_byte
from sandbox.core.rng import Rng, exp_minus
from sandbox.core.stats import Histogram
from sandbox.core.trace import PRIME, Trace
from sandbox.scenario.model import Flow


def test_exponential_variates_have_the_moments_and_tail_of_their_law():
    rng = Rng(stream_seed(7, "test"))
    count = 200_000
    samples = [rng.exponential() for _ in range(count)]
    error = 4 / math.sqrt(count)
    assert abs(sum(samples) / count - 1) < error
    assert abs(sum(x * x for x in samples) / count - 2) < 2 * math.sqrt(5) * error
    for edge in (0.05, 0.7, 2, 5, 8):
        share = sum(x > edge for x in samples) / count
        assert abs(share - math.exp(-edge)) < error * math.sqrt(math.exp(-edge)) + 1e-6


@given(st.floats(0, 60))
def test_exp_minus_agrees_with_the_libm(x):
    assert math.isclose(exp_minus(x), math.exp(-x), rel_tol=1e-11)


def test_streams_of_other_names_do_not_follow_each_other():
    first = Rng(stream_seed(1, "flow a gaps"))
    second = Rng(stream_seed(1, "flow b gaps"))
    assert not {first.u64() for _ in range(100)} & {second.u64() for _ in range(100)}


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=300), st.integers(1, 999))
def test_histogram_quantiles_are_within_two_percent(values, per_mille):
    histogram = Histogram()
    histogram.open()
    for value in values:
        histogram.add(value)
    exact = sorted(values)[max(1, -(-len(values) * per_mille // 1000)) - 1]
    assert abs(histogram.quantile(per_mille) - exact) <= exact * 0.016 + 1
    assert (histogram.total, histogram.high) == (sum(values), max(values))


@given(
    st.integers(60, 9000),
    st.integers(0, 65535),
    st.integers(0, 255),
    st.integers(0, 2**32 - 1),
    st.integers(0, 65535),
    st.sampled_from(["udp", "tcp"]),
)
def test_ipv4_header_bytes_are_a_valid_packet(len_bytes, ident, tos, address, port, l4):
    flow = Flow(
        name="f", model="cbr", device="eth0", src_ip=address, dst_ip=1, sport=port, dport=80, l4=l4
    )
    header = build_header(flow)
    data = bytes(header_byte(header, len_bytes, ident, tos, i) for i in range(54))
    assert data[12:15] == b"\x08\x00\x45"
    total, got_ident = struct.unpack_from(">HH", data, 16)
    assert (total, got_ident, data[15]) == (len_bytes - 14, ident, tos)
    words = struct.unpack_from(">10H", data, 14)
    folded = sum(words)
    while folded > 0xFFFF:
        folded = (folded & 0xFFFF) + (folded >> 16)
    assert folded == 0xFFFF  # RFC 1071: a correct header sums to all ones
    assert struct.unpack_from(">HH", data, 34) == (port, 80)
    if l4 == "udp":
        assert struct.unpack_from(">H", data, 38)[0] == len_bytes - 34


def test_ipv6_header_carries_traffic_class_and_length():
    flow = Flow(name="f", model="cbr", device="eth0", ip_version=6, src_ip=1, dst_ip=2)
    header = build_header(flow)
    data = bytes(header_byte(header, 1000, 0, 0xB9, i) for i in range(62))
    assert struct.unpack_from(">IH", data, 14) == (0x6B900000, 1000 - 14 - 40)


@given(st.lists(st.integers(0, 2**32 - 1), max_size=3000))
def test_the_digest_folded_by_blocks_is_the_digest_of_one_long_number(values):
    trace = Trace(False)
    trace.open()
    number = 0
    for value in values:
        trace.row(value, 1, 2, 3, -value, 4, 5, 6)
        row = struct.pack("<QIBBHqHHI", 0, value, 1, 2, 3, -value, 4, 5, 6)
        for word in struct.unpack("<4Q", row):
            number = (number << 64 | word) % PRIME
    trace.fold()
    assert trace.digest == number

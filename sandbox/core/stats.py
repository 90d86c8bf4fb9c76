"""Counters of flows and a histogram whose cost does not grow with the number of samples."""

from __future__ import annotations

from sandbox.core.dialect import Array, late, record

SUB_BITS = 6  # 64 buckets an octave: quantiles are within 1.6 %
BUCKETS = (63 - SUB_BITS) << SUB_BITS


@record
class Histogram:
    """Samples of a non-negative int: exact count, sum and maximum, bucketed quantiles."""

    counts: Array[int] = late()
    total: int = 0
    high: int = 0

    def open(self) -> None:
        """Allocate the buckets."""
        self.counts = Array(BUCKETS + (1 << SUB_BITS))

    def add(self, value: int) -> None:
        """Count a sample."""
        self.total += value
        if value > self.high:
            self.high = value
        shift = value.bit_length() - 7
        if shift > 0:
            self.counts[(shift << 6) + (value >> shift)] += 1
        else:
            self.counts[value] += 1

    def count(self) -> int:
        """Return the number of samples."""
        return sum(self.counts)

    def quantile(self, per_mille: int) -> int:
        """Return the value below which that share of the samples lies, 0 when there are none."""
        count = self.count()
        if count == 0:
            return 0
        wanted = max(1, -(-count * per_mille // 1000))
        seen = 0
        for index in range(len(self.counts)):
            seen += self.counts[index]
            if seen >= wanted:
                return min(self.high, _middle(index))
        return self.high

    def quantiles(self, per_mille: tuple[int, ...]) -> list[int]:
        """Return the quantiles of rising shares in one pass, none when there are no samples."""
        count = self.count()
        found: list[int] = []
        seen = 0
        for index, here in enumerate(self.counts if count else ()):
            seen += here
            while here and len(found) < len(per_mille):
                if seen * 1000 < per_mille[len(found)] * count or seen == 0:
                    break
                found.append(min(self.high, _middle(index)))
        return found


def _middle(index: int) -> int:
    """Return the middle of a bucket."""
    if index < 128:
        return index
    shift = (index >> 6) - 1
    base = index - (shift << 6)
    return (base << shift) + ((1 << shift) >> 1)


@record
class FlowStats:
    """What became of a flow's packets."""

    offered_packets: int = 0
    offered_bytes: int = 0
    received_packets: int = 0
    received_bytes: int = 0
    first_ns: int = -1
    drops: int = 0
    marks: int = 0
    purged: int = 0
    stolen: int = 0
    deadline_misses: int = 0
    sojourn: Histogram = late()
    delay: Histogram = late()

    def open(self) -> None:
        """Allocate the histograms."""
        self.sojourn = Histogram()
        self.sojourn.open()
        self.delay = Histogram()
        self.delay.open()

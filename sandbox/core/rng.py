"""Named random streams: splitmix64, and exponential variates by the ziggurat method.

Nothing here depends on a libm: tables come from decimal arithmetic, `exp_minus` from plain products and sums, so
the same seed gives the same bits everywhere.
Sources: Steele, Lea, Flood 2014 (splitmix64); Marsaglia and Tsang 2000 (ziggurat, 256 layers).
"""

from __future__ import annotations

from decimal import Decimal, localcontext

from sandbox.core.dialect import M64, Array, record, u64

GOLDEN = 0x9E3779B97F4A7C15
TWO_53 = 9007199254740992
LAYERS = 256
TAIL = 7.69711747013104972
AREA = Decimal("0.0039496598225815571993")


@record
class Rng:
    """One stream; a function of its seed and of how often it was drawn from."""

    state: u64

    def u64(self) -> u64:
        """Return 64 random bits."""
        self.state = (self.state + GOLDEN) & M64
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M64
        return z ^ (z >> 31)

    def u32(self) -> int:
        """Return 32 random bits."""
        return self.u64() >> 32

    def below(self, n: int) -> int:
        """Return an int in 0..n-1, n below 2**32; the bias is below n / 2**32."""
        return ((self.u64() >> 32) * n) >> 32

    def uniform(self) -> float:
        """Return a float in (0, 1]."""
        return float((self.u64() >> 11) + 1) * (1.0 / 9007199254740992.0)

    def exponential(self) -> float:
        """Return an exponential variate of mean 1."""
        add = 0.0
        while True:
            self.state = (self.state + GOLDEN) & M64
            z = self.state
            z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M64
            z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M64
            z = z ^ (z >> 31)
            layer = z & 255
            u = z >> 11
            x = float(u) * WIDTH[layer]
            if u < INSIDE[layer]:
                return add + x
            if layer == 0:
                add += TAIL
            elif self._below_curve(layer, x):
                return add + x

    def _below_curve(self, layer: int, x: float) -> bool:
        """Draw a height within a layer; return whether the point at x lies under the curve."""
        low = HEIGHT[layer]
        return low + self.uniform() * (HEIGHT[layer - 1] - low) < exp_minus(x)


def mix(seed: u64, salt: u64) -> u64:
    """Return a well-mixed 64-bit function of two numbers."""
    z = (seed ^ (salt * GOLDEN)) & M64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M64
    return z ^ (z >> 31)


def exp_minus(x: float) -> float:
    """Return e**-x for 0 <= x < 64, to about 1e-15, by halving to below 2**-6 and squaring back a Taylor sum."""
    y = -x
    halvings = 0
    while y < -0.015625:
        y = y * 0.5
        halvings += 1
    total = 1.0 + y / 8.0
    total = 1.0 + total * y / 7.0
    total = 1.0 + total * y / 6.0
    total = 1.0 + total * y / 5.0
    total = 1.0 + total * y / 4.0
    total = 1.0 + total * y / 3.0
    total = 1.0 + total * y / 2.0
    total = 1.0 + total * y
    for _ in range(halvings):
        total = total * total
    return total


def _tables() -> tuple[Array[int], Array[float], Array[float]]:
    """Return (inside, width, height) of the layers; layer 0 is the base strip with the tail."""
    with localcontext() as context:
        context.prec = 40
        right = [Decimal(0)] * (LAYERS + 1)
        right[1] = Decimal(TAIL)
        right[0] = AREA / (-right[1]).exp()
        height = (-right[1]).exp()
        for i in range(2, LAYERS):
            height += AREA / right[i - 1]
            right[i] = -height.ln()
        inside = [int(right[i + 1] / right[i] * TWO_53) for i in range(LAYERS)]
        width = [float(right[i] / TWO_53) for i in range(LAYERS)]
        top = [float((-right[i + 1]).exp()) for i in range(LAYERS)]
    return Array(inside), Array(width), Array(top)


INSIDE, WIDTH, HEIGHT = _tables()

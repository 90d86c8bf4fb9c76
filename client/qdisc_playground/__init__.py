"""Runs and sweeps of a Qdisc Playground from Python."""

from qdisc_playground.batch import Batch
from qdisc_playground.errors import PlaygroundError
from qdisc_playground.playground import Playground

__all__ = ["Batch", "Playground", "PlaygroundError"]

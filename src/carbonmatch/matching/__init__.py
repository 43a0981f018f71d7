"""The deterministic core: no I/O, no clock, no randomness, no logging."""

from carbonmatch.matching.engine import Engine

__all__ = ["Engine"]

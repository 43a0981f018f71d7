"""What reference, open and close prices are made of: part of the vocabulary in `messages`."""

from enum import IntEnum, unique


@unique
class BandRounding(IntEnum):
    """Which price, a multiple of the price increment, an end of the band becomes that falls between two."""

    HALF_UP = 1  # the nearest; of two that are as near, the higher
    INWARD = 2  # the one nearer to the reference price: no price beyond the percentage

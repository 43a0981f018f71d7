"""Bytes as a market of chance: the engine and the naive reference do the same, whatever they say."""

import random
from typing import Final

from tests.matching.side_by_side import SideBySide
from tests.matching.worlds import COMMAND_BYTES, World

# The reference sorts everything at every step, so long inputs are cut.
_COMMANDS_MAX: Final = 40
_CHOICE_BYTES: Final = 1 + COMMAND_BYTES


def against_reference(data: bytes) -> str:
    """Each command is headed by a byte: whether an entry ends with it, and whether outputs are taken then."""
    world = World()
    both = SideBySide()
    both.apply(world.setup())
    entry: list[bytes] = []
    for at in range(0, min(len(data), _COMMANDS_MAX * _CHOICE_BYTES), _CHOICE_BYTES):
        entry.append(data[at + 1 : at + _CHOICE_BYTES].ljust(COMMAND_BYTES, b"\0"))
        if data[at] % 4:
            both.apply(world.entry(entry))
            entry = []
        if data[at] % 4 == 1:
            both.take()
    if entry:
        both.apply(world.entry(entry))
    both.take()
    return "traded" if both.engine.venue.last_trade_id else "quiet"


def reference_seeds() -> list[bytes]:
    """Worlds as `tests.matching.worlds.seeded` draws them, and the plainest there are."""
    chance = random.Random(1)
    return [bytes(_CHOICE_BYTES), *(chance.randbytes(_COMMANDS_MAX * _CHOICE_BYTES) for _ in range(24))]

"""When auctions freeze and end: drawn from a seed that the journal has and nobody is told, then due by time.

An auction's own seed is BLAKE2b (16 bytes), keyed with the venue's seed, of the instrument's id in 4 bytes
and the sequence of the command that started it in 8, both big-endian; the n-th extension of an interruption
adds n in 4 bytes to that, since it may come without another command. It is told with the result, and gives
nothing of the venue's seed away. Its end is `ends_ns` + h x (`random_ns` + 1) / 2^64, rounded down, where h
is the first half of it, big-endian.
"""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

from msgspec import Struct
from sortedcontainers import SortedDict

from carbonmatch.matching.expiry import NEVER_NS
from carbonmatch.matching.messages import InstrumentId, Phase

SEED_BYTES: Final = 16


class Timing(Struct, frozen=True, gc=False, array_like=True):
    """When an auction freezes (0: never) and ends, and what that was drawn from.

    Afterwards comes `next_phase`, or what the course says, if that is not `course_phase` any more.
    """

    ends_ns: int
    random_ns: int
    freeze_ns: int
    next_phase: Phase
    ended_ns: int
    seed: bytes
    course_phase: Phase


def auction_seed(venue_seed: bytes, instrument_id: InstrumentId, sequence: int, extension: int = 0) -> bytes:
    data = instrument_id.to_bytes(4, "big") + sequence.to_bytes(8, "big")
    if extension:
        data += extension.to_bytes(4, "big")
    return blake2b(data, key=venue_seed, digest_size=SEED_BYTES).digest()


def drawn_end_ns(ends_ns: int, random_ns: int, seed: bytes) -> int:
    return ends_ns + (int.from_bytes(seed[:8], "big") * (random_ns + 1) >> 64)


class Alarms:
    """The next time at which something is due of an instrument; at one time, by their ids.

    Invariant: `next_ns` is the first of the times, NEVER_NS where there is none.
    """

    __slots__ = ("_instruments", "_times", "next_ns")

    def __init__(self) -> None:
        self._times: dict[InstrumentId, int] = {}
        self._instruments: SortedDict[tuple[int, InstrumentId], None] = SortedDict()
        self.next_ns = NEVER_NS

    def set(self, instrument_id: InstrumentId, time_ns: int) -> None:
        """In place of the instrument's former one; NEVER_NS: none."""
        before_ns = self._times.pop(instrument_id, NEVER_NS)
        if before_ns != NEVER_NS:
            del self._instruments[before_ns, instrument_id]
        if time_ns != NEVER_NS:
            self._times[instrument_id] = time_ns
            self._instruments[time_ns, instrument_id] = None
        self.next_ns = self._instruments.peekitem(0)[0][0] if self._instruments else NEVER_NS

    def due(self, time_ns: int) -> Iterator[InstrumentId]:
        """Whose time has come by then, the next one first."""
        for due_ns, instrument_id in self._instruments:
            if due_ns > time_ns:
                return
            yield instrument_id

    def first(self) -> InstrumentId:
        """Whose time is next; there is one."""
        return self._instruments.peekitem(0)[0][1]

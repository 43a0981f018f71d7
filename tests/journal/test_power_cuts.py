"""Worlds in which power fails between any two calls, again and again, on a disk that tears.

A failure notes its seed: `live_through(seed)` repeats it. `python -m tests.journal.damage` has more of them.
"""

import logging
from random import Random

from carbonmatch.journal.reader import verify
from carbonmatch.journal.recovery import recover
from carbonmatch.journal.segments import survey
from carbonmatch.journal.writer import JournalWriter
from tests.journal.model_disk import ModelDisk, PowerLost, lose_power_at
from tests.journal.worlds import IDENTITY

SEEDS = 600
CUTS_IN_A_WORLD = 6


def test_no_durable_record_is_lost_and_no_journal_refused_whenever_power_fails() -> None:
    logging.getLogger("carbonmatch.journal.recovery").setLevel(logging.ERROR)
    torn = cuts = 0
    for seed in range(SEEDS):
        try:
            cut, tails = live_through(seed)
            cuts += cut
            torn += tails
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
    assert cuts > 3 * SEEDS, "too few crashes to prove anything"
    assert torn > SEEDS // 5, "the disk tears too little to prove anything"


def live_through(seed: int) -> tuple[int, int]:
    """One machine that loses power or is killed a few times; returns how often, and its torn tails."""
    random = Random(seed)
    disk = ModelDisk(seed)
    disk.short_writes = random.random() < 0.2
    durable: list[bytes] = []
    in_flight: list[bytes] = []
    cuts = 0
    for _ in range(CUTS_IN_A_WORLD):
        # Most of the harm is done just before a sync.
        if random.random() < 0.7:
            disk.before = lose_power_at(random.randrange(20), "fdatasync")
        else:
            disk.before = lose_power_at(random.randrange(50))
        try:
            live(disk, random, durable, in_flight)
        except PowerLost:
            cuts += 1
            if random.random() < 0.8:
                disk.lose_power()
            else:
                disk.process()
    disk.before = lambda _: None
    live(disk, random, durable, in_flight)
    result = verify(disk)
    assert result.closed
    assert result.records == len(durable)
    return cuts, sum(name.endswith(".torn") for name in disk.list())


def live(disk: ModelDisk, random: Random, durable: list[bytes], in_flight: list[bytes]) -> None:
    """Recover, compare with what was answered, and trade on until power fails or a clean stop."""
    replayed: list[bytes] = []
    # Now and then there is no room for the copy that a start makes, and one spare is enough to start.
    disk.free = 0 if survey(disk).spares and random.random() < 0.2 else 10**9
    recovery = recover(
        disk, IDENTITY, segment_bytes=8192, on_record=lambda record: replayed.append(record.payload)
    )
    # What was not answered may have survived or not; but from now on it is durable or gone.
    assert replayed in (durable, durable + in_flight)
    durable[:] = replayed
    in_flight.clear()

    disk.free = 10**9
    writer = JournalWriter(disk, recovery, spare_segments=random.randrange(3))
    for _ in range(random.choice((2, 30))):
        if random.random() < 0.3:
            writer.prepare_next()
        if random.random() < 0.2:
            writer.seal()
        payload = some_payload(random)
        in_flight[:] = [payload]
        writer.append(payload, writer.durable_sequence + 1, 1)
        durable.append(payload)
        in_flight.clear()
    writer.close()
    disk.process()


def some_payload(random: Random) -> bytes:
    """Of any length, half of them with sectors of zeros in it."""
    length = random.choice((9, 60, 600, 1500, 3000, 6000))
    if random.random() < 0.5:
        return random.randbytes(length)
    payload = bytearray(length)
    payload[random.randrange(length)] = random.randrange(256)
    return bytes(payload)

"""What may go wrong in a run, and how often: drawn from the seed, so that each run is a world of its own.

Every fault is left out in many worlds: what hides behind a fault that is always there is found too.
"""

from random import Random

from msgspec import Struct

from carbonmatch.limits import BATCH_COMMANDS_MAX


class Faults(Struct):
    """Probabilities, each of the thing that its name says; sizes where small ones find more."""

    # Of the next mishap, how likely which (weights); none of them where all are 0.
    kill: float = 0
    power_cut: float = 0
    connection_break: float = 0
    full_disk: float = 0
    clock_step: float = 0
    clock_freeze: float = 0
    clean_stop: float = 0
    # While it starts again
    crash_in_recovery: float = 0
    bit_flip: float = 0
    # Of each call of the disk
    failed_sync: float = 0
    crash_in_commit: float = 0
    slow_disk: float = 0
    stalled_disk: float = 0
    failed_read: float = 0
    short_writes: bool = False
    # Of each move of bytes
    split: float = 0
    slow_network: float = 0
    half_open: float = 0
    # Of what a client does next
    second_logon: float = 0
    repeat: float = 0
    amnesia: float = 0
    nonsense: float = 0
    stop_reading: float = 0
    resume_from_earlier: float = 0

    mishap_seconds: float = 1.0  # between two mishaps, on average
    window_bytes: int = 64 * 1024
    segment_bytes: int = 256 * 1024
    outbox_bytes: int = 1024 * 1024
    slice_bytes: int = 256 * 1024
    batch_commands: int = BATCH_COMMANDS_MAX
    turn_session_work: int = 64
    conflate_bytes: int = 256 * 1024
    queued_frame_bytes: int = 64 * 1024
    high_water_bytes: int = 64 * 1024


_MISHAPS = ("kill", "power_cut", "connection_break", "full_disk", "clock_step", "clock_freeze", "clean_stop")
_CHANCES = {
    "crash_in_recovery": 0.3,
    "bit_flip": 0.5,
    "failed_sync": 0.005,
    "crash_in_commit": 0.04,
    "slow_disk": 0.1,
    "stalled_disk": 0.003,
    "failed_read": 0.1,
    "split": 0.5,
    "slow_network": 0.05,
    "half_open": 0.4,
    "second_logon": 0.05,
    "repeat": 0.1,
    "amnesia": 0.02,
    "nonsense": 0.01,
    "stop_reading": 0.05,
    "resume_from_earlier": 0.5,
}


def drawn(random: Random) -> Faults:
    """The faults of one world: in every tenth none, else each of them in about half of the worlds."""
    faults = Faults()
    if random.random() < 0.1:
        return faults
    for name in _MISHAPS:
        if random.random() < 0.5:
            setattr(faults, name, random.random())
    for name, largest in _CHANCES.items():
        if random.random() < 0.5:
            setattr(faults, name, largest * random.random())
    faults.short_writes = random.random() < 0.2
    faults.mishap_seconds = random.choice((0.02, 0.1, 0.3, 1.0))
    faults.window_bytes = random.choice((1_000, 8_000, 64 * 1024))
    faults.segment_bytes = random.choice((64, 64, 256)) * 1024
    faults.outbox_bytes = random.choice((1, 500, 5_000, 1024 * 1024))
    faults.slice_bytes = random.choice((1, 2_000, 256 * 1024))
    faults.batch_commands = random.choice((1, 5, 50, BATCH_COMMANDS_MAX))
    faults.turn_session_work = random.choice((1, 5, 64))
    faults.conflate_bytes = random.choice((500, 5_000, 256 * 1024))
    # As with the real sizes: what is conflated is also paused.
    faults.high_water_bytes = faults.conflate_bytes // 4
    faults.queued_frame_bytes = random.choice((100, 1_000, 64 * 1024))
    return faults


def healed(faults: Faults) -> Faults:
    """The same world when nothing goes wrong any more."""
    calm = Faults()
    for name in Faults.__struct_fields__[Faults.__struct_fields__.index("mishap_seconds") :]:
        setattr(calm, name, getattr(faults, name))
    return calm

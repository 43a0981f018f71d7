"""Whether a run is worth its figures: the load was the one asked for, and the answers were right.

What is `invalid` says that something else was measured than was asked for; a `problem`, that the engine has
answered wrongly. Either ends a measurement with exit status 1.
"""

from collections import Counter
from pathlib import Path
from time import perf_counter
from typing import Final

from msgspec import Struct
from msgspec.msgpack import Decoder

from bench.generator import Plan
from bench.latency import Latency
from bench.sessions import Head
from carbonmatch.journal import snapshots
from carbonmatch.journal.errors import JournalDamaged
from carbonmatch.journal.reader import JournalScan
from carbonmatch.journal.record import Kind
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.matching.state import digest
from carbonmatch.server.recovery import Diverged, Replay, from_nothing, identity

# A generator later than this at p99 has not offered the load that it claims to have offered.
LAG_P99_US_MAX: Final = 1_000.0
ACHIEVED_RATE_MIN: Final = 0.99
# A generator that has all of a core measures itself.
GENERATOR_SHARE_MAX: Final = 0.9

_decode_heads: Final = Decoder(list[Head]).decode


class Checked(Struct, frozen=True):
    """The engine's journal executed again from its first command on, beside what clients were told."""

    commands: int  # of the clients
    reports: int  # to the clients
    open_orders: int
    state_digest: str
    seconds: float
    problems: list[str]


def shortfalls(
    plan: Plan, rate: float, lag: Latency | None, generator_share: float = 0.0, offered: float = 0.0
) -> list[str]:
    """Why the load was not the one that was asked for; empty where it was.

    `offered`: what was asked for, where that is not the plan's one rate.
    """
    found = []
    if generator_share > GENERATOR_SHARE_MAX:
        found.append(
            f"the generator used {generator_share:.0%} of a core, at most {GENERATOR_SHARE_MAX:.0%}: "
            "it was measured, and not the server"
        )
    if lag is None:
        return found
    if lag.p99_us > LAG_P99_US_MAX:
        found.append(f"the generator was {lag.p99_us:,.0f} us late at p99, at most {LAG_P99_US_MAX:,.0f}")
    asked = offered or plan.rate_per_second
    if rate < ACHIEVED_RATE_MIN * asked:
        found.append(f"{rate:,.0f} commands/s, asked for {asked:,.0f}")
    return found


def check_journal(directory: Path, sessions: int, commands: int, reports_by_tag: dict[int, int]) -> Checked:
    """Execute the journal of a stopped engine again, and hold it against what its clients have sent and got.

    `sessions`: those of ids up to this one are the clients'. Every journaled byte has to come out again, the
    clients have to have got what the journal says and nothing else, and the books have to be those that the
    engine put down when it stopped.
    """
    began = perf_counter()
    storage = DiskStorage(directory)
    replay = Replay(from_nothing().venue)
    engine = replay.venue.engine
    told: Counter[int] = Counter()
    problems: list[str] = []
    journal = JournalScan(storage, replay_from=1)
    relaxed = identity(durable=False)
    try:
        for stored in journal:
            if stored.kind is not Kind.DATA:
                continue
            assert journal.header is not None
            engine.set_durable(journal.header.identity != relaxed)
            for chunk in replay.apply(stored):
                if chunk.session_id <= sessions:
                    told.update(head.tag for head in _decode_heads(chunk.payload))
        engine.check()
    except (Diverged, JournalDamaged, AssertionError) as error:
        problems.append(f"the journal executed again: {error}")
    finally:
        storage.release()
    # Refs are dense from 1 on, so the last one of a session is how many of its commands were applied.
    applied = sum(one.last_ref for session, one in engine.sessions.items() if session <= sessions)
    if applied != commands and not problems:
        problems.append(f"{applied:,} commands are in the journal, sent were {commands:,}")
    for tag in sorted({*told, *reports_by_tag}):
        received = reports_by_tag.get(tag, 0)
        if told[tag] != received and not problems:
            problems.append(f"{told[tag]:,} reports of tag {tag} are journaled, received were {received:,}")
    state = digest(engine)
    problems += [] if problems else _other_state(directory, engine.sequence, state)
    return Checked(
        applied, told.total(), engine.open_order_count, state.hex(), perf_counter() - began, problems
    )


def _other_state(directory: Path, sequence: int, state: bytes) -> list[str]:
    """What is wrong with the snapshot that the engine made when it stopped."""
    storage = DiskStorage(directory)
    try:
        newest = max(snapshots.sequences(storage), default=0)
        if newest != sequence:
            return [f"the engine stopped at sequence {sequence}, its newest snapshot is of {newest}"]
        found = snapshots.load(storage, newest).state_digest
    finally:
        storage.release()
    if found != state:
        return [f"the engine stopped with the state {found.hex()}, executed again it is {state.hex()}"]
    return []

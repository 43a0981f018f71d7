"""The state of a whole venue as a snapshot, and back: the engine's, and what the server keeps beside it."""

from typing import Final

import msgspec
from msgspec import Raw, Struct

from carbonmatch.journal.segments import Anchor, Identity
from carbonmatch.journal.snapshots import Snapshot
from carbonmatch.market_data.feed import MarketData
from carbonmatch.matching import state
from carbonmatch.matching.engine import Engine
from carbonmatch.server.marks import Marks, SavedMarks


class _Stored(Struct, frozen=True, gc=False, array_like=True):
    """The bytes of a snapshot. Fields are only ever appended, with a default."""

    engine: Raw
    market_data: bytes
    marks: SavedMarks = []


class VenueState(Struct):
    """What a start goes on with. The numbers of the streams are in the engine's sessions."""

    engine: Engine
    market_data: MarketData
    marks: Marks


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(_Stored)


def take_snapshot(
    venue: VenueState, identity: Identity, epoch: int, anchor: Anchor, first_segment: int = 1
) -> Snapshot:
    """The state after everything applied, which is what the journal holds up to `anchor`.

    Nothing may be waiting for the disk. `first_segment` is the oldest one there is.
    """
    engine_state = state.snapshot(venue.engine)
    whole = _Stored(Raw(engine_state), venue.market_data.state(), venue.marks.saved(first_segment))
    return Snapshot(
        venue.engine.sequence,
        epoch,
        identity,
        anchor,
        _encoder.encode(whole),
        state.digest_of(engine_state),
    )


def digest_in_this_version(snapshot: Snapshot) -> bytes:
    """The digest of the state in `snapshot` as this version writes it. Raises ValueError as `restore`."""
    if state.is_of_this_version(bytes(_decoder.decode(snapshot.state).engine)):
        return snapshot.state_digest
    return state.digest(restore(snapshot).engine)


def restore(snapshot: Snapshot) -> VenueState:
    """Raises ValueError where the state cannot be read, or is not the one that the digest names."""
    try:
        kept = _decoder.decode(snapshot.state)
        engine_state = bytes(kept.engine)
        engine = state.restore(engine_state)
        market_data = MarketData()
        market_data.restore(kept.market_data)
        # An older version's bytes are only what it has written: those of this one have fields more.
        is_ours = state.is_of_this_version(engine_state)
        digest = state.digest(engine) if is_ours else state.digest_of(engine_state)
    except Exception as error:
        # Assertions of the core included: a snapshot is a shortcut, and one that no engine can be made of
        # is passed over. Recovery says so loudly, and the journal stays the authority.
        raise ValueError(f"snapshot {snapshot.sequence}: not a state of this version: {error!r}") from error
    if digest != snapshot.state_digest or engine.sequence != snapshot.sequence:
        raise ValueError(
            f"snapshot {snapshot.sequence}: state {engine.sequence} with digest {digest.hex()}, "
            f"expected {snapshot.state_digest.hex()}, as it says"
        )
    return VenueState(engine, market_data, Marks(kept.marks))

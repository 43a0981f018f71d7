"""Snapshots of another version's state: their promise is of the bytes that it has written."""

import pytest
from msgspec import structs

from carbonmatch.journal.segments import ORIGIN, Identity
from carbonmatch.journal.snapshots import Snapshot
from carbonmatch.market_data.feed import MarketData
from carbonmatch.matching import state
from carbonmatch.server.marks import Marks
from carbonmatch.server.venue_snapshot import VenueState, digest_in_this_version, restore, take_snapshot
from tests.matching.market import ALICE, Market, buy


@pytest.fixture
def kept() -> Snapshot:
    market = Market()
    market.send(ALICE, buy(1, price=100, lots=3))
    return take_snapshot(
        VenueState(market.engine, MarketData(), Marks()), Identity("0.0.9", bytes(32)), 1, ORIGIN
    )


def test_a_newer_version_goes_on_from_it_and_has_a_digest_of_its_own(
    kept: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert digest_in_this_version(kept) == kept.state_digest
    monkeypatch.setattr(state, "STATE_VERSION", state.STATE_VERSION + 1)
    restored = restore(kept)
    assert restored.engine.open_order_count == 1
    assert digest_in_this_version(kept) == state.digest(restored.engine) != kept.state_digest


def test_one_that_is_not_what_it_promises_is_refused_in_a_newer_version_too(
    kept: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "STATE_VERSION", state.STATE_VERSION + 1)
    other = structs.replace(kept, state_digest=bytes(32))
    with pytest.raises(ValueError, match="expected 0000"):
        restore(other)


def test_an_older_version_refuses_what_it_cannot_know(
    kept: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "STATE_VERSION", state.STATE_VERSION - 1)
    with pytest.raises(ValueError, match="state of version"):
        restore(kept)

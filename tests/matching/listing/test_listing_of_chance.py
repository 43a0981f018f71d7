"""A listing against its naive reference: every selection, every refusal, and the book after each command."""

from hypothesis import given, settings
from hypothesis import strategies as st

from carbonmatch.matching.messages import (
    ScreenRules,
    Side,
)
from carbonmatch.matching.state import digest, restore, snapshot
from tests.matching.listing.side_by_side import Listing
from tests.matching.listing.worlds import (
    Move,
    moves,
    rules,
)


@settings(max_examples=150)
@given(rules, moves)
def test_a_listing_does_what_its_reference_does(screen: ScreenRules, happened: list[Move]) -> None:
    listing = Listing(screen)
    for move in happened:
        listing.go(move)
        for side in Side:
            assert listing.book(side) == listing.reference.book(side)


@settings(max_examples=40)
@given(rules, moves, st.integers(0, 40))
def test_a_listing_goes_on_from_its_snapshot(screen: ScreenRules, happened: list[Move], at: int) -> None:
    listing = Listing(screen)
    for number, move in enumerate(happened):
        if number == at:
            restored = restore(snapshot(listing.engine))
            assert digest(restored) == digest(listing.engine)
            restored.check()
            listing.engine = restored
        listing.go(move)

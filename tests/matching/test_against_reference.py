"""The engine against price-time priority done by sorting everything, every time."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonmatch.matching import auction
from carbonmatch.matching import engine as engine_module
from carbonmatch.matching import expiry as expiry_module
from carbonmatch.matching.messages import (
    Canceled,
    CancelReason,
    LimitsChanged,
    PhaseChanged,
    Rejected,
    RejectReason,
    Triggered,
)
from tests import reference_book
from tests.matching.side_by_side import SideBySide, play
from tests.matching.state_machine import MarketMachine
from tests.matching.worlds import COMMAND_BYTES, INTERRUPTED, LIMITED, World

# Entries of one to three commands; outputs are taken after one or two of them.
entries_of_bytes = st.lists(
    st.tuples(
        st.lists(st.binary(min_size=COMMAND_BYTES, max_size=COMMAND_BYTES), min_size=1, max_size=3),
        st.booleans(),
    ),
    max_size=50,
)


@settings(max_examples=150)
@given(entries_of_bytes)
def test_everything_that_can_be_seen_equals_the_reference(choices: list[tuple[list[bytes], bool]]) -> None:
    world = World()
    both = SideBySide()
    both.apply(world.setup())
    for entry_choices, take in choices:
        both.apply(world.entry(entry_choices))
        if take:
            both.take()
    both.take()


@pytest.mark.parametrize("seed", range(4))
def test_long_worlds_equal_the_reference(seed: int) -> None:
    both = play(seed, commands=3_000)
    assert both.engine.venue.last_trade_id > 60, "the world is one in which orders trade"


def test_worlds_with_collars_and_limits_equal_the_reference() -> None:
    seen: Counter[object] = Counter()
    for seed in range(30, 35):
        both = play(seed, 3_000, LIMITED)
        seen.update(type(event) for event in both.reference.public)
        for session in both.reference.sessions.values():
            seen.update(one.reason for one in session.reports if isinstance(one, Canceled | Rejected))
    assert seen[LimitsChanged] > 20
    assert seen[RejectReason.OUTSIDE_COLLAR] > 10
    assert seen[CancelReason.INTERVAL_LIMIT] > 5


def test_worlds_with_interruptions_equal_the_reference() -> None:
    seen: Counter[object] = Counter()
    for seed in range(40, 44):
        both = play(seed, 3_000, INTERRUPTED)
        seen.update(event.text for event in both.reference.public if isinstance(event, PhaseChanged))
        for session in both.reference.sessions.values():
            seen.update(one.reason for one in session.reports if isinstance(one, Canceled))
    assert seen[auction.INTERRUPTED] > 20
    assert seen[auction.EXTENDED] > 10
    assert seen[auction.WAITING_FOR_OPERATOR] > 2
    assert seen[CancelReason.VOLATILITY_INTERRUPTION] > 5


@pytest.mark.parametrize("seed", range(20, 23))
def test_cascades_and_expiries_that_go_on_in_later_entries_equal_the_reference(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (engine_module, reference_book):
        monkeypatch.setattr(module, "ENTRY_STOPS_MAX", 1)
    for module in (expiry_module, reference_book):
        monkeypatch.setattr(module, "ENTRY_EXPIRIES_MAX", 1)
    both = play(seed, commands=3_000)
    fired = [
        report
        for session in both.reference.sessions.values()
        for report in session.reports
        if isinstance(report, Triggered)
    ]
    assert len(fired) > 10


TestMarketMachine = MarketMachine.TestCase
TestMarketMachine.settings = settings(max_examples=40, stateful_step_count=40)

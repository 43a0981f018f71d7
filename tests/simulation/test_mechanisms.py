"""What is checked of the mechanisms would be seen, were it not so."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from msgspec import structs

from carbonmatch.matching import messages as m
from tests.simulation.checks import Journaled, Violated
from tests.simulation.faults import Faults
from tests.simulation.mechanisms import LISTED, check_mechanisms, has_mechanisms
from tests.simulation.run import Simulation

SEED = 4


@pytest.fixture(scope="module")
def lived() -> Journaled:
    """A world in which nothing goes wrong, with all mechanisms."""
    assert has_mechanisms(SEED)
    simulation = Simulation(SEED, Faults())
    simulation.run(4_000)
    return simulation.journaled


@pytest.fixture
def journaled(lived: Journaled) -> Iterator[Journaled]:
    public, trades = list(lived.public), dict(lived.trades)
    streams = {session_id: list(reports) for session_id, reports in lived.streams.items()}
    yield lived
    lived.public, lived.trades, lived.streams = public, trades, streams


def change(found: list[Any], which: Callable[[Any], bool], **fields: Any) -> None:
    """The first of them, as it was not; without fields, it never was."""
    place = next(number for number, one in enumerate(found) if which(one))
    found[place : place + 1] = [structs.replace(found[place], **fields)] if fields else []


def is_traded(report: Any) -> bool:
    return isinstance(report, m.BlockUpdate) and report.state is m.BlockState.TRADED


def teller(journaled: Journaled, which: Callable[[Any], bool]) -> list[Any]:
    return next(reports for reports in journaled.streams.values() if any(map(which, reports)))


def test_a_world_with_mechanisms_is_sound_and_has_them_all(journaled: Journaled) -> None:
    check_mechanisms(journaled)
    kinds = {trade.kind for trade in journaled.trades.values() if trade.instrument_id == LISTED}
    assert kinds == {m.TradeKind.LISTED, m.TradeKind.BLOCK, m.TradeKind.BIDDING}
    assert sum(isinstance(event, m.DayEnded) for event in journaled.public) > 1


def test_a_listed_order_that_trades_by_itself(journaled: Journaled) -> None:
    listed = m.TradeKind.LISTED
    change(
        journaled.public,
        lambda event: isinstance(event, m.Traded) and event.kind is listed,
        kind=m.TradeKind.CONTINUOUS,
    )
    with pytest.raises(Violated, match="orders that are listed trade by being selected"):
        check_mechanisms(journaled)


def test_a_block_that_ends_twice(journaled: Journaled) -> None:
    reports = teller(journaled, is_traded)
    reports.append(next(report for report in reports if is_traded(report)))
    with pytest.raises(Violated, match="a proposal ends once"):
        check_mechanisms(journaled)


def test_a_block_at_other_terms_than_were_told(journaled: Journaled) -> None:
    change(teller(journaled, is_traded), is_traded, price_ticks=1)
    with pytest.raises(Violated, match="a block trades at its terms"):
        check_mechanisms(journaled)


def test_a_block_of_which_one_side_is_told_nothing(journaled: Journaled) -> None:
    for reports in journaled.streams.values():
        told: list[Any] = reports
        told[:] = [one for one in told if not (is_traded(one) and one.side is m.Side.BUY)]
    with pytest.raises(Violated, match="both sides of a block are told"):
        check_mechanisms(journaled)


def test_a_bid_that_gets_more_than_was_allotted(journaled: Journaled) -> None:
    def has_got(report: Any) -> bool:
        return (
            isinstance(report, m.BidUpdate)
            and report.allotted_lots > 0
            and report.bid_id != report.bidding_id
        )

    change(teller(journaled, has_got), has_got, allotted_lots=999)
    with pytest.raises(Violated, match="bids get what was allotted"):
        check_mechanisms(journaled)


def test_a_trade_that_is_of_no_day(journaled: Journaled) -> None:
    ended = [event for event in journaled.public if isinstance(event, m.DayEnded)]
    change(
        journaled.public,
        lambda event: event is ended[-1],
        after_trade_id=m.TradeId(ended[-1].after_trade_id + 1),
    )
    with pytest.raises(Violated, match="days have no gap"):
        check_mechanisms(journaled)

"""An instrument with every mechanism beside the two that only trade: listing, blocks, biddings, ends of days.

Every fifth world has it. The reference venue knows nothing of these mechanisms, so that such a world is held
against what is checked here, against its replay and its standby, and not against the reference.
"""

from collections.abc import Callable
from random import Random
from typing import Any, Final

from msgspec import structs

from carbonmatch.config import Config
from carbonmatch.config.bidding import Bidding
from carbonmatch.config.blocks import Blocks
from carbonmatch.config.prices import Prices
from carbonmatch.config.screen import Screen
from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import FINAL_BLOCK_STATES, InstrumentId, OrderId, Ref, Side
from tests.end_to_end import market
from tests.simulation.checks import Journaled, demand
from tests.simulation.world import NS_PER_SECOND

LISTED: Final = InstrumentId(3)
_PARTICIPANTS: Final = (1, 2, 3)
# Days are called one after the other, long before the worlds' own.
_DAYS: Final = [20010000 + month * 100 + day for month in range(1, 13) for day in range(1, 29)]
_PLAIN_KINDS: Final = (m.TradeKind.CONTINUOUS, m.TradeKind.AUCTION)
_KINDS: Final = (m.TradeKind.LISTED, m.TradeKind.BLOCK, m.TradeKind.BIDDING)


def has_mechanisms(seed: int) -> bool:
    return seed % 5 == 4


def with_mechanisms(config: Config, seed: int) -> Config:
    if not has_mechanisms(seed):
        return config
    eua = next(one for one in config.instruments if one.id == market.EUA)
    listed = structs.replace(
        eua,
        id=LISTED,
        symbol="LISTED",
        order_types=("limit",),
        times_in_force=("day", "gtc"),
        screen=Screen(mechanism="listing", order_list=True, oversize="fill_available"),
        blocks=Blocks(confirm_both=seed % 2 == 0),
        bidding=Bidding(),
        prices=Prices(close="vwap_day", band_up_basis_points=2_000, band_down_basis_points=2_000),
        volatility=type(eua.volatility)(),
    )
    return structs.replace(config, instruments=(*config.instruments, listed))


class Mechanisms:
    """Draws what is asked of the instrument. What there is to answer is taken from what is durable."""

    def __init__(
        self, random: Random, journaled: Journaled, session_id: int, utc_ns: Callable[[], int]
    ) -> None:
        self._random = random
        self._session_id = session_id
        self._journaled = journaled
        self._utc_ns = utc_ns
        # What an operator has begun: the close of a day is followed by its end, and that by an opening.
        self._begun: list[Callable[[Ref], Any]] = []

    def of_session(self, ref: Ref) -> Any:
        """Mostly of listed orders and blocks; now and then a bid."""
        random = self._random
        side, lots = random.choice(list(Side)), 10 * random.randint(1, 9)
        price = 1000 + 5 * random.randint(-4, 4)
        kind = random.random()
        if kind < 0.25:
            return m.NewOrder(ref, LISTED, side, lots, price)
        if kind < 0.4:
            return m.Select(ref, LISTED, side, lots)
        if kind < 0.55:
            to = m.ParticipantId(random.choice((0, 0, *_PARTICIPANTS)))
            expires_ns = random.choice((0, 0, self._utc_ns() + NS_PER_SECOND))
            return m.BlockPropose(
                ref, LISTED, side, lots, price, counterparty_participant_id=to, expires_ns=expires_ns
            )
        if kind < 0.85:
            return self._on_block(ref, lots, price)
        announced = self._last(m.BiddingAnnounced)
        return m.Bid(ref, announced.bidding_id if announced else OrderId(1), lots, price)

    def of_operator(self, ref: Ref) -> Any:
        """A bidding, or the close of a day, its end, and the next day's opening."""
        if self._begun:
            return self._begun.pop(0)(ref)
        if self._random.random() < 0.8:
            closes_ns = self._utc_ns() + self._random.choice((1, 2, 5)) * NS_PER_SECOND // 10
            alice, first = market.ALICE, m.AccountId(0)
            return m.AnnounceBidding(ref, LISTED, alice, first, Side.SELL, 200, 980, 0, closes_ns)
        self._begun = [
            lambda ref: m.EndDay(ref, self._day(), (LISTED,)),
            lambda ref: m.Resume(ref, LISTED, "the next one"),
        ]
        return m.SetPhase(ref, LISTED, m.Phase.CLOSED, "the day is over")

    def _on_block(self, ref: Ref, lots: int, price: int) -> Any:
        """Mostly of what this side is to answer, or of a post."""
        random = self._random
        told = self._journaled.streams.get(self._session_id, [])[-80:]
        open_ones = {one.proposal_id: one for one in told if isinstance(one, m.BlockUpdate)}
        asked = [one for one in open_ones.values() if not one.is_own and one.state not in FINAL_BLOCK_STATES]
        posts = [event for event in self._journaled.public[-100:] if isinstance(event, m.BlockPosted)]
        found: Any = random.choice([*asked, *asked, *posts[-4:]] or [None])
        proposal_id = found.proposal_id if found else OrderId(1)
        kind = random.random()
        if found and kind < 0.7:
            return m.BlockAccept(ref, proposal_id, found.quantity_lots, found.price_ticks)
        if kind < 0.85:
            return m.BlockCounter(ref, proposal_id, lots, price)
        return random.choice((m.BlockWithdraw, m.BlockDecline))(ref, proposal_id)

    def _last(self, kind: type[Any]) -> Any:
        """One of the last events of the kind; None where there is none."""
        found = [event for event in self._journaled.public[-300:] if type(event) is kind]
        return self._random.choice(found[-6:]) if found else None

    def _day(self) -> int:
        """The one after the last that has ended."""
        ended = sum(isinstance(event, m.DayEnded) for event in self._journaled.public)
        return _DAYS[ended % len(_DAYS)]


# --- what must hold ---------------------------------------------------------------------------------


def check_mechanisms(journaled: Journaled) -> None:
    """What is durable of the mechanisms agrees with itself."""
    trades = [event for event in journaled.public if isinstance(event, m.Traded)]
    for trade in trades:
        kinds = _KINDS if trade.instrument_id == LISTED else _PLAIN_KINDS
        demand(trade.kind in kinds, "orders that are listed trade by being selected", trade)
    _check_blocks(journaled)
    _check_biddings(journaled)
    _check_days(journaled)


def _check_blocks(journaled: Journaled) -> None:
    """Each proposal ends once for each session, and as a trade of the terms that both were told."""
    sides: dict[int, set[Side]] = {}
    for session_id, reports in journaled.streams.items():
        # A session may act for both sides.
        ended: set[tuple[int, Side]] = set()
        for report in reports:
            if not isinstance(report, m.BlockUpdate):
                continue
            is_answer = bool(report.ref) and isinstance(
                journaled.applied.get(session_id, {}).get(report.ref), m.BlockStatusRequest
            )
            demand(
                is_answer or (report.proposal_id, report.side) not in ended, "a proposal ends once", report
            )
            if report.state in FINAL_BLOCK_STATES:
                ended.add((report.proposal_id, report.side))
            if report.state is m.BlockState.TRADED:
                trade = journaled.trades[report.trade_id]
                told = (trade.kind, trade.price_ticks, trade.quantity_lots)
                expected = (m.TradeKind.BLOCK, report.price_ticks, report.quantity_lots)
                demand(told == expected, "a block trades at its terms", report, trade)
                sides.setdefault(report.trade_id, set()).add(report.side)
    blocks = {one for one, trade in journaled.trades.items() if trade.kind is m.TradeKind.BLOCK}
    demand(set(sides) == blocks, "every block's trade is told to its sides")
    demand(all(told == set(Side) for told in sides.values()), "both sides of a block are told")


def _check_biddings(journaled: Journaled) -> None:
    """What a bidding has allotted is what its bids have got, and what was traded by it."""
    got: dict[int, int] = {}
    for reports in journaled.streams.values():
        for report in reports:
            if isinstance(report, m.BidUpdate) and report.bid_id != report.bidding_id:
                got[report.bidding_id] = got.get(report.bidding_id, 0) + report.allotted_lots
    ended = [event for event in journaled.public if isinstance(event, m.BiddingEnded)]
    for one in ended:
        demand(one.allotted_lots <= one.offered_lots, "no more is allotted than is offered", one)
        demand(got.get(one.bidding_id, 0) == one.allotted_lots, "bids get what was allotted", one)
    traded = sum(
        trade.quantity_lots for trade in journaled.trades.values() if trade.kind is m.TradeKind.BIDDING
    )
    demand(sum(one.allotted_lots for one in ended) <= traded, "what was allotted was traded", traded)


def _check_days(journaled: Journaled) -> None:
    """Every trade is of exactly one day: days follow each other without a gap."""
    last: dict[int, m.DayEnded] = {}
    for event in journaled.public:
        if not isinstance(event, m.DayEnded):
            continue
        before = last.get(event.instrument_id)
        if before is not None:
            follows = (event.after_sequence, event.after_trade_id) == (before.sequence, before.last_trade_id)
            demand(follows and event.trading_day > before.trading_day, "days have no gap", before, event)
        last[event.instrument_id] = event

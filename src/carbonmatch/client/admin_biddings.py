"""`carbonmatch admin announce-bidding`, `cancel-bidding` and `biddings`."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from cyclopts import Parameter
from msgspec import structs

from carbonmatch.client import operating
from carbonmatch.client.admin import Operator, time_ns, time_to_come_ns
from carbonmatch.client.book import InstrumentBook
from carbonmatch.client.connection import Access
from carbonmatch.client.market_data import MarketDataClient
from carbonmatch.client.operating import instrument_id_of
from carbonmatch.client.options import Reason, Whole
from carbonmatch.client.session import Session, check_command
from carbonmatch.client.tls import NO_TLS, TlsOptions
from carbonmatch.limits import QUANTITY_LOTS_MAX
from carbonmatch.matching.messages import (
    ANY,
    AccountId,
    AnnounceBidding,
    BiddingCommand,
    BiddingPricing,
    BiddingRules,
    BiddingState,
    BiddingTie,
    BidRevision,
    CancelBidding,
    InstrumentDefinition,
    InstrumentId,
    OrderId,
    Ref,
    RejectReason,
    SessionId,
    Side,
    Undersubscription,
)
from carbonmatch.protocol.messages import BiddingAnnouncement, BiddingResult
from carbonmatch.words import price_text, printable, utc_text

_DEMO_OPERATOR: Final = Operator()


@dataclass(frozen=True)
class Offer:
    """What one party offers, and when."""

    closes: str
    "When its window ends, with its offset from UTC: 2026-03-02T15:30+08:00."
    party_session: Whole
    "The number of the session whose stream gets the one party's fills."
    opens: str = ""
    "When its window begins, likewise; without it, at once."
    account: Whole = 0
    "The one party's account; without it, that session's first."
    side: Literal["sell", "buy"] = "sell"
    "What the one party does."
    reserve_ticks: Whole = 0
    "No bid may be worse for the one party. 0, of a seller: none."
    secondary_ticks: Whole = 0
    "The secondary market's price; without it, the last trade when the window ends, or the reference."
    text: Reason = ""
    "What everybody gets to see."

    def command(
        self, instrument_id: InstrumentId, quantity_lots: int, rules: BiddingRules
    ) -> AnnounceBidding:
        return AnnounceBidding(
            Ref(0),
            instrument_id,
            SessionId(self.party_session),
            AccountId(self.account),
            Side[self.side.upper()],
            quantity_lots,
            self.reserve_ticks,
            time_ns(self.opens),
            time_to_come_ns(self.closes),
            rules,
            self.secondary_ticks,
            self.text,
        )


@dataclass(frozen=True)
class Rules:
    """How the bidding goes, as far as it is not as the instrument says."""

    bid_min_lots: Whole = 0
    "Smallest bid."
    bid_increment_lots: Whole = 0
    "Bids are multiples of it."
    price_increment_ticks: Whole = 0
    "Prices of bids are multiples of it."
    share_max_basis_points: Whole = 0
    "What one bidder may ask for, of what is offered."
    bids_max: Whole = 0
    "How many bids of one bidder may stand."
    revision: Literal["default", "free", "none"] = "default"
    "Whether bids may be changed and withdrawn."
    pricing: Literal["default", "uniform", "pay-as-bid"] = "default"
    "One price for all, or each its own."
    tie: Literal["default", "time", "pro-rata", "seed"] = "default"
    "Who is served first at the last price."
    undersubscription: Literal["default", "partial", "cancel"] = "default"
    "What happens where less is bid for than offered."
    secondary_basis_points: Whole = 0
    "Of the secondary market's price, so much is needed at least (of one buyer: at most)."

    def rules(self) -> BiddingRules:
        return BiddingRules(
            self.bid_min_lots,
            self.bid_increment_lots,
            self.price_increment_ticks,
            self.share_max_basis_points,
            self.bids_max,
            BidRevision[self.revision.upper()],
            BiddingPricing[self.pricing.upper().replace("-", "_")],
            BiddingTie[self.tie.upper().replace("-", "_")],
            Undersubscription[self.undersubscription.upper()],
            self.secondary_basis_points,
        )


_AS_THE_INSTRUMENT_SAYS: Final = Rules()


def announce_bidding(
    symbol: str,
    quantity_lots: Whole,
    /,
    *,
    offer: Annotated[Offer, Parameter(name="*")],
    rules: Annotated[Rules, Parameter(name="*")] = _AS_THE_INSTRUMENT_SAYS,
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Announce a bidding: one party sells to (or buys from) those who bid best. Its id is printed.

    What is not said of its rules is as the instrument says.

    Parameters
    ----------
    symbol
        The instrument, or its number.
    quantity_lots
        How many lots are offered, or asked for.
    """
    # What is wrong with the words is told before anybody is connected to.
    command = offer.command(InstrumentId(ANY), quantity_lots, rules.rules())

    async def run(access: Access) -> int:
        async with Session(access) as session:
            instrument_id = await instrument_id_of(session, symbol)
            announcement = structs.replace(command, instrument_id=instrument_id)
            return await operating.do(session, announcement, _WORDS)

    print(f"bidding {asyncio.run(run(operator.access(tls)))} is announced")


def cancel_bidding(
    bidding_id: Whole,
    /,
    *,
    text: Reason,
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Cancel a bidding before its window ends. Its bids are let go unopened.

    Parameters
    ----------
    bidding_id
        The bidding.
    text
        The reason, which everybody gets to see.
    """
    command = CancelBidding(Ref(0), OrderId(bidding_id), text)
    sequence = asyncio.run(do(operator.access(tls), command))
    print(f"bidding {bidding_id} is cancelled since sequence {sequence}")


def biddings(
    *,
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Show the biddings that are announced or open, and how the last one of each instrument has ended.

    Reads the market data: key and session need the role market_data, and a logon that is refused counts
    against the address.
    """
    print("\n".join(asyncio.run(lines_of(operator.feed_access(tls)))) or "no biddings")


async def do(access: Access, command: BiddingCommand) -> int:
    """The sequence at which the command was applied. Raises ClientError where it is refused."""
    check_command(command)
    async with Session(access) as session:
        return await operating.do(session, command, _WORDS)


async def lines_of(feed: Access) -> list[str]:
    """What the market data say of biddings, in words."""
    async with MarketDataClient(feed) as client:
        await client.synced()
        return [line for _, book in sorted(client.books.items()) for line in _lines(book)]


def _lines(book: InstrumentBook) -> list[str]:
    definition = book.definition
    assert definition is not None, "a book that is current has its definition"
    lines = [in_words(one, definition) for one in book.biddings.values()]
    if book.bidding_result is not None:
        lines.append(result_in_words(book.bidding_result, definition))
    return lines


def in_words(one: BiddingAnnouncement, definition: InstrumentDefinition) -> str:
    what = "sells" if one.side is Side.SELL else "buys"
    reserve = price_text(one.reserve_price_ticks, definition.price_decimals)
    return (
        f"bidding {one.bidding_id} {definition.symbol}: {one.state.name.lower()}; one party {what} "
        f"{one.quantity_lots} lots{f', reserve {reserve}' if one.reserve_price_ticks else ''}; "
        f"{utc_text(one.opens_ns) if one.state is BiddingState.ANNOUNCED else 'open'} to "
        f"{utc_text(one.closes_ns)}{f'; {printable(one.text)}' if one.text else ''}"
    )


def result_in_words(result: BiddingResult, definition: InstrumentDefinition) -> str:
    return (
        f"bidding {result.bidding_id} {definition.symbol}: {result.outcome.name.lower()}; "
        f"{result.allotted_lots} of {result.offered_lots} lots{_paid(result, definition)}; "
        f"{result.winner_count} of {result.bid_count} bids, which asked for {result.bid_lots} lots"
        f"{f'; {printable(result.text)}' if result.text else ''}"
    )


def _paid(result: BiddingResult, definition: InstrumentDefinition) -> str:
    """One price, or that of the last bid: the others have paid what they bid."""
    if not result.allotted_lots:
        return ""
    is_own = result.pricing is BiddingPricing.PAY_AS_BID
    price = price_text(result.price_ticks, definition.price_decimals)
    paid = f", each bid at its own price, the last one at {price}" if is_own else f" at {price}"
    return f"{paid}, decided by {result.rule.name.lower()}"


_WORDS: Final = {
    RejectReason.UNKNOWN_INSTRUMENT: "there is no such instrument",
    RejectReason.MECHANISM_NOT_AVAILABLE: "the instrument has no biddings: its configuration says so",
    RejectReason.UNKNOWN_ACCOUNT: "there is no such session, or it has not that account",
    RejectReason.UNKNOWN_BIDDING: "there is no such bidding, or it is over",
    RejectReason.NOT_IN_THIS_PHASE: "its window is over: it is being allotted",
    RejectReason.INVALID_WINDOW: "the window has to end after it begins, and after now",
    RejectReason.INVALID_QUANTITY: f"a bidding is of 1 to {QUANTITY_LOTS_MAX:,} lots",
    RejectReason.INVALID_PRICE: "a buyer needs a reserve price, and no price is beyond every market",
    RejectReason.QUANTITY_INCREMENT: "the quantity is no multiple of the instrument's quantity increment",
    RejectReason.PRICE_INCREMENT: "the reserve price is no multiple of the bidding's price increment",
    RejectReason.INCOMPATIBLE_INSTRUCTIONS: "its increments are no multiples of the instrument's",
    RejectReason.NO_BID_POSSIBLE: (
        "nobody could bid: the smallest bid is more than one bidder may ask for of what is offered, or no "
        "price is good enough beside that of the secondary market"
    ),
    RejectReason.INSUFFICIENT_HOLDINGS: "the one party has not as many units that are free to be sold",
    RejectReason.INSUFFICIENT_CASH: "the one party has not the money for all of it at its reserve price",
    RejectReason.POSITION_LIMIT: "the one party would hold more than its account may",
    RejectReason.ACCOUNT_RESTRICTED: "the one party's account may not do that: an operator has said so",
    RejectReason.BIDDING_LIMIT: "as many biddings as may be are announced or open",
}

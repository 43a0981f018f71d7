"""Self-trade prevention: whose orders do not trade with each other, and what becomes of them instead.

An instrument's rules say who is one owner (`SelfTradeKey`) and which modes an order may ask for. The mode is
the taker's; in an auction, where nobody takes, that of the order which was entered later. Each meeting of
two orders of one owner is reported to both sides, with the quantity that would have traded:

| mode          | taker                          | maker                          |
|---------------|--------------------------------|--------------------------------|
| NONE          | trades                         | trades                         |
| CANCEL_NEWEST | is canceled                    | stays                          |
| CANCEL_OLDEST | goes on                        | is canceled                    |
| CANCEL_BOTH   | is canceled                    | is canceled                    |
| DECREMENT     | loses the smaller quantity     | loses the smaller quantity     |

A decrement takes from the order's total, and an order that it brings to nothing is canceled with 0
lots left to cancel. Of an iceberg only the slice meets the other order; it is canceled as a whole.

What is in force is asked at the meeting: where an account changes its owner, or an instrument its rules,
that holds for the orders which rest. The mode that an order was accepted with stays its own, also where
the instrument does not allow it to others any more.
"""

from typing import Final

from carbonmatch.matching.accounts import NOBODY, Account
from carbonmatch.matching.iceberg import refresh
from carbonmatch.matching.instrument import Instrument
from carbonmatch.matching.ladder import Order
from carbonmatch.matching.messages import (
    NO_REF,
    CancelReason,
    Ref,
    SelfTradePrevented,
    SelfTradePrevention,
)
from carbonmatch.matching.venue import Venue

_INSTRUMENT_DEFAULT: Final = SelfTradePrevention.INSTRUMENT_DEFAULT
_NONE: Final = SelfTradePrevention.NONE
_CANCEL_NEWEST: Final = SelfTradePrevention.CANCEL_NEWEST
_CANCEL_OLDEST: Final = SelfTradePrevention.CANCEL_OLDEST
_DECREMENT: Final = SelfTradePrevention.DECREMENT


def may_trade(taker: Order, maker: Order) -> bool:
    """Whether two orders may trade with each other; in an auction `taker` is the one entered later."""
    instrument = taker.ladder.book.instrument
    return owner_of(maker) != avoided_owner(instrument, taker.account, taker.self_trade_prevention)


def owner_of(order: Order) -> int:
    """Whose the order is, by what its instrument goes by: equal numbers in one book are one owner."""
    return order.account.owners[order.ladder.book.instrument.self_trade_key]


def avoided_owner(instrument: Instrument, account: Account, asked: SelfTradePrevention) -> int:
    """Whose orders a taker of `account` does not trade with, as in `Account.owners`."""
    if asked is _INSTRUMENT_DEFAULT:
        asked = instrument.self_trade_prevention
    return NOBODY if asked is _NONE else account.owners[instrument.self_trade_key]


def mode_in_force(instrument: Instrument, asked: SelfTradePrevention) -> SelfTradePrevention:
    """What an order asks for, or else its instrument's default."""
    return instrument.self_trade_prevention if asked is _INSTRUMENT_DEFAULT else asked


def prevent(venue: Venue, taker: Order, maker: Order, ref: Ref) -> None:
    """Let two orders of one owner not trade: one of them has nothing left afterwards, or its slice has not.

    `maker` is in the book, `taker` is not (any more).
    """
    instrument = taker.ladder.book.instrument
    mode = mode_in_force(instrument, taker.self_trade_prevention)
    prevented_lots = min(taker.leaves_lots, maker.leaves_lots)
    if mode is _DECREMENT:
        for order in (taker, maker):
            order.quantity_lots -= prevented_lots
            order.leaves_lots -= prevented_lots
        maker.level.quantity_lots -= prevented_lots
        venue.mark(maker.level)
        if maker.ladder.observer is not None:
            maker.ladder.observer.reduced(maker, prevented_lots)
    report_prevented(venue, taker, maker, prevented_lots, mode, ref)

    if mode is _DECREMENT:
        taker_ends = taker.leaves_lots == 0
        maker_ends = maker.leaves_lots + maker.hidden_lots == 0
    else:
        taker_ends = mode is not _CANCEL_OLDEST
        maker_ends = mode is not _CANCEL_NEWEST
    assert taker_ends or maker_ends or maker.leaves_lots == 0, "matching goes on, so something must have gone"
    if taker_ends:
        venue.report_canceled(taker.session, taker, ref, CancelReason.SELF_TRADE)
        taker.leaves_lots = 0
    if maker_ends:
        venue.end(maker, NO_REF, CancelReason.SELF_TRADE)
    elif maker.leaves_lots == 0:
        refresh(maker.ladder, maker, venue.dirty)


def prevent_ahead(venue: Venue, taker: Order, limit_key: int, ref: Ref) -> None:
    """Prevent the self-trades that a taker would begin with, so that what it meets next is a trade."""
    ladder = taker.ladder.opposite
    while taker.leaves_lots and limit_key + ladder.best_key >= 0 and venue.makers_left:
        assert ladder.best is not None
        maker = ladder.best.first
        assert maker is not None, "the best level holds orders"
        if may_trade(taker, maker):
            return
        venue.makers_left -= 1
        prevent(venue, taker, maker, ref)


def report_prevented(
    venue: Venue, taker: Order, maker: Order, prevented_lots: int, mode: SelfTradePrevention, ref: Ref
) -> None:
    """Tell both sides, with what they have left now, and whoever counts it."""
    venue.prevented.append((taker.ladder.instrument_id, prevented_lots))
    _report_side(venue, taker, maker, prevented_lots, mode, ref)
    _report_side(venue, maker, taker, prevented_lots, mode, NO_REF)


def _report_side(
    venue: Venue, order: Order, other: Order, prevented_lots: int, mode: SelfTradePrevention, ref: Ref
) -> None:
    session = order.session
    if session is not venue.session:
        # As `venue.stream`, whose calls cost an eighth of an auction in which owners meet themselves.
        venue.foreign_report_count += 1
        if not session.touched:
            venue.touch(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    session.reports.append(
        SelfTradePrevented(
            seq,
            ref,
            venue.time_ns,
            venue.report_flags,
            order.order_id,
            other.order_id,
            prevented_lots,
            order.leaves_lots + order.hidden_lots,
            mode,
        )
    )

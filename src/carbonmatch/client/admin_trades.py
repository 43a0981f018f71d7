"""`carbonmatch admin bust-trade` and `correct-trade`: shown first, asked for confirmation, then done."""

import asyncio
from typing import Annotated, Final

from cyclopts import Parameter

from carbonmatch.client import operating
from carbonmatch.client.admin import Operator
from carbonmatch.client.connection import Access
from carbonmatch.client.errors import ClientError, OrderRejected
from carbonmatch.client.operating import Confirm, confirmation, must_confirm
from carbonmatch.client.options import Reason, Whole, WholeOrNone
from carbonmatch.client.session import Session, check_command
from carbonmatch.client.tls import NO_TLS, TlsOptions
from carbonmatch.matching.messages import (
    BustTrade,
    CorrectTrade,
    Done,
    Ref,
    RejectReason,
    TradeAmendment,
    TradeCommand,
    TradeId,
    TradeSide,
    TradeStatus,
    TradeStatusRequest,
)
from carbonmatch.words import utc_text

_DEMO_OPERATOR: Final = Operator()
# A trade of long ago is looked for in the journal, which may lie in an archive on a slow disk.
_SECONDS_MAX: Final = 120.0


def bust_trade(
    trade_id: Whole,
    /,
    *,
    text: Reason,
    dry_run: bool = False,
    yes: bool = False,
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Take a trade back, as if it had never been. Its orders do not come back.

    Parameters
    ----------
    trade_id
        The trade.
    text
        The reason, which both sides get to see.
    dry_run
        Show the trade, and whether it could be taken back now, and do nothing.
    yes
        Do it without asking.
    """
    access = operator.access(tls)
    asyncio.run(bust(access, TradeId(trade_id), text, confirmation(yes), dry_run=dry_run))


def correct_trade(
    trade_id: Whole,
    /,
    *,
    text: Reason,
    price_ticks: WholeOrNone = None,
    quantity_lots: WholeOrNone = None,
    dry_run: bool = False,
    yes: bool = False,
    operator: Annotated[Operator, Parameter(name="*")] = _DEMO_OPERATOR,
    tls: Annotated[TlsOptions, Parameter(name="*")] = NO_TLS,
) -> None:
    """Put a trade right: another price, fewer lots, or both.

    Parameters
    ----------
    trade_id
        The trade.
    text
        The reason, which both sides get to see.
    price_ticks
        What its price should have been; without it, the price stays.
    quantity_lots
        What its quantity should have been; without it, the quantity stays.
    dry_run
        Show the trade, what would become of it, and whether it could, and do nothing.
    yes
        Do it without asking.
    """
    access = operator.access(tls)
    asyncio.run(
        correct(
            access, TradeId(trade_id), price_ticks, quantity_lots, text, confirmation(yes), dry_run=dry_run
        )
    )


async def bust(operator: Access, trade_id: TradeId, text: str, confirm: Confirm, *, dry_run: bool) -> None:
    """Raises ClientError where there is nothing to bust, or `confirm` says no."""
    check_command(BustTrade(Ref(0), trade_id, text))
    async with Session(operator) as session:
        status = await _standing(session, trade_id)
        print(in_words(status))
        if dry_run:
            await _foretell(session, BustTrade(Ref(0), trade_id, text))
            return
        must_confirm(confirm, f"Bust trade {trade_id}?")
        sequence = await _do(session, BustTrade(Ref(0), trade_id, text))
        print(f"trade {trade_id} is busted since sequence {sequence}")


async def correct(
    operator: Access,
    trade_id: TradeId,
    price_ticks: int | None,
    quantity_lots: int | None,
    text: str,
    confirm: Confirm,
    *,
    dry_run: bool,
) -> None:
    """As `bust`; what is None stays as it stands."""
    check_command(CorrectTrade(Ref(0), trade_id, price_ticks or 0, quantity_lots or 0, text))
    async with Session(operator) as session:
        status = await _standing(session, trade_id)
        print(in_words(status))
        price = status.price_ticks if price_ticks is None else price_ticks
        lots = status.quantity_lots if quantity_lots is None else quantity_lots
        print(f"  becomes    {lots} lots at {price} ticks")
        if dry_run:
            await _foretell(session, CorrectTrade(Ref(0), trade_id, price, lots, text))
            return
        must_confirm(confirm, f"Correct trade {trade_id}?")
        sequence = await _do(session, CorrectTrade(Ref(0), trade_id, price, lots, text))
        print(f"trade {trade_id} is {lots} lots at {price} ticks since sequence {sequence}")


def in_words(status: TradeStatus) -> str:
    """The trade as it was and as it stands, over several lines."""
    trade = status.trade
    lines = [
        f"trade {status.trade_id}, instrument {trade.instrument_id}, {utc_text(trade.time_ns)}",
        f"  traded     {trade.quantity_lots} lots at {trade.price_ticks} ticks",
        f"  bought by  {_side_in_words(trade.buyer)}",
        f"  sold by    {_side_in_words(trade.seller)}",
    ]
    if not status.quantity_lots:
        lines.append("  stands     no more: it was busted")
    elif (status.price_ticks, status.quantity_lots) != (trade.price_ticks, trade.quantity_lots):
        lines.append(f"  stands     at {status.quantity_lots} lots at {status.price_ticks} ticks")
    return "\n".join(lines)


def _side_in_words(side: TradeSide) -> str:
    return f"account {side.account_id}, order {side.order_id} of session {side.session_id}"


async def _standing(session: Session, trade_id: TradeId) -> TradeStatus:
    """The trade, which is not busted yet."""
    try:
        status = (await session.call(TradeStatusRequest(Ref(0), trade_id), seconds=_SECONDS_MAX))[-1]
    except OrderRejected as rejected:
        raise _refused(trade_id, rejected) from rejected
    assert type(status) is TradeStatus, "a question after a trade is answered with it, or rejected"
    if not status.quantity_lots:
        raise ClientError(f"{in_words(status)}\n{_WORDS[RejectReason.ALREADY_BUSTED]}")
    return status


async def _foretell(session: Session, command: TradeAmendment) -> None:
    await operating.foretold(session, command, _WORDS, _SECONDS_MAX)
    print("it would be done")


async def _do(session: Session, command: TradeCommand) -> int:
    try:
        done = (await session.call(command, seconds=_SECONDS_MAX))[-1]
    except OrderRejected as rejected:
        raise _refused(command.trade_id, rejected) from rejected
    assert type(done) is Done, "an operator's command is done or rejected"
    return done.sequence


_WORDS: Final = {
    RejectReason.UNKNOWN_TRADE: "there is no such trade",
    RejectReason.ALREADY_BUSTED: "it was busted before: nothing of it is left",
    RejectReason.ABOVE_MAXIMUM: "a correction may not make a trade larger than it was",
    RejectReason.INVALID_QUANTITY: "a trade of nothing is none: bust it",
    RejectReason.NOT_AMENDABLE: "it is that already: nothing would change",
    RejectReason.PRICE_INCREMENT: "the price is no multiple of the instrument's price increment",
    RejectReason.QUANTITY_INCREMENT: "the quantity is no multiple of the instrument's quantity increment",
}


def _refused(trade_id: TradeId, rejected: OrderRejected) -> ClientError:
    return ClientError(f"trade {trade_id}: {operating.refused(rejected, _WORDS)}")

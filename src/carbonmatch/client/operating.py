"""What the commands of operators have in common: asked before, done or refused in words, symbols.

Instruments are asked for where they are steered, in order entry: a key that may operate needs no other power,
and a logon that fails counts against its address.
"""

import sys
from collections.abc import Callable, Mapping

from carbonmatch.client.errors import ClientError, OrderRejected
from carbonmatch.client.session import Session
from carbonmatch.matching.messages import (
    ANY,
    ClientCommand,
    Done,
    Foreseeable,
    InstrumentId,
    InstrumentStatus,
    InstrumentStatusRequest,
    Pulled,
    Ref,
    RejectReason,
    StatusEnd,
)
from carbonmatch.protocol.messages import Foreseen

Confirm = Callable[[str], bool]
_ALL = "all"
_NOT_ENTITLED = "the session may not operate this venue"


async def do(session: Session, command: ClientCommand, words: Mapping[RejectReason, str]) -> int:
    """The journal sequence at which the command was applied. Raises ClientError where it is refused."""
    try:
        done = (await session.call(command))[-1]
    except OrderRejected as rejected:
        raise refused(rejected, words) from rejected
    assert type(done) is Done, "an operator's command is done or rejected"
    return done.sequence


def refused(rejected: OrderRejected, words: Mapping[RejectReason, str]) -> ClientError:
    """What a refusal means, as the caller has it in words."""
    return ClientError(_said(rejected.reason, words) or str(rejected))


async def foretold(
    session: Session, command: Foreseeable, words: Mapping[RejectReason, str], seconds: float | None = None
) -> str:
    """What a command would take out, with nothing done. Raises ClientError where it would be refused."""
    foreseen = await session.dry_run(command, seconds=seconds)
    if foreseen.reason:
        try:
            reason = RejectReason(foreseen.reason)
        except ValueError:
            raise ClientError(f"it would be refused for the reason {foreseen.reason}") from None
        raise ClientError(f"it would be refused: {_said(reason, words) or reason.name}")
    return counts_in_words(foreseen)


def counts_in_words(counted: Pulled | Foreseen) -> str:
    """What is taken out; what there is nothing of is left out."""
    counts = [
        (counted.order_count, f"orders of {counted.order_lots} lots"),
        (counted.proposal_count, "offers of blocks"),
        (counted.bid_count, "bids"),
        (counted.bidding_count, "biddings"),
    ]
    parts = [f"{count} {words}" for count, words in counts if count]
    return (", ".join(parts) or "nothing") + (" and goes on" if counted.more else "")


def _said(reason: RejectReason, words: Mapping[RejectReason, str]) -> str:
    """Empty where the caller has no words for it."""
    said = _NOT_ENTITLED if reason is RejectReason.NOT_ENTITLED else words.get(reason)
    return f"{reason.name}: {said}" if said else ""


async def statuses_of(
    session: Session, symbol: str = "", after_instrument_id: int = ANY
) -> list[InstrumentStatus]:
    """Every instrument behind a number, or the one of that symbol, asked for page by page."""
    after = InstrumentId(after_instrument_id)
    found: list[InstrumentStatus] = []
    more = True
    while more:
        try:
            *page, end = await session.call(InstrumentStatusRequest(Ref(0), symbol, after))
        except OrderRejected as rejected:
            raise refused(rejected, {}) from rejected
        assert type(end) is StatusEnd, "what is asked for page by page has an end"
        found += [one for one in page if type(one) is InstrumentStatus]
        after, more = found[-1].instrument_id if found else after, end.more
    return found


async def instrument_id_of(session: Session, symbol: str) -> InstrumentId:
    """The number of an instrument, which may be given as that. Raises ClientError where there is none."""
    if symbol.isdecimal():
        if int(symbol) == ANY:
            raise ClientError(f"{symbol} is no instrument's number, expected 1 or more")
        return InstrumentId(int(symbol))
    for one in await statuses_of(session, symbol):
        return one.instrument_id
    known = ", ".join(sorted(one.symbol for one in await statuses_of(session)))
    raise ClientError(f"no instrument {symbol!r}, expected one of: {known or 'there is none'}")


async def one_or_all(session: Session, symbol: str) -> InstrumentId:
    """The number of an instrument, or ANY for all of them."""
    return InstrumentId(ANY) if symbol == _ALL else await instrument_id_of(session, symbol)


async def status_of(session: Session, instrument_id: InstrumentId) -> InstrumentStatus | None:
    """Where one instrument is; None where there is none of that number."""
    statuses = await statuses_of(session, after_instrument_id=instrument_id - 1)
    return next((one for one in statuses if one.instrument_id == instrument_id), None)


def confirmation(yes: bool) -> Confirm:
    """Asks on the terminal; without one, only an operator who has said `yes` beforehand is believed."""

    def confirm(question: str) -> bool:
        if yes:
            return True
        if not sys.stdin.isatty():
            raise ClientError("nothing was done: without a terminal to ask on, say --yes")
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")

    return confirm


def must_confirm(confirm: Confirm, question: str) -> None:
    """Raise ClientError unless it is confirmed."""
    if not confirm(question):
        raise ClientError("nothing was done")

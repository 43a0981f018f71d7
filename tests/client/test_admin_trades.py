"""`carbonmatch admin bust-trade` and `correct-trade`: what they show, ask and send."""

import io
import sys

import pytest

from carbonmatch.client.admin_trades import bust, correct, in_words
from carbonmatch.client.connection import Access
from carbonmatch.client.errors import ClientError
from carbonmatch.client.operating import confirmation
from carbonmatch.matching.messages import (
    AccountId,
    AnyReport,
    ClientCommand,
    CorrectTrade,
    Done,
    FoundTrade,
    InstrumentId,
    OrderId,
    Ref,
    SessionId,
    TradeId,
    TradeSide,
    TradeStatus,
    TradeStatusRequest,
)
from carbonmatch.protocol.messages import Role
from tests.client.clock import in_virtual_time
from tests.client.fake_server import FakeServer

# Nobody listens there, and nobody is asked.
NOWHERE = Access(host="127.0.0.1", port=1, key_id="k", private_key=bytes(32), session="s", role=Role.OPERATOR)
TRADE = FoundTrade(
    InstrumentId(1),
    1_700_000_000_000_000_000,
    9_805,
    3,
    TradeSide(SessionId(1), OrderId(8), AccountId(11)),
    TradeSide(SessionId(2), OrderId(7), AccountId(12)),
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("typed", "agreed"), [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("yep\n", False)]
)
def test_only_a_clear_yes_on_the_terminal_is_one(
    typed: str, agreed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    assert confirmation(yes=False)("Bust trade 7?") is agreed


def test_without_a_terminal_it_has_to_be_said_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(ClientError, match="say --yes"):
        confirmation(yes=False)("Bust trade 7?")
    assert confirmation(yes=True)("Bust trade 7?")


async def test_what_the_wire_does_not_take_is_refused_before_anybody_is_asked() -> None:
    with pytest.raises(ClientError, match=r"BustTrade\.text is 'x+': Expected `str` of length <= 64"):
        await bust(NOWHERE, TradeId(1), "x" * 65, lambda _: True, dry_run=False)
    with pytest.raises(ClientError, match=r"CorrectTrade\.quantity_lots is -3: Expected `int` >= 0"):
        await correct(NOWHERE, TradeId(1), None, -3, "why", lambda _: True, dry_run=False)
    with pytest.raises(
        ClientError, match=r"BustTrade\.trade_id is 9007199254740992: Expected `int` <= 9007199254740991"
    ):
        await bust(NOWHERE, TradeId(2**53), "why", lambda _: True, dry_run=False)


@pytest.mark.parametrize(
    ("price", "lots", "stands"),
    [
        (9_805, 3, None),
        (9_800, 2, "  stands     at 2 lots at 9800 ticks"),
        (9_805, 0, "  stands     no more: it was busted"),
    ],
)
def test_a_trade_is_shown_as_it_was_and_as_it_stands(price: int, lots: int, stands: str | None) -> None:
    status = TradeStatus(1, Ref(1), 0, 0, TradeId(7), price, lots, TRADE)
    assert in_words(status).splitlines() == [
        "trade 7, instrument 1, 2023-11-14T22:13:20.000000000Z",
        "  traded     3 lots at 9805 ticks",
        "  bought by  account 11, order 8 of session 1",
        "  sold by    account 12, order 7 of session 2",
        *([stands] if stands else []),
    ]


class FakeVenue(FakeServer):
    """Has one trade, 7, which was corrected to 2 lots at 9800."""

    def answer(self, command: ClientCommand, seq: int) -> AnyReport:
        if type(command) is TradeStatusRequest:
            return TradeStatus(seq, command.ref, 0, 0, command.trade_id, 9_800, 2, TRADE)
        return Done(seq, command.ref, 7, 0, sequence=4_711)


@pytest.mark.parametrize(
    ("price", "lots", "sent"),
    [(9_700, None, (9_700, 2)), (None, 1, (9_800, 1)), (9_700, 1, (9_700, 1))],
)
@in_virtual_time
async def test_what_a_correction_does_not_name_stays_as_it_stands_and_not_as_it_was(
    price: int | None, lots: int | None, sent: tuple[int, int]
) -> None:
    async with FakeVenue() as venue:
        operator = venue.access(role=Role.OPERATOR)
        await correct(operator, TradeId(7), price, lots, "agreed", lambda _: True, dry_run=False)
        assert venue.received[1:] == [CorrectTrade(Ref(2), TradeId(7), *sent, "agreed")]

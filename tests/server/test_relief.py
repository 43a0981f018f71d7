"""With the disk in trouble only what takes orders out is journaled, and nothing that finds none."""

import pytest

from carbonmatch.matching.messages import (
    AccountId,
    Bid,
    BlockAccept,
    BlockDecline,
    BlockPhase,
    BlockPropose,
    BlockWithdraw,
    Cancel,
    CancelBidding,
    ClientCommand,
    Deposit,
    InstrumentId,
    InstrumentStatusRequest,
    Kill,
    KillScope,
    MassCancel,
    MassCancelScope,
    NewOrder,
    OrderId,
    OrderStatusRequest,
    Phase,
    Reduce,
    Ref,
    Release,
    Replace,
    RestrictAccount,
    Restriction,
    SetBlockPhase,
    SetPhase,
    Side,
    WithdrawBid,
)
from carbonmatch.server.relief import relieving
from tests.matching.blocks.floor import ALPHA, Floor
from tests.matching.market import ALICE, BOB, CAROL, CEA, EUA, OPS, Market

ACCOUNT = MassCancelScope.ACCOUNT
SESSION = MassCancelScope.SESSION


@pytest.fixture
def market() -> Market:
    """Alice has two orders to buy: #1 in her own words, #2 under another ref since it was replaced."""
    market = Market()
    market.send(
        ALICE,
        NewOrder(Ref(1), EUA, Side.BUY, 10, 1000),
        NewOrder(Ref(2), EUA, Side.BUY, 10, 1000),
        Replace(Ref(3), Ref(2), OrderId(0), price_ticks=990, quantity_lots=10),
    )
    return market


def passing(market: Market, *commands: ClientCommand, session_id: int = ALICE) -> list[int]:
    """The refs of those that pass."""
    session = market.engine.sessions[session_id]  # type: ignore[index]
    return [command.ref for command in relieving(session, list(commands), market.engine.venue.negotiations)]


def test_what_adds_or_only_asks_does_not_pass(market: Market) -> None:
    assert not passing(
        market,
        NewOrder(Ref(4), EUA, Side.SELL, 1, 1),
        Replace(Ref(5), Ref(1), OrderId(0), price_ticks=1000, quantity_lots=5),
        Reduce(Ref(6), Ref(1), OrderId(0), quantity_lots=5),
        OrderStatusRequest(Ref(7)),
        SetPhase(Ref(8), EUA, Phase.HALTED),
    )


def test_a_cancel_passes_where_there_is_an_order_and_once_for_each(market: Market) -> None:
    assert passing(
        market,
        Cancel(Ref(4), order_ref=Ref(1)),
        Cancel(Ref(5), order_id=market.order_id(1)),
        Cancel(Ref(6), order_ref=Ref(2)),
        Cancel(Ref(7), order_ref=Ref(3)),
        Cancel(Ref(8), order_ref=Ref(99)),
        Cancel(Ref(9)),
        Cancel(Ref(10), order_ref=Ref(1), order_id=OrderId(1)),
    ) == [4, 7]
    # Another session of the account, by the order's id.
    assert passing(market, Cancel(Ref(1), order_id=market.order_id(1)), session_id=CAROL) == [1]


@pytest.mark.parametrize(
    ("command", "session_id", "passes"),
    [
        (MassCancel(Ref(4), SESSION), ALICE, True),
        (MassCancel(Ref(4), SESSION, side=Side.SELL), ALICE, False),
        (MassCancel(Ref(4), SESSION, instrument_id=CEA), ALICE, False),
        (MassCancel(Ref(4), SESSION, instrument_id=InstrumentId(9)), ALICE, False),
        (MassCancel(Ref(4), SESSION, account_id=AccountId(11), instrument_id=EUA, side=1), ALICE, True),
        (MassCancel(Ref(4), SESSION, account_id=AccountId(12)), ALICE, False),
        (MassCancel(Ref(4), SESSION), CAROL, False),
        (MassCancel(Ref(4), ACCOUNT), CAROL, True),
        (MassCancel(Ref(4), ACCOUNT, account_id=AccountId(12)), CAROL, False),
    ],
)
def test_a_mass_cancel_passes_where_it_finds_orders(
    market: Market, command: MassCancel, session_id: int, passes: bool
) -> None:
    assert passing(market, command, session_id=session_id) == [4] * passes
    # It is what the engine would find as well.
    last = market.send(session_id, command)[-1]  # type: ignore[arg-type]
    assert ("mass canceled 0" in last or "rejected" in last) is not passes, last


def test_operators_go_on_steering(market: Market) -> None:
    assert passing(market, SetPhase(Ref(1), EUA, Phase.HALTED), session_id=OPS) == [1]
    assert passing(market, CancelBidding(Ref(1), OrderId(7)), session_id=OPS) == [1]
    assert passing(market, CancelBidding(Ref(1), OrderId(7))) == []
    stop = Kill(Ref(1), KillScope.VENUE)
    assert passing(market, stop, Release(Ref(2), KillScope.VENUE), session_id=OPS) == [1, 2]
    assert passing(market, stop) == []
    restriction = RestrictAccount(Ref(1), AccountId(11), Restriction.NO_TRADING, cancels=True)
    assert passing(market, restriction, session_id=OPS) == [1]
    assert passing(market, Deposit(Ref(1), AccountId(11), EUA, 5), session_id=OPS) == []
    assert passing(market, Bid(Ref(1), OrderId(7), 1, 1), WithdrawBid(Ref(2), OrderId(8))) == []


def test_operators_find_the_instrument_that_they_steer_but_go_through_no_lists(market: Market) -> None:
    one, every = InstrumentStatusRequest(Ref(1), "EUA"), InstrumentStatusRequest(Ref(2))
    assert passing(market, one, every, session_id=OPS) == [1]
    assert passing(market, one, every) == []


def test_what_ends_a_block_passes_once_and_where_there_is_one() -> None:
    floor = Floor()
    floor.offer()  # 1
    floor.offer(BOB, to=ALPHA)  # 2
    floor.propose(BOB)  # 3
    one, two, three = map(floor.order_id, (1, 2, 3))
    assert passing(
        floor,
        BlockWithdraw(Ref(10), one),
        BlockWithdraw(Ref(11), one),
        BlockDecline(Ref(12), two),
        BlockWithdraw(Ref(13), two),
        BlockDecline(Ref(14), three),
        BlockWithdraw(Ref(15), OrderId(99)),
        BlockAccept(Ref(16), two, 100, 50),
        BlockPropose(Ref(17), EUA, Side.SELL, 100, 50),
    ) == [10, 12]


def test_a_mass_cancel_passes_where_it_finds_offers() -> None:
    floor = Floor()
    floor.offer()
    assert passing(floor, MassCancel(Ref(9), SESSION)) == [9]
    assert passing(floor, MassCancel(Ref(9), SESSION, side=1)) == []
    assert passing(floor, MassCancel(Ref(9), ACCOUNT, account_id=AccountId(99))) == []
    assert passing(floor, MassCancel(Ref(9), ACCOUNT), session_id=CAROL) == [9]
    assert passing(floor, MassCancel(Ref(9), SESSION), session_id=BOB) == []


def test_operators_go_on_steering_blocks() -> None:
    command = SetBlockPhase(Ref(1), EUA, BlockPhase.CLOSED)
    assert passing(Floor(), command, session_id=OPS) == [1]
    assert passing(Floor(), command) == []

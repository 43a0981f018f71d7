"""What accounts have, in a real venue: deposited, reserved, traded, settled, withdrawn, also over a crash."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec import structs

from carbonmatch.client import Access
from carbonmatch.client.admin_accounts import (
    Movable,
    put_in,
    set_limits,
    set_restriction,
    show,
    show_large_holders,
    take_out,
)
from carbonmatch.client.errors import ClientError, OrderRejected
from carbonmatch.config import Config
from carbonmatch.config.clearing import ClearingTable
from carbonmatch.matching.messages import (
    Cash,
    EndDay,
    Holding,
    Phase,
    Ref,
    RejectReason,
    Restriction,
    Resume,
    SetPhase,
    Side,
)
from tests.end_to_end import market
from tests.end_to_end.market import ALICE_ACCOUNT, BOB_ACCOUNT, CEA, EUA
from tests.end_to_end.running import Addresses, Process, running

YESTERDAY = int(f"{datetime.now(UTC) - timedelta(days=1):%Y%m%d}")
CLEARING = """
[instruments.clearing]

[[instruments.clearing.fees]]
kinds = ["continuous"]
buyer_basis_points = 100
seller_basis_points = 100
"""


def cleared() -> str:
    """EUA is, CEA is not."""
    return market.text().replace("\n[[instruments]]\nid = 2\n", f"{CLEARING}\n[[instruments]]\nid = 2\n")


def config(directory: Path) -> Config:
    """The same without fees, for an engine in this process."""
    first, *others = (there := market.config(directory)).instruments
    return structs.replace(there, instruments=(structs.replace(first, clearing=ClearingTable()), *others))


def operator(venue: Addresses) -> Access:
    return venue.session("operator")._access


async def put(venue: Addresses, account: int, *, lots: int = 0, minor: int = 0) -> None:
    """By the operator's command line."""
    what = Movable("1" if lots else "", lots, "EUR" if minor else "", minor)
    await put_in(operator(venue), account, what, "")


async def take(venue: Addresses, account: int, *, lots: int = 0, minor: int = 0) -> None:
    what = Movable("1" if lots else "", lots, "EUR" if minor else "", minor)
    await take_out(operator(venue), account, what, "")


async def order(venue: Addresses, name: str, side: Side, lots: int, price: int) -> RejectReason | None:
    """Why it was refused, None if it is in."""
    async with venue.session(name) as session:
        try:
            await session.new_order(EUA, side, lots, price)
        except OrderRejected as rejected:
            return rejected.reason
    return None


async def has(venue: Addresses, name: str) -> list[tuple[int, ...]]:
    """What the gateway is told: of money total, available, reserved, withdrawable; of units total, available,
    reserved, unsettled, bought today, ordered to buy.
    """
    async with venue.session(name) as session:
        return [
            (one.total_minor, one.available_minor, one.reserved_minor, one.withdrawable_minor)
            if isinstance(one, Cash)
            else (
                one.total_lots,
                one.available_lots,
                one.reserved_lots,
                one.unsettled_lots,
                one.bought_today_lots,
                one.buying_lots,
            )
            for one in await session.holdings()
        ]


async def end_day(venue: Addresses, day: int) -> None:
    async with venue.session("operator") as session:
        for number in (EUA, CEA):
            await session.call(SetPhase(Ref(0), number, Phase.CLOSED))
        await session.call(EndDay(Ref(0), day))
        for number in (EUA, CEA):
            await session.call(Resume(Ref(0), number))


async def test_nobody_sells_or_spends_what_it_does_not_have_over_a_crash_and_a_night(
    process: Process,
) -> None:
    process.text = cleared()
    await process.start()
    assert await order(process, "alice", Side.SELL, 1, 10) is RejectReason.INSUFFICIENT_HOLDINGS
    assert await order(process, "bob", Side.BUY, 1, 10) is RejectReason.INSUFFICIENT_CASH
    await put(process, ALICE_ACCOUNT, lots=100)
    await put(process, BOB_ACCOUNT, minor=10_100)
    assert await order(process, "alice", Side.SELL, 60, 100) is None
    assert await order(process, "bob", Side.BUY, 101, 100) is RejectReason.INSUFFICIENT_CASH
    assert await order(process, "bob", Side.BUY, 60, 100) is None
    assert await order(process, "bob", Side.BUY, 10, 90) is None
    assert await order(process, "alice", Side.SELL, 30, 120) is None
    assert await order(process, "bob", Side.SELL, 1, 100) is RejectReason.INSUFFICIENT_HOLDINGS
    before = [await has(process, "alice"), await has(process, "bob")]
    assert before == [
        [(5_940, 5_940, 0, 0), (40, 10, 30, 0, 0, 0)],
        [(4_040, 3_131, 909, 3_131), (60, 0, 0, 60, 60, 10)],
    ]

    await process.kill()
    await process.start()
    assert [await has(process, "alice"), await has(process, "bob")] == before
    assert await order(process, "bob", Side.SELL, 1, 100) is RejectReason.INSUFFICIENT_HOLDINGS
    assert await order(process, "alice", Side.SELL, 11, 100) is RejectReason.INSUFFICIENT_HOLDINGS
    with pytest.raises(
        ClientError, match="account 11 may withdraw 0: of its 5940 minor units 0 are reserved"
    ):
        await take(process, ALICE_ACCOUNT, minor=1)
    with pytest.raises(
        ClientError, match="account 21 may withdraw 0: of its 60 lots 0 are reserved, and 60 are"
    ):
        await take(process, BOB_ACCOUNT, lots=1)

    await end_day(process, YESTERDAY)
    await process.kill()
    await process.start()
    assert await order(process, "bob", Side.SELL, 60, 130) is None
    assert await has(process, "bob") == [(4_040, 4_040, 0, 4_040), (60, 0, 60, 0, 0, 0)]
    with pytest.raises(ClientError, match="may withdraw 5940"):
        await take(process, ALICE_ACCOUNT, minor=5_941)
    await take(process, ALICE_ACCOUNT, minor=5_940)
    # The close took what rested: day orders hold nothing overnight.
    await take(process, ALICE_ACCOUNT, lots=40)
    assert await has(process, "alice") == [(0, 0, 0, 0), (0, 0, 0, 0, 0, 0)]


async def test_an_operator_sees_everybody_and_is_told_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(tmp_path, config(tmp_path)) as venue:
        await show(operator(venue), 0, "")
        await put(venue, ALICE_ACCOUNT, lots=100)
        await put(venue, BOB_ACCOUNT, minor=500)
        await show(operator(venue), 0, "")
        await show(operator(venue), ALICE_ACCOUNT, "1")
        last = venue.engine.sequence
        assert capsys.readouterr().out.splitlines() == [
            "nobody has anything",
            f"100 lots of 1 are in account 11 since sequence {last - 5}",
            f"500 minor units of EUR are in account 21 since sequence {last - 4}",
            "account 11, EUA: 100 lots; 100 available, 0 reserved, 0 not settled yet (0 of today), "
            "0 ordered to buy",
            "account 21, EUR: 500 minor units; 500 available, 0 reserved, 500 may be withdrawn",
            "account 11, EUA: 100 lots; 100 available, 0 reserved, 0 not settled yet (0 of today), "
            "0 ordered to buy",
        ]


@pytest.mark.parametrize(
    ("account", "what", "words"),
    [
        (99, Movable("1", 5, "", 0), "UNKNOWN_ACCOUNT: there is no such account"),
        (11, Movable("99", 5, "", 0), "UNKNOWN_INSTRUMENT: there is no such instrument"),
        (11, Movable("2", 5, "", 0), "MECHANISM_NOT_AVAILABLE: the venue does not hold that"),
        (11, Movable("", 0, "USD", 5), "MECHANISM_NOT_AVAILABLE: the venue does not hold that"),
        (11, Movable("1", 10**12 + 1, "", 0), "INVALID_QUANTITY: more than the venue may hold in all"),
    ],
)
async def test_what_the_venue_does_not_take_is_said_in_words(
    tmp_path: Path, account: int, what: Movable, words: str
) -> None:
    async with running(tmp_path, config(tmp_path)) as venue:
        with pytest.raises(ClientError, match=words):
            await put_in(operator(venue), account, what, "")


async def test_a_withdrawal_from_nothing_says_so(tmp_path: Path) -> None:
    async with running(tmp_path, config(tmp_path)) as venue:
        with pytest.raises(ClientError, match="5 lots of 1 asked for, account 11 has none"):
            await take(venue, ALICE_ACCOUNT, lots=5)


async def test_whoever_may_withdraw_and_not_look_is_told_why_it_is_refused(tmp_path: Path) -> None:
    there = config(tmp_path)
    sessions = [
        structs.replace(one, permissions=("accounts",)) if one.name == "operator" else one
        for one in there.sessions
    ]
    async with running(tmp_path, structs.replace(there, sessions=tuple(sessions))) as venue:
        with pytest.raises(ClientError, match="INSUFFICIENT_HOLDINGS: more lots than the account has"):
            await take(venue, ALICE_ACCOUNT, lots=5)


async def test_holdings_are_not_for_others(tmp_path: Path) -> None:
    async with running(tmp_path, config(tmp_path)) as venue:
        await put(venue, ALICE_ACCOUNT, lots=100)
        async with venue.session("bob") as bob:
            assert await bob.holdings() == []
            with pytest.raises(OrderRejected, match="UNKNOWN_ACCOUNT"):
                await bob.holdings(account_id=ALICE_ACCOUNT)
        async with venue.session("desk") as desk:
            (one,) = await desk.holdings(instrument_id=EUA)
            assert isinstance(one, Holding)
            assert (one.account_id, one.total_lots) == (ALICE_ACCOUNT, 100)


async def test_limits_and_restrictions_hold_after_a_kill_and_large_holders_are_told(
    process: Process, capsys: pytest.CaptureFixture[str]
) -> None:
    process.text = cleared()
    await process.start()
    await put(process, ALICE_ACCOUNT, lots=300)
    await put(process, BOB_ACCOUNT, lots=100)
    await put(process, BOB_ACCOUNT, minor=10_000)
    assert await order(process, "alice", Side.SELL, 60, 100) is None
    await show_large_holders(operator(process), "EUA")
    await set_limits(operator(process), BOB_ACCOUNT, "EUA", (110, 100), "")
    await set_limits(operator(process), ALICE_ACCOUNT, "EUA", (0, 200), "")
    await set_restriction(
        operator(process), ALICE_ACCOUNT, Restriction.NO_SELLING, "", "by order", cancels=True
    )
    await process.kill()
    await process.start()
    assert await order(process, "alice", Side.SELL, 1, 100) is RejectReason.ACCOUNT_RESTRICTED
    assert await order(process, "bob", Side.BUY, 11, 10) is RejectReason.POSITION_LIMIT
    assert await order(process, "bob", Side.BUY, 10, 10) is None
    assert (await has(process, "alice"))[-1] == (300, 300, 0, 0, 0, 0)
    capsys.readouterr()
    await show_large_holders(operator(process), "EUA")
    await show(operator(process), ALICE_ACCOUNT, "EUA")
    await set_restriction(operator(process), ALICE_ACCOUNT, Restriction.NONE, "EUA", "", cancels=False)
    assert await order(process, "alice", Side.SELL, 1, 100) is None
    *lines, last = capsys.readouterr().out.splitlines()
    assert lines == [
        "account 11: 300 lots, 75.00 % of 400, a large holder from 200 on",
        "account 21: 100 lots, 25.00 % of 400, a large holder from 100 on",
        "account 11, EUA: 300 lots; 300 available, 0 reserved, 0 not settled yet (0 of today), "
        "0 ordered to buy; NO_SELLING",
    ]
    assert last.startswith("account 11 in EUA: NONE since sequence ")

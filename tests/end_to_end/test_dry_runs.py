"""Dry runs over the wire: what would happen is told, and nothing does."""

from pathlib import Path

import pytest
from msgspec import structs

from carbonmatch.client import Access
from carbonmatch.client.admin import set_phase
from carbonmatch.client.admin_accounts import Movable, set_restriction, take_out
from carbonmatch.client.admin_days import end
from carbonmatch.client.admin_kill import stop
from carbonmatch.client.admin_trades import bust, correct
from carbonmatch.client.errors import ClientError, InvalidCommand
from carbonmatch.config.clearing import ClearingTable
from carbonmatch.matching.messages import (
    BustTrade,
    Kill,
    KillScope,
    Phase,
    Ref,
    RejectReason,
    Release,
    Restriction,
    SetPhase,
    Side,
    TradeId,
)
from tests.end_to_end import market
from tests.end_to_end.market import ALICE_ACCOUNT, BOB_ACCOUNT, EUA
from tests.end_to_end.running import Addresses, Process, running


def operator(venue: Addresses) -> Access:
    return venue.session("operator")._access


def never(_question: str) -> bool:
    raise AssertionError("a dry run asks nobody")


async def trade(venue: Addresses) -> None:
    """Three orders of Alice, of which one trades in part with Bob."""
    async with venue.session("alice") as alice, venue.session("bob") as bob:
        for price in (100, 101, 102):
            await alice.new_order(EUA, Side.BUY, 5, price)
        await bob.new_order(EUA, Side.SELL, 2, 102)


async def test_what_would_happen_is_told_and_nothing_is_journaled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(tmp_path, market.config(tmp_path)) as venue:
        await trade(venue)
        access = operator(venue)
        await stop(access, "account", f"{ALICE_ACCOUNT}", "why", never, dry_run=True)
        await set_phase(access, "EUA", Phase.CLOSED, "", dry_run=True)
        await set_phase(access, "all", Phase.HALTED, "", dry_run=True)
        await bust(access, TradeId(1), "why", never, dry_run=True)
        with pytest.raises(ClientError, match="it would be refused: ABOVE_MAXIMUM: a correction may not"):
            await correct(access, TradeId(1), None, 3, "why", never, dry_run=True)
        with pytest.raises(ClientError, match="it would be refused: UNKNOWN_ACCOUNT: there is no account"):
            await stop(access, "account", "99", "why", never, dry_run=True)
        with pytest.raises(ClientError, match="it would be refused: DAY_NOT_OVER"):
            await end(access, 20260102, ("EUA",), "", dry_run=True)
        with pytest.raises(ClientError, match="it would be refused: MECHANISM_NOT_AVAILABLE"):
            await set_restriction(
                access, ALICE_ACCOUNT, Restriction.NO_BUYING, "", "", cancels=True, dry_run=True
            )
        async with venue.session("operator") as session:
            assert await session.audit() == []
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == f"the account {ALICE_ACCOUNT} would be stopped; it would pull 3 orders of 13 lots"
        assert lines[1] == "EUA would be CLOSED; with it would go 3 orders of 13 lots"
        assert lines[2] == "all would be HALTED; with it would go nothing"
        assert "it would be done" in lines


async def test_of_accounts_it_says_what_may_leave(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = market.config(tmp_path)
    first, *others = there.instruments
    there = structs.replace(there, instruments=(structs.replace(first, clearing=ClearingTable()), *others))
    async with running(tmp_path, there) as venue:
        access = operator(venue)
        async with venue.session("operator") as session:
            await session.deposit_units(BOB_ACCOUNT, EUA, 10)
        await take_out(access, BOB_ACCOUNT, Movable("1", 10, "", 0), "", dry_run=True)
        with pytest.raises(ClientError, match="it would be refused: INSUFFICIENT_HOLDINGS"):
            await take_out(access, BOB_ACCOUNT, Movable("1", 11, "", 0), "", dry_run=True)
        await set_restriction(access, BOB_ACCOUNT, Restriction.NO_TRADING, "", "", cancels=True, dry_run=True)
        assert capsys.readouterr().out.splitlines() == [
            "10 lots of 1 may leave account 21",
            "account 21 in all that are cleared would be NO_TRADING; with it would go nothing",
        ]


async def test_a_real_process_tells_it_and_is_as_before(process: Process) -> None:
    await process.start()
    await trade(process)
    async with process.session("operator") as session:
        foreseen = await session.dry_run(Kill(Ref(0), KillScope.VENUE))
        assert (foreseen.reason, foreseen.order_count, foreseen.order_lots) == (0, 3, 13)
        assert (await session.dry_run(Release(Ref(0), KillScope.VENUE))).reason == RejectReason.NOT_KILLED
        assert (await session.dry_run(BustTrade(Ref(0), TradeId(1)))).reason == 0
        assert (await session.dry_run(BustTrade(Ref(0), TradeId(2)))).reason == RejectReason.UNKNOWN_TRADE
        assert await session.audit() == []
        pulled = await session.kill(KillScope.VENUE, text="now really")
        assert (pulled.order_count, pulled.order_lots) == (3, 13)


async def test_only_who_may_give_the_command_is_told(tmp_path: Path) -> None:
    there = market.config(tmp_path)
    sessions = [
        structs.replace(one, permissions=("phases",)) if one.name == "operator" else one
        for one in there.sessions
    ]
    async with running(tmp_path, structs.replace(there, sessions=tuple(sessions))) as venue:
        async with venue.session("alice") as alice:
            halt = SetPhase(Ref(0), EUA, Phase.HALTED)
            assert (await alice.dry_run(halt)).reason == RejectReason.NOT_ENTITLED
        async with venue.session("operator") as session:
            assert (await session.dry_run(halt)).reason == 0
            kill = Kill(Ref(0), KillScope.VENUE)
            assert (await session.dry_run(kill)).reason == RejectReason.NOT_PERMITTED
            with pytest.raises(InvalidCommand):
                await session.dry_run(structs.replace(kill, text="x" * 65))

"""The kill switch in a real venue: thousands of orders pulled at once, refused after a crash, let go on."""

from pathlib import Path

import pytest

from carbonmatch.client import Access, Session
from carbonmatch.client.admin_kill import let_go_on, show, stop
from carbonmatch.client.commands import order_command
from carbonmatch.client.errors import ClientError, OrderRejected
from carbonmatch.matching.messages import (
    Canceled,
    CancelReason,
    KillScope,
    RejectReason,
    Side,
    TimeInForce,
)
from carbonmatch.protocol.messages import BatchBegin, LevelUpdate
from tests.end_to_end import market
from tests.end_to_end.market import ALICE_ACCOUNT, EUA
from tests.end_to_end.running import Addresses, Process, running
from tests.end_to_end.test_market_data import Follower

FRAME = 100


def operator(venue: Addresses) -> Access:
    return venue.session("operator")._access


async def rest(session: Session, count: int) -> None:
    """So many orders to buy, at ten prices."""
    orders = [
        order_command(EUA, Side.BUY, 1, 100 + number % 10, time_in_force=TimeInForce.GTC)
        for number in range(count)
    ]
    for begin in range(0, count, FRAME):
        await session.ready()
        session.send(orders[begin : begin + FRAME])
    await session.drain()


async def canceled(session: Session, count: int) -> list[Canceled]:
    """The next so many reports of orders that are gone."""
    found: list[Canceled] = []
    async for event in session.events():
        if isinstance(event, Canceled):
            found.append(event)
        if len(found) == count:
            break
    return found


async def refused_for(venue: Addresses, name: str) -> RejectReason | None:
    async with venue.session(name) as session:
        try:
            await session.new_order(EUA, Side.BUY, 1, 100)
        except OrderRejected as rejected:
            return rejected.reason
    return None


async def test_thousands_of_orders_go_at_once_and_none_comes_until_the_release_whatever_happens(
    process: Process, capsys: pytest.CaptureFixture[str]
) -> None:
    await process.start()
    async with process.session("alice") as alice, process.session("bob") as bob:
        await rest(alice, 3_000)
        await rest(bob, 10)
        async with process.session("operator") as steering:
            pulled = await steering.kill(KillScope.PARTICIPANT, 1, "wrong prices")
            assert (pulled.order_count, pulled.order_lots, pulled.more) == (3_000, 3_000, False)
        gone = await canceled(alice, 3_000)
        assert {one.reason for one in gone} == {CancelReason.KILLED}
        # All of it came of one command: one entry, one batch.
        assert {one.time_ns for one in gone} == {pulled.time_ns}
    await process.kill()
    await process.start()
    assert await refused_for(process, "alice") is RejectReason.KILLED
    assert await refused_for(process, "bob") is None
    # A clean stop leaves a snapshot.
    assert await process.stop() == 0
    await process.start()
    assert await refused_for(process, "alice-2") is RejectReason.KILLED
    await show(operator(process))
    await let_go_on(operator(process), "participant", "1", "checked")
    await show(operator(process))
    assert await refused_for(process, "alice") is None
    first, released, last = capsys.readouterr().out.splitlines()
    assert first.startswith("participant 1: since 20")
    assert first.endswith(f"by session {market.OPERATOR}: wrong prices")
    assert released.startswith("the participant 1 is released since sequence ")
    assert last == "nothing is stopped"


async def test_the_feed_has_the_levels_that_changed_once(tmp_path: Path) -> None:
    async with running(tmp_path, market.config(tmp_path)) as venue, venue.session("alice") as alice:
        await rest(alice, 1_000)
        async with venue.feed_wire() as wire:
            feed = Follower(wire)
            await feed.subscribe(EUA)
            async with venue.session("operator") as steering:
                await steering.kill(KillScope.INSTRUMENT, EUA, "why")
            news = await feed.catch_up()
            levels = [(one.price_ticks, one.quantity_lots) for one in news if isinstance(one, LevelUpdate)]
            assert sorted(levels) == [(100 + number, 0) for number in range(10)]
            assert sum(isinstance(one, BatchBegin) for one in news) == 1


@pytest.mark.parametrize(
    ("scope", "which", "words"),
    [
        ("participant", "9", "UNKNOWN_PARTICIPANT: there is no participant of the number 9"),
        ("account", "9", "UNKNOWN_ACCOUNT: there is no account of the number 9"),
        ("instrument", "9", "UNKNOWN_INSTRUMENT: there is no instrument of the number 9"),
        ("instrument", "OIL", "no instrument 'OIL', expected one of: CEA, EUA"),
        ("account", "ALICE", "expected the number of the account, found 'ALICE'"),
        ("participant", "", "expected the number of the participant, found ''"),
        ("venue", "1", "the venue is stopped whole, found '1' behind it"),
    ],
)
async def test_what_cannot_be_stopped_is_said_in_words(
    tmp_path: Path, scope: str, which: str, words: str
) -> None:
    async with running(tmp_path, market.config(tmp_path)) as venue:
        with pytest.raises(ClientError, match=words):
            await stop(operator(venue), scope, which, "why", lambda _: True)  # type: ignore[arg-type]


async def test_operators_are_told_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with running(tmp_path, market.config(tmp_path)) as venue, venue.session("alice") as alice:
        await rest(alice, 3)
        questions: list[str] = []
        with pytest.raises(ClientError, match="nothing was done"):
            await stop(operator(venue), "account", f"{ALICE_ACCOUNT}", "why", questions.append)  # type: ignore[arg-type]
        await stop(operator(venue), "account", f"{ALICE_ACCOUNT}", "why", lambda _: True)
        await stop(operator(venue), "instrument", "EUA", "why", lambda _: True)
        with pytest.raises(ClientError, match="NOT_KILLED: the venue is not stopped: `admin killed` shows"):
            await let_go_on(operator(venue), "venue", "", "on")
        with pytest.raises(ClientError, match="expected a reason behind --why, found none"):
            await stop(operator(venue), "venue", "", " ", lambda _: True)
        with pytest.raises(OrderRejected, match="KILLED"):
            await alice.new_order(EUA, Side.BUY, 1, 100)
        assert questions == [f"Stop the account {ALICE_ACCOUNT} and pull all that is open in it?"]
        assert capsys.readouterr().out.splitlines() == [
            f"the account {ALICE_ACCOUNT} is stopped; pulled 3 orders of 3 lots",
            "the instrument EUA is stopped; pulled nothing",
        ]

"""Blocks through the real process: over TCP, over kills, seen by copies and by the feed."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from carbonmatch.client import OrderRejected, Session
from carbonmatch.client.admin_blocks import set_block_phase
from carbonmatch.journal_tools import replay
from carbonmatch.matching.messages import (
    BlockPhase,
    BlockPropose,
    BlockState,
    BlockUpdate,
    Busted,
    BustTrade,
    CancelReason,
    Done,
    Executed,
    MassCancelScope,
    OrderFlag,
    Ref,
    ReportFlag,
    Side,
    TradeKind,
)
from carbonmatch.protocol.messages import KindStatistics, Statistics, Trade
from tests.end_to_end import market
from tests.end_to_end.market import ALICE, ALICE_ACCOUNT, BOB_ACCOUNT, CEA, EUA
from tests.end_to_end.running import Process
from tests.end_to_end.test_market_data import Follower
from tests.end_to_end.wire import SECONDS_MAX

_RULES = """
[instruments.blocks]
quantity_min_lots = 100000
band = "reference"
band_up_basis_points = 3000
band_down_basis_points = 3000
"""
LOTS, PRICE = 150_000, 4_900


class House(Process):
    """A venue that negotiates blocks of EUA: at least 100,000 lots, 30 % around 48.00."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        cea = f"\n[[instruments]]\nid = {CEA}"
        reference = "reference_price_ticks = 4800\nband_low_ticks = 4320\nband_high_ticks = 5280\n"
        assert cea in self.text
        self.text = self.text.replace(cea, f"{reference}{_RULES}{cea}")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Not started yet."""
    one = House(tmp_path / "journal")
    yield one
    one.clean_up()


async def until(session: Session, wanted: Callable[[Any], bool]) -> list[Any]:
    """The events of a session up to the one that is wanted."""
    seen: list[Any] = []
    async with asyncio.timeout(SECONDS_MAX):
        async for event in session.events():
            seen.append(event)
            if wanted(event):
                return seen
    raise AssertionError("the stream ended")


async def news_with(follower: Follower, kind: type) -> list[Any]:
    """What the feed has told by the time at which such a message has come: it comes after the reports."""
    news: list[Any] = []
    async with asyncio.timeout(SECONDS_MAX):
        while not any(isinstance(message, kind) for message in news):
            news += await follower.catch_up()
    return news


def is_in(state: BlockState) -> Callable[[Any], bool]:
    return lambda event: isinstance(event, BlockUpdate) and event.state is state


async def test_two_firms_agree_on_a_block_over_two_kills(house: House) -> None:
    """Posted, countered, killed, countered back, killed, accepted: everybody knows what is open each time."""
    await house.start()
    async with house.session("alice") as alice, house.session("bob") as bob:
        post = await alice.propose_block(EUA, Side.SELL, LOTS, PRICE)
        assert (post.state, post.is_own) == (BlockState.POSTED, True)
        reply = await bob.counter_block(post.proposal_id, LOTS, 4_800)
        assert (reply.state, reply.post_id) == (BlockState.COUNTERED, post.proposal_id)
    await house.kill()
    await house.start()
    async with house.session("alice") as alice, house.session("bob") as bob:
        assert [(one.proposal_id, one.state, one.is_own) for one in await alice.block_status()] == [
            (post.proposal_id, BlockState.POSTED, True),
            (reply.proposal_id, BlockState.COUNTERED, False),
        ]
        with pytest.raises(OrderRejected, match="NOT_COUNTERPARTY"):
            await bob.accept_block(reply.proposal_id, LOTS, 4_800)
        back = await alice.counter_block(reply.proposal_id, LOTS, 4_850)
        assert (back.state, back.is_own) == (BlockState.COUNTERED, True)
    await house.kill()
    await house.start()
    async with house.session("alice", next_seq=1) as alice, house.session("bob") as bob:
        (open_one,) = await bob.block_status()
        assert (open_one.proposal_id, open_one.price_ticks, open_one.is_own) == (
            reply.proposal_id,
            4_850,
            False,
        )
        done = await bob.accept_block(reply.proposal_id, LOTS, 4_850)
        assert (done.state, done.trade_id) == (BlockState.TRADED, 1)
        events = await until(alice, is_in(BlockState.TRADED))
        (fill,) = [event for event in events if isinstance(event, Executed)]
        assert (fill.quantity_lots, fill.price_ticks, fill.order_id) == (LOTS, 4_850, reply.proposal_id)
        states = [event.state for event in events if isinstance(event, BlockUpdate) and event.is_own]
        # Each is in the stream once, whatever was killed; the second is the answer to the question.
        assert states == [
            BlockState.POSTED,
            BlockState.POSTED,
            BlockState.COUNTERED,
            BlockState.ANSWERED,
            BlockState.TRADED,
        ]
        assert await bob.block_status() == []
    await house.stop()
    # The journal says the same to whoever executes it again.
    (stopped,) = house.events("stopped")
    assert replay(house.directory).state_digest.hex() == stopped["digest"]


async def test_the_feed_has_posts_and_trades_and_leaves_the_prices_alone(house: House) -> None:
    await house.start()
    async with house.session("alice") as alice, house.session("bob") as bob:
        post = await alice.propose_block(EUA, Side.SELL, LOTS, PRICE)
        async with house.feed_wire() as wire:
            follower = Follower(wire)
            # Whoever comes later gets what is posted with the snapshot.
            await follower.subscribe(EUA)
            book = follower.books.books[EUA]
            (posted,) = book.block_posts.values()
            assert (posted.proposal_id, posted.quantity_lots) == (post.proposal_id, LOTS)
            assert posted.participant_id == 1
            assert book.block_phase is not None
            assert book.block_phase.phase is BlockPhase.OPEN
            reply = await bob.accept_block(post.proposal_id, LOTS, PRICE)
            assert reply.state is BlockState.ACCEPTED
            await alice.accept_block(reply.proposal_id, LOTS, PRICE)
            seen = await news_with(follower, KindStatistics)
            (trade,) = [message for message in seen if isinstance(message, Trade)]
            assert (trade.kind, trade.quantity_lots, trade.price_ticks) == (TradeKind.BLOCK, LOTS, PRICE)
            assert book.block_posts == {}
            (figures,) = [message for message in seen if isinstance(message, Statistics)]
            # The screen has neither its price nor its volume.
            assert (figures.open_price_ticks, figures.last_price_ticks) == (0, 0)
            assert (figures.volume_lots, figures.turnover_ticks_lots, figures.trade_count) == (0, 0, 0)
            assert book.sums_of(TradeKind.BLOCK) == (LOTS, LOTS * PRICE, 1)
            # The operator takes it back: both sides are told, and the figures of the day.
            async with house.wire("operator") as operator:
                operator.send(BustTrade(Ref(operator.accepted.last_ref + 1), trade.trade_id, "erroneous"))
                assert isinstance((await operator.reports(1))[0], Done)
            await until(alice, lambda event: isinstance(event, Busted))
            await news_with(follower, KindStatistics)
            assert book.sums_of(TradeKind.BLOCK) == (0, 0, 0)
    await house.stop()


async def test_a_command_that_is_sent_again_is_answered_and_does_nothing(house: House) -> None:
    await house.start()
    command = BlockPropose(Ref(1), EUA, Side.SELL, LOTS, PRICE, counterparty_account_id=BOB_ACCOUNT)
    async with house.wire("alice") as alice:
        alice.send(command)
        (offered,) = await alice.reports(1)
    await house.kill()
    await house.start()
    async with house.wire("alice") as alice, house.session("bob") as bob:
        alice.send(command)
        (again,) = await alice.reports(1)
        assert again.flags == ReportFlag.POSSIBLE_DUPLICATE
        assert (again.seq, again.proposal_id, again.state) == (
            offered.seq,
            offered.proposal_id,
            offered.state,
        )
        assert len(await bob.block_status()) == 1
    await house.stop()


async def test_offers_go_with_their_connection_but_for_those_that_are_kept(house: House) -> None:
    await house.start()
    async with house.session("bob") as bob:
        to_bob = {"counterparty_account_id": BOB_ACCOUNT}
        async with house.session("alice", cancel_on_disconnect=True) as alice:
            lost = await alice.propose_block(EUA, Side.SELL, LOTS, PRICE, **to_bob)
            keep = OrderFlag.KEEP_ON_DISCONNECT
            kept = await alice.propose_block(EUA, Side.SELL, LOTS, PRICE, flags=keep, **to_bob)
        *_, canceled = await until(bob, is_in(BlockState.CANCELED))
        assert (canceled.proposal_id, canceled.reason) == (lost.proposal_id, CancelReason.DISCONNECTED)
        assert [one.proposal_id for one in await bob.block_status()] == [kept.proposal_id]
        # Its colleague takes the other one back.
        async with house.session("alice-2") as colleague:
            await colleague.mass_cancel(MassCancelScope.ACCOUNT)
        *_, canceled = await until(bob, is_in(BlockState.CANCELED))
        assert (canceled.proposal_id, canceled.reason) == (kept.proposal_id, CancelReason.MASS_CANCEL)
    await house.stop()


async def test_an_operator_closes_blocks_and_a_copy_has_seen_it_all(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    await house.start()
    async with house.session("alice") as alice, house.session("bob") as bob:
        offered = await alice.propose_block(EUA, Side.SELL, LOTS, PRICE, counterparty_participant_id=2)
        await bob.counter_block(offered.proposal_id, LOTS, 4_800)
        operator = market.access(house.order_entry, "operator")
        await set_block_phase(operator, "EUA", BlockPhase.CLOSED, "rumours")
        assert capsys.readouterr().out.startswith("blocks of EUA are CLOSED since sequence ")
        await until(bob, is_in(BlockState.EXPIRED))
        for refused in (
            alice.propose_block(EUA, Side.SELL, LOTS, PRICE),
            alice.propose_block(CEA, Side.SELL, LOTS, PRICE),
        ):
            with pytest.raises(OrderRejected, match=r"NOT_IN_THIS_PHASE|MECHANISM_NOT_AVAILABLE"):
                await refused
        async with house.session("operator") as steering:
            await steering.set_block_phase(EUA, BlockPhase.AS_SCHEDULED)
        with pytest.raises(OrderRejected, match="BELOW_MINIMUM"):
            await alice.propose_block(EUA, Side.SELL, 99_999, PRICE)
        declined = await alice.propose_block(EUA, Side.BUY, LOTS, PRICE, counterparty_account_id=BOB_ACCOUNT)
        assert (await bob.decline_block(declined.proposal_id)).state is BlockState.DECLINED
        last = await alice.propose_block(EUA, Side.BUY, LOTS, PRICE)
        assert (await alice.withdraw_block(last.proposal_id)).state is BlockState.WITHDRAWN
        assert await alice.block_status() == []
    async with house.copy_wire(1) as copy:
        copies = [one for messages in await copy.settle() for one in messages]
    # Several sessions are told of what concerns Alice's account, and so is the copy by each.
    of_alice = [one.report for one in copies if one.session_id == ALICE]
    assert {report.account_id for report in of_alice if isinstance(report, BlockUpdate)} == {ALICE_ACCOUNT}
    states = [report.state for report in of_alice if isinstance(report, BlockUpdate)]
    assert states == [
        BlockState.OFFERED,
        BlockState.COUNTERED,
        BlockState.EXPIRED,
        BlockState.OFFERED,
        BlockState.DECLINED,
        BlockState.POSTED,
        BlockState.WITHDRAWN,
    ]
    await house.stop()


async def test_a_session_that_a_kill_has_cut_loses_its_offers_after_the_next_start(house: House) -> None:
    await house.start()
    async with house.wire("alice", cancel_on_disconnect=True) as alice:
        alice.send(BlockPropose(Ref(1), EUA, Side.SELL, LOTS, PRICE, counterparty_account_id=BOB_ACCOUNT))
        (offered,) = await alice.reports(1)
        await house.kill()
    await house.start()
    async with house.session("bob", next_seq=1) as bob:
        *_, canceled = await until(bob, is_in(BlockState.CANCELED))
        assert (canceled.proposal_id, canceled.reason) == (offered.proposal_id, CancelReason.DISCONNECTED)
    await house.stop()

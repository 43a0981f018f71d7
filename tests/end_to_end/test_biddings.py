"""Primary auctions through the real process: over TCP, over kills, and computed again by everyone."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from carbonmatch import auction_tools, journal_tools
from carbonmatch.client import OrderRejected, Session
from carbonmatch.client.admin_biddings import do, lines_of
from carbonmatch.client.errors import ClientError
from carbonmatch.matching.messages import (
    BiddingOutcome,
    BiddingRule,
    BiddingRules,
    BiddingState,
    BiddingTie,
    BidState,
    BidUpdate,
    CancelBidding,
    Executed,
    OrderId,
    Ref,
    RejectReason,
    Side,
    TradeKind,
)
from carbonmatch.protocol.messages import BiddingAnnouncement, BiddingResult, BiddingUpdate, Trade
from tests.end_to_end import market
from tests.end_to_end.following import FollowerProcess
from tests.end_to_end.market import ALICE, ALICE_ACCOUNT, CEA, EUA
from tests.end_to_end.running import Process
from tests.end_to_end.test_market_data import Follower
from tests.end_to_end.wire import SECONDS_MAX
from tests.test_cli import run

_HOUR_SECONDS = 3_600
_HOUR_NS = _HOUR_SECONDS * 10**9
_OVER = (BidState.ALLOTTED, BidState.NOT_ALLOTTED, BidState.CANCELLED)
# The venue's clock is ahead by as many seconds as a file has bytes: windows end when a test says so.
_CLOCK = (
    "import os, time; real = time.time_ns;"
    "time.time_ns = lambda: real() + os.stat(os.environ['CLOCK']).st_size * 10**9;"
)
# Two bids are told in an entry: what takes milliseconds with thousands of bids then takes several with three.
_SLOWLY = "import carbonmatch.matching.engine as engine; engine.ENTRY_AUCTION_ORDERS_MAX = 4;"
# Each takes a while, so that some are on the disk when the process is killed at the sixtieth.
_KILLED = (
    "import itertools, signal; from carbonmatch.matching.bidding import course;"
    "told, tell = itertools.count(1), course._tell_bid;"
    "course._tell_bid = lambda *about: "
    "(time.sleep(0.005), tell(*about)) if next(told) < 60 else os.kill(os.getpid(), signal.SIGKILL);"
)
_SERVE = "from carbonmatch.cli import main; main()"


class House(Process):
    """A venue whose EUA has biddings, and whose clock a test moves on."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        eua, cea = 'symbol = "EUA"', f"\n[[instruments]]\nid = {CEA}"
        assert self.text.index(eua) < self.text.index(cea)
        self.text = self.text.replace(cea, f'\n[instruments.bidding]\ntie = "seed"\n{cea}')
        self.program = ["-c", _CLOCK + _SERVE]
        self._clock = directory.with_suffix(".clock")
        self._clock.touch()
        self.environment["CLOCK"] = str(self._clock)

    def slowly(self, *, killed: bool) -> None:
        """Have the next start allot in small steps, and `killed` die in the middle of them."""
        self.program = ["-c", _CLOCK + _SLOWLY + (_KILLED if killed else "") + _SERVE]

    def move_on(self, seconds: int) -> None:
        os.truncate(self._clock, seconds)

    def now_ns(self) -> int:
        return time.time_ns() + self._clock.stat().st_size * 10**9


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Not started yet."""
    one = House(tmp_path / "journal")
    yield one
    one.clean_up()


async def announce(house: House, lots: int = 100, **fields: Any) -> OrderId:
    """Alice sells, for an hour from now on."""
    async with house.session("operator") as operator:
        return await operator.announce_bidding(
            EUA,
            Side.SELL,
            lots,
            session_id=ALICE,
            account_id=ALICE_ACCOUNT,
            reserve_price_ticks=7_000,
            closes_ns=house.now_ns() + _HOUR_NS,
            **fields,
        )


async def ended(house: House, name: str) -> list[Any]:
    """The whole stream of a session, up to what became of its bids; as many as it has entered."""
    reports: list[Any] = []
    async with asyncio.timeout(SECONDS_MAX), house.session(name, next_seq=1) as session:
        async for event in session.events():
            reports.append(event)
            entered = {one.bid_id for one in reports if isinstance(one, BidUpdate)}
            over = {one.bid_id for one in reports if isinstance(one, BidUpdate) and one.state in _OVER}
            if entered == over:
                break
    return reports


def outcomes(reports: Sequence[Any]) -> list[tuple[BidState, int, int]]:
    return [
        (one.state, one.allotted_lots, one.allotted_price_ticks)
        for one in reports
        if isinstance(one, BidUpdate) and one.state in _OVER
    ]


def fills(reports: Sequence[Any]) -> list[tuple[int, int]]:
    return [(one.price_ticks, one.quantity_lots) for one in reports if isinstance(one, Executed)]


def prove(house: House, bidding_id: OrderId) -> auction_tools.Inputs:
    """The journal is whole, gives the same again, and other code comes to the same."""
    journal_tools.verify(house.directory)
    journal_tools.replay(house.directory)
    inputs = auction_tools.inputs_of(house.directory, bidding_id)
    assert auction_tools.recompute(inputs) == []
    return inputs


async def test_a_killed_venue_goes_on_with_its_bids_and_their_bidders(house: House, tmp_path: Path) -> None:
    await house.start()
    bidding_id = await announce(house, text="spring")
    async with (
        house.session("bob", cancel_on_disconnect=True) as bob,
        house.session("carol") as carol,
        house.feed_wire() as wire,
    ):
        feed = Follower(wire)
        await feed.subscribe(EUA)
        (told,) = feed.books.books[EUA].biddings.values()
        assert (told.bidding_id, told.state, told.text) == (bidding_id, BiddingState.OPEN, "spring")
        feed.messages.clear()
        first = await bob.bid(bidding_id, 60, 7_100)
        second = await carol.bid(bidding_id, 60, 7_200)
        with pytest.raises(OrderRejected) as refused:
            await carol.bid(bidding_id, 10, 6_999)
        assert refused.value.reason is RejectReason.BELOW_RESERVE
        # Nobody hears of them.
        await feed.catch_up()
        assert feed.messages == []
    await house.kill()
    house.move_on(_HOUR_SECONDS // 2)
    await house.start()
    async with house.session("bob-2") as bob, house.feed_wire() as wire:
        # Another session of the same account, since the restart.
        changed = await bob.modify_bid(first.bid_id, 70, 7_050)
        assert (changed.bid_id, changed.quantity_lots) == (first.bid_id, 70)
        assert changed.priority > second.bid_id
        feed = Follower(wire)
        await feed.subscribe(EUA)
        assert list(feed.books.books[EUA].biddings) == [bidding_id]
        house.move_on(_HOUR_SECONDS)
        async with asyncio.timeout(SECONDS_MAX):
            while feed.books.books[EUA].bidding_result is None:
                await feed.catch_up()
        kinds = [
            type(one)
            for one in feed.messages
            if isinstance(one, BiddingAnnouncement | BiddingUpdate | BiddingResult | Trade)
        ]
        assert kinds[-4:] == [BiddingUpdate, Trade, Trade, BiddingResult]
        result = feed.books.books[EUA].bidding_result
        assert result is not None
        assert (result.outcome, result.price_ticks, result.rule) == (
            BiddingOutcome.SOLD,
            7_050,
            BiddingRule.PRICE,
        )
        assert {one.kind for one in feed.messages if isinstance(one, Trade)} == {TradeKind.BIDDING}
        assert feed.books.books[EUA].biddings == {}
        # Whoever joins now is told how it has ended.
        async with house.feed_wire() as late_wire:
            late = Follower(late_wire)
            await late.subscribe(EUA)
            again = late.books.books[EUA].bidding_result
            assert again is not None
            assert structs.replace(again, instrument_seq=result.instrument_seq) == result
        assert await lines_of(market.access(house.market_data, "feed")) == [
            f"bidding {bidding_id} EUA: sold; 100 of 100 lots at 70.50, decided by price; 2 of 2 bids, which "
            "asked for 130 lots"
        ]
    reports = {name: await ended(house, name) for name in ("bob", "carol", "alice")}
    assert {name: fills(one) for name, one in reports.items()} == {
        "bob": [(7_050, 40)],
        "carol": [(7_050, 60)],
        "alice": [(7_050, 60), (7_050, 40)],
    }
    assert outcomes(reports["bob"]) == [(BidState.ALLOTTED, 40, 7_050)]
    assert outcomes(reports["alice"]) == [(BidState.ALLOTTED, 100, 7_050)]
    assert await house.stop() == 0
    prove(house, bidding_id)
    await recompute_from_the_command_line(house, bidding_id, tmp_path)


async def recompute_from_the_command_line(house: House, bidding_id: OrderId, files: Path) -> None:
    """From the journal, from a file that is published, and from one that somebody has changed."""
    named, published = files / "named.json", files / "published.json"
    where = ("--directory", str(house.directory), "--bidding", str(bidding_id))
    done = run("auction", "recompute", *where, "--write", str(named))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"bidding {bidding_id} of EUA: match; sold, 100 of 100 lots at 7050 ticks" in done.stdout
    assert "account_id" in named.read_text()
    done = run("auction", "recompute", *where, "--write", str(published), "--anonymous")
    assert done.returncode == 0
    inputs = json.loads(published.read_text())
    assert [bid["account_id"] for bid in inputs["bids"]] == [None, None]
    done = run("auction", "recompute", "--inputs", str(published))
    assert done.returncode == 0
    assert ": match; " in done.stdout
    inputs["bids"][0]["price_ticks"] += 500
    published.write_text(json.dumps(inputs))
    done = run("auction", "recompute", "--inputs", str(published))
    assert done.returncode == 66
    assert ": differ; " in done.stdout
    assert "digest of the inputs" in done.stdout
    done = run("auction", "recompute", "--directory", str(house.directory), "--bidding", "1")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no bidding 1 was announced" in done.stderr
    done = run("auction", "recompute", "--inputs", str(house.directory.with_suffix(".toml")))
    assert done.returncode == 1
    assert "no inputs of a bidding" in done.stderr
    done = run("auction", "recompute", "--bidding", "1")
    assert done.returncode == 1
    assert "expected --directory and --bidding, or --inputs" in done.stderr


async def test_a_venue_that_was_down_when_the_window_ended_ends_it_at_its_start(house: House) -> None:
    await house.start()
    bidding_id = await announce(house, rules=BiddingRules(tie=BiddingTie.PRO_RATA))
    async with house.session("bob") as bob, house.session("carol") as carol:
        await bob.bid(bidding_id, 90, 7_000)
        await carol.bid(bidding_id, 90, 7_000)
    await house.kill()
    house.move_on(_HOUR_SECONDS)
    await house.start()
    assert outcomes(await ended(house, "bob")) == [(BidState.ALLOTTED, 50, 7_000)]
    assert outcomes(await ended(house, "carol")) == [(BidState.ALLOTTED, 50, 7_000)]
    assert await house.stop() == 0
    assert prove(house, bidding_id).rule == "pro_rata"


async def test_a_venue_that_starts_from_a_snapshot_has_the_bids_that_were_in_it(
    house: House, tmp_path: Path
) -> None:
    follower = FollowerProcess(house.directory, tmp_path / "follower.log")
    try:
        await house.start()
        bidding_id = await announce(house)
        async with house.session("bob") as bob, house.session("carol") as carol:
            first = await bob.bid(bidding_id, 70, 7_000)
            await follower.start()
            await follower.until("sequence", first.bid_id)
            # What it stops with is a snapshot.
            assert await follower.stop() == 0
            (written,) = follower.events("snapshot_written")
            assert written["sequence"] >= first.bid_id
            await carol.bid(bidding_id, 70, 7_001)
        await house.kill()
        await house.start()
        (recovered,) = house.events("recovered")
        assert recovered["snapshot_sequence"] == written["sequence"]
        house.move_on(_HOUR_SECONDS)
        assert outcomes(await ended(house, "bob")) == [(BidState.ALLOTTED, 30, 7_000)]
        assert outcomes(await ended(house, "carol")) == [(BidState.ALLOTTED, 70, 7_000)]
        # The feed goes on behind the snapshot as well.
        (line,) = await lines_of(market.access(house.market_data, "feed"))
        assert line.startswith(f"bidding {bidding_id} EUA: sold; 100 of 100 lots at 70.00")
        assert await house.stop() == 0
    finally:
        follower.clean_up()
    prove(house, bidding_id)


async def test_a_venue_that_is_killed_while_it_allots_goes_on_and_tells_everyone_once(house: House) -> None:
    house.slowly(killed=True)
    await house.start()
    bidding_id = await announce(house, lots=1_000)
    async with house.session("bob") as bob, house.session("carol") as carol:
        for _ in range(50):
            await bob.bid(bidding_id, 12, 7_000)
            await carol.bid(bidding_id, 12, 7_000)
    house.move_on(_HOUR_SECONDS)
    assert await house.wait() == -signal.SIGKILL
    assert auction_entries(house, bidding_id) < 50
    house.slowly(killed=False)
    await house.start()
    reports = {name: await ended(house, name) for name in ("bob", "carol", "alice")}
    assert sum(lots for _, lots in fills(reports["bob"]) + fills(reports["carol"])) == 1_000
    assert sum(lots for _, lots in fills(reports["alice"])) == 1_000
    assert len(outcomes(reports["bob"])) == len(outcomes(reports["carol"])) == 50
    for one in reports.values():
        assert [report.seq for report in one] == list(range(1, len(one) + 1))
    assert await house.stop() == 0
    assert prove_slowly(house, bidding_id) == "seed"


def auction_entries(house: House, bidding_id: OrderId) -> int:
    """Batches in which bids of the bidding were told how it has ended."""
    return sum(
        any(
            isinstance(report, BidUpdate) and report.state in _OVER and report.bidding_id == bidding_id
            for _, reports in batch.streams
            for report in reports
        )
        for batch in journal_tools.batches(house.directory)
    )


def prove_slowly(house: House, bidding_id: OrderId) -> str:
    """A replay here would allot in larger steps than the venue has, so only the result is compared."""
    journal_tools.verify(house.directory)
    inputs = auction_tools.inputs_of(house.directory, bidding_id)
    assert auction_tools.recompute(inputs) == []
    return inputs.rule


async def test_operators_announce_look_and_cancel_from_the_command_line(house: House) -> None:
    await house.start()
    key = house.directory.with_suffix(".key")
    key.write_text(market.private_key("operator").hex())
    key.chmod(0o600)
    access = market.access(house.order_entry, "operator")
    feed = market.access(house.market_data, "feed")
    where = ("--port", str(house.order_entry[1]), "--key-id", "operator", "--key-file", str(key))
    party = ("--session", "operator", "--party-session", str(ALICE))
    window = ("--opens", "2100-01-01T09:00Z", "--closes", "2100-01-01T11:00Z")
    rules = ("--tie", "pro-rata", "--pricing", "pay-as-bid", "--share-max-basis-points", "2500")

    done = await asyncio.to_thread(
        run,
        "admin",
        "announce-bidding",
        str(EUA),
        "500",
        *window,
        *rules,
        "--reserve-ticks",
        "6000",
        *where,
        *party,
    )
    assert (done.returncode, done.stderr) == (0, "")
    bidding_id = OrderId(int(done.stdout.split()[1]))
    assert await lines_of(feed) == [
        f"bidding {bidding_id} EUA: announced; one party sells 500 lots, reserve 60.00; "
        "2100-01-01T09:00:00.000000000Z to 2100-01-01T11:00:00.000000000Z"
    ]
    async with house.feed_wire() as wire:
        follower = Follower(wire)
        await follower.subscribe(EUA)
        told = follower.books.books[EUA].biddings[bidding_id].rules
    assert (told.tie, told.pricing, told.share_max_basis_points) == (BiddingTie.PRO_RATA, 2, 2_500)
    done = await asyncio.to_thread(
        run, "admin", "announce-bidding", str(CEA), "500", "--closes", window[3], *where, *party
    )
    assert done.returncode == 1
    assert "the instrument has no biddings: its configuration says so" in done.stderr
    done = await asyncio.to_thread(
        run, "admin", "announce-bidding", str(EUA), "1000000001", "--closes", window[3], *where, *party
    )
    assert done.returncode == 1
    assert "a bidding is of 1 to 1,000,000,000 lots" in done.stderr
    sequence = await do(access, CancelBidding(Ref(1), bidding_id, "postponed"))
    assert sequence > bidding_id
    with pytest.raises(ClientError, match="it is over"):
        await do(access, CancelBidding(Ref(1), bidding_id, "postponed"))
    assert await lines_of(feed) == [
        f"bidding {bidding_id} EUA: by_operator; 0 of 500 lots; 0 of 0 bids, which asked for 0 lots; "
        "postponed"
    ]
    assert await house.stop() == 0
    prove(house, bidding_id)


async def test_bidders_and_operators_do_only_what_is_theirs(house: House) -> None:
    await house.start()
    bidding_id = await announce(house)
    async with house.session("bob") as bob, house.session("operator") as operator:
        for session, call in (
            (bob, bob.cancel_bidding(bidding_id)),
            (operator, operator.bid(bidding_id, 1, 1)),
        ):
            with pytest.raises(Exception, match="NOT_ENTITLED"):
                await call
            assert isinstance(session, Session)
        update = await bob.bid(bidding_id, 10, 7_000)
        assert (await bob.withdraw_bid(update.bid_id)).state is BidState.WITHDRAWN
        with pytest.raises(OrderRejected) as refused:
            await bob.withdraw_bid(update.bid_id)
        assert refused.value.reason is RejectReason.UNKNOWN_BID
        assert await operator.cancel_bidding(bidding_id, "enough") > bidding_id
    # All of it is in the one segment that there is.
    with pytest.raises(auction_tools.NothingToRecompute, match="being written was left out"):
        auction_tools.inputs_of(house.directory, bidding_id, running=True)
    assert await house.stop() == 0

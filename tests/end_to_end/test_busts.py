"""Two trade, an operator takes it back: all who have seen the trade are told, and again after a restart."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from carbonmatch.client.admin_trades import bust, correct
from carbonmatch.client.errors import ClientError
from carbonmatch.journal.archive import WithArchive
from carbonmatch.matching.messages import (
    Busted,
    BustTrade,
    Corrected,
    CorrectTrade,
    Done,
    Executed,
    FoundTrade,
    NewOrder,
    Ref,
    Rejected,
    RejectReason,
    Side,
    TradeId,
    TradeSide,
    TradeStatus,
    TradeStatusRequest,
)
from carbonmatch.protocol.messages import (
    Logout,
    LogoutReason,
    SessionRejected,
    Statistics,
    Subscribe,
    TradeBust,
    TradeCorrection,
)
from carbonmatch.server.trade_search import Absence, TradeFinder
from tests.end_to_end import market
from tests.end_to_end.market import ALICE, ALICE_ACCOUNT, BOB, BOB_ACCOUNT, EUA
from tests.end_to_end.running import Addresses, Disk, Venue, eventually, running


def order(ref: int, side: Side, lots: int = 10, price: int = 7000) -> NewOrder:
    return NewOrder(Ref(ref), EUA, side, lots, price)


async def trade(venue: Addresses, count: int = 1) -> list[Executed]:
    """Bob's fills: he buys from Alice, each time one tick dearer."""
    fills: list[Executed] = []
    async with venue.wire("alice") as alice, venue.wire("bob") as bob:
        first = alice.accepted.last_ref + 1
        for number in range(count):
            alice.send(order(first + number, Side.SELL, price=7000 + number))
            await alice.reports(1)
            bob.send(order(bob.accepted.last_ref + 1 + number, Side.BUY, price=7000 + number))
            fills.append((await bob.reports(2))[1])
            await alice.reports(1)
    return fills


async def operate(venue: Addresses, *commands: Any) -> list[Any]:
    """The answers, one each; refs are given."""
    async with venue.wire("operator") as operator:
        answers = []
        for number, (kind, *fields) in enumerate(commands, operator.accepted.last_ref + 1):
            operator.send(kind(Ref(number), *fields))
            answers += await operator.reports(1)
        return answers


async def stream(venue: Addresses, name: str, next_seq: int = 1) -> list[Any]:
    async with venue.wire(name) as wire:
        end = wire.accepted.next_seq
    async with venue.wire(name, next_seq) as wire:
        return await wire.reports(end - next_seq)


async def test_everybody_who_has_seen_the_trade_is_told_that_it_never_was(tmp_path: Path) -> None:
    async with running(tmp_path) as venue:
        (fill,) = await trade(venue)
        async with venue.feed_wire() as feed:
            feed.send(Subscribe(Ref(1)))
            await feed.settle()
            (done,) = await operate(venue, (BustTrade, fill.trade_id, "erroneous"))
            assert isinstance(done, Done)
            told = [message for messages in await feed.settle() for message in messages]
        (bust,) = [one for one in told if isinstance(one, TradeBust)]
        assert (bust.trade_id, bust.price_ticks, bust.quantity_lots) == (fill.trade_id, 7000, 10)
        (figures,) = [one for one in told if isinstance(one, Statistics)]
        assert (figures.trade_count, figures.volume_lots, figures.last_price_ticks) == (0, 0, 0)
        before = {name: await stream(venue, name) for name in ("alice", "bob")}
        for name, account, side in (("alice", ALICE_ACCOUNT, Side.SELL), ("bob", BOB_ACCOUNT, Side.BUY)):
            busted = before[name][-1]
            assert isinstance(busted, Busted)
            assert (busted.trade_id, busted.account_id, busted.side) == (fill.trade_id, account, side)
            assert (busted.ref, busted.text, busted.traded_ns) == (0, "erroneous", fill.time_ns)
        async with venue.copy_wire(1) as copy:
            copies = await copy.reports(3)
        assert copies[-1].report == before["alice"][-1]
        assert copies[-1].session_id == ALICE
    async with running(tmp_path) as again:
        for name, reports in before.items():
            assert await stream(again, name) == reports
        async with again.copy_wire(1) as copy:
            assert await copy.reports(3) == copies
        (refused,) = await operate(again, (BustTrade, fill.trade_id, "again"))
        assert isinstance(refused, Rejected)
        assert refused.reason is RejectReason.ALREADY_BUSTED
        async with again.feed_wire() as feed:
            feed.send(Subscribe(Ref(1)))
            news = [message for messages in await feed.settle() for message in messages]
        assert next(one.trade_count for one in news if isinstance(one, Statistics)) == 0


async def test_a_correction_changes_what_stands_and_may_be_corrected_again(venue: Venue) -> None:
    first, second = await trade(venue, 2)
    async with venue.feed_wire() as feed:
        feed.send(Subscribe(Ref(1)))
        await feed.settle()
        await operate(
            venue,
            (CorrectTrade, second.trade_id, 6990, 4, "agreed"),
            (CorrectTrade, second.trade_id, 6995, 10, "agreed otherwise"),
        )
        told = [message for messages in await feed.settle() for message in messages]
    corrections = [one for one in told if isinstance(one, TradeCorrection)]
    assert [(one.price_before_ticks, one.quantity_before_lots) for one in corrections] == [
        (7001, 10),
        (6990, 4),
    ]
    figures = [one for one in told if isinstance(one, Statistics)][-1]
    assert (figures.high_price_ticks, figures.low_price_ticks, figures.last_price_ticks) == (7000, 6995, 6995)
    corrected = (await stream(venue, "bob"))[-1]
    assert isinstance(corrected, Corrected)
    assert (corrected.price_ticks, corrected.quantity_lots, corrected.text) == (6995, 10, "agreed otherwise")
    (status,) = await operate(venue, (TradeStatusRequest, second.trade_id))
    assert isinstance(status, TradeStatus)
    assert (status.price_ticks, status.quantity_lots) == (6995, 10)
    assert status.trade == FoundTrade(
        EUA,
        second.time_ns,
        7001,
        10,
        TradeSide(BOB, second.order_id, BOB_ACCOUNT),
        TradeSide(ALICE, status.trade.seller.order_id, ALICE_ACCOUNT),
    )
    assert first.trade_id in range(1, second.trade_id)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ((BustTrade, 0), RejectReason.UNKNOWN_TRADE),
        ((BustTrade, 2), RejectReason.UNKNOWN_TRADE),
        ((TradeStatusRequest, 2**53 - 1), RejectReason.UNKNOWN_TRADE),
        ((CorrectTrade, 1, 7000, 11), RejectReason.ABOVE_MAXIMUM),
        ((CorrectTrade, 1, 0, 10), RejectReason.INVALID_PRICE),
        ((CorrectTrade, 1, 7000, 0), RejectReason.INVALID_QUANTITY),
        ((CorrectTrade, 1, 7000, 10), RejectReason.NOT_AMENDABLE),
    ],
)
async def test_what_cannot_be_done_is_refused_with_its_reason(
    venue: Venue, command: tuple[Any, ...], reason: RejectReason
) -> None:
    await trade(venue)
    (rejected,) = await operate(venue, command)
    assert isinstance(rejected, Rejected)
    assert rejected.reason is reason


async def test_a_trader_may_not(venue: Venue) -> None:
    (fill,) = await trade(venue)
    async with venue.wire("bob") as bob:
        bob.send(BustTrade(Ref(9), fill.trade_id))
        (refused,) = [one for messages in await bob.settle() for one in messages]
    assert isinstance(refused, SessionRejected)
    assert refused.reason is RejectReason.NOT_ENTITLED


async def test_what_comes_behind_a_look_up_is_applied_behind_it(venue: Venue) -> None:
    """In one frame, and in frames that come while the journal is read."""
    fills = await trade(venue, 3)
    async with venue.wire("operator") as operator:
        first, second, third = (fill.trade_id for fill in fills)
        ref = operator.accepted.last_ref
        operator.send(
            BustTrade(Ref(ref + 1), first),
            TradeStatusRequest(Ref(ref + 2), first),
            BustTrade(Ref(ref + 3), first),
        )
        operator.send(BustTrade(Ref(ref + 4), second))
        operator.send(TradeStatusRequest(Ref(ref + 5), third), TradeStatusRequest(Ref(ref + 6), second))
        reports = await operator.reports(6)
    assert [report.ref for report in reports] == list(range(ref + 1, ref + 7))
    assert [type(report) for report in reports] == [
        Done, TradeStatus, Rejected, Done, TradeStatus, TradeStatus,
    ]  # fmt: skip
    assert [report.quantity_lots for report in reports if isinstance(report, TradeStatus)] == [0, 10, 0]


async def test_a_bust_that_is_repeated_is_answered_as_before(venue: Venue) -> None:
    (fill,) = await trade(venue)
    async with venue.wire("operator") as operator:
        command = BustTrade(Ref(operator.accepted.last_ref + 1), fill.trade_id)
        operator.send(command)
        (done,) = await operator.reports(1)
        operator.send(command)
        (again,) = [one for messages in await operator.settle() for one in messages]
    assert (again.ref, again.sequence) == (done.ref, done.sequence)
    assert len([one for one in await stream(venue, "bob") if isinstance(one, Busted)]) == 1


async def test_a_ref_that_comes_twice_in_a_frame_takes_back_the_trade_it_names_first(venue: Venue) -> None:
    fills = await trade(venue, 2)
    async with venue.wire("operator") as operator:
        ref = Ref(operator.accepted.last_ref + 1)
        operator.send(BustTrade(ref, fills[0].trade_id), TradeStatusRequest(ref, fills[1].trade_id))
        (done, *_) = await operator.reports(1)
        assert isinstance(done, Done)
    (busted,) = [one for one in await stream(venue, "bob") if isinstance(one, Busted)]
    told = (busted.trade_id, busted.order_id, busted.price_ticks, busted.traded_ns)
    assert told == (fills[0].trade_id, fills[0].order_id, fills[0].price_ticks, fills[0].time_ns)


async def test_the_answer_waits_for_the_disk(disk: Disk, venue: Venue) -> None:
    (fill,) = await trade(venue)
    async with venue.wire("operator") as operator, venue.wire("bob") as bob:
        with disk.held():
            operator.send(BustTrade(Ref(operator.accepted.last_ref + 1), fill.trade_id))
            assert await bob.settle() == []
        assert isinstance((await operator.reports(1))[0], Done)
        assert isinstance((await bob.reports(1))[0], Busted)


# --- while the journal is read -------------------------------------------------------------------


class Held:
    """Look-ups that a test lets go when it likes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.waiting: list[tuple[TradeId, Any]] = []
        monkeypatch.setattr(
            TradeFinder, "find", lambda _self, trade_id, done, _failed: self.waiting.append((trade_id, done))
        )


async def test_a_crash_between_look_up_and_journal_leaves_the_trade_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path / "data") as venue:
        (fill,) = await trade(venue)
        with monkeypatch.context() as patched:
            held = Held(patched)
            async with venue.wire("operator") as operator:
                operator.send(BustTrade(Ref(operator.accepted.last_ref + 1), fill.trade_id))
                await eventually(lambda: bool(held.waiting))
                crashed = venue.crash_copy(tmp_path / "crashed")
    async with running(crashed) as again:
        assert not [one for one in await stream(again, "bob") if isinstance(one, Busted)]
        (done,) = await operate(again, (BustTrade, fill.trade_id))
        assert isinstance(done, Done)


async def test_whoever_leaves_or_is_taken_over_while_it_is_looked_up_has_done_nothing(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    (fill,) = await trade(venue)
    with monkeypatch.context() as patched:
        held = Held(patched)
        async with venue.wire("operator") as first:
            ref = Ref(first.accepted.last_ref + 1)
            first.send(BustTrade(ref, fill.trade_id))
            await eventually(lambda: len(held.waiting) == 1)
            async with venue.wire("operator") as second:
                assert second.accepted.last_ref == ref - 1
                second.send(BustTrade(ref, fill.trade_id))
                await eventually(lambda: len(held.waiting) == 2)
        await eventually(lambda: not venue.order_entry_peers)
    for _, done in held.waiting:
        done(Absence.NEVER_WAS)
    (status,) = await operate(venue, (TradeStatusRequest, fill.trade_id))
    assert status.quantity_lots == 10
    assert status.ref == ref, "nothing of it was applied"


async def test_whoever_has_left_has_no_more_trades_looked_up(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    (fill,) = await trade(venue)
    with monkeypatch.context() as patched:
        held = Held(patched)
        async with venue.wire("operator") as operator:
            ref = operator.accepted.last_ref
            operator.send(*(TradeStatusRequest(Ref(ref + number), fill.trade_id) for number in range(1, 4)))
            await eventually(lambda: len(held.waiting) == 1)
        await eventually(lambda: not venue.order_entry_peers)
        ((_, done),) = held.waiting
        done(Absence.NEVER_WAS)
        assert len(held.waiting) == 1


async def test_a_bust_that_is_repeated_is_answered_without_a_look_up(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    (fill,) = await trade(venue)
    async with venue.wire("operator") as operator:
        command = BustTrade(Ref(operator.accepted.last_ref + 1), fill.trade_id)
        operator.send(command)
        (done,) = await operator.reports(1)
        with monkeypatch.context() as patched:
            held = Held(patched)
            operator.send(command)
            (again,) = await operator.reports(1)
        assert (again.ref, again.sequence, held.waiting) == (done.ref, done.sequence, [])


async def test_whoever_logs_out_in_the_same_frame_is_answered_first(venue: Venue) -> None:
    (fill,) = await trade(venue)
    async with venue.wire("operator") as operator:
        operator.send(BustTrade(Ref(operator.accepted.last_ref + 1), fill.trade_id), Logout())
        (done,) = await operator.reports(1)
        assert isinstance(done, Done)
        assert (await operator.goodbye()).reason is LogoutReason.REQUESTED


async def test_a_trade_in_an_archive_that_is_out_of_reach_is_no_refusal_of_the_market(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    (fill,) = await trade(venue)
    with monkeypatch.context() as patched:
        patched.setattr(TradeFinder, "find", lambda _self, _id, done, _failed: done(Absence.ARCHIVED))
        async with venue.wire("operator") as operator:
            ref = Ref(operator.accepted.last_ref + 1)
            operator.send(BustTrade(ref, fill.trade_id), TradeStatusRequest(Ref(ref + 1), TradeId(99)))
            refused, rejected = await operator.reports(2)
    assert isinstance(refused, SessionRejected)
    assert (refused.ref, refused.reason) == (ref, RejectReason.HISTORY_LOST)
    assert "follower.archive" in refused.text
    assert rejected.reason is RejectReason.UNKNOWN_TRADE
    (done,) = await operate(venue, (BustTrade, fill.trade_id))
    assert isinstance(done, Done)


async def test_the_archive_of_the_configuration_is_read_as_soon_as_it_is_there(tmp_path: Path) -> None:
    config = market.config(tmp_path / "data")
    archive = tmp_path / "archive"
    config = structs.replace(config, follower=structs.replace(config.follower, archive=str(archive)))
    async with running(tmp_path / "data", config=config) as venue:
        assert not isinstance(venue.service._whole_journal(), WithArchive)
        archive.mkdir()
        assert isinstance(venue.service._whole_journal(), WithArchive)
        (fill,) = await trade(venue)
        assert isinstance((await operate(venue, (BustTrade, fill.trade_id)))[0], Done)


# --- the command line ----------------------------------------------------------------------------


async def test_an_operator_sees_the_trade_before_it_is_busted(
    venue: Venue, capsys: pytest.CaptureFixture[str]
) -> None:
    (fill,) = await trade(venue)
    operator = market.access(venue.order_entry, "operator")
    await bust(operator, fill.trade_id, "why", lambda _: False, dry_run=True)
    shown = capsys.readouterr().out
    assert "traded     10 lots at 7000 ticks" in shown
    assert f"bought by  account {BOB_ACCOUNT}, order {fill.order_id} of session {BOB}" in shown
    assert f"sold by    account {ALICE_ACCOUNT}" in shown
    with pytest.raises(ClientError, match="nothing was done"):
        await bust(operator, fill.trade_id, "why", lambda _: False, dry_run=False)
    await correct(operator, fill.trade_id, 6990, None, "why", lambda _: True, dry_run=False)
    assert "trade 1 is 10 lots at 6990 ticks since sequence" in capsys.readouterr().out
    await bust(operator, fill.trade_id, "why", lambda _: True, dry_run=False)
    assert "stands     at 10 lots at 6990 ticks" in capsys.readouterr().out
    with pytest.raises(ClientError, match="it was busted before"):
        await bust(operator, fill.trade_id, "why", lambda _: True, dry_run=False)


@pytest.mark.parametrize(
    ("trade_id", "price", "lots", "words"),
    [
        (7, None, None, "there is no such trade"),
        (0, None, None, "there is no such trade"),
        (-1, None, None, "CorrectTrade.trade_id is -1: "),
        (1, 2**63, None, "CorrectTrade.price_ticks is 9223372036854775808: "),
        (1, None, 11, "larger than it was"),
        (1, None, 0, "bust it"),
        (1, 7000, 10, "nothing would change"),
    ],
)
async def test_what_is_refused_is_said_in_words(
    venue: Venue, trade_id: int, price: int | None, lots: int | None, words: str
) -> None:
    await trade(venue)
    operator = market.access(venue.order_entry, "operator")
    with pytest.raises(ClientError, match=words):
        await correct(operator, TradeId(trade_id), price, lots, "why", lambda _: True, dry_run=False)


async def test_a_frame_whose_trade_is_found_is_not_applied_once_its_session_is_another_connections(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one has been told the last ref, and may use the frame's for something else."""
    (fill,) = await trade(venue)
    found: list[Any] = []

    def later(_finder: TradeFinder, _trade_id: TradeId, done: Any, _failed: Any) -> None:
        found.append(done)

    monkeypatch.setattr(TradeFinder, "find", later)
    async with venue.wire("operator") as operator, venue.wire("carol") as carol:
        operator.send(BustTrade(Ref(1), fill.trade_id, "erroneous"))
        await eventually(lambda: bool(found))
        # Whoever was served last is served at once.
        carol.send(order(1, Side.BUY))
        await carol.reports(1)
        [peer] = [one for one in venue.order_entry_peers if one.look_up is not None]
        found[0](Absence.NEVER_WAS)
        # Woken, and before its turn comes:
        peer.give_up()
        await eventually(lambda: not peer.queued)
        assert peer.look_up is None
    assert venue.engine.sessions[market.OPERATOR].last_ref == 0

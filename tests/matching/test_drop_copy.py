"""Which reports a drop copy takes: those of its accounts, whatever happens to them, and no other."""

from collections.abc import Iterator, Sequence

import pytest

from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import (
    Accepted,
    AccountId,
    AnyReport,
    CopyChunk,
    CopyPart,
    DefineDropCopy,
    DefineSession,
    Entry,
    Executed,
    OnTrade,
    OrderStatus,
    Outputs,
    SessionId,
)
from carbonmatch.matching.state import digest, restore, snapshot
from tests.matching.market import ALICE, BOB, CAROL, TIME_NS, VENUE, Market, buy, cancel, sell
from tests.matching.worlds import seeded

COPIES = {SessionId(51): (11,), SessionId(52): (13, 14), SessionId(53): (11, 12, 13, 14)}


def define(engine: Engine, session_id: SessionId, *account_ids: int) -> None:
    command = DefineDropCopy(session_id, f"copy-{session_id}", tuple(map(AccountId, account_ids)))
    engine.apply(Entry(engine.sequence + 1, engine.time_ns, VENUE, [command]))


def picked(outputs: Outputs, copy: CopyChunk) -> Iterator[tuple[SessionId, AnyReport]]:
    """What the copy takes, stream by stream, bit by bit."""
    streams = {stream.session_id: stream.reports for stream in outputs.streams}
    for part in copy.parts:
        reports = streams[part.session_id]
        bits = "".join(f"{byte:08b}" for byte in part.picked) or "1" * len(reports)
        assert not part.picked or len(bits) - len(reports) in range(8)
        assert set(bits[len(reports) :]) <= {"0"}
        for bit, report in zip(bits, reports, strict=False):
            if bit == "1":
                yield part.session_id, report


def belongs(
    report: AnyReport, accounts: Sequence[int], shown: tuple[int, ...], owners: dict[int, int]
) -> bool:
    """`accounts`: of the session that was told."""
    order_id = getattr(report, "order_id", 0)
    if order_id:
        return owners[order_id] in shown
    return bool(accounts) and all(account in shown for account in accounts)


@pytest.mark.parametrize("seed", range(4))
def test_a_copy_takes_what_belongs_to_its_accounts(seed: int) -> None:
    engine = Engine()
    entries = seeded(seed, 3_000)
    engine.apply(next(entries))
    offset = len(COPIES)
    for session_id, accounts in COPIES.items():
        define(engine, session_id, *accounts)
    owners: dict[int, int] = {}
    next_seqs = dict.fromkeys(COPIES, 1)
    for number, entry in enumerate(entries):
        # The world's own venue has no copies, and with them other trades.
        commands = [
            OnTrade(command.command) if isinstance(command, OnTrade) else command
            for command in entry.commands
        ]
        engine.apply(Entry(entry.first_sequence + offset, entry.time_ns, entry.session_id, commands))
        if number % 3:
            continue
        outputs = engine.take_outputs()
        engine.check()
        reports = [(stream.session_id, report) for stream in outputs.streams for report in stream.reports]
        owners.update(
            (report.order_id, report.account_id)
            for _, report in reports
            if isinstance(report, Accepted | Executed | OrderStatus)
        )
        chosen = {copy.session_id: copy for copy in outputs.copies}
        assert list(chosen) == sorted(chosen)
        for session_id, accounts in COPIES.items():
            expected = [
                (one, report)
                for one, report in reports
                if belongs(report, engine.sessions[one].account_ids, accounts, owners)
            ]
            copy = chosen.get(session_id, CopyChunk(session_id, next_seqs[session_id], 0, []))
            assert list(picked(outputs, copy)) == expected
            assert (copy.first_seq, copy.count) == (next_seqs[session_id], len(expected))
            next_seqs[session_id] += copy.count
    assert min(next_seqs.values()) > 1_000


def test_a_venue_without_copies_has_none() -> None:
    assert Market().outputs(ALICE, buy(1, price=100)).copies == []


def test_a_stream_that_is_taken_whole_needs_no_bits() -> None:
    market = Market()
    define(market.engine, SessionId(9), 11)
    outputs = market.outputs(ALICE, buy(1, price=100), cancel(2, order_ref=99))
    assert outputs.copies == [CopyChunk(SessionId(9), 1, 2, [CopyPart(ALICE, b"")])]
    # Carol acts for another account too: her order for this one is copied, what she is refused is not.
    outputs = market.outputs(CAROL, buy(1, price=99), cancel(2, order_ref=99))
    assert outputs.copies == [CopyChunk(SessionId(9), 3, 1, [CopyPart(CAROL, b"\x80")])]
    assert market.outputs(BOB, buy(1, price=99)).copies == []


def test_an_order_stays_with_its_account_when_its_session_gets_another() -> None:
    market = Market()
    define(market.engine, SessionId(9), 11)
    market.outputs(ALICE, buy(1, price=100))
    market.outputs(VENUE, DefineSession(ALICE, "alice", (AccountId(12),)))
    (copy,) = market.outputs(BOB, sell(1, price=100)).copies
    assert copy == CopyChunk(SessionId(9), 2, 1, [CopyPart(ALICE, b"")])


def test_a_copy_that_shows_other_accounts_goes_on_with_its_numbers() -> None:
    market = Market()
    define(market.engine, SessionId(9), 11)
    market.outputs(ALICE, buy(1, price=100))
    market.outputs(BOB, buy(1, price=99))
    define(market.engine, SessionId(9), 13)
    # Bob's order is older than that, and known.
    (copy,) = market.outputs(BOB, cancel(2, order_ref=1)).copies
    assert copy == CopyChunk(SessionId(9), 2, 1, [CopyPart(BOB, b"")])
    assert market.outputs(ALICE, cancel(2, order_ref=1)).copies == []


def test_a_restored_engine_chooses_and_numbers_alike() -> None:
    market, other = Market(), Market()
    for each in (market, other):
        define(each.engine, SessionId(9), 11)
        each.outputs(CAROL, buy(1, price=100), buy(2, price=99))
    other.engine = restore(snapshot(other.engine))
    assert digest(other.engine) == digest(market.engine)
    for each in (market, other):
        (copy,) = each.outputs(BOB, sell(1, price=99, lots=25)).copies
        assert (copy.first_seq, copy.count) == (3, 2)
    assert digest(other.engine) == digest(market.engine)


def test_one_name_has_one_stream() -> None:
    market = Market()
    with pytest.raises(AssertionError, match="one name has one stream"):
        define(market.engine, ALICE, 11)
    market = Market()
    define(market.engine, SessionId(9), 11)
    with pytest.raises(AssertionError, match="one name has one stream"):
        market.engine.apply(
            Entry(market.engine.sequence + 1, TIME_NS, VENUE, [DefineSession(SessionId(9), "x", ())])
        )


def test_a_copy_of_two_accounts_knows_the_open_orders_of_both() -> None:
    market = Market()
    market.send(ALICE, buy(1, 99))
    market.send(BOB, sell(1, 101))
    define(market.engine, SessionId(51), 11, 13)
    market.engine.take_outputs()
    market.engine.check()
    outputs = market.outputs(ALICE, cancel(2, 1))
    assert [len(list(picked(outputs, copy))) for copy in outputs.copies] == [1]
    outputs = market.outputs(BOB, cancel(2, 1))
    assert [len(list(picked(outputs, copy))) for copy in outputs.copies] == [1]

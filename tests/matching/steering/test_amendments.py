"""The engine's part of changes of the configuration: definitions in one entry, what is kept, delisting."""

from typing import Any

import pytest
from msgspec import structs

from carbonmatch.limits import OUTCOME_LINES_MAX
from carbonmatch.matching import messages as m
from carbonmatch.matching import state
from carbonmatch.matching.messages import (
    AccountId,
    AmendedTable,
    AmendmentsRequest,
    ChangeTable,
    DefineAccount,
    DefineInstrument,
    DefineSession,
    DropAmendment,
    InstrumentId,
    OnAmendment,
    ParticipantId,
    Phase,
    PutTables,
    Ref,
    RemoveSession,
    SchedulePhase,
    SetPhase,
    TableAction,
    TableKind,
)
from tests.matching.market import (
    ALICE,
    BOB,
    CAROL,
    CEA,
    EUA,
    OPS,
    TIME_NS,
    VENUE,
    Market,
    buy,
    definition,
    sell,
)

KAU = InstrumentId(3)
PUT = PutTables(Ref(1), "[[keys]]")


@pytest.fixture
def market() -> Market:
    return Market()


def amend(ref: int, *definitions: Any, changes: tuple[AmendedTable, ...] = (), text: str = "") -> OnAmendment:
    return OnAmendment(PutTables(Ref(ref), "#", text), True, changes, definitions, ("it is so",))


def listed(instrument_id: InstrumentId = EUA, *, delisted: bool = False, **fields: Any) -> DefineInstrument:
    return DefineInstrument(structs.replace(definition(instrument_id, **fields), delisted=delisted))


def changed(kind: TableKind, name: str, table: str = "{}", of_file: bytes = b"") -> AmendedTable:
    return AmendedTable(kind, name, True, table, of_file)


# --- definitions -----------------------------------------------------------------------------------------


def test_all_that_follows_from_a_command_is_one_entry(market: Market) -> None:
    dora = m.SessionId(7)
    account = DefineAccount(AccountId(41), ParticipantId(4), "dora")
    session = DefineSession(dora, "dora", (AccountId(41),))
    assert market.send(OPS, amend(1, listed(KAU), account, session)) == ["ops 1: done: it is so"]
    order = structs.replace(buy(1, 100), instrument_id=KAU)
    assert [one.streams[0].reports[0].ref for one in [market.outputs(dora, order)]] == [1]


def test_what_does_not_fit_changes_nothing_and_is_told(market: Market) -> None:
    refused = OnAmendment(PUT, False, lines=("keys[0].id: missing",))
    before = state.snapshot(market.engine)
    assert market.send(OPS, refused) == ["ops 1: not done: keys[0].id: missing"]
    assert not market.engine.venue.amendments
    assert len(state.snapshot(market.engine)) == len(before)


@pytest.mark.parametrize("command", [amend(1), AmendmentsRequest(Ref(1))], ids=["change", "question"])
def test_only_operators_change_the_configuration(market: Market, command: m.AnyCommand) -> None:
    assert market.send(ALICE, command) == ["alice 1: rejected NOT_ENTITLED"]


def test_only_a_change_that_was_applied_is_told_to_who_acts_on_it(market: Market) -> None:
    assert market.outputs(OPS, amend(1)).amended
    assert not market.outputs(OPS, OnAmendment(PutTables(Ref(2), "#"), False)).amended


# --- what is kept ----------------------------------------------------------------------------------------


def test_a_change_is_kept_with_who_has_made_it_until_it_is_undone_or_overruled(market: Market) -> None:
    session, key = changed(TableKind.SESSION, "x", '{"id":7}', b"digest"), changed(TableKind.KEY, "x", "")
    market.send(OPS, amend(1, changes=(session, key), text="agreed"))
    asked = market.outputs(OPS, AmendmentsRequest(Ref(2))).streams[0].reports
    assert (
        [
            (one.kind, one.name, one.table, one.is_in_file, one.session_id, one.text, one.amended_ns)  # type: ignore[union-attr]
            for one in asked[:-1]
        ]
        == [
            (TableKind.SESSION, "x", '{"id":7}', True, OPS, "agreed", TIME_NS),
            (TableKind.KEY, "x", "", False, OPS, "agreed", TIME_NS),
        ]
    )
    undone = AmendedTable(TableKind.SESSION, "x", False)
    market.send(OPS, amend(3, changes=(undone,)))
    assert [*market.engine.venue.amendments] == [(TableKind.KEY, "x")]
    market.send(VENUE, DropAmendment(TableKind.KEY, "x"))
    assert market.send(OPS, AmendmentsRequest(Ref(4))) == ["ops 4: end of 0"]


def test_what_is_kept_comes_in_pages(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carbonmatch.matching.steering.amendments.AMENDMENTS_STATUS_MAX", 2)
    names = ("a", "b", "c")
    market.send(OPS, amend(1, changes=tuple(changed(TableKind.KEY, name) for name in names)))
    assert market.send(OPS, AmendmentsRequest(Ref(2)), AmendmentsRequest(Ref(3), TableKind.KEY, "b")) == [
        "ops 2: KEY a by 4: ",
        "ops 2: KEY b by 4: ",
        "ops 2: end of 2, more",
        "ops 3: KEY c by 4: ",
        "ops 3: end of 1",
    ]


def test_what_is_kept_is_part_of_the_state(market: Market) -> None:
    before = state.digest(market.engine)
    market.send(OPS, amend(1, listed(delisted=True), changes=(changed(TableKind.SESSION, "x", "", b"d"),)))
    saved = state.snapshot(market.engine)
    again = state.restore(saved)
    again.check()
    assert again.venue.amendments == market.engine.venue.amendments
    assert state.snapshot(again) == saved
    assert again.books[EUA].instrument.definition.delisted
    market.engine.venue.amendments.clear()
    assert state.digest_of(saved) not in (before, state.digest(market.engine))


# --- who trades ------------------------------------------------------------------------------------------


def test_orders_of_an_account_that_no_session_acts_for_any_more_go(market: Market) -> None:
    market.send(ALICE, buy(1, 100))
    market.send(CAROL, buy(1, 99), structs.replace(buy(2, 98), account_id=AccountId(12)))
    only_the_second = DefineSession(CAROL, "carol", (AccountId(12),))
    assert market.send(OPS, amend(1, only_the_second)) == ["ops 1: done: it is so"]
    assert market.send(OPS, amend(2, DefineSession(ALICE, "alice", ()))) == [
        "ops 2: done: it is so",
        "alice 0: canceled #1 1 SESSION_REMOVED",
        "carol 0: canceled #2 1 SESSION_REMOVED",
    ]
    assert market.bids() == ["1 in 1 @ 98"]


@pytest.mark.parametrize(
    ("line_count", "told", "named_max", "named"),
    [(1, 2, 6, "11, 12"), (OUTCOME_LINES_MAX, OUTCOME_LINES_MAX, 1, "11 and 1 more")],
)
def test_bids_of_such_an_account_that_the_entry_has_no_room_for_are_told_and_killed(
    line_count: int, told: int, named_max: int, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    market = Market(bidding=m.BiddingRules())
    market.send(VENUE, m.SetSeed(bytes(range(16))))
    bidding_id = m.OrderId(market.engine.sequence + 1)
    closes_ns = TIME_NS + 1_000
    market.send(OPS, m.AnnounceBidding(Ref(1), EUA, BOB, AccountId(13), m.Side.SELL, 100, 10, 0, closes_ns))
    market.send(CAROL, *(m.Bid(Ref(ref), bidding_id, 10, 12, AccountId(11)) for ref in range(1, 4)))
    market.send(CAROL, m.Bid(Ref(4), bidding_id, 10, 12, AccountId(12)))
    monkeypatch.setattr("carbonmatch.matching.engine.ENTRY_AUCTION_ORDERS_MAX", 4)
    monkeypatch.setattr("carbonmatch.matching.steering.amendments.ACCOUNTS_NAMED_MAX", named_max)
    sessions = (DefineSession(ALICE, "alice", ()), DefineSession(CAROL, "carol", ()))
    outputs = market.outputs(OPS, structs.replace(amend(2, *sessions), lines=("it is so",) * line_count))
    ((outcome,),) = (one.reports for one in outputs.streams if one.session_id == OPS)
    assert isinstance(outcome, m.Outcome)
    assert len(outcome.lines) == told
    assert outcome.lines[0] == f"no session acts for accounts of which bids are left, kill them: {named}"
    assert [bid.account.account_id for bid in market.engine.venue.biddings.bids.values()] == [11, 12]
    market.send(OPS, m.Kill(Ref(3), m.KillScope.ACCOUNT, 11), m.Kill(Ref(4), m.KillScope.ACCOUNT, 12))
    assert not market.engine.venue.biddings.bids


def test_bids_of_such_an_account_are_left_where_an_auction_has_taken_the_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    market = Market(bidding=m.BiddingRules())
    market.send(VENUE, m.SetSeed(bytes(range(16))))
    bidding_id = m.OrderId(market.engine.sequence + 1)
    closes_ns = TIME_NS + 10_000
    market.send(OPS, m.AnnounceBidding(Ref(1), EUA, ALICE, AccountId(11), m.Side.SELL, 100, 10, 0, closes_ns))
    market.send(BOB, m.Bid(Ref(1), bidding_id, 10, 12))
    market.send(VENUE, m.StartAuction(CEA, Phase.OPENING_AUCTION, TIME_NS + 100))
    market.send(ALICE, *(structs.replace(buy(ref, 100), instrument_id=CEA) for ref in range(1, 6)))
    market.send(BOB, structs.replace(sell(2, 100, 5), instrument_id=CEA))
    monkeypatch.setattr("carbonmatch.matching.engine.ENTRY_AUCTION_ORDERS_MAX", 3)
    market.time_ns += 200
    said = market.send(OPS, amend(2, DefineSession(BOB, "bob", ())))
    left = "no session acts for accounts of which bids are left, kill them: 13"
    assert [line for line in said if line.startswith("ops")] == [f"ops 2: done: {left}; it is so"]


def test_an_account_that_changes_hands_in_one_command_keeps_its_orders(market: Market) -> None:
    market.send(BOB, buy(1, 100))
    moved = (DefineSession(BOB, "bob", ()), DefineSession(ALICE, "alice", (AccountId(11), AccountId(13))))
    assert market.send(OPS, amend(1, *moved)) == ["ops 1: done: it is so"]


def test_a_session_that_is_removed_takes_its_orders_along(market: Market) -> None:
    market.send(BOB, buy(1, 100))
    assert market.send(OPS, amend(1, RemoveSession(BOB))) == [
        "ops 1: done: it is so",
        "bob 0: canceled #1 1 SESSION_REMOVED",
    ]


# --- listed or not ---------------------------------------------------------------------------------------


def test_a_delisted_instrument_loses_its_orders_and_is_closed(market: Market) -> None:
    market.send(ALICE, buy(1, 100), structs.replace(buy(2, 90), instrument_id=CEA))
    outputs = market.outputs(OPS, amend(1, listed(delisted=True)))
    assert [type(event).__name__ for event in outputs.public] == ["InstrumentDefined", "PhaseChanged"]
    assert outputs.public[0].definition.delisted  # type: ignore[union-attr]
    assert outputs.cancels == [m.CancelReason.DELISTED]
    assert market.engine.books[EUA].instrument.phase is Phase.CLOSED
    assert market.bids(CEA) == ["1 in 1 @ 90"]
    assert market.send(BOB, sell(1, 100)) == ["bob 1: rejected INSTRUMENT_DELISTED"]


def test_nothing_opens_it_but_its_listing(market: Market) -> None:
    market.send(OPS, amend(1, listed(delisted=True)))
    eua = market.engine.books[EUA].instrument
    assert market.send(OPS, SetPhase(Ref(2), EUA, Phase.CONTINUOUS), m.Resume(Ref(3), EUA)) == [
        "ops 2: rejected INSTRUMENT_DELISTED",
        "ops 3: rejected INSTRUMENT_DELISTED",
    ]
    market.send(OPS, SetPhase(Ref(4), InstrumentId(0), Phase.HALTED))
    assert eua.phase is Phase.CLOSED
    assert market.engine.books[CEA].instrument.phase is Phase.HALTED
    market.send(VENUE, SchedulePhase(EUA, Phase.CONTINUOUS, TIME_NS, TIME_NS + 9))
    assert eua.phase is Phase.CLOSED
    market.send(OPS, amend(5, listed()))
    assert market.engine.books[EUA].instrument.is_trading
    assert "accepted" in market.send(ALICE, buy(1, 100))[0]


def test_a_hold_whose_time_is_up_opens_nothing_that_is_delisted(market: Market) -> None:
    market.send(OPS, SetPhase(Ref(1), EUA, Phase.HALTED, "", TIME_NS + 5))
    market.send(OPS, amend(2, listed(delisted=True)))
    market.time_ns += 6
    market.send(VENUE, m.Resume(m.NO_REF, EUA))
    assert market.engine.books[EUA].instrument.phase is Phase.CLOSED
    assert not market.engine.venue.held_until_ns


def test_one_that_is_listed_again_is_where_an_operator_has_held_it(market: Market) -> None:
    market.send(OPS, SetPhase(Ref(1), EUA, Phase.HALTED))
    market.send(OPS, amend(2, listed(delisted=True)), amend(3, listed()))
    assert market.engine.books[EUA].instrument.phase is Phase.HALTED


def test_one_that_is_closed_is_not_closed_again_and_one_that_comes_delisted_is_closed(market: Market) -> None:
    market.send(OPS, SetPhase(Ref(1), EUA, Phase.CLOSED))
    outputs = market.outputs(OPS, amend(2, listed(delisted=True), listed(KAU, delisted=True)))
    assert [type(event).__name__ for event in outputs.public] == [
        "InstrumentDefined",
        "InstrumentDefined",
        "PhaseChanged",
    ]
    assert market.engine.books[KAU].instrument.phase is Phase.CLOSED
    again = market.outputs(OPS, amend(3, listed(delisted=True)))
    assert [type(event).__name__ for event in again.public] == ["InstrumentDefined"]


def test_an_auction_that_gathers_is_over_with_nothing_traded(market: Market) -> None:
    market.send(OPS, SetPhase(Ref(1), EUA, Phase.OPENING_AUCTION))
    market.send(ALICE, buy(1, 100))
    market.send(BOB, sell(1, 90))
    outputs = market.outputs(OPS, amend(2, listed(delisted=True)))
    assert outputs.cancels == 2 * [m.CancelReason.DELISTED]
    assert not [event for event in outputs.public if isinstance(event, m.Traded)]
    assert market.engine.books[EUA].instrument.phase is Phase.CLOSED


def test_blocks_and_biddings_of_a_delisted_instrument_are_refused(market: Market) -> None:
    market.send(OPS, amend(1, listed(delisted=True)))
    propose = m.BlockPropose(Ref(1), EUA, m.Side.BUY, 5, 100)
    announce = m.AnnounceBidding(Ref(2), EUA, ALICE, AccountId(0), m.Side.SELL, 5, 1, 2, 3)
    assert market.send(ALICE, propose) == ["alice 1: rejected INSTRUMENT_DELISTED"]
    assert market.send(OPS, announce) == ["ops 2: rejected INSTRUMENT_DELISTED"]
    elsewhere = structs.replace(propose, ref=Ref(2), instrument_id=CEA)
    assert market.send(ALICE, elsewhere) == ["alice 2: rejected MECHANISM_NOT_AVAILABLE"]
    nowhere = structs.replace(propose, ref=Ref(3), instrument_id=InstrumentId(9))
    assert market.send(ALICE, nowhere) == ["alice 3: rejected UNKNOWN_INSTRUMENT"]


def test_the_venues_own_definition_delists_and_lists_alike(market: Market) -> None:
    market.send(ALICE, buy(1, 100))
    assert market.send(VENUE, listed(delisted=True)) == ["alice 0: canceled #1 1 DELISTED"]
    market.send(VENUE, listed())
    assert market.engine.books[EUA].instrument.phase is Phase.CONTINUOUS


def test_a_change_of_something_else_says_nothing_of_the_listing(market: Market) -> None:
    market.send(ALICE, buy(1, 100))
    change = ChangeTable(Ref(1), TableKind.KEY, "x", TableAction.REMOVE)
    assert market.send(OPS, OnAmendment(change, True, (), (listed(),), ())) == ["ops 1: done: "]
    assert market.bids() == ["1 in 1 @ 100"]

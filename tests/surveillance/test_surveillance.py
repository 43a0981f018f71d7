"""Each pattern in a journal that has it, and in one that nearly has it; then the command itself."""

import json
from pathlib import Path
from typing import Any

import pytest

from carbonmatch import limits
from carbonmatch.journal.errors import JournalDamaged
from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import AccountId, OrderId, Phase, Side
from carbonmatch.surveillance import closing_marks
from carbonmatch.surveillance.command import main
from carbonmatch.surveillance.findings import Evidence, Finding, Kept
from carbonmatch.surveillance.report import page
from carbonmatch.surveillance.survey import Period, SurveillanceError, survey
from carbonmatch.surveillance.thresholds import Thresholds
from tests.matching.market import ALICE, BOB, CAROL, EUA, OPS, VENUE, definition
from tests.test_settlement import DAY_NS, LISTED, World

MINUTE_NS = 60 * 10**9
DAY, NEXT_DAY = "20231114", "20231115"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "journal")


def found(world: World, pattern: str, deadline: str = "", **thresholds: int) -> list[dict[str, Any]]:
    content = survey(world.directory, Period(), Thresholds(**thresholds), deadline)
    rows: list[dict[str, Any]] = content["findings"][pattern]
    return rows


def new(world: World, session: m.SessionId, side: Side, lots: int, price: int) -> OrderId:
    order_id = OrderId(world.venue.engine.sequence + 1)
    world.apply((session, [m.NewOrder(world.ref(session), EUA, side, lots, price)]))
    return order_id


def closed(world: World) -> None:
    world.apply((OPS, [m.SetPhase(world.ref(OPS), EUA, Phase.CLOSED)]))


# --- orders to trades -----------------------------------------------------------------------------


def test_many_messages_for_a_fill_are_found_for_account_participant_and_instrument(world: World) -> None:
    for _ in range(5):
        order_id = new(world, ALICE, Side.BUY, 1, 90)
        world.apply((ALICE, [m.Cancel(world.ref(ALICE), order_id=order_id)]))
    world.trade(100, 1)
    rows = found(world, "order_to_trade", ratio_min=11, ratio_messages_min=11)
    assert [row["words"] for row in rows] == [
        "account 11: 11 messages, 1 fills",
        "participant 1: 11 messages, 1 fills",
    ]
    assert order_id in rows[0]["orders"]
    rows = found(world, "order_to_trade", ratio_min=6, ratio_messages_min=12)
    assert [row["words"] for row in rows] == ["instrument 1: 12 messages, 2 fills"]


def test_a_message_less_is_no_finding(world: World) -> None:
    for _ in range(10):
        new(world, ALICE, Side.BUY, 1, 90)
    assert found(world, "order_to_trade", ratio_min=11, ratio_messages_min=1) == []
    assert found(world, "order_to_trade", ratio_min=1, ratio_messages_min=11) == []


# --- dealing with oneself -------------------------------------------------------------------------


def test_a_trade_prevented_between_accounts_of_one_participant_is_found(world: World) -> None:
    own = new(world, CAROL, Side.SELL, 5, 100)
    other = new(world, ALICE, Side.BUY, 3, 100)
    (row,) = found(world, "self_dealing")
    assert row["words"] == "participant 1: 0 trades of 0 lots with itself; 1 of 3 lots were prevented"
    assert row["orders"] == [other, own]


def test_a_block_between_accounts_of_one_group_is_found_and_says_that_it_was_busted(world: World) -> None:
    group = m.GroupId(7)
    world.apply(
        (
            VENUE,
            [
                m.DefineAccount(AccountId(12), m.ParticipantId(1), "alpha-2", group),
                m.DefineAccount(AccountId(13), m.ParticipantId(2), "beta", group),
            ],
        )
    )
    world.block(40, 200_000)
    world.bust(1)
    (row,) = found(world, "self_dealing")
    assert row["words"].startswith("group 7: 1 trades of 200000 lots")
    assert row["trades"] == [{"trade_id": 1, "state": "busted"}]
    assert {one["account_id"] for one in row["accounts"]} == {12, 13}


def test_a_selection_of_an_own_order_and_a_block_offered_to_oneself_are_found(world: World) -> None:
    own = OrderId(world.venue.engine.sequence + 1)
    world.apply((CAROL, [m.NewOrder(world.ref(CAROL), LISTED, Side.SELL, 5, 40)]))
    world.apply((ALICE, [m.Select(world.ref(ALICE), LISTED, Side.BUY, 5, own)]))
    offer = m.BlockPropose(
        world.ref(CAROL), LISTED, Side.SELL, 200_000, 40, counterparty_account_id=AccountId(11)
    )
    world.apply((CAROL, [offer]))
    (row,) = found(world, "self_dealing")
    assert row["words"] == "participant 1: 0 trades of 0 lots with itself; 2 of 200005 lots were prevented"
    assert row["orders"] == [own]
    assert {one["account_id"] for one in row["accounts"]} == {11, 12}


def test_trades_of_two_participants_without_a_group_are_none_with_oneself(world: World) -> None:
    world.trade()
    world.block(40, 200_000)
    assert found(world, "self_dealing") == []


# --- outlier quotes near the close ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("price", "lots", "minutes", "is_found"),
    [(1030, 100, 10, True), (1029, 100, 10, False), (1030, 101, 10, False), (1030, 100, 11, False)],
)
def test_a_small_order_far_from_the_opposite_best_before_the_close(
    world: World, price: int, lots: int, minutes: int, is_found: bool
) -> None:
    new(world, BOB, Side.SELL, 1_000, 1000)
    order_id = new(world, ALICE, Side.BUY, lots, price)
    world.time_ns += minutes * MINUTE_NS - 2_000
    closed(world)
    rows = found(world, "closing_mark")
    assert [row["orders"] for row in rows] == ([[order_id]] if is_found else [])
    if is_found:
        assert rows[0]["trades"] == [{"trade_id": 1, "state": ""}]
        assert "300 basis points from the opposite best" in rows[0]["words"]


def test_an_order_at_the_limit_of_the_band_is_found_and_one_tick_inside_is_not(world: World) -> None:
    world.apply((VENUE, [m.DefineInstrument(definition(EUA, band_low_ticks=90, band_high_ticks=110))]))
    order_id = new(world, ALICE, Side.BUY, 1, 90)
    new(world, ALICE, Side.BUY, 1, 91)
    closed(world)
    (row,) = found(world, "closing_mark")
    assert (row["orders"], row["accounts"][0]["account"]) == ([order_id], "alpha")


# --- blocks, then the screen ----------------------------------------------------------------------


def clips(world: World, lots: list[int], days: int = 0) -> None:
    world.block(40, 200_000)  # Bob buys it
    world.time_ns += days * DAY_NS
    for one in lots:
        world.listed(40, one)


def test_a_block_that_is_sold_on_the_screen_in_clips_is_found(world: World) -> None:
    clips(world, [20_000] * 5, days=4)
    (row,) = found(world, "block_then_screen")
    assert row["words"] == (
        "account 13 bought a block of 200000 lots (trade 1), then sold 100000 lots on the screen in 5 clips"
    )
    assert [one["trade_id"] for one in row["trades"]] == [1, 2, 3, 4, 5, 6]
    assert row["instrument"] == "I3"


def test_a_block_that_is_bought_back_on_the_screen_is_found(world: World) -> None:
    clips(world, [])
    for _ in range(5):  # Carol has sold it
        order = m.NewOrder(world.ref(BOB), LISTED, Side.SELL, 20_000, 40)
        world.apply((BOB, [order]), (CAROL, [m.Select(world.ref(CAROL), LISTED, Side.BUY, 20_000)]))
    words = [row["words"] for row in found(world, "block_then_screen")]
    assert any(one.startswith("account 12 sold a block of 200000 lots") for one in words)


@pytest.mark.parametrize(
    ("lots", "days"), [([20_001] * 5, 1), ([20_000] * 4 + [19_999], 1), ([20_000] * 5, 6)]
)
def test_larger_clips_too_few_lots_or_a_later_day_are_no_pattern(
    world: World, lots: list[int], days: int
) -> None:
    clips(world, lots, days)
    assert found(world, "block_then_screen") == []


# --- the deadline ---------------------------------------------------------------------------------


def test_volume_of_the_last_days_before_the_deadline_is_found_by_account(world: World) -> None:
    world.trade(100, 1_000)
    world.time_ns += 40 * DAY_NS
    world.trade(100, 1_000)
    rows = found(world, "deadline", "20231224")
    assert [row["words"] for row in rows] == [
        "account 11: 1000 of 2000 lots (5000 basis points) in the last 30 days",
        "account 13: 1000 of 2000 lots (5000 basis points) in the last 30 days",
    ]
    assert rows[0]["trades"] == [{"trade_id": 2, "state": ""}]


def test_a_corrected_trade_counts_before_the_deadline_as_it_stands(world: World) -> None:
    world.trade(100, 1_000)
    world.time_ns += 40 * DAY_NS
    world.trade(100, 1_000)
    world.correct(2, 100, 999)
    assert found(world, "deadline", "20231224", deadline_lots_min=1) == []


def test_the_day_after_the_deadline_is_not_before_it(world: World) -> None:
    world.trade(100, 1_000)
    assert len(found(world, "deadline", DAY)) == 2
    assert found(world, "deadline", "20231113") == []


# --- the period, the bounds, the report -----------------------------------------------------------


def test_only_the_period_counts(world: World) -> None:
    world.trade()
    world.time_ns += DAY_NS
    world.trade()

    def fills(first: str, last: str) -> int:
        content = survey(world.directory, Period(first, last), Thresholds())
        return sum(row["fills"] for row in content["ratios"]["instrument"])

    assert (fills(DAY, DAY), fills(NEXT_DAY, NEXT_DAY), fills("", "")) == (2, 2, 4)


@pytest.mark.parametrize(("first", "last"), [(NEXT_DAY, DAY), ("2023", ""), ("", "20231301")])
def test_a_wrong_period_is_refused(world: World, first: str, last: str) -> None:
    with pytest.raises(SurveillanceError):
        survey(world.directory, Period(first, last), Thresholds())


def test_the_worst_findings_are_kept_and_the_others_counted() -> None:
    kept = Kept(bound=2)
    for score in (1, 3, 2):
        kept.add(Finding("any", score, EUA, "", Evidence()))
    assert [finding.score for finding in kept.worst_first()] == [3, 2]
    assert kept.left_out == 1


def test_evidence_and_candidates_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    evidence = Evidence()
    for number in range(limits.SURVEILLANCE_EVIDENCE_MAX + 1):
        evidence.note(1, number, (), (), m.TradeId(number))
    assert (len(evidence.trades), evidence.trade_count) == (
        limits.SURVEILLANCE_EVIDENCE_MAX,
        limits.SURVEILLANCE_EVIDENCE_MAX + 1,
    )
    monkeypatch.setattr(closing_marks, "SURVEILLANCE_CANDIDATES_MAX", 2)
    new(world, BOB, Side.SELL, 1_000, 1000)
    for _ in range(3):
        new(world, ALICE, Side.BUY, 1, 500)
    closed(world)
    assert len(found(world, "closing_mark")) == 2


def test_the_command_writes_the_same_page_and_file_again_and_leaves_the_journal(
    world: World, tmp_path: Path
) -> None:
    clips(world, [20_000] * 5)
    before = {path.name: path.read_bytes() for path in world.directory.iterdir()}
    for out in ("one", "two"):
        main(directory=world.directory, out=tmp_path / out)
    assert {path.name: path.read_bytes() for path in world.directory.iterdir()} == before
    for name in ("surveillance.html", "surveillance.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    html = (tmp_path / "one" / "surveillance.html").read_text()
    assert "None of them says that anybody has done wrong" in html
    assert "account 13 bought a block" in html
    assert "<script" not in html
    content = json.loads((tmp_path / "one" / "surveillance.json").read_text())
    assert content["thresholds"]["block_days"] == 5


def test_a_report_does_not_go_into_the_journal(world: World) -> None:
    with pytest.raises(SurveillanceError):
        main(directory=world.directory, out=world.directory)


def test_names_are_text_in_the_page(world: World) -> None:
    clips(world, [20_000] * 5)
    content = survey(world.directory, Period(), Thresholds())
    content["findings"]["block_then_screen"][0]["accounts"][0]["account"] = "<b>beta"
    assert "&lt;b&gt;beta" in page(content)


def test_a_damaged_journal_is_refused(world: World) -> None:
    world.trade()
    world.trade()
    world.venue.stop(with_snapshot=False)
    file = min(world.directory.glob("*.cmj"))
    data = bytearray(file.read_bytes())
    data[300] ^= 1
    file.write_bytes(data)
    with pytest.raises(JournalDamaged):
        survey(world.directory, Period(), Thresholds())

"""What a block is refused for, each rule by itself; the worked examples of the national market."""

from typing import Any

import msgspec
import pytest
from msgspec import msgpack

from carbonmatch.limits import (
    ACCOUNT_ID_MAX,
    ACCOUNT_PROPOSALS_MAX,
    BLOCK_POSTED_BYTES_MAX,
    BLOCK_UPDATE_BYTES_MAX,
    CANCELED_BYTES_MAX,
    INSTRUMENT_ID_MAX,
    PRICE_TICKS_MAX,
    QUANTITY_LOTS_MAX,
    TIME_NS_MAX,
    VENUE_PROPOSALS_MAX,
    WIRE_INT_MAX,
)
from carbonmatch.matching import messages as m
from carbonmatch.matching.blocks.endings import cancel_offers, would_lose_offers
from carbonmatch.matching.blocks.rules import block_band
from carbonmatch.matching.messages import (
    AccountId,
    BandRounding,
    BlockBand,
    BlockPhase,
    BlockRules,
    InstrumentId,
    OrderFlag,
    ParticipantId,
    Phase,
    RejectReason,
    SelfTradeKey,
    SelfTradeRules,
)
from tests.matching.blocks.floor import (
    ALICE,
    ALPHA,
    ALPHA_2,
    BETA,
    BOB,
    BUY,
    DAVE,
    EUA,
    GAMMA,
    SELL,
    Floor,
    definition,
)
from tests.matching.market import CAROL, CEA, OPS, TIME_NS, VENUE, buy, sell

# CEA: at least 100,000 t, 30 % around the reference price (MEE Announcement 2021 No. 21; SEEE, 22 June 2021).
NATIONAL = BlockRules(
    quantity_min_lots=100_000,
    band=BlockBand.REFERENCE,
    band_up_basis_points=3_000,
    band_down_basis_points=3_000,
)
# Korea: 1,000 to 1,000,000 t inside of the day's band.
KOREAN = BlockRules(quantity_min_lots=1_000, quantity_max_lots=1_000_000)
# Hubei: fixed-price transfer of at least 10,000 t.
HUBEI = BlockRules(
    quantity_min_lots=10_000,
    band=BlockBand.REFERENCE,
    band_up_basis_points=3_000,
    band_down_basis_points=3_000,
)
POSTED = "POSTED"


def told(lines: list[str]) -> str:
    """Why it was refused, or the state of the proposal."""
    words = lines[0].partition(": ")[2].split()
    return words[{"rejected": 1, "executed": 0, "block": 2}[words[0]]]


def national(reference: int = 4_800) -> Floor:
    """The listed band is 10 % around the reference price: 43.20 to 52.80."""
    return Floor(NATIONAL, reference_price_ticks=reference, band_low_ticks=4_320, band_high_ticks=5_280)


@pytest.mark.parametrize(
    ("reference", "low", "high"),
    [(4_800, 3_360, 6_240), (5_123, 3_586, 6_660)],
)
def test_a_block_of_the_national_market_is_within_30_percent(reference: int, low: int, high: int) -> None:
    for price, expected in (
        (low - 1, "OUTSIDE_BAND"),
        (low, POSTED),
        (high, POSTED),
        (high + 1, "OUTSIDE_BAND"),
    ):
        assert told(national(reference).propose(lots=100_000, price=price)) == expected


def test_a_block_of_the_national_market_has_100000_tonnes() -> None:
    assert told(national().propose(lots=99_999, price=4_800)) == "BELOW_MINIMUM"
    assert told(national().propose(lots=100_000, price=4_800)) == POSTED


def test_blocks_of_the_national_market_are_negotiated_from_1300() -> None:
    floor = national()
    floor.send(VENUE, m.ScheduleBlock(EUA, Phase.CLOSED, TIME_NS - 1, TIME_NS + 10))
    # 10:00
    assert told(floor.propose(lots=100_000, price=4_800)) == "NOT_IN_THIS_PHASE"
    # 13:00
    floor.time_ns = TIME_NS + 10
    floor.send(VENUE, m.ScheduleBlock(EUA, Phase.CONTINUOUS, TIME_NS + 10, TIME_NS + 20))
    assert told(floor.propose(lots=100_000, price=4_800)) == POSTED


def test_a_korean_block_is_inside_of_the_band_of_the_day() -> None:
    def korean(lots: int, price: int) -> str:
        return told(Floor(KOREAN, band_low_ticks=90, band_high_ticks=110).propose(lots=lots, price=price))

    assert korean(999, 100) == "BELOW_MINIMUM"
    assert korean(1_000, 100) == POSTED
    assert korean(1_000_000, 110) == POSTED
    assert korean(1_000_001, 100) == "ABOVE_MAXIMUM"
    assert korean(1_000, 89) == "OUTSIDE_BAND"
    assert korean(1_000, 111) == "OUTSIDE_BAND"


def test_a_block_of_hubei_has_10000_tonnes() -> None:
    assert told(Floor(HUBEI).propose(lots=9_999)) == "BELOW_MINIMUM"
    assert told(Floor(HUBEI).propose(lots=10_000)) == POSTED


def test_a_block_above_a_size_has_any_price() -> None:
    """Shanghai: more than 500,000 t are free, others within 30 %."""
    rules = msgspec.structs.replace(NATIONAL, free_above_lots=500_000)
    floor = Floor(rules, reference_price_ticks=4_800)
    assert told(floor.propose(lots=500_000, price=10)) == "OUTSIDE_BAND"
    assert told(floor.propose(lots=500_001, price=10)) == POSTED


SHANGHAI = BlockRules(
    quantity_min_lots=100_000,
    band=BlockBand.DAY_CLOSE,
    band_up_basis_points=3_000,
    band_down_basis_points=3_000,
    free_above_lots=500_000,
)


def shanghai() -> Floor:
    return Floor(SHANGHAI, reference_price_ticks=4_000, prices=m.PriceRules())


def trade(floor: Floor, lots: int, price: int) -> None:
    """On the screen, between Alice and Bob, of which the vault knows nothing."""
    floor.engine.books[EUA].clearing = None
    floor.send(ALICE, sell(floor.ref(ALICE), price=price, lots=lots))
    floor.send(BOB, buy(floor.ref(BOB), price=price, lots=lots))


def band(floor: Floor) -> tuple[int, int]:
    book = floor.engine.books[EUA]
    assert book.blocks is not None
    return block_band(floor.engine.venue, book, book.blocks.rules)


def test_a_block_of_shanghai_is_within_30_percent_of_the_close_so_far() -> None:
    """100 t at 50.00 and 300 t at 52.00 are 51.50; a block of 200,000 t at 40.00 is no part of that."""
    floor = shanghai()
    assert band(floor) == (2_800, 5_200)
    trade(floor, 100, 5_000)
    trade(floor, 300, 5_200)
    assert band(floor) == (3_605, 6_695)
    # Another reference price is that of a day without trades.
    floor.send(OPS, m.SetBand(floor.ref(OPS), EUA, 9_000, 0, 0))
    assert band(floor) == (3_605, 6_695)
    assert told(floor.propose(lots=100_000, price=3_604)) == "OUTSIDE_BAND"
    assert told(floor.propose(lots=500_001, price=3_604)) == POSTED
    floor.offer(lots=200_000, price=4_000)
    number = max(floor.open())
    assert told(floor.accept(BOB, number, lots=200_000, price=4_000)) == "executed"
    assert band(floor) == (3_605, 6_695)


def test_what_the_close_so_far_is_does_not_depend_on_where_batches_end() -> None:
    for taken in (False, True):
        engine = shanghai().engine
        number = engine.sequence
        book = engine.books[EUA]
        book.clearing = None
        assert book.blocks is not None
        commands = [(ALICE, sell(1, price=5_000, lots=10)), (BOB, buy(1, price=5_000, lots=10))]
        commands += [(ALICE, sell(2, price=5_300, lots=10)), (BOB, buy(2, price=5_300, lots=10))]
        bands = []
        for session_id, command in commands:
            number += 1
            engine.apply(m.Entry(number, TIME_NS, session_id, [command]))
            if taken:
                engine.take_outputs()
            # Whoever asks in between changes nothing.
            bands.append(block_band(engine.venue, book, book.blocks.rules))
        assert bands == [(2_800, 5_200), *[(3_500, 6_500)] * 2, (3_605, 6_695)]
        engine.take_outputs()
        assert block_band(engine.venue, book, book.blocks.rules) == (3_605, 6_695)


def test_without_rules_for_a_close_the_base_is_the_reference_price() -> None:
    floor = Floor(SHANGHAI, reference_price_ticks=4_000)
    trade(floor, 100, 5_000)
    assert band(floor) == (2_800, 5_200)


def test_without_clearing_nobody_is_asked_for_means() -> None:
    floor = Floor()
    floor.engine.books[EUA].clearing = None
    floor.offer()
    assert told(floor.counter(BOB, 1)) == "COUNTERED"
    assert told(floor.accept(ALICE, 1, price=51)) == "executed"


def test_without_a_reference_price_there_is_no_band_around_it() -> None:
    assert told(Floor(NATIONAL).propose(lots=100_000, price=1)) == POSTED


def test_a_block_without_a_band_has_any_price() -> None:
    floor = Floor(BlockRules(band=BlockBand.NONE), band_low_ticks=90, band_high_ticks=110)
    assert told(floor.propose(price=1)) == POSTED
    assert told(floor.propose(price=PRICE_TICKS_MAX)) == POSTED


def test_a_band_may_be_rounded_inward() -> None:
    rules = BlockRules(
        band=BlockBand.REFERENCE,
        band_up_basis_points=1_000,
        band_down_basis_points=1_000,
        band_rounding=BandRounding.INWARD,
    )
    # 56.375 rounds up to 56.38, but not inward.
    floor = Floor(rules, reference_price_ticks=5_125)
    assert told(floor.propose(price=5_638)) == "OUTSIDE_BAND"
    assert told(floor.propose(price=5_637)) == POSTED


def refused(floor: Floor, **fields: Any) -> str:
    return told(floor.propose(**fields))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"account_id": BETA}, RejectReason.UNKNOWN_ACCOUNT),
        ({"flags": OrderFlag.POST_ONLY}, RejectReason.INCOMPATIBLE_INSTRUCTIONS),
        (
            {"counterparty_account_id": BETA, "counterparty_participant_id": ParticipantId(2)},
            RejectReason.INCOMPATIBLE_INSTRUCTIONS,
        ),
        ({"expires_ns": TIME_NS}, RejectReason.INVALID_EXPIRY),
        ({"counterparty_account_id": AccountId(99)}, RejectReason.UNKNOWN_COUNTERPARTY),
        ({"counterparty_participant_id": ParticipantId(99)}, RejectReason.UNKNOWN_COUNTERPARTY),
        ({"counterparty_account_id": ALPHA_2}, RejectReason.SELF_SELECTION),
        ({"counterparty_participant_id": ParticipantId(1)}, RejectReason.SELF_SELECTION),
        ({"lots": 0}, RejectReason.INVALID_QUANTITY),
        ({"lots": QUANTITY_LOTS_MAX + 1}, RejectReason.INVALID_QUANTITY),
        ({"lots": 15}, RejectReason.QUANTITY_INCREMENT),
        ({"lots": 10}, RejectReason.BELOW_MINIMUM),
        ({"lots": 510}, RejectReason.ABOVE_MAXIMUM),
        ({"price": 0}, RejectReason.INVALID_PRICE),
        ({"price": PRICE_TICKS_MAX + 1}, RejectReason.INVALID_PRICE),
        ({"price": 51}, RejectReason.PRICE_INCREMENT),
        ({"price": 38}, RejectReason.OUTSIDE_BAND),
    ],
    ids=str,
)
def test_what_a_proposal_is_refused_for(fields: dict[str, Any], reason: RejectReason) -> None:
    rules = BlockRules(quantity_min_lots=20, quantity_max_lots=500)
    floor = Floor(
        rules,
        price_increment_ticks=2,
        quantity_increment_lots=10,
        reference_price_ticks=50,
        band_low_ticks=40,
        band_high_ticks=60,
    )
    assert refused(floor, **fields) == reason.name
    assert not floor.open()
    assert not floor.locks()


def test_the_sizes_of_orders_are_not_those_of_blocks() -> None:
    floor = Floor(NATIONAL, quantity_min_lots=1, quantity_max_lots=99_999)
    assert told(floor.propose(lots=100_000)) == POSTED


def test_an_instrument_without_blocks_has_none() -> None:
    floor = Floor()
    for command in (
        m.BlockPropose(floor.ref(ALICE), CEA, SELL, 100, 50),
        m.BlockPropose(m.Ref(2), InstrumentId(9), SELL, 100, 50),
    ):
        expected = "MECHANISM_NOT_AVAILABLE" if command.instrument_id == CEA else "UNKNOWN_INSTRUMENT"
        assert told(floor.send(ALICE, command)) == expected


def test_an_instrument_may_have_no_posts_or_nothing_but_posts() -> None:
    assert refused(Floor(BlockRules(public_posts=False))) == "MECHANISM_NOT_AVAILABLE"
    floor = Floor(BlockRules(directed=False))
    assert told(floor.offer()) == "MECHANISM_NOT_AVAILABLE"
    assert told(floor.propose()) == POSTED


@pytest.mark.parametrize(
    ("phase", "reason"),
    [
        (Phase.HALTED, "HALTED"),
        (Phase.CANCEL_ONLY, "CANCEL_ONLY"),
        (Phase.CLOSED, "CLOSED"),
        (Phase.BREAK, POSTED),
        (Phase.PRE_OPEN, POSTED),
        (Phase.CLOSING_AUCTION, POSTED),
    ],
)
def test_the_phase_of_the_instrument_counts_as_well(phase: Phase, reason: str) -> None:
    floor = Floor()
    floor.send(OPS, m.SetPhase(floor.ref(OPS), EUA, phase))
    assert refused(floor) == reason


@pytest.mark.parametrize("phase", [BlockPhase.CLOSED, BlockPhase.BREAK])
def test_nothing_is_offered_or_accepted_while_blocks_are_not_open(phase: BlockPhase) -> None:
    floor = Floor()
    floor.offer()
    if phase is BlockPhase.BREAK:
        floor.send(OPS, m.SetBlockPhase(floor.ref(OPS), EUA, phase))
        assert told(floor.accept(BOB, 1)) == "NOT_IN_THIS_PHASE"
        assert told(floor.counter(BOB, 1)) == "NOT_IN_THIS_PHASE"
        assert told(floor.decline(BOB, 1)) == "DECLINED"
    else:
        floor.send(OPS, m.SetBlockPhase(floor.ref(OPS), EUA, phase))
    assert refused(floor) == "NOT_IN_THIS_PHASE"


def test_blocks_wait_while_an_auction_is_carried_out() -> None:
    floor = Floor()
    floor.offer(expires_ns=TIME_NS + 5)
    floor.engine.books[EUA].instrument.freeze(uncrossing=True)
    ref = floor.ref(BOB)
    floor.engine.apply(
        m.Entry(
            floor.engine.sequence + 1,
            TIME_NS,
            BOB,
            [
                m.BlockAccept(ref, floor.order_id(1), 100, 50),
                m.BlockDecline(m.Ref(ref + 1), floor.order_id(1)),
            ],
        )
    )
    reports = [report for chunk in floor.engine.take_outputs().streams for report in chunk.reports]
    assert [report.reason for report in reports if isinstance(report, m.Rejected)] == [RejectReason.FROZEN]
    assert not floor.open()


def test_an_acceptance_names_what_stands() -> None:
    floor = Floor()
    floor.offer()
    assert told(floor.accept(BOB, 1, lots=99)) == "TERMS_DIFFER"
    assert told(floor.accept(BOB, 1, price=49)) == "TERMS_DIFFER"
    # Countered while the acceptance was under way.
    floor.counter(BOB, 1, price=49)
    assert told(floor.accept(ALICE, 1, price=50)) == "TERMS_DIFFER"
    assert told(floor.accept(ALICE, 1, price=49)) == "executed"


def test_a_counter_says_something_else() -> None:
    floor = Floor()
    floor.offer()
    assert told(floor.counter(BOB, 1, price=50)) == "NOT_AMENDABLE"
    assert told(floor.counter(BOB, 1, lots=0)) == "INVALID_QUANTITY"
    assert told(floor.counter(BOB, 1, lots=99, price=50)) == "COUNTERED"


def test_what_is_accepted_is_held_to_the_band_of_the_moment() -> None:
    floor = Floor(band_low_ticks=40, band_high_ticks=60)
    floor.offer(price=60)
    floor.send(OPS, m.SetBand(floor.ref(OPS), EUA, 50, 40, 59))
    assert told(floor.accept(BOB, 1, price=60)) == "OUTSIDE_BAND"
    assert told(floor.counter(BOB, 1, price=59)) == "COUNTERED"


@pytest.mark.parametrize(
    ("key", "refuses"),
    [(SelfTradeKey.PARTICIPANT, True), (SelfTradeKey.ACCOUNT, False), (SelfTradeKey.GROUP, True)],
)
def test_nobody_trades_a_block_with_himself(key: SelfTradeKey, *, refuses: bool) -> None:
    """By the key of the instrument: Alice for 11, Carol for 12 of the same participant."""
    floor = Floor(self_trade=SelfTradeRules(key))
    floor.propose()
    expected = "SELF_SELECTION" if refuses else "ACCEPTED"
    assert told(floor.accept(CAROL, 1, account_id=ALPHA_2)) == expected
    assert told(floor.counter(CAROL, 1, account_id=ALPHA_2)) == ("SELF_SELECTION" if refuses else "COUNTERED")
    assert told(floor.offer(to=ALPHA_2)) == ("SELF_SELECTION" if refuses else "OFFERED")
    assert told(floor.offer(to=ALPHA)) == "SELF_SELECTION"


def test_a_group_over_firms_is_one_owner() -> None:
    floor = Floor(self_trade=SelfTradeRules(SelfTradeKey.GROUP))
    floor.offer(to=BETA)
    for account, participant in ((ALPHA, 1), (BETA, 2)):
        floor.send(VENUE, m.DefineAccount(account, ParticipantId(participant), "sisters", m.GroupId(5)))
    # They became one owner after the offer: what counts is the trade.
    assert told(floor.accept(BOB, 1)) == "SELF_SELECTION"


def test_a_session_of_both_sides_is_told_as_both() -> None:
    floor = Floor()
    floor.send(VENUE, m.DefineSession(DAVE, "dave", (GAMMA, BETA)))
    floor.propose(DAVE, counterparty_account_id=BETA)
    lines = floor.accept(DAVE, 2)
    assert [line for line in lines if line.startswith("dave")] == [
        "dave 2: executed #2 taker 100 @ 50, 0 left",
        "dave 0: executed #2 maker 100 @ 50, 0 left",
        "dave 0: block #2 TRADED sell 100 @ 50 own",
        "dave 2: block #2 TRADED buy 100 @ 50 theirs",
    ]


def test_an_account_has_so_many_offers() -> None:
    floor = Floor()
    for _ in range(ACCOUNT_PROPOSALS_MAX):
        assert told(floor.propose()) == POSTED
    assert refused(floor) == "PROPOSAL_LIMIT"
    assert told(floor.propose(CAROL, account_id=ALPHA_2)) == POSTED
    # What others offer to it does not count, and what it answers does.
    floor.offer(BOB, to=ALPHA)
    number = max(floor.open())
    assert told(floor.counter(ALICE, number)) == "PROPOSAL_LIMIT"
    floor.withdraw(ALICE, 1)
    assert told(floor.counter(ALICE, number)) == "COUNTERED"


def test_replies_count_for_who_replies() -> None:
    floor = Floor()
    for _ in range(ACCOUNT_PROPOSALS_MAX - 1):
        floor.propose(BOB)
    floor.propose(ALICE)
    post = max(floor.open())
    assert told(floor.accept(BOB, post)) == "ACCEPTED"
    assert told(floor.accept(BOB, post)) == "PROPOSAL_LIMIT"
    assert told(floor.counter(BOB, post)) == "PROPOSAL_LIMIT"


def test_who_answers_a_reply_makes_room_with_the_post() -> None:
    floor = Floor()
    for _ in range(ACCOUNT_PROPOSALS_MAX):
        floor.propose(ALICE)
    floor.accept(BOB, 1)
    reply = max(floor.open())
    assert told(floor.counter(ALICE, reply)) == "COUNTERED"


def test_the_venue_has_so_many_proposals(monkeypatch: pytest.MonkeyPatch) -> None:
    assert VENUE_PROPOSALS_MAX >= ACCOUNT_PROPOSALS_MAX
    monkeypatch.setattr("carbonmatch.matching.blocks.proposals.VENUE_PROPOSALS_MAX", 2)
    floor = Floor()
    floor.propose()
    floor.offer(BOB, to=GAMMA)
    assert refused(floor) == "PROPOSAL_LIMIT"
    assert told(floor.accept(BOB, 1)) == "PROPOSAL_LIMIT"
    # No proposal more than there are.
    assert told(floor.counter(DAVE, 2)) == "COUNTERED"


def test_clearing_has_its_say() -> None:
    floor = Floor()
    floor.vault.refuses[ALPHA] = RejectReason.OUTSIDE_COLLAR
    assert refused(floor) == "OUTSIDE_COLLAR"
    floor.propose(BOB)
    assert told(floor.accept(ALICE, 2)) == "OUTSIDE_COLLAR"
    assert told(floor.counter(ALICE, 2)) == "OUTSIDE_COLLAR"
    floor.offer(BOB, ALPHA, side=BUY)
    number = max(floor.open())
    assert told(floor.accept(ALICE, number)) == "OUTSIDE_COLLAR"
    assert floor.locks() == [(BETA, BUY, 100, 50), (BETA, SELL, 100, 50)]


def test_what_a_post_keeps_reserved_is_there_for_the_answer_to_a_reply() -> None:
    """A seller with 100 lots posts all of them, and still may counter or accept what comes."""
    floor = Floor()
    floor.vault.lots_max[ALPHA] = 100
    floor.propose()
    floor.counter(BOB, 1, price=45)
    assert told(floor.counter(ALICE, 2, lots=101, price=47)) == "NO_LIQUIDITY"
    assert floor.locks() == [(ALPHA, SELL, 100, 50), (BETA, BUY, 100, 45)]
    assert told(floor.counter(ALICE, 2, price=47)) == "COUNTERED"
    assert floor.locks() == [(ALPHA, SELL, 100, 47)]
    assert told(floor.accept(BOB, 2, price=47)) == "executed"
    assert floor.locks() == []
    assert floor.vault.settled == [(BETA, ALPHA, 100, 47)]


def test_the_definition_may_change_while_something_is_open() -> None:
    floor = Floor()
    floor.offer()
    floor.send(VENUE, m.DefineInstrument(definition(EUA, blocks=BlockRules(quantity_min_lots=200))))
    assert told(floor.accept(BOB, 1)) == "BELOW_MINIMUM"
    lines = floor.send(VENUE, m.DefineInstrument(definition(EUA)))
    assert "bob 0: block #1 EXPIRED buy 100 @ 50 theirs" in lines
    assert floor.engine.books[EUA].blocks is None


def test_a_participant_of_another_account_is_told_where_accounts_move() -> None:
    """Account 14 comes to be of participant 2, and Dave with it."""
    floor = Floor()
    floor.propose(counterparty_participant_id=ParticipantId(2))
    floor.send(VENUE, m.DefineAccount(GAMMA, ParticipantId(2), "gamma"))
    lines = floor.propose(counterparty_participant_id=ParticipantId(2))
    assert [line.partition(" ")[0] for line in lines] == ["alice", "carol", "bob", "dave"]


@pytest.mark.parametrize("account", [ALPHA, BETA])
def test_what_binds_an_account_may_be_taken_back(account: AccountId) -> None:
    floor = Floor()
    floor.propose()
    floor.accept(BOB, 1)
    venue = floor.engine.venue
    whose = floor.engine.accounts[account]
    cancel_offers(venue, m.CancelReason.REQUESTED, lambda proposal: proposal.bound_account is whose)
    # With the post its acceptance goes, with the acceptance nothing else.
    assert sorted(floor.open()) == ([] if account == ALPHA else [1])


def test_a_loss_is_one_where_there_is_something_to_lose() -> None:
    floor = Floor()
    venue, sessions = floor.engine.venue, floor.engine.sessions
    floor.offer(flags=OrderFlag.KEEP_ON_DISCONNECT)
    assert not would_lose_offers(venue, sessions[ALICE])
    floor.offer()
    assert would_lose_offers(venue, sessions[ALICE])
    assert not would_lose_offers(venue, sessions[BOB])


def test_what_is_told_of_blocks_fits_its_bounds() -> None:
    number, lots, price = WIRE_INT_MAX, QUANTITY_LOTS_MAX, PRICE_TICKS_MAX
    ids = InstrumentId(INSTRUMENT_ID_MAX), AccountId(ACCOUNT_ID_MAX), ParticipantId(ACCOUNT_ID_MAX)
    order, time_ns = m.OrderId(number), TIME_NS_MAX
    update = m.BlockUpdate(
        number,
        m.Ref(number),
        time_ns,
        3,
        order,
        m.BlockState.TRADED,
        ids[0],
        ids[1],
        SELL,
        lots,
        price,
        False,
        order,
        ids[1],
        ids[2],
        time_ns,
        18,
        m.TradeId(number),
    )
    posted = m.BlockPosted(ids[0], time_ns, order, SELL, price, lots, ids[2], time_ns)
    canceled = m.Canceled(number, m.Ref(number), time_ns, 3, order, lots, m.CancelReason.SESSION_REMOVED)
    bounds = {update: BLOCK_UPDATE_BYTES_MAX, posted: BLOCK_POSTED_BYTES_MAX, canceled: CANCELED_BYTES_MAX}
    for message, most in bounds.items():
        assert most - 12 < len(msgpack.encode(message)) <= most

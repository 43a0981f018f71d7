"""How blocks are negotiated: who is told what, who is bound, and how it ends."""

import msgspec
import pytest

from carbonmatch.limits import SIDE_SESSIONS_MAX, STATUS_ORDERS_MAX
from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import (
    BlockPhase,
    BlockRules,
    BlockUpdate,
    MassCancelScope,
    OrderFlag,
    ParticipantId,
    Phase,
    Ref,
    SessionId,
    Traded,
    TradeKind,
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
)
from tests.matching.market import CAROL, OPS, TIME_NS, VENUE
from tests.matching.market import buy as buy_order


def updates(outputs: m.Outputs, session_id: SessionId) -> list[BlockUpdate]:
    return [
        report
        for chunk in outputs.streams
        if chunk.session_id == session_id
        for report in chunk.reports
        if isinstance(report, BlockUpdate)
    ]


# --- one side to another ------------------------------------------------------------------------------


def test_both_sides_hear_of_every_turn_and_trade_what_both_have_confirmed() -> None:
    floor = Floor()
    assert floor.offer() == [
        "alice 1: block #1 OFFERED sell 100 @ 50 own",
        "carol 0: block #1 OFFERED sell 100 @ 50 own",
        "bob 0: block #1 OFFERED buy 100 @ 50 theirs",
    ]
    assert floor.counter(BOB, 1, lots=90, price=48) == [
        "bob 1: block #1 COUNTERED buy 90 @ 48 own",
        "alice 0: block #1 COUNTERED sell 90 @ 48 theirs",
        "carol 0: block #1 COUNTERED sell 90 @ 48 theirs",
    ]
    # Carol acts for the same account.
    assert floor.accept(CAROL, 1, lots=90, price=48) == [
        "carol 1: executed #1 taker 90 @ 48, 0 left",
        "carol 1: block #1 TRADED sell 90 @ 48 theirs",
        "bob 0: executed #1 maker 90 @ 48, 0 left",
        "bob 0: block #1 TRADED buy 90 @ 48 own",
        "alice 0: block #1 TRADED sell 90 @ 48 theirs",
    ]
    assert floor.public == [
        Traded(EUA, TIME_NS, m.TradeId(1), 48, 90, SELL, TradeKind.BLOCK),
    ]
    assert floor.vault.settled == [(BETA, ALPHA, 90, 48)]
    assert floor.open() == {}


def test_whoever_offers_is_bound_and_nobody_else() -> None:
    floor = Floor()
    floor.offer()
    assert floor.locks() == [(ALPHA, SELL, 100, 50)]
    floor.counter(BOB, 1, lots=90, price=48)
    assert floor.locks() == [(BETA, BUY, 90, 48)]
    floor.counter(ALICE, 1, lots=95, price=49)
    assert floor.locks() == [(ALPHA, SELL, 95, 49)]
    floor.decline(BOB, 1)
    assert floor.locks() == []


def test_any_account_of_a_participant_may_answer_what_is_proposed_to_it() -> None:
    floor = Floor()
    floor.send(VENUE, m.DefineSession(DAVE, "dave", (GAMMA, ALPHA_2)))
    lines = floor.propose(BOB, counterparty_participant_id=ParticipantId(1))
    assert lines == [
        "bob 1: block #2 OFFERED sell 100 @ 50 own",
        "alice 0: block #2 OFFERED buy 100 @ 50 theirs",
        "carol 0: block #2 OFFERED buy 100 @ 50 theirs",
        "dave 0: block #2 OFFERED buy 100 @ 50 theirs",
    ]
    assert floor.accept(DAVE, 2, account_id=GAMMA)[0] == "dave 1: rejected UNKNOWN_ACCOUNT"
    assert floor.accept(CAROL, 2, account_id=ALPHA_2)[0] == "carol 1: executed #2 taker 100 @ 50, 0 left"
    assert floor.vault.settled == [(ALPHA_2, BETA, 100, 50)]


def test_the_first_of_a_participant_to_answer_is_its_side_from_then_on() -> None:
    floor = Floor()
    outputs = floor.outputs(
        BOB,
        m.BlockPropose(Ref(1), EUA, SELL, 100, 50, counterparty_participant_id=ParticipantId(1)),
    )
    (seen,) = updates(outputs, ALICE)
    assert (seen.account_id, seen.counterparty_account_id, seen.is_own) == (0, BETA, False)
    assert floor.counter(CAROL, 1, account_id=ALPHA_2)[0] == "carol 1: block #1 COUNTERED buy 100 @ 51 own"
    # Alice has no part in account 12.
    assert floor.withdraw(ALICE, 1) == ["alice 1: rejected UNKNOWN_PROPOSAL"]
    assert floor.status(ALICE) == ["alice 2: end of 0"]
    assert floor.withdraw(CAROL, 1)[0] == "carol 2: block #1 WITHDRAWN buy 100 @ 51 own"


def test_a_participant_whose_accounts_have_become_another_ones_is_told_nothing_any_more() -> None:
    floor = Floor()
    floor.propose(counterparty_participant_id=ParticipantId(2))
    floor.send(VENUE, m.DefineAccount(BETA, ParticipantId(3), "beta"))
    assert floor.accept(BOB, 1) == ["bob 1: rejected UNKNOWN_PROPOSAL"]
    assert floor.withdraw(ALICE, 1) == [
        "alice 2: block #1 WITHDRAWN sell 100 @ 50 own",
        "carol 0: block #1 WITHDRAWN sell 100 @ 50 own",
    ]


def test_a_counterparty_without_sessions_is_told_nothing() -> None:
    floor = Floor()
    floor.send(VENUE, m.RemoveSession(BOB))
    assert floor.offer(to=BETA) == [
        "alice 1: block #2 OFFERED sell 100 @ 50 own",
        "carol 0: block #2 OFFERED sell 100 @ 50 own",
    ]


def test_a_side_is_told_through_so_many_sessions_and_through_the_one_that_acts() -> None:
    floor = Floor()
    last = SessionId(20 + SIDE_SESSIONS_MAX)
    for number in range(20, last + 1):
        floor.send(VENUE, m.DefineSession(SessionId(number), f"s{number}", (GAMMA,)))
    outputs = floor.outputs(ALICE, m.BlockPropose(Ref(1), EUA, SELL, 100, 50, counterparty_account_id=GAMMA))
    told = {chunk.session_id for chunk in outputs.streams}
    assert told == {ALICE, CAROL, DAVE, *range(20, 20 + SIDE_SESSIONS_MAX - 1)}
    proposal_id = updates(outputs, ALICE)[0].proposal_id
    outputs = floor.outputs(last, m.BlockCounter(Ref(1), proposal_id, 100, 51))
    told = {chunk.session_id for chunk in outputs.streams}
    assert told == {ALICE, CAROL, DAVE, *range(20, 20 + SIDE_SESSIONS_MAX - 1), last}


def test_who_has_posted_is_told_of_replies_though_others_are_told_for_its_side() -> None:
    floor = Floor()
    last = SessionId(19 + SIDE_SESSIONS_MAX)
    for number in range(20, last + 1):
        floor.send(VENUE, m.DefineSession(SessionId(number), f"s{number}", (GAMMA,)))
    outputs = floor.outputs(last, m.BlockPropose(Ref(1), EUA, SELL, 100, 50))
    proposal_id = updates(outputs, last)[0].proposal_id
    outputs = floor.outputs(BOB, m.BlockCounter(Ref(1), proposal_id, 100, 51))
    assert last in {chunk.session_id for chunk in outputs.streams}


# --- posts --------------------------------------------------------------------------------------------


def test_everyone_is_told_of_a_post_and_of_its_end() -> None:
    floor = Floor()
    floor.propose(expires_ns=TIME_NS + 9)
    number = floor.order_id(1)
    posted = m.BlockPosted(EUA, TIME_NS, number, SELL, 50, 100, ParticipantId(1), TIME_NS + 9)
    assert floor.public == [posted]
    floor.accept(BOB, 1)
    floor.counter(DAVE, 1)
    # What is between two sides, nobody else is told.
    assert floor.public == []
    floor.withdraw(ALICE, 1)
    gone = m.BlockPosted(EUA, TIME_NS, number, SELL, 50, 0, ParticipantId(1), TIME_NS + 9)
    assert floor.public == [gone]


def test_a_poster_chooses_among_those_who_reply() -> None:
    floor = Floor()
    floor.propose()
    floor.accept(BOB, 1)
    floor.counter(DAVE, 1, lots=100, price=53)
    assert floor.locks() == [(ALPHA, SELL, 100, 50), (BETA, BUY, 100, 50), (GAMMA, BUY, 100, 53)]
    assert floor.accept(ALICE, 3, price=53) == [
        "alice 2: executed #3 taker 100 @ 53, 0 left",
        "alice 2: block #3 TRADED sell 100 @ 53 theirs",
        "alice 0: block #1 ANSWERED sell 100 @ 50 own",
        "alice 0: block #2 DECLINED sell 100 @ 50 theirs",
        "dave 0: executed #3 maker 100 @ 53, 0 left",
        "dave 0: block #3 TRADED buy 100 @ 53 own",
        "carol 0: block #3 TRADED sell 100 @ 53 theirs",
        "carol 0: block #1 ANSWERED sell 100 @ 50 own",
        "carol 0: block #2 DECLINED sell 100 @ 50 theirs",
        "bob 0: block #2 DECLINED buy 100 @ 50 own",
    ]
    assert [type(event) for event in floor.public] == [Traded, m.BlockPosted]
    assert floor.locks() == []


def test_a_poster_who_counters_goes_on_with_one() -> None:
    floor = Floor()
    floor.propose()
    floor.accept(BOB, 1)
    floor.counter(DAVE, 1, price=45)
    floor.counter(ALICE, 3, price=48)
    assert floor.open() == {3: m.BlockState.COUNTERED}
    assert floor.locks() == [(ALPHA, SELL, 100, 48)]
    # It says where it came from, and outlives the post.
    assert floor.accept(DAVE, 3, price=48)[0] == "dave 2: executed #3 taker 100 @ 48, 0 left"


def test_a_declined_reply_leaves_the_post_to_others() -> None:
    floor = Floor()
    floor.propose()
    floor.accept(BOB, 1)
    assert floor.decline(ALICE, 2) == [
        "alice 2: block #2 DECLINED sell 100 @ 50 theirs",
        "bob 0: block #2 DECLINED buy 100 @ 50 own",
        "carol 0: block #2 DECLINED sell 100 @ 50 theirs",
    ]
    assert floor.public == []
    assert floor.accept(DAVE, 1)[0] == "dave 1: block #4 ACCEPTED buy 100 @ 50 own"


def test_where_the_rule_asks_for_no_confirmation_an_acceptance_trades() -> None:
    floor = Floor(BlockRules(confirm_both=False))
    floor.propose()
    floor.counter(DAVE, 1, price=40)
    assert floor.accept(BOB, 1) == [
        "bob 1: executed #1 taker 100 @ 50, 0 left",
        "bob 1: block #1 TRADED buy 100 @ 50 theirs",
        "alice 0: executed #1 maker 100 @ 50, 0 left",
        "alice 0: block #1 TRADED sell 100 @ 50 own",
        "alice 0: block #2 DECLINED sell 100 @ 40 theirs",
        "carol 0: block #1 TRADED sell 100 @ 50 own",
        "carol 0: block #2 DECLINED sell 100 @ 40 theirs",
        "dave 0: block #2 DECLINED buy 100 @ 40 own",
    ]
    assert [getattr(event, "quantity_lots", None) for event in floor.public] == [100, 0]
    assert floor.locks() == []


@pytest.mark.parametrize("anonymous", [False, True])
def test_who_the_sides_are_is_told_before_the_trade_or_with_it(*, anonymous: bool) -> None:
    floor = Floor(BlockRules(anonymous=anonymous))
    floor.propose()
    (posted,) = floor.public
    assert isinstance(posted, m.BlockPosted)
    assert posted.participant_id == (0 if anonymous else 1)
    outputs = floor.outputs(BOB, m.BlockCounter(Ref(1), floor.order_id(1), 100, 45))
    nobody, alpha, beta = (0, 0), (ALPHA, 1), (BETA, 2)

    def told(outputs: m.Outputs, session_id: SessionId) -> tuple[int, int]:
        update = updates(outputs, session_id)[0]
        return update.counterparty_account_id, update.counterparty_participant_id

    assert told(outputs, BOB) == (nobody if anonymous else alpha)
    assert told(outputs, ALICE) == (nobody if anonymous else beta)
    assert updates(outputs, BOB)[0].post_id == floor.order_id(1)
    # The post is gone, and who is who is still nobody's business.
    outputs = floor.outputs(ALICE, m.BlockCounter(Ref(2), floor.order_id(2), 100, 47))
    assert told(outputs, BOB) == (nobody if anonymous else alpha)
    outputs = floor.outputs(BOB, m.BlockAccept(Ref(2), floor.order_id(2), 100, 47))
    assert (told(outputs, BOB), told(outputs, ALICE)) == (alpha, beta)


def test_whoever_is_named_is_told_from_the_beginning() -> None:
    floor = Floor(BlockRules(anonymous=True))
    outputs = floor.outputs(ALICE, m.BlockPropose(Ref(1), EUA, SELL, 100, 50, counterparty_account_id=BETA))
    assert updates(outputs, BOB)[0].counterparty_account_id == ALPHA


# --- how long -----------------------------------------------------------------------------------------


def test_an_offer_ends_at_the_earlier_of_its_time_and_the_longest() -> None:
    floor = Floor(BlockRules(ttl_ns=100))
    for expires_ns in (0, TIME_NS + 50, TIME_NS + 200):
        outputs = floor.outputs(
            ALICE, m.BlockPropose(floor.ref(ALICE), EUA, SELL, 100, 50, expires_ns=expires_ns)
        )
        ends_ns = min(expires_ns or TIME_NS + 100, TIME_NS + 100)
        assert updates(outputs, ALICE)[0].expires_ns == ends_ns


def test_what_is_due_goes_before_it_could_be_accepted() -> None:
    floor = Floor()
    floor.offer(expires_ns=TIME_NS + 10)
    floor.time_ns = TIME_NS + 9
    assert not floor.engine.is_due(floor.time_ns)
    floor.time_ns = TIME_NS + 10
    assert floor.engine.is_due(floor.time_ns)
    assert floor.accept(BOB, 1) == [
        "bob 0: block #1 EXPIRED buy 100 @ 50 theirs",
        "bob 1: rejected UNKNOWN_PROPOSAL",
        "alice 0: block #1 EXPIRED sell 100 @ 50 own",
        "carol 0: block #1 EXPIRED sell 100 @ 50 own",
    ]
    assert not floor.engine.is_due(floor.time_ns)


def test_a_counter_has_its_own_time() -> None:
    floor = Floor(BlockRules(ttl_ns=100))
    floor.offer()
    floor.time_ns += 60
    floor.counter(BOB, 1)
    floor.time_ns += 60
    assert floor.open() == {1: m.BlockState.COUNTERED}
    floor.send(VENUE, m.TimePassed())
    assert floor.open() == {1: m.BlockState.COUNTERED}
    floor.time_ns += 40
    floor.send(VENUE, m.TimePassed())
    assert floor.open() == {}


def test_a_post_takes_its_replies_along_when_its_time_is_up() -> None:
    floor = Floor()
    floor.propose(expires_ns=TIME_NS + 10)
    floor.accept(BOB, 1)
    floor.time_ns += 10
    assert "bob 0: block #2 EXPIRED buy 100 @ 50 own" in floor.send(VENUE, m.TimePassed())
    assert floor.locks() == []


def test_the_alarm_is_that_of_the_next_offer_that_ends() -> None:
    floor = Floor()
    floor.offer(expires_ns=TIME_NS + 10)
    floor.offer(expires_ns=TIME_NS + 20)
    floor.withdraw(ALICE, 1)
    assert not floor.engine.is_due(TIME_NS + 10)
    assert floor.engine.is_due(TIME_NS + 20)


# --- who takes back what ------------------------------------------------------------------------------


def test_a_mass_cancel_takes_back_offers_by_its_filters() -> None:
    floor = Floor()
    floor.offer(side=SELL)  # 1
    floor.offer(side=BUY)  # 2
    floor.offer(CAROL, side=BUY)  # 3
    floor.offer(CAROL, to=GAMMA, account_id=ALPHA_2)  # 4
    floor.offer(BOB, to=ALPHA)  # 5
    floor.send(ALICE, buy_order(floor.ref(ALICE), price=10))  # 6

    assert (
        "mass canceled 0"
        in floor.send(
            ALICE, m.MassCancel(floor.ref(ALICE), MassCancelScope.ACCOUNT, instrument_id=m.InstrumentId(2))
        )[0]
    )
    lines = floor.send(ALICE, m.MassCancel(floor.ref(ALICE), MassCancelScope.SESSION, side=SELL))
    assert lines[0] == "alice 5: block #1 CANCELED sell 100 @ 50 own MASS_CANCEL"
    assert "alice 5: mass canceled 1" in lines
    lines = floor.send(ALICE, m.MassCancel(floor.ref(ALICE), MassCancelScope.ACCOUNT, account_id=ALPHA))
    # What Carol has offered for the same account is no answer to Alice.
    assert "alice 0: block #3 CANCELED buy 100 @ 50 own MASS_CANCEL" in lines
    assert "carol 0: block #3 CANCELED buy 100 @ 50 own MASS_CANCEL" in lines
    assert "alice 6: mass canceled 3" in lines
    assert sorted(floor.open()) == [4, 5]
    floor.send(CAROL, m.MassCancel(floor.ref(CAROL), MassCancelScope.SESSION, account_id=ALPHA_2))
    assert sorted(floor.open()) == [5]


def test_a_mass_cancel_of_a_post_and_a_reply_to_it_counts_what_it_took_back() -> None:
    """Carol acts for both sides: with the post its reply is declined, and not cancelled a second time."""
    floor = Floor()
    floor.send(VENUE, m.DefineSession(CAROL, "carol", (ALPHA, GAMMA)))
    floor.propose(CAROL)
    floor.accept(CAROL, 2, account_id=GAMMA)
    lines = floor.send(CAROL, m.MassCancel(floor.ref(CAROL), MassCancelScope.SESSION))
    assert "carol 3: mass canceled 1" in lines
    assert floor.open() == {}


def test_what_is_to_be_kept_is_kept_when_its_session_is_lost() -> None:
    floor = Floor()
    floor.offer()
    floor.offer(flags=OrderFlag.KEEP_ON_DISCONNECT)
    floor.offer(CAROL)
    lines = floor.send(VENUE, m.SessionLost(ALICE))
    assert "bob 0: block #1 CANCELED buy 100 @ 50 theirs DISCONNECTED" in lines
    assert sorted(floor.open()) == [2, 3]
    # A removed session asks for nothing any more. Whoever counts what goes is told the reason.
    assert floor.outputs(VENUE, m.RemoveSession(ALICE)).cancels == [m.CancelReason.SESSION_REMOVED]
    assert sorted(floor.open()) == [3]


def test_a_colleague_withdraws_what_somebody_else_has_offered() -> None:
    floor = Floor()
    floor.offer()
    assert floor.withdraw(CAROL, 1) == [
        "carol 1: block #1 WITHDRAWN sell 100 @ 50 own",
        "alice 0: block #1 WITHDRAWN sell 100 @ 50 own",
        "bob 0: block #1 WITHDRAWN buy 100 @ 50 theirs",
    ]


def test_what_was_offered_to_a_removed_session_is_there_for_the_next_one() -> None:
    floor = Floor()
    floor.offer(to=BETA)
    floor.send(VENUE, m.RemoveSession(BOB))
    floor.send(VENUE, m.DefineSession(DAVE, "dave", (GAMMA, BETA)))
    assert floor.accept(DAVE, 1)[0] == "dave 1: executed #1 taker 100 @ 50, 0 left"


# --- what is open -------------------------------------------------------------------------------------


def test_a_client_that_comes_back_asks_what_is_open() -> None:
    floor = Floor()
    floor.propose()
    floor.accept(BOB, 1)
    floor.offer(DAVE, to=BETA, side=BUY)
    assert floor.status(BOB) == [
        "bob 2: block #2 ACCEPTED buy 100 @ 50 own",
        "bob 2: block #3 OFFERED sell 100 @ 50 theirs",
        "bob 2: end of 2",
    ]
    assert floor.status(ALICE)[0] == "alice 2: block #1 POSTED sell 100 @ 50 own"
    assert floor.status(BOB, after=2) == ["bob 3: block #3 OFFERED sell 100 @ 50 theirs", "bob 3: end of 1"]
    assert floor.status(BOB, 3) == ["bob 4: block #3 OFFERED sell 100 @ 50 theirs", "bob 4: end of 1"]
    # Another's post is told by the feed, and what is between others by nobody.
    assert floor.status(BOB, 1) == ["bob 5: rejected UNKNOWN_PROPOSAL"]
    assert floor.status(ALICE, 3) == ["alice 3: rejected UNKNOWN_PROPOSAL"]
    assert floor.status(ALICE, 99) == ["alice 4: rejected UNKNOWN_PROPOSAL"]


def test_the_status_comes_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    assert STATUS_ORDERS_MAX > 2
    monkeypatch.setattr("carbonmatch.matching.blocks.negotiation.STATUS_ORDERS_MAX", 2)
    floor = Floor()
    for _ in range(3):
        floor.offer()
    assert floor.status(ALICE)[-1] == "alice 4: end of 2, more"
    assert floor.status(ALICE, after=2)[-1] == "alice 5: end of 1"


# --- the rest of the venue ----------------------------------------------------------------------------


def test_a_block_moves_no_price_of_the_screen() -> None:
    floor = Floor()
    floor.engine.books[EUA].clearing = None
    floor.send(ALICE, m.NewOrder(floor.ref(ALICE), EUA, SELL, 1, 70))
    floor.send(BOB, m.NewOrder(floor.ref(BOB), EUA, BUY, 1, 70))
    assert floor.engine.books[EUA].last_price_ticks == 70
    floor.offer(price=20)
    floor.accept(BOB, 3, price=20)
    assert floor.engine.books[EUA].last_price_ticks == 70


def test_an_operator_holds_blocks_against_their_schedule() -> None:
    floor = Floor()

    def step(phase: Phase, at: int) -> list[m.AnyPublicEvent]:
        floor.send(VENUE, m.ScheduleBlock(EUA, phase, TIME_NS + at, TIME_NS + at + 10))
        return floor.public

    def hold(phase: BlockPhase) -> list[m.AnyPublicEvent]:
        floor.send(OPS, m.SetBlockPhase(floor.ref(OPS), EUA, phase, "why"))
        return floor.public

    def told(phase: BlockPhase, until: int, text: str = "") -> list[m.BlockPhaseChanged]:
        return [m.BlockPhaseChanged(EUA, TIME_NS, phase, text, TIME_NS + until if until else 0)]

    assert step(Phase.CONTINUOUS, 1) == told(BlockPhase.OPEN, 11)
    assert hold(BlockPhase.CLOSED) == told(BlockPhase.CLOSED, 0, "why")
    assert step(Phase.BREAK, 11) == []
    assert step(Phase.CONTINUOUS, 21) == []
    assert hold(BlockPhase.AS_SCHEDULED) == told(BlockPhase.OPEN, 31, "why")
    assert step(Phase.PRE_OPEN, 31) == told(BlockPhase.BREAK, 41)
    assert step(Phase.CLOSED, 41) == told(BlockPhase.CLOSED, 51)
    # What is opened ends with the next step.
    assert hold(BlockPhase.OPEN) == told(BlockPhase.OPEN, 51, "why")
    assert step(Phase.CLOSED, 51) == told(BlockPhase.CLOSED, 61)
    assert hold(BlockPhase.BREAK) == told(BlockPhase.BREAK, 0, "why")


def test_operators_alone_set_the_phase_of_blocks() -> None:
    floor = Floor()

    def hold(session_id: SessionId, instrument_id: int) -> str:
        command = m.SetBlockPhase(floor.ref(session_id), m.InstrumentId(instrument_id), BlockPhase.CLOSED)
        return floor.send(session_id, command)[-1].partition(": ")[2]

    assert hold(ALICE, EUA) == "rejected NOT_ENTITLED"
    assert hold(OPS, 99) == "rejected UNKNOWN_INSTRUMENT"
    assert hold(OPS, 2) == "rejected MECHANISM_NOT_AVAILABLE"
    assert floor.public == []
    # All that have any.
    assert hold(OPS, 0) == "done"
    assert [type(event) for event in floor.public] == [m.BlockPhaseChanged]
    floor.outputs(VENUE, m.SetBlockPhase(m.NO_REF, EUA, BlockPhase.OPEN))
    book = floor.engine.books[EUA]
    assert book.blocks is not None
    assert book.blocks.course.phase is BlockPhase.OPEN
    # Of none that there are, nothing holds: "done" would be a lie.
    floor.send(VENUE, m.DefineInstrument(with_rules(book.instrument.configured, None)))
    assert hold(OPS, 0) == "rejected MECHANISM_NOT_AVAILABLE"


def test_rules_that_change_keep_what_is_open_and_tell_another_phase() -> None:
    floor = Floor()
    floor.offer()
    rules = BlockRules(opening_phase=BlockPhase.BREAK)
    definition = floor.engine.books[EUA].instrument.configured
    floor.send(VENUE, m.DefineInstrument(with_rules(definition, rules)))
    assert m.BlockPhaseChanged(EUA, TIME_NS, BlockPhase.BREAK, "", 0) in floor.public
    assert floor.open() == {1: m.BlockState.OFFERED}
    floor.send(VENUE, m.DefineInstrument(with_rules(definition, rules)))
    assert [type(event) for event in floor.public] == [m.InstrumentDefined]


@pytest.mark.parametrize("anonymous", [False, True])
def test_whoever_posts_without_a_name_stays_without_one_when_the_rules_change(*, anonymous: bool) -> None:
    floor = Floor(BlockRules(anonymous=anonymous))
    floor.propose()
    definition = floor.engine.books[EUA].instrument.configured
    floor.send(VENUE, m.DefineInstrument(with_rules(definition, BlockRules(anonymous=not anonymous))))
    floor.withdraw(ALICE, 1)
    (gone,) = floor.public
    assert isinstance(gone, m.BlockPosted)
    assert (gone.quantity_lots, gone.participant_id) == (0, 0 if anonymous else 1)


def with_rules(definition: m.InstrumentDefinition, rules: BlockRules | None) -> m.InstrumentDefinition:
    return msgspec.structs.replace(definition, blocks=rules)


def test_a_copy_has_what_concerns_its_accounts() -> None:
    floor = Floor()
    copy = SessionId(9)
    floor.send(VENUE, m.DefineDropCopy(copy, "copy", (BETA,)))
    outputs = floor.outputs(ALICE, m.BlockPropose(Ref(1), EUA, SELL, 100, 50, counterparty_account_id=BETA))
    (chunk,) = outputs.copies
    assert (chunk.count, [part.session_id for part in chunk.parts]) == (1, [BOB])
    # Nobody of the participant has answered: it belongs to the session, all of whose accounts are shown.
    outputs = floor.outputs(
        ALICE, m.BlockPropose(Ref(2), EUA, SELL, 100, 50, counterparty_participant_id=ParticipantId(2))
    )
    (chunk,) = outputs.copies
    assert (chunk.count, [part.session_id for part in chunk.parts]) == (1, [BOB])
    outputs = floor.outputs(
        ALICE, m.BlockPropose(Ref(3), EUA, SELL, 100, 50, counterparty_participant_id=ParticipantId(3))
    )
    assert outputs.copies == []

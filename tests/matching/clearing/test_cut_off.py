"""What is bought from the cut-off of a day on settles later: EUA on the spot market, at 16:00."""

from random import Random

import pytest

from carbonmatch.matching import messages as m
from carbonmatch.matching.auction import pass_cut_off
from carbonmatch.matching.clearing.changes import hindrance
from carbonmatch.matching.clearing.clearing import Clearing
from carbonmatch.matching.clearing.cut_off import CutOff
from carbonmatch.matching.expiry import NEVER_NS
from carbonmatch.matching.messages import AccountId, ClearingRules, Phase, RejectReason, Side, TradeId
from carbonmatch.matching.state import restore, snapshot
from carbonmatch.matching.venue import AmendedTrade
from tests.matching.clearing.test_reversals import House
from tests.matching.clearing.test_take_back import BUST, Exchange
from tests.matching.market import ALICE, BOB, EUA, TIME_NS, VENUE, Market, buy, definition, sell

HOUR_NS = 3_600 * 10**9
RULES = ClearingRules(lag_days=1, late_lag_days=2, cut_off_seconds=16 * 3_600)


class Venue(House):
    """Whose days have a cut-off six hours after they begin."""

    def __init__(self, lag_days: int = 1, late_lag_days: int = 2) -> None:
        super().__init__(0, lag_days=lag_days, late_lag_days=late_lag_days, cut_off_seconds=57_600)
        self.begin()

    @property
    def began_ns(self) -> int:
        return TIME_NS + self.day * 24 * HOUR_NS

    def begin(self) -> None:
        self.step(0, Phase.CONTINUOUS)

    def step(self, hours: int, phase: Phase) -> None:
        self.at(hours)
        began_ns = self.began_ns
        until_ns = began_ns + (hours + 8) * HOUR_NS
        number = 20231001 + self.day
        self.market.send(
            VENUE,
            m.SchedulePhase(
                EUA, phase, self.market.time_ns, until_ns, 0, 0, phase, number, began_ns + 6 * HOUR_NS
            ),
        )

    def at(self, hours: int) -> None:
        self.market.time_ns = self.began_ns + hours * HOUR_NS + 1

    def end_day(self, hours: int = 10) -> None:
        self.step(hours, Phase.CLOSED)
        assert self.asks(m.EndDay(m.Ref(0), 20231001 + self.day, (EUA,))) == ["done"]
        self.day += 1
        self.begin()

    def free(self) -> int:
        """What the trader may sell of what it has bought."""
        clearing = self.market.engine.books[EUA].clearing
        assert isinstance(clearing, Clearing)
        return clearing.of(AccountId(13)).free_lots - 500

    def told(self) -> tuple[int, int, int]:
        """What the trader is told: available, unsettled, bought today; beside what it was given."""
        self.refs[BOB] += 1
        chunks = self.market.outputs(BOB, m.HoldingsRequest(m.Ref(self.refs[BOB]))).streams
        (one,) = (each for chunk in chunks for each in chunk.reports if isinstance(each, m.Holding))
        return one.available_lots - 500, one.unsettled_lots, one.bought_today_lots


def test_what_is_bought_before_it_is_sold_a_day_earlier_than_what_is_bought_after_it() -> None:
    venue = Venue()
    venue.at(5)
    venue.trade(10)
    venue.at(6)
    venue.trade(3)
    assert venue.told() == (0, 13, 13)
    venue.end_day()
    assert venue.told() == (10, 3, 0)
    venue.at(7)
    assert venue.told() == (10, 3, 0)
    venue.end_day()
    assert venue.told() == (13, 0, 0)


def test_a_trade_at_the_very_time_of_it_is_late() -> None:
    venue = Venue()
    venue.market.time_ns = venue.began_ns + 6 * HOUR_NS - 1
    venue.trade(10)
    venue.market.time_ns = venue.began_ns + 6 * HOUR_NS
    venue.trade(3)
    venue.end_day()
    assert venue.told() == (10, 3, 0)


def test_a_day_that_ends_before_it_has_none() -> None:
    venue = Venue()
    venue.at(2)
    venue.trade(10)
    venue.end_day(hours=4)
    assert venue.told() == (10, 0, 0)
    venue.at(7)
    venue.trade(2)
    venue.end_day()
    assert venue.told() == (10, 2, 0)


def test_steps_of_a_day_that_has_ended_before_it_say_nothing_of_the_next_one() -> None:
    venue = Venue()
    venue.at(4)
    venue.asks(m.SetPhase(m.Ref(0), EUA, Phase.CLOSED))
    assert venue.asks(m.EndDay(m.Ref(0), 20231001, (EUA,))) == ["done"]
    # An operator has ended the day early, and its schedule goes on.
    venue.step(5, Phase.CONTINUOUS)
    venue.step(9, Phase.CLOSED)
    venue.asks(m.Resume(m.Ref(0), EUA))
    venue.day += 1
    venue.begin()
    venue.at(5)
    venue.trade(10)
    venue.at(7)
    venue.trade(3)
    venue.end_day()
    assert venue.told() == (10, 3, 0)


def test_it_passes_while_nobody_trades_and_over_a_restart() -> None:
    venue = Venue()
    venue.at(2)
    venue.trade(10)
    for hours in (3, 9):
        venue.at(hours)
        data = snapshot(venue.market.engine)
        venue.market.engine = restore(data)
        assert snapshot(venue.market.engine) == data
        venue.told()
    venue.trade(3)
    venue.market.engine = restore(snapshot(venue.market.engine))
    assert venue.told() == (0, 13, 13)
    venue.end_day()
    assert venue.told() == (10, 3, 0)


def test_it_passes_once_however_often_the_schedule_names_it() -> None:
    venue = Venue()
    venue.at(7)
    venue.trade(3)
    venue.step(8, Phase.BREAK)
    venue.step(9, Phase.CONTINUOUS)
    venue.trade(4)
    venue.end_day()
    assert venue.told() == (0, 7, 0)


def test_settlement_may_take_more_days_on_both_sides_of_it() -> None:
    venue = Venue(2, 4)
    venue.at(5)
    venue.trade(10)
    venue.at(7)
    venue.trade(3)
    free = []
    for _ in range(4):
        venue.end_day()
        free.append(venue.free())
    assert free == [0, 10, 10, 13]


@pytest.mark.parametrize(
    ("changed_at", "hours", "free"),
    [
        # It is at hour 6; lots are bought at hours 1, 5, 7 and 9. Later, earlier, and after it has passed.
        (2, 8, 1 + 2 + 4),
        (2, 3, 1),
        (8, 9, 1 + 2),
        # At hour 5 it would have been at hour 3: what was bought by then was bought in time.
        (5.5, 3, 1 + 2),
    ],
)
def test_another_time_holds_for_the_day_in_progress_unless_it_has_passed(
    changed_at: float, hours: int, free: int
) -> None:
    venue = Venue()
    rules = ClearingRules(lag_days=1, late_lag_days=2, cut_off_seconds=57_600 + (hours - 6) * 3_600)
    for hour, lots in sorted([(1, 1), (5, 2), (changed_at, 0), (7, 4), (9, 8)]):
        venue.market.time_ns = venue.began_ns + int(hour * HOUR_NS) + 1
        if lots:
            venue.trade(lots)
        else:
            venue.market.send(VENUE, m.DefineInstrument(definition(clearing=rules)))
            venue.market.engine = restore(snapshot(venue.market.engine))
    venue.step(10, Phase.CLOSED)
    assert venue.asks(m.EndDay(m.Ref(0), 20231001, (EUA,))) == ["done"]
    assert venue.free() == free


def test_it_waits_for_its_time_while_something_else_is_due() -> None:
    venue = Venue()
    venue.trade(10)
    book = venue.market.engine.books[EUA]
    pass_cut_off(venue.market.engine.venue, book)
    assert isinstance(book.clearing, Clearing)
    assert book.clearing.cut_off is not None
    assert not book.clearing.cut_off.has_passed


def test_without_a_schedule_there_is_no_cut_off() -> None:
    house = House(0, lag_days=1, late_lag_days=2, cut_off_seconds=1)
    house.trade(10)
    house.next_day()
    assert "accepted" in house.order(BOB, Side.SELL, 510, 50)


def test_the_cut_off_of_an_instrument_that_has_none_is_ignored() -> None:
    house = House(0, lag_days=1)
    house.market.send(VENUE, m.SchedulePhase(EUA, Phase.CONTINUOUS, TIME_NS, 0, cut_off_ns=TIME_NS + 5))
    house.market.time_ns = TIME_NS + 10
    house.trade(10)
    house.next_day()
    assert "accepted" in house.order(BOB, Side.SELL, 510, 50)


@pytest.mark.parametrize(
    ("before", "after", "free"),
    [
        # The lots bought in time, and those bought late, as they are free after one, two and three days.
        (RULES, ClearingRules(lag_days=1), [13, 13, 13]),
        (RULES, ClearingRules(lag_days=0), [13, 13, 13]),
        (ClearingRules(lag_days=1), RULES, [13, 13, 13]),
        (ClearingRules(lag_days=3), RULES, [13, 13, 13]),
        (RULES, ClearingRules(lag_days=1, late_lag_days=4), [10, 13, 13]),
        (RULES, RULES, [10, 13, 13]),
    ],
)
def test_with_other_rules_what_is_pending_keeps_its_day_as_far_as_these_go(
    before: ClearingRules, after: ClearingRules, free: list[int]
) -> None:
    exchange = Exchange(before)
    exchange.deposit(1, 100)
    exchange.deposit(2, 0, 10**6)
    exchange.trade(2, 1, 10)
    cut_off(exchange)
    exchange.trade(2, 1, 3)
    cash = exchange.clearing.cash
    assert cash is not None
    exchange.clearing.go_by(after, 1, cash, TradeId(2))
    exchange.clearing.check()
    assert exchange.lots(2)[0] == (13 if not after.lag_days else 0)
    found = []
    for _ in range(3):
        exchange.roll()
        exchange.check()
        found.append(exchange.lots(2)[0])
    assert found == free


def cut_off(exchange: Exchange) -> None:
    """It is due, after all trades that there are."""
    clearing = exchange.clearing
    if clearing.cut_off is not None:
        clearing.cut_off.plan(clearing.cut_off.passed_ns + 1)
        assert clearing.cut_off.at_ns != NEVER_NS
        clearing.cut_off.pass_by(clearing.positions.items(), TradeId(len(exchange.trades)))


@pytest.mark.parametrize("rolls", [0, 1, 2])
@pytest.mark.parametrize("is_late", [False, True])
def test_a_bust_takes_the_units_from_where_they_are(rolls: int, is_late: bool) -> None:
    exchange = Exchange(RULES)
    exchange.deposit(1, 100)
    exchange.deposit(2, 0, 10**6)
    if is_late:
        cut_off(exchange)
    exchange.trade(2, 1, 10)
    if not is_late:
        cut_off(exchange)
    for _ in range(rolls):
        exchange.roll()
    assert exchange.amend() is None
    assert exchange.lots(2) == (0, [0, 0])
    assert exchange.clearing.bought_today_lots(AccountId(2), exchange.clearing.of(AccountId(2))) == 0


def test_a_bust_of_before_the_rule_is_of_what_is_pending_all_the_same() -> None:
    exchange = Exchange(ClearingRules(lag_days=1))
    exchange.deposit(1, 100)
    exchange.deposit(2, 0, 10**6)
    exchange.trade(2, 1, 10)
    cash = exchange.clearing.cash
    assert cash is not None
    exchange.clearing.go_by(RULES, 1, cash, TradeId(1))
    assert exchange.amend() is None
    assert exchange.lots(2) == (0, [0, 0])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (RULES, ClearingRules(lag_days=1, late_lag_days=3)),
        (ClearingRules(lag_days=1, late_lag_days=3), RULES),
        (RULES, ClearingRules(lag_days=2, late_lag_days=3)),
        (RULES, ClearingRules(lag_days=1)),
        (ClearingRules(lag_days=3), RULES),
        (ClearingRules(lag_days=3), ClearingRules(lag_days=3, late_lag_days=5)),
    ],
)
def test_its_days_change_once_all_that_was_bought_is_settled(
    before: ClearingRules, after: ClearingRules
) -> None:
    """What is pending would be looked for in another day: a bust of it was refused, or took other units."""
    exchange = Exchange(before)
    exchange.deposit(1, 100)
    exchange.deposit(2, 0, 10**6)
    assert hindrance(exchange.book, definition(clearing=after)) is None
    cut_off(exchange)
    exchange.trade(2, 1, 10)
    assert hindrance(exchange.book, definition(clearing=after)) == (
        "10 lots are bought and not settled yet; expected none where lag_days or late_lag_days change beside "
        "a cut_off"
    )
    for _ in range(3):
        exchange.roll()
    assert hindrance(exchange.book, definition(clearing=after)) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (ClearingRules(lag_days=1), RULES),
        (ClearingRules(lag_days=1), ClearingRules(lag_days=3)),
        (ClearingRules(lag_days=3), ClearingRules(lag_days=1)),
        (RULES, RULES),
        (RULES, ClearingRules(lag_days=1, late_lag_days=2, cut_off_seconds=10 * 3_600)),
    ],
)
@pytest.mark.parametrize("rolls", [0, 1])
def test_where_other_rules_come_at_once_a_bust_finds_what_is_pending(
    before: ClearingRules, after: ClearingRules, rolls: int
) -> None:
    exchange = Exchange(before)
    exchange.deposit(1, 100)
    exchange.deposit(2, 0, 10**6)
    cut_off(exchange)
    exchange.trade(2, 1, 10)
    for _ in range(rolls):
        exchange.roll()
    assert hindrance(exchange.book, definition(clearing=after)) is None
    cash = exchange.clearing.cash
    assert cash is not None
    exchange.clearing.go_by(after, 1, cash, TradeId(1))
    exchange.trade(2, 1, 7)
    assert exchange.amend() is None
    assert sum(exchange.lots(2)[1]) == 7 * bool(after.lag_days)


# --- by chance -------------------------------------------------------------------------------------


class Chance(Exchange):
    """Whether units are free is held against the day on which each trade settles, one by one."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        lag_days = self.random.randint(1, 3)
        self.rules = ClearingRules(lag_days=lag_days, late_lag_days=lag_days + self.random.randint(1, 2))
        super().__init__(self.rules)
        self.settles: list[int] = []
        self.made: list[int] = []
        self.is_late = False
        self.refused = 0
        for owner in range(3):
            self.deposit(owner, 50, 10**6)

    def step(self) -> None:
        chosen = self.random.random()
        if chosen < 0.5:
            buyer, seller = self.random.sample(range(3), 2)
            lots = self.random.randint(1, 9)
            if lots <= self.free(seller):
                self.trade(buyer, seller, lots)
                self.made.append(self.day)
                late_days, lag_days = self.rules.late_lag_days, self.rules.lag_days
                self.settles.append(self.day + (late_days if self.is_late else lag_days))
        elif chosen < 0.7 and self.trades:
            trade_id = self.random.randint(1, len(self.trades))
            lots = self.random.randint(0, self.trades[trade_id - 1].quantity_lots)
            reason = self.amend(BUST if not lots else AmendedTrade(100, lots), trade_id)
            self.refused += reason is RejectReason.INSUFFICIENT_HOLDINGS
        elif chosen < 0.85 and not self.is_late:
            cut_off(self)
            self.is_late = True
        elif chosen >= 0.85:
            self.roll()
            self.is_late = False

    def free(self, owner: int) -> int:
        return self.reckoned(owner)[0]

    def reckoned(self, owner: int) -> tuple[int, int, int]:
        """Free, unsettled, and of that bought today."""
        free, unsettled, today = 50, 0, 0
        for trade, stands, settles, made in zip(
            self.trades, self.stands, self.settles, self.made, strict=True
        ):
            lots = stands.quantity_lots
            if trade.seller.account_id == owner:
                free -= lots
            elif trade.buyer.account_id == owner:
                free += lots * (settles <= self.day)
                unsettled += lots * (settles > self.day)
                today += lots * (made == self.day)
        return free, unsettled, today


def play(seed: int, steps: int = 400) -> Chance:
    chance = Chance(seed)
    for _ in range(steps):
        chance.step()
        chance.check()
        for owner in range(3):
            position = chance.clearing.of(AccountId(owner))
            bought_today = chance.clearing.bought_today_lots(AccountId(owner), position)
            found = (position.free_lots, sum(position.unsettled_lots), bought_today)
            assert found == chance.reckoned(owner), f"seed {seed}"
    return chance


@pytest.mark.parametrize("seed", range(1, 9))
def test_units_are_free_on_the_day_on_which_each_of_their_trades_settles(seed: int) -> None:
    chance = play(seed)
    assert len(chance.trades) > 40
    assert chance.refused or seed > 1


@pytest.mark.parametrize("flaw", ["roll", "amend"])
def test_a_flaw_of_it_is_found(monkeypatch: pytest.MonkeyPatch, flaw: str) -> None:
    monkeypatch.setattr(CutOff, flaw, lambda *_: None)
    with pytest.raises(AssertionError, match="seed 1"):
        play(1)


def test_an_instrument_gets_one_while_it_trades() -> None:
    house = House(0, lag_days=1)
    house.trade(10)
    house.market.send(VENUE, m.DefineInstrument(definition(clearing=RULES)))
    assert "accepted" in house.market.send(ALICE, sell(50, price=10, lots=1))[0]
    assert "accepted" in house.market.send(BOB, buy(50, price=10, lots=1))[0]
    house.market.engine.check()


@pytest.mark.parametrize("rules", [None, ClearingRules(lag_days=1)])
def test_the_cut_off_of_a_schedule_is_nothing_to_wait_for_where_an_instrument_has_none(
    rules: ClearingRules | None,
) -> None:
    market = Market(clearing=rules)
    phase = m.SchedulePhase(
        EUA, Phase.CONTINUOUS, TIME_NS, TIME_NS + HOUR_NS, 0, 0, Phase.CLOSED, 20231001, TIME_NS + 1
    )
    market.send(VENUE, phase)
    book = market.engine.books[EUA]
    assert book.clearing is None or (isinstance(book.clearing, Clearing) and book.clearing.cut_off is None)
    assert EUA not in market.engine.venue.alarms._times

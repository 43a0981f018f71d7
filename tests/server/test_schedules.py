"""Schedules by a clock that tests hold: on time, late, never early, never twice, whatever has stopped it."""

from collections.abc import Callable
from datetime import date
from itertools import groupby
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from carbonmatch.config import Config, parse
from carbonmatch.config.timetable import Timetable
from carbonmatch.matching import messages as m
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.instrument import Instrument
from carbonmatch.matching.messages import Phase, Ref
from carbonmatch.matching.state import restore, snapshot
from carbonmatch.ops.counters import Counters
from carbonmatch.protocol.codec import encode
from carbonmatch.server.clocks import Clocks, SteadyClock
from carbonmatch.server.commit import Commit
from carbonmatch.server.configured import changed_definitions
from carbonmatch.server.history import History
from carbonmatch.server.pipeline import NS_PER_SECOND, Pipeline
from carbonmatch.server.scheduler import Scheduler
from carbonmatch.server.schedules import Now, Schedules, Step, command_of
from carbonmatch.server.stream import Stream
from tests.server.test_pipeline import Past
from tests.test_timetable import shown, utc

CEA, GDEA, EUA = (m.InstrumentId(number) for number in (1, 2, 3))
TRADER, OPERATOR, OTHER = m.SessionId(1), m.SessionId(2), m.SessionId(3)

FILE = """
[[calendars]]
name = "china"
time_zone = "Asia/Shanghai"
holidays = [2026-03-06]

[[schedules]]
name = "listed"
calendar = "china"
steps = [
  { at = "09:30", phase = "continuous" },
  { at = "11:30", phase = "break" },
  { at = "13:00", phase = "continuous" },
  { at = "15:00", phase = "closed" },
]
"""
INSTRUMENT = """
[[instruments]]
id = {id}
symbol = "{symbol}"
currency = "CNY"
tick_value_minor = 1
price_decimals = 2
lot_tonnes = 1
"""
OTHERS = """
[[participants]]
id = 1
name = "one"
accounts = [{ id = 1, name = "one" }]

[[sessions]]
id = 1
name = "trader"
key = "key"
roles = ["trade"]
accounts = [1]

[[participants]]
id = 2
name = "two"
accounts = [{ id = 2, name = "two" }]

[[sessions]]
id = 3
name = "other"
key = "key"
roles = ["trade"]
accounts = [2]

[[sessions]]
id = 2
name = "operator"
key = "key"
roles = ["operator"]

[[keys]]
id = "key"
public_key = "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c"
"""


def config(file: str = FILE) -> Config:
    """CEA and GDEA follow the schedule, EUA follows none."""
    listed = "".join(
        INSTRUMENT.format(id=number, symbol=symbol) + 'schedule = "listed"\n'
        for number, symbol in ((CEA, "CEA"), (GDEA, "GDEA"))
    )
    return parse(file + listed + INSTRUMENT.format(id=EUA, symbol="EUA") + OTHERS, "venue.toml")


class Timers:
    """The scheduler: timers are kept, and fired by whoever moves the clock."""

    def __init__(self) -> None:
        self.asked: list[tuple[float, Callable[[], object]]] = []

    def call_later(self, delay: float, callback: Callable[[], object]) -> "Timers":
        self.asked.append((delay, callback))
        return self

    def cancel(self) -> None:
        self.asked.clear()


class Disk:
    """Durable as soon as it is told to be; what is not is gone in a crash."""

    def __init__(self) -> None:
        self.done: Callable[[Commit], None]
        self.holds_up = False
        self.waiting: list[Commit] = []

    def commit(self, commit: Commit) -> None:
        self.waiting.append(commit)
        if not self.holds_up:
            self.done(self.waiting.pop())

    def look(self) -> None:
        pass

    def commit_here(self, commit: Commit) -> bool:
        raise AssertionError("nobody waits for the disk here")


class Market:
    """A venue without connections, and what the public hears of it."""

    def __init__(self, now: str, file: Config | None = None, kept: bytes | None = None) -> None:
        self.now_ns = utc(now)
        self.config = file or config()
        self.told: list[str] = []
        self.refused: list[m.RejectReason] = []
        engine = restore(kept) if kept else Engine()
        clock = SteadyClock(lambda: self.now_ns, engine.time_ns)
        self.disk = Disk()
        self.timers = Timers()
        streams = {
            number: Stream(number, state.next_seq - 1, state.last_ref)
            for number, state in engine.sessions.items()
        } or {number: Stream(number) for number in (TRADER, OPERATOR, OTHER)}
        self.pipeline = Pipeline(
            engine,
            streams,
            self.disk,
            self._publish,
            cast("History", Past()),
            self.counters(engine),
            Clocks(clock.time_ns, lambda: self.now_ns),
        )
        self.disk.done = self.pipeline.durable
        self.engine = engine
        self.pipeline.submit_venue([m.SetSeed(bytes(16)), *changed_definitions(self.config, engine)])
        self.schedules = Schedules(
            self.config, self.pipeline, self.pipeline.clocks, cast("Scheduler", self.timers)
        )
        self.schedules.run()

    @staticmethod
    def counters(engine: Engine) -> Counters:
        """Those of a start: they know what there is."""
        counters = Counters()
        counters.instruments.update((key, one.definition) for key, one in engine.instruments.items())
        return counters

    def _publish(self, outputs: m.Outputs, time_ns: int) -> None:
        self.refused += outputs.refusals
        for event in outputs.public:
            if type(event) is m.PhaseChanged:
                symbol = self.engine.books[event.instrument_id].instrument.definition.symbol
                until = shown(event.until_ns)[5:16] if event.until_ns else "?"
                self.told.append(f"{shown(time_ns)[5:16]} {symbol} {event.phase.name} until {until}")

    def hears(self) -> list[str]:
        """What was told of CEA since the last time."""
        told, self.told = self.told, []
        return [line for line in told if " CEA " in line]

    def at(self, now: str) -> list[str]:
        """The clock shows this, and somebody looks."""
        self.now_ns = utc(now)
        self.schedules.look()
        return self.hears()

    def send(self, session: m.SessionId, *commands: m.AnyCommand) -> None:
        now_ns = self.pipeline.clocks.time_ns()
        listed = list(commands)
        self.pipeline.submit(session, listed, encode(listed), now_ns, self.now_ns)
        self.pipeline.flush()

    def ref(self, session: m.SessionId) -> Ref:
        """The next one of a session."""
        return Ref(self.engine.sessions[session].last_ref + 1)

    def timing_ends_ns(self) -> int:
        timing = self.engine.books[CEA].timing
        assert timing is not None
        return timing.ended_ns

    def phase(self, instrument: m.InstrumentId = CEA) -> Phase:
        return self.engine.books[instrument].instrument.phase

    def crashed(self, now: str, file: Config | None = None) -> "Market":
        """The next start on what was durable, at this time."""
        return Market(now, file or self.config, snapshot(self.engine))


def order(ref: int, time_in_force: m.TimeInForce = m.TimeInForce.DAY) -> m.NewOrder:
    return m.NewOrder(Ref(ref), CEA, m.Side.BUY, 1, 100, time_in_force=time_in_force)


# --- on time ----------------------------------------------------------------------------------------
# Times are UTC: the market opens at 01:30, pauses from 03:30 to 05:00, and closes at 07:00.


def test_a_day_goes_by() -> None:
    market = Market("2026-03-02 00:00")
    assert market.phase() is Phase.CLOSED
    market.hears()
    assert market.at("2026-03-02 01:29:59") == []
    assert market.at("2026-03-02 01:30") == ["03-02 01:30 CEA CONTINUOUS until 03-02 03:30"]
    assert market.at("2026-03-02 03:30") == ["03-02 03:30 CEA BREAK until 03-02 05:00"]
    assert market.at("2026-03-02 05:00") == ["03-02 05:00 CEA CONTINUOUS until 03-02 07:00"]
    assert market.at("2026-03-02 07:00") == ["03-02 07:00 CEA CLOSED until 03-03 01:30"]
    assert market.phase(GDEA) is Phase.CLOSED
    assert market.phase(EUA) is Phase.CONTINUOUS
    assert market.engine.books[EUA].instrument.course.scheduled_ns == 0


def test_every_step_of_a_day_says_when_its_cut_off_of_settlement_is() -> None:
    cleared = INSTRUMENT.format(id=9, symbol="EUA9") + (
        'schedule = "listed"\n[instruments.clearing]\ncut_off = "14:00"\nlate_lag_days = 2\n'
    )
    found = config(FILE + cleared)
    instrument = next(one for one in found.instruments if one.id == 9)
    timetable = Timetable(found.schedules[0], found.calendars[0])
    for at in ("2026-03-02 01:30", "2026-03-02 07:00"):
        now = Now.of(timetable, utc(at))
        planned = now.holding
        assert planned is not None
        step = Step(planned.phase, planned.at_ns, planned)
        command = command_of(Instrument(instrument.definition()), step, now)
        assert command.cut_off_ns == utc("2026-03-02 06:00")


def test_what_was_made_is_not_made_again() -> None:
    market = Market("2026-03-02 02:00")
    sequence = market.engine.sequence
    for _ in range(3):
        market.schedules.run()
    assert market.at("2026-03-02 03:29:59") == ["03-02 02:00 CEA CONTINUOUS until 03-02 03:30"]
    assert market.engine.sequence == sequence


def test_a_first_start_has_missed_nothing_and_a_later_one_says_what(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def log(event: str, *_: object, text: str) -> None:
        said.append(f"{event}: {text.partition(';')[0]}")

    monkeypatch.setattr("carbonmatch.server.schedules.log", log)
    market = Market("2026-03-02 05:30")
    assert market.phase() is m.Phase.CONTINUOUS
    assert said == []
    market.crashed("2026-03-02 08:00")
    assert said == ["steps_made_up: 2 into CLOSED"]


def test_a_close_expires_the_orders_of_the_day() -> None:
    market = Market("2026-03-02 02:00")
    market.send(TRADER, order(1), order(2, m.TimeInForce.GTC))
    market.at("2026-03-02 07:00")
    assert [one.ref for one in market.engine.books[CEA].orders()] == [2]


def test_no_order_of_a_step_or_later_comes_before_the_step() -> None:
    """Nobody has looked since noon: the frame itself brings the close about, and finds it closed."""
    market = Market("2026-03-02 05:00")
    market.send(TRADER, order(1))
    market.now_ns = utc("2026-03-02 07:00")
    market.send(TRADER, order(2))
    assert market.phase() is Phase.CLOSED
    assert list(market.engine.books[CEA].orders()) == []


def test_an_order_just_before_a_step_is_of_the_phase_before() -> None:
    market = Market("2026-03-02 05:00")
    market.now_ns = utc("2026-03-02 07:00") - 100
    market.send(TRADER, order(1, m.TimeInForce.GTC))
    assert [one.ref for one in market.engine.books[CEA].orders()] == [1]
    assert market.phase() is Phase.CONTINUOUS


def test_a_step_that_comes_soon_has_a_timer() -> None:
    market = Market("2026-03-02 00:00")
    market.now_ns = utc("2026-03-02 01:30") - 30_000_000
    market.schedules.look()
    market.schedules.look()
    [(delay, expired)] = market.timers.asked
    assert 0.029 < delay <= 0.03
    # A timer that is a little early makes nothing: it asks for another one.
    market.now_ns += 29_999_000
    expired()
    assert market.phase() is Phase.CLOSED
    market.now_ns += 2_000
    market.timers.asked[-1][1]()
    assert market.phase() is Phase.CONTINUOUS


def test_a_venue_that_stops_leaves_the_rest_to_the_next_start() -> None:
    market = Market("2026-03-02 02:00")
    market.now_ns = utc("2026-03-02 03:30") - 50_000_000
    market.schedules.look()
    assert len(market.timers.asked) == 1
    market.schedules.stop()
    assert market.timers.asked == []
    assert market.at("2026-03-02 08:00") == ["03-02 02:00 CEA CONTINUOUS until 03-02 03:30"]
    market.send(TRADER, order(1))
    assert market.phase() is Phase.CONTINUOUS


# --- late -------------------------------------------------------------------------------------------


def test_a_venue_that_was_down_over_a_break_makes_it_up() -> None:
    market = Market("2026-03-02 02:00")
    market.send(TRADER, order(1))
    again = market.crashed("2026-03-02 05:30")
    assert again.hears() == [
        "03-02 05:30 CEA BREAK until 03-02 05:00",
        "03-02 05:30 CEA CONTINUOUS until 03-02 07:00",
    ]
    assert [one.ref for one in again.engine.books[CEA].orders()] == [1]


def test_a_venue_that_was_down_over_the_close_closes_and_begins_the_day_that_it_is() -> None:
    """The whole of Tuesday to Thursday is left out: nothing could happen on them."""
    market = Market("2026-03-02 03:00")
    market.send(TRADER, order(1), order(2, m.TimeInForce.GTC))
    market.at("2026-03-02 04:00")
    again = market.crashed("2026-03-09 03:45")
    assert again.hears() == [
        "03-09 03:45 CEA CONTINUOUS until 03-02 07:00",
        "03-09 03:45 CEA CLOSED until 03-03 01:30",
        "03-09 03:45 CEA CONTINUOUS until 03-09 03:30",
        "03-09 03:45 CEA BREAK until 03-09 05:00",
    ]
    assert [one.ref for one in again.engine.books[CEA].orders()] == [2]


def test_a_venue_that_was_down_for_a_whole_day_is_closed_still() -> None:
    market = Market("2026-03-02 08:00")
    assert market.crashed("2026-03-03 09:00").hears() == ["03-03 09:00 CEA CLOSED until 03-04 01:30"]


def test_a_crash_in_the_middle_of_what_is_made_up_goes_on_there() -> None:
    market = Market("2026-03-02 02:00")
    kept = snapshot(market.engine)
    whole = market.crashed("2026-03-03 02:00")
    made = whole.hears()
    # As it would be had the first step been durable, and nothing after it.
    halfway = restore(kept)
    halfway.apply(
        m.Entry(
            halfway.sequence + 1,
            utc("2026-03-03 02:00"),
            m.VENUE_SESSION_ID,
            [m.SchedulePhase(CEA, Phase.BREAK, utc("2026-03-02 03:30"), utc("2026-03-02 05:00"))],
        )
    )
    halfway.take_outputs()
    assert Market("2026-03-03 02:00", kept=snapshot(halfway)).hears() == made[1:]


def test_a_clock_that_jumps_ahead_is_followed_and_one_that_goes_back_is_waited_for() -> None:
    market = Market("2026-03-02 02:00")
    market.hears()
    assert market.at("2026-03-02 07:30") == [
        "03-02 07:30 CEA BREAK until 03-02 05:00",
        "03-02 07:30 CEA CONTINUOUS until 03-02 07:00",
        "03-02 07:30 CEA CLOSED until 03-03 01:30",
    ]
    assert market.at("2026-03-02 02:30") == []
    assert market.crashed("2026-03-02 02:45").hears() == []
    assert market.at("2026-03-03 01:30") == ["03-03 01:30 CEA CONTINUOUS until 03-03 03:30"]


# --- auctions ---------------------------------------------------------------------------------------
# A Korean day in UTC: orders gather from 00:00, trade at one price at 01:00 and up to 30 s later, then
# continuously until 02:30, and once more at 03:00. In the last minute of an auction nothing is cancelled.

KOREA = """
[[calendars]]
name = "korea"
time_zone = "Asia/Seoul"

[[schedules]]
name = "listed"
calendar = "korea"
steps = [
  { at = "09:00", phase = "opening_auction", random_s = 30, freeze_s = 60 },
  { at = "10:00", phase = "continuous" },
  { at = "11:30", phase = "closing_auction", freeze_s = 60 },
  { at = "12:00", phase = "closed" },
]
"""
END = utc("2026-03-02 01:00")


def cross(market: Market) -> None:
    """Two orders of different participants that an auction trades at 100."""
    market.send(TRADER, order(market.ref(TRADER)))
    sell = structs.replace(order(market.ref(OTHER)), side=m.Side.SELL, price_ticks=99)
    market.send(OTHER, sell)


def traded(market: Market) -> int:
    return market.engine.venue.last_trade_id


def pass_time(market: Market, now_ns: int) -> None:
    """The gateway's sweep: what is due goes first."""
    market.now_ns = now_ns
    while market.engine.is_due(market.pipeline.clocks.time_ns()):
        market.pipeline.submit_venue([m.TimePassed()])
    market.schedules.look()


def test_a_korean_day_gathers_and_trades_at_one_price_twice() -> None:
    market = Market("2026-03-01 20:00", config(KOREA))
    market.hears()
    assert market.at("2026-03-02 00:00") == ["03-02 00:00 CEA OPENING_AUCTION until 03-02 01:00"]
    cross(market)
    assert traded(market) == 0
    ended_ns = market.timing_ends_ns()
    assert END <= ended_ns <= END + 30 * NS_PER_SECOND
    # The step of ten o'clock is noted, and the auction goes on until its end has come.
    pass_time(market, ended_ns - 1_000)
    assert market.phase() is Phase.OPENING_AUCTION
    assert traded(market) == 0
    pass_time(market, ended_ns)
    assert traded(market) == 1
    assert market.hears() == ["03-02 01:00 CEA CONTINUOUS until 03-02 02:30"]
    pass_time(market, utc("2026-03-02 02:30"))
    assert market.hears() == ["03-02 02:30 CEA CLOSING_AUCTION until 03-02 03:00"]
    cross(market)
    pass_time(market, utc("2026-03-02 02:59"))
    market.send(TRADER, m.Cancel(Ref(market.ref(TRADER)), Ref(2)))
    assert market.refused == [m.RejectReason.FROZEN]
    pass_time(market, utc("2026-03-02 03:00"))
    assert traded(market) == 2
    assert market.hears()[-1] == "03-02 03:00 CEA CLOSED until 03-03 00:00"


def test_an_auction_without_a_freeze_is_not_frozen_while_its_end_is_drawn() -> None:
    market = Market(
        "2026-03-02 00:30", config(KOREA.replace("random_s = 30, freeze_s = 60", "random_s = 30"))
    )
    market.send(TRADER, order(market.ref(TRADER)))
    ended_ns = market.timing_ends_ns()
    assert ended_ns > END
    pass_time(market, ended_ns - 1_000)
    assert market.phase() is Phase.OPENING_AUCTION
    market.send(TRADER, m.Cancel(Ref(market.ref(TRADER)), Ref(1)))
    assert market.refused == []


def test_an_auction_whose_end_was_missed_is_carried_out_at_the_start() -> None:
    market = Market("2026-03-02 00:30", config(KOREA))
    cross(market)
    again = market.crashed("2026-03-02 01:30")
    assert traded(again) == 1
    assert again.phase() is Phase.CONTINUOUS
    assert again.hears()[-1] == "03-02 01:30 CEA CONTINUOUS until 03-02 02:30"


def test_both_auctions_of_a_day_that_was_missed_are_carried_out_and_the_day_ends() -> None:
    market = Market("2026-03-02 00:30", config(KOREA))
    cross(market)
    market.send(TRADER, order(market.ref(TRADER)))
    again = market.crashed("2026-03-04 00:30")
    assert traded(again) == 1
    assert list(again.engine.books[CEA].orders()) == []
    assert again.phase() is Phase.OPENING_AUCTION
    # A phase is told once more where only its end becomes known.
    assert [phase for phase, _ in groupby(line.split()[3] for line in again.hears())] == [
        "CONTINUOUS",
        "CLOSING_AUCTION",
        "CLOSED",
        "OPENING_AUCTION",
    ]


def test_a_restart_in_the_middle_of_an_auction_goes_on_with_the_end_that_was_drawn() -> None:
    market = Market("2026-03-02 00:30", config(KOREA))
    cross(market)
    ended_ns = market.timing_ends_ns()
    again = market.crashed("2026-03-02 00:45")
    assert again.hears() == []
    assert again.timing_ends_ns() == ended_ns
    assert traded(again) == 0


def test_an_auction_that_was_halted_and_resumed_ends_when_it_would_have() -> None:
    market = Market("2026-03-02 00:30", config(KOREA))
    cross(market)
    market.send(OPERATOR, m.SetPhase(Ref(1), CEA, Phase.HALTED))
    assert market.engine.books[CEA].timing is None
    market.send(OPERATOR, m.Resume(Ref(2), CEA))
    ended_ns = market.timing_ends_ns()
    assert END <= ended_ns <= END + 30 * NS_PER_SECOND
    pass_time(market, ended_ns)
    assert (market.phase(), traded(market)) == (Phase.CONTINUOUS, 1)


def test_an_auction_that_is_resumed_after_its_end_is_carried_out_then() -> None:
    market = Market("2026-03-02 00:30", config(KOREA))
    cross(market)
    market.send(OPERATOR, m.SetPhase(Ref(1), CEA, Phase.HALTED))
    pass_time(market, END + 60 * NS_PER_SECOND)
    assert (market.phase(), traded(market)) == (Phase.HALTED, 0)
    market.send(OPERATOR, m.Resume(Ref(2), CEA))
    assert (market.phase(), traded(market)) == (Phase.CONTINUOUS, 1)


# --- the rest ---------------------------------------------------------------------------------------


def test_a_holiday_stays_closed() -> None:
    market = Market("2026-03-05 08:00")
    market.hears()
    assert market.at("2026-03-06 02:00") == []
    assert market.at("2026-03-09 01:30") == ["03-09 01:30 CEA CONTINUOUS until 03-09 03:30"]


def test_a_holiday_that_is_announced_on_the_day_closes_it() -> None:
    market = Market("2026-03-02 02:00")
    market.send(TRADER, order(1))
    market.hears()
    market.schedules.take(config(FILE.replace("2026-03-06", "2026-03-02")))
    market.schedules.run()
    assert market.hears() == ["03-02 02:00 CEA CLOSED until 03-03 01:30"]
    assert list(market.engine.books[CEA].orders()) == []
    # And it is opened again where that was wrong.
    market.schedules.take(config())
    market.schedules.run()
    assert market.hears() == ["03-02 02:00 CEA CONTINUOUS until 03-02 03:30"]


def test_a_day_that_was_closed_by_mistake_goes_on_where_it_has_arrived() -> None:
    market = Market("2026-03-02 02:00")
    market.schedules.take(config(FILE.replace("2026-03-06", "2026-03-02")))
    market.schedules.run()
    market.hears()
    market.schedules.take(config())
    market.now_ns = utc("2026-03-02 04:00")
    market.schedules.run()
    assert market.hears() == ["03-02 04:00 CEA BREAK until 03-02 05:00"]


def test_an_extra_session_that_is_announced_is_held() -> None:
    special = """
[[schedules.special]]
dates = [2026-03-07]
steps = [{ at = "10:00", phase = "continuous" }, { at = "11:00", phase = "closed" }]
"""
    market = Market("2026-03-06 08:00")
    market.hears()
    market.schedules.take(config(FILE + special))
    market.schedules.run()
    assert market.at("2026-03-07 02:00") == ["03-07 02:00 CEA CONTINUOUS until 03-07 03:00"]
    assert market.at("2026-03-07 03:00") == ["03-07 03:00 CEA CLOSED until 03-09 01:30"]


def test_an_instrument_that_had_no_schedule_gets_into_the_day() -> None:
    plain = config(FILE)
    unscheduled = parse(
        FILE + INSTRUMENT.format(id=CEA, symbol="CEA") + INSTRUMENT.format(id=GDEA, symbol="GDEA") + OTHERS,
        "venue.toml",
    )
    market = Market("2026-03-02 04:00", unscheduled)
    assert market.phase() is Phase.CONTINUOUS
    assert market.crashed("2026-03-02 04:00", plain).hears() == [
        "03-02 04:00 CEA CONTINUOUS until 03-02 03:30",
        "03-02 04:00 CEA BREAK until 03-02 05:00",
    ]
    assert market.crashed("2026-03-02 23:00", plain).phase() is Phase.CLOSED


def test_a_schedule_without_a_day_is_closed() -> None:
    none = FILE.replace("holidays = [2026-03-06]", "weekdays = []")
    market = Market("2026-03-02 02:00", config(none))
    assert market.hears() == []
    assert market.phase() is Phase.CLOSED
    sequence = market.engine.sequence
    assert market.at("2026-03-03 02:00") == []
    assert market.engine.sequence == sequence


def test_an_instrument_that_waits_for_the_next_start_is_left_alone() -> None:
    market = Market("2026-03-02 02:00")
    more = parse(
        FILE + INSTRUMENT.format(id=9, symbol="BEA") + 'schedule = "listed"\n' + OTHERS, "venue.toml"
    )
    market.schedules.take(more)
    market.schedules.run()
    assert market.engine.books.keys() == {CEA, GDEA, EUA}


# --- operators --------------------------------------------------------------------------------------


def test_an_extension_ends_at_its_time_and_brings_the_close() -> None:
    market = Market("2026-03-02 06:59")
    market.send(TRADER, order(1))
    market.send(OPERATOR, m.SetPhase(Ref(1), CEA, Phase.CONTINUOUS, "", utc("2026-03-02 07:30")))
    market.hears()
    assert market.at("2026-03-02 07:00") == []
    assert market.phase(GDEA) is Phase.CLOSED
    assert market.at("2026-03-02 07:29:59") == []
    assert market.at("2026-03-02 07:30") == ["03-02 07:30 CEA CLOSED until 03-03 01:30"]
    assert list(market.engine.books[CEA].orders()) == []


def test_the_end_of_an_extension_comes_before_the_order_of_that_time() -> None:
    market = Market("2026-03-02 07:10")
    market.send(OPERATOR, m.SetPhase(Ref(1), CEA, Phase.CONTINUOUS, "", utc("2026-03-02 07:30")))
    market.schedules.look()
    market.now_ns = utc("2026-03-02 07:30")
    market.send(TRADER, order(1))
    assert list(market.engine.books[CEA].orders()) == []


def test_a_hold_that_ended_while_the_venue_was_down_is_over() -> None:
    market = Market("2026-03-02 02:00")
    market.send(OPERATOR, m.SetPhase(Ref(1), EUA, Phase.HALTED, "", utc("2026-03-02 02:30")))
    market.send(OPERATOR, m.SetPhase(Ref(2), CEA, Phase.HALTED))
    again = market.crashed("2026-03-02 06:00")
    assert again.phase(EUA) is Phase.CONTINUOUS
    assert again.phase(CEA) is Phase.HALTED


# --- bounds -----------------------------------------------------------------------------------------


def test_more_steps_than_are_made_at_once_hold_everybody_up_until_they_are_durable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("carbonmatch.server.schedules.STEPS_AT_ONCE_MAX", 4)
    market = Market("2026-03-02 02:00")
    served = []
    market.pipeline.on_release = lambda: served.append(market.pipeline.is_full)
    market.disk.holds_up = True
    market.now_ns = utc("2026-03-02 07:00")
    market.schedules.look()
    # Three steps of each are due: four are made, on their way as one batch and three.
    assert (market.phase(CEA), market.phase(GDEA)) == (Phase.CLOSED, Phase.BREAK)
    assert market.pipeline.is_full
    market.schedules.look()
    assert market.phase(GDEA) is Phase.BREAK
    market.disk.done(market.disk.waiting.pop())
    assert market.pipeline.is_full
    market.disk.done(market.disk.waiting.pop())
    assert market.phase(GDEA) is Phase.CLOSED
    assert not market.pipeline.is_full
    # Told at every release, and once more when it goes on.
    assert served == [True, True, False]


# --- whatever happens -------------------------------------------------------------------------------


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from(["look", "crash", "order"]), st.integers(1, 30 * 3_600)), max_size=12)
)
def test_whenever_somebody_looks_or_everything_crashes_the_phase_is_that_of_the_clock(
    moves: list[tuple[str, int]],
) -> None:
    market = Market("2026-03-01 20:00")
    [schedule], [calendar] = market.config.schedules, market.config.calendars
    timetable = Timetable(schedule, calendar)
    for ref, (what, seconds) in enumerate(moves, 1):
        market.now_ns += seconds * 1_000_000_000
        if what == "look":
            market.schedules.look()
        elif what == "crash":
            market = market.crashed(shown(market.now_ns))
        else:
            market.send(TRADER, order(ref))
        assert market.phase() is timetable.phase_at(market.now_ns)
        if market.phase() is Phase.CLOSED:
            assert list(market.engine.books[CEA].orders()) == []
        market.engine.check()


# --- from its listing to its last day ---------------------------------------------------------------


def with_life_of_cea(first: date | None, last: date | None) -> Config:
    file = config()
    cea, *others = file.instruments
    return structs.replace(
        file, instruments=(structs.replace(cea, list_date=first, last_trade_date=last), *others)
    )


def test_an_instrument_trades_from_its_listing_to_its_last_day() -> None:
    market = Market("2026-03-01 00:00", with_life_of_cea(date(2026, 3, 3), date(2026, 3, 4)))
    phases = {}
    for day in (2, 3, 4, 5):
        market.at(f"2026-03-0{day} 02:00")
        phases[day] = (market.phase(CEA), market.phase(GDEA))
    trading, closed = Phase.CONTINUOUS, Phase.CLOSED
    assert phases == {
        2: (closed, trading),
        3: (trading, trading),
        4: (trading, trading),
        5: (closed, trading),
    }


def test_the_last_close_of_an_instrument_says_that_nothing_follows() -> None:
    market = Market("2026-03-04 02:00", with_life_of_cea(None, date(2026, 3, 4)))
    market.hears()
    assert market.at("2026-03-04 07:00")[-1] == "03-04 07:00 CEA CLOSED until ?"


def test_a_venue_that_was_down_over_the_last_close_of_an_instrument_closes_it() -> None:
    market = Market("2026-03-04 02:00", with_life_of_cea(None, date(2026, 3, 4)))
    market.send(TRADER, order(1))
    again = market.crashed("2026-03-09 02:00")
    assert (again.phase(CEA), again.phase(GDEA)) == (Phase.CLOSED, Phase.CONTINUOUS)
    assert list(again.engine.books[CEA].orders()) == []


def test_a_last_day_that_is_told_when_it_is_over_closes_at_once() -> None:
    market = Market("2026-03-03 02:00")
    assert market.phase(CEA) is Phase.CONTINUOUS
    market.schedules.take(with_life_of_cea(None, date(2026, 3, 2)))
    market.schedules.run()
    assert (market.phase(CEA), market.phase(GDEA)) == (Phase.CLOSED, Phase.CONTINUOUS)
    market.schedules.take(with_life_of_cea(None, None))
    market.schedules.run()
    assert market.phase(CEA) is Phase.CONTINUOUS

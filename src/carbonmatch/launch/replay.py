"""The cycle, day by day: opens the venue, has the companies deal as planned, and ends each day.

Everything goes over sessions and is answered by the engine; what it refuses and the plan relies on ends the
replay. What it should refuse is asked for as well, now and then.
"""

import heapq
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

from msgspec import structs

from carbonmatch.config import Config
from carbonmatch.launch.asking import QUOTED_TONNES_MAX, Asking
from carbonmatch.launch.dealing import Dealing
from carbonmatch.launch.desks import Desk, LaunchFailed, Watcher
from carbonmatch.launch.firms import SPARE_FEN, Firm
from carbonmatch.launch.market import CURRENCY, OPERATOR, WATCHER, ZONE
from carbonmatch.launch.plan import Deal, Plan
from carbonmatch.launch.turns import NS_PER_SECOND, Loop
from carbonmatch.launch.venue import Venue
from carbonmatch.matching.messages import (
    AccountId,
    Deposit,
    Done,
    Holding,
    InspectHoldings,
    InstrumentId,
    Ref,
    SetAccountLimits,
    Side,
    StatusEnd,
)
from carbonmatch.protocol.messages import Role

NO_INSTRUMENT: Final = InstrumentId(0)
_ZONE: Final = ZoneInfo(ZONE)
# Local seconds between which deals of the screen, and blocks, are made.
_SCREEN_WINDOWS: Final = (
    (9 * 3600 + 31 * 60, 11 * 3600 + 29 * 60),
    (13 * 3600 + 31 * 60, 14 * 3600 + 59 * 60),
)
_BLOCK_WINDOWS: Final = ((13 * 3600 + 31 * 60, 14 * 3600 + 55 * 60),)
# When all markets have closed, and their schedules have ended their days.
_DAY_OVER_S: Final = 16 * 3600 + 10 * 60
# When there are quotes: after the opening, and before the first deal.
_QUOTES_S: Final = 9 * 3600 + 30 * 60 + 20
# After the last deal, and before the screen closes.
_TOO_SOON_S: Final = 14 * 3600 + 59 * 60 + 30
# On so many of its days somebody asks a market for what it does not allow.
_RULES_BROKEN_SHARE: Final = 0.5
# Between an order and whoever takes it, at least.
_PAUSE_S: Final = 0.5
# Times are whole tenths of a second, so that what different markets do at once shares a batch.
_GRAIN_NS: Final = NS_PER_SECOND // 10


class Replay:
    """The venue and everybody on it."""

    def __init__(
        self, config: Config, plan: Plan, firms: dict[str, list[Firm]], directory: Path, seed: int
    ) -> None:
        self.plan = plan
        self.firms = firms
        self.days_done = 0
        self.restarts = 0
        self._config = config
        self._directory = directory
        self._seed = seed
        self._random = Random(f"replay {seed}")
        self._desks = {
            account: desk
            for session in config.sessions
            if session.accounts
            for desk in [Desk(session.name)]
            for account in session.accounts
        }
        self._gateways = list(dict.fromkeys(self._desks.values()))
        self.operator = Desk(OPERATOR, Role.OPERATOR)
        self.watcher = Watcher(WATCHER)
        self.loop = Loop(_ns(plan.days[0], 8 * 3600))
        self._steps: list[tuple[int, int, Callable[[], object]]] = []
        self._asked = 0
        self.dealing = Dealing(
            self._at,
            self._desks,
            {one.symbol: one for one in config.instruments},
            self._random,
        )
        self.asking = {
            one.symbol: Asking(self._at, self._desks, one, firms[one.symbol], self._random)
            for one in config.instruments
        }
        self._deals: dict[date, list[Deal]] = {day: [] for day in plan.days}
        for deal in plan.deals:
            self._deals[deal.day].append(deal)
        self.venue = self._start()
        self._allocate()
        self._deposit()

    # --- the venue -------------------------------------------------------------------------------

    def _start(self) -> Venue:
        venue = Venue(self._config, self._directory, self.loop, self._seed)
        for desk in (*self._gateways, self.operator):
            desk.connect(self.loop, venue)
        self.watcher.connect(self.loop, venue)
        return venue

    def restart(self) -> None:
        """Stop the venue, and start it again from what is on the disk."""
        self.stop()
        self.venue = self._start()
        self.restarts += 1

    def stop(self) -> bytes:
        """Return the digest of the state."""
        for desk in (*self._gateways, self.operator):
            desk.leave()
        self.watcher.leave()
        return self.venue.stop()

    # --- accounts --------------------------------------------------------------------------------

    def _allocate(self) -> None:
        """What companies were allocated, where they may hold that and so much more: in Beijing."""
        for one in self._config.instruments:
            clearing = one.clearing
            if clearing is not None and any(limits.adds_allocation for limits in clearing.holders):
                for firm in self.firms[one.symbol]:
                    self._allot(AccountId(firm.account), one.id, firm.allocated)
                self.loop.run()

    def _allot(self, account: AccountId, instrument_id: InstrumentId, tonnes: int) -> None:
        def answered(report: Any) -> None:
            if not isinstance(report, Done):
                raise LaunchFailed(f"allocation of {tonnes} t to account {account}: {report}")

        self.operator.send(
            lambda ref: SetAccountLimits(ref, account, instrument_id, allocated_lots=tonnes), answered
        )

    def _deposit(self) -> None:
        """What the registry and the banks bring before the first day: allowances, and money."""
        numbers = {one.symbol: one.id for one in self._config.instruments}
        for symbol, firms in self.firms.items():
            for firm in firms:
                self._bring(AccountId(firm.account), numbers[symbol], firm.deposited, "", 0)
                self._bring(AccountId(firm.account), NO_INSTRUMENT, 0, CURRENCY, firm.funds)
            self.loop.run()

    def _bring(
        self, account: AccountId, instrument_id: InstrumentId, tonnes: int, currency: str, fen: int
    ) -> None:
        def answered(report: Any) -> None:
            if not isinstance(report, Done):
                raise LaunchFailed(f"deposit of {tonnes} t, {fen} fen into account {account}: {report}")

        if tonnes or fen:
            self.operator.send(
                lambda ref: Deposit(ref, account, instrument_id, tonnes, currency, fen), answered
            )

    def inspect(self) -> None:
        """Ask what every account has; the answers are in the journal."""
        page: InspectHoldings | None = InspectHoldings(Ref(1))
        told: list[Any] = []
        while page is not None:
            asked = page
            told.clear()
            self.operator.send(lambda ref, asked=asked: structs.replace(asked, ref=ref), told.append)  # type: ignore[misc]
            self.loop.run()
            page = _next_page(told)

    # --- a day -----------------------------------------------------------------------------------

    def run_day(self, day: date) -> None:
        self._ask(day)
        by_market: dict[tuple[str, bool], list[Deal]] = {}
        for deal in self._deals[day]:
            by_market.setdefault((deal.market, deal.is_block), []).append(deal)
        for (_, is_block), deals in by_market.items():
            self._place(day, deals, _BLOCK_WINDOWS if is_block else _SCREEN_WINDOWS)
        self._run_steps()
        self.venue.pass_time(_ns(day, _DAY_OVER_S))
        for desk in (*self._gateways, self.operator):
            desk.forget()
        self.days_done += 1

    def _ask(self, day: date) -> None:
        """What is asked for at the opening beside the deals."""
        for instrument in self._config.instruments:
            asking = self.asking[instrument.symbol]
            band = self.watcher.bands[instrument.id]
            deals = [deal for deal in self._deals[day] if deal.market == instrument.symbol]
            asking.quote(deals, band, _ns(day, _QUOTES_S))
            if self._random.random() < _RULES_BROKEN_SHARE:
                asking.break_rules(band, _ns(day, _QUOTES_S + 10))
                asking.overreach(band, _ns(day, _QUOTES_S + 20))
                asking.sell_too_soon(deals, band, day, _ns(day, _TOO_SOON_S))

    # --- deals -----------------------------------------------------------------------------------

    def _place(self, day: date, deals: list[Deal], windows: tuple[tuple[int, int], ...]) -> None:
        """Give each deal a slot of its own, one after the other."""
        seconds = sum(end - begin for begin, end in windows)
        slot = seconds / len(deals)
        for index, deal in enumerate(deals):
            first = _in_windows(windows, (index + self._random.uniform(0.05, 0.4)) * slot)
            second = _in_windows(windows, (index + self._random.uniform(0.5, 0.9)) * slot)
            begin = max(begin for begin, _ in windows if begin <= second)
            # Nothing rests over the break.
            first = max(first, begin)
            second = max(second, first + _PAUSE_S)
            self.dealing.make(deal, _ns(day, first), _ns(day, second), self._bystanders)

    def _bystanders(self, deal: Deal, side: Side) -> list[int]:
        """Who could offer the same beside the deals of the plan and the offers that nobody takes."""
        firms = [firm for firm in self.firms[deal.market] if firm.is_seller]
        if side is Side.SELL:
            return [firm.account for firm in firms if firm.left >= deal.tonnes + QUOTED_TONNES_MAX]
        return [firm.account for firm in firms] if 2 * deal.tonnes * deal.price <= SPARE_FEN else []

    # --- steps -----------------------------------------------------------------------------------

    def _at(self, time_ns: int, step: Callable[[], object]) -> None:
        self._asked += 1
        heapq.heappush(self._steps, (time_ns // _GRAIN_NS * _GRAIN_NS, self._asked, step))

    def _run_steps(self) -> None:
        """Take all steps in the order of their times; those of one time are sent before any is answered."""
        steps = self._steps
        while steps:
            time_ns = steps[0][0]
            self.venue.pass_time(time_ns)
            while steps and steps[0][0] == time_ns:
                heapq.heappop(steps)[2]()
            self.loop.run()


def _next_page(told: list[Any]) -> InspectHoldings | None:
    """What to ask for after this answer; None: it was the last one."""
    *reports, end = told
    if not isinstance(end, StatusEnd):
        raise LaunchFailed(f"holdings: {end}, expected the end of a page")
    if not end.more:
        return None
    last = reports[-1]
    if isinstance(last, Holding):
        return InspectHoldings(
            Ref(1), after_account_id=last.account_id, after_instrument_id=last.instrument_id
        )
    return InspectHoldings(Ref(1), after_account_id=last.account_id, after_currency=last.currency)


def _in_windows(windows: tuple[tuple[int, int], ...], seconds: float) -> float:
    """The second of the day that is so many seconds into the windows."""
    for begin, end in windows:
        if seconds <= end - begin:
            return begin + seconds
        seconds -= end - begin
    return windows[-1][1]


def _ns(day: date, seconds: float) -> int:
    """A local time of the day in UTC."""
    midnight = datetime.combine(day, time(), _ZONE)
    instant = midnight + timedelta(seconds=seconds)
    return int(instant.timestamp()) * NS_PER_SECOND + instant.microsecond * 1_000

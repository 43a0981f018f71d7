"""Markets of chance with every mechanism at once: the screen in its three ways, blocks, biddings, holdings,
prices by rules, composite prices, and days that end.

Half of the commands are those of `worlds`, on these instruments; the others are of the mechanisms.
"""

import random
from collections.abc import Iterator
from typing import Final

import msgspec

from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import (
    AccountId,
    AnyCommand,
    BlockPhase,
    Entry,
    InstrumentDefinition,
    InstrumentId,
    OrderId,
    Phase,
    Ref,
    SessionId,
    Side,
    TradeKind,
)
from tests.matching.worlds import (
    COMMAND_BYTES,
    OPERATOR,
    OTHER_CORRIDOR,
    OTHER_INTERVAL,
    SESSIONS,
    Choices,
    World,
)

EUA, CEA, LISTED, MIDDLE, COMPOSITE = map(InstrumentId, (1, 2, 3, 4, 9))
ACCOUNTS: Final = (11, 12, 13, 14)
_START_NS: Final = 1_700_000_000_000_000_000
# So many dates have been by then that a day may be called: from the first of January 2023 on.
_DAYS: Final = [20230000 + month * 100 + day for month in range(1, 11) for day in range(1, 29)]
_AT_LAST_N: Final = m.PriceRules(
    open=m.OpenRule.OPENING_AUCTION,
    close=m.CloseRule.VWAP_LAST_N,
    n_trades=3,
    close_quantity_min_lots=2,
    band_up_basis_points=2_000,
    band_down_basis_points=3_000,
    stale_alert_days=1,
)
_BY_DAY: Final = m.PriceRules(close=m.CloseRule.CLOSING_AUCTION)
_CLEARING: Final = m.ClearingRules(
    lag_days=2, fees=(m.Fees(TradeKind.CONTINUOUS, 30, 20), m.Fees(TradeKind.BLOCK, 0, 0, 1, 1))
)


def whole_definitions() -> list[InstrumentDefinition]:
    """In all of them biddings and blocks; what differs is the screen, and who holds what."""

    def one(instrument_id: InstrumentId, **fields: object) -> InstrumentDefinition:
        plain = InstrumentDefinition(
            instrument_id,
            f"I{instrument_id}",
            "CNY",
            1,
            2,
            1,
            reference_price_ticks=100,
            allowed=m.AllowedFlag.ALL,
            bidding=m.BiddingRules(bids_max=3),
            blocks=m.BlockRules(confirm_both=instrument_id % 2 == 0, tape=m.BlockTape(1 + instrument_id % 2)),
        )
        return msgspec.structs.replace(plain, **fields)

    shown = m.ScreenRules(order_list=True)
    middle = m.ScreenRules(m.ScreenMechanism.MIDDLE_PRICE)
    plain = m.AllowedFlag.LIMIT | m.AllowedFlag.DAY | m.AllowedFlag.GTC
    listed = m.ScreenRules(m.ScreenMechanism.LISTING, order_list=True, oversize=m.Oversize.FILL_AVAILABLE)
    return [
        one(EUA, screen=shown, prices=_AT_LAST_N, volatility=OTHER_INTERVAL),
        one(CEA, clearing=_CLEARING, prices=_BY_DAY, volatility=OTHER_CORRIDOR),
        one(LISTED, screen=listed, clearing=_CLEARING, allowed=plain),
        one(MIDDLE, screen=middle, prices=m.PriceRules(), allowed=plain),
    ]


class WholeWorld(World):
    """Turns bytes into entries. What was announced, bid for and proposed goes by its place in the journal."""

    def __init__(self) -> None:
        super().__init__((None,))
        self.day = 0
        self.biddings: list[OrderId] = []
        self.bids: list[OrderId] = []
        self.proposals: list[OrderId] = []

    def setup(self) -> Entry:
        entry = super().setup()
        others = [one for one in entry.commands if not isinstance(one, m.DefineInstrument)]
        members = (m.CompositeMember(EUA), m.CompositeMember(CEA, 2))
        commands: list[AnyCommand] = [
            *map(m.DefineInstrument, whole_definitions()),
            *others,
            m.DefineComposite(m.CompositeDefinition(COMPOSITE, "ALL", "CNY", 2, members)),
            m.DefineKey("key", bytes(32), (m.KeySession(SessionId(1), (1,)),)),
        ]
        self._not_scouted.clear()
        self.sequence = 0
        return self.frame(0, commands)

    def endowed(self) -> Entry:
        """Every account gets units and money."""
        commands: list[AnyCommand] = []
        for account in map(AccountId, ACCOUNTS):
            commands.append(m.Deposit(self._ref(OPERATOR), account, currency="CNY", amount_minor=90_000))
            commands += [
                m.Deposit(self._ref(OPERATOR), account, instrument_id, 900) for instrument_id in (CEA, LISTED)
            ]
        return self.frame(OPERATOR, commands)

    def day_end(self, choices: Choices) -> Entry:
        """The close, the end of the day, what the registry answers, and the next day's opening."""
        day = _DAYS[self.day % len(_DAYS)]
        self.day += 1
        outcome = choices.of((m.SettlementOutcome.CONFIRMED, m.SettlementOutcome.OBJECTED))
        objections = (m.TradeId(1),) if outcome is m.SettlementOutcome.OBJECTED else ()
        opening = choices.of((Phase.CONTINUOUS, Phase.CONTINUOUS, Phase.OPENING_AUCTION))
        commands: list[AnyCommand] = [
            m.SetPhase(self._ref(OPERATOR), InstrumentId(0), Phase.CLOSED),
            m.EndDay(self._ref(OPERATOR), day),
            m.ConfirmSettlement(
                self._ref(OPERATOR),
                day,
                1,
                bytes([choices.byte()] * 32),
                outcome,
                objections,
                len(objections),
            ),
            m.Resume(self._ref(OPERATOR), InstrumentId(0)),
            m.SetPhase(self._ref(OPERATOR), InstrumentId(choices.of((EUA, CEA, MIDDLE))), opening),
        ]
        return self.frame(OPERATOR, commands[: 1 + choices.of((4, 4, 4, 0, 2))])

    def mechanism_entry(self, choices: Choices) -> Entry:
        """One command of a mechanism, of a session, an operator or the venue."""
        kind = choices.byte() % 40
        if kind == 0:
            return self.day_end(choices)
        if kind < 4:
            return self.frame(0, [self._venue_mechanism(choices)])
        if kind < 12:
            return self.frame(OPERATOR, [self._operator_mechanism(choices)])
        session = 1 + choices.byte() % (OPERATOR - 1)
        return self.frame(session, [self._session_mechanism(session, choices)])

    def _new_order(self, session: int, ref: Ref, sequence: int, choices: Choices) -> m.NewOrder:
        """Two of five on the screens that `worlds` does not know."""
        order = super()._new_order(session, ref, sequence, choices)
        instrument_id = (LISTED, MIDDLE, *[order.instrument_id] * 3)[sequence % 5]
        return msgspec.structs.replace(order, instrument_id=instrument_id)

    def _venue_command(self, choices: Choices) -> AnyCommand:
        command = super()._venue_command(choices)
        if isinstance(command, m.DefineInstrument):
            changed = choices.of(whole_definitions())
            return m.DefineInstrument(msgspec.structs.replace(changed, quantity_max_lots=10**6))
        if isinstance(command, m.SetPhase) and command.instrument_id == 0 and command.phase in m.GATHERING:
            # Not all have auctions, and what the venue says itself has to fit.
            return msgspec.structs.replace(command, instrument_id=EUA)
        return command

    def _ref(self, session: int) -> Ref:
        self.last_ref[session] += 1
        return Ref(self.last_ref[session])

    def _time_ns(self) -> int:
        return _START_NS + self.sequence

    def _of(self, places: list[OrderId], choices: Choices) -> OrderId:
        """Mostly a recent one."""
        return choices.of(places[-6:]) if places else OrderId(0)

    def _session_mechanism(self, session: int, choices: Choices) -> AnyCommand:
        ref, place = self._ref(session), OrderId(self.sequence + 1)
        account = AccountId(choices.of((0, *SESSIONS[session - 1])))
        lots, price = choices.of((1, 2, 4, 6, 9)), choices.of((97, 98, 99, 100, 101, 102))
        expires_ns = choices.of((0, 0, self._time_ns() + 30))
        kind = choices.byte() % 16
        if kind < 3:
            self.bids.append(place)
            return m.Bid(ref, self._of(self.biddings, choices), lots, price, account)
        if kind == 3:
            return m.ModifyBid(ref, self._of(self.bids, choices), lots, price)
        if kind == 4:
            return m.WithdrawBid(ref, self._of(self.bids, choices))
        if kind < 9:
            self.proposals.append(place)
            instrument_id = InstrumentId(choices.of((EUA, CEA, LISTED, MIDDLE)))
            to = AccountId(choices.of((0, 0, 11, 12, 13, 14)))
            side = choices.of((Side.BUY, Side.SELL))
            return m.BlockPropose(
                ref,
                instrument_id,
                side,
                lots,
                price,
                account,
                to,
                expires_ns=expires_ns,
                flags=choices.byte() % 2,
            )
        proposal = self._of(self.proposals, choices)
        if kind < 12:
            # A counter to a post is a proposal of its own, under this number.
            self.proposals.append(place)
            return m.BlockCounter(ref, proposal, lots, price, account, expires_ns)
        if kind == 12:
            return m.BlockAccept(ref, proposal, lots, price, account)
        if kind == 13:
            kinds: tuple[type[m.BlockDecline | m.BlockWithdraw], ...] = (m.BlockDecline, m.BlockWithdraw)
            return choices.of(kinds)(ref, proposal)
        return m.Select(ref, LISTED, choices.of((Side.BUY, Side.SELL)), lots, account_id=account)

    def _operator_mechanism(self, choices: Choices) -> AnyCommand:
        ref = self._ref(OPERATOR)
        instrument_id = InstrumentId(choices.of((EUA, CEA, LISTED, MIDDLE)))
        kind = choices.byte() % 12
        if kind < 6:
            self.biddings.append(OrderId(self.sequence + 1))
            opens_ns = self._time_ns() + choices.of((0, 0, 20))
            closes_ns = opens_ns + choices.of((40, 80, 300))
            session = 1 + choices.byte() % (OPERATOR - 1)
            rules = m.BiddingRules(tie=choices.of(tuple(m.BiddingTie)), bid_min_lots=1)
            side = choices.of((Side.SELL, Side.BUY))
            return m.AnnounceBidding(
                ref, instrument_id, SessionId(session), AccountId(0), side, 9, 97, opens_ns, closes_ns, rules
            )
        if kind == 6:
            return m.CancelBidding(ref, self._of(self.biddings, choices), "off")
        if kind == 7:
            return m.SetBlockPhase(ref, instrument_id, choices.of((*BlockPhase, BlockPhase.AS_SCHEDULED)))
        if kind == 8:
            return m.SetReference(ref, instrument_id, choices.of((98, 100, 102)))
        account = AccountId(choices.of(ACCOUNTS))
        if kind == 9:
            restriction = choices.of((*m.Restriction, m.Restriction.NONE))
            return m.RestrictAccount(ref, account, restriction, cancels=choices.byte() % 2 == 1)
        if kind == 10:
            return m.Deposit(ref, account, CEA, 5)
        return m.Withdraw(ref, account, currency="CNY", amount_minor=7)

    def _venue_mechanism(self, choices: Choices) -> AnyCommand:
        instrument_id = InstrumentId(choices.of((EUA, CEA, LISTED, MIDDLE)))
        kind = choices.byte() % 4
        if kind == 0:
            self.steps += 1
            phase = choices.of((Phase.CONTINUOUS, Phase.CONTINUOUS, Phase.BREAK, Phase.CLOSED))
            return m.ScheduleBlock(instrument_id, phase, self.steps, self._time_ns() + 50)
        if kind == 1:
            self.steps += 1
            day = _DAYS[self.day % len(_DAYS)]
            return m.SchedulePhase(instrument_id, Phase.CONTINUOUS, self.steps, 0, trading_day=day)
        return m.TimePassed()


def whole(seed: int, commands: int) -> Iterator[Entry]:
    """A world of so many commands or a few more."""
    chance = random.Random(seed)
    world = WholeWorld()
    yield world.setup()
    yield world.endowed()
    while world.sequence < commands:
        if chance.randrange(2):
            yield world.mechanism_entry(Choices(chance.randbytes(COMMAND_BYTES)))
        else:
            entry = world.entry([chance.randbytes(COMMAND_BYTES) for _ in range(1 + chance.randrange(4))])
            yield entry

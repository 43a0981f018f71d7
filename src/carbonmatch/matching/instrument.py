"""An instrument: its definition, its phase, and what it admits now."""

from typing import TYPE_CHECKING, Final

import msgspec

from carbonmatch.limits import PRICE_TICKS_MAX, QUANTITY_LOTS_MAX
from carbonmatch.matching.course import Course
from carbonmatch.matching.messages import (
    GATHERING,
    AccountId,
    AllowedFlag,
    Cancel,
    InstrumentDefinition,
    NewOrder,
    OrderType,
    Phase,
    Reduce,
    RejectReason,
    Replace,
    ScreenMechanism,
    Select,
    SelfTradeFlag,
    SelfTradePrevention,
    TimeInForce,
    TradeKind,
)
from carbonmatch.matching.prices.bands import rule_band
from carbonmatch.matching.screen_rules import ADMITTED
from carbonmatch.matching.screen_rules import faults as screen_faults
from carbonmatch.matching.volatility_rules import NO_WIDTH, faults

if TYPE_CHECKING:
    from carbonmatch.matching.clearing.clearing import Clearing
    from carbonmatch.matching.clearing.position import Position

# What each phase admits. Cancels are admitted always, so nothing looks them up here.
ALLOWED: Final[dict[Phase, frozenset[type]]] = {
    Phase.CONTINUOUS: frozenset({NewOrder, Select, Replace, Reduce, Cancel}),
    Phase.CANCEL_ONLY: frozenset({Reduce, Cancel}),
    Phase.HALTED: frozenset({Cancel}),
    Phase.CLOSED: frozenset({Cancel}),
    Phase.PRE_OPEN: frozenset({NewOrder, Replace, Reduce, Cancel}),
    Phase.OPENING_AUCTION: frozenset({NewOrder, Replace, Reduce, Cancel}),
    Phase.CLOSING_AUCTION: frozenset({NewOrder, Replace, Reduce, Cancel}),
    Phase.VOLATILITY_AUCTION: frozenset({NewOrder, Replace, Reduce, Cancel}),
    Phase.BREAK: frozenset({Reduce, Cancel}),
}
assert ALLOWED.keys() == set(Phase)
assert all(Cancel in commands for commands in ALLOWED.values())
# In which of these phases an order for an auction only is in the book.
TAKES_PART: Final[dict[TimeInForce, frozenset[Phase]]] = {
    TimeInForce.AT_OPEN: frozenset({Phase.PRE_OPEN, Phase.OPENING_AUCTION}),
    TimeInForce.AT_CLOSE: frozenset({Phase.CLOSING_AUCTION}),
    TimeInForce.GOOD_FOR_AUCTION: GATHERING,
}

REFUSAL: Final[dict[Phase, RejectReason]] = {
    Phase.CANCEL_ONLY: RejectReason.CANCEL_ONLY,
    Phase.HALTED: RejectReason.HALTED,
    Phase.CLOSED: RejectReason.CLOSED,
    Phase.BREAK: RejectReason.NOT_IN_THIS_PHASE,
}


# The bit of each type and time in force in `InstrumentDefinition.allowed`.
TYPE_FLAG: Final[dict[OrderType, int]] = {
    OrderType.LIMIT: AllowedFlag.LIMIT,
    OrderType.MARKET: AllowedFlag.MARKET,
    OrderType.STOP: AllowedFlag.STOP,
    OrderType.STOP_LIMIT: AllowedFlag.STOP_LIMIT,
}
TIME_IN_FORCE_FLAG: Final[dict[TimeInForce, int]] = {
    TimeInForce.DAY: AllowedFlag.DAY,
    TimeInForce.GTC: AllowedFlag.GTC,
    TimeInForce.IOC: AllowedFlag.IOC,
    TimeInForce.FOK: AllowedFlag.FOK,
    TimeInForce.GTD: AllowedFlag.GTD,
    TimeInForce.AT_OPEN: AllowedFlag.AT_OPEN,
    TimeInForce.AT_CLOSE: AllowedFlag.AT_CLOSE,
    TimeInForce.GOOD_FOR_AUCTION: AllowedFlag.GOOD_FOR_AUCTION,
}
# What a plain order may be, all of it.
_PLAIN: Final = AllowedFlag.LIMIT | AllowedFlag.DAY | AllowedFlag.GTC | AllowedFlag.IOC


class Instrument:
    """The definition is the truth; the other fields repeat it in the form that checks read fast.

    A band is part of the definition: setting one changes the definition, and a new definition sets
    its band. `configured` is the last definition as it came, without later bands.
    """

    __slots__ = (
        "admits_new",
        "admits_plain",
        "admits_plain_asked",
        "allowed",
        "collar",
        "configured",
        "course",
        "definition",
        "has_increments",
        "instrument_id",
        "is_frozen",
        "is_gathering",
        "is_trading",
        "is_uncrossing",
        "matches",
        "mechanism",
        "modes",
        "phase",
        "plain_positions",
        "positions",
        "price_high_ticks",
        "price_increment_ticks",
        "price_low_ticks",
        "quantity_increment_lots",
        "quantity_max_lots",
        "quantity_min_lots",
        "reserved_basis_points",
        "reserved_minor_per_lot",
        "self_trade_key",
        "self_trade_prevention",
        "tick_value_minor",
        "volatility",
    )

    def __init__(self, definition: InstrumentDefinition) -> None:
        self.instrument_id = definition.instrument_id
        self.configured = self.definition = definition
        self.allowed = definition.allowed
        self.volatility = definition.volatility
        self.mechanism = definition.screen.mechanism
        self.course = Course(definition.opening_phase)
        self.is_frozen = self.is_uncrossing = False
        # Whose orders may be plain where it is cleared, and those same ones where one may be now.
        self.positions: dict[AccountId, Position] | None = None
        self.plain_positions: dict[AccountId, Position] | None = None
        # What an order to buy has to reserve there, as `Amounts.reserved_minor`.
        self.tick_value_minor = definition.tick_value_minor
        self.reserved_basis_points = self.reserved_minor_per_lot = 0
        self.enter(definition.opening_phase)
        self.configure(definition)

    def enter(self, phase: Phase) -> None:
        self.phase = phase
        self._admit()

    def freeze(self, *, uncrossing: bool = False) -> None:
        """From here on nothing is cancelled or amended; while it is `uncrossing`, nothing comes."""
        self.is_frozen = True
        self.is_uncrossing = uncrossing
        self._admit()

    def thaw(self) -> None:
        self.is_frozen = self.is_uncrossing = False
        self._admit()

    def refusal(self, kind: type) -> RejectReason | None:
        """Why a command of this kind is not admitted now, None if it is."""
        if self.definition.delisted and kind is not Cancel:
            return RejectReason.INSTRUMENT_DELISTED
        if self.is_frozen and (kind is not NewOrder or self.is_uncrossing):
            return RejectReason.FROZEN
        return None if kind in ALLOWED[self.phase] else REFUSAL[self.phase]

    @property
    def has_auctions(self) -> bool:
        """Whether orders may gather, to be carried out at one price."""
        return self.mechanism is ScreenMechanism.CONTINUOUS

    @property
    def screen_kind(self) -> TradeKind:
        """How trades of its orders come about where nothing gathers."""
        is_listing = self.mechanism is ScreenMechanism.LISTING
        return TradeKind.LISTED if is_listing else TradeKind.CONTINUOUS

    def _admit(self) -> None:
        self.is_trading = self.phase is Phase.CONTINUOUS
        # Whether orders that cross trade by themselves now.
        self.matches = self.is_trading and self.mechanism is not ScreenMechanism.LISTING
        self.is_gathering = self.phase in GATHERING
        assert not self.is_gathering or self.has_auctions, "a phase that it can be in"
        self.admits_new = NewOrder in ALLOWED[self.phase] and not self.is_uncrossing
        is_continuous = self.mechanism is ScreenMechanism.CONTINUOUS
        admits = self.is_trading and is_continuous and self.allowed & _PLAIN == _PLAIN
        # Where accounts hold what they trade, an order is plain only as long as there is enough; where prices
        # are restrained, only as long as it trades with nobody. What both look at is asked for at length, and
        # so is what accounts need where a list is told of each order.
        is_cleared = self.definition.clearing is not None
        is_restrained = self.volatility is not None
        is_asked = is_restrained or (is_cleared and self.definition.screen.order_list)
        self.admits_plain = admits and not (is_cleared or is_restrained)
        self.plain_positions = self.positions if admits and not is_asked else None
        self.admits_plain_asked = admits and is_asked

    def clear_by(self, clearing: "Clearing | None") -> None:
        """From now on orders reserve there what they need; None: nowhere."""
        self.positions = None
        if clearing is not None:
            self.positions = clearing.unrestricted
            self.tick_value_minor = clearing.amounts.tick_value_minor
            self.reserved_basis_points, self.reserved_minor_per_lot = clearing.amounts.of_screen
        self._admit()

    def configure(self, definition: InstrumentDefinition) -> None:
        """Take a new definition; the phase stays."""
        assert not [*screen_faults(definition)], "a configuration is checked before"
        definition_in_force = self._carried(definition)
        self.configured = definition
        self._use(definition_in_force)

    def _carried(self, definition: InstrumentDefinition) -> InstrumentDefinition:
        """With the reference price there is, where rules carry it on and the definition gives no other."""
        if definition.prices is None:
            return definition
        if definition.reference_price_ticks != self.configured.reference_price_ticks:
            reference_ticks = definition.reference_price_ticks
        else:
            reference_ticks = self.definition.reference_price_ticks
        low_ticks, high_ticks = rule_band(definition, reference_ticks)
        return msgspec.structs.replace(
            definition,
            reference_price_ticks=reference_ticks,
            band_low_ticks=low_ticks,
            band_high_ticks=high_ticks,
        )

    def _use(self, definition: InstrumentDefinition) -> None:
        assert definition.instrument_id == self.instrument_id
        assert definition.price_increment_ticks >= 1
        assert definition.quantity_increment_lots >= 1
        assert 1 <= definition.quantity_min_lots <= definition.quantity_max_lots <= QUANTITY_LOTS_MAX
        assert is_band(
            definition.reference_price_ticks, definition.band_low_ticks, definition.band_high_ticks
        )
        assert definition.volatility is None or not [*faults(definition.volatility)]
        assert not definition.allowed & ~AllowedFlag.ALL, "a type that does not exist yet cannot be allowed"
        assert 0 <= definition.market_protection_ticks <= PRICE_TICKS_MAX
        self.definition = definition
        self.mechanism = definition.screen.mechanism
        self.allowed = definition.allowed & ADMITTED[self.mechanism]
        self.volatility = definition.volatility
        # None: there is none, which is one look where comparing widths would be a call.
        collar = None if self.volatility is None else self.volatility.collar
        self.collar = None if collar == NO_WIDTH else collar
        self._admit()
        self.price_increment_ticks = definition.price_increment_ticks
        self.quantity_increment_lots = definition.quantity_increment_lots
        # Most have none that could be missed, and are not asked for two remainders an order.
        self.has_increments = max(self.price_increment_ticks, self.quantity_increment_lots) > 1
        self.quantity_min_lots = definition.quantity_min_lots
        self.quantity_max_lots = definition.quantity_max_lots
        self.self_trade_prevention = definition.self_trade_prevention
        # As a plain int, by which a tuple is read in one step of the interpreter.
        self.self_trade_key: int = definition.self_trade.key.value
        self.modes = _modes(definition)
        # The band where there is one, and what the system can count where there is none.
        self.price_low_ticks = max(1, definition.band_low_ticks)
        self.price_high_ticks = definition.band_high_ticks or PRICE_TICKS_MAX

    def set_band(self, reference_price_ticks: int, band_low_ticks: int, band_high_ticks: int) -> None:
        self._use(
            msgspec.structs.replace(
                self.definition,
                reference_price_ticks=reference_price_ticks,
                band_low_ticks=band_low_ticks,
                band_high_ticks=band_high_ticks,
            )
        )


def _modes(definition: InstrumentDefinition) -> tuple[SelfTradePrevention, ...]:
    """What an order may ask for: the default, and whatever else is allowed by name."""
    allowed = definition.self_trade.allowed
    assert not allowed & ~SelfTradeFlag.ALL, "a mode that does not exist yet cannot be allowed"
    modes = tuple(mode for mode in SelfTradePrevention if allowed & 1 << mode)
    assert definition.self_trade_prevention in modes
    if definition.screen.mechanism is ScreenMechanism.LISTING:
        # No order of a listing meets another one: there is nothing to choose.
        modes = (definition.self_trade_prevention,)
    return (SelfTradePrevention.INSTRUMENT_DEFAULT, *modes)


def is_band(reference_price_ticks: int, band_low_ticks: int, band_high_ticks: int) -> bool:
    """Whether the numbers make a band, or none (0 and 0). The reference may lie outside of it."""
    return (
        0 <= reference_price_ticks <= PRICE_TICKS_MAX
        and 0 <= band_low_ticks <= band_high_ticks <= PRICE_TICKS_MAX
    )

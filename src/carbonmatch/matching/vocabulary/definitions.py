"""What an instrument and a trade are: part of the vocabulary in `messages`, which others take them from."""

from typing import Annotated

from msgspec import Meta, Struct

from carbonmatch.limits import PRICE_TICKS_MAX
from carbonmatch.matching.vocabulary.bidding import BiddingRules
from carbonmatch.matching.vocabulary.block_rules import BlockRules
from carbonmatch.matching.vocabulary.clearing import ClearingRules
from carbonmatch.matching.vocabulary.enums import (
    AllowedFlag,
    Phase,
    SelfTradeFlag,
    SelfTradeKey,
    SelfTradePrevention,
    TradeKind,
)
from carbonmatch.matching.vocabulary.fields import (
    AccountIdField,
    InstrumentIdField,
    NameField,
    NumberField,
    OrderIdField,
    SessionIdField,
    TimeField,
)
from carbonmatch.matching.vocabulary.listing import ScreenRules
from carbonmatch.matching.vocabulary.prices import PriceRules


class SelfTradeRules(Struct, frozen=True, gc=False, array_like=True):
    """Between whose orders there is self-trade prevention, and which modes an order may ask for."""

    key: SelfTradeKey = SelfTradeKey.PARTICIPANT  # who is one owner
    allowed: NumberField = SelfTradeFlag.ALL  # bits of [SelfTradeFlag](#selftradeflag)


class Width(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """A distance from a price: the larger of the two. 0 and 0: none is set."""

    ticks: Annotated[int, Meta(ge=0, le=PRICE_TICKS_MAX)] = 0  # so many
    basis_points: Annotated[int, Meta(ge=0, le=10_000)] = 0  # of the price, rounded down to whole ticks


class VolatilityRules(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """What restrains the prices of an instrument beside its band. Nobody but the venue is told."""

    collar: Width = Width()  # of a new price beyond the opposite best
    static: Width = Width()  # of a trade from the reference price; beyond, an auction begins
    short: Width = Width()  # of a trade from any of the short window; beyond, an auction begins
    short_window_ns: TimeField = 0  # how long a trade counts in it
    long: Width = Width()  # the same, of the long window
    long_window_ns: TimeField = 0  # how long a trade counts in it
    auction_ns: TimeField = 0  # how long that auction takes at least
    auction_random_ns: TimeField = 0  # and by how much longer at most, drawn from the venue's seed
    extension: Width = Width()  # of the auction's price from the last trade; beyond, the auction goes on
    extensions_max: NumberField = 0  # as often
    waits_for_operator: bool = False  # then: it goes on until an operator ends it
    interval: Width = Width()  # of a trade from the anchor; beyond, nothing trades
    interval_recalculation_ns: TimeField = 0  # how often the anchor is set anew
    interval_hold_ns: TimeField = 0  # how long it stands once the limit has stopped a trade


class InstrumentDefinition(Struct, frozen=True, gc=False, array_like=True):
    """What a tick and a lot are worth, and what the instrument admits."""

    instrument_id: InstrumentIdField
    symbol: NameField
    currency: Annotated[str, Meta(min_length=3, max_length=3)]
    # Money of one tick on one lot, in minor units: price x quantity x this is money.
    tick_value_minor: int
    # For people: a tick is 10**-price_decimals of the currency, a lot is lot_tonnes.
    price_decimals: int
    lot_tonnes: int
    price_increment_ticks: int = 1
    quantity_increment_lots: int = 1
    quantity_min_lots: int = 1
    quantity_max_lots: int = 1_000_000_000
    reference_price_ticks: int = 0
    band_low_ticks: int = 0  # 0 and 0: no band
    band_high_ticks: int = 0
    market_protection_ticks: int = 0  # distance from the opposite best; 0: the band protects
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.CANCEL_NEWEST
    opening_phase: Phase = Phase.CONTINUOUS
    allowed: NumberField = AllowedFlag.DEFAULT  # bits of [AllowedFlag](#allowedflag)
    self_trade: SelfTradeRules = SelfTradeRules()
    volatility: VolatilityRules | None = None  # nil: nothing beside the band; the public is never told
    bidding: BiddingRules | None = None  # how its biddings go where they do not say; nil: it has none
    screen: ScreenRules = ScreenRules()  # how its orders meet, and whether each of them is shown
    blocks: BlockRules | None = None  # nil: no negotiated blocks
    prices: PriceRules | None = None  # nil: nothing makes its reference price and band but operators
    clearing: ClearingRules | None = None  # nil: orders need neither units nor money
    delisted: bool = False  # it has left the market: nothing is taken, whatever its phase would be


class TradeSide(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """Whose fill it was, as its session was told."""

    session_id: SessionIdField
    order_id: OrderIdField
    account_id: AccountIdField


class FoundTrade(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """A trade as the journal has it: what it was before anything of it was put right."""

    instrument_id: InstrumentIdField
    time_ns: TimeField
    price_ticks: NumberField
    quantity_lots: NumberField
    buyer: TradeSide  # whose order bought
    seller: TradeSide  # whose order sold
    kind: TradeKind = TradeKind.CONTINUOUS  # how it came about

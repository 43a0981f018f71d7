"""What an instrument and a trade are: part of the vocabulary in `messages`, which others take them from."""

from typing import Annotated

from msgspec import Meta, Struct

from carbonmatch.matching.enums import (
    AllowedFlag,
    Phase,
    SelfTradeFlag,
    SelfTradeKey,
    SelfTradePrevention,
)
from carbonmatch.matching.fields import (
    AccountIdField,
    InstrumentIdField,
    NameField,
    NumberField,
    OrderIdField,
    SessionIdField,
    TimeField,
)


class SelfTradeRules(Struct, frozen=True, gc=False, array_like=True):
    """Between whose orders there is self-trade prevention, and which modes an order may ask for."""

    key: SelfTradeKey = SelfTradeKey.PARTICIPANT  # who is one owner
    allowed: NumberField = SelfTradeFlag.ALL  # bits of [SelfTradeFlag](#selftradeflag)


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

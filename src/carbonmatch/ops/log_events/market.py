"""Lines about what the market does, written when it is durable. Orders and trades are not among them."""

from typing import Final

from carbonmatch.ops.log_events.event import NOTHING, LogEvent
from carbonmatch.ops.logs import INFO, WARNING

MARKET: Final = (
    LogEvent(
        "phase_changed",
        INFO,
        ("instrument", "phase", "until", "text"),
        "An instrument is in another phase, by its schedule, an operator, or what watches its prices.",
        "Nothing, where `text` says that it was planned. `halted` without a schedule: ask who has halted it.",
    ),
    LogEvent(
        "block_phase_changed",
        INFO,
        ("instrument", "phase", "until", "text"),
        "Negotiated blocks in an instrument are open, or closed.",
        NOTHING,
    ),
    LogEvent(
        "auction_ended",
        INFO,
        ("instrument", "phase", "price_ticks", "volume_lots", "surplus_lots", "rule"),
        "A call auction has ended, at this price; without one, where nothing could trade.",
        NOTHING,
    ),
    LogEvent(
        "bidding_announced",
        INFO,
        ("instrument", "bidding_id", "quantity_lots", "opens", "closes", "text"),
        "A bidding was announced.",
        NOTHING,
    ),
    LogEvent(
        "bidding_phase_changed",
        INFO,
        ("instrument", "bidding_id", "state"),
        "A bidding has opened, was suspended, goes on, or has closed.",
        NOTHING,
    ),
    LogEvent(
        "bidding_ended",
        INFO,
        ("instrument", "bidding_id", "outcome", "price_ticks", "pricing", "allotted_lots", "rule", "text"),
        "A bidding has come to its end.",
        "`carbonmatch auction recompute` proves it from the journal.",
    ),
    LogEvent(
        "band_changed",
        INFO,
        ("instrument", "reference_price_ticks", "band_low_ticks", "band_high_ticks"),
        "Prices of an instrument may be in this band from now on.",
        NOTHING,
    ),
    LogEvent(
        "limits_held",
        INFO,
        ("instrument", "low_ticks", "high_ticks", "until"),
        "The price of an instrument has moved too fast: until then it trades inside these limits.",
        NOTHING,
    ),
    LogEvent(
        "trade_busted",
        INFO,
        ("instrument", "trade_id", "price_ticks", "quantity_lots"),
        "An operator has taken a trade back.",
        NOTHING,
    ),
    LogEvent(
        "trade_corrected",
        INFO,
        ("instrument", "trade_id", "price_ticks", "quantity_lots"),
        "An operator has changed a trade to this price and quantity.",
        NOTHING,
    ),
    LogEvent(
        "day_ended",
        INFO,
        ("instrument", "trading_day", "run", "close_price_ticks"),
        "The trading day of an instrument has ended, with this close price.",
        "Nothing. `settlement_made` has to follow.",
    ),
    LogEvent(
        "reference_stale",
        INFO,
        ("instrument", "days_without_trade"),
        "An instrument has not traded for so many days; its reference price is that old.",
        "Look whether the rules of the market ask for a new reference price: `carbonmatch admin reference`.",
    ),
    LogEvent(
        "steps_made_up",
        WARNING,
        ("text",),
        "Steps of schedules were due while the venue did not run, and were made up in their order.",
        "Look whether auctions were among them: those ended with the orders that rested.",
    ),
)

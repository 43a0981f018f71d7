"""What the market does: orders, instruments, days."""

from typing import Final

from carbonmatch.limits import METRICS_INSTRUMENTS_MAX
from carbonmatch.matching.messages import CancelReason, KillScope, Phase, RejectReason, Side
from carbonmatch.ops.metric import BY_INSTRUMENT, Group, Label, counter, gauge

_REJECT_REASONS: Final = {reason: reason.name.lower() for reason in RejectReason}
_CANCEL_REASONS: Final = {reason: reason.name.lower() for reason in CancelReason}
_PHASES: Final = ", ".join(f"{int(phase)} {phase.name.lower().replace('_', ' ')}" for phase in Phase)
_BY_SIDE: Final = (BY_INSTRUMENT, Label("side", {side: side.name.lower() for side in Side}))
_OF_INSTRUMENT: Final = (BY_INSTRUMENT,)

ORDERS: Final = Group(
    "Orders",
    (
        counter(
            "commands",
            "commands",
            "Commands applied and durable.",
            use="The flow of the market: orders, cancels and all else that was taken.",
        ),
        counter(
            "reports",
            "reports",
            "Reports released to sessions.",
            use="What the flow comes to: several reports a command where much trades.",
        ),
        counter(
            "rejects",
            "rejects",
            "Commands refused.",
            use="Over the commands received it is the reject ratio; the reason tells a broken client from a"
            " closed market.",
            labels=(Label("reason", _REJECT_REASONS),),
        ),
        counter(
            "cancels",
            "cancels",
            "Orders gone without having traded completely.",
            use="A reason that grows suddenly is an event: disconnected, mass_cancel, expired.",
            labels=(Label("reason", _CANCEL_REASONS),),
        ),
        counter(
            "repeats",
            "repeats",
            "Commands that came again and were answered from the stream.",
            use="Clients that lost a connection and were not sure; many without lost connections: a client's"
            " fault.",
        ),
        gauge(
            "open_orders",
            "open_orders",
            "Orders resting in all books.",
            use="Against limits.VENUE_OPEN_ORDERS_MAX; a fall to nearly none is a mass cancel.",
        ),
        gauge(
            "open_block_proposals",
            "open_proposals",
            "Blocks that are being negotiated.",
            use="Negotiations under way.",
        ),
    ),
)

INSTRUMENTS: Final = Group(
    "Instruments",
    (
        gauge(
            "instruments",
            "instrument_count",
            f"Instruments of the venue; only the first {METRICS_INSTRUMENTS_MAX} have series of their own.",
            use="Whether what was listed is there.",
        ),
        counter(
            "trades",
            "trades",
            "Trades.",
            use="None for long while the instrument trades continuously is worth a look.",
            labels=_OF_INSTRUMENT,
        ),
        counter(
            "trades_amended",
            "trades_amended",
            "Busts and corrections of trades, whenever these were; they are not taken from the other counts.",
            use="Each is an operator's act, and in the audit trail.",
            labels=_OF_INSTRUMENT,
        ),
        counter(
            "stale_references",
            "stale_references",
            "Trading days that ended with a stale reference price: no trade for as long as its rules say.",
            use="An instrument whose band goes by an old price.",
            labels=_OF_INSTRUMENT,
        ),
        counter(
            "traded_tonnes",
            "traded_tonnes",
            "Tonnes of CO2 that changed hands.",
            "tonnes",
            use="The volume of the market.",
            labels=_OF_INSTRUMENT,
        ),
        counter(
            "self_trades_prevented",
            "self_trades_prevented",
            "Meetings of two orders of one owner that did not trade.",
            use="A participant that trades against itself, or an algorithm that does.",
            labels=_OF_INSTRUMENT,
        ),
        counter(
            "prevented_tonnes",
            "prevented_tonnes",
            "Tonnes of CO2 that self-trade prevention kept from changing hands, as a trade would count them.",
            "tonnes",
            use="How much it would have been.",
            labels=_OF_INSTRUMENT,
        ),
        gauge(
            "instrument_phase",
            "phases",
            f"Phase of the instrument: {_PHASES}.",
            use="Whether it trades; alerts that ask for trades ask this first.",
            labels=_OF_INSTRUMENT,
        ),
        gauge(
            "instrument_phase_end_time_seconds",
            "phase_end_s",
            "When the phase is to end, since 1970; 0: not known.",
            "seconds",
            use="A time that is past: the schedule did not go on.",
            labels=_OF_INSTRUMENT,
        ),
        counter(
            "interruptions",
            "interruptions",
            "Times that trading stopped for a volatility auction; its extensions are not counted.",
            use="A market that moves more than its rules like.",
            answers="RTS 7 article 18: mechanisms for volatility",
            labels=_OF_INSTRUMENT,
        ),
        gauge(
            "book_orders",
            "book_orders",
            "Orders shown in the book, as last looked at, ten instruments a second; NaN: too many levels.",
            use="Depth that goes: makers who have left.",
            labels=_BY_SIDE,
            fractional=True,
        ),
        gauge(
            "book_levels",
            "book_levels",
            "Prices at which orders are shown, as last looked at.",
            use="As book_orders.",
            labels=_BY_SIDE,
        ),
        gauge(
            "best_price_ticks",
            "best_price_ticks",
            "Best price of the book in ticks, as last looked at; NaN: none, or too many levels.",
            "ticks",
            use="The spread, and a side that is empty.",
            labels=_BY_SIDE,
            fractional=True,
        ),
        gauge(
            "last_price_ticks",
            "last_price_ticks",
            "Price of the last trade of the day in ticks, as last looked at; NaN: none yet.",
            "ticks",
            use="Where the market is.",
            labels=_OF_INSTRUMENT,
            fractional=True,
        ),
        gauge(
            "reference_price_ticks",
            "reference_price_ticks",
            "Reference price in ticks, as last looked at; NaN: there is none.",
            "ticks",
            use="What the band is around.",
            labels=_OF_INSTRUMENT,
            fractional=True,
        ),
        gauge(
            "instrument_tick_size",
            "tick_size",
            "What a tick of the price is in the currency of the instrument.",
            use="Times a price in ticks it is the price that people know.",
            labels=_OF_INSTRUMENT,
            fractional=True,
        ),
    ),
)

OPERATORS: Final = Group(
    "Operators",
    (
        gauge(
            "kills",
            "kills",
            "Kills in force: nothing new is taken there before they are released.",
            use="Why an open market has no orders; the audit trail says who and why.",
            answers="RTS 7 article 18: kill functionality",
            labels=(Label("scope", {scope: scope.name.lower() for scope in KillScope}),),
        ),
    ),
)

SETTLEMENT: Final = Group(
    "Settlement",
    (
        gauge(
            "settlement_runs_unconfirmed",
            "settlement_runs_unconfirmed",
            "Runs of settlement that the registry has not confirmed.",
            use="More than those of a day: the registry does not answer, or nobody has told the venue.",
        ),
        gauge(
            "settlement_files_missing",
            "settlement_files_missing",
            "Runs of settlement whose file is not made yet, where the venue makes them.",
            use="Above 0 for more than a minute: the files cannot be written.",
        ),
    ),
)

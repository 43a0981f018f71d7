"""What comes in, what trades, in which phase everything is, and who is told."""

from typing import Final

from carbonmatch.matching.messages import Phase
from deploy.grafana.panels import (
    GREEN,
    GREY,
    INSTANCE,
    INSTRUMENT,
    PER_SECOND,
    RED,
    YELLOW,
    Kind,
    Panel,
    Query,
    Row,
    Words,
    by_instrument,
    by_label,
    each,
    highest,
    in_currency,
    in_range,
    now_by_instrument,
    per_second,
    quantiles,
    rising,
    total,
)

_PHASE_COLOURS: Final = {Phase.CONTINUOUS: GREEN, Phase.HALTED: RED, Phase.CLOSED: GREY, Phase.BREAK: GREY}
_PHASES: Final[Words] = {
    phase: (phase.name.lower().replace("_", " "), _PHASE_COLOURS.get(phase, YELLOW)) for phase in Phase
}


FLOW: Final = Row(
    "Flow",
    (
        Panel(
            Kind.LINES,
            "Messages",
            "Commands received, reports and refusals sent, commands refused, a second; and the most that "
            "were received within one second since the start, which is what capacity is held against.",
            PER_SECOND,
            (
                Query(per_second("carbonmatch_messages_received_total"), "received"),
                Query(per_second("carbonmatch_messages_sent_total"), "sent"),
                Query(per_second("carbonmatch_messages_rejected_total"), "refused"),
                Query(per_second("carbonmatch_reports_total"), "reports"),
                Query(highest("carbonmatch_messages_received_peak"), "most received"),
                Query(per_second("carbonmatch_repeats_total"), "repeated"),
            ),
        ),
        Panel(
            Kind.STACK,
            "Refused, by reason",
            "Commands that the rules of the market or of the session did not allow, a second.",
            PER_SECOND,
            by_label("carbonmatch_rejects_total", "reason"),
            runbook="CarbonmatchRejectRatioHigh",
        ),
        Panel(
            Kind.STACK,
            "Cancelled, by reason",
            "Orders gone without having traded completely, a second.",
            PER_SECOND,
            by_label("carbonmatch_cancels_total", "reason"),
        ),
        Panel(
            Kind.STACK,
            "Trades",
            "Trades a second, by instrument.",
            PER_SECOND,
            by_instrument("carbonmatch_trades_total"),
            width=12,
        ),
        Panel(
            Kind.STACK,
            "Traded",
            "Tonnes of CO2 that change hands a second, by instrument.",
            "suffix: t/s",
            by_instrument("carbonmatch_traded_tonnes_total"),
            width=12,
        ),
    ),
)

INSTRUMENTS: Final = Row(
    "Books and instruments",
    (
        Panel(
            Kind.TIMELINE,
            "Phases",
            "What each instrument's phase was and is.",
            "short",
            (Query(now_by_instrument("carbonmatch_instrument_phase"), "{{instrument}}"),),
            words=_PHASES,
            runbook="CarbonmatchPhaseOverdue",
            width=12,
            height=10,
        ),
        Panel(
            Kind.STACK,
            "Orders in the books",
            "Orders that are shown, on both sides.",
            "short",
            (Query(f"sum by (instrument) (carbonmatch_book_orders{{{INSTRUMENT}}} >= 0)", "{{instrument}}"),),
            width=12,
            height=10,
        ),
        Panel(
            Kind.TABLE,
            "Instruments",
            "Prices are in the currency of the instrument. Trades, tonnes and what is behind them are of the "
            "time that is shown.",
            "short",
            (
                Query(now_by_instrument("carbonmatch_instrument_phase"), "Phase", words=_PHASES),
                Query(
                    f"1000 * {now_by_instrument('carbonmatch_instrument_phase_end_time_seconds')}",
                    "Until",
                    unit="dateTimeAsIsoNoDateIfToday",
                    words={0: ("", GREY)},
                ),
                Query(in_currency("carbonmatch_best_price_ticks", ', side="buy"'), "Bid"),
                Query(in_currency("carbonmatch_best_price_ticks", ', side="sell"'), "Ask"),
                Query(in_currency("carbonmatch_last_price_ticks"), "Last"),
                Query(in_currency("carbonmatch_reference_price_ticks"), "Reference"),
                Query(f"sum by (instrument) (carbonmatch_book_levels{{{INSTRUMENT}}} >= 0)", "Levels"),
                Query(in_range("carbonmatch_trades_total"), "Trades"),
                Query(in_range("carbonmatch_traded_tonnes_total"), "Tonnes", unit="suffix: t"),
                Query(in_range("carbonmatch_interruptions_total"), "Interruptions"),
                Query(in_range("carbonmatch_trades_amended_total"), "Amended"),
                Query(in_range("carbonmatch_stale_references_total"), "Stale references"),
            ),
            width=24,
            height=10,
        ),
        Panel(
            Kind.LINES,
            "Resting",
            "Orders in all books, and blocks that are being negotiated.",
            "short",
            (
                Query(total("carbonmatch_open_orders"), "orders"),
                Query(total("carbonmatch_open_block_proposals"), "blocks"),
            ),
        ),
        Panel(
            Kind.STACK,
            "Kept from trading with themselves",
            "Tonnes of CO2 a second that self-trade prevention kept from changing hands.",
            "suffix: t/s",
            by_instrument("carbonmatch_prevented_tonnes_total"),
        ),
        Panel(
            Kind.LINES,
            "Settlement",
            "Runs of settlement that the registry has not confirmed, and whose file is not made yet.",
            "short",
            (
                Query(total("carbonmatch_settlement_runs_unconfirmed"), "unconfirmed"),
                Query(total("carbonmatch_settlement_files_missing"), "without a file"),
            ),
            runbook="CarbonmatchSettlementUnconfirmed",
        ),
    ),
)

MARKET_DATA: Final = Row(
    "Market data",
    (
        Panel(
            Kind.LINES,
            "Subscribers",
            "Connections that subscribe to market data.",
            "short",
            (each("carbonmatch_feed_subscribers"),),
        ),
        Panel(
            Kind.LINES,
            "Published",
            "Batches and their messages, counted once however many read them; subscribers that did not keep "
            "up, and batches that they were not sent because of it. All a second.",
            PER_SECOND,
            (
                Query(per_second("carbonmatch_feed_batches_total"), "batches"),
                Query(per_second("carbonmatch_feed_messages_total"), "messages"),
                Query(per_second("carbonmatch_feed_conflations_total"), "conflations"),
                Query(per_second("carbonmatch_feed_batches_left_out_total"), "batches left out"),
            ),
            runbook="CarbonmatchSubscribersConflated",
        ),
        Panel(
            Kind.LINES,
            "Sent to subscribers",
            "Bytes of market data a second.",
            "Bps",
            (Query(per_second("carbonmatch_feed_sent_bytes_total"), "sent"),),
        ),
    ),
)

FANOUT: Final = Row(
    "Fan-outs",
    (
        Panel(
            Kind.TIMELINE,
            "Engine followed, NATS connected",
            "Whether each fan-out follows the engine, without which no readers are let in, and whether it is "
            "connected to the NATS server that it was given.",
            "short",
            (
                each("carbonmatch_fanout_following"),
                Query(
                    f"carbonmatch_fanout_nats_connected{{{INSTANCE}}}"
                    f" or carbonmatch_fanout_following{{{INSTANCE}}} * 0 - 1",
                    "{{instance}} NATS",
                ),
            ),
            words={-1: ("not asked for", GREY), 0: ("no", RED), 1: ("yes", GREEN)},
            runbook="CarbonmatchFanoutDown",
        ),
        Panel(
            Kind.LINES,
            "Later than the venue",
            "From the time of a batch at the venue until it was told on. Clocks of two machines are in it.",
            "s",
            quantiles("carbonmatch_fanout_lag_seconds", 0.5, 0.99),
        ),
        Panel(
            Kind.LINES,
            "Readers of fan-outs",
            "Connections to fan-outs, and those of them that subscribe.",
            "short",
            (
                Query(total("carbonmatch_fanout_readers"), "readers"),
                Query(total("carbonmatch_fanout_connections"), "connections"),
            ),
        ),
        Panel(
            Kind.LINES,
            "Told on",
            "Batches and messages a second, as they come from the engine and as they are published.",
            PER_SECOND,
            (
                Query(per_second("carbonmatch_fanout_received_batches_total"), "batches received"),
                Query(per_second("carbonmatch_fanout_batches_total"), "batches published"),
                Query(per_second("carbonmatch_fanout_received_messages_total"), "messages received"),
                Query(per_second("carbonmatch_fanout_messages_total"), "messages published"),
                Query(per_second("carbonmatch_fanout_nats_published_total"), "given to NATS"),
                Query(per_second("carbonmatch_fanout_nats_anew_total"), "told anew to NATS"),
            ),
        ),
        Panel(
            Kind.LINES,
            "Slow readers of fan-outs",
            "Readers that did not keep up, batches that they were not sent because of it, connections cut.",
            PER_SECOND,
            (
                Query(per_second("carbonmatch_fanout_conflations_total"), "conflations"),
                Query(per_second("carbonmatch_fanout_batches_left_out_total"), "batches left out"),
                Query(per_second("carbonmatch_fanout_slow_readers_cut_total"), "cut"),
            ),
            runbook="CarbonmatchSubscribersConflated",
        ),
        Panel(
            Kind.LINES,
            "Sent by fan-outs",
            "Bytes a second, and the most that wait for one reader.",
            "bytes",
            (
                Query(per_second("carbonmatch_fanout_sent_bytes_total"), "sent, a second"),
                Query(highest("carbonmatch_fanout_unread_bytes_max"), "waiting for one reader"),
            ),
        ),
        Panel(
            Kind.STACK,
            "Engine lost, by reason",
            "Times that the engine was not followed any more, and that the whole market was taken in again, "
            "in the time that is shown.",
            "short",
            (
                Query(in_range("carbonmatch_fanout_losses_total", by="reason", where=INSTANCE), "{{reason}}"),
                Query(in_range("carbonmatch_fanout_joins_total", by="", where=INSTANCE), "taken in"),
            ),
            runbook="CarbonmatchFanoutDown",
        ),
        Panel(
            Kind.LINES,
            "Logons and disconnects at fan-outs",
            "Logons accepted and refused, connections ended and turned away, a second.",
            PER_SECOND,
            (
                Query(per_second("carbonmatch_fanout_logons_accepted_total"), "accepted"),
                Query(per_second("carbonmatch_fanout_logons_rejected_total"), "refused"),
                Query(per_second("carbonmatch_fanout_disconnects_total"), "ended"),
                Query(per_second("carbonmatch_fanout_turned_away_total"), "turned away"),
            ),
        ),
        Panel(
            Kind.LINES,
            "Loops of fan-outs",
            "Share of the last second in which the loop was at work; at 100 % a fan-out is full.",
            "percentunit",
            (each("carbonmatch_fanout_capacity_used_ratio"),),
            thresholds=rising(0.5, 0.8),
        ),
    ),
)

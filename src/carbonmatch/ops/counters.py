"""What is counted while the venue runs: plain integers, touched once for a batch or a frame.

A metric object of prometheus-client costs 270 to 1,480 ns a touch; an integer in a slot costs 20.
`metrics` gives these numbers their names when somebody asks for them. Who counts does so when a
batch is released, so that no number speaks of what the disk might still lose.
"""

from collections import Counter, defaultdict
from enum import IntEnum, unique
from typing import Final, TypeVar

from carbonmatch.matching.messages import (
    AnyPublicEvent,
    CancelReason,
    DayEnded,
    InstrumentDefined,
    InstrumentDefinition,
    InstrumentId,
    KillScope,
    Outputs,
    Phase,
    PhaseChanged,
    RejectReason,
    Side,
    TradeBusted,
    TradeCorrected,
    Traded,
)
from carbonmatch.protocol.messages import LogoutReason, Role

_NS_PER_SECOND: Final = 1_000_000_000

# Eight buckets for each power of two: a value is known to within 12.5 %.
_SUB_BUCKET_BITS: Final = 3
# Larger values count in the same bucket as this one. In nanoseconds it is 18 minutes.
HISTOGRAM_VALUE_MAX: Final = 2**40 - 1


def bucket_of(value: int) -> int:
    """The index of the log-linear bucket that holds `value`; below 16 each value has its own."""
    shift = value.bit_length() - (_SUB_BUCKET_BITS + 1)
    return value if shift <= 0 else (shift << _SUB_BUCKET_BITS) + (value >> shift)


def bucket_upper_bound(index: int) -> int:
    """The largest value in the bucket."""
    shift = (index >> _SUB_BUCKET_BITS) - 1
    return index if shift <= 0 else ((index - (shift << _SUB_BUCKET_BITS) + 1) << shift) - 1


# Reasons below it are the session's, see `RejectReason`.
_MARKET_REASON_MIN: Final = 100

HISTOGRAM_BUCKETS: Final = bucket_of(HISTOGRAM_VALUE_MAX) + 1


class Histogram:
    """How often integers of each size were recorded. `total` is their exact sum."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * HISTOGRAM_BUCKETS
        self.total = 0

    def record(self, value: int, times: int = 1) -> None:
        """Negative values count as 0: a clock that was set back is no reason to stop."""
        if value < 0:
            value = 0
        self.total += value * times
        # `bucket_of`, written out: the call would double what a record costs.
        shift = value.bit_length() - (_SUB_BUCKET_BITS + 1)
        index = value if shift <= 0 else (shift << _SUB_BUCKET_BITS) + (value >> shift)
        self.counts[index if index < HISTOGRAM_BUCKETS else -1] += times


@unique
class TurnedAway(IntEnum):
    """Why a connection was closed as soon as it was accepted."""

    FULL = 1  # as many connections as there may be, and all have logged on
    ADDRESS = 2  # as many that wait for their logon as one address may have
    HANDSHAKES = 3  # more TLS handshakes than the loop can afford
    BLOCKED = 4  # the address had too many failed logons
    DESCRIPTORS = 5  # the process had no file descriptor left


class Counters:
    """Every number of the running venue. `metrics.METRICS` says what each one means.

    Those who know a number write it here, counters by adding, gauges by setting; the tables keyed by
    instrument have a row for each instrument that was defined.
    """

    __slots__ = (
        "addresses_blocked",
        "best_price_ticks",
        "book_levels",
        "book_orders",
        "cancels",
        "capacity_peak_ns",
        "capacity_used_ns",
        "clock_error_max_ns",
        "clock_held_ns",
        "clock_offset_ns",
        "clock_synchronized",
        "commands",
        "commit_batch_commands",
        "commit_duration_ns",
        "commit_pending_ns",
        "commits_slow",
        "config_last_reload_successful",
        "config_read_ns",
        "connections",
        "decode_ns",
        "disconnects",
        "disk_free_bytes",
        "disk_size_bytes",
        "durable",
        "event_loop_lag_ns",
        "feed_batches",
        "feed_batches_left_out",
        "feed_conflations",
        "feed_messages",
        "feed_sent_bytes",
        "feed_sequence",
        "feed_subscribers",
        "gather_ns",
        "gc_pause_ns",
        "instrument_count",
        "instruments",
        "interruptions",
        "journal_bytes",
        "journal_durable_sequence",
        "journal_ns",
        "journal_records",
        "journal_spare_segments",
        "journal_torn_bytes",
        "keys",
        "keys_blocked",
        "kills",
        "last_price_ticks",
        "last_sequence",
        "log_lines",
        "logons_accepted",
        "logons_rejected",
        "match_ns",
        "messages_received",
        "messages_received_peak",
        "messages_rejected",
        "messages_sent",
        "oldest_wait_ns",
        "open_orders",
        "open_proposals",
        "order_latency_ns",
        "phase_end_s",
        "phases",
        "prevented_tonnes",
        "read_ns",
        "received_bytes",
        "recovery_duration_ns",
        "reference_price_ticks",
        "rejects",
        "release_ns",
        "reloads",
        "repeats",
        "reports",
        "self_trades_prevented",
        "sent_bytes",
        "sessions",
        "sessions_banned",
        "sessions_catching_up",
        "sessions_in_grace",
        "settlement_files_missing",
        "settlement_runs_unconfirmed",
        "slow_readers_cut",
        "snapshot_age_ns",
        "snapshot_sequence",
        "stale_references",
        "start_time_ns",
        "state",
        "tick_size",
        "tls_certificate_expires_ns",
        "tls_handshakes",
        "traded_tonnes",
        "trades",
        "trades_amended",
        "turned_away",
        "unread_bytes_max",
        "waiting_bytes",
    )

    def __init__(self) -> None:
        # Orders.
        self.commands = 0
        self.reports = 0
        self.rejects: Counter[RejectReason] = Counter()
        self.cancels: Counter[CancelReason] = Counter()
        self.repeats = 0
        self.open_orders = 0
        # Runs of settlement: not confirmed by the registry, and whose file is not made yet.
        self.settlement_runs_unconfirmed = 0
        self.settlement_files_missing = 0
        self.open_proposals = 0
        self.kills: Counter[KillScope] = Counter()
        # Instruments.
        self.instruments: dict[InstrumentId, InstrumentDefinition] = {}
        self.instrument_count = 0
        self.phases: dict[InstrumentId, Phase] = {}
        # When they are to end, since 1970, as far as is known; else 0.
        self.phase_end_s: dict[InstrumentId, int] = {}
        self.interruptions: defaultdict[InstrumentId, int] = defaultdict(int)
        self.trades: defaultdict[InstrumentId, int] = defaultdict(int)
        self.trades_amended: defaultdict[InstrumentId, int] = defaultdict(int)
        self.stale_references: defaultdict[InstrumentId, int] = defaultdict(int)
        self.traded_tonnes: defaultdict[InstrumentId, int] = defaultdict(int)
        self.prevented_tonnes: defaultdict[InstrumentId, int] = defaultdict(int)
        self.self_trades_prevented: defaultdict[InstrumentId, int] = defaultdict(int)
        # Of the market as it was released, looked at one instrument after the other.
        self.book_orders: dict[tuple[InstrumentId, Side], int] = {}
        self.book_levels: dict[tuple[InstrumentId, Side], int] = {}
        self.best_price_ticks: dict[tuple[InstrumentId, Side], int] = {}
        self.last_price_ticks: dict[InstrumentId, int] = {}
        self.reference_price_ticks: dict[InstrumentId, int] = {}
        self.tick_size: dict[InstrumentId, float] = {}
        # Time. What a batch takes in each stage, once for a batch; the latency once for an order.
        self.read_ns = Histogram()
        self.decode_ns = Histogram()
        self.match_ns = Histogram()
        self.gather_ns = Histogram()
        self.journal_ns = Histogram()
        self.release_ns = Histogram()
        self.order_latency_ns = Histogram()
        self.commit_duration_ns = Histogram()
        self.commit_batch_commands = Histogram()
        self.commit_pending_ns = 0
        self.event_loop_lag_ns = Histogram()
        self.gc_pause_ns = Histogram()
        # Sessions.
        self.connections = 0
        self.sessions: Counter[Role] = Counter()
        self.sessions_in_grace = 0
        self.sessions_catching_up = 0
        self.sessions_banned = 0
        self.unread_bytes_max = 0
        self.logons_accepted = 0
        self.logons_rejected = 0
        self.disconnects: Counter[LogoutReason | None] = Counter()  # None: closed without a logout
        self.slow_readers_cut = 0
        self.turned_away: Counter[TurnedAway] = Counter()
        self.addresses_blocked = 0
        self.keys_blocked = 0
        self.tls_handshakes: Counter[str] = Counter()
        self.tls_certificate_expires_ns = 0  # of the first to expire; 0: there is none
        self.keys = 0
        self.reloads: Counter[str] = Counter()
        self.config_last_reload_successful = 1
        self.config_read_ns = 0
        self.received_bytes = 0
        self.sent_bytes = 0
        # Journal.
        self.last_sequence = 0
        self.journal_durable_sequence = 0
        self.journal_records = 0
        self.journal_bytes = 0
        self.journal_spare_segments = 0
        self.journal_torn_bytes = 0
        self.commits_slow = 0
        self.disk_free_bytes = 0
        self.disk_size_bytes = 0
        self.snapshot_sequence = 0
        self.snapshot_age_ns = 0
        self.recovery_duration_ns = 0
        # Market data.
        self.feed_subscribers = 0
        self.feed_batches = 0
        self.feed_conflations = 0
        self.feed_sent_bytes = 0
        self.feed_sequence = 0
        self.feed_messages = 0
        self.feed_batches_left_out = 0
        # Capacity, as RTS 7 article 13 asks for it. Set ten times a second.
        self.capacity_used_ns = 0  # of the last second
        self.capacity_peak_ns = 0  # of any second of the last minute
        self.messages_received_peak = 0  # in any second since the start
        self.messages_received = 0
        self.messages_sent = 0
        self.messages_rejected = 0
        self.oldest_wait_ns = 0
        self.waiting_bytes = 0
        # The process.
        self.state = 0
        self.log_lines: Counter[int] = Counter()
        self.durable = 1
        self.start_time_ns = 0
        # The clock of the machine, None where the kernel cannot be asked.
        self.clock_synchronized: int | None = None
        self.clock_error_max_ns: int | None = None
        self.clock_offset_ns: int | None = None
        self.clock_held_ns = 0

    def define(self, definition: InstrumentDefinition) -> None:
        """There is such an instrument, or it is another one now."""
        self.instruments[definition.instrument_id] = definition
        self.instrument_count = len(self.instruments)
        self.tick_size[definition.instrument_id] = 10**-definition.price_decimals

    def gauge_messages(self) -> None:
        """Add up what came, went and was refused; what the session refused is never applied."""
        refused = sum(count for reason, count in self.rejects.items() if reason < _MARKET_REASON_MIN)
        self.messages_received = self.commands + self.repeats + refused
        self.messages_sent = self.reports + refused
        self.messages_rejected = sum(self.rejects.values())

    def count_batch(self, command_count: int, outputs: Outputs) -> list[AnyPublicEvent]:
        """Count a batch that is being released: its commands, and all that they caused.

        Return what everyone may know of it but for trades: few enough for a line of the log each.
        """
        self.commands += command_count
        for chunk in outputs.streams:
            self.reports += len(chunk.reports)
        _count(self.rejects, outputs.refusals)
        _count(self.cancels, outputs.cancels)
        others: list[AnyPublicEvent] = []
        for event in outputs.public:
            if type(event) is Traded:
                self._count_trade(event)
            else:
                self._count_public(event)
                others.append(event)
        for instrument_id, lots in outputs.prevented:
            self.self_trades_prevented[instrument_id] += 1
            self.prevented_tonnes[instrument_id] += lots * self.instruments[instrument_id].lot_tonnes
        return others

    def _count_trade(self, trade: Traded) -> None:
        instrument_id = trade.instrument_id
        self.trades[instrument_id] += 1
        self.traded_tonnes[instrument_id] += trade.quantity_lots * self.instruments[instrument_id].lot_tonnes

    def _count_public(self, event: AnyPublicEvent) -> None:
        if type(event) is TradeBusted or type(event) is TradeCorrected:
            self.trades_amended[event.instrument_id] += 1
        elif type(event) is DayEnded:
            self.stale_references[event.instrument_id] += event.is_stale
        elif type(event) is PhaseChanged:
            # One that is extended is told again, and is the same.
            if Phase.VOLATILITY_AUCTION is event.phase is not self.phases.get(event.instrument_id):
                self.interruptions[event.instrument_id] += 1
            self.phases[event.instrument_id] = event.phase
            self.phase_end_s[event.instrument_id] = event.until_ns // _NS_PER_SECOND
        elif type(event) is InstrumentDefined:
            definition = event.definition
            self.define(definition)
            self.phases.setdefault(definition.instrument_id, definition.opening_phase)


_Reason = TypeVar("_Reason", CancelReason, RejectReason)


def _count(table: Counter[_Reason], reasons: list[_Reason]) -> None:
    """Add up `reasons`: one look through the list for each that occurs, no hash for each of them.

    An enum's hash is a Python call: `Counter.update` took 140 ns a report, this takes 1.
    """
    left = len(reasons)
    while left:
        reason = reasons[0]
        found = reasons.count(reason)
        table[reason] += found
        left -= found
        if left:
            reasons = [other for other in reasons if other is not reason]

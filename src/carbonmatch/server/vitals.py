"""The venue looks at itself, ten times a second: what state it is in, how far its loop is behind, its gauges.

Decides whether new orders are taken; `ops.health` has the rule.
"""

import contextlib
from collections import Counter
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from carbonmatch.exit_codes import ExitCode
from carbonmatch.journal.writer import JournalWriter, SegmentKeeper
from carbonmatch.limits import COMMIT_DEAD_SECONDS
from carbonmatch.matching.messages import KillScope
from carbonmatch.ops.capacity import CapacityMeter, SecondMeter
from carbonmatch.ops.counters import Counters
from carbonmatch.ops.health import Facts, Health, assess
from carbonmatch.ops.logs import ERROR, WARNING, Ours, log, logged, tell_left_out
from carbonmatch.server.book_gauges import BookGauges
from carbonmatch.server.commit import Wait, die
from carbonmatch.server.floor import Floor
from carbonmatch.server.scheduler import Scheduler, Timer
from carbonmatch.server.settlement_files import SettlementFiles

_TICK_SECONDS: Final = 0.1
_NS_PER_SECOND: Final = 1_000_000_000


class Timepieces(Struct, frozen=True):
    """What a look at the loop is measured with."""

    monotonic_ns: Callable[[], int]
    thread_time_ns: Callable[[], int]  # the processor time of the loop
    held_ns: Callable[[], int]  # how far stamps are ahead of a clock that was set back


class Vitals:
    """Of a venue that has recovered; before that, it has none to speak of."""

    def __init__(
        self,
        floor: Floor,
        writer: JournalWriter,
        keeper: SegmentKeeper,
        counters: Counters,
        scheduler: Scheduler,
        timepieces: Timepieces,
        durable: bool,
        settlement: SettlementFiles,
    ) -> None:
        self._floor = floor
        self._writer = writer
        self._keeper = keeper
        self._counters = counters
        self._scheduler = scheduler
        self._timepieces = timepieces
        self._durable = durable
        self._settlement = settlement
        self._capacity = CapacityMeter()
        self._received = SecondMeter()
        self._books = BookGauges(floor.publisher.market_data, counters)
        self._stopping = False
        self._last_tick_ns = 0
        self._wait = Wait()
        self._last_second = 0
        self._ticker: Timer | None = None

    def start(self) -> None:
        self._tick()

    def stop(self) -> None:
        """Look no more; from now on the venue's state is that it stops."""
        self._stopping = True
        if self._ticker is not None:
            self._ticker.cancel()
        tell_left_out()

    def health(self) -> Health:
        floor = self._floor
        error = self._keeper.error
        return assess(
            Facts(
                recovered=True,
                stopping=self._stopping,
                commit_pending_seconds=floor.pipeline.commit_age_ns() / _NS_PER_SECOND,
                spare_segments=self._writer.spare_segments,
                spares_error="" if error is None else error.strerror or str(error),
                durable=self._durable,
                busy=floor.gateway.is_busy,
            )
        )

    def _tick(self) -> None:
        counters, gateway = self._counters, self._floor.gateway
        now_ns = self._timepieces.monotonic_ns()
        if self._last_tick_ns:
            lag_ns = now_ns - self._last_tick_ns - int(_TICK_SECONDS * _NS_PER_SECOND)
            counters.event_loop_lag_ns.record(lag_ns)
        self._last_tick_ns = now_ns
        waited_ns = self._wait.seen_ns(now_ns, self._floor.pipeline.commit_age_ns())
        if waited_ns > COMMIT_DEAD_SECONDS * _NS_PER_SECOND:
            log("journal_dead", ERROR, text=Ours("the disk does not answer"))
            die(ExitCode.STORAGE_FAILED)
        health = self.health()
        if health.accepts_new_orders != gateway.accepting_orders:
            gateway.accept_orders(health.accepts_new_orders)
            log("state_changed", WARNING, state=health.state.name, reasons=Ours("; ".join(health.reasons)))
        counters.capacity_used_ns = self._capacity.used_ns(now_ns, self._timepieces.thread_time_ns())
        counters.capacity_peak_ns = self._capacity.peak_ns
        self._settlement.look()
        self._gauge(health)
        self._gauge_peak(now_ns)
        self._books.look()
        if now_ns // _NS_PER_SECOND != self._last_second:
            self._last_second = now_ns // _NS_PER_SECOND
            self._gauge_many()
            tell_left_out()
        self._ticker = self._scheduler.call_later(_TICK_SECONDS, self._tick)

    def _gauge(self, health: Health) -> None:
        counters, floor, writer = self._counters, self._floor, self._writer
        gateway, publisher = floor.gateway, floor.publisher
        counters.state = int(health.state)
        counters.gauge_messages()
        counters.oldest_wait_ns, counters.waiting_bytes = gateway.waiting()
        counters.sessions_in_grace = gateway.in_grace_count
        counters.commit_pending_ns = floor.pipeline.commit_age_ns()
        counters.clock_held_ns = self._timepieces.held_ns()
        counters.last_sequence = floor.engine.sequence
        counters.open_orders = floor.engine.open_order_count
        counters.settlement_runs_unconfirmed = floor.engine.venue.settlements.unconfirmed_count
        counters.settlement_files_missing = self._settlement.missing_count
        counters.open_proposals = len(floor.engine.venue.negotiations.proposals)
        counters.journal_durable_sequence = floor.pipeline.durable_sequence
        counters.journal_records = writer.records
        counters.journal_bytes = writer.bytes
        counters.journal_spare_segments = writer.spare_segments
        counters.connections = floor.connection_count
        counters.feed_subscribers = publisher.subscriptions.subscriber_count
        counters.feed_conflations = publisher.subscriptions.conflation_count
        counters.feed_batches_left_out = publisher.subscriptions.batches_left_out_count
        counters.feed_sequence = publisher.market_data.feed_sequence
        counters.received_bytes = gateway.received_bytes
        counters.sent_bytes = gateway.sent_bytes
        counters.feed_sent_bytes = publisher.sent_bytes
        with contextlib.suppress(OSError):
            counters.disk_free_bytes = writer.free_bytes()

    def _gauge_peak(self, now_ns: int) -> None:
        counters = self._counters
        received = self._received.grown(now_ns, counters.messages_received)
        if self._received.is_whole and received > counters.messages_received_peak:
            counters.messages_received_peak = received

    def _gauge_many(self) -> None:
        """What there may be thousands of: looked through once a second."""
        floor, counters = self._floor, self._counters
        # Each table is filled and never exchanged: the page holds on to it.
        counters.log_lines.update(logged - counters.log_lines)
        killed = Counter(scope for scope, _ in floor.engine.venue.killed)
        counters.kills.update({scope: killed[scope] - counters.kills[scope] for scope in KillScope})
        counters.sessions_catching_up = floor.gateway.catching_up_count
        now_ns = floor.pipeline.clocks.time_ns()
        counters.sessions_banned = sum(until > now_ns for until in floor.engine.venue.banned.values())
        counters.unread_bytes_max = max(
            (
                peer.transport.get_write_buffer_size()
                for listener in (floor.gateway, floor.publisher)
                for peer in listener.peers
                if peer.connected
            ),
            default=0,
        )


class CollectionMeter:
    """Called by the garbage collector before and after it has stopped everything: notes how long it took."""

    def __init__(self, counters: Counters, monotonic_ns: Callable[[], int]) -> None:
        self._counters = counters
        self._monotonic_ns = monotonic_ns
        self._began_ns = 0

    def __call__(self, phase: str, _info: dict[str, int]) -> None:
        now_ns = self._monotonic_ns()
        if phase == "start":
            self._began_ns = now_ns
        else:
            self._counters.gc_pause_ns.record(now_ns - self._began_ns)

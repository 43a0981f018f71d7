"""What a fan-out counts beside what every listener does, and the names under which it is exported."""

from typing import Final

from carbonmatch.ops.counters import Counters, Histogram
from carbonmatch.ops.health import Health, State
from carbonmatch.ops.metric import Group, Label, counter, gauge, gauge_of_ns, metrics_of, seconds
from carbonmatch.ops.tables.sessions import DISCONNECTED, TURNED_AWAY

# Why the engine is not followed any more.
LOSSES: Final = ("connection", "out_of_step")


class FanoutCounters(Counters):
    """Of the counters of a venue those of its market data, and what there is to say of the engine."""

    __slots__ = (
        "following",
        "joins",
        "lag_ns",
        "losses",
        "nats_anew",
        "nats_connected",
        "nats_published",
        "received_batches",
        "received_messages",
        "stopping",
    )

    def __init__(self) -> None:
        super().__init__()
        self.stopping = False
        # The engine.
        self.following = 0
        self.joins = 0
        self.losses = dict.fromkeys(LOSSES, 0)
        self.received_batches = 0
        self.received_messages = 0
        self.lag_ns = Histogram()
        # NATS; None where it was not asked for.
        self.nats_connected: int | None = None
        self.nats_published = 0
        self.nats_anew = 0


FANOUT: Final = (
    Group(
        "The engine",
        (
            gauge_of_ns(
                "fanout_start_time",
                "start_time_ns",
                "When the fan-out started, since 1970.",
                use="That it changed says that the fan-out was restarted.",
            ),
            gauge(
                "fanout_following",
                "following",
                "Whether the engine is followed: 1, and readers are let in.",
                use="0: nobody is served; the engine is away, or the fan-out takes its market in.",
            ),
            gauge(
                "fanout_feed_sequence",
                "feed_sequence",
                "Number of the last batch that was told on.",
                use="Beside `carbonmatch_feed_sequence` of the engine: how many batches it is behind.",
            ),
            seconds(
                "fanout_lag",
                "lag_ns",
                "From the time of a batch at the venue until it was told on here.",
                use="The disk of the venue is in it, and on another machine what the clocks differ.",
            ),
            counter(
                "fanout_joins",
                "joins",
                "Times that the whole market was taken in and readers were let in.",
                use="One for the start, and one for each reconnect.",
            ),
            counter(
                "fanout_losses",
                "losses",
                "Times that the engine was not followed any more, or not reached.",
                use="connection: the engine or the network; out_of_step: too slow, or a feed with a hole.",
                labels=(Label("reason", dict(zip(LOSSES, LOSSES, strict=True))),),
            ),
            counter(
                "fanout_received_batches",
                "received_batches",
                "Batches that came from the engine.",
                use="Its flow.",
            ),
            counter(
                "fanout_received_messages",
                "received_messages",
                "Messages that came from the engine, those of snapshots among them.",
                use="What has to be taken in.",
            ),
        ),
    ),
    Group(
        "Readers",
        (
            gauge(
                "fanout_readers",
                "feed_subscribers",
                "Connections that subscribe to market data here.",
                use="Who follows; the engine has one subscriber for all of them.",
            ),
            gauge(
                "fanout_connections",
                "connections",
                "Open connections, logged on or not.",
                use="Against the bound of the configuration.",
            ),
            counter(
                "fanout_logons_accepted",
                "logons_accepted",
                "Logons accepted.",
                use="Many without new readers: reconnecting.",
            ),
            counter(
                "fanout_logons_rejected", "logons_rejected", "Logons refused.", use="A key that has expired."
            ),
            counter(
                "fanout_disconnects",
                "disconnects",
                "Connections ended; lost: without a logout.",
                use="shutting_down are those that were sent away when the engine was lost.",
                labels=(DISCONNECTED,),
            ),
            counter(
                "fanout_turned_away",
                "turned_away",
                "Connections closed as soon as they were accepted.",
                use="Too many at once, of one address or of all.",
                labels=(TURNED_AWAY,),
            ),
            counter(
                "fanout_batches",
                "feed_batches",
                "Batches published to readers.",
                use="What each reader hears.",
            ),
            counter(
                "fanout_messages",
                "feed_messages",
                "Messages of published batches, each counted once, however many read it.",
                use="What a reader of everything has to take in.",
            ),
            counter(
                "fanout_conflations",
                "feed_conflations",
                "Times a reader could not keep up and was conflated.",
                use="Slow readers: theirs to mend, unless all are slow at once.",
            ),
            counter(
                "fanout_batches_left_out",
                "feed_batches_left_out",
                "Batches that a reader was not sent because it was conflated.",
                use="How much slow readers miss.",
            ),
            counter(
                "fanout_slow_readers_cut",
                "slow_readers_cut",
                "Connections cut because they did not read.",
                use="A client that hangs.",
            ),
            gauge(
                "fanout_unread_bytes_max",
                "unread_bytes_max",
                "Most bytes that wait for one reader.",
                use="Who is about to be conflated or cut.",
            ),
            counter(
                "fanout_sent_bytes",
                "feed_sent_bytes",
                "Bytes written to readers.",
                "bytes",
                use="Bandwidth of the fan-out.",
            ),
        ),
    ),
    Group(
        "NATS",
        (
            gauge(
                "fanout_nats_connected",
                "nats_connected",
                "Whether the NATS server is connected; absent where none was asked for.",
                use="0: whoever reads there hears nothing, and knows it by the status that is missing.",
                optional=True,
            ),
            counter(
                "fanout_nats_published",
                "nats_published",
                "Publications given to NATS.",
                use="Its flow.",
            ),
            counter(
                "fanout_nats_anew",
                "nats_anew",
                "Times that everything was to be told anew by snapshots.",
                use="Often: NATS is away, or too slow.",
            ),
        ),
    ),
    Group(
        "The loop",
        (
            gauge(
                "fanout_capacity_used_ratio",
                "capacity_used_ns",
                "Share of the last second in which the loop was at work; at 1 the fan-out is full.",
                "ratio",
                use="Room for more readers; another process takes the rest.",
                nanoseconds=True,
            ),
            seconds(
                "fanout_event_loop_lag",
                "event_loop_lag_ns",
                "How late a timer of the event loop fired.",
                use="Everything waits so long.",
            ),
        ),
    ),
)
FANOUT_METRICS: Final = metrics_of(FANOUT)


def assess_fanout(counters: FanoutCounters) -> Health:
    """Alive as long as it answers; ready where readers are let in."""
    if counters.stopping:
        return Health(State.STOPPING, True, ("stopping",))
    if not counters.following:
        return Health(State.RECOVERING, True, ("the engine is not followed: nobody is let in",))
    return Health(State.ACTIVE, True)

"""Market data as it is published."""

from typing import Final

from carbonmatch.ops.metric import Group, counter, gauge

FEED: Final = Group(
    "Market data",
    (
        gauge(
            "feed_subscribers",
            "feed_subscribers",
            "Connections that subscribe to market data.",
            use="Who follows.",
        ),
        gauge(
            "feed_sequence",
            "feed_sequence",
            "Number of the last batch that changed something public.",
            use="What a reader should have heard of.",
        ),
        counter("feed_batches", "feed_batches", "Batches published.", use="Batches a second, by `rate`."),
        counter(
            "feed_messages",
            "feed_messages",
            "Messages of published batches, each counted once, however many read it.",
            use="What a subscriber of everything has to take in.",
        ),
        counter(
            "feed_conflations",
            "feed_conflations",
            "Times a subscriber could not keep up and was conflated.",
            use="Slow consumers: theirs to mend, unless all are slow at once.",
        ),
        counter(
            "feed_batches_left_out",
            "feed_batches_left_out",
            "Batches that a subscriber was not sent because it was conflated.",
            use="How much slow consumers miss.",
        ),
        counter(
            "feed_sent_bytes",
            "feed_sent_bytes",
            "Bytes written to subscribers.",
            "bytes",
            use="Bandwidth of the feed.",
        ),
    ),
)

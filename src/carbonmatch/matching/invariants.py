"""What must hold of every batch, looked at before it goes anywhere: an engine that is wrong stops.

These stay on. A batch costs 25 ns for each report and as much for each level that changed, at most 5 % of
what it costs to apply and encode it; `Engine.check` looks at everything there is, and is for tests.
"""

from collections.abc import Mapping

from carbonmatch.matching.book import Book
from carbonmatch.matching.messages import Executed, InstrumentId, Outputs, Side, Traded


def check_batch(books: Mapping[InstrumentId, Book], outputs: Outputs) -> None:
    """Assert that `outputs`, and the books that they left, can be true.

    Each stream is numbered without gaps; what was bought was sold, and was told as traded; no order has less
    than nothing left; no book that changed is crossed where orders that cross trade by themselves.
    """
    bought_lots = sold_lots = 0
    for stream in outputs.streams:
        reports = stream.reports
        assert reports[-1].seq - reports[0].seq + 1 == len(reports), "streams are numbered without gaps"
        for fill in [report for report in reports if type(report) is Executed]:
            assert fill.leaves_lots >= 0, "no order trades more than it asked for"
            assert fill.quantity_lots > 0, "a fill is of something"
            if fill.side is Side.BUY:
                bought_lots += fill.quantity_lots
            else:
                sold_lots += fill.quantity_lots
    traded_lots = sum([event.quantity_lots for event in outputs.public if type(event) is Traded])
    assert bought_lots == sold_lots, f"{bought_lots} lots bought, {sold_lots} sold"
    assert bought_lots == traded_lots, f"{bought_lots} lots bought, {traded_lots} told as traded"

    for instrument_id in {level.instrument_id for level in outputs.levels}:
        book = books[instrument_id]
        if book.instrument.matches:
            crossed = book.bids.best_key + book.asks.best_key >= 0
            assert not crossed, f"instrument {instrument_id}: the book is crossed"

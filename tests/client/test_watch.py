"""What `carbonmatch watch` shows."""

from io import StringIO
from typing import Any

import pytest
from msgspec import structs
from rich.console import Console

from carbonmatch.client.book import InstrumentBook
from carbonmatch.client.errors import ClientError
from carbonmatch.client.overview import market_view
from carbonmatch.client.watch import bar, instrument_view, rounded_half_up, watch
from carbonmatch.matching.messages import InstrumentId, OrderId, Phase, ScreenRules, Side, TradeId, TradeKind
from carbonmatch.protocol.messages import (
    AuctionUpdate,
    KindStatistics,
    LevelUpdate,
    SnapshotOrder,
    Statistics,
    Subscribe,
    Trade,
)
from tests.client.clock import in_virtual_time
from tests.client.fake_feed import CEA, DEFINITION, FakeFeed


def shown(book: InstrumentBook, levels: int = 10, width: int = 100) -> list[str]:
    out = StringIO()
    Console(file=out, width=width, color_system=None).print(instrument_view(book, levels))
    return [line.rstrip() for line in out.getvalue().splitlines() if line.strip()]


def book_of(*levels: tuple[Side, int, int, int], **changes: Any) -> InstrumentBook:
    book = InstrumentBook(CEA)
    book.definition = DEFINITION
    book.phase = Phase.CONTINUOUS
    book.is_current = True
    for side, price_ticks, lots, orders in levels:
        book.set_level(LevelUpdate(CEA, 1, side, price_ticks, lots, orders))
    for name, value in changes.items():
        setattr(book, name, value)
    return book


def test_levels_stand_side_by_side_the_best_ones_first() -> None:
    book = book_of(
        (Side.BUY, 6_049, 500, 1),
        (Side.BUY, 6_050, 1_000, 3),
        (Side.SELL, 6_052, 250, 2),
    )
    assert shown(book)[4:6] == [
        "      3      1,000   ████████   60.50   60.52   ██              250        2",
        "      1        500       ████   60.49",
    ]


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (80, "      3      1,000   ████████   60.50   60.52   ██              250        2"),
        (66, "    1,000   ████████   60.50   60.52   ██              250"),
        (40, "    1,000   60.50   60.52        250"),
        (20, " 60.50   60.52"),
    ],
)
def test_a_narrow_terminal_has_fewer_columns_and_whole_prices(width: int, line: str) -> None:
    book = book_of((Side.BUY, 6_050, 1_000, 3), (Side.SELL, 6_052, 250, 2))
    assert line in shown(book, width=width)


def test_the_second_line_says_how_far_bid_and_ask_are_apart_and_where_the_last_trade_was() -> None:
    book = book_of((Side.BUY, 6_049, 500, 1), (Side.SELL, 6_052, 250, 2), reference_price_ticks=6_000)
    assert shown(book)[1] == "spread 0.03 (5.0 bp)"
    book.statistics = Statistics(CEA, 1, 6_000, 6_100, 5_900, 6_050, 3_000, 18_100_000, 12)
    assert shown(book)[1] == "spread 0.03 (5.0 bp)  last 60.50 ▲ +0.83 %"
    book.statistics = Statistics(CEA, 1, 6_000, 6_100, 5_900, 5_940, 3_000, 18_100_000, 12)
    assert shown(book)[1] == "spread 0.03 (5.0 bp)  last 59.40 ▼ -1.00 %"


def test_a_market_is_a_line_for_each_instrument() -> None:
    book = book_of(
        (Side.BUY, 6_049, 12_500, 1),
        (Side.SELL, 6_052, 250, 2),
        reference_price_ticks=6_000,
        statistics=Statistics(CEA, 1, 6_000, 6_100, 5_900, 6_000, 3_000, 18_100_000, 12),
    )
    gone = book_of((Side.BUY, 6_049, 1, 1), is_current=False)
    gone.instrument_id = InstrumentId(CEA + 1)
    unknown = InstrumentBook(InstrumentId(1))
    out = StringIO()
    Console(file=out, width=80, color_system=None).print(market_view([gone, unknown, book]))
    lines = [" ".join(line.split()) for line in out.getvalue().splitlines() if line.strip()]
    assert lines[0] == "instrument phase lots bid ask lots last change volume"
    assert lines[2:] == [
        "CEA24 continuous 12,500 60.49 60.52 250 60.00 0.00 % 3,000",
        "CEA24 not current 1 60.49",
    ]


def test_a_market_in_a_narrow_terminal_has_whole_symbols_and_prices() -> None:
    book = book_of(
        (Side.BUY, 6_049, 12_500, 1),
        (Side.SELL, 6_052, 250, 2),
        reference_price_ticks=6_000,
        statistics=Statistics(CEA, 1, 6_000, 6_100, 5_900, 6_000, 3_000, 18_100_000, 12),
    )

    def line(width: int) -> str:
        out = StringIO()
        Console(file=out, width=width, color_system=None).print(market_view([book]))
        return " ".join(next(each for each in out.getvalue().splitlines() if "CEA24" in each).split())

    assert line(66) == "CEA24 continuous 60.49 60.52 60.00 0.00 % 3,000"
    assert line(50) == "CEA24 continuous 60.49 60.52 60.00"
    assert line(40) == "CEA24 continuous 60.49 60.52"


def test_only_as_many_levels_are_shown_as_were_asked_for() -> None:
    book = book_of(*[(Side.BUY, price_ticks, 1, 1) for price_ticks in range(100, 120)])
    assert len(shown(book, levels=5)) == len(shown(book, levels=4)) + 1


def test_the_first_line_says_what_the_instrument_admits() -> None:
    book = book_of(reference_price_ticks=6_050, band_low_ticks=5_445, band_high_ticks=6_655)
    assert shown(book)[0] == "CEA24  CNY/t  CONTINUOUS  reference 60.50, band 54.45 to 66.55"


def test_the_first_line_says_until_when_the_phase_lasts() -> None:
    book = book_of(phase_until_ns=1_772_436_600_000_000_000)
    assert shown(book)[0] == "CEA24  CNY/t  CONTINUOUS until 2026-03-02 07:30:00 UTC"


def test_a_book_that_is_not_current_says_so() -> None:
    assert "NOT CURRENT" in shown(book_of(is_current=False))[0]


def test_statistics_are_in_the_units_of_people() -> None:
    book = book_of(statistics=Statistics(CEA, 1, 6_000, 6_100, 5_900, 6_050, 3_000, 18_100_000, 12))
    assert shown(book)[-1] == (
        "open 60.00  high 61.00  low 59.00  last 60.50  VWAP 60.33  volume 3,000  in 12 trades"
    )


def test_what_was_traded_otherwise_than_on_the_screen_has_a_line_of_its_own() -> None:
    book = book_of(statistics=Statistics(CEA, 1, 6_000, 6_100, 5_900, 6_050, 3_000, 18_100_000, 12))
    # All that the screen has traded was listed: the line before says it.
    for kind, sums in (
        (TradeKind.LISTED, (3_000, 18_100_000, 12)),
        (TradeKind.BLOCK, (200_000, 1_080_000_000, 2)),
        (TradeKind.BIDDING, (0, 0, 0)),
    ):
        book.kind_statistics[kind] = KindStatistics(CEA, 1, kind, *sums)
    assert shown(book)[-1] == "block: VWAP 54.00  volume 200,000  in 2 trades"
    assert "VWAP 60.33" in shown(book)[-2]


def test_the_newest_trade_comes_first() -> None:
    book = book_of()
    for number in (1, 2):
        time_ns = number * 1_000_000_000
        book.trades.append(Trade(CEA, 1, TradeId(number), 6_050, 1_000 * number, Side.SELL, time_ns))
    assert shown(book)[-2:] == [
        " 00:00:02     60.50      2,000   sells",
        " 00:00:01     60.50      1,000   sells",
    ]


@pytest.mark.parametrize(
    ("auction", "words"),
    [
        (
            AuctionUpdate(CEA, 1, 6_050, 1_200, 300, 1, 7),
            "auction: 1,200 would trade now at 60.50, 300 more wanted",
        ),
        (
            AuctionUpdate(CEA, 1, 6_050, 1_200, 3, 2, 7),
            "auction: 1,200 would trade now at 60.50, 3 more offered",
        ),
        (AuctionUpdate(CEA, 1, 6_050, 1_200, 0, 0, 7), "auction: 1,200 would trade now at 60.50"),
        (AuctionUpdate(CEA, 1, 0, 0, 0, 0, 7), "auction: nothing would trade now"),
    ],
)
def test_while_orders_gather_it_says_how_the_auction_would_end(auction: AuctionUpdate, words: str) -> None:
    assert shown(book_of(phase=Phase.OPENING_AUCTION, auction=auction))[-2] == words
    assert "auction" not in "".join(shown(book_of()))


def test_a_trade_of_an_auction_has_no_taker() -> None:
    book = book_of()
    book.trades.append(Trade(CEA, 1, TradeId(1), 6_050, 5, Side.SELL, 1_000_000_000, TradeKind.AUCTION))
    assert shown(book)[-1] == " 00:00:01     60.50          5   auction"


def test_an_empty_book_is_shown_too() -> None:
    assert shown(book_of())[-1] == "no trade yet"


@pytest.mark.parametrize(
    ("side", "lots", "expected"),
    [
        (Side.SELL, 80, "████████"),
        (Side.SELL, 40, "████"),
        (Side.SELL, 1, ""),
        (Side.SELL, 15, "█▌"),
        (Side.BUY, 15, "▐█"),
        (Side.BUY, 12, "█"),
    ],
)
def test_a_bar_is_as_long_as_its_share_of_the_widest(side: Side, lots: int, expected: str) -> None:
    assert bar(side, lots, widest=80) == expected


def test_half_a_tick_is_rounded_up() -> None:
    assert [rounded_half_up(n, 2) for n in (2, 3, 4)] == [1, 2, 2]
    assert rounded_half_up(4, 3) == 1


@in_virtual_time
async def test_one_snapshot_is_printed_where_there_is_no_terminal() -> None:
    out = StringIO()
    async with FakeFeed() as feed:
        feed.set_level(6_050, 100)
        await watch(feed.access(), "CEA24", 10, Console(file=out, width=100), live=False)
        assert feed.requests[-1].instrument_ids == (CEA,)
        assert all(type(request) is Subscribe for request in feed.requests)
    assert "60.50" in out.getvalue()


@in_virtual_time
async def test_an_unknown_symbol_is_answered_with_the_known_ones() -> None:
    async with FakeFeed() as feed:
        with pytest.raises(ClientError, match=r"no instrument 'CEA99' at \S+; there are CEA24"):
            await watch(feed.access(), "CEA99", 10, Console(file=StringIO()), live=False)


def test_the_orders_that_can_be_selected_are_shown_by_their_ids_best_first() -> None:
    book = book_of()
    assert book.definition is not None
    book.definition = structs.replace(book.definition, screen=ScreenRules(order_list=True))
    for number, side, price, lots in (
        (7, Side.BUY, 6_000, 100),
        (8, Side.BUY, 6_010, 2_000),
        (9, Side.SELL, 6_020, 30),
    ):
        book.set_order(SnapshotOrder(CEA, OrderId(number), side, price, lots))
    assert [line.split() for line in shown(book)[-2:]] == [
        ["8", "2,000", "60.10", "60.20", "30", "9"],
        ["7", "100", "60.00"],
    ]


def test_of_many_orders_the_first_are_shown_and_how_many_there_are() -> None:
    book = book_of()
    assert book.definition is not None
    book.definition = structs.replace(book.definition, screen=ScreenRules(order_list=True))
    for number in range(1, 31):
        book.set_order(SnapshotOrder(CEA, OrderId(number), Side.SELL, 6_000 + number, 1))
    assert shown(book)[-1].split() == ["0", "bids", "30", "asks"]

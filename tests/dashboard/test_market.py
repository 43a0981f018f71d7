"""Books as rows and ladders, and which rows a browser is told."""

from carbonmatch.dashboard.market import Auction, Ladder, Market, ShownTrade, ladder_of, row_of
from carbonmatch.limits import DASHBOARD_LEVELS, DASHBOARD_TRADES
from carbonmatch.matching.messages import InstrumentId, Phase, Side, TradeKind
from carbonmatch.protocol.messages import AuctionUpdate
from tests.dashboard.books import CEA, EUA, NOW_NS, book, set_level, statistics, trade


def test_a_row_has_best_prices_and_what_the_day_came_to() -> None:
    one = book()
    set_level(one, Side.BUY, 99, 10)
    set_level(one, Side.BUY, 98, 1_000)
    set_level(one, Side.SELL, 101, 20, 3)
    one.statistics = statistics(last_ticks=100, lots=55, count=4)
    one.reference_price_ticks, one.band_low_ticks, one.band_high_ticks = 97, 90, 110
    row = row_of(one, "a rumour")
    assert (row.symbol, row.currency, row.decimals, row.lot_tonnes) == ("CEA24", "CNY", 2, 10)
    assert (row.bid_ticks, row.bid_lots, row.ask_ticks, row.ask_lots) == (99, 10, 101, 20)
    assert (row.last_ticks, row.open_ticks, row.high_ticks, row.low_ticks) == (100, 98, 105, 95)
    assert (row.volume_lots, row.trade_count) == (55, 4)
    assert (row.reference_ticks, row.band_low_ticks, row.band_high_ticks) == (97, 90, 110)
    assert (row.phase, row.phase_text, row.is_current) == ("continuous", "a rumour", True)
    assert row.auction is None


def test_an_empty_book_has_no_prices_and_no_phase_is_no_word() -> None:
    one = book()
    one.phase = None
    row = row_of(one)
    assert (row.bid_ticks, row.ask_ticks, row.last_ticks, row.volume_lots, row.phase) == (0, 0, 0, 0, "")


def test_a_phase_is_in_words_with_its_end_and_how_its_auction_would_end() -> None:
    one = book()
    one.phase, one.phase_until_ns = Phase.OPENING_AUCTION, NOW_NS
    for side, word in ((0, ""), (1, "buy"), (2, "sell")):
        one.auction = AuctionUpdate(CEA, 1, 101, 500, 20, side, NOW_NS)
        row = row_of(one)
        assert row.auction == Auction(101, 500, 20, word)
    assert (row.phase, row.phase_until_ns) == ("opening auction", NOW_NS)


def test_a_ladder_has_the_best_levels_of_each_side_and_the_newest_trades_first() -> None:
    one = book()
    for distance in range(1, DASHBOARD_LEVELS + 3):
        set_level(one, Side.BUY, 100 - distance, distance)
        set_level(one, Side.SELL, 100 + distance, 2 * distance, 4)
    one.trades.extend(trade(number) for number in range(1, DASHBOARD_TRADES + 3))
    ladder = ladder_of(one)
    assert ladder.bids == [(100 - at, at, 1) for at in range(1, DASHBOARD_LEVELS + 1)]
    assert ladder.asks == [(100 + at, 2 * at, 4) for at in range(1, DASHBOARD_LEVELS + 1)]
    assert len(ladder.trades) == DASHBOARD_TRADES
    newest = DASHBOARD_TRADES + 2
    assert ladder.trades[0] == ShownTrade(newest, NOW_NS + newest, 100, 7, "sells")


def test_who_took_is_said_where_somebody_did() -> None:
    one = book()
    one.trades.extend(trade(int(kind), kind=kind) for kind in TradeKind)
    assert [shown.taker for shown in reversed(ladder_of(one).trades)] == [
        "sells",
        "auction",
        "sells",
        "block",
        "bidding",
    ]


def test_a_browser_is_told_the_rows_that_have_changed_since_it_has_looked() -> None:
    market, one, other = Market(), book(), book(EUA, "EUA")
    assert market.take([one, other], {}, version=1)
    is_whole, rows = market.since(0)
    assert (is_whole, [row.id for row in rows]) == (True, [CEA, EUA])
    assert market.since(1) == (False, [])
    set_level(other, Side.BUY, 99, 1)
    assert market.take([one, other], {}, version=2)
    assert [row.id for row in market.since(1)[1]] == [EUA]
    assert [row.id for row in market.since(0)[1]] == [CEA, EUA]


def test_what_has_not_changed_is_no_new_version() -> None:
    market, one = Market(), book()
    market.take([one], {}, version=1)
    assert not market.take([one], {}, version=2)
    assert market.take([one], {CEA: "a reason"}, version=2)
    one.is_current = False
    assert market.take([one], {CEA: "a reason"}, version=3)


def test_an_instrument_that_is_gone_has_everyone_told_all() -> None:
    market = Market()
    market.take([book(), book(EUA, "EUA")], {}, version=1)
    assert market.take([book()], {}, version=2)
    is_whole, rows = market.since(1)
    assert (is_whole, [row.id for row in rows], len(market)) == (True, [CEA], 1)
    assert market.since(2) == (False, [])


def test_a_book_without_a_definition_is_not_shown() -> None:
    market, one = Market(), book(InstrumentId(9))
    one.definition = None
    assert not market.take([one], {}, version=1)


def test_a_ladder_of_nothing_is_empty() -> None:
    assert ladder_of(book()) == Ladder(CEA, [], [], [])

"""The best levels alone: what a subscriber of so many of them hears, and keeps without knowing any rule."""

from carbonmatch.matching.messages import AnyPublicEvent, InstrumentId, LevelChanged, Ref
from carbonmatch.protocol.messages import FeedKind, LevelUpdate, SnapshotLevel, Subscribe
from tests.market_data.readers import Reader, Tape
from tests.market_data.world import BUY, CEA, EUA, KAU, SELL, defined, level, released, traded
from tests.market_data.worlds import FOUNDING


def tape() -> Tape:
    made = Tape()
    release(made, *FOUNDING.public)
    return made


def release(tape: Tape, *happened: AnyPublicEvent | LevelChanged) -> None:
    tape.publish(tape.market_data.apply(released(*happened), tape.time_ns))


def follow(tape: Tape, levels_max: int, *instrument_ids: InstrumentId) -> Reader:
    reader = tape.join(Subscribe(Ref(1), instrument_ids, FeedKind.DEFAULT, levels_max))
    reader.read_all()
    return reader


def heard(reader: Reader) -> list[str]:
    """The levels that were told since this was asked before."""
    reader.heard.clear()
    reader.read_all()
    return [
        f"{each.side.name} {each.quantity_lots} @ {each.price_ticks}"
        for each in reader.heard
        if isinstance(each, LevelUpdate | SnapshotLevel)
    ]


def test_only_the_best_levels_are_told() -> None:
    feed = tape()
    best = follow(feed, 1, CEA)
    release(feed, level(BUY, 100, 5), level(BUY, 99, 4), level(SELL, 102, 1), level(SELL, 103, 2))
    assert heard(best) == ["BUY 5 @ 100", "SELL 1 @ 102"]
    release(feed, level(BUY, 99, 7))
    assert heard(best) == []
    release(feed, level(BUY, 100, 6))
    assert heard(best) == ["BUY 6 @ 100"]


def test_a_level_that_leaves_the_best_is_gone_and_one_that_comes_among_them_is_told_whole() -> None:
    feed = tape()
    release(feed, level(BUY, 100, 5), level(BUY, 99, 4), level(BUY, 98, 3, orders=2))
    two = follow(feed, 2, CEA)
    release(feed, level(BUY, 101, 1))
    assert heard(two) == ["BUY 1 @ 101", "BUY 0 @ 99"]
    release(feed, level(BUY, 100, 0), level(BUY, 101, 0))
    assert heard(two) == ["BUY 0 @ 100", "BUY 0 @ 101", "BUY 4 @ 99", "BUY 3 @ 98"]
    assert [each.order_count for each in two.books.books[CEA].depth()[0]] == [1, 2]


def test_a_level_that_changes_and_leaves_in_the_same_batch_is_gone() -> None:
    feed = tape()
    release(feed, level(SELL, 100, 5))
    best = follow(feed, 1, CEA)
    release(feed, level(SELL, 99, 1), level(SELL, 100, 9))
    assert heard(best) == ["SELL 1 @ 99", "SELL 0 @ 100"]


def test_the_snapshot_has_the_best_levels_and_their_checksum() -> None:
    feed = tape()
    release(feed, *[level(BUY, price, price) for price in (97, 98, 99)], level(SELL, 101, 1))
    two = feed.join(Subscribe(Ref(1), (CEA,), levels_max=2))
    assert heard(two) == ["BUY 99 @ 99", "BUY 98 @ 98", "SELL 1 @ 101"]
    assert two.damages == []


def test_each_number_of_levels_is_its_own_and_all_levels_are_as_before() -> None:
    feed = tape()
    readers = [follow(feed, count) for count in (0, 1, 2)]
    release(feed, level(BUY, 100, 1), level(BUY, 99, 2), level(BUY, 98, 3), traded(99, 1))
    assert [len(heard(reader)) for reader in readers] == [3, 1, 2]
    assert [len(reader.books.books[CEA].trades) for reader in readers] == [1, 1, 1]


def test_an_instrument_that_is_defined_later_is_cut_as_well() -> None:
    feed = tape()
    best = follow(feed, 1)
    release(feed, defined(KAU, "KAU"), level(BUY, 7, 1, 1, KAU), level(BUY, 6, 1, 1, KAU))
    release(feed, level(BUY, 8, 1, 1, KAU))
    assert heard(best) == ["BUY 1 @ 7", "BUY 1 @ 8", "BUY 0 @ 7"]


def test_what_nobody_follows_any_more_costs_nothing_and_may_be_followed_again() -> None:
    feed = tape()
    readers = [follow(feed, 1), follow(feed, 1, CEA), follow(feed, 2, EUA)]
    for reader in readers:
        assert feed.subscriptions._windows
        feed.subscriptions.leave(reader.subscriber)
    assert not feed.subscriptions._windows
    feed.readers.clear()
    release(feed, level(BUY, 100, 1), level(BUY, 101, 2))
    again = follow(feed, 1, CEA)
    release(feed, level(BUY, 101, 0))
    assert heard(again) == ["BUY 0 @ 101", "BUY 1 @ 100"]

"""The ladder against a plain sorted dict: best level, order of levels, and nothing left behind."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonmatch.matching import ladder as ladder_module
from carbonmatch.matching.book import Book
from carbonmatch.matching.instrument import Instrument
from carbonmatch.matching.ladder import NEAR_KEYS_MAX, PRUNE_LEVELS_MIN, Ladder, Level, Order
from tests.matching.compiled import patching
from tests.matching.market import definition


def ladder(side: str = "bids") -> Ladder:
    book = Book(Instrument(definition()))
    return book.bids if side == "bids" else book.asks


def order(of: Ladder, lots: int = 1) -> Order:
    new = Order()
    new.ladder = of
    new.quantity_lots = new.leaves_lots = lots
    new.hidden_lots = 0
    new.terms = None
    return new


class Shadow:
    """A ladder, and the same as a dict of lists."""

    def __init__(self, side: str = "bids") -> None:
        self.ladder = ladder(side)
        self.queues: dict[int, list[Order]] = {}
        self.dirty: list[Level] = []

    def rest(self, key: int) -> None:
        new = order(self.ladder)
        self.ladder.rest(new, key, self.dirty)
        self.queues.setdefault(key, []).append(new)

    def remove(self, key: int, place: int) -> None:
        queue = self.queues[key]
        self.ladder.remove(queue.pop(place % len(queue)), self.dirty)
        if not queue:
            del self.queues[key]

    def publish(self) -> None:
        for level in self.dirty:
            level.dirty = False
        self.dirty.clear()

    def check(self) -> None:
        self.ladder.check()
        assert [(level.key, list(level.orders())) for level in self.ladder.levels_from_best()] == sorted(
            self.queues.items(), reverse=True
        )


@pytest.fixture
def small_near(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few near keys that a handful of levels reaches into the far ones."""
    monkeypatch.setattr(ladder_module, "NEAR_KEYS_MAX", 4)
    monkeypatch.setattr(ladder_module, "PRUNE_LEVELS_MIN", 8)


actions = st.lists(
    st.tuples(st.sampled_from(["rest", "rest", "remove", "publish"]), st.integers(0, 40), st.integers(0, 3))
)


@pytest.mark.parametrize("side", ["bids", "asks"])
@settings(max_examples=60)
@given(actions)
def test_a_ladder_is_a_sorted_dict_of_queues(side: str, steps: list[tuple[str, int, int]]) -> None:
    with patching() as patch:
        patch.setattr(ladder_module, "NEAR_KEYS_MAX", 4)
        patch.setattr(ladder_module, "PRUNE_LEVELS_MIN", 8)
        sign = 1 if side == "bids" else -1
        shadow = Shadow(side)
        for what, number, place in steps:
            if what == "rest":
                shadow.rest(sign * (100 + number))
            elif what == "remove" and shadow.queues:
                keys = sorted(shadow.queues)
                shadow.remove(keys[number % len(keys)], place)
            elif what == "publish":
                shadow.publish()
            shadow.check()


@pytest.mark.usefixtures("small_near")
def test_levels_beyond_the_near_ones_come_back_when_those_are_used_up() -> None:
    shadow = Shadow()
    for key in random.Random(1).sample(range(1, 101), 100):
        shadow.rest(key)
    assert len(shadow.ladder.far) > 90
    for key in range(100, 0, -1):
        assert shadow.ladder.best_key == key
        shadow.remove(key, 0)
        shadow.check()
    assert shadow.ladder.best is None
    assert not shadow.ladder.far


@pytest.mark.usefixtures("small_near")
def test_empty_levels_are_forgotten_when_they_are_too_many() -> None:
    shadow = Shadow()
    shadow.rest(1_000_000)
    for key in range(1_000):
        shadow.rest(key)
        shadow.remove(key, 0)
        shadow.publish()
        assert len(shadow.ladder.levels) <= 12
    shadow.check()


@pytest.mark.usefixtures("small_near")
def test_an_empty_level_that_is_still_to_be_published_is_not_forgotten() -> None:
    shadow = Shadow()
    shadow.rest(1_000_000)
    for key in range(100):
        shadow.rest(key)
        shadow.remove(key, 0)
    assert len(shadow.dirty) == 101
    assert len({level.key for level in shadow.dirty}) == 101
    shadow.rest(50)
    assert len(shadow.dirty) == 101, "the level is the same object as before"


def test_an_emptied_level_is_used_again() -> None:
    shadow = Shadow()
    shadow.rest(100)
    first = shadow.ladder.best
    shadow.remove(100, 0)
    assert shadow.ladder.best is None
    shadow.rest(100)
    assert shadow.ladder.best is first


def test_many_levels_keep_their_order_at_full_size() -> None:
    shadow = Shadow()
    count = 3 * NEAR_KEYS_MAX + PRUNE_LEVELS_MIN
    for key in random.Random(2).sample(range(10 * count), count):
        shadow.rest(key)
    shadow.check()
    for key in random.Random(3).sample(sorted(shadow.queues), count - 10):
        shadow.remove(key, 0)
    shadow.check()


def test_a_book_whose_sides_meet_at_one_price_is_noticed() -> None:
    book = Book(Instrument(definition()))
    book.bids.rest(order(book.bids), 100, [])
    book.asks.rest(order(book.asks), -101, [])
    book.check()
    book.asks.rest(order(book.asks), -100, [])
    with pytest.raises(AssertionError, match="orders which cross have traded"):
        book.check()


def test_an_order_with_nothing_left_in_a_level_is_noticed() -> None:
    bids = ladder()
    bids.rest(order(bids), 100, [])
    bids.check()
    bids.rest(order(bids, lots=0), 100, [])
    with pytest.raises(AssertionError):
        bids.check()

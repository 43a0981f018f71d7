"""Nothing of a venue is forgotten by a snapshot, attribute by attribute: a digest only shows what it has."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import pytest

from carbonmatch.accel import is_core_compiled
from carbonmatch.matching import messages as m
from carbonmatch.matching.auction import set_alarm
from carbonmatch.matching.clearing.conservation import check_conservation
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.expiry import NEVER_NS
from carbonmatch.matching.invariants import check_batch
from carbonmatch.matching.ladder import Ladder
from carbonmatch.matching.state import digest, restore, snapshot
from tests.matching.attributes import View, attributes_of, differences
from tests.matching.whole_worlds import whole

_OF_THE_ENTRY = View(lambda _: None, "set when an entry begins, and read in that entry only")


def _sorted(name: str) -> View:
    def in_order(owner: Any) -> dict[Any, Any] | None:
        found = getattr(owner, name)
        return None if found is None else dict(sorted(found.items()))

    return View(in_order, "looked up by key; nothing goes through it in its order")


def _keys_in_use(ladder: Ladder) -> list[int]:
    return [key for key in (*ladder.far, *ladder.near) if ladder.levels[key].first is not None]


_IN_USE = View(_keys_in_use, "keys of levels that have become empty stay until they are met")

pytestmark = pytest.mark.skipif(is_core_compiled(), reason="compiled classes do not tell their attributes")

# Whatever else an engine has is in a snapshot, or follows from what is in it.
VIEWS: Final = {
    "Venue.session": _OF_THE_ENTRY,
    "Venue.foreign_order_count": View(
        lambda venue: venue.open_order_count,
        "of others than the entry's session, which is none after a restore",
    ),
    "Venue.makers_left": _OF_THE_ENTRY,
    "Venue.stops_left": _OF_THE_ENTRY,
    "Venue.auction_orders_left": _OF_THE_ENTRY,
    "Negotiations.directory": View(lambda _: None, "a cache, made when somebody asks"),
    "Venue.amended_trades": _sorted("amended_trades"),
    "Bidding.bids_by_bidder": _sorted("bids_by_bidder"),
    "Bidding.lots_by_bidder": _sorted("lots_by_bidder"),
    "Negotiations.offers": _sorted("offers"),
    "Negotiations.offers_of_sessions": _sorted("offers_of_sessions"),
    "Venue.held_until_ns": View(
        lambda venue: dict(sorted(venue.held_until_ns.items())),
        "who goes through it, when holds end, journals what it does",
    ),
    "Account.indexed_orders": View(lambda _: None, "an index, made when somebody asks"),
    "Account.unindexed": View(lambda _: None, "what that index is still to be made of"),
    "SessionState.indexed": View(lambda _: None, "whether it is in that index"),
    "SessionState.replaced": _sorted("replaced"),
    "Alarms._times": _sorted("_times"),
    "DropCopies._accounts": _sorted("_accounts"),
    "OrderList.orders": _sorted("orders"),
    "Clearing.restrictions": _sorted("restrictions"),
    "Clearing.unrestricted": _sorted("unrestricted"),
    "Instrument.positions": _sorted("positions"),
    "Instrument.plain_positions": _sorted("plain_positions"),
    "Position.cash": View(lambda _: None, "found again with the next order to buy"),
    "Ladder.near": _IN_USE,
    "Ladder.far": _IN_USE,
    "Ladder.levels": View(
        lambda ladder: {key: ladder.levels[key] for key in sorted(_keys_in_use(ladder))},
        "levels that have become empty stay for the next order",
    ),
}


def set_alarms_anew(engine: Engine) -> None:
    """One may ring for what is gone meanwhile, and then nothing happens; after a restore it does not. None
    rings late."""
    alarms = engine.venue.alarms
    for instrument_id, book in engine.books.items():
        if book.transition is None:
            before_ns = alarms._times.get(instrument_id, NEVER_NS)
            set_alarm(engine.venue, book)
            assert before_ns <= alarms._times.get(instrument_id, NEVER_NS)


def seen_in(engine: Engine) -> Iterator[str]:
    """Which mechanisms have something to be forgotten now."""
    venue = engine.venue
    books = [*venue.books.values()]
    yield from ("open orders",) * any(True for book in books for _ in book.orders())
    yield from ("stops",) * any(True for book in books for _ in book.stops())
    yield from ("icebergs",) * any(book.icebergs for book in books)
    yield from ("listed orders",) * any(book.order_list and book.order_list.orders for book in books)
    yield from ("bids",) * bool(venue.biddings.bids)
    yield from ("proposals",) * bool(venue.negotiations.proposals)
    yield from ("prices of a day",) * any(book.prices and book.prices.has_traded for book in books)
    yield from ("days that ended",) * any(book.day.ended for book in books)
    yield from ("runs that were answered",) * any(run.file_digest for run in venue.settlements)
    yield from ("amended trades",) * bool(venue.amended_trades)
    yield from ("units that are reserved",) * any(
        position.reserved_lots
        for book in books
        if book.clearing is not None
        for position in book.clearing.positions.values()  # type: ignore[attr-defined]
    )
    yield from ("restrictions",) * any(
        book.clearing.restrictions  # type: ignore[attr-defined]
        for book in books
        if book.clearing is not None
    )
    yield from ("composite prices",) * bool(venue.composites)
    yield from ("orders that gather",) * bool(venue.gathering)
    yield from ("auctions that are carried out",) * bool(venue.uncrossing)
    yield from ("stops that are to fire",) * bool(venue.reached)
    yield from ("previous prices",) * any(book.previous_price_ticks for book in books)
    yield from ("trades that are watched",) * any(book.guard is not None for book in books)


ALL_THERE_IS: Final = {
    "open orders",
    "stops",
    "icebergs",
    "listed orders",
    "bids",
    "proposals",
    "prices of a day",
    "days that ended",
    "runs that were answered",
    "amended trades",
    "units that are reserved",
    "restrictions",
    "composite prices",
    "orders that gather",
    "auctions that are carried out",
    "stops that are to fire",
    "trades that are watched",
    "previous prices",
}


@pytest.mark.parametrize("seeds", [(1, 2), (4, 5)])
def test_a_restored_engine_is_the_engine_in_every_attribute(
    seeds: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that entries leave something to do for the next one.
    monkeypatch.setattr("carbonmatch.matching.engine.ENTRY_AUCTION_ORDERS_MAX", 1)
    monkeypatch.setattr("carbonmatch.matching.engine.ENTRY_STOPS_MAX", 1)
    seen: Counter[str] = Counter()
    for seed in seeds:
        engine = Engine()
        for number, entry in enumerate(whole(seed, 1_500)):
            engine.apply(entry)
            check_batch(engine.books, engine.take_outputs())
            check_conservation(engine.venue)
            if number % 60 == 59 or engine.venue.uncrossing or engine.venue.reached:
                set_alarms_anew(engine)
                restored = restore(snapshot(engine))
                assert digest(restored) == digest(engine)
                assert differences(engine, restored, VIEWS) == [], f"seed {seed}, entry {number}"
                seen.update(seen_in(engine))
    assert set(seen) == ALL_THERE_IS


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_what_may_differ_is_something_that_there_is(name: str) -> None:
    """A name that has changed would leave its attribute unseen."""
    engine = Engine()
    for entry in whole(1, 300):
        engine.apply(entry)
        engine.take_outputs()
    found: set[str] = set()
    ahead: list[Any] = [engine]
    met: set[int] = set()
    while ahead:
        one = ahead.pop()
        if id(one) in met or isinstance(one, int | str | bytes | type(None) | type):
            continue
        met.add(id(one))
        for attribute in attributes_of(one):
            found |= {f"{kind.__name__}.{attribute}" for kind in type(one).__mro__}
            ahead.append(getattr(one, attribute, None))
        if isinstance(one, dict):
            ahead += one.values()
        elif isinstance(one, list | tuple):
            ahead += one
    assert name in found


class _Thing:
    __slots__ = ("first", "second", "unset")

    def __init__(self, first: object, second: object) -> None:
        self.first, self.second = first, second


def test_a_difference_is_told_with_its_place() -> None:
    def one(number: int, word: str = "a") -> _Thing:
        inner = _Thing(number, [word])
        return _Thing({1: inner}, inner)

    assert differences(one(5), one(5)) == []
    assert differences(one(5), one(6)) == ["_Thing.first[1].first: 5 and 6"] or differences(
        one(5), one(6)
    ) == ["_Thing.second.first: 5 and 6"]
    assert differences(_Thing({1: 2, 3: 4}, 0), _Thing({3: 4, 1: 2}, 0)) == [
        "_Thing.first.keys: [1, 3] and [3, 1]"
    ]
    assert differences(_Thing(1, 2), _Thing(1, None)) == ["_Thing.second: 2 and None"]
    # Two that were one.
    shared = _Thing(1, 2)
    assert differences(_Thing(shared, shared), _Thing(_Thing(1, 2), _Thing(1, 2))) == [
        "_Thing.second: another _Thing than where it was met before"
    ]
    left, right = _Thing(1, 2), _Thing(1, 2)
    right.unset = 7  # type: ignore[attr-defined]
    assert differences(left, right) == ["_Thing.unset: nothing and 7"]
    assert differences(left, right, {"_Thing.unset": View(lambda _: None, "why not")}) == []


def test_whatever_is_planted_is_found() -> None:
    engine = Engine()
    for entry in whole(1, 600):
        engine.apply(entry)
        engine.take_outputs()
    restored = restore(snapshot(engine))
    check_conservation(engine.venue)
    book = restored.books[m.InstrumentId(1)]
    book.day.after_trade_id = m.TradeId(book.day.after_trade_id + 1)
    assert differences(engine, restored, VIEWS) == [
        f"Engine.books[1].day.after_trade_id: {book.day.after_trade_id - 1} and {book.day.after_trade_id}"
    ]

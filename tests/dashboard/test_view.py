"""What a browser is told: everything at first, then what has changed, never twice."""

from typing import Any

import msgspec

from carbonmatch.dashboard.sources import Source, in_words, source_of
from carbonmatch.dashboard.view import Seen, View
from carbonmatch.dashboard.vitals import Point
from carbonmatch.matching.messages import Side
from tests.dashboard.books import CEA, EUA, book, set_level, trade


def told(view: View, seen: Seen) -> dict[str, Any] | None:
    found = view.changes(seen, now_ns=7)
    return None if found is None else msgspec.json.decode(found)


def test_a_new_browser_is_told_everything() -> None:
    view = View()
    view.put("operating", "desk")
    view.take_market({CEA: book()}, {})
    view.add_point(Point(1.0, 2.0))
    found = told(view, Seen())
    assert found is not None
    assert (found["now_ns"], found["operating"]) == (7, "desk")
    assert found["market"]["is_whole"]
    assert [row["symbol"] for row in found["market"]["rows"]] == ["CEA24"]
    assert found["points"] == {"is_whole": True, "rows": [[1.0, 2.0, None, None, None, None, None]]}
    assert "ladder" not in found


def test_then_only_what_has_changed() -> None:
    view, seen = View(), Seen()
    view.put("feed", "good")
    view.put("vitals", 1)
    told(view, seen)
    assert told(view, seen) is None
    view.put("vitals", 1)
    assert told(view, seen) is None
    view.put("vitals", 2)
    assert told(view, seen) == {"now_ns": 7, "vitals": 2}
    view.add_point(Point(1.0))
    found = told(view, seen)
    assert found is not None
    assert found["points"] == {"is_whole": False, "rows": [[1.0, *[None] * 6]]}


def test_a_slow_browser_gets_the_newest_word_and_each_point_once() -> None:
    view, quick, slow = View(), Seen(), Seen()
    told(view, quick)
    told(view, slow)
    for number in range(3):
        view.put("vitals", number)
        view.add_point(Point(float(number)))
        told(view, quick)
    found = told(view, slow)
    assert found is not None
    assert found["vitals"] == 2
    assert [point[0] for point in found["points"]["rows"]] == [0.0, 1.0, 2.0]


def test_the_ladder_of_the_chosen_instrument_comes_when_it_has_changed() -> None:
    view, one = View(), book()
    view.take_market({CEA: one, EUA: book(EUA, "EUA")}, {})
    seen = Seen(chosen=CEA)
    found = told(view, seen)
    assert found is not None
    assert found["ladder"] == {"id": CEA, "bids": [], "asks": [], "trades": []}
    assert told(view, seen) is None
    set_level(one, Side.BUY, 99, 5, 2)
    set_level(one, Side.BUY, 98, 5, 2)
    one.trades.append(trade(3))
    found = told(view, seen)
    assert found is not None
    assert found["ladder"]["bids"] == [[99, 5, 2], [98, 5, 2]]
    assert found["ladder"]["trades"][0]["trade_id"] == 3


def test_a_symbol_is_that_of_a_shown_instrument() -> None:
    view = View()
    view.take_market({CEA: book()}, {})
    assert view.symbol_of(CEA) == "CEA24"
    assert view.symbol_of(99) is None


def test_a_source_keeps_the_time_since_when_it_is_as_it_is() -> None:
    bad = source_of(None, "refused", 10)
    assert bad == Source(False, 10, "refused")
    assert source_of(bad, "timed out", 20) == Source(False, 10, "timed out")
    good = source_of(bad, "", 30)
    assert good == Source(True, 30, "")
    assert source_of(good, "", 40) == good


def test_an_error_is_told_without_the_number_that_the_system_has_for_it() -> None:
    assert in_words(ConnectionRefusedError(111, "no engine there")) == "no engine there"
    assert in_words(TimeoutError()) == "TimeoutError"
    assert in_words(ValueError("odd")) == "odd"

"""A connection that has ended leaves nothing behind, whether or not the collector of cycles runs."""

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.end_to_end.running import Venue, eventually
from tests.end_to_end.wire import Wire


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    """An engine lets the collector look seldom: thousands of connections would be kept until then."""
    gc.disable()
    yield
    gc.enable()


def listener_of(venue: Venue, name: str) -> Any:
    service = venue.service
    return {
        "order_entry": service._gateway,
        "market_data": service._publisher,
        "drop_copy": service._drop_copies,
    }[name]


LISTENERS = ["order_entry", "market_data", "drop_copy"]


@pytest.mark.parametrize("name", LISTENERS)
async def test_one_that_said_nothing_is_gone_with_its_end(venue: Venue, name: str) -> None:
    listener = listener_of(venue, name)
    async with Wire.open(getattr(venue, name)):
        await eventually(lambda: len(listener.peers) == 1)
        peer = weakref.ref(next(iter(listener.peers)))
        assert peer() is not None
    await eventually(lambda: peer() is None)


@pytest.mark.parametrize("name", LISTENERS)
async def test_one_that_was_logged_on_is_gone_with_its_end(venue: Venue, name: str) -> None:
    open_it: dict[str, Callable[[], Any]] = {
        "order_entry": lambda: venue.wire("alice"),
        "market_data": venue.feed_wire,
        "drop_copy": venue.copy_wire,
    }
    listener = listener_of(venue, name)
    async with open_it[name]():
        peer = weakref.ref(next(iter(listener.peers)))
        assert peer() is not None
    await eventually(lambda: peer() is None)

"""The clients that block: every call is there, with its types."""

import asyncio
import inspect
import threading
from collections.abc import Iterator
from itertools import islice
from typing import Any, assert_type

import pytest

from carbonmatch.client import (
    BlockingDropCopy,
    BlockingMarketData,
    BlockingSession,
    Disconnected,
    DropCopyClient,
    MarketDataClient,
    Session,
    SessionRejectedError,
    blocking,
)
from carbonmatch.client.connection import Access
from carbonmatch.client.session import Event
from carbonmatch.matching.messages import Accepted, AnyReport, BlockUpdate, Ref, Side
from tests.client.fake_server import FakeServer

CEA = 5


@pytest.fixture
def server() -> Iterator[FakeServer]:
    """On a loop of its own, as an engine is."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def started() -> FakeServer:
        return await FakeServer().__aenter__()

    one = asyncio.run_coroutine_threadsafe(started(), loop).result(10)
    yield one
    asyncio.run_coroutine_threadsafe(one.__aexit__(None, None, None), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def carbonmatch_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "carbonmatch"]


@pytest.mark.parametrize(
    ("client", "twin"),
    [(Session, BlockingSession), (MarketDataClient, BlockingMarketData), (DropCopyClient, BlockingDropCopy)],
)
def test_every_call_is_there(client: type, twin: type) -> None:
    calls = {
        name
        for name, member in inspect.getmembers(client)
        if (inspect.iscoroutinefunction(member) or inspect.isasyncgenfunction(member)) and name[0] != "_"
    }
    made = {name: one.method for name, one in vars(twin).items() if hasattr(one, "method")}
    assert set(made) | {"start", "stop"} == calls
    for name, method in made.items():
        assert (name, vars(twin)[name].__doc__) == (method.__name__, method.__doc__)


def types(session: BlockingSession, feed: BlockingMarketData) -> None:
    """Read by the type checker only: it complains where a comment below has nothing to excuse."""
    assert_type(session.new_order(CEA, Side.BUY, quantity_lots=5, price_ticks=100), list[AnyReport])
    assert_type(session.withdraw_block(7), BlockUpdate)
    assert_type(session.events(), Iterator[Event])
    assert_type(feed.synced(), None)
    assert_type(feed.look(lambda one: one.feed_sequence), int)
    session.new_order(CEA, "buy", 5)  # type: ignore[arg-type]
    session.new_order(CEA, Side.BUY, 5, price=5)  # type: ignore[call-arg]
    session.no_such_call()  # type: ignore[attr-defined]


def test_a_call_returns_when_it_is_answered(server: FakeServer) -> None:
    with blocking(Session(server.access())) as session:
        (report,) = session.new_order(CEA, Side.BUY, 5, price_ticks=100)
        assert isinstance(report, Accepted)
        assert session.look(lambda one: one.next_ref) == 2
        assert next(session.events()) == report
    assert carbonmatch_threads() == []


def test_a_refusal_is_raised(server: FakeServer) -> None:
    server.refused_refs.add(Ref(1))
    with blocking(Session(server.access())) as session, pytest.raises(SessionRejectedError):
        session.new_order(CEA, Side.BUY, 5, price_ticks=100)


def test_events_are_waited_for_one_by_one_by_whoever_reads_them(server: FakeServer) -> None:
    with blocking(Session(server.access())) as session:
        found: list[Event] = []
        reader = threading.Thread(target=lambda: found.extend(islice(session.events(), 3)))
        reader.start()
        sent = [session.new_order(CEA, Side.BUY, 5, price_ticks=100)[0] for _ in range(3)]
        reader.join(10)
        assert found == sent


def test_a_client_that_was_stopped_says_so(server: FakeServer) -> None:
    session = blocking(Session(server.access()))
    with pytest.raises(Disconnected, match="not started"):
        session.drain()
    session.start()
    session.stop()
    session.stop()
    with pytest.raises(Disconnected, match="the client was stopped"):
        session.drain()
    assert carbonmatch_threads() == []


def test_where_nobody_listens_the_start_fails_and_leaves_no_thread(server: FakeServer) -> None:
    access = Access(host="127.0.0.1", port=1, key_id="k", private_key=bytes(32), session="s")
    with pytest.raises(OSError, match=r"no engine at 127\.0\.0\.1:1: connection refused"):
        blocking(Session(access)).start()
    assert carbonmatch_threads() == []


def test_a_callback_that_would_wait_for_itself_is_told(server: FakeServer) -> None:
    caught: list[BaseException] = []

    def on_events(_events: Any) -> None:
        try:
            session.drain()
        except RuntimeError as error:
            caught.append(error)

    with blocking(Session(server.access(), on_events=on_events)) as session:
        session.new_order(CEA, Side.BUY, 5, price_ticks=100)
    assert "would wait for itself" in str(caught[0])

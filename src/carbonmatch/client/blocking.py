"""The clients for code that does not use asyncio: the same calls, which return when they are answered.

    with blocking(connect("127.0.0.1", 7400, session="gateway-01", ...)) as session:
        reports = session.new_order(1, Side.BUY, quantity_lots=100, price_ticks=4800)

Nothing is written twice: a call here is made of the one of the asyncio client, with its parameters and its
result, which type checkers see. The client lives on a loop in a thread of its own, and so keeps its
heartbeats, its reconnects and its books while the caller does something else.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

from carbonmatch.client.drop_copy import DropCopyClient
from carbonmatch.client.errors import Disconnected
from carbonmatch.client.market_data import MarketDataClient
from carbonmatch.client.session import Session

_Client = TypeVar("_Client", bound=Session | MarketDataClient | DropCopyClient)
_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")
_Returned = TypeVar("_Returned")


class Blocking(Generic[_Client]):
    """A client on a loop of its own. Invariant: the client is touched in that loop's thread only."""

    def __init__(self, client: _Client) -> None:
        self._client = client
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    # --- life --------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Log on. The first attempt is the only one: raises LogonRefused, Disconnected or OSError."""
        assert self._loop is None, "a client is started once"
        self._loop = asyncio.new_event_loop()
        # No thread of a library may keep a program from ending.
        self._thread = threading.Thread(target=self._loop.run_forever, name="carbonmatch", daemon=True)
        self._thread.start()
        try:
            self._wait(self._client.start())
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Log out, and end the thread. Calls of other threads that still wait raise Disconnected."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None or loop.is_closed():
            return
        try:
            self._wait(self._client.stop())
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    # --- what is not a call ------------------------------------------------------------------

    def look(self, at: Callable[[_Client], _Returned]) -> _Returned:
        """What `at` makes of the client, in its loop's thread: nothing changes meanwhile.

        For what the asyncio client has as properties: `feed.look(lambda feed: feed.books[1].best())`. It must
        not block, nor keep what will change.
        """

        async def looked() -> _Returned:
            return at(self._client)

        return self._wait(looked())

    def _wait(self, call: Coroutine[Any, Any, _Returned]) -> _Returned:
        loop = self._loop
        if loop is None or loop.is_closed():
            call.close()
            raise Disconnected("not started" if loop is None else "the client was stopped")
        if threading.current_thread() is self._thread:
            call.close()
            raise RuntimeError("a blocking call in a callback of its own client would wait for itself")
        waiting: Future[_Returned] = asyncio.run_coroutine_threadsafe(call, loop)
        try:
            return waiting.result()
        except BaseException:
            # Ctrl-C: whoever waited does not any more.
            waiting.cancel()
            raise


class _Call(Generic[_Parameters, _Result]):
    """A method of an asyncio client, as one that blocks."""

    def __init__(self, method: Callable[Concatenate[Any, _Parameters], Coroutine[Any, Any, _Result]]) -> None:
        self.method = method
        self.__doc__ = method.__doc__

    def __get__(self, instance: Blocking[Any], owner: type) -> Callable[_Parameters, _Result]:
        def call(*arguments: _Parameters.args, **named: _Parameters.kwargs) -> _Result:
            return instance._wait(self.method(instance._client, *arguments, **named))

        return call


class _Stream(Generic[_Parameters, _Result]):
    """Likewise one that iterates: what it gives is waited for one by one."""

    def __init__(self, method: Callable[Concatenate[Any, _Parameters], AsyncIterator[_Result]]) -> None:
        self.method = method
        self.__doc__ = method.__doc__

    def __get__(self, instance: Blocking[Any], owner: type) -> Callable[_Parameters, Iterator[_Result]]:
        def iterate(*arguments: _Parameters.args, **named: _Parameters.kwargs) -> Iterator[_Result]:
            stream = self.method(instance._client, *arguments, **named)

            async def next_one() -> tuple[_Result] | None:
                async for one in stream:
                    return (one,)
                return None

            while (found := instance._wait(next_one())) is not None:
                yield found[0]

        return iterate


class BlockingSession(Blocking[Session]):
    """A `Session`. A test holds it against that: no call is missing."""

    accept_block = _Call(Session.accept_block)
    amendments = _Call(Session.amendments)
    announce_bidding = _Call(Session.announce_bidding)
    ask = _Call(Session.ask)
    audit = _Call(Session.audit)
    audit_page = _Call(Session.audit_page)
    bid = _Call(Session.bid)
    block_status = _Call(Session.block_status)
    call = _Call(Session.call)
    cancel = _Call(Session.cancel)
    cancel_bidding = _Call(Session.cancel_bidding)
    change_table = _Call(Session.change_table)
    counter_block = _Call(Session.counter_block)
    decide = _Call(Session.decide)
    decline_block = _Call(Session.decline_block)
    deposit_money = _Call(Session.deposit_money)
    deposit_units = _Call(Session.deposit_units)
    disconnect = _Call(Session.disconnect)
    drain = _Call(Session.drain)
    dry_run = _Call(Session.dry_run)
    holdings = _Call(Session.holdings)
    inspect_holdings = _Call(Session.inspect_holdings)
    kill = _Call(Session.kill)
    killed = _Call(Session.killed)
    mass_cancel = _Call(Session.mass_cancel)
    modify_bid = _Call(Session.modify_bid)
    new_order = _Call(Session.new_order)
    order_status = _Call(Session.order_status)
    propose_block = _Call(Session.propose_block)
    put_tables = _Call(Session.put_tables)
    ready = _Call(Session.ready)
    reduce = _Call(Session.reduce)
    release = _Call(Session.release)
    reload_configuration = _Call(Session.reload_configuration)
    replace = _Call(Session.replace)
    restrict_account = _Call(Session.restrict_account)
    select = _Call(Session.select)
    sessions = _Call(Session.sessions)
    set_account_limits = _Call(Session.set_account_limits)
    set_throttle = _Call(Session.set_throttle)
    set_block_phase = _Call(Session.set_block_phase)
    take_snapshot = _Call(Session.take_snapshot)
    waiting = _Call(Session.waiting)
    withdraw_bid = _Call(Session.withdraw_bid)
    withdraw_block = _Call(Session.withdraw_block)
    withdraw_money = _Call(Session.withdraw_money)
    withdraw_units = _Call(Session.withdraw_units)
    events = _Stream(Session.events)


class BlockingMarketData(Blocking[MarketDataClient]):
    """A `MarketDataClient`; the books are looked at: `feed.look(lambda feed: feed.books[1].depth(5))`."""

    synced = _Call(MarketDataClient.synced)
    batches = _Stream(MarketDataClient.batches)


class BlockingDropCopy(Blocking[DropCopyClient]):
    """A `DropCopyClient`."""

    copies = _Stream(DropCopyClient.copies)


@overload
def blocking(client: Session) -> BlockingSession: ...
@overload
def blocking(client: MarketDataClient) -> BlockingMarketData: ...
@overload
def blocking(client: DropCopyClient) -> BlockingDropCopy: ...
def blocking(
    client: Session | MarketDataClient | DropCopyClient,
) -> BlockingSession | BlockingMarketData | BlockingDropCopy:
    """`client`, which is not started yet, with calls that block."""
    if isinstance(client, Session):
        return BlockingSession(client)
    if isinstance(client, MarketDataClient):
        return BlockingMarketData(client)
    return BlockingDropCopy(client)

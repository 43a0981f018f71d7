"""A reader of the feed: keeps the books that the messages tell of, and looks at what they say."""

from typing import Any

from msgspec import structs

from carbonmatch.client.book import BookBuilder
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import (
    CompositeChanged,
    Phase,
    ScreenMechanism,
    Side,
    TradeBusted,
    TradeCorrected,
)
from carbonmatch.matching.messages import Ref as RequestRef
from carbonmatch.protocol.messages import (
    Composite,
    Logon,
    LogonAccepted,
    Subscribe,
    Trade,
    TradeBust,
    TradeCorrection,
)
from tests.simulation.checks import Journaled, demand, levels_of
from tests.simulation.client import Connection, logon_as
from tests.simulation.faults import Faults
from tests.simulation.world import NS_PER_MS, World


class Subscriber:
    """Follows all instruments; reconnects for ever."""

    def __init__(self, world: World, faults: Faults, journaled: Journaled) -> None:
        self.world = world
        self.faults = faults
        self.connection: Connection | None = None
        self.builder = BookBuilder()
        self.connect: Any = None  # set by the run
        self._journaled = journaled
        self._act()

    def _act(self) -> None:
        world = self.world
        connection = self.connection
        if self.connect is not None and (connection is None or connection.is_lost):
            self.connection = self.connect(self)
            self.builder = BookBuilder()
        elif connection is not None and connection.is_active and world.happens(self.faults.stop_reading):
            connection.transport.pause_reading()
            pause_ns = NS_PER_MS * world.random.choice((10, 500, 15_000))
            world.after(pause_ns, connection.transport.resume_reading)
        world.after(NS_PER_MS * world.random.randint(1, 200), self._act)

    def logon(self) -> Logon:
        return logon_as("feed", 0, None)

    def accepted(self, connection: Connection, _accepted: LogonAccepted) -> None:
        connection.send(Subscribe(RequestRef(1)))

    def taken(self, connection: Connection, messages: list[Any]) -> None:
        if connection is not self.connection:
            return
        damages = self.builder.apply(messages)
        demand(not damages, "the feed has no gap, and its snapshots are whole", damages)
        for message in messages:
            if isinstance(message, Trade):
                self._take_trade(message)
            elif isinstance(message, TradeBust | TradeCorrection):
                self._take_amended(message)
            elif isinstance(message, Composite):
                self._take_composite(message)
        for book in self.builder.books.values():
            bid, ask = book.best()
            assert book.definition is not None
            is_listing = book.definition.screen.mechanism is ScreenMechanism.LISTING
            matches = book.is_current and book.phase is Phase.CONTINUOUS and not is_listing
            crossed = matches and bid and ask and bid.price_ticks >= ask.price_ticks
            demand(
                not crossed,
                "the published book is never crossed where it trades",
                book.instrument_id,
                bid,
                ask,
            )

    def _take_trade(self, trade: Trade) -> None:
        durable = self._journaled.trades.get(trade.trade_id)
        demand(durable is not None, "what is published is durable", trade)
        assert durable is not None
        same = (durable.instrument_id, durable.price_ticks, durable.quantity_lots, durable.aggressor) == (
            trade.instrument_id,
            trade.price_ticks,
            trade.quantity_lots,
            trade.aggressor,
        )
        demand(same, "what is published is what is durable", trade, durable)

    def _take_amended(self, message: TradeBust | TradeCorrection) -> None:
        kind = TradeBusted if isinstance(message, TradeBust) else TradeCorrected
        fields = structs.asdict(message)
        del fields["instrument_seq"]
        durable = self._journaled.trades.get(message.trade_id)
        demand(durable is not None, "what is published is durable", message)
        assert durable is not None
        event = kind(**fields, kind=durable.kind)
        demand(event in self._journaled.public, "what is published is what is durable", message)

    def _take_composite(self, message: Composite) -> None:
        event = CompositeChanged(
            message.composite_id, message.time_ns, message.price_ticks, message.composite
        )
        demand(event in self._journaled.public, "what is published is what is durable", message)

    def ended(self, connection: Connection) -> None: ...

    def equals(self, engine: Engine) -> bool:
        """Whether it has every book and composite price of the engine as it is."""
        books = self.builder.books
        for instrument_id, instrument in engine.instruments.items():
            book = books.get(instrument_id)
            if book is None or not book.is_current or book.phase is not Phase(instrument.phase):
                return False
            for side, levels in zip((Side.BUY, Side.SELL), book.depth(), strict=True):
                seen = [(level.price_ticks, level.quantity_lots, level.order_count) for level in levels]
                if seen != levels_of(engine, instrument_id, side):
                    return False
        told = {number: one.price_ticks for number, one in self.builder.composites.items()}
        return told == {number: one.told_ticks for number, one in engine.composites.items()}

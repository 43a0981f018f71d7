"""A gateway's books against the reports of a small engine."""

from carbonmatch.demo.desk import Desk
from carbonmatch.matching.messages import (
    Cancel,
    Canceled,
    CancelReason,
    Executed,
    InstrumentId,
    Liquidity,
    NewOrder,
    Reduced,
    Ref,
    RejectReason,
    Replaced,
    Side,
)
from carbonmatch.ops.counters import Histogram
from tests.client.clock import in_virtual_time, until
from tests.client.fake_server import FakeServer

CEA = InstrumentId(5)


def order(lots: int) -> NewOrder:
    return NewOrder(Ref(0), CEA, Side.BUY, lots, 6_050)


class World:
    """A desk with a session of its own at a fake engine."""

    def __init__(self, server: FakeServer) -> None:
        self.server = server
        self.latency_ns = Histogram()
        self.fills: list[Executed] = []
        self.desk = Desk(server.access(), self.latency_ns, self.fills.append)

    async def send(self, *commands: NewOrder | Cancel) -> None:
        self.desk.send(list(commands))
        await self.desk.session.drain()

    async def fill(self, order_id: int, lots: int, leaves_lots: int) -> None:
        self.server.report(
            Executed, 0, order_id, 1, CEA, 1, Side.BUY, 6_050, lots, leaves_lots, Liquidity.MAKER
        )
        await until(lambda: self.fills and self.fills[-1].leaves_lots == leaves_lots)


@in_virtual_time
async def test_orders_are_open_from_their_acceptance_to_their_end() -> None:
    async with FakeServer() as server:
        world = World(server)
        async with world.desk.session:
            await world.send(order(10), order(20), order(13), order(1))
            desk = world.desk
            assert [one.quantity_lots for one in desk.open_orders] == [10, 20, 1]
            assert desk.rejects == {RejectReason.INVALID_QUANTITY: 1}
            assert (desk.commands, desk.accepted, desk.answered) == (4, 3, 4)
            assert sum(world.latency_ns.counts) == 4
            await world.fill(order_id=1, lots=4, leaves_lots=6)
            await world.fill(order_id=1, lots=6, leaves_lots=0)
            assert sorted(one.quantity_lots for one in desk.open_orders) == [1, 20]
            await world.send(Cancel(Ref(0), Ref(4)))
            assert [one.quantity_lots for one in desk.open_orders] == [20]
            assert desk.cancels == {CancelReason.REQUESTED: 1}
            assert desk.wrong_ends == 0


@in_virtual_time
async def test_amendments_change_what_an_order_has_to_come_to() -> None:
    async with FakeServer() as server:
        world = World(server)
        async with world.desk.session:
            await world.send(order(10))
            (one,) = world.desk.open_orders
            server.report(Reduced, 0, 1, 8, 8)
            server.report(Replaced, 7, 1, 6_060, 9, 9)
            await until(lambda: one.quantity_lots == 9)
            assert (one.ref, one.price_ticks, one.leaves_lots) == (7, 6_060, 9)
            await world.fill(order_id=1, lots=9, leaves_lots=0)
            assert not world.desk.open_orders
            assert world.desk.wrong_ends == 0


@in_virtual_time
async def test_an_order_that_ends_with_tonnes_missing_is_noticed() -> None:
    async with FakeServer() as server:
        world = World(server)
        async with world.desk.session:
            await world.send(order(10))
            server.report(Canceled, 0, 1, 9, CancelReason.EXPIRED)
            await until(lambda: world.desk.wrong_ends == 1)


@in_virtual_time
async def test_a_report_of_an_order_that_has_ended_is_noticed() -> None:
    async with FakeServer() as server:
        world = World(server)
        async with world.desk.session:
            await world.send(order(10), Cancel(Ref(0), Ref(1)))
            server.report(Executed, 0, 1, 1, CEA, 1, Side.BUY, 6_050, 10, 0, Liquidity.MAKER)
            await until(lambda: world.desk.wrong_ends)


@in_virtual_time
async def test_commands_are_held_back_while_the_engine_is_away_or_behind() -> None:
    async with FakeServer() as server:
        world = World(server)
        async with world.desk.session:
            server.is_silent = True
            world.desk.send([order(1)] * 4_096)
            world.desk.send([order(1)])
            assert (world.desk.commands, world.desk.held_back) == (4_096, 1)
            await server.vanish()
            await until(lambda: not server.connections)
            world.desk.send([order(1)])
            assert world.desk.held_back == 2
            await server.listen()
            server.speak()
            await world.desk.session.drain(seconds=60)
            assert world.desk.answered == 4_096

"""Orders can be taken out while the disk does not answer, and in one command however many they are."""

from carbonmatch.limits import FRAME_MESSAGES_MAX
from carbonmatch.matching.messages import (
    Canceled,
    MassCancel,
    MassCanceled,
    MassCancelScope,
    NewOrder,
    Ref,
    Side,
)
from tests.end_to_end.honest import honest_trading
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Disk, Venue, eventually
from tests.end_to_end.wire import Wire


async def rest(wire: Wire, count: int) -> None:
    for first in range(1, count + 1, FRAME_MESSAGES_MAX):
        refs = range(first, min(first + FRAME_MESSAGES_MAX, count + 1))
        wire.send(*(NewOrder(Ref(ref), EUA, Side.BUY, 1, 1 + ref % 1_000) for ref in refs))
        await wire.reports(len(refs))


async def test_a_mass_cancel_of_10_000_is_one_command(venue: Venue) -> None:
    count = 10_000
    async with honest_trading(venue) as honest, venue.wire("alice") as alice:
        await rest(alice, count)
        sequence = venue.engine.sequence
        alice.send(MassCancel(Ref(count + 1), MassCancelScope.SESSION))
        *canceled, last = await alice.reports(count + 1)
        assert {type(report) for report in canceled} == {Canceled}
        assert isinstance(last, MassCanceled)
        assert (last.count, last.sequence) == (count, sequence + 1)
        await honest.trade()


async def test_a_mass_cancel_does_not_wait_for_the_disk_to_take_effect(venue: Venue, disk: Disk) -> None:
    async with venue.wire("alice") as alice, venue.wire("bob") as bob:
        await rest(alice, 100)
        with disk.held():
            bob.send(NewOrder(Ref(1), EUA, Side.BUY, 1, 5000))
            alice.send(MassCancel(Ref(101), MassCancelScope.SESSION))
            await eventually(lambda: venue.engine.open_order_count == 1)
            # But nobody is told before the disk has it.
            assert await alice.settle() == []
        assert isinstance((await alice.reports(101))[-1], MassCanceled)


async def test_a_connection_that_is_lost_while_the_disk_is_stalled_takes_its_orders_with_it(
    venue: Venue, disk: Disk
) -> None:
    async with venue.wire("bob") as bob:
        async with venue.wire("alice", cancel_on_disconnect=True) as alice:
            await rest(alice, 100)
            with disk.held():
                bob.send(NewOrder(Ref(1), EUA, Side.BUY, 1, 5000))
                alice.abort()
                await eventually(lambda: venue.engine.open_order_count == 1)
        await bob.reports(1)

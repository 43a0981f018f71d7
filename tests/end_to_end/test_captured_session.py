"""What went over the wire in real sessions with a real engine, shown by Wireshark's dissector."""

import random
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw

from carbonmatch.limits import OUTBOUND_FRAME_BYTES_MAX
from carbonmatch.matching.messages import Cancel, NewOrder, Ref, Side
from carbonmatch.protocol.frames import FrameReader
from carbonmatch.protocol.messages import LoggedOut, Logout, Subscribe
from tests.end_to_end.languages import Proxy
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Venue
from tests.end_to_end.wire import Wire
from tests.protocol.dissecting import dissected, expected

Segments = list[tuple[bool, bytes]]
_messages: msgspec.msgpack.Decoder[list[Raw]] = msgspec.msgpack.Decoder(list[Raw])


def frames_of(segments: Segments) -> list[list[list[str]]]:
    """What should be shown of a connection: a frame where the segment stands that completes it."""
    readers = {is_engine: FrameReader(OUTBOUND_FRAME_BYTES_MAX) for is_engine in (False, True)}
    return [
        [expected(bytes(message)) for message in _messages.decode(payload)]
        for is_engine, data in segments
        for payload in readers[is_engine].feed(data)
    ]


def cut_again(segments: Segments) -> Segments:
    """As a network with small packets would have carried it."""
    chance = random.Random(3)
    pieces: Segments = []
    for is_engine, data in segments:
        while data:
            length = chance.randint(1, 90)
            pieces.append((is_engine, data[:length]))
            data = data[length:]
    return pieces


async def trade_and_watch(venue: Venue, orders: Proxy, feeds: Proxy, copies: Proxy) -> None:
    async with (
        Wire.logged_on(feeds.address, "feed") as feed,
        Wire.logged_on(copies.address, "alice-copy") as copy,
        Wire.logged_on(orders.address, "alice") as alice,
        Wire.logged_on(orders.address, "bob") as bob,
    ):
        feed.send(Subscribe(Ref(1)))
        await feed.settle()
        alice.send(*(NewOrder(Ref(ref), EUA, Side.BUY, 10, 7000 - ref) for ref in range(1, 41)))
        await alice.reports(40)
        bob.send(NewOrder(Ref(1), EUA, Side.SELL, 55, 6990), NewOrder(Ref(2), EUA, Side.SELL, 0, 1))
        await bob.reports(8)
        alice.send(Cancel(Ref(41), Ref(30)))
        await alice.reports(7)
        alice.send(Logout("done"))
        await alice.until(LoggedOut)
        bob.write(bytes.fromhex("00000002" + "9101"))
        assert "expected" in (await bob.until(LoggedOut)).text.lower()
        await feed.settle()
        await copy.reports(47)


async def test_all_frames_of_real_sessions_are_shown(venue: Venue, tmp_path: Path) -> None:
    async with (
        Proxy.between(venue.order_entry) as orders,
        Proxy.between(venue.market_data) as feeds,
        Proxy.between(venue.drop_copy) as copies,
    ):
        await trade_and_watch(venue, orders, feeds, copies)
    recorded = [segments for proxy in (orders, feeds, copies) for segments in proxy.recorded]
    assert len(recorded) == 4
    # The frame that is none is not for our own decoder, which comes to it once all else was shown.
    hostile = next(each for each in recorded if (False, bytes.fromhex("000000029101")) in each)
    hostile.remove((False, bytes.fromhex("000000029101")))
    segments = [cut_again(each) for each in recorded]
    wanted = [frame for each in segments for frame in frames_of(each)]
    segments.append([(False, bytes.fromhex("000000029101"))])
    *shown, last = dissected(tmp_path / "c.pcap", segments)
    assert [each.messages for each in shown] == wanted
    assert not any(each.is_malformed or each.is_of_later_version for each in shown)
    assert last.is_malformed
    assert_varied([line for frame in wanted for message in frame for line in message])


def assert_varied(lines: list[Any]) -> None:
    """The capture has what it is about."""
    names = {"Challenge", "Logon", "NewOrder", "Executed", "Rejected", "Canceled", "Copied", "SnapshotBegin"}
    assert names | {"LevelUpdate", "Trade", "Statistics", "Logout", "LoggedOut"} <= set(lines)

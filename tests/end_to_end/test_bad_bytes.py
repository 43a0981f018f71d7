"""Bytes that are no frame, no message, or not this peer's to send: they cost the peer, and nobody else.

In every test honest sessions trade before, meanwhile and after, and at the end the journal has all of
it. The bytes are written out here, so that they owe nothing to the code under test.
"""

import pytest

from carbonmatch.limits import FRAME_COMPLETE_SECONDS_MAX, LOGON_FRAME_BYTES_MAX
from carbonmatch.matching.messages import Accepted, NewOrder, Ref, Side
from carbonmatch.protocol.codec import encode
from carbonmatch.protocol.frames import frame
from carbonmatch.protocol.messages import LogoutReason
from tests.end_to_end.honest import honest_trading
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Clock, Venue
from tests.end_to_end.wire import Wire


def framed(payload: bytes) -> bytes:
    return bytes((0, 0, len(payload) >> 8, len(payload) & 255)) + payload


# What is sent, and what the engine says that it has found.
MALFORMED = {
    "a frame of no bytes": (b"\x00\x00\x00\x00", "frame of 0 bytes, expected 1 to 16384"),
    "a frame too long": (b"\x00\x00\x40\x01", "frame of 16385 bytes, expected 1 to 16384"),
    "a length from text": (b"GET / HTTP/1.1\r\n\r\n", "frame of 1195725856 bytes, expected 1 to 16384"),
    "garbage in a frame": (framed(b"\xc1\xff\x00\x13\x37"), "invalid opcode"),
    "text in a frame": (framed(b"BUY 100 CEA @ 50\n"), "Expected `array`, got `int`"),
    "no array": (framed(b"\x01"), "Expected `array`, got `int`"),
    "an empty array": (framed(b"\x90"), "length >= 1"),
    "a map": (framed(b"\x81\x01\x02"), "got `object`"),
    "a message that is no array": (framed(b"\x91\x10"), "got `int` - at `$[0]`"),
    "a message of nothing": (framed(b"\x91\x90"), "at least length 1"),
    "a message cut short": (framed(b"\x91\x96\x10\x01\x01"), "truncated"),
    "more bytes than the array": (framed(b"\x91\x92\x03\x00\x00"), "trailing characters"),
    "an unknown tag": (framed(b"\x91\x92\x7b\x01"), "message 123 is none"),
    "a tag that is text": (framed(b"\x91\x92\xa3BUY\x01"), "got `str`"),
    "a negative tag": (framed(b"\x91\x92\xff\x01"), "message -1"),
    "a huge tag": (
        framed(b"\x91\x92\xcf\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        "message 18446744073709551615",
    ),
    "a report": (framed(b"\x91\x96\x31\x01\x01\x00\x00\x01"), "message 49"),
    "a second logon": (framed(b"\x91\x92\x01\x01"), "a second logon"),
    "a subscription": (framed(b"\x91\x92\x50\x01"), "message 80"),
    # NewOrder: ref, instrument, side, lots, price.
    "too few fields": (framed(b"\x91\x94\x10\x01\x01\x01"), "at least length 5, got 4"),
    "too many fields": (
        framed(b"\x91\x9c\x10\x01\x01\x01\x0a\x64\x00\x01\x01\x00\x00\x00"),
        "at most length 10, got 11",
    ),
    "text for a number": (framed(b"\x91\x96\x10\x01\x01\x01\xa2\x31\x30\x64"), "got `str` - at `$[0][4]`"),
    "nothing for a number": (framed(b"\x91\x96\x10\x01\x01\x01\xc0\x64"), "got `None`"),
    "true for a number": (framed(b"\x91\x96\x10\x01\x01\x01\xc3\x64"), "got `bool`"),
    "a float for a quantity": (
        framed(b"\x91\x96\x10\x01\x01\x01\xcb\x40\x24\x00\x00\x00\x00\x00\x00\x64"),
        "got `float` - at `$[0][4]`",
    ),
    "a float that is whole": (
        framed(b"\x91\x96\x10\x01\x01\x01\x0a\xca\x42\xc8\x00\x00"),
        "got `float` - at `$[0][5]`",
    ),
    "a float that is not a number": (
        framed(b"\x91\x96\x10\x01\x01\x01\x0a\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"),
        "got `float`",
    ),
    "an integer above 2**53": (
        framed(b"\x91\x96\x10\x01\x01\x01\x0a\xcf\x00\x20\x00\x00\x00\x00\x00\x00"),
        "<= 9007199254740991",
    ),
    "an integer of 64 bits": (
        framed(b"\x91\x96\x10\x01\x01\x01\x0a\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
        "<= 9007199254740991",
    ),
    "a negative quantity": (framed(b"\x91\x96\x10\x01\x01\x01\xf6\x64"), ">= 0"),
    "a ref of 0": (framed(b"\x91\x96\x10\x00\x01\x01\x0a\x64"), ">= 1 - at `$[0][1]`"),
    "a third side": (framed(b"\x91\x96\x10\x01\x01\x03\x0a\x64"), "enum value 3"),
    "an instrument above all ids": (framed(b"\x91\x96\x10\x01\xce\x00\x01\x00\x00\x01\x0a\x64"), "<= 65535"),
    "an extension type": (framed(b"\x91\x96\x10\x01\x01\x01\xd6\xff\x00\x00\x00\x00\x64"), "got `ext`"),
    "a wrong message behind a good one": (
        framed(b"\x92\x96\x10\x01\x01\x01\x0a\x64\x96\x10\x02\x01\x01\x0a\xc0"),
        "at `$[1][5]`",
    ),
    "deep nesting": (framed(b"\x91" * 16_000), "got `array`"),
    "deep nesting inside of a message": (framed(b"\x91\x92\x10" + b"\x91" * 16_000), "at least length 5"),
    "too many messages": (framed(b"\xdc\x00\x81" + b"\x91\x03" * 129), "length <= 128"),
    "a count beyond the bytes": (framed(b"\xdd\xff\xff\xff\xff"), "length <= 128"),
    "text that is not UTF-8": (framed(b"\x91\x92\x02\xa2\xff\xfe"), "can't decode byte 0xff"),
    "text that is too long": (framed(b"\x91\x92\x02\xd9\x41" + b"a" * 65), "length <= 64"),
    # What only the venue itself enters: DefineInstrument, DefineAccount, DefineSession, SessionLost,
    # SessionOpened.
    "DefineInstrument": (
        framed(b"\x91\x92\xcc\xa0\x97\x09\xa3XXX\xa3EUR\x01\x02\x01\x01"),
        "message 160",
    ),
    "DefineAccount": (framed(b"\x91\x94\xcc\xa1\x0b\x02\xa5ALICE"), "message 161"),
    "DefineSession": (framed(b"\x91\x95\xcc\xa2\x01\xa5alice\x91\x15\xc3"), "message 162"),
    "SessionLost": (framed(b"\x91\x92\xcc\xa3\x03"), "message 163"),
    "SessionOpened": (framed(b"\x91\x94\xcc\xa4\x03\xc3\x00"), "message 164"),
}


@pytest.mark.parametrize(("data", "found"), MALFORMED.values(), ids=list(MALFORMED))
async def test_a_session_that_breaks_the_protocol_is_sent_away(venue: Venue, data: bytes, found: str) -> None:
    async with honest_trading(venue) as honest, venue.wire("alice") as alice:
        alice.write(data)
        goodbye = await alice.goodbye()
        assert goodbye.reason is LogoutReason.PROTOCOL_ERROR
        assert found in goodbye.text
        await honest.trade()
        # A frame is taken whole or not at all; and the session is not punished for its connection.
        async with venue.wire("alice") as alice:
            assert alice.accepted.last_ref == 0
            alice.send(NewOrder(Ref(1), EUA, Side.BUY, 1, 10))
            assert isinstance((await alice.frame())[0], Accepted)


NEW_ORDER = framed(b"\x91\x96\x10\x01\x01\x01\x0a\x64")

NO_LOGON = {
    "an order": NEW_ORDER,
    "a heartbeat": framed(b"\x91\x91\x03"),
    "garbage": b"\xc1" * 100,
    "text": b"GET / HTTP/1.1\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a frame of no bytes": bytes(4),
    "a frame above the bound before logon": (LOGON_FRAME_BYTES_MAX + 1).to_bytes(4, "big"),
    "two frames": framed(b"\x91\x91\x03") * 2,
    "a logon of the wrong shape": framed(b"\x91\x93\x01\x01\x01"),
    "a signature too short": framed(
        b"\x91\x9b\x01\x01\x01\xa5alice\xa5alice\x01\x00\xcd\x03\xe8\xc2\x00\xc4\x01\x00"
    ),
}


@pytest.mark.parametrize("data", NO_LOGON.values(), ids=list(NO_LOGON))
async def test_nothing_but_a_logon_comes_first(venue: Venue, data: bytes) -> None:
    async with (
        honest_trading(venue) as honest,
        venue.wire() as order_entry,
        Wire.open(venue.market_data) as market_data,
    ):
        for wire in (order_entry, market_data):
            wire.write(data)
            assert (await wire.goodbye()).reason is LogoutReason.PROTOCOL_ERROR
        await honest.trade()


async def test_an_order_in_one_breath_with_the_logon_is_refused(venue: Venue) -> None:
    async with honest_trading(venue), venue.wire() as alice:
        alice.write(frame(encode([alice.logon("alice")])) + NEW_ORDER)
        assert (await alice.goodbye()).reason is LogoutReason.PROTOCOL_ERROR
        async with venue.wire("alice") as again:
            assert again.accepted.last_ref == 0


FEED_MALFORMED = {
    "an order": NEW_ORDER,
    "garbage": framed(b"\xc1\xc1"),
    "a frame too long": b"\x00\x00\x40\x01",
    "a second logon": framed(b"\x91\x92\x01\x01"),
    "no kinds": framed(b"\x91\x94\x50\x01\x90\x00"),
    "unknown kinds": framed(b"\x91\x94\x50\x01\x90\x10"),
    "too many instruments": framed(b"\x91\x93\x50\x01\xdc\x04\x01" + b"\x01" * 1025),
    "a float": framed(b"\x91\x93\x50\x01\x91\xca\x3f\x80\x00\x00"),
}


@pytest.mark.parametrize("data", FEED_MALFORMED.values(), ids=list(FEED_MALFORMED))
async def test_a_subscriber_that_breaks_the_protocol_is_sent_away(venue: Venue, data: bytes) -> None:
    async with honest_trading(venue) as honest, venue.feed_wire() as feed:
        feed.write(data)
        assert (await feed.goodbye()).reason is LogoutReason.PROTOCOL_ERROR
        await honest.trade()


async def test_half_a_frame_and_then_silence(clock: Clock, venue: Venue) -> None:
    async with honest_trading(venue) as honest, venue.wire("alice") as alice, venue.feed_wire() as feed:
        for wire in (alice, feed):
            wire.write(NEW_ORDER[:9])
        await honest.trade()
        clock.advance(FRAME_COMPLETE_SECONDS_MAX)
        for wire in (alice, feed):
            assert (await wire.goodbye()).reason is LogoutReason.FRAME_TIMEOUT


async def test_one_byte_at_a_time_is_slow_but_no_crime(venue: Venue) -> None:
    async with honest_trading(venue) as honest, venue.wire("alice") as alice:
        for byte in NEW_ORDER:
            alice.write(bytes((byte,)))
            await honest.trade()
        assert isinstance((await alice.frame())[0], Accepted)


async def test_a_connection_that_breaks_in_the_middle_of_a_frame(venue: Venue) -> None:
    async with honest_trading(venue) as honest:
        for length in range(1, len(NEW_ORDER)):
            async with venue.wire("alice") as alice:
                alice.write(NEW_ORDER[:length])
                alice.abort()
        await honest.trade()
        async with venue.wire("alice") as alice:
            assert alice.accepted.last_ref == 0

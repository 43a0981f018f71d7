"""TLS 1.3 on every listener: who gets in, who does not, and certificates that change."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from carbonmatch.client import ClientError, MarketDataClient, Session, client_context
from carbonmatch.config import Config, Tls, TlsFiles, host_and_port
from carbonmatch.limits import TLS_HANDSHAKES_KEPT
from carbonmatch.matching.messages import Accepted, NewOrder, OrderStatusRequest, Ref, Side
from carbonmatch.ops.counters import TurnedAway
from carbonmatch.protocol.messages import LogonAccepted
from carbonmatch.server import door as door_module
from carbonmatch.server import guard as guard_module
from tests.certificates import EXPIRES, Authority
from tests.end_to_end import market
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Venue, eventually, running
from tests.end_to_end.wire import SECONDS_MAX, Wire


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def with_tls(authority: Authority, *, clients: bool = False, name: str = "venue", **more: Any) -> Config:
    certificate, key = authority.certify(name)
    client_ca = str(authority.file) if clients else ""
    config = market.config(authority.directory / "journal")
    return structs.replace(config, tls=Tls(str(certificate), str(key), client_ca, **more))


@pytest.fixture
async def secure(authority: Authority) -> AsyncIterator[Venue]:
    async with running(authority.directory / "journal", with_tls(authority)) as venue:
        yield venue


def session(venue: Venue, context: ssl.SSLContext | None, name: str = "alice", **changes: Any) -> Session:
    access = market.access(venue.order_entry, name)
    return Session(structs.replace(access, ssl=context, **changes))


async def handshake(venue: Venue, context: ssl.SSLContext, listener: str = "order_entry") -> dict[str, Any]:
    """The venue's certificate. Raises what went wrong."""
    async with asyncio.timeout(SECONDS_MAX):
        address = host_and_port(venue.addresses[listener])
        reader, writer = await asyncio.open_connection(
            *address, ssl=context, server_hostname="127.0.0.1", ssl_shutdown_timeout=1
        )
        try:
            # With TLS 1.3 a client learns only afterwards that its certificate was refused.
            if listener == "ops":
                writer.write(b"GET /healthz HTTP/1.1\r\n\r\n")
            if not await reader.read(1):
                raise EOFError
            certificate: dict[str, Any] = writer.get_extra_info("peercert")
            return certificate
        finally:
            writer.close()


async def test_a_session_trades_and_the_feed_is_followed_over_tls(
    secure: Venue, authority: Authority
) -> None:
    context = client_context(authority.file)
    feed = structs.replace(market.access(secure.market_data, "feed"), ssl=context)
    async with session(secure, context) as alice, MarketDataClient(feed) as follower:
        (report,) = await alice.new_order(EUA, Side.BUY, 5, 5000)
        assert isinstance(report, Accepted)
        await follower.synced()
    assert secure.counters.tls_handshakes == {"done": 2}
    assert secure.counters.tls_certificate_expires_ns == int(EXPIRES.timestamp()) * 10**9
    assert secure.service._gateway.door is not None
    assert secure.service._gateway.door._guard.waiting == {}


async def test_who_does_not_read_is_cut_with_little_unread_also_over_tls(
    secure: Venue, authority: Authority
) -> None:
    """What waits is far below the 512 KiB at which the loop itself would speak of it."""
    context = client_context(authority.file)
    async with Wire.open(secure.order_entry, receive_bytes=4096, ssl=context) as alice:
        assert isinstance(await alice.log_on("alice"), LogonAccepted)
        alice.send(*(NewOrder(Ref(1 + n), EUA, Side.BUY, 1, 1 + n) for n in range(128)))
        await alice.reports(128)
        alice.reader._transport.pause_reading()  # type: ignore[attr-defined]
        (peer,) = secure.order_entry_peers
        ref = 1_000
        while peer.connected and not peer.is_unread:
            alice.send(OrderStatusRequest(Ref(ref)))
            ref += 1
            await asyncio.sleep(0.001)
        assert peer.transport.get_write_buffer_size() < 128 * 1024
        await eventually(lambda: not peer.connected)
        assert secure.counters.slow_readers_cut == 1


@pytest.mark.parametrize("closing", [False, True])
async def test_the_turn_between_losing_a_connection_and_hearing_of_it_is_survived(
    secure: Venue, authority: Authority, closing: bool
) -> None:
    """With TLS there is one; a sweep that came in it found no socket, and stopped the venue."""
    async with Wire.open(secure.order_entry, ssl=client_context(authority.file)) as alice:
        assert isinstance(await alice.log_on("alice"), LogonAccepted)
        (peer,) = secure.order_entry_peers
        alice.abort()
        seen = 0
        while peer.connected:
            if peer.transport.get_extra_info("socket") is None:
                seen += 1
                now_ns = peer.clocks.monotonic_ns() + 2 * 10**9
                peer._write_paused_ns = 1
                peer._closing_ns = int(closing)
                peer.sweep(now_ns)
            await asyncio.sleep(0)
        assert seen


async def test_operators_tools_speak_https(secure: Venue, authority: Authority) -> None:
    reader, writer = await asyncio.open_connection(
        *host_and_port(secure.addresses["ops"]), ssl=client_context(authority.file), ssl_shutdown_timeout=1
    )
    writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
    page = await reader.read()
    writer.close()
    assert page.startswith(b"HTTP/1.1 200 OK")
    assert b"carbonmatch_tls_certificate_expiry_time_seconds" in page


async def test_a_listener_may_do_without(authority: Authority) -> None:
    config = with_tls(authority, ops=TlsFiles())
    async with running(authority.directory / "journal", config) as venue:
        assert (await venue.get("/healthz"))[0] == 200
        await handshake(venue, client_context(authority.file), "market_data")


async def test_nothing_older_than_tls_1_3_is_spoken(secure: Venue, authority: Authority) -> None:
    context = client_context(authority.file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    for listener in secure.addresses:
        with pytest.raises(OSError):
            await handshake(secure, context, listener)
    await eventually(lambda: secure.counters.tls_handshakes["failed"] == len(secure.addresses))


async def test_who_does_not_speak_tls_learns_nothing(secure: Venue) -> None:
    for listener in secure.addresses:
        reader, writer = await asyncio.open_connection(*host_and_port(secure.addresses[listener]))
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        answer = b""
        with suppress(ConnectionResetError):
            async with asyncio.timeout(SECONDS_MAX):
                answer = await reader.read()
        # At most a TLS alert, which says that this was no TLS.
        assert answer == b"" or answer[0] == 21, answer
        writer.close()


async def test_a_client_knows_a_false_venue(secure: Venue, tmp_path: Path) -> None:
    (tmp_path / "false").mkdir()
    stranger = Authority(tmp_path / "false")
    with pytest.raises(ssl.SSLCertVerificationError):
        await handshake(secure, client_context(stranger.file))


async def test_the_name_in_the_certificate_may_be_said(secure: Venue, authority: Authority) -> None:
    context = client_context(authority.file)
    async with session(secure, context, server_name="venue.test"):
        pass
    with pytest.raises(ssl.SSLCertVerificationError):
        await session(secure, context, server_name="other.test").start()


async def test_clients_without_the_right_certificate_get_no_further_than_the_handshake(
    authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "false").mkdir()
    false = Authority(tmp_path / "false").certify("alice")
    async with running(authority.directory / "journal", with_tls(authority, clients=True)) as venue:
        for listener in venue.addresses:
            for context in (client_context(authority.file), client_context(authority.file, *false)):
                with pytest.raises((OSError, EOFError)):
                    await handshake(venue, context, listener)
        assert venue.counters.logons_rejected == 0
        async with session(venue, client_context(authority.file, *authority.certify("alice"))) as alice:
            await alice.new_order(EUA, Side.BUY, 5, 5000)
        await eventually(
            lambda: venue.counters.tls_handshakes == {"failed": 2 * len(venue.addresses), "done": 1}
        )


async def test_a_new_certificate_is_shown_to_those_who_come_after_it(authority: Authority) -> None:
    context = client_context(authority.file)
    config = with_tls(authority)
    async with (
        running(authority.directory / "journal", config) as venue,
        session(venue, context) as alice,
    ):
        before = {name: await handshake(venue, context, name) for name in venue.addresses}
        await venue.reload(with_tls(authority, name="renewed"))
        after = {name: await handshake(venue, context, name) for name in venue.addresses}
        for name in venue.addresses:
            assert before[name]["serialNumber"] != after[name]["serialNumber"], name
        await alice.new_order(EUA, Side.BUY, 5, 5000)


async def test_a_bad_certificate_changes_nothing(authority: Authority) -> None:
    context = client_context(authority.file)
    config = with_tls(authority)
    async with running(authority.directory / "journal", config) as venue:
        before = await handshake(venue, context)
        bad = with_tls(authority, name="renewed")
        files = structs.replace(bad.tls, key=config.tls.key)
        await venue.reload(structs.replace(bad, tls=files, keys=bad.keys[1:]))
        assert venue.counters.reloads == {"refused": 1}
        assert await handshake(venue, context) == before
        assert "alice" in venue.engine.keys


# --- handshakes that cost --------------------------------------------------------------------------


async def is_cut(reader: asyncio.StreamReader) -> bool:
    async with asyncio.timeout(SECONDS_MAX):
        try:
            return await reader.read() == b""
        except ConnectionResetError:
            return True


async def test_a_handshake_has_a_deadline(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, secure: Venue
) -> None:
    monkeypatch.setattr(door_module, "TLS_HANDSHAKE_SECONDS_MAX", 0.2)
    silent, silent_writer = await asyncio.open_connection(*secure.order_entry)
    hello, hello_writer = await asyncio.open_connection(*secure.order_entry)
    outgoing = ssl.MemoryBIO()
    client = client_context(authority.file).wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="127.0.0.1")
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    hello_writer.write(outgoing.read())
    assert await is_cut(silent)
    # The venue's half of the handshake, and then its end.
    with suppress(ConnectionResetError):
        async with asyncio.timeout(SECONDS_MAX):
            assert await hello.read()
    await eventually(lambda: secure.counters.tls_handshakes == {"failed": 2})
    assert secure.service._gateway.door is not None
    assert secure.service._gateway.door._guard.waiting == {}
    silent_writer.close()
    hello_writer.close()


async def test_handshakes_at_once_are_bounded_before_they_begin(
    secure: Venue, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard_module, "TLS_HANDSHAKES_MAX", TLS_HANDSHAKES_KEPT + 2)
    writers = [(await asyncio.open_connection(*secure.order_entry))[1] for _ in range(2)]
    with suppress(ConnectionResetError):
        reader, writer = await asyncio.open_connection(*secure.order_entry)
        writers.append(writer)
        assert await is_cut(reader)
    assert secure.counters.turned_away == {TurnedAway.HANDSHAKES: 1}
    for one in writers:
        one.close()
    await eventually(lambda: secure.counters.tls_handshakes["failed"] == 2)
    async with session(secure, client_context(authority.file)):
        pass


async def test_a_stop_does_not_wait_for_handshakes(secure: Venue) -> None:
    reader, writer = await asyncio.open_connection(*secure.order_entry)
    door = secure.service._gateway.door
    assert door is not None
    await eventually(lambda: len(door._arriving) == 1)
    await secure.stop()
    assert await is_cut(reader)
    writer.close()


# --- the client's files ----------------------------------------------------------------------------


def test_a_client_names_the_files_that_it_cannot_use(tmp_path: Path) -> None:
    bad = tmp_path / "bad.pem"
    with pytest.raises(ClientError, match=f"{bad}: No such file or directory"):
        client_context(bad)
    bad.write_text("nothing")
    with pytest.raises(ClientError, match=str(bad)):
        client_context(bad)

"""What is turned away before it costs anything, and who gets in all the same."""

import asyncio
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from msgspec import structs

from carbonmatch.limits import (
    BLOCK_SECONDS,
    FAILED_LOGONS_MAX,
    LOGON_REFUSED_SECONDS,
    LOGON_SECONDS_MAX,
    WAITING_PER_ADDRESS_MAX,
)
from carbonmatch.ops.counters import TurnedAway
from carbonmatch.protocol import auth
from carbonmatch.protocol.messages import LogonAccepted, LogonRejected, LogoutReason, Role
from carbonmatch.server import peer
from tests.end_to_end import market
from tests.end_to_end.running import Clock, Process, Venue, eventually, running
from tests.end_to_end.wire import Wire

ELSEWHERE = "127.0.0.2"


async def is_turned_away(venue: Venue, host: str = "127.0.0.1") -> bool:
    try:
        async with Wire.open(venue.order_entry, host=host):
            return False
    except (ConnectionResetError, EOFError):
        return True


async def test_an_address_may_have_so_many_that_have_not_logged_on(venue: Venue) -> None:
    async with AsyncExitStack() as stack:
        silent = [await stack.enter_async_context(venue.wire()) for _ in range(WAITING_PER_ADDRESS_MAX)]
        assert await is_turned_away(venue)
        assert venue.counters.turned_away == {TurnedAway.ADDRESS: 1}
        async with Wire.logged_on(venue.order_entry, "bob", host=ELSEWHERE) as bob:
            assert await bob.settle() == []
        # Whoever has logged on does not wait any more, and neither does who is gone.
        assert isinstance(await silent[0].log_on("alice"), LogonAccepted)
        await stack.enter_async_context(venue.wire())
        assert await is_turned_away(venue)
        silent[1].abort()
        await eventually(lambda: len(venue.service._gateway.peers) == WAITING_PER_ADDRESS_MAX)
        await stack.enter_async_context(venue.wire())


async def test_an_address_has_one_account_for_both_listeners(venue: Venue) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(WAITING_PER_ADDRESS_MAX):
            await stack.enter_async_context(Wire.open(venue.market_data))
        assert await is_turned_away(venue)
        # Operators' tools are served by a door of their own.
        assert (await venue.get("/healthz"))[0] == 200


async def test_configuration_may_let_an_address_have_more(tmp_path: Path) -> None:
    config = market.config(tmp_path / "journal")
    more = structs.replace(config.connections, waiting_per_address=2 * WAITING_PER_ADDRESS_MAX)
    async with (
        running(tmp_path / "journal", structs.replace(config, connections=more)) as venue,
        AsyncExitStack() as stack,
    ):
        for _ in range(2 * WAITING_PER_ADDRESS_MAX):
            await stack.enter_async_context(venue.wire())
        assert await is_turned_away(venue)


# --- failed logons ---------------------------------------------------------------------------------


FAILURES: dict[str, dict[str, Any]] = {
    "a key that nobody has": {"key_id": "nobody", "private_key": b"\x01" * 32},
    "the key that stands in for one that nobody has": {
        "key_id": "nobody",
        # RFC 8032's first example, which everybody knows.
        "private_key": bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"),
    },
    "a wrong signature": {"private_key": b"\x01" * 32},
    "another nonce": {"nonce": bytes(32)},
    "a session of somebody else": {"session": "bob", "key_id": "alice"},
    "a session that there is not": {"session": "nobody", "key_id": "alice"},
    "a role that it has not": {"role": Role.OPERATOR},
    "a role of another listener": {"role": Role.MARKET_DATA},
    "a key that has expired": {"session": "carol"},
    "a key of another network": {"session": "operator"},
}


async def failed(venue: Venue, session: str = "alice", **options: Any) -> bytes:
    """The engine's answer to a logon, as it came, until it closed."""
    async with venue.wire() as wire:
        wire.send(wire.logon(session, **options))
        return await wire.reader.read()


def strict(directory: Path, failed_logons: int) -> Any:
    """Carol's key has expired, and the operator's is for another network."""
    config = market.config(directory)
    changes: dict[str, dict[str, Any]] = {
        "carol": {"expires": market.LONG_AGO},
        "operator": {"addresses": ("192.0.2.0/24",)},
    }
    keys = tuple(structs.replace(key, **changes.get(key.id, {})) for key in config.keys)
    connections = structs.replace(config.connections, failed_logons=failed_logons)
    return structs.replace(config, keys=keys, connections=connections)


async def test_every_failed_logon_has_the_same_answer_for_the_same_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer, "LOGON_REFUSED_SECONDS", 0.0)
    checked: list[bool] = []

    class Counting:
        """Counts what is checked, by the library's own means."""

        @staticmethod
        def from_public_bytes(data: bytes) -> Any:
            checked.append(True)
            return ed25519.Ed25519PublicKey.from_public_bytes(data)

    monkeypatch.setattr(auth, "Ed25519PublicKey", Counting)
    answers: dict[str, bytes] = {}
    async with running(tmp_path / "journal", strict(tmp_path / "journal", failed_logons=0)) as venue:
        for name, options in FAILURES.items():
            checked.clear()
            answers[name] = await failed(venue, **options)
            assert len(checked) == 1, name
        assert set(answers.values()) == {
            # One frame, one message: LogonRejected, LOGON_REFUSED, its text, 0.
            bytes.fromhex("00000013" + "91" + "94060aad") + b"logon refused" + b"\x00"
        }
        assert venue.counters.logons_rejected == len(FAILURES)
        async with venue.wire("alice"):
            pass


async def test_a_failed_logon_is_answered_after_a_fixed_time(tmp_path: Path, clock: Clock) -> None:
    clock.stop()
    async with running(tmp_path / "journal", strict(tmp_path / "journal", failed_logons=0)) as venue:
        for name, options in FAILURES.items():
            async with venue.wire() as wire:
                wire.send(wire.logon(**{"session": "alice", **options}))
                await eventually(lambda: any(one._refusal for one in venue.service._gateway.peers))
                clock.advance(LOGON_REFUSED_SECONDS - 0.001)
                (waiting,) = venue.service._gateway.peers
                waiting.sweep(clock.monotonic_ns())
                assert waiting.connected, name
                assert not waiting._closing_ns, name
                clock.advance(0.001)
                assert isinstance(await wire.next(LogonRejected), LogonRejected)
                assert await wire.ended()


async def test_an_address_that_fails_too_often_is_shut_out_for_a_while(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer, "LOGON_REFUSED_SECONDS", 0.0)
    async with running(tmp_path / "journal") as venue:
        for _ in range(FAILED_LOGONS_MAX):
            assert await failed(venue, private_key=b"\x01" * 32)
        assert await is_turned_away(venue)
        assert venue.counters.turned_away == {TurnedAway.BLOCKED: 1}
        assert venue.counters.addresses_blocked == 1
        # Others come in.
        async with Wire.logged_on(venue.order_entry, "alice", host=ELSEWHERE):
            pass
        clock.advance(BLOCK_SECONDS)
        async with venue.wire("alice"):
            pass


async def test_a_mistyped_key_does_not_shut_out_the_gateways_beside_it(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer, "LOGON_REFUSED_SECONDS", 0.0)
    async with running(tmp_path / "journal") as venue, venue.wire("bob") as bob:
        answers = {await failed(venue, private_key=b"\x01" * 32) for _ in range(FAILED_LOGONS_MAX)}
        assert venue.counters.addresses_blocked == 0
        assert venue.counters.keys_blocked == 1
        # That key is not good from here for a while, and told so in the same words.
        answers.add(await failed(venue))
        assert len(answers) == 1
        async with Wire.logged_on(venue.order_entry, "alice", host=ELSEWHERE):
            pass
        async with venue.wire("carol") as carol:
            assert await carol.settle() == []
        assert await bob.settle() == []
        clock.advance(BLOCK_SECONDS)
        async with venue.wire("alice"):
            pass


async def test_an_address_that_a_key_names_is_not_shut_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is logged on yet: the gateways of a whole network have come with one wrong key among them."""
    monkeypatch.setattr(peer, "LOGON_REFUSED_SECONDS", 0.0)
    directory = tmp_path / "journal"
    config = market.config(directory)
    keys = tuple(
        structs.replace(key, addresses=("127.0.0.0/8",)) if key.id == "bob" else key for key in config.keys
    )
    async with running(directory, structs.replace(config, keys=keys)) as venue:
        for _ in range(FAILED_LOGONS_MAX):
            assert await failed(venue, private_key=b"\x01" * 32)
        async with venue.wire("bob"):
            pass
        assert venue.counters.keys_blocked == 1


async def test_logons_that_are_in_order_block_nobody(venue: Venue) -> None:
    for _ in range(2 * FAILED_LOGONS_MAX):
        # From the future, but signed by whom it says.
        assert await failed(venue, next_seq=99)
    async with venue.wire("alice"):
        pass


# --- file descriptors ------------------------------------------------------------------------------


@contextmanager
def no_descriptors() -> Iterator[None]:
    """The process has none left inside the block."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(one.name) for one in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
    taken: list[int] = []
    try:
        with suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        with pytest.raises(OSError, match="Too many open files"):
            os.open(os.devnull, os.O_RDONLY)
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in taken:
            os.close(descriptor)


async def test_without_descriptors_the_door_neither_spins_nor_stays_shut(venue: Venue) -> None:
    door = venue.service._gateway.door
    assert door is not None
    loop = asyncio.get_running_loop()
    async with venue.wire("alice") as alice:
        clients = [socket.socket() for _ in range(3)]
        for client in clients:
            client.setblocking(False)
        with no_descriptors():
            for client in clients:
                with suppress(ConnectionResetError):
                    await loop.sock_connect(client, venue.order_entry)
                    assert await loop.sock_recv(client, 1) == b""
            # It rests for a moment instead of trying again at once.
            assert door._waking is not None
            # The descriptor kept in reserve is there again for the next time.
            assert door._reserve is not None
            assert await alice.settle() == []
        for client in clients:
            client.close()
        async with venue.wire("bob"):
            pass
    assert venue.counters.turned_away == {TurnedAway.DESCRIPTORS: 3}


async def test_without_even_the_descriptor_in_reserve_the_door_rests(
    venue: Venue, caplog: pytest.LogCaptureFixture
) -> None:
    door = venue.service._gateway.door
    assert door is not None
    async with venue.wire("alice") as alice:
        client = socket.socket()
        client.setblocking(False)
        with no_descriptors():
            assert door._reserve is not None
            reserve, door._reserve = door._reserve, None
            await asyncio.get_running_loop().sock_connect(client, venue.order_entry)
            turns = 200
            for token in range(1, turns + 1):
                assert await alice.settle(token) == []
        # Once for each rest, and not once for each turn of the loop.
        tries = [record for record in caplog.records if record.msg == "out_of_descriptors"]
        assert 1 <= len(tries) < turns // 4
        os.close(reserve)
        assert await asyncio.get_running_loop().sock_recv(client, 1)
        client.close()


@pytest.mark.parametrize(("hard", "status"), [(1_000, 1), (4_000, 0)])
async def test_a_start_needs_descriptors_for_all_who_may_come(
    process: Process, hard: int, status: int
) -> None:
    process.program = [
        "-c",
        f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (256, {hard}))\n"
        "from carbonmatch.cli import main; main()",
    ]
    if status:
        assert await process.refused() == (
            status,
            f"carbonmatch: connections.max needs 3328 file descriptors, and this process may have {hard}: "
            "raise its limit (LimitNOFILE, ulimit -Hn), or lower connections.max",
        )
    else:
        await process.start()
        assert await process.stop() == 0


# --- time ------------------------------------------------------------------------------------------


async def test_whoever_says_nothing_is_told_to_go(tmp_path: Path, clock: Clock) -> None:
    async with running(tmp_path / "journal") as venue, venue.wire() as silent, venue.wire() as slow:
        slow.write(b"\x00\x00")
        clock.advance(LOGON_SECONDS_MAX)
        assert (await silent.goodbye()).reason is LogoutReason.LOGON_TIMEOUT
        assert (await slow.goodbye()).reason is LogoutReason.LOGON_TIMEOUT

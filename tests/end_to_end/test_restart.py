"""Stops and starts of the real process: what is kept, what is told, and when it refuses to start."""

import asyncio
import base64
import io
import json
from hashlib import blake2b
from pathlib import Path

import pytest

from carbonmatch.journal_tools import dump, replay, verify
from carbonmatch.matching.auction_times import SEED_BYTES
from carbonmatch.matching.messages import (
    Accepted,
    NewOrder,
    OrderId,
    OrderStatus,
    Reduce,
    Ref,
    Side,
    TimeInForce,
)
from carbonmatch.protocol.messages import LoggedOut, LogoutReason
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Disk, Process, running
from tests.end_to_end.wire import Wire


def buy(ref: int) -> NewOrder:
    return NewOrder(Ref(ref), EUA, Side.BUY, 10, 7000 + ref, time_in_force=TimeInForce.GTC)


async def trade(process: Process, count: int = 20) -> None:
    async with process.wire("alice") as alice, process.wire("bob") as bob:
        for ref in range(int(alice.accepted.last_ref) + 1, int(alice.accepted.last_ref) + 1 + count):
            alice.send(buy(ref))
            await alice.reports(1)
        bob.send(NewOrder(Ref(bob.accepted.last_ref + 1), EUA, Side.SELL, 15, 7000))
        await bob.reports(3)


async def test_a_stop_answers_what_was_taken_and_says_goodbye(process: Process) -> None:
    await process.start()
    async with process.wire("alice") as alice, process.feed_wire() as feed, process.wire() as nobody:
        for ref in range(1, 101):
            alice.send(buy(ref))
        stopping = asyncio.create_task(process.stop())
        frames, goodbye = await alice.frames_until(LoggedOut)
        assert goodbye == LoggedOut(LogoutReason.SHUTTING_DOWN)
        assert (await feed.goodbye()).reason is LogoutReason.SHUTTING_DOWN
        assert (await nobody.goodbye()).reason is LogoutReason.SHUTTING_DOWN
        assert await stopping == 0
    answered = [report.ref for messages in frames for report in messages]
    assert answered == list(range(1, len(answered) + 1))
    await process.start()
    async with process.wire("alice") as alice:
        # Neither more was taken than was answered, nor less.
        assert alice.accepted.last_ref == len(answered)
    assert await process.stop() == 0


async def test_every_start_draws_a_seed_of_its_own(process: Process) -> None:
    for _ in range(2):
        await process.start()
        assert await process.stop() == 0
    output = io.StringIO()
    dump(process.directory, output)
    entries = [entry for line in output.getvalue().splitlines() for entry in json.loads(line)["entries"]]
    commands = [command for entry in entries for command in entry["commands"]]
    seeds = [base64.b64decode(each["seed"]) for each in commands if each["type"] == "SetSeed"]
    assert len(set(seeds)) == 2, "nobody can tell when an auction ends"
    assert all(len(seed) == SEED_BYTES and any(seed) for seed in seeds)


async def test_the_start_after_a_stop_replays_nothing_and_has_the_same_state(process: Process) -> None:
    await process.start()
    await trade(process)
    assert await process.stop() == 0
    (stopped,) = process.events("stopped")
    assert replay(process.directory).state_digest.hex() == stopped["digest"]

    await process.start()
    (recovered,) = process.events("recovered")
    assert (recovered["records"], recovered["commands"], recovered["clean_stop"]) == (0, 0, True)
    assert recovered["snapshot_sequence"] == recovered["sequence"] == stopped["sequence"]
    assert await process.stop() == 0
    (again,) = process.events("stopped")
    # All that a start adds is the seed for its auctions.
    assert again["sequence"] == stopped["sequence"] + 1
    assert replay(process.directory).state_digest.hex() == again["digest"]


async def test_the_start_after_a_kill_replays_everything_and_goes_on(process: Process) -> None:
    await process.start()
    await trade(process)
    await process.kill()
    await process.start()
    (recovered,) = process.events("recovered")
    assert (recovered["snapshot_sequence"], recovered["clean_stop"]) == (0, False)
    assert recovered["commands"] == recovered["sequence"] > 21
    async with process.session("alice") as alice:
        *orders, _ = await alice.order_status()
        leaves = [one.leaves_lots for one in orders if isinstance(one, OrderStatus)]
        # Bob took the best order and half of the one behind it.
        assert leaves == 18 * [10] + [5]
    await trade(process)
    assert await process.stop() == 0
    (stopped,) = process.events("stopped")
    assert replay(process.directory).state_digest.hex() == stopped["digest"]
    assert verify(process.directory).last_sequence == stopped["sequence"]


async def test_a_client_lives_through_a_restart(process: Process) -> None:
    await process.start()
    async with process.session("alice", next_seq=1) as alice:
        await alice.new_order(EUA, Side.BUY, 10, 7000)
        addresses = process.addresses
        await process.kill()
        process.listen_again(addresses)
        await process.start()
        # The call waits for the engine to come back, and the ref goes on.
        (accepted,) = await alice.new_order(EUA, Side.BUY, 10, 7001)
        assert isinstance(accepted, Accepted)
        assert (accepted.seq, accepted.ref) == (2, 2)
    assert await process.stop() == 0


async def test_a_second_engine_on_the_same_journal_is_refused(process: Process, tmp_path: Path) -> None:
    await process.start()
    second = Process(process.directory, tmp_path / "second")
    try:
        status, word = await second.refused()
    finally:
        second.clean_up()
    assert (status, word) == (64, "carbonmatch: another process holds the lock of the journal's directory")
    await trade(process)
    assert await process.stop() == 0


async def test_a_damaged_journal_is_refused_and_left_as_it_is(process: Process) -> None:
    await process.start()
    await trade(process)
    await process.kill()
    (segment,) = [one for one in process.directory.iterdir() if b"alice" in one.read_bytes()]
    data = bytearray(segment.read_bytes())
    data[data.index(b"alice")] ^= 1
    segment.write_bytes(data)
    before = blake2b(data).digest()
    status, word = await process.refused()
    assert status == 65
    assert word.startswith(f"carbonmatch: {segment.name}, byte ")
    assert blake2b(segment.read_bytes()).digest() == before


async def test_a_port_that_is_taken_is_said_in_one_line(process: Process) -> None:
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        process.listen_again({"order_entry": f"127.0.0.1:{port}"})
        status, word = await process.refused()
    assert status == 1
    assert f"cannot listen at 127.0.0.1:{port}: " in word
    # It has left the journal as after any stop.
    process.listen_again({})
    await process.start()
    assert await process.stop() == 0


async def test_a_stop_waits_for_the_disk(disk: Disk, tmp_path: Path) -> None:
    async with running(tmp_path / "journal") as venue, venue.wire("alice") as alice:
        with disk.held():
            alice.send(buy(1))
            assert await alice.settle() == []
            stopping = asyncio.create_task(venue.stop())
            async with venue.feed_wire() as feed:
                assert await feed.settle() == []
            assert not stopping.done()
        (accepted,) = await alice.reports(1)
        assert accepted.ref == 1
        assert (await alice.goodbye()).reason is LogoutReason.SHUTTING_DOWN
        await stopping


async def test_nobody_gets_in_while_it_stops(disk: Disk, tmp_path: Path) -> None:
    async with running(tmp_path / "journal") as venue, venue.wire("alice") as alice:
        with disk.held():
            alice.send(buy(1))
            assert await alice.settle() == []
            stopping = asyncio.create_task(venue.stop())
            await asyncio.sleep(0)
            with pytest.raises((OSError, EOFError)):
                async with venue.wire("bob"):
                    pass
        await stopping


# An engine with a bug: at one total an order is reduced, and then the engine is at its wits' end.
BUGGY = """
from carbonmatch.cli import main
from carbonmatch.matching.engine import _FROM_SESSIONS
from carbonmatch.matching.messages import Reduce

reduce = _FROM_SESSIONS[Reduce]

def buggy(venue, session, command, ref):
    reduce(venue, session, command, ref)
    assert command.quantity_lots != 6, "a bug of ours"

_FROM_SESSIONS[Reduce] = buggy
main()
"""


async def test_a_bug_of_ours_ends_the_process_before_it_can_be_told_or_written(process: Process) -> None:
    process.program, proper = ["-c", BUGGY], process.program
    await process.start()
    async with process.wire("alice") as alice, process.wire("bob") as bob:
        alice.send(buy(1))
        await alice.reports(1)
        bob.send(buy(1))
        bob.send(Reduce(Ref(2), Ref(1), OrderId(0), 6))
        bob.send(buy(3))
        told = await told_until_the_end(bob)
        assert await process.wait() == 134
        assert "a bug of ours" in process.log.read_text()
    process.program = proper
    await process.start()
    async with process.wire("bob", next_seq=1) as bob:
        # What was told is there, and of what was not told at most what came before.
        assert len(told) <= bob.accepted.last_ref <= 1
    assert await process.stop() == 0


# A disk that fails on a certain record: the one with the price 6666.
FAILING = """
from carbonmatch.cli import main
from carbonmatch.journal.writer import JournalWriter

append = JournalWriter.append

def failing(writer, payload, first_sequence, count):
    if b"\\xcd\\x1a\\x0a" in payload:
        raise OSError(5, "Input/output error")
    return append(writer, payload, first_sequence, count)

JournalWriter.append = failing
main()
"""


async def test_a_failed_write_ends_the_process_with_nothing_told(process: Process) -> None:
    unlucky = NewOrder(Ref(2), EUA, Side.BUY, 10, 6666)
    process.program, proper = ["-c", FAILING], process.program
    await process.start()
    async with process.wire("alice", cancel_on_disconnect=True, grace_ms=60_000) as alice:
        alice.send(buy(1))
        await alice.reports(1)
        alice.send(unlucky)
        assert await told_until_the_end(alice) == []
        assert await process.wait() == 70
    (failed,) = process.events("journal_failed")
    assert "Input/output error" in failed["text"]
    process.program = proper
    await process.start()
    async with process.wire("alice", cancel_on_disconnect=True, grace_ms=60_000) as alice:
        assert alice.accepted.last_ref == 1
        # The client sends again what was never told, as it does by itself.
        alice.send(unlucky)
        (accepted,) = await alice.reports(1)
        assert (accepted.seq, accepted.ref, accepted.flags) == (2, 2, 0)
    assert await process.stop() == 0


async def told_until_the_end(wire: Wire) -> list[object]:
    told: list[object] = []
    while True:
        try:
            told += await wire.frame()
        except (EOFError, ConnectionResetError):
            return told

"""The measurements of hostile clients: that they measure, and what their figures mean."""

import asyncio
import threading
from multiprocessing import Pipe
from typing import cast

import numpy as np
import uvloop

from bench import market
from bench.hostile import subscribers
from bench.hostile.command import ATTACKS, main
from bench.hostile.followers import Follower, listen
from bench.hostile.open_load import _due
from bench.hostile.overload import _recovered_seconds, measure
from bench.hostile.subscribers import Measured, Part, as_text, is_shown
from bench.sessions import Handshake
from carbonmatch.protocol.codec import encode
from carbonmatch.protocol.frames import frame
from carbonmatch.protocol.messages import Heartbeat, Role
from tests.bench.test_generator import Wire


def test_every_attack_is_named(capsys: object) -> None:
    assert main(["--help"]) == 0
    assert main(["nonsense"]) == 2
    assert set(ATTACKS) == {"flood", "overload", "subscribers", "pull"}


def test_a_light_load_is_answered_and_none_of_it_refused() -> None:
    figures = measure(rated=800, times=1, seconds=0.25)
    assert (figures.unanswered, figures.offered_per_second) == (0, 800)
    assert figures.orders_p50 > 0


def test_each_session_gets_as_many_commands_and_rates_follow_each_other() -> None:
    due_ns = _due([(1_000, 0.1), (100, 1.0)], sessions=2)
    assert len(due_ns) == 200
    assert (due_ns[0], due_ns[99], due_ns[100], due_ns[101]) == (0, 99_000_000, 100_000_000, 110_000_000)


def test_it_has_recovered_after_the_last_window_in_which_much_went_wrong() -> None:
    since_ns = np.arange(1_000) * 1_000_000
    bad = np.zeros(1_000, bool)
    assert _recovered_seconds(since_ns, bad) == 0.0
    bad[150:160] = True
    bad[900] = True  # one of a hundred is no more than that
    assert _recovered_seconds(since_ns, bad) == 0.2


def rounds_of(*p99_ms: tuple[float, float]) -> Measured:
    """Rounds with these p99, beside readers and beside silent ones; each second one costs the engine more."""
    read, silent = (
        [Part(np.full(100, round(one[place] * 1e6), np.int64), 50.0 + place, 2**20) for one in p99_ms]
        for place in (0, 1)
    )
    return Measured({"read": read, "silent": silent}, 2**20, [])


def test_what_silent_ones_cost_is_shown_by_most_of_the_rounds_and_by_no_few() -> None:
    good, bad = (10.0, 10.5), (10.0, 20.0)
    assert is_shown(rounds_of(*[good] * 9, bad).ratio())
    assert not is_shown(rounds_of(*[good] * 7, *[bad] * 3).ratio())
    assert not is_shown(rounds_of(*[good] * 5).ratio())
    assert "1.050 (1.050 to 1.050): worse" in as_text(rounds_of(*[good] * 9, bad))


def test_a_light_feed_is_measured_beside_readers_and_beside_silent_ones() -> None:
    measured = subscribers.measure(subscribers=4, silent=2, rate=400, seconds=0.3, rounds=1)
    assert all(len(part.latency_ns) for parts in measured.parts.values() for part in parts)
    assert set(measured.parts) == {"read", "silent"}


async def test_one_that_does_not_read_finds_out_that_it_was_cut() -> None:
    accepted: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
    server = await asyncio.start_server(lambda _, writer: accepted.put_nowait(writer), "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    follower = Follower(Handshake(market.subscribers(1)[0], Role.MARKET_DATA), reading=False, looking=False)
    transport, _ = await asyncio.get_running_loop().create_connection(lambda: follower, *address)
    transport.pause_reading()
    writer = await accepted.get()
    assert not follower.is_cut
    writer.transport.abort()
    async with asyncio.timeout(10):
        while not follower.is_cut:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    follower.close()
    server.close()


async def test_one_that_only_listens_gives_a_sign_of_life_with_each_round() -> None:
    follower = Follower(Handshake(market.subscribers(1)[0], Role.MARKET_DATA), reading=True, looking=True)
    wire = Wire()
    follower.connection_made(cast(asyncio.BaseTransport, wire))
    follower.latency_ns.append(1)
    follower.look_anew()
    assert wire.written == [frame(encode([Heartbeat()]))]
    assert not follower.latency_ns


def test_what_is_told_of_a_round_may_be_more_than_a_pipe_takes_at_once() -> None:
    ours, theirs = Pipe()
    told = bytes(5_000_000)

    async def tell() -> None:
        listen(theirs, lambda: None)
        theirs.send(told)

    heard: list[bytes] = []
    hearing = threading.Thread(target=lambda: heard.append(ours.recv()))
    hearing.start()
    uvloop.run(tell())
    hearing.join(10)
    assert heard == [told]

"""The bare server and the generator together, over TCP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from bench.bare import BareServer, Connection, Echo, make_zero_filled
from bench.generator import Generator, Measured, Plan
from bench.probes import echo_times, sync_times
from bench.sessions import RunError
from bench.workload import Workload, session_frames
from carbonmatch.protocol.batch import decode_record, decode_stream

Address = tuple[str, int]


@asynccontextmanager
async def bare_server(path: Path) -> AsyncIterator[tuple[BareServer, Address]]:
    server = BareServer(make_zero_filled(path, 1024 * 1024))
    listener = await asyncio.get_running_loop().create_server(lambda: Connection(server), "127.0.0.1", 0)
    try:
        yield server, listener.sockets[0].getsockname()
    finally:
        listener.close()
        server.close()


async def measure(address: Address, workload: Workload, plan: Plan) -> Measured:
    generator = Generator(plan)
    try:
        frames = [session_frames(workload, index) for index in range(workload.sessions)]
        await generator.connect_bare(address, frames)
        return await generator.run(lambda: None, lambda: None)
    finally:
        generator.close()
        # Connections are lost before the loop that they belong to.
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    "plan",
    [
        Plan(frame_commands=8, warmup_frames=5, window_commands=32),
        Plan(frame_commands=8, warmup_frames=5, rate_per_second=20_000),
    ],
    ids=["closed", "open"],
)
async def test_each_command_is_answered_once(plan: Plan, tmp_path: Path) -> None:
    workload = Workload(sessions=3, commands=1_200, frame_commands=8)
    async with bare_server(tmp_path / "journal") as (server, address):
        measured = await measure(address, workload, plan)
    assert measured.problems == []
    assert server.commands == measured.commands_all == 1_200
    assert sum(measured.reports_by_tag.values()) == 1_200
    # 50 frames in each of three sessions, of which 5 are warm-up.
    assert measured.commands == 3 * 45 * 8
    assert len(measured.latency_ns) == len(measured.lag_ns) == 3 * 45
    assert measured.latency_ns.min() > 0
    assert measured.lag_ns.min() >= 0


async def test_an_open_loop_is_due_at_equal_distances(tmp_path: Path) -> None:
    workload = Workload(sessions=2, commands=40, frame_commands=2)
    async with bare_server(tmp_path / "journal") as (_, address):
        measured = await measure(address, workload, Plan(2, 0, rate_per_second=1_000))
    due = sorted(measured.started_ns.tolist())
    # Two commands a frame and a thousand commands a second: a frame each two milliseconds.
    assert {later - earlier for earlier, later in pairwise(due)} == {2_000_000}


async def test_what_was_answered_is_in_the_journal(tmp_path: Path) -> None:
    workload = Workload(sessions=1, commands=3, frame_commands=3)
    async with bare_server(tmp_path / "journal") as (server, address):
        await measure(address, workload, Plan(3, 0, window_commands=3))
    record = decode_record((tmp_path / "journal").read_bytes()[: server.bytes], first_sequence=1)
    assert [command.ref for entry in record.entries for command in entry.commands] == [1, 2, 3]  # type: ignore[union-attr]
    assert [report.seq for stream in record.streams for report in decode_stream(stream.reports)] == [1, 2, 3]


async def test_a_run_ends_when_its_time_is_up(tmp_path: Path) -> None:
    workload = Workload(sessions=1, commands=2_000, frame_commands=1)
    plan = Plan(1, 0, rate_per_second=1_000, seconds_max=0.05)
    async with bare_server(tmp_path / "journal") as (_, address):
        measured = await measure(address, workload, plan)
    assert measured.problems == []
    assert 0 < measured.commands < 2_000


async def test_a_server_that_hangs_up_fails_the_run() -> None:
    class Rude(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            transport.close()

    listener = await asyncio.get_running_loop().create_server(Rude, "127.0.0.1", 0)
    address = listener.sockets[0].getsockname()
    with pytest.raises(RunError, match="connection 0: connection lost"):
        await measure(address, Workload(1, 10, 1), Plan(1, 0, window_commands=1))
    listener.close()


async def test_the_probes_count_what_they_were_asked_for(tmp_path: Path) -> None:
    listener = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    times = await echo_times(listener.sockets[0].getsockname(), size=100, count=20)
    listener.close()
    await asyncio.sleep(0)
    assert len(times) == 20
    assert times.min() > 0
    assert len(sync_times(tmp_path, size=64, count=5)) == 5

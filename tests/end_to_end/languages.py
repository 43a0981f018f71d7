"""Clients in other languages (proto/examples): programs that read orders and answer, line by line."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from carbonmatch.limits import FRAME_BYTES_MAX
from carbonmatch.protocol.frames import FrameReader
from tests.end_to_end import market
from tests.end_to_end.running import REPOSITORY
from tests.end_to_end.wire import SECONDS_MAX

EXAMPLES = REPOSITORY / "proto" / "examples"
LANGUAGES = ("javascript", "cpp")


@cache
def programs(language: str) -> dict[str, list[str]]:
    """How `trade` and `watch` are run; skips the test where the machine has not what that takes."""
    return {"javascript": _javascript, "cpp": _cpp}[language]()


def _javascript() -> dict[str, list[str]]:
    directory = EXAMPLES / "javascript"
    if shutil.which("node") is None:
        pytest.skip("no node: `apt-get install nodejs npm`, then `make examples`")
    if not (directory / "node_modules" / "@msgpack" / "msgpack").exists():
        pytest.skip("no @msgpack/msgpack: `make examples`, or `npm ci` in proto/examples/javascript")
    return {name: ["node", str(directory / f"{name}.js")] for name in ("trade", "watch")}


def _cpp() -> dict[str, list[str]]:
    directory = EXAMPLES / "cpp"
    if shutil.which("g++") is None or shutil.which("make") is None:
        pytest.skip("no C++ compiler: `apt-get install g++ make libmsgpack-cxx-dev libssl-dev`")
    for header in ("msgpack.hpp", "openssl/evp.h"):
        found = subprocess.run(
            ["g++", "-E", "-x", "c++", "-DMSGPACK_NO_BOOST", "-include", header, "/dev/null"],
            capture_output=True,
            check=False,
        )
        if found.returncode:
            pytest.skip(f"no {header}: `apt-get install libmsgpack-cxx-dev libssl-dev`")
    # Built once, which takes half a minute; a source that has changed is built again.
    built = subprocess.run(["make", "-C", str(directory)], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return {name: [str(directory / "build" / name)] for name in ("trade", "watch", "vectors")}


class Program:
    """One of them at work."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []

    @classmethod
    @asynccontextmanager
    async def running(
        cls,
        directory: Path,
        language: str,
        name: str,
        address: tuple[str, int],
        session: str,
        *,
        private_key: bytes | None = None,
        heartbeat_ms: int = 1_000,
        more: Sequence[str] = (),
    ) -> AsyncIterator["Program"]:
        key_id = market.key_of(session)
        key_file = directory / f"{session}.key"
        key_file.write_text((private_key or market.private_key(key_id)).hex() + "\n")
        process = await asyncio.create_subprocess_exec(
            *programs(language)[name],
            f"{address[0]}:{address[1]}",
            key_id,
            session,
            str(key_file),
            str(heartbeat_ms),
            *more,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            yield cls(process)
        finally:
            if process.returncode is None:
                process.kill()
            # What it still said is read, or its pipe stays open.
            await process.communicate()

    def say(self, *lines: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("".join(f"{line}\n" for line in lines).encode())

    async def _line(self) -> str:
        assert self.process.stdout is not None
        line = (await self.process.stdout.readline()).decode().rstrip("\n")
        assert line or not self.process.stdout.at_eof(), self.lines
        self.lines.append(line)
        return line

    async def until(self, beginning: str) -> str:
        """The next line that begins so."""
        async with asyncio.timeout(SECONDS_MAX):
            while not (line := await self._line()).startswith(beginning):
                pass
            return line

    async def report(self, name: str) -> dict[str, str]:
        """Fields of the next line of this kind."""
        return fields(await self.until(f"{name} "))

    async def book(self, expected: str) -> None:
        """Wait until an instrument's book is so, whatever it was before."""
        async with asyncio.timeout(SECONDS_MAX):
            while (await self.until("book ")).split(" ", 3)[3] != expected:
                pass

    def reports(self) -> list[dict[str, str]]:
        """All lines so far that have a number of the stream."""
        return [fields(line) for line in self.lines if " seq=" in line]


def fields(line: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in line.split(" ")[1:])


class Proxy:
    """Stands between a client and the engine, writes down what passes, and fails as networks do."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        # By connection: whether the engine sent it, and the bytes, in the order in which they passed.
        self.recorded: list[list[tuple[bool, bytes]]] = []
        self.is_deaf = False  # what the engine says is lost
        self.lost = 0  # how many pieces of it were
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def between(cls, target: tuple[str, int]) -> AsyncIterator["Proxy"]:
        proxy = cls(target)
        server = await asyncio.start_server(proxy._accept, "127.0.0.1", 0)
        proxy.address = server.sockets[0].getsockname()[:2]
        try:
            yield proxy
        finally:
            server.close()
            proxy.cut()
            await asyncio.gather(*proxy._tasks)

    address: tuple[str, int]

    def cut(self) -> None:
        """Break all connections."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def sent_by_client(self) -> list[Any]:
        """The messages of the clients, after their logons."""
        messages: list[Any] = []
        for each in self.recorded:
            frames = FrameReader(FRAME_BYTES_MAX)
            _, *payloads = [payload for engine, data in each if not engine for payload in frames.feed(data)]
            messages += [message for payload in payloads for message in msgspec.msgpack.decode(payload)]
        return messages

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            engine_reader, engine_writer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        passed: list[tuple[bool, bytes]] = []
        self.recorded.append(passed)
        self._writers += [writer, engine_writer]
        for source, sink, is_engine in ((reader, engine_writer, False), (engine_reader, writer, True)):
            task = asyncio.create_task(self._pass_on(source, sink, passed, is_engine))
            self._tasks.add(task)

    async def _pass_on(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        passed: list[tuple[bool, bytes]],
        is_engine: bool,
    ) -> None:
        try:
            while data := await source.read(1 << 16):
                if is_engine and self.is_deaf:
                    self.lost += 1
                    continue
                passed.append((is_engine, data))
                sink.write(data)
        except OSError:
            sink.transport.abort()
        sink.close()

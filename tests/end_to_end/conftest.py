"""Engines as fixtures. Every test has one of its own, on ports of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import uvloop

from tests.end_to_end.running import Clock, Disk, Process, Venue, running


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that the engine runs on in earnest."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def venue(tmp_path: Path) -> AsyncIterator[Venue]:
    async with running(tmp_path / "journal") as one:
        yield one


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    """Not started yet."""
    one = Process(tmp_path / "journal")
    yield one
    one.clean_up()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """To be asked for before the engine."""
    return Clock(monkeypatch)

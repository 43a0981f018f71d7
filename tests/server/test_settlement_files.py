"""When the venue has settlement files made: once durable, one process at a time, again after a failure."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from carbonmatch.config import Config
from carbonmatch.config.settlement import Settlement
from carbonmatch.limits import SETTLEMENT_RETRY_SECONDS
from carbonmatch.matching.day.settlements import Settlements
from carbonmatch.server.history import History
from carbonmatch.server.pipeline import NS_PER_SECOND, Pipeline
from carbonmatch.server.settlement_files import SettlementFiles


class Maker(SettlementFiles):
    """Its process is a future that the test completes, with what went wrong."""

    def __init__(self, directory: str = "files") -> None:
        self.settlements = Settlements()
        self.now_ns = 0
        self.asked: list[int] = []
        self.running: asyncio.Future[str] | None = None
        venue = SimpleNamespace(settlements=self.settlements)
        self.pipeline = SimpleNamespace(engine=SimpleNamespace(venue=venue), durable_sequence=0)
        self.history = SimpleNamespace(durable_position=0)
        super().__init__(
            Config(settlement=Settlement(directory)),
            cast("Pipeline", self.pipeline),
            cast("History", self.history),
            lambda: self.now_ns,
        )

    async def _run(self, until: int) -> str:
        self.asked.append(until)
        self.running = asyncio.get_running_loop().create_future()
        return await self.running

    async def looked(self) -> list[int]:
        """Up to which positions files were asked for, after one more look."""
        self.look()
        await asyncio.sleep(0)
        return self.asked

    async def ended(self, error: str = "") -> None:
        """The process has ended."""
        assert self.running is not None
        self.running.set_result(error)
        for _ in range(3):
            await asyncio.sleep(0)

    def end_day(self, sequence: int, *, durable: bool = True) -> None:
        self.settlements.begin(20260302, sequence, 0, 1)
        self.history.durable_position = sequence * 10
        if durable:
            self.pipeline.durable_sequence = sequence


async def test_a_file_is_made_once_it_is_durable_that_the_day_has_ended() -> None:
    maker = Maker()
    assert await maker.looked() == []
    maker.end_day(7, durable=False)
    assert await maker.looked() == []
    assert maker.missing_count == 1
    maker.pipeline.durable_sequence = 7
    assert await maker.looked() == [70]
    assert await maker.looked() == [70]
    await maker.ended()
    assert maker.missing_count == 0
    assert await maker.looked() == [70]


async def test_what_ends_while_files_are_made_is_made_afterwards() -> None:
    maker = Maker()
    maker.end_day(7)
    await maker.looked()
    maker.end_day(9)
    assert await maker.looked() == [70]
    assert maker.missing_count == 2
    await maker.ended()
    assert maker.missing_count == 1
    assert await maker.looked() == [70, 90]


async def test_what_has_failed_is_tried_again_after_a_while(caplog: pytest.LogCaptureFixture) -> None:
    maker = Maker()
    maker.end_day(7)
    await maker.looked()
    await maker.ended("No space left on device")
    assert "settlement_failed" in caplog.text
    assert maker.missing_count == 1
    maker.now_ns = SETTLEMENT_RETRY_SECONDS * NS_PER_SECOND - 1
    assert await maker.looked() == [70]
    maker.now_ns += 1
    assert await maker.looked() == [70, 70]
    await maker.ended()
    assert maker.missing_count == 0


async def test_a_venue_without_a_directory_makes_none_and_misses_none() -> None:
    maker = Maker("")
    maker.end_day(7)
    assert await maker.looked() == []
    assert maker.missing_count == 0


async def test_a_venue_that_stops_ends_the_process_and_begins_none() -> None:
    maker = Maker()
    maker.end_day(7)
    await maker.looked()
    await maker.stop()
    assert maker.running is not None
    assert maker.running.cancelled()
    maker.end_day(9)
    assert await maker.looked() == [70]
    await Maker().stop()


async def test_a_process_that_cannot_be_started_is_a_failure_like_any_other() -> None:
    class Without(Maker):
        async def _run(self, until: int) -> str:
            self.asked.append(until)
            raise OSError(12, "Cannot allocate memory")

    maker = Without()
    maker.end_day(7)
    await maker.looked()
    await asyncio.sleep(0)
    assert maker.missing_count == 1
    assert await maker.looked() == [70]


def test_the_task_of_the_process_says_all_that_the_bytes_depend_on() -> None:
    task: dict[str, Any] = Maker()._task_of(11)
    assert task == {
        "journal": "data",
        "archive": "",
        "output": "files",
        "venue": "carbonmatch",
        "trade_number": "{day}-{mode}-{trade_id:08}",
        "until": 11,
    }

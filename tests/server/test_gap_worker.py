"""The process that reads the journal for a subscriber: what it may take from the venue, and how it ends."""

import io
import os
import re
import resource
import signal
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from carbonmatch.exit_codes import ExitCode
from carbonmatch.journal.segments import segment_name, segment_numbers
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.limits import FEED_JOURNAL_GAP_SECONDS_MAX
from carbonmatch.matching.messages import Ref
from carbonmatch.protocol.messages import FeedKind
from carbonmatch.server import gap_worker
from carbonmatch.server.gap_worker import GapOrder, GapProcess
from tests.server.journaled import Journaled, batches, world


@pytest.fixture
def venue(tmp_path: Path) -> Journaled:
    written = Journaled(DiskStorage(tmp_path))
    for batch in batches(world(1, 900), 5):
        written.batch(batch)
    written.writer.seal()
    return written


def order(directory: Path) -> GapOrder:
    return GapOrder(str(directory), "", Ref(1), 2, (), int(FeedKind.ALL), 0)


def niceness(process_id: int) -> int:
    return int(Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()[16])


def test_it_is_behind_the_venue_and_goes_first_where_memory_runs_out(
    venue: Journaled, tmp_path: Path
) -> None:
    process = GapProcess(order(tmp_path))
    try:
        process.go_on(venue.writer.durable_position)
        assert process.read().framed
        process_id = process._process.pid
        assert niceness(process_id) == min(niceness(os.getpid()) + 10, 19)
        assert Path(f"/proc/{process_id}/oom_score_adj").read_text() == "1000\n"
        # Of the processor it may use so many seconds: with a venue that is gone nobody else ends it.
        (seconds,) = re.findall(r"^Max cpu time +(\d+)", Path(f"/proc/{process_id}/limits").read_text(), re.M)
        assert int(seconds) == FEED_JOURNAL_GAP_SECONDS_MAX
    finally:
        process.close()


def test_where_a_sandbox_does_not_let_it_stand_back_it_works_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[object] = []

    def refused(*what: object) -> None:
        asked.append(what[-1])
        raise PermissionError

    monkeypatch.setattr(os, "nice", refused)
    monkeypatch.setattr(Path, "write_text", refused)
    monkeypatch.setattr(resource, "setrlimit", refused)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    gap_worker.stand_back()
    assert asked == [10, "1000", (60, 60)]


def test_it_is_not_led_astray_by_the_directory_that_the_venue_was_started_in(
    venue: Journaled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "msgspec.py").write_text("raise SystemExit('the wrong one')")
    monkeypatch.chdir(elsewhere)
    process = GapProcess(order(tmp_path))
    try:
        process.go_on(venue.writer.durable_position)
        assert process.read().framed
    finally:
        process.close()


def test_what_was_lost_behind_segments_that_were_taken_away_is_refused_in_words(
    venue: Journaled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = DiskStorage(tmp_path)
    first, *others = segment_numbers(storage)
    assert len(others) > 1
    (tmp_path / segment_name(first)).unlink()
    lines = msgspec.json.encode(order(tmp_path)) + b"\n%d\n" % venue.writer.durable_position
    said: list[str] = []
    monkeypatch.setattr(gap_worker, "log", lambda *_, text, **__: said.append(str(text)))
    assert gap_worker.main(io.BytesIO(lines), io.BytesIO()) == ExitCode.REFUSED
    assert said[0].startswith("sequence 1 is needed, and the journal goes on with")


def test_whoever_reads_or_asks_behind_its_end_meets_an_end(venue: Journaled, tmp_path: Path) -> None:
    process = GapProcess(order(tmp_path))
    process.close()
    process._process.wait()
    assert process._process.stdin is not None
    assert process._process.stdout is not None
    with suppress(OSError):
        process._process.stdin.close()
    process._process.stdout.close()
    with pytest.raises(EOFError):
        process.go_on(1)
    with pytest.raises(EOFError):
        process.read()

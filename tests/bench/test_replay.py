"""Stages of a replay: each record is executed, and what the stages take is what it takes."""

from pathlib import Path

import pytest

from bench import replay
from carbonmatch.server import recovery


def test_every_stage_of_every_record_has_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    before = recovery.decoded
    assert replay.main(["--commands", "640", "--frame", "10", "--batch", "2", "--repetitions", "2"]) == 0
    assert recovery.decoded is before, "what times the stages is taken off again"
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.startswith("657 commands in ")
    stages = {line[12:]: int(line[:10].replace(",", "")) for line in lines}
    whole = next(of for stage, of in stages.items() if stage.startswith("all of it"))
    assert len(stages) == 9
    assert all(ns > 0 for ns in stages.values())
    assert abs(sum(stages.values()) - 2 * whole) <= len(stages), "but for rounding"


def test_a_journal_that_gives_other_events_is_not_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay.write_journal(tmp_path, replay.reframed(1, 640, 64), batch_entries=2)
    monkeypatch.setattr(recovery, "is_caused_by", lambda *_: False)
    with pytest.raises(recovery.Diverged):
        replay.stages_of_records(tmp_path)

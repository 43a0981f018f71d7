"""What a report of surveillance takes, measured over journals of a few commands."""

from pathlib import Path

import pytest

from bench import surveillance
from bench.surveillance import Reading, main


def test_a_report_is_made_of_both_journals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--commands", "4096", "--directory", str(tmp_path)]) == 0
    header, short, long = capsys.readouterr().out.splitlines()
    assert header.split()[:1] == ["commands"]
    assert [line.split()[0] for line in (short, long)] == ["1,024", "4,096"]


def test_memory_that_grows_with_the_journal_is_a_failure() -> None:
    short, long = Reading(1_000, 1, 1.0, 50 << 20), Reading(4_000, 4, 4.0, 60 << 20)
    assert surveillance._problems([short, long]) == []
    grown = Reading(4_000, 4, 4.0, 80 << 20)
    assert surveillance._problems([short, grown]) == [
        "memory grows with the journal: 50 MiB for 1,000 commands, 80 MiB for 4,000 commands"
    ]


def test_too_few_commands_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--commands", "0"]) == 2
    assert "commands is 0, expected at least 1" in capsys.readouterr().err

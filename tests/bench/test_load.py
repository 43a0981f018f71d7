"""Options to runs, results to verdicts."""

import os
import sys
from pathlib import Path

import msgspec
import pytest

from bench import __main__ as dispatch
from bench import load, market
from bench.generator import Plan
from bench.processes import StartError, parse_address, server
from bench.report import report
from bench.results import PresetResult, Repetition, Result, verdicts
from bench.runs import Setup
from carbonmatch.config import parse
from carbonmatch.protocol.auth import public_key_of
from tests.bench.runs import a_run, flat_latency


def setup(*arguments: str) -> Setup:
    (one,) = load.setups_of(load.parser().parse_args(arguments))
    return one


# --- options -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--preset", "batched", "--window", "63"], "a window of 63 commands admits no frame of 64"),
        (["--window", "64", "--rate", "1000"], "--window is for a closed loop"),
        (["--frame", "129"], "frame_commands is 129"),
        (["--sessions", "257"], "--sessions is 257, expected 1 to 256"),
        (["--commands", "1000", "--warmup", "1000"], "a warm-up of 1000 leaves nothing"),
        (["--mix", "1:2:3"], "expected four weights"),
        (["--mix", "0:1:1:1"], "that of adds at least 1"),
        (["--connect", "localhost"], "expected host:port, found 'localhost'"),
        (["--pid", "1"], "belong to --connect"),
        (["--pin", "0"], "expected cores like 0/1"),
        (["--pin", "0/9999"], "available are the cores"),
        (["--repetitions", "0"], "--repetitions is 0"),
        (["--seconds", "-1"], "--seconds is -1"),
        (["--tolerance", "-0.1"], "--tolerance is -0.1, expected 0 to 1"),
        (["--json", "/nowhere/one.json"], "--json: there is no directory /nowhere"),
        (["--html", "/"], "--html: / is a directory, expected a file"),
        (["--hgrm", "/proc/stat"], "--hgrm: /proc/stat is a file, expected a directory"),
    ],
)
def test_what_cannot_be_done_is_refused_with_status_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load.main(arguments) == 2
    assert words in capsys.readouterr().err


def test_presets_are_what_they_are_called() -> None:
    assert (setup("--preset", "batched").workload.sessions, setup("--preset", "batched").plan) == (
        8,
        Plan(frame_commands=64, warmup_frames=195, window_commands=512),
    )
    assert setup("--preset", "unbatched").plan == Plan(1, 2_000, window_commands=1)
    assert setup("--preset", "open").plan == Plan(1, 2_500, rate_per_second=20_000)
    assert len(load.setups_of(load.parser().parse_args(["--preset", "all"]))) == 3


def test_options_change_a_preset() -> None:
    changed = setup("--preset", "open", "--window", "4", "--sessions", "2", "--mix", "1:2:3:4")
    assert changed.plan.rate_per_second == 0
    assert changed.plan.window_commands == 4
    assert changed.workload.sessions == 2
    assert changed.workload.mix.aggressive == 4


def test_the_printed_configuration_is_one_that_the_engine_takes(capsys: pytest.CaptureFixture[str]) -> None:
    assert load.main(["--sessions", "3", "--subscribers", "2", "--instruments", "5", "--print-config"]) == 0
    config = parse(capsys.readouterr().out, "bench.toml")
    assert [one.name for one in config.sessions] == [
        *("bench-1", "bench-2", "bench-3"),
        *("bench-feed-1", "bench-feed-2"),
        "bench-operator",
    ]
    assert len(config.instruments) == 5
    assert {one.public_key_bytes for one in config.keys} == {public_key_of(market.traders(1)[0].private_key)}


def test_an_unknown_measurement_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch.main(["lode"]) == 2
    assert "there is no measurement 'lode'" in capsys.readouterr().err
    assert dispatch.main([]) == 0


def test_a_pinned_generator_is_where_it_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    core = min(os.sched_getaffinity(0))
    found: list[set[int]] = []

    def measured(_setups: object) -> list[PresetResult]:
        found.append(os.sched_getaffinity(0))
        one = Repetition(a_run(), None, 64, None, 64, None)
        return [PresetResult("custom", setup().workload, "digest", setup().plan, 1, [one], [])]

    monkeypatch.setattr(load, "_presets", measured)
    before = os.sched_getaffinity(0)
    assert load.main(["--pin", f"{core}/{core}", "--json", str(tmp_path / "found.json")]) == 0
    assert found == [{core}]
    assert os.sched_getaffinity(0) == before


# --- processes -----------------------------------------------------------------------------------


def test_a_server_that_ends_is_reported_with_what_it_said(tmp_path: Path) -> None:
    with (
        pytest.raises(StartError, match="exit status 1: no disk today"),
        server(["-c", "import sys; sys.exit('no disk today')"], tmp_path / "log"),
    ):
        pass


def test_addresses_are_a_host_and_a_port() -> None:
    assert parse_address("127.0.0.1:7400") == ("127.0.0.1", 7400)
    assert parse_address("[::1]:7400") == ("::1", 7400)
    with pytest.raises(ValueError, match="found '7400'"):
        parse_address("7400")


def test_a_whole_run_of_the_bare_server_gives_sound_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--preset", "unbatched", "--commands", "50", "--target", "bare", "--repetitions", "1"]
    assert load.main([*arguments, "--directory", str(tmp_path), "--json", "-"]) == 0
    result = msgspec.json.decode(capsys.readouterr().out, type=Result)
    assert result.is_sound
    (one,) = result.presets[0].runs("bare")
    assert one.commands == 40
    assert sum(one.reports.values()) == 50
    assert one.server_cpu_us_per_command is not None
    assert result.environment.python.endswith(sys.version.split()[0])
    assert "unbatched: 1 sessions, frames of 1, closed loop" in report(result)
    assert list(tmp_path.iterdir()) == []


# --- verdicts ------------------------------------------------------------------------------------


def test_a_batched_run_is_held_to_its_rate_and_to_the_bare_server() -> None:
    bare = a_run(rate=600_000)
    repetitions = [
        Repetition(a_run(rate=rate), bare, 512, None, 64, None) for rate in (240_000, 290_000, 360_000)
    ]
    rate, ratio = verdicts("batched", repetitions)
    assert (rate.found, rate.reached) == (290_000, True)
    assert (round(ratio.found, 3), ratio.reached) == (0.483, False)


def test_an_unbatched_run_is_held_to_one_sync_and_one_round_trip() -> None:
    sync, echo = flat_latency(120), flat_latency(30)
    (verdict,) = verdicts("unbatched", [Repetition(a_run(p50=225), None, 512, sync, 64, echo)])
    assert (verdict.found, verdict.expected, verdict.reached) == (1.5, "<= 1.5", True)


def test_an_open_run_is_held_to_its_tail_and_to_a_steady_queue() -> None:
    steady = Repetition(a_run(p50=400, p99=4_000), None, 512, None, 64, None)
    assert [one.reached for one in verdicts("open", [steady])] == [True, True, True]
    growing = Repetition(a_run(p50=1_001, p99=5_001, last_third=700), None, 512, None, 64, None)
    assert [one.reached for one in verdicts("open", [growing])] == [False, False, False]


def test_without_the_engine_there_is_no_verdict() -> None:
    assert verdicts("batched", [Repetition(None, a_run(), 512, None, 64, None)]) == []

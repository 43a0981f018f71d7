"""The command line from outside: what it prints, where, and with which exit code."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import App

from carbonmatch import cli
from carbonmatch.accel import core
from carbonmatch.config import parse
from carbonmatch.config.words import next_transitions
from carbonmatch.journal.recovery import recover
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.journal.writer import JournalWriter
from carbonmatch.protocol.auth import parse_key, public_key_of
from carbonmatch.server.recovery import identity

ROOT = Path(__file__).parent.parent


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CARBONMATCH_")}
    return subprocess.run(
        [sys.executable, "-m", "carbonmatch", *arguments],
        env={**clean, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "120", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_version_names_what_matters_for_a_report() -> None:
    done = run("--version")
    assert done.returncode == 0
    python = ".".join(map(str, sys.version_info[:3]))
    assert done.stdout == f"carbonmatch 0.1.0 (CPython {python}, core {core()}, protocol 1)\n"


def test_help_lists_every_command_without_importing_them() -> None:
    done = run("--help")
    assert done.returncode == 0
    for command in (
        "serve",
        "follow",
        "check-config",
        "schedule",
        "journal",
        "export",
        "fanout",
        "demo",
        "watch",
        "order",
        "admin",
    ):
        assert f" {command} " in done.stdout
    script = (
        "import carbonmatch.cli, sys; print([one for one in sys.modules if one.startswith('carbonmatch.')])"
    )
    imported = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert imported == "['carbonmatch.exit_codes', 'carbonmatch.cli']\n"


def test_a_good_configuration_is_told_in_words(tmp_path: Path) -> None:
    file = tmp_path / "venue.toml"
    file.write_text('[journal]\nsync = "relaxed"\n')
    done = run("check-config", str(file))
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.splitlines()[:5] == [
        "venue carbonmatch",
        "orders at 127.0.0.1:7400, market data at 127.0.0.1:7410, operations at 127.0.0.1:7480",
        "  order_entry, market_data, drop_copy, ops: not encrypted",
        f"journal in {tmp_path}/data: RELAXED: answers do not wait for the disk, "
        "and a crash can take them back",
        "a session may send any number of commands and any number of cancels",
    ]


_SCHEDULED = """
[[calendars]]
name = "china"
time_zone = "Asia/Shanghai"
weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

[[schedules]]
name = "listed"
calendar = "china"
steps = [{ at = "09:30", phase = "continuous" }, { at = "15:00", phase = "closed" }]

[[schedules]]
name = "bids"
calendar = "china"

[[schedules.special]]
dates = [2021-07-16]
steps = [{ at = "10:00", phase = "continuous" }, { at = "11:00", phase = "closed" }]
"""


def test_schedules_are_told_in_words_with_what_comes_next(tmp_path: Path) -> None:
    file = tmp_path / "venue.toml"
    file.write_text(_SCHEDULED)
    assert run("check-config", str(file)).stdout.splitlines()[5:8] == [
        "calendar china (Asia/Shanghai): mon, tue, wed, thu, fri, sat, sun; no holidays; 0 extra days",
        "schedule listed on china (Asia/Shanghai): 09:30 continuous, 15:00 closed; 0 special days; "
        "operators end its days; 0 instruments",
        "schedule bids on china (Asia/Shanghai): nothing on ordinary days; 1 special days; "
        "operators end its days; 0 instruments",
    ]
    done = run("schedule", str(file), "--count", "2")
    listed, *transitions, bids, nothing = done.stdout.splitlines()
    assert listed.startswith("listed: ")
    assert sorted(line.split(" at ")[0] for line in transitions) == ["  closed", "  continuous"]
    assert bids.startswith("bids: closed now, ")
    assert nothing == "  nothing is planned after that"
    file.write_text("")
    assert run("schedule", str(file)).stdout == "no schedules: operators alone change phases\n"


def test_a_transition_is_told_in_the_time_of_its_place_and_in_utc() -> None:
    config = parse(_SCHEDULED, "venue.toml")
    assert next_transitions(config, 1_772_436_600_000_000_000, 2)[:3] == [
        "listed: closed now, Mon 2026-03-02 15:30:00 CST (2026-03-02 07:30:00 UTC)",
        "  continuous at Tue 2026-03-03 09:30:00 CST (2026-03-03 01:30:00 UTC)",
        "  closed at Tue 2026-03-03 15:00:00 CST (2026-03-03 07:00:00 UTC)",
    ]


def test_a_bad_configuration_is_a_line_for_each_mistake_and_no_traceback(tmp_path: Path) -> None:
    file = tmp_path / "venue.toml"
    file.write_text('[listen]\nops = "0.0.0.0:80"\norder_entry = "7400"\n[journal]\n')
    done = run("check-config", str(file))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "carbonmatch: venue.toml: listen.order_entry: expected host:port, found '7400'\n"
        "carbonmatch: venue.toml: listen.ops: 0.0.0.0:80 is not a loopback address, and what is sent there "
        "can be read and changed on the way; give it a certificate in [tls], or say "
        "listen.insecure_plaintext = true\n"
    )


def test_a_service_does_not_start_on_a_bad_configuration(tmp_path: Path) -> None:
    done = run("serve", CARBONMATCH_CONFIG=str(tmp_path / "none.toml"))
    assert done.returncode == 1
    assert done.stderr == f"carbonmatch: {tmp_path}/none.toml: No such file or directory\n"
    done = run("serve", CARBONMATCH_CONFIG="none\x1b[2J.toml")
    assert done.stderr == "carbonmatch: none\\x1b[2J.toml: No such file or directory\n"
    done = run("serve", "--data-dir", str(tmp_path / "data"), CARBONMATCH_OPS_PORT="x")
    assert done.returncode == 1
    assert done.stderr == (
        "carbonmatch: with the environment: listen.ops: expected a port from 0 to 65535, found 'x'\n"
    )
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("command", ["verify", "replay", "dump", "export"])
def test_a_journal_that_is_not_there_is_one_clear_line(tmp_path: Path, command: str) -> None:
    done = run("journal", command, str(tmp_path / "none"))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == f"carbonmatch: {tmp_path}/none: No such directory\n"


def test_a_directory_without_a_journal_is_not_called_good(tmp_path: Path) -> None:
    done = run("journal", "verify", str(tmp_path))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == f"carbonmatch: {tmp_path}: No journal in this directory\n"


def test_a_damaged_journal_has_an_exit_code_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "0000000001.cmj").write_bytes(b"not a journal" * 1000)
    done = run("journal", "verify", str(tmp_path))
    assert done.returncode == 65
    assert done.stderr.startswith("carbonmatch: 0000000001.cmj, byte 0, sequence ")


@pytest.mark.parametrize(
    ("arguments", "refused"),
    [
        ("watch CEA25 --port 99999", 'Invalid value "99999" for --port. Must be <= 65535.'),
        ("watch CEA25 --levels -1", 'Invalid value "-1" for --levels. Must be >= 1.'),
        ("admin halt CEA25 --market-data-port 0", 'Invalid value "0" for --market-data-port. Must be >= 1.'),
        ("schedule market.toml --count -3", 'Invalid value "-3" for --count. Must be >= 1.'),
    ],
)
def test_a_number_out_of_bounds_is_refused_by_the_name_of_its_option(arguments: str, refused: str) -> None:
    done = run(*arguments.split())
    assert done.returncode == 1
    assert refused in done.stderr


@pytest.mark.parametrize(
    ("arguments", "refused"),
    [
        ("admin reference CEA25 50.5", "50.5"),
        ("admin band CEA25 43.20 52.80 --reference-ticks 4800", "43.20"),
        ("admin bust-trade 7.5 --text slip --yes", "7.5"),
        ("admin correct-trade 7 --text slip --price-ticks 49.50", "49.50"),
        ("admin correct-trade 7 --text slip --quantity-lots 1.5", "1.5"),
        ("admin cancel-bidding 1.4", "1.4"),
        ("admin deposit 11 --currency CNY --minor 1.50", "1.50"),
        ("admin withdraw 11 --instrument CEA25 --lots 0.5", "0.5"),
        ("watch CEA25 --port 7410.4", "7410.4"),
    ],
)
def test_an_amount_that_is_no_whole_number_is_refused_and_not_rounded(arguments: str, refused: str) -> None:
    done = run(*arguments.split())
    assert done.returncode == 1
    assert f"'{refused}' is no whole number" in done.stderr


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ("", "none of them"),
        ("--currency CNY --lots 5", "--lots 5, --currency CNY"),
        ("--instrument CEA25", "--instrument CEA25"),
        (
            "--instrument CEA25 --lots 5 --currency CNY --minor 5",
            "--instrument CEA25, --lots 5, --currency CNY, --minor 5",
        ),
    ],
)
def test_a_deposit_is_of_units_or_of_money(options: str, found: str) -> None:
    done = run("admin", "deposit", "11", *options.split())
    assert done.returncode == 1
    assert (
        done.stderr.split()
        == (
            "carbonmatch: expected --instrument with --lots, or --currency with --minor, and one of both; "
            f"found {found}"
        ).split()
    )


def test_a_wrong_command_is_refused_with_the_nearest_one() -> None:
    done = run("journal", "verifi")
    assert done.returncode == 1
    assert "verify" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_key_is_made_for_its_owner_alone_and_never_over_another(tmp_path: Path) -> None:
    file = tmp_path / "gateway.private"
    done = run("keygen", str(file))
    assert done.returncode == 0
    private_key = parse_key(file.read_text())
    assert parse_key(done.stdout) == public_key_of(private_key)
    assert file.stat().st_mode & 0o777 == 0o600
    again = run("keygen", str(file))
    assert again.returncode == 1
    assert "exists" in again.stderr
    assert parse_key(file.read_text()) == private_key


def test_nothing_is_archived_without_two_snapshots(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    done = run("journal", "archive", str(journal), "--to", str(tmp_path / "archive"))
    assert (done.returncode, done.stderr) == (1, f"carbonmatch: {journal}: No such directory\n")
    storage = DiskStorage(journal)
    JournalWriter(storage, recover(storage, identity(durable=True)))
    done = run("journal", "archive", str(journal), "--to", str(tmp_path / "archive"))
    assert done.returncode == 0
    assert done.stdout == f"{journal}: moved 0 segments to {tmp_path / 'archive'}\n"


def test_profiles_are_named_shown_and_explained() -> None:
    listed = run("profile", "list").stdout.splitlines()
    assert "cea          1000 to 1099  China's national emission allowances (CEA)" in listed
    shown = run("profile", "show", "kau")
    assert shown.stdout == (ROOT / "src" / "carbonmatch" / "profiles" / "kau.toml").read_text()
    explained = run("profile", "explain", "kau").stdout
    assert "  screen size: 1 t to 100,000 t an order\n" in explained
    for command in ("show", "explain"):
        unknown = run("profile", command, "kua")
        assert unknown.returncode == 1
        assert "there is no profile 'kua'; there are bea, ccer, cea," in unknown.stderr


def commands(app: App, path: tuple[str, ...] = ()) -> Iterator[tuple[str, App]]:
    """Every command that does something, by all of its words."""
    for name in (name for name in app if not name.startswith("-")):
        command = app[name]
        if command.default_command is not None:
            yield " ".join((*path, name)), command
        yield from commands(command, (*path, name))


@pytest.mark.parametrize(
    ("words", "command"), list(commands(cli.app)), ids=lambda one: one if isinstance(one, str) else ""
)
def test_no_command_has_two_options_of_one_name(words: str, command: App) -> None:
    """The first would be given both: a filter `--session` beside the session that one logs on as."""
    names = [name for argument in command.assemble_argument_collection() for name in argument.names]
    options = [name for name in names if name != "*"]
    assert len(set(options)) == len(options), words

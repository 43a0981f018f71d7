"""The units in deploy/systemd: what systemd makes of them where it is there, and what must stand in them."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from carbonmatch.cli import app
from carbonmatch.exit_codes import ExitCode
from carbonmatch.limits import COMMIT_DEAD_SECONDS, CONNECTIONS_MAX

UNITS: Final = sorted((Path(__file__).parent.parent / "deploy" / "systemd").glob("*.service"))

HARDENING: Final = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "MemoryDenyWriteExecute": "yes",
    "CapabilityBoundingSet": "",
    "RestrictNamespaces": "yes",
    "StateDirectoryMode": "0700",
    "UMask": "0077",
    "LimitCORE": "0",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
}
# As systemd-analyze measures it: 0 is locked up, 10 is wide open.
EXPOSURE_MAX: Final = 2.0


def settings(unit: Path) -> dict[str, str]:
    """The last value of each key: units here repeat SystemCallFilter only."""
    pairs = (line.split("=", 1) for line in unit.read_text().splitlines() if "=" in line and line[0] != "#")
    return {name.strip(): value for name, value in pairs}


def test_there_is_a_unit_for_every_process_of_a_venue() -> None:
    beside = [f"carbonmatch-{name}.service" for name in ("dashboard", "fanout", "follower")]
    assert [unit.name for unit in UNITS] == [*beside, "carbonmatch.service"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.name))
def test_a_unit_is_locked_up(unit: Path) -> None:
    found = settings(unit)
    assert {name: found.get(name) for name in HARDENING} == HARDENING
    assert found["User"] not in ("root", "")
    assert "MemoryMax" in found
    assert "TasksMax" in found


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.name))
def test_a_unit_starts_again_only_where_that_helps(unit: Path) -> None:
    found = settings(unit)
    assert found["Restart"] == "on-failure"
    prevented = {int(status) for status in found["RestartPreventExitStatus"].split()}
    assert prevented == {
        ExitCode.REFUSED,
        ExitCode.JOURNAL_REFUSED,
        ExitCode.JOURNAL_DAMAGED,
        ExitCode.JOURNAL_DIVERGED,
    }
    good = {int(status) for status in found["SuccessExitStatus"].split()}
    assert good == {ExitCode.INTERRUPTED, ExitCode.TERMINATED}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.name))
def test_a_unit_calls_a_command_that_exists_apart_from_the_users_environment(unit: Path) -> None:
    python, isolated, module, name, command, *options = settings(unit)["ExecStart"].split()
    assert (python, isolated, module, name) == ("/opt/carbonmatch/bin/python", "-I", "-m", "carbonmatch")
    parsed, _, _ = app.parse_args([command, *options], exit_on_error=False, print_error=False)
    assert parsed.__name__ == command or parsed.__module__ == f"carbonmatch.{command}.command"


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.name))
def test_a_unit_is_up_when_it_says_so_and_is_ended_when_it_hangs(unit: Path) -> None:
    found = settings(unit)
    assert (found["Type"], found["NotifyAccess"]) == ("notify", "main")
    # A loop that waits for the disk gives no sign of life, and has to end by itself first.
    assert int(found["WatchdogSec"]) >= 3 * COMMIT_DEAD_SECONDS
    # Each datagram of a start asks for 30 s more, which is nothing before this is over.
    assert int(found["TimeoutStartSec"]) >= 30
    # What is taken is answered, goodbyes are read, the journal is closed: 10, 1 and 20 s at most.
    assert int(found["TimeoutStopSec"]) >= 60
    assert found["KillMode"] == "mixed"


def test_the_engine_may_have_as_many_connections_as_it_promises() -> None:
    (engine,) = (unit for unit in UNITS if unit.name == "carbonmatch.service")
    assert int(settings(engine)["LimitNOFILE"]) >= 2 * CONNECTIONS_MAX + 256


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.name))
def test_systemd_finds_nothing_wrong(unit: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("no systemd-analyze here: the units are parsed only")
    verified = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True, check=False)
    # The package is installed elsewhere here; and units of this machine are none of ours.
    told = [
        line
        for line in verified.stderr.splitlines()
        if unit.name in line and "is not executable: No such file" not in line
    ]
    assert told == []
    judged = subprocess.run(
        [analyze, "security", "--offline=true", str(unit)], capture_output=True, text=True, check=False
    )
    if "Overall exposure level" not in judged.stdout:
        pytest.skip("this systemd-analyze does not judge files")
    level = float(judged.stdout.rsplit("Overall exposure level", 1)[1].split(":")[1].split()[0])
    assert level <= EXPOSURE_MAX


def test_what_reads_the_journal_beside_the_engine_may_stand_back_and_its_end_is_not_the_engines() -> None:
    (engine,) = (unit for unit in UNITS if unit.name == "carbonmatch.service")
    lines = engine.read_text().splitlines()
    calls = [line.removeprefix("SystemCallFilter=") for line in lines if line.startswith("SystemCallFilter=")]
    # What was taken away with @resources before comes back behind it.
    assert calls == ["@system-service", "~@privileged @resources", "setpriority"]
    assert settings(engine)["OOMPolicy"] == "continue"

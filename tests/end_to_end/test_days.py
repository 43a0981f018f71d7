"""Days of a real venue end, by an operator and by the clock, and are settled whatever happens to it."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from carbonmatch.client.admin_days import confirm, end, read_answer, runs_of
from carbonmatch.client.errors import ClientError
from carbonmatch.config import Config, Journal, parse
from carbonmatch.config.settlement import Settlement
from carbonmatch.matching.messages import (
    BustTrade,
    CorrectTrade,
    NewOrder,
    Phase,
    Ref,
    Resume,
    SetPhase,
    SettlementOutcome,
    Side,
    TradeId,
)
from carbonmatch.protocol.messages import DaySummary, Subscribe
from tests.end_to_end import market
from tests.end_to_end.market import CEA, EUA
from tests.end_to_end.running import REPOSITORY, Addresses, Clock, Process, eventually, running
from tests.end_to_end.test_schedules import scheduled
from tests.end_to_end.wire import SECONDS_MAX
from tests.test_settlement import rows_of

TODAY = datetime.now(UTC)
TODAY_NUMBER = int(f"{TODAY:%Y%m%d}")
YESTERDAY = int(f"{TODAY - timedelta(days=1):%Y%m%d}")


@pytest.fixture(autouse=True)
def found_by_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes the files is a process of its own, also where the venue is in that of the tests."""
    monkeypatch.setenv("PYTHONPATH", f"{REPOSITORY / 'src'}")


async def trade(venue: Addresses, lots: int = 10, price: int = 7000) -> None:
    async with venue.wire("alice") as alice, venue.wire("bob") as bob:
        alice.send(NewOrder(Ref(alice.accepted.last_ref + 1), EUA, Side.SELL, lots, price))
        await alice.reports(1)
        bob.send(NewOrder(Ref(bob.accepted.last_ref + 1), EUA, Side.BUY, lots, price))
        await bob.reports(2)


async def operate(venue: Addresses, *commands: Any) -> None:
    async with venue.session("operator") as operator:
        for command in commands:
            await operator.call(command)


async def end_day(venue: Addresses, day: int) -> None:
    """By the operator's command line."""
    await operate(venue, SetPhase(Ref(0), EUA, Phase.CLOSED), SetPhase(Ref(0), CEA, Phase.CLOSED))
    access = venue.session("operator")._access
    await end(access, day, (), "over", dry_run=False)


async def open_again(venue: Addresses) -> None:
    await operate(venue, Resume(Ref(0), EUA), Resume(Ref(0), CEA))


async def two_days(venue: Addresses) -> None:
    """Yesterday has two trades; today one, and of yesterday's one is busted and one corrected."""
    await trade(venue)
    await trade(venue, 5, 7100)
    await end_day(venue, YESTERDAY)
    await open_again(venue)
    await operate(venue, BustTrade(Ref(0), TradeId(1), "never"), CorrectTrade(Ref(0), TradeId(2), 7000, 5))
    await trade(venue, 3, 7050)


def settling(directory: Path) -> str:
    return market.text() + f'\n[settlement]\ndirectory = "{directory}"\n'


def made_again(process: Process, journal: Path, day: int, output: Path) -> dict[str, bytes]:
    """What `carbonmatch settlement` makes of a copy of the journal, by name."""
    copy = output.with_suffix(".journal")
    shutil.copytree(journal, copy)
    subprocess.run(
        [
            *(sys.executable, "-m", "carbonmatch", "settlement", "--directory", str(copy), "--day", str(day)),
            *("--out", str(output), "--config", str(process.log.with_suffix(".toml"))),
        ],
        check=True,
        env={**os.environ, "PYTHONPATH": f"{REPOSITORY / 'src'}"},
        timeout=SECONDS_MAX,
    )
    return {file.name: file.read_bytes() for file in output.iterdir()}


async def test_two_days_by_command_are_settled_by_the_venue_itself(process: Process, tmp_path: Path) -> None:
    output = tmp_path / "settlement"
    process.text = settling(output)
    await process.start()
    await two_days(process)
    await end_day(process, TODAY_NUMBER)
    made = await process.said("settlement_made", trading_day=TODAY_NUMBER)
    assert (made["trades"], made["adjustments"], made["run"]) == (1, 2, 1)
    rows = rows_of(output / f"settlement-{YESTERDAY}-1.csv")
    assert [(row["trade_number"], row["price"]) for row in rows["TRADE"]] == [
        (f"{YESTERDAY}-CONTINUOUS-00000001", "70.00"),
        (f"{YESTERDAY}-CONTINUOUS-00000002", "71.00"),
    ]
    rows = rows_of(output / f"settlement-{TODAY_NUMBER}-1.csv")
    assert [
        (row["trade_number"], row["state"], row["amount_change_minor"]) for row in rows["ADJUSTMENT"]
    ] == [
        (f"{YESTERDAY}-CONTINUOUS-00000001", "busted", "-70000"),
        (f"{YESTERDAY}-CONTINUOUS-00000002", "corrected", "-500"),
    ]
    _, metrics = await process.get("/metrics")
    assert "carbonmatch_settlement_runs_unconfirmed 2\n" in metrics
    await process.kill()
    for day in (YESTERDAY, TODAY_NUMBER):
        again = made_again(process, process.directory, day, tmp_path / str(day))
        assert len(again) == 2
        for name, data in again.items():
            assert (output / name).read_bytes() == data


async def test_the_registry_answers_and_objects(process: Process, tmp_path: Path) -> None:
    output = tmp_path / "settlement"
    process.text = settling(output)
    await process.start()
    await trade(process)
    await end_day(process, YESTERDAY)
    made = await process.said("settlement_made")
    sent = (output / f"settlement-{YESTERDAY}-1.csv").read_bytes()
    access = process.session("operator")._access
    answer = tmp_path / "answer.json"
    about = {"trading_day": YESTERDAY, "run": 1, "file_sha256": made["sha256"]}
    number = f"{YESTERDAY}-CONTINUOUS-00000001"
    answer.write_text(json.dumps({**about, "objections": [{"trade_number": number, "reason": "frozen"}]}))
    with pytest.raises(ClientError, match="give the file that was sent"):
        await confirm(access, read_answer(answer), None, made["sha256"])
    with pytest.raises(ClientError, match="the answer is about a file"):
        await confirm(access, read_answer(answer), sent + b"x")
    await confirm(access, read_answer(answer), sent)
    async with process.session("operator") as operator:
        (run,) = await runs_of(operator)
    assert (run.outcome, run.objection_count) == (SettlementOutcome.OBJECTED, 1)
    answer.write_text(json.dumps({**about, "file_sha256": "ab" * 32}))
    with pytest.raises(ClientError, match="expected it as --file, or its SHA-256 as --digest"):
        await confirm(access, read_answer(answer), None)
    with pytest.raises(ClientError, match=f"SHA-256 {'ab' * 32}, --digest is {made['sha256']}"):
        await confirm(access, read_answer(answer), None, made["sha256"])
    answer.write_text(json.dumps(about))
    await process.kill()
    await process.start()
    access = process.session("operator")._access
    await confirm(access, read_answer(answer), None, made["sha256"])
    with pytest.raises(ClientError, match="confirmed this run before"):
        await confirm(access, read_answer(answer), sent)
    async with process.session("operator") as operator:
        assert await runs_of(operator) == []
        (run,) = await runs_of(operator, confirmed=True)
    assert run.file_digest.hex() == made["sha256"]


def children_of(process: Process) -> list[int]:
    """The processes that the venue has started."""
    tasks = Path(f"/proc/{process.pid}/task")
    numbers: list[int] = []
    for task in tasks.iterdir():
        with contextlib.suppress(OSError):
            numbers += map(int, (task / "children").read_text().split())
    return numbers


@pytest.mark.parametrize("when", ["begun", "first file"])
async def test_a_venue_that_is_killed_while_it_settles_completes_it_after_the_next_start(
    process: Process, tmp_path: Path, when: str
) -> None:
    output = tmp_path / "settlement"
    process.text = settling(output)
    await process.start()
    await two_days(process)
    await end_day(process, TODAY_NUMBER)
    name = f"settlement-{TODAY_NUMBER}-1"
    if when == "begun":
        await eventually(lambda: bool(children_of(process)) or (output / f"{name}.csv").exists())
    else:
        await eventually(lambda: (output / f"{name}.json").exists())
    children = children_of(process)
    await process.kill()
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    at_the_kill = {file.name: file.read_bytes() for file in output.glob("*.csv")} if output.exists() else {}
    expected = made_again(process, process.directory, TODAY_NUMBER, tmp_path / "expected")
    await process.start()
    await eventually(lambda: (output / f"{name}.csv").exists())
    for file, data in expected.items():
        await eventually(lambda file=file, data=data: (output / file).read_bytes() == data)  # type: ignore[misc]
    for file, data in at_the_kill.items():
        assert (output / file).read_bytes() == data
    assert await process.stop() == 0


async def test_what_keeps_a_file_from_being_made_is_told_and_tried_again(
    process: Process, tmp_path: Path
) -> None:
    output = tmp_path / "settlement"
    output.write_text("in the way")
    process.text = settling(output)
    await process.start()
    await trade(process)
    await end_day(process, YESTERDAY)
    failed = await process.said("settlement_failed")
    assert "settlement" in failed["text"]
    _, metrics = await process.get("/metrics")
    assert "carbonmatch_settlement_files_missing 1\n" in metrics
    output.unlink()
    await process.kill()
    await process.start()
    await process.said("settlement_made", trading_day=YESTERDAY)


async def test_the_command_line_ends_days_and_shows_runs(process: Process, tmp_path: Path) -> None:
    process.text = market.text()
    await process.start()
    await trade(process)
    key = tmp_path / "operator.key"
    key.write_text(market.private_key("operator").hex())
    key.chmod(0o600)
    port = process.addresses["order_entry"].rpartition(":")[2]
    as_operator = ["--port", port, "--key-id", "operator", "--key-file", str(key), "--session", "operator"]

    async def admin(*arguments: str) -> tuple[int, str]:
        ran = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "carbonmatch", "admin", *arguments, *as_operator),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": f"{REPOSITORY / 'src'}"},
        )
        said, _ = await asyncio.wait_for(ran.communicate(), SECONDS_MAX)
        assert ran.returncode is not None
        return ran.returncode, said.decode()

    status, said = await admin("end-of-day", "--day", str(YESTERDAY), "--instrument", "1")
    assert status == 1
    assert "DAY_NOT_OVER: close first, with `admin phase`: EUA: it is CONTINUOUS, expected CLOSED" in said
    await operate(process, SetPhase(Ref(0), EUA, Phase.CLOSED))
    status, said = await admin("end-of-day", "--day", str(YESTERDAY), "--instrument", "1", "--dry-run")
    assert (status, said) == (0, f"would end trading day {YESTERDAY} of EUA\n")
    assert await admin("settlement") == (0, "no trading day has ended: there are no runs\n")
    # Without names, those that are over.
    status, said = await admin("end-of-day", "--day", str(YESTERDAY))
    assert status == 0
    assert said.startswith(f"trading day {YESTERDAY} of EUA has ended at sequence ")
    assert said.endswith("\nleft CEA: it is CONTINUOUS, expected CLOSED\n")
    status, said = await admin("end-of-day", "--day", str(YESTERDAY), "--instrument", "EUA")
    assert status == 1
    assert f"DAY_ALREADY_ENDED: EUA: its day {YESTERDAY} has ended before" in said
    status, said = await admin("end-of-day", "--day", "29991231")
    assert status == 1
    assert "found trading day 29991231, expected " in said
    status, said = await admin("settlement")
    assert status == 0
    assert said.startswith(f"{YESTERDAY} run 1: 1 instruments, ended ")


# --- by the clock -------------------------------------------------------------------------------------

HOUR = 3_600
# Noon of today, so that the day of the schedule is the date.
NOON = int(datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=UTC).timestamp())


def _config(tmp_path: Path) -> Config:
    """EUA trades for an hour from noon on, and its day ends half an hour later."""
    text = scheduled(NOON, continuous=0, closed=HOUR)
    text = text.replace('calendar = "none"\n', 'calendar = "none"\nend_of_day = "13:30"\n')
    parsed = parse(text, "venue.toml")
    return structs.replace(
        parsed,
        journal=structs.replace(Journal(), directory=str(tmp_path / "journal"), segment_mib=1),
        settlement=Settlement(directory=str(tmp_path / "settlement")),
    )


def at_noon(clock: Clock, later: float) -> None:
    """The clock on the wall shows so many seconds after noon."""
    clock.advance_utc(NOON + later - clock.time_ns() / 1e9)


async def test_a_day_ends_by_the_clock_and_everybody_is_told(clock: Clock, tmp_path: Path) -> None:
    at_noon(clock, 60)
    async with running(tmp_path / "journal", _config(tmp_path)) as venue, venue.feed_wire() as feed:
        feed.send(Subscribe(Ref(1), (EUA,)))
        await trade(venue)
        await trade(venue, 5, 7100)
        at_noon(clock, 1.4 * HOUR)
        venue.sweep()
        assert venue.engine.books[EUA].day.in_progress == TODAY_NUMBER
        at_noon(clock, 1.5 * HOUR + 1)
        venue.sweep()
        assert venue.engine.books[EUA].day.ended == TODAY_NUMBER
        summaries: list[DaySummary] = []
        while not summaries:
            summaries = [message for message in await feed.frame() if isinstance(message, DaySummary)]
        (summary,) = summaries
        assert (summary.trading_day, summary.open_price_ticks, summary.close_price_ticks) == (
            TODAY_NUMBER,
            7000,
            7100,
        )
        assert (summary.volume_lots, summary.trade_count) == (15, 2)
        file = tmp_path / "settlement" / f"settlement-{TODAY_NUMBER}-1.csv"
        await eventually(file.exists)
        assert len(rows_of(file)["TRADE"]) == 2


async def test_a_day_whose_end_was_slept_over_ends_at_the_next_start(clock: Clock, tmp_path: Path) -> None:
    at_noon(clock, 60)
    config = _config(tmp_path)
    async with running(tmp_path / "journal", config) as venue:
        await trade(venue)
        left = venue.crash_copy(tmp_path / "left")
    at_noon(clock, 3 * 24 * HOUR)
    config = structs.replace(config, journal=structs.replace(config.journal, directory=str(left)))
    async with running(left, config) as venue:
        assert venue.engine.books[EUA].day.ended == TODAY_NUMBER
        assert venue.engine.instruments[EUA].phase is Phase.CLOSED
        file = tmp_path / "settlement" / f"settlement-{TODAY_NUMBER}-1.csv"
        await eventually(file.exists)
        assert len(rows_of(file)["TRADE"]) == 1

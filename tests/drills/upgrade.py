"""An upgrade and a rollback, done as docs/upgrade.md says.

    python -m tests.drills.upgrade --commit 9dc5a76 --directory /tmp/drill

The older version is the package as it was at that commit. `make test` does the same with this package under
another name, and with a newer state than it has.
"""

import argparse
import asyncio
import shutil
from pathlib import Path
from typing import Any

from msgspec import Struct

from carbonmatch.exit_codes import ExitCode
from carbonmatch.journal_tools import verify
from carbonmatch.matching.messages import NewOrder, Ref, Side, TimeInForce
from tests.drills.versions import THIS, Version, cleaned_up, of_commit
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Process

# Of Alice's orders, in Euro cents: each rests at a price of its own, and Bob takes the first.
PRICES = (7_000, 7_001, 7_002, 7_003)


class Drilled(Struct, frozen=True):
    """What the drill has seen."""

    border: int  # the last command of the older version
    last: int  # the last command of the newer one
    refused: str  # what the older version says to the newer one's journal; empty: it goes on there


async def upgrade(old: Version, new: Version, directory: Path) -> Drilled:
    """Trade with the older version, go on with the newer one, and back; raises AssertionError on any loss."""
    journal, backup = directory / "journal", directory / "backup" / "journal"
    told, border = await _trade(old.venue(journal))
    shutil.copytree(journal, backup)

    checked = new.command("journal", "check-start", str(journal))
    assert checked.returncode == 0, checked.stderr
    assert f"a start begins with the snapshot of sequence {border['sequence']}" in checked.stdout
    assert "executes 0 commands behind it" in checked.stdout
    assert f"with {len(PRICES) - 1} orders at rest" in checked.stdout

    last = await _go_on(new.venue(journal), told, border["sequence"])
    proven = verify(journal)
    assert (proven.closed, proven.last_sequence) == (True, last)
    replayed = new.command("journal", "replay", str(journal), "--from-snapshot", str(border["sequence"]))
    assert replayed.returncode == 0, replayed.stderr

    refused = ""
    if old.state_version == new.state_version:
        await _roll_back(old.venue(journal), told, last)
    else:
        refused = await _refused(old, journal)
        await _roll_back(old.venue(backup), told, border["sequence"])
    return Drilled(border["sequence"], last, refused)


async def _trade(venue: Process) -> tuple[list[Any], dict[str, Any]]:
    """Alice's reports, and what the venue says as it stops."""
    await venue.start()
    async with venue.wire("alice") as alice, venue.wire("bob") as bob:
        for ref, price_ticks in enumerate(PRICES, 1):
            alice.send(NewOrder(Ref(ref), EUA, Side.SELL, 10, price_ticks, time_in_force=TimeInForce.GTC))
        told = await alice.reports(len(PRICES))
        bob.send(NewOrder(Ref(1), EUA, Side.BUY, 10, PRICES[0]))
        await bob.reports(2)
        told += await alice.reports(1)
    assert await venue.stop() == ExitCode.DONE
    (stopped,) = venue.events("stopped")
    return told, stopped


async def _go_on(venue: Process, told: list[Any], border: int) -> int:
    """Start behind the border, where everything is as it was; the last command of all."""
    await venue.start()
    (recovered,) = venue.events("recovered")
    assert (recovered["snapshot_sequence"], recovered["commands"]) == (border, 0)
    async with venue.wire("alice", next_seq=1) as alice, venue.wire("bob") as bob:
        # From the journal of the older version, word for word.
        assert await alice.reports(len(told)) == told
        assert (alice.accepted.last_ref, bob.accepted.last_ref) == (len(PRICES), 1)
        bob.send(NewOrder(Ref(2), EUA, Side.BUY, 20, PRICES[-1]))
        assert [report.price_ticks for report in (await bob.reports(3))[1:]] == list(PRICES[1:3])
        await alice.reports(2)
    assert await venue.stop() == ExitCode.DONE
    return int(venue.events("stopped")[0]["sequence"])


async def _refused(old: Version, journal: Path) -> str:
    """What an older version says to the newer one's journal, which it leaves as it is."""
    before = _bytes_in(journal)
    status, words = await old.venue(journal).refused()
    assert status == ExitCode.JOURNAL_REFUSED, words
    assert _bytes_in(journal) == before
    return words


async def _roll_back(venue: Process, told: list[Any], sequence: int) -> None:
    """The older version, behind the last command of the newer one, or behind its own last one on a copy."""
    await venue.start()
    (recovered,) = venue.events("recovered")
    assert (recovered["snapshot_sequence"], recovered["commands"]) == (sequence, 0)
    async with venue.wire("alice", next_seq=1) as alice:
        assert (await alice.frame())[0] == told[0]
        assert alice.accepted.last_ref == len(PRICES)
    assert await venue.stop() == ExitCode.DONE


def _bytes_in(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


async def upgrade_without_a_clean_stop(old: Version, new: Version, directory: Path) -> str:
    """Kill the older version; what the newer one says, until the older one has stopped in order."""
    journal = directory / "journal"
    venue = old.venue(journal)
    await venue.start()
    async with venue.wire("alice") as alice:
        alice.send(NewOrder(Ref(1), EUA, Side.SELL, 10, PRICES[0], time_in_force=TimeInForce.GTC))
        await alice.reports(1)
    await venue.kill()
    checked = new.command("journal", "check-start", str(journal))
    status, words = await new.venue(journal).refused()
    assert (checked.returncode, status) == (ExitCode.JOURNAL_REFUSED, ExitCode.JOURNAL_REFUSED)
    assert checked.stderr.splitlines()[-1] == words, "what is said beforehand is what a start says"
    await venue.start()
    assert await venue.stop() == ExitCode.DONE
    newer = new.venue(journal)
    await newer.start()
    assert newer.events("recovered")[0]["commands"] == 0
    assert await newer.stop() == ExitCode.DONE
    return words


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commit", required=True)
    parser.add_argument("--directory", type=Path, required=True)
    options = parser.parse_args()
    with cleaned_up():
        _drill(options.commit, options.directory)


def _drill(commit: str, directory: Path) -> None:
    old = of_commit(commit, directory / "old")
    (directory / "upgrade").mkdir()
    drilled = asyncio.run(upgrade(old, THIS, directory / "upgrade"))
    print(f"{commit} up to sequence {drilled.border}, this version up to {drilled.last}: nothing lost")
    if drilled.refused:
        print(f"{commit} refuses the newer journal: {drilled.refused}")
        print(f"{commit} goes on from the copy at sequence {drilled.border}")
    else:
        print(f"{commit} has the same state, and goes on at sequence {drilled.last}")
    (directory / "killed").mkdir()
    words = asyncio.run(upgrade_without_a_clean_stop(old, THIS, directory / "killed"))
    print(f"without a clean stop this version says: {words}")


if __name__ == "__main__":
    main()

"""`carbonmatch journal`: what of a journal can be proven and read, said in words.

The work is `journal_tools`'; a command imports it when it is called.
"""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

main = App(name="journal", help="Prove and read a journal.", help_format="plaintext")


@main.command
def verify(directory: Path, *, archive: Path | None = None, running: bool = False) -> None:
    """Check every byte of a journal, and of its snapshots.

    Parameters
    ----------
    archive
        Where its older segments are: both are proven as one journal.
    running
        A process is writing this journal: leave out the segment that is being written.
    """
    from carbonmatch.journal_tools import verify as verify_journal

    found = verify_journal(directory, archive=archive, running=running)
    print(
        f"{directory}: good; {found.segments} segments, {found.records} batches, {found.commands} commands, "
        f"{found.reports} reports, last sequence {found.last_sequence}, {found.snapshots} snapshots"
    )
    if running:
        print("the segment that is being written is left out")
    if found.first_segment > 1:
        print(
            f"begins with segment {found.first_segment}, sequence {found.first_sequence}: what came before "
            "is proven together with the archive"
        )
    if found.trades_proven:
        print(f"{found.trades_proven} commands on trades carry the trades as they were made")
    if found.trades_unproven:
        print(f"{found.trades_unproven} commands on trades of archived segments: proven with --archive")
    if found.torn_bytes:
        print(f"a write of {found.torn_bytes} bytes was cut short at the end; the next start drops it")
    elif not running and not found.closed:
        print("the last stop was not a clean one, or the venue is running")


@main.command
def replay(
    directory: Path, *, archive: Path | None = None, running: bool = False, from_snapshot: int = 0
) -> None:
    """Execute every command of a journal again, and compare what comes out, byte for byte.

    Parameters
    ----------
    archive
        Where its older segments are.
    running
        A process is writing this journal: leave out the segment that is being written.
    from_snapshot
        Begin behind the snapshot of this sequence, and not with the first command.
    """
    from carbonmatch.journal_tools import replay as replay_journal

    found = replay_journal(directory, archive=archive, running=running, from_snapshot=from_snapshot)
    print(
        f"{directory}: {found.commands} commands in {found.records} batches gave the same events again; "
        f"state {found.state_digest.hex()}"
    )


@main.command(name="check-start")
def check_start(directory: Path) -> None:
    """Say what a start of this version would begin with, or why it would be refused; change nothing.

    For an upgrade, a rollback or a restored copy, before anything is started. The venue must not run.
    """
    from carbonmatch.journal_tools import check_start as check

    found = check(directory, print)
    begins = (
        f"begins with the snapshot of sequence {found.snapshot_sequence}, made by {found.snapshot_version}"
        if found.snapshot_sequence
        else "begins with the first command, without a snapshot"
    )
    print(f"{directory}: a start {begins}, and executes {found.commands} commands behind it")
    print(f"it goes on after sequence {found.sequence} with {found.open_orders} orders at rest")
    print(f"state {found.state_digest.hex()}")
    if not found.closed:
        print("the last stop was not a clean one: another version may not be able to start from here")


@main.command
def dump(
    directory: Path, *, archive: Path | None = None, from_sequence: int = 1, running: bool = False
) -> None:
    """Write every batch as a line of JSON: what came in, and what it caused.

    Parameters
    ----------
    archive
        Where its older segments are.
    from_sequence
        Leave out batches that end before this one.
    running
        A process is writing this journal: leave out the segment that is being written.
    """
    from carbonmatch.journal_tools import dump as dump_journal

    dump_journal(directory, archive=archive, from_sequence=from_sequence, running=running)


@main.command
def export(
    directory: Path,
    *,
    archive: Path | None = None,
    form: Annotated[Literal["csv", "jsonl"], Parameter(name="--format")] = "csv",
    running: bool = False,
) -> None:
    """Write every fill, two for each trade, as CSV or JSON lines: as it stands after busts and corrections.

    Parameters
    ----------
    archive
        Where its older segments are.
    running
        A process is writing this journal: leave out the segment that is being written.
    """
    from carbonmatch.journal_tools import export as export_fills

    export_fills(directory, archive=archive, form=form, running=running)


@main.command
def backup(directory: Path, *, to: Path) -> None:
    """Copy a journal, also one that a venue is writing, so that a venue can start from the copy; prove it.

    Parameters
    ----------
    to
        The copy's directory, which must be empty; made if it is not there.
    """
    from carbonmatch.journal_tools import back_up

    found = back_up(directory, to)
    print(
        f"{to}: good; {found.segments} segments, {found.snapshots} snapshots, "
        f"last sequence {found.last_sequence}"
    )
    if found.first_segment > 1:
        print(f"begins with segment {found.first_segment}: older ones are in the archive, to be kept as well")


@main.command
def archive(directory: Path, *, to: Path) -> None:
    """Move segments that no start needs any more into an archive: copied, proven, then removed.

    Only those behind the two newest snapshots, after these were loaded and found to be right. May run
    beside the venue.

    Parameters
    ----------
    to
        The archive's directory; made if it is not there.
    """
    from carbonmatch.journal_tools import archive_segments

    moved = archive_segments(directory, to)
    print(f"{directory}: moved {len(moved.segments)} segments to {to}")
    if moved.held_back_at is not None:
        print(
            f"left what lies behind two snapshots from segment {moved.held_back_at} on: the follower of this "
            "journal still has to read it"
        )


@main.command
def audit(
    directory: Path,
    *,
    since: Annotated[str, Parameter(name="--from")] = "",
    until: str = "",
    by: int = 0,
    kind: str = "",
    archive: Path | None = None,
    running: bool = False,
) -> None:
    """Show what operators did, oldest first: when, in which place of the journal, who, what, and why.

    Parameters
    ----------
    since
        From when on, with its offset from UTC: 2026-03-02T15:30+08:00.
    until
        Until when, likewise.
    by
        Only what the session of this number did.
    kind
        Only commands of this kind, like kill or set-phase.
    archive
        Where its older segments are.
    running
        A process is writing this journal: leave out the segment that is being written.
    """
    from carbonmatch.journal_tools import audit as audit_journal

    for line in audit_journal(directory, since, until, by, kind, archive=archive, running=running):
        print(line)

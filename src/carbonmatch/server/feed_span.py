"""Which part of a journal's feed is wanted, as it is said on the command line."""

import errno
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec import Struct

from carbonmatch.config import host_and_port
from carbonmatch.exit_codes import ExitCode
from carbonmatch.journal.archive import WithArchive
from carbonmatch.journal.segments import SUFFIX
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.limits import TIME_NS_MAX

_NS_PER_MICROSECOND = 1_000
_DAY_NS = 86_400 * 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class NothingToReplay(Exception):
    """What is wanted cannot be had, and why."""

    exit_code = ExitCode.REFUSED


class Span(Struct, frozen=True):
    """Batches from a time on, or those after one that a reader has; up to a time."""

    from_ns: int = 0
    until_ns: int = TIME_NS_MAX
    after_feed_sequence: int = 0


def span(day: str | None, begin: str | None, until: str | None, after_batch: int) -> Span:
    """NothingToReplay where it cannot be understood, or is empty."""
    if day is not None and (begin is not None or until is not None):
        raise NothingToReplay("--day says from when and until when: leave out --from and --until")
    if after_batch and (day is not None or begin is not None):
        raise NothingToReplay("--after-batch says where to begin: leave out --day and --from")
    if day is not None:
        midnight_ns = _ns(_moment("--day", day))
        return Span(midnight_ns, midnight_ns + _DAY_NS - 1)
    wanted = Span(
        0 if begin is None else _ns(_moment("--from", begin)),
        TIME_NS_MAX if until is None else _ns(_moment("--until", until)),
        after_batch,
    )
    if wanted.until_ns < wanted.from_ns:
        raise NothingToReplay(f"--until {until} is before --from {begin}")
    return wanted


def listening_address(market_data: str) -> tuple[str, int]:
    """Where readers connect; NothingToReplay where it is no address."""
    try:
        return host_and_port(market_data)
    except ValueError as error:
        raise NothingToReplay(f"--market-data: {error}") from None


def opened_journal(directory: Path, archive: Path | None) -> DiskStorage:
    """For reading; a wrong path is no empty journal."""
    for path in (directory, archive):
        if path is not None and not path.is_dir():
            raise FileNotFoundError(errno.ENOENT, "No such directory", str(path))
    if not any(directory.glob(f"*{SUFFIX}")):
        raise FileNotFoundError(errno.ENOENT, "No journal in this directory", str(directory))
    return DiskStorage(directory) if archive is None else WithArchive(directory, archive)


def _moment(option: str, text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise NothingToReplay(
            f"{option} {text!r} is no time, expected one as 2021-07-16 or 2021-07-16T09:30"
        ) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _ns(moment: datetime) -> int:
    """Nanoseconds since 1970; before that, 0."""
    return max((moment - _EPOCH) // timedelta(microseconds=1) * _NS_PER_MICROSECOND, 0)

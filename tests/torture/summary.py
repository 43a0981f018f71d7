"""What tortures have come to: counted, added up, told, kept."""

from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct


class Summary(Struct):
    """What tortures have done to the engine, and what it has answered; one that lost anything has none."""

    kills: int = 0
    kills_under_load: int = 0
    kills_while_recovering: int = 0
    kills_while_stopping: int = 0
    kills_while_writing_a_snapshot: int = 0
    kills_during_logon: int = 0
    kills_by_itself: int = 0
    lives_anew: int = 0
    clean_stops: int = 0
    client_crashes: int = 0
    commands: int = 0
    reports: int = 0
    copies: int = 0
    trades: int = 0
    orders: int = 0
    long_orders: int = 0
    mass_cancels: int = 0
    reconnects: int = 0
    records: int = 0
    segments: int = 0
    torn: int = 0
    follower_kills: int = 0
    followed_states: int = 0
    accounts_checks: int = 0
    seconds: float = 0.0
    lost: int = 0
    duplicate: int = 0
    gap: int = 0

    def add(self, other: "Summary") -> None:
        """Count in what another torture has done."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def __str__(self) -> str:
        return (
            f"{self.kills:,} kills ({self.kills_under_load:,} under load, "
            f"{self.kills_during_logon:,} during logon, {self.kills_while_recovering:,} while recovering, "
            f"{self.kills_while_stopping:,} while stopping, of which "
            f"{self.kills_while_writing_a_snapshot:,} in the middle of a snapshot, "
            f"{self.kills_by_itself:,} at changes of the directory; "
            f"{self.lives_anew:,} lives in a new interpreter), "
            f"{self.clean_stops:,} clean stops, {self.reconnects:,} reconnects, "
            f"{self.client_crashes:,} clients that started anew; "
            f"{self.commands:,} commands answered by {self.reports:,} reports and {self.copies:,} copies, "
            f"{self.orders:,} orders ({self.long_orders:,} in the long layout), "
            f"{self.mass_cancels:,} mass cancels, {self.trades:,} trades; "
            f"{self.records:,} records in {self.segments:,} segments, {self.torn} torn; "
            f"{self.follower_kills} kills of the follower, {self.followed_states} states compared; "
            f"{self.accounts_checks:,} times accounts had what was deposited; "
            f"lost {self.lost}, duplicate {self.duplicate}, gap {self.gap}; {self.seconds:,.0f} s"
        )


class Progress(Struct):
    """The tortures that have been proven, by seed: a run that was interrupted goes on with the others."""

    kills: int  # asked for, in all
    options: str
    tortures: dict[int, Summary] = {}

    def total(self) -> Summary:
        total = Summary()
        for summary in self.tortures.values():
            total.add(summary)
        return total


_encoder: Final = msgspec.json.Encoder()


def load_progress(file: Path | None, kills: int, options: str) -> Progress:
    """What an earlier run with the same options has left in `file`; ValueError where they were others."""
    if file is None or not file.exists():
        return Progress(kills, options)
    found = msgspec.json.decode(file.read_bytes(), type=Progress)
    if (found.kills, found.options) != (kills, options):
        raise ValueError(
            f"{file}: of {found.kills} kills with {found.options}, expected {kills} with {options}"
        )
    return found


def keep_progress(file: Path, progress: Progress) -> None:
    """Replace `file` as a whole, with the total for whoever reads it."""
    document = {**msgspec.to_builtins(progress), "total": msgspec.to_builtins(progress.total())}
    beside = file.with_suffix(".new")
    beside.write_bytes(msgspec.json.format(_encoder.encode(document), indent=1) + b"\n")
    beside.replace(file)

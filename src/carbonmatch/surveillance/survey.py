"""Reads a journal once and holds every fact against every pattern: what comes out is a report's content."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from carbonmatch.exit_codes import ExitCode
from carbonmatch.journal_tools import Batch, batches
from carbonmatch.matching.messages import TradeId
from carbonmatch.surveillance.block_then_screen import BlockThenScreen
from carbonmatch.surveillance.closing_marks import ClosingMarks
from carbonmatch.surveillance.deadline import Deadline
from carbonmatch.surveillance.facts import Amended, Fact
from carbonmatch.surveillance.findings import DAY_NS, Finding, Kept
from carbonmatch.surveillance.ratio import Activity, Ratios
from carbonmatch.surveillance.reader import Reader
from carbonmatch.surveillance.self_dealing import SelfDealing
from carbonmatch.surveillance.thresholds import Thresholds
from carbonmatch.words import utc_text

NOTE = (
    "These are patterns to look at. None of them says that anybody has done wrong. The thresholds are this "
    "program's defaults or were given to it; they are no rule of a market. Sequences are those that "
    "`carbonmatch journal dump --from-sequence` takes: the batch begins there."
)


class SurveillanceError(Exception):
    """What keeps a report from being made, in words."""

    exit_code = ExitCode.REFUSED


class Period(Struct, frozen=True):
    """Days, both inclusive, or empty for no bound; what lies outside is read and not counted."""

    first: str = ""
    last: str = ""
    utc_offset_hours: int = 0  # of the days

    def start_ns(self) -> int:
        return self.day_ns(self.first) if self.first else 0

    def end_ns(self) -> int:
        """The first nanosecond after it."""
        return self.day_ns(self.last) + DAY_NS if self.last else 2**63

    def day_ns(self, day: str) -> int:
        """When a day begins. Raises SurveillanceError."""
        try:
            begins = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)
        except ValueError:
            raise SurveillanceError(f"expected a day like 20210716, found {day!r}") from None
        begins -= timedelta(hours=self.utc_offset_hours)
        return int(begins.timestamp()) * 10**9


def survey(
    directory: Path,
    period: Period,
    thresholds: Thresholds,
    deadline: str = "",
    *,
    archive: Path | None = None,
    running: bool = False,
) -> dict[str, Any]:
    """What the report says, as JSON has it. Raises JournalDamaged, and SurveillanceError for a wrong day."""
    return surveyed(batches(directory, archive=archive, running=running), period, thresholds, deadline)


def surveyed(
    read: Iterable[Batch], period: Period, thresholds: Thresholds, deadline: str = ""
) -> dict[str, Any]:
    start_ns, end_ns = period.start_ns(), period.end_ns()
    if end_ns <= start_ns:
        raise SurveillanceError(f"the period ends ({period.last}) before it begins ({period.first})")
    reader = Reader()
    ratios, dealing = Ratios(thresholds), SelfDealing(reader.accounts)
    marks, blocks = ClosingMarks(thresholds), BlockThenScreen(thresholds)
    takers: list[Callable[[Fact], None]] = [ratios.take, dealing.take, marks.take, blocks.take]
    late = Deadline(thresholds, period.day_ns(deadline) + DAY_NS) if deadline else None
    if late is not None:
        takers.append(late.take)
    amended: dict[TradeId, str] = {}
    for batch in read:
        for fact in reader.facts(batch):
            if type(fact) is Amended:
                amended[fact.trade_id] = "busted" if fact.is_bust else "corrected"
            if start_ns <= fact.time_ns < end_ns:
                for take in takers:
                    take(fact)
    found = {
        "order_to_trade": ratios.findings(reader.accounts),
        "self_dealing": dealing.findings(),
        "closing_mark": marks.findings(),
        "block_then_screen": blocks.findings(),
        "deadline": Kept() if late is None else late.findings(),
    }
    return {
        "format": 1,
        "note": NOTE,
        "period": structs.asdict(period),
        "deadline": deadline,
        "thresholds": structs.asdict(thresholds),
        "findings": {name: _rows(kept, reader, amended) for name, kept in found.items()},
        "left_out": {name: kept.left_out for name, kept in found.items()},
        "ratios": {
            whose: [_ratio(number, one) for number, one in sorted(rows.items())]
            for whose, rows in ratios.by(reader.accounts).items()
        },
    }


def _ratio(number: int, one: Activity) -> dict[str, int]:
    return {"id": number, "messages": one.messages, "fills": one.fills, "ratio": one.ratio}


def _rows(kept: Kept, reader: Reader, amended: dict[TradeId, str]) -> list[dict[str, Any]]:
    return [_row(finding, reader, amended) for finding in kept.worst_first()]


def _row(finding: Finding, reader: Reader, amended: dict[TradeId, str]) -> dict[str, Any]:
    seen = finding.evidence
    definition = reader.instruments.get(finding.instrument_id)
    return {
        "words": finding.words,
        "instrument": definition.symbol if definition else "",
        "instrument_id": finding.instrument_id,
        "accounts": [
            {
                "account_id": one,
                "account": reader.accounts[one].name,
                "participant_id": reader.accounts[one].participant_id,
                "group_id": reader.accounts[one].group_id,
            }
            for one in seen.accounts
        ],
        "orders": list(seen.orders),
        "trades": [{"trade_id": one, "state": amended.get(one, "")} for one in seen.trades],
        "trade_count": seen.trade_count,
        "first": utc_text(seen.first_ns),
        "last": utc_text(seen.last_ns),
        "sequences": list(seen.sequences),
    }

"""The runs of settlement: which there were, and what the registry has answered to each."""

from collections.abc import Iterator

from msgspec import Struct

from carbonmatch.limits import SETTLEMENT_RUNS_MAX
from carbonmatch.matching.messages import ConfirmSettlement, SettlementOutcome


class SettlementRun(Struct, gc=False, array_like=True, forbid_unknown_fields=True):
    """What ended by one command, and is settled by one file."""

    trading_day: int
    run: int
    sequence: int
    ended_ns: int
    instrument_count: int
    outcome: SettlementOutcome = SettlementOutcome.UNANSWERED
    file_digest: bytes = b""
    objection_count: int = 0

    @property
    def is_confirmed(self) -> bool:
        return self.outcome is SettlementOutcome.CONFIRMED


class Settlements:
    """Invariant: runs are kept in the order of their sequences, at most SETTLEMENT_RUNS_MAX of them."""

    __slots__ = ("_runs", "unconfirmed_count")

    def __init__(self) -> None:
        self._runs: dict[tuple[int, int], SettlementRun] = {}
        self.unconfirmed_count = 0

    def __iter__(self) -> Iterator[SettlementRun]:
        return iter(self._runs.values())

    def find(self, trading_day: int, run: int) -> SettlementRun | None:
        return self._runs.get((trading_day, run))

    @property
    def last(self) -> SettlementRun | None:
        """The run that was begun last."""
        return next(reversed(self._runs.values()), None)

    def begin(self, trading_day: int, sequence: int, time_ns: int, instrument_count: int) -> int:
        """Note a run, and return its number of the day."""
        run = 1 + max((one.run for one in self if one.trading_day == trading_day), default=0)
        if len(self._runs) >= SETTLEMENT_RUNS_MAX:
            self._forget_one()
        self.restore(SettlementRun(trading_day, run, sequence, time_ns, instrument_count))
        return run

    def restore(self, run: SettlementRun) -> None:
        """Take in a run as it was, behind those that are there."""
        self._runs[run.trading_day, run.run] = run
        self.unconfirmed_count += not run.is_confirmed

    def answer(self, run: SettlementRun, command: ConfirmSettlement) -> None:
        """The registry has said something of a run that is not confirmed."""
        assert not run.is_confirmed
        run.outcome = command.outcome
        run.file_digest = command.file_digest
        run.objection_count = command.objection_count
        self.unconfirmed_count -= run.is_confirmed

    def check(self) -> None:
        sequences = [run.sequence for run in self]
        assert sequences == sorted(set(sequences))
        assert len(sequences) <= SETTLEMENT_RUNS_MAX
        assert self.unconfirmed_count == sum(not run.is_confirmed for run in self)
        assert all(key == (run.trading_day, run.run) for key, run in self._runs.items())

    def _forget_one(self) -> None:
        oldest = next((run for run in self if run.is_confirmed), next(iter(self)))
        del self._runs[oldest.trading_day, oldest.run]
        self.unconfirmed_count -= not oldest.is_confirmed

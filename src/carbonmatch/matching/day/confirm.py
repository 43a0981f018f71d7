"""The registry's answers to settlement files, and which runs still wait for one."""

from itertools import islice

from carbonmatch.limits import SETTLEMENT_STATUS_MAX
from carbonmatch.matching.accounts import SessionState
from carbonmatch.matching.control import report_done
from carbonmatch.matching.day.settlements import SettlementRun
from carbonmatch.matching.messages import (
    ConfirmSettlement,
    Ref,
    RejectReason,
    SettlementOutcome,
    SettlementStatus,
    SettlementStatusRequest,
    StatusEnd,
)
from carbonmatch.matching.venue import Venue


def confirm_settlement(venue: Venue, session: SessionState, command: ConfirmSettlement, ref: Ref) -> None:
    """Note what the registry has said of a run. What it has confirmed stays confirmed."""
    run = venue.settlements.find(command.trading_day, command.run)
    if not session.operator:
        venue.reject(session, ref, RejectReason.NOT_ENTITLED)
    elif run is None:
        venue.reject(session, ref, RejectReason.UNKNOWN_TRADING_DAY)
    elif run.is_confirmed:
        venue.reject(session, ref, RejectReason.SETTLEMENT_ALREADY_CONFIRMED)
    elif not _is_consistent(command):
        venue.reject(session, ref, RejectReason.INCOMPATIBLE_INSTRUCTIONS)
    else:
        venue.settlements.answer(run, command)
        report_done(venue, session, ref)


def _is_consistent(command: ConfirmSettlement) -> bool:
    """Who confirms objects to nothing; who objects says to how many trades, and names none of them twice."""
    if command.outcome is SettlementOutcome.CONFIRMED:
        return not command.objection_count and not command.objections
    named = len(command.objections)
    return (
        command.outcome is SettlementOutcome.OBJECTED
        and command.objection_count >= max(1, named)
        and len(set(command.objections)) == named
    )


def settlement_status(
    venue: Venue, session: SessionState, command: SettlementStatusRequest, ref: Ref
) -> None:
    """Report the runs behind a sequence, as many as one answer has, and the end."""
    if not session.operator:
        venue.reject(session, ref, RejectReason.NOT_ENTITLED)
        return
    wanted = (
        run
        for run in venue.settlements
        if run.sequence > command.after_sequence and (command.confirmed or not run.is_confirmed)
    )
    runs = list(islice(wanted, SETTLEMENT_STATUS_MAX))
    more = next(wanted, None) is not None
    for run in runs:
        _report(venue, session, run, ref)
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    reports.append(StatusEnd(seq, ref, venue.time_ns, venue.report_flags, len(runs), more))


def _report(venue: Venue, session: SessionState, run: SettlementRun, ref: Ref) -> None:
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    reports.append(
        SettlementStatus(
            seq,
            ref,
            venue.time_ns,
            venue.report_flags,
            run.trading_day,
            run.run,
            run.sequence,
            run.ended_ns,
            run.instrument_count,
            run.outcome,
            run.file_digest,
            run.objection_count,
        )
    )

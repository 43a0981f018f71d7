"""What came of commands that the process carries out: told to whom it asked, in its stream."""

from carbonmatch.matching.accounts import SessionState
from carbonmatch.matching.messages import OnOutcome, Outcome, Ref, RejectReason
from carbonmatch.matching.venue import Venue


def on_outcome(venue: Venue, session: SessionState, command: OnOutcome, ref: Ref) -> None:
    """Nothing of it changes the market: what a new configuration changes has entries of its own."""
    if not session.operator:
        venue.reject(session, ref, RejectReason.NOT_ENTITLED)
        return
    reports = venue.stream(session)
    seq = session.next_seq
    session.next_seq = seq + 1
    reports.append(
        Outcome(
            seq,
            ref,
            venue.time_ns,
            venue.report_flags,
            command.applied,
            command.at_sequence or venue.sequence,
            command.lines,
        )
    )

"""What can go wrong for a client, one exception for each thing a caller may want to treat differently."""

from carbonmatch.matching.messages import AnyReport, Proposed, Rejected, RejectReason
from carbonmatch.protocol.messages import (
    AuditEnd,
    LogonRejected,
    LogoutReason,
    SessionRejected,
    SubscribeRejected,
)


class ClientError(Exception):
    """Everything that this library raises on its own account."""


class Disconnected(ClientError):
    """The connection is gone. `reason` is the engine's, or None where it left without a word.

    What was sent and not answered may or may not have been executed: a `Session` finds out by itself
    when it reconnects; once it has given up, `last_ref` of the next logon tells.
    """

    def __init__(self, text: str, reason: LogoutReason | None = None) -> None:
        super().__init__(text)
        self.reason = reason


class LogonRefused(ClientError):
    """The engine does not want this logon. `first_available` is set where history was the reason."""

    def __init__(self, reason: RejectReason, text: str = "", first_available: int = 0) -> None:
        if reason is RejectReason.LOGON_REFUSED:
            said = "the engine does not say whether key, session, role or address was wrong"
        else:
            said = reason.name + (f", {text}" if text else "")
        super().__init__(f"logon refused: {said}")
        self.reason = reason
        self.first_available = first_available

    @classmethod
    def of(cls, message: LogonRejected) -> "LogonRefused":
        return cls(message.reason, message.text, message.first_available)


class InvalidCommand(ClientError):
    """A value that the wire does not take; nothing was sent. It would have cost the connection."""


class OrderRejected(ClientError):
    """The market refused the command: it changed nothing. `reports` is the whole answer."""

    def __init__(self, rejected: Rejected, reports: list[AnyReport]) -> None:
        super().__init__(f"command {rejected.ref} rejected: {rejected.reason.name}")
        self.reason = rejected.reason
        self.reports = reports


class SessionRejectedError(ClientError):
    """The command did not reach the market; its ref is burnt. Send it anew after `retry_after` seconds.

    `RejectReason.REF_NOT_APPLIED` also stands for a command whose refusal was lost with a connection:
    the stream has passed its ref without answering it, so it was never applied.
    """

    def __init__(self, message: SessionRejected) -> None:
        super().__init__(
            f"command {message.ref} refused by the session: {message.reason.name}"
            + (f", {message.text}" if message.text else "")
        )
        self.reason = message.reason
        self.text = message.text
        self.retry_after = message.retry_after_us / 1_000_000


class AuditRefused(ClientError):
    """The engine tells nothing of what operators did: `reason` says why."""

    def __init__(self, end: AuditEnd) -> None:
        reason = RejectReason(end.reason)
        super().__init__(f"audit refused: {reason.name}")
        self.reason = reason


class AwaitsConfirmation(ClientError):
    """The command is not done: it waits until another operator confirms it, under its `number`."""

    def __init__(self, proposed: Proposed) -> None:
        super().__init__(
            f"not done: another operator has to confirm command {proposed.number}: "
            f"carbonmatch admin confirm {proposed.number}"
        )
        self.number = proposed.number
        self.expires_ns = proposed.expires_ns


class StreamGap(ClientError):
    """The stream of reports does not continue where it ended: nothing after it can be trusted."""

    def __init__(self, expected_seq: int, found_seq: int) -> None:
        super().__init__(f"report {found_seq} in the stream, expected {expected_seq}")
        self.expected_seq = expected_seq
        self.found_seq = found_seq


class EventsLost(ClientError):
    """The reader fell too far behind: `count` items were dropped. Reading again goes on after them."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} events were not read in time and are lost to this reader")
        self.count = count


class SubscriptionRefused(ClientError):
    """The engine does not give what was subscribed to."""

    def __init__(self, message: SubscribeRejected) -> None:
        super().__init__(f"subscription refused: {message.reason.name}, {message.text}")
        self.reason = message.reason


class SendBufferFull(ClientError):
    """The engine is not taking what was sent before, and this was not sent: `await ready()` first."""

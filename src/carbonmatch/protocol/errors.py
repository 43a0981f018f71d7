"""What is raised where the other side breaks the protocol."""

from carbonmatch.matching.messages import RejectReason


class ProtocolError(Exception):
    """The peer broke the protocol: nothing of the frame counts, and its connection ends.

    The text says what was found and what was expected, holds no string of the peer's, and may be
    sent back to it. A command that the market refuses is never this: it is a `Rejected` report.
    """

    def __init__(self, reason: RejectReason, text: str) -> None:
        super().__init__(text)
        self.reason = reason

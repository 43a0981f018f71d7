"""What a client knows of its stream of reports: which seq comes next, which commands were answered.

Pure: frames of messages in, facts out. Never a socket, a future or a clock.
"""

from typing import Any, Final, NamedTuple, get_args

from carbonmatch.client.errors import StreamGap
from carbonmatch.matching.messages import AnyReport, Ref, ReportFlag
from carbonmatch.protocol.codec import UnknownMessage
from carbonmatch.protocol.messages import OperatorAnswer, SessionRejected

_BESIDE: Final = frozenset(get_args(OperatorAnswer))


class Taken(NamedTuple):
    """What one frame held. `answers` has the whole answer to each ref: a batch is one frame."""

    fresh: list[AnyReport]
    answers: dict[Ref, list[AnyReport]]
    refusals: list[SessionRejected]
    # Answers outside of the stream: see `Session.ask`.
    beside: list[OperatorAnswer]


class StreamReader:
    """Checks that the stream is dense, and tells new reports from repeated ones.

    `next_seq` is 0 until the first logon has said where the stream goes on.
    """

    def __init__(self, next_seq: int = 0) -> None:
        self.next_seq = next_seq
        # Commands are applied in the order of their refs, so refs below this one are answered, or
        # were refused by the session and never reached the market.
        self.answered_ref = Ref(0)

    def continue_at(self, next_seq: int) -> None:
        """Take the engine's word at logon for where the stream goes on; raise StreamGap if it may not."""
        if self.next_seq and next_seq != self.next_seq:
            raise StreamGap(self.next_seq, next_seq)
        self.next_seq = next_seq

    def take(self, messages: list[Any]) -> Taken:
        """Raise StreamGap where a report is missing or comes again without being flagged as a repeat."""
        taken = Taken([], {}, [], [])
        for message in messages:
            kind = type(message)
            if kind is SessionRejected:
                taken.refusals.append(message)
            elif kind in _BESIDE:
                taken.beside.append(message)
            elif kind is UnknownMessage:
                # A report of a later version: its number counts, its meaning is not ours to guess.
                if message.seq:
                    self._advance(message.seq)
            else:
                ref = message.ref
                if not message.flags & ReportFlag.POSSIBLE_DUPLICATE:
                    self._advance(message.seq)
                    taken.fresh.append(message)
                    if ref > self.answered_ref:
                        self.answered_ref = ref
                if ref:
                    taken.answers.setdefault(ref, []).append(message)
        return taken

    def _advance(self, seq: int) -> None:
        if seq != self.next_seq:
            raise StreamGap(self.next_seq, seq)
        self.next_seq = seq + 1

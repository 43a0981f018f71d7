"""What counts of a table of the configuration in place of the file's, and who has said so."""

from typing import NamedTuple

from carbonmatch.matching.messages import SessionId, TableKind

AmendedKey = tuple[TableKind, str]


class Amended(NamedTuple):
    """`of_file` is a digest of what the file said at the time: as long as it says that, this counts."""

    table: str  # JSON; empty: there is none
    of_file: bytes  # empty: the file had none
    sequence: int
    time_ns: int
    session_id: SessionId
    text: str

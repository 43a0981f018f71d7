"""Makes the settlement files that are missing, for a venue that runs: `server.settlement_files` starts it.

Takes one argument, a Task as JSON. Tells each file that it has made in a line of JSON; what goes wrong in the
last line on stderr.
"""

import contextlib
import os
import sys
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from carbonmatch.exit_codes import ExitCode
from carbonmatch.journal.errors import JournalDamaged, JournalRefused
from carbonmatch.settlement.make import SettlementError, opened_journal, settle_what_is_missing
from carbonmatch.settlement.text import Naming

# Lower than the venue's, so that matching goes first.
_NICE: Final = 10


class Task(Struct, frozen=True, forbid_unknown_fields=True):
    """What to make files of, and where."""

    journal: str
    archive: str  # empty: there is none
    output: str
    venue: str
    trade_number: str
    until: int  # the position up to which the journal is durable


def main() -> int:
    _give_way()
    task = msgspec.json.decode(sys.argv[1], type=Task)
    # A venue may name an archive that does not exist before the first segment goes there.
    archive = Path(task.archive) if task.archive and Path(task.archive).is_dir() else None
    naming = Naming(task.venue, task.trade_number)
    try:
        journal = opened_journal(Path(task.journal), archive)
        for made in settle_what_is_missing(journal, Path(task.output), naming, task.until):
            if made.is_new:
                print(msgspec.json.encode(made).decode())
    except (SettlementError, JournalDamaged, JournalRefused, OSError) as error:
        print(error, file=sys.stderr)
        return ExitCode.REFUSED
    return ExitCode.DONE


def _give_way() -> None:
    """Matching goes first, for the processor and for memory. A sandbox may forbid to ask for less."""
    with contextlib.suppress(OSError):
        os.nice(_NICE)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


if __name__ == "__main__":
    sys.exit(main())

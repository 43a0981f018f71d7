"""What people do with a journal from the command line: prove it, read it, take its fills out of it.

Reads only; a journal that a process is writing may be read with `running`, which leaves out the
segment that is being written.
"""

from carbonmatch.journal_tools.auditing import audit as audit
from carbonmatch.journal_tools.backup import back_up as back_up
from carbonmatch.journal_tools.batches import Batch as Batch
from carbonmatch.journal_tools.batches import batches as batches
from carbonmatch.journal_tools.dumping import dump as dump
from carbonmatch.journal_tools.fills import Fill as Fill
from carbonmatch.journal_tools.fills import Standing as Standing
from carbonmatch.journal_tools.fills import StandingFill as StandingFill
from carbonmatch.journal_tools.fills import export as export
from carbonmatch.journal_tools.fills import fills as fills
from carbonmatch.journal_tools.proving import Archived as Archived
from carbonmatch.journal_tools.proving import Replayed as Replayed
from carbonmatch.journal_tools.proving import Verified as Verified
from carbonmatch.journal_tools.proving import archive_segments as archive_segments
from carbonmatch.journal_tools.proving import released as released
from carbonmatch.journal_tools.proving import replay as replay
from carbonmatch.journal_tools.proving import verify as verify
from carbonmatch.journal_tools.starting import Startable as Startable
from carbonmatch.journal_tools.starting import check_start as check_start
from carbonmatch.protocol.batch import made_commands as made_commands

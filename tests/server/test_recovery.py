"""A journal is believed only where this engine makes the same of it."""

from pathlib import Path

import pytest
from msgspec import Raw, structs

from carbonmatch.config import venue_commands
from carbonmatch.demo_market import demo_config
from carbonmatch.journal.errors import JournalDamaged
from carbonmatch.journal.recovery import recover
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.journal.writer import JournalWriter
from carbonmatch.matching import state
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import (
    AccountId,
    AnyCommand,
    DefineDropCopy,
    Entry,
    InstrumentId,
    NewOrder,
    Ref,
    SessionId,
    Side,
    Traded,
)
from carbonmatch.protocol.batch import EntryRecord, StreamRecord, encode_record, encode_stream
from carbonmatch.protocol.codec import encode
from carbonmatch.server.history import History
from carbonmatch.server.recovery import Diverged, Recovered, identity, recover_venue
from carbonmatch.server.stream import chunks_of
from tests.server.turns import Turns

SEGMENT_BYTES = 1 << 20


class Written:
    """A journal of three batches: the definitions, a sell, and a buy that trades with it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.storage = DiskStorage(directory)
        self.engine = Engine()
        self.writer = JournalWriter(
            self.storage, recover(self.storage, identity(True), segment_bytes=SEGMENT_BYTES)
        )
        self.append(SessionId(0), list(venue_commands(demo_config(gateways=2, companies=4))))
        self.append(SessionId(1), [NewOrder(Ref(1), InstrumentId(1), Side.SELL, 5, 4_800)])

    def append(
        self,
        session_id: SessionId,
        commands: list[AnyCommand],
        *,
        forge_streams: bool = False,
        forge_public: bool = False,
        forge_copies: bool = False,
    ) -> None:
        first_sequence = self.engine.sequence + 1
        self.engine.apply(Entry(first_sequence, 1_000, session_id, commands))
        outputs = self.engine.take_outputs()
        streams = [
            StreamRecord(chunk.session_id, chunk.first_seq, chunk.ref_before, Raw(chunk.payload))
            for chunk in chunks_of(outputs)
        ]
        if forge_streams:
            reports = list(outputs.streams[0].reports)
            reports[-1] = structs.replace(reports[-1], time_ns=1_001)
            streams[0] = structs.replace(streams[0], reports=Raw(encode_stream(reports)))
        public = list(outputs.public)
        if forge_public:
            assert type(public[0]) is Traded
            public[0] = structs.replace(public[0], price_ticks=4_801)
        entry = EntryRecord(1_000, session_id, Raw(encode(commands)))
        copies = list(outputs.copies)
        if forge_copies:
            copies[0] = structs.replace(copies[0], first_seq=copies[0].first_seq + 1)
        self.writer.append(encode_record([entry], streams, public, copies), first_sequence, len(commands))

    def recovered(self) -> Recovered:
        self.writer.close()
        self.storage.release()
        storage = DiskStorage(self.directory)
        try:
            return recover_venue(storage, History(storage, Turns()), True, SEGMENT_BYTES)
        finally:
            storage.release()


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return Written(tmp_path / "journal")


def buy() -> list[AnyCommand]:
    return [NewOrder(Ref(1), InstrumentId(1), Side.BUY, 5, 4_800)]


def test_a_journal_gives_back_the_state_and_the_streams(written: Written) -> None:
    written.append(SessionId(2), buy())
    found = written.recovered()
    assert state.digest(found.engine) == state.digest(written.engine)
    assert found.commands == written.engine.sequence
    assert {i: s.released_seq for i, s in found.streams.items() if s.released_seq} == {1: 2, 2: 2}


def test_other_reports_than_the_journaled_ones_are_refused(written: Written) -> None:
    written.append(SessionId(2), buy(), forge_streams=True)
    with pytest.raises(Diverged, match="gave other reports in stream"):
        written.recovered()


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        (b"no batch", "Expected `array`"),
        # [[[1000, 2, []]], [], []] and [[[1000, 2, [[20, 1, 1], [20, 2, 1]]]], [], []]
        (bytes.fromhex("93 91 93 cd03e8 02 90 90 90"), "no command, expected at least 1"),
        (bytes.fromhex("93 91 93 cd03e8 02 92 93140101 93140201 90 90"), "2 commands, not 1"),
    ],
)
def test_a_record_that_is_no_batch_is_damage(written: Written, payload: bytes, found: str) -> None:
    written.writer.append(payload, written.engine.sequence + 1, 1)
    with pytest.raises(JournalDamaged, match=found):
        written.recovered()


def test_a_command_that_the_core_cannot_have_applied_is_a_divergence(written: Written) -> None:
    # A session's own cancel on a session that nobody has defined: [[[1000, 9, [[17, 1, 1]]]], [], []]
    payload = bytes.fromhex("93 91 93 cd03e8 09 91 93110101 90 90")
    written.writer.append(payload, written.engine.sequence + 1, 1)
    with pytest.raises(Diverged, match="KeyError"):
        written.recovered()


def test_other_public_events_than_the_journaled_ones_are_refused(written: Written) -> None:
    written.append(SessionId(2), buy(), forge_public=True)
    with pytest.raises(Diverged, match="gave other public events"):
        written.recovered()


@pytest.mark.parametrize("forge_copies", [False, True])
def test_other_copies_than_the_journaled_ones_are_refused(written: Written, forge_copies: bool) -> None:
    written.append(SessionId(0), [DefineDropCopy(SessionId(900), "copy", (AccountId(3), AccountId(4)))])
    written.append(SessionId(2), buy(), forge_copies=forge_copies)
    if forge_copies:
        with pytest.raises(Diverged, match="gave other drop copies"):
            written.recovered()
    else:
        assert written.recovered().streams[SessionId(900)].released_seq == 2


def test_a_batch_that_does_not_decode_is_damage_at_its_place(written: Written) -> None:
    written.writer.append(b"\x93 no batch", written.engine.sequence + 1, 1)
    with pytest.raises(
        JournalDamaged, match=r"0000000001\.cmj, byte \d+, sequence \d+: found .*a batch of this version"
    ):
        written.recovered()

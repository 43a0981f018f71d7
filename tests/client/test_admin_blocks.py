"""What `carbonmatch admin blocks` sends, and says."""

import pytest

from carbonmatch.client import admin_blocks
from carbonmatch.client.admin import main
from carbonmatch.client.admin_blocks import set_block_phase
from carbonmatch.client.errors import ClientError
from carbonmatch.matching.messages import BlockPhase, InstrumentId, Ref, RejectReason, SetBlockPhase
from carbonmatch.protocol.messages import Role
from tests.client.clock import in_virtual_time
from tests.client.test_admin import CEA, FakeVenue, RefusingVenue


@in_virtual_time
async def test_the_phase_of_blocks_is_set_and_its_place_in_the_journal_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with FakeVenue() as venue:
        operator = venue.access(role=Role.OPERATOR)
        await set_block_phase(operator, "CEA24", BlockPhase.CLOSED, "rumours")
        await set_block_phase(operator, "all", BlockPhase.AS_SCHEDULED, "")
        assert venue.ordered == [
            SetBlockPhase(Ref(2), CEA, BlockPhase.CLOSED, "rumours"),
            SetBlockPhase(Ref(3), InstrumentId(0), BlockPhase.AS_SCHEDULED),
        ]
    assert capsys.readouterr().out == (
        "blocks of CEA24 are CLOSED since sequence 4711\nblocks of all are AS_SCHEDULED since sequence 4711\n"
    )


@pytest.mark.parametrize(
    ("word", "phase"),
    [
        ("open", BlockPhase.OPEN),
        ("closed", BlockPhase.CLOSED),
        ("break", BlockPhase.BREAK),
        ("as-scheduled", BlockPhase.AS_SCHEDULED),
    ],
)
def test_the_command_line_has_a_word_for_each_phase(
    word: str, phase: BlockPhase, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, BlockPhase, str]] = []

    async def told(_operator: object, symbol: str, wanted: BlockPhase, text: str) -> None:
        sent.append((symbol, wanted, text))

    monkeypatch.setattr(admin_blocks, "set_block_phase", told)
    main(["blocks", "CEA24", word, "--text", "why"], result_action="return_value")
    assert sent == [("CEA24", phase, "why")]


@in_virtual_time
async def test_blocks_that_there_are_none_of_are_not_said_to_be_closed() -> None:
    async with RefusingVenue() as venue:
        venue.reason = RejectReason.MECHANISM_NOT_AVAILABLE
        operator = venue.access(role=Role.OPERATOR)
        with pytest.raises(ClientError, match="no instrument of this venue has blocks"):
            await set_block_phase(operator, "all", BlockPhase.CLOSED, "")
        with pytest.raises(ClientError, match="CEA24 has no blocks"):
            await set_block_phase(operator, "CEA24", BlockPhase.CLOSED, "")

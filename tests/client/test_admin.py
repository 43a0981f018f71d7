"""What `carbonmatch admin` sends, and says."""

import pytest

from carbonmatch.client.admin import end_holds, set_band, set_phase, time_ns, time_to_come_ns
from carbonmatch.client.errors import ClientError, OrderRejected
from carbonmatch.matching.messages import (
    AnyReport,
    ClientCommand,
    Done,
    InstrumentId,
    Phase,
    Ref,
    Rejected,
    RejectReason,
    Resume,
    SetBand,
    SetPhase,
)
from carbonmatch.protocol.messages import Role
from tests.client.clock import in_virtual_time
from tests.client.fake_feed import CEA, FakeFeed
from tests.client.fake_server import FakeServer


class FakeVenue(FakeServer):
    """Does what an operator says, but will not close anything."""

    def answer(self, command: ClientCommand, seq: int) -> AnyReport:
        if type(command) is SetPhase and command.phase is Phase.CLOSED:
            return Rejected(seq, command.ref, 7, 0, RejectReason.NOT_ENTITLED)
        return Done(seq, command.ref, 7, 0, sequence=4_711)


@in_virtual_time
async def test_a_phase_is_set_and_its_place_in_the_journal_told(capsys: pytest.CaptureFixture[str]) -> None:
    async with FakeVenue() as venue, FakeFeed() as feed:
        operator = venue.access(role=Role.OPERATOR)
        await set_phase(operator, feed.access(), "CEA24", Phase.HALTED, "news")
        assert venue.received == [SetPhase(Ref(1), CEA, Phase.HALTED, "news")]
        assert venue.logons[0].role is Role.OPERATOR
    assert capsys.readouterr().out == "CEA24 is HALTED since sequence 4711\n"


@in_virtual_time
async def test_a_phase_has_an_end_where_one_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    async with FakeVenue() as venue:
        operator = venue.access(role=Role.OPERATOR)
        await set_phase(
            operator, operator, "7", Phase.CONTINUOUS, "longer", time_ns("2026-03-02T15:30+08:00")
        )
        assert venue.received == [
            SetPhase(Ref(1), InstrumentId(7), Phase.CONTINUOUS, "longer", 1_772_436_600_000_000_000)
        ]
    assert capsys.readouterr().out == "7 is CONTINUOUS since sequence 4711\n"


@pytest.mark.parametrize("text", ["15:30", "2026-03-02T15:30", "tomorrow"])
def test_an_end_needs_a_date_and_an_offset(text: str) -> None:
    with pytest.raises(ClientError, match=f"expected a time with its offset, .*, found '{text}'"):
        time_ns(text)
    assert time_ns("") == 0


def test_an_end_that_is_past_already_is_none() -> None:
    with pytest.raises(ClientError, match=r"expected a time to come, found 2020-01-01T00:00\+00:00"):
        time_to_come_ns("2020-01-01T00:00+00:00")
    assert time_to_come_ns("2999-01-01T00:00+00:00") == 32_472_144_000_000_000_000
    assert time_to_come_ns("") == 0


@in_virtual_time
async def test_holds_are_ended_and_their_place_in_the_journal_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with FakeVenue() as venue, FakeFeed() as feed:
        operator = venue.access(role=Role.OPERATOR)
        await end_holds(operator, feed.access(), "CEA24", "over")
        await end_holds(operator, feed.access(), "all", "")
        assert venue.received == [Resume(Ref(1), CEA, "over"), Resume(Ref(2), InstrumentId(0), "")]
    assert capsys.readouterr().out.splitlines()[0] == "CEA24 is held by nobody since sequence 4711"


@in_virtual_time
async def test_all_instruments_and_numbers_need_no_feed(capsys: pytest.CaptureFixture[str]) -> None:
    async with FakeVenue() as venue:
        operator = venue.access(role=Role.OPERATOR)
        nowhere = venue.access(port=1)
        await set_phase(operator, nowhere, "all", Phase.CANCEL_ONLY, "")
        await set_phase(operator, nowhere, "7", Phase.HALTED, "")
        assert venue.received == [
            SetPhase(Ref(1), InstrumentId(0), Phase.CANCEL_ONLY, ""),
            SetPhase(Ref(2), InstrumentId(7), Phase.HALTED, ""),
        ]
    assert capsys.readouterr().out.splitlines()[0] == "all is CANCEL_ONLY since sequence 4711"


@in_virtual_time
async def test_the_number_zero_is_not_every_instrument() -> None:
    async with FakeVenue() as venue:
        with pytest.raises(ClientError, match="0 is no instrument's number, expected 1 or more"):
            await set_phase(venue.access(), venue.access(), "0", Phase.HALTED, "")
        assert venue.received == []


@in_virtual_time
async def test_a_band_is_set(capsys: pytest.CaptureFixture[str]) -> None:
    async with FakeVenue() as venue, FakeFeed() as feed:
        await set_band(venue.access(role=Role.OPERATOR), feed.access(), "CEA24", 6_000, 5_400, 6_600)
        assert venue.received == [SetBand(Ref(1), CEA, 6_000, 5_400, 6_600)]
    assert capsys.readouterr().out == "CEA24 admits 5400 to 6600 ticks since sequence 4711\n"


@in_virtual_time
async def test_a_refusal_is_an_error() -> None:
    async with FakeVenue() as venue:
        with pytest.raises(OrderRejected, match="NOT_ENTITLED"):
            await set_phase(venue.access(), venue.access(), "all", Phase.CLOSED, "")

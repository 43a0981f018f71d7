"""What `carbonmatch admin` sends, and says."""

import pytest

from carbonmatch.client.admin import (
    end_holds,
    set_band,
    set_phase,
    set_reference,
    time_ns,
    time_to_come_ns,
)
from carbonmatch.client.errors import ClientError
from carbonmatch.matching.messages import (
    AnyReport,
    ClientCommand,
    Done,
    InstrumentId,
    InstrumentStatus,
    InstrumentStatusRequest,
    Phase,
    Ref,
    Rejected,
    RejectReason,
    Resume,
    SetBand,
    SetPhase,
    SetReference,
    StatusEnd,
)
from carbonmatch.protocol.messages import Role
from tests.client.clock import in_virtual_time
from tests.client.fake_server import FakeServer

CEA = InstrumentId(5)


class FakeVenue(FakeServer):
    """Has one instrument, and does what an operator says, but will not close anything."""

    @property
    def ordered(self) -> list[ClientCommand]:
        """What an operator has said, without the questions before."""
        return [command for command in self.received if type(command) is not InstrumentStatusRequest]

    def answers(self, command: ClientCommand, seq: int) -> list[AnyReport]:
        if type(command) is not InstrumentStatusRequest:
            return super().answers(command, seq)
        found: list[AnyReport] = []
        if command.symbol in ("", "CEA24") and command.after_instrument_id < CEA:
            found.append(
                InstrumentStatus(
                    seq, command.ref, 7, 0, CEA, "CEA24", Phase.CONTINUOUS, False, 0, 0, 0, 6_000, 0, 0, 5
                )
            )
        return [*found, StatusEnd(seq + len(found), command.ref, 7, 0, len(found), False)]

    def answer(self, command: ClientCommand, seq: int) -> AnyReport:
        if type(command) is SetPhase and command.phase is Phase.CLOSED:
            return Rejected(seq, command.ref, 7, 0, RejectReason.NOT_ENTITLED)
        return Done(seq, command.ref, 7, 0, sequence=4_711)


@in_virtual_time
async def test_a_phase_is_set_and_its_place_in_the_journal_told(capsys: pytest.CaptureFixture[str]) -> None:
    async with FakeVenue() as venue:
        operator = venue.access(role=Role.OPERATOR)
        await set_phase(operator, "CEA24", Phase.HALTED, "news")
        assert venue.ordered == [SetPhase(Ref(2), CEA, Phase.HALTED, "news")]
        assert venue.logons[0].role is Role.OPERATOR
    assert capsys.readouterr().out == "CEA24 is HALTED since sequence 4711\n"


@in_virtual_time
async def test_a_phase_has_an_end_where_one_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    async with FakeVenue() as venue:
        operator = venue.access(role=Role.OPERATOR)
        await set_phase(operator, "7", Phase.CONTINUOUS, "longer", time_ns("2026-03-02T15:30+08:00"))
        assert venue.ordered == [
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
    async with FakeVenue() as venue:
        operator = venue.access(role=Role.OPERATOR)
        await end_holds(operator, "CEA24", "over")
        await end_holds(operator, "all", "")
        assert venue.ordered == [Resume(Ref(2), CEA, "over"), Resume(Ref(3), InstrumentId(0), "")]
    assert capsys.readouterr().out.splitlines()[0] == "CEA24 is held by nobody since sequence 4711"


@in_virtual_time
async def test_all_instruments_and_numbers_need_no_question(capsys: pytest.CaptureFixture[str]) -> None:
    async with FakeVenue() as venue:
        operator = venue.access(role=Role.OPERATOR)
        await set_phase(operator, "all", Phase.CANCEL_ONLY, "")
        await set_phase(operator, "7", Phase.HALTED, "")
        assert venue.ordered == [
            SetPhase(Ref(1), InstrumentId(0), Phase.CANCEL_ONLY, ""),
            SetPhase(Ref(2), InstrumentId(7), Phase.HALTED, ""),
        ]
        assert venue.received == venue.ordered
    assert capsys.readouterr().out.splitlines()[0] == "all is CANCEL_ONLY since sequence 4711"


@in_virtual_time
async def test_the_number_zero_is_not_every_instrument() -> None:
    async with FakeVenue() as venue:
        with pytest.raises(ClientError, match="0 is no instrument's number, expected 1 or more"):
            await set_phase(venue.access(), "0", Phase.HALTED, "")
        assert venue.ordered == []


@in_virtual_time
async def test_a_band_is_set(capsys: pytest.CaptureFixture[str]) -> None:
    async with FakeVenue() as venue:
        await set_band(venue.access(role=Role.OPERATOR), "CEA24", 6_000, 5_400, 6_600)
        assert venue.ordered == [SetBand(Ref(2), CEA, 6_000, 5_400, 6_600)]
    assert capsys.readouterr().out == "CEA24 admits 5400 to 6600 ticks since sequence 4711\n"


@in_virtual_time
async def test_a_refusal_is_an_error() -> None:
    async with FakeVenue() as venue:
        with pytest.raises(ClientError, match="NOT_ENTITLED: the session may not operate this venue"):
            await set_phase(venue.access(), "all", Phase.CLOSED, "")


@in_virtual_time
async def test_an_unknown_symbol_is_told_with_those_there_are_and_costs_no_logon() -> None:
    async with FakeVenue() as venue:
        with pytest.raises(ClientError, match="no instrument 'CEA25', expected one of: CEA24"):
            await set_phase(venue.access(role=Role.OPERATOR), "CEA25", Phase.HALTED, "")
        assert venue.ordered == []
        assert [logon.role for logon in venue.logons] == [Role.OPERATOR]


class RefusingVenue(FakeVenue):
    """Refuses whatever an operator says, for `reason`."""

    reason = RejectReason.INVALID_PRICE

    def answer(self, command: ClientCommand, seq: int) -> AnyReport:
        return Rejected(seq, command.ref, 7, 0, self.reason)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (RejectReason.INVALID_PRICE, "found 6003 ticks, expected 1 to 1000000000"),
        (RejectReason.PRICE_INCREMENT, "found 6003 ticks, expected a multiple of 5, the increment of CEA24"),
        (RejectReason.MECHANISM_NOT_AVAILABLE, "CEA24 has no rules for its prices"),
        (RejectReason.NOT_ENTITLED, "the session may not operate this venue"),
        (RejectReason.BUSY, "rejected: BUSY"),
    ],
)
@in_virtual_time
async def test_a_reference_price_is_refused_with_found_and_expected(reason: RejectReason, words: str) -> None:
    async with RefusingVenue() as venue:
        venue.reason = reason
        with pytest.raises(ClientError, match=f"{reason.name}: {words}|{words}"):
            await set_reference(venue.access(role=Role.OPERATOR), "CEA24", 6_003)
        assert venue.ordered == [SetReference(Ref(3), CEA, 6_003)]


@in_virtual_time
async def test_a_band_and_a_phase_are_refused_with_found_and_expected() -> None:
    async with RefusingVenue() as venue:
        operator = venue.access(role=Role.OPERATOR)
        with pytest.raises(ClientError, match="found 9 to 3 ticks around 5, expected 0 <= low <= high"):
            await set_band(operator, "CEA24", 5, 9, 3)
        venue.reason = RejectReason.UNKNOWN_INSTRUMENT
        with pytest.raises(ClientError, match="there is no instrument of the number 77"):
            await set_phase(operator, "77", Phase.HALTED, "")
        venue.reason = RejectReason.MECHANISM_NOT_AVAILABLE
        with pytest.raises(ClientError, match="all has no auctions"):
            await set_phase(operator, "all", Phase.PRE_OPEN, "")

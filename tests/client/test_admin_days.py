"""What the command line makes of days and of the registry's answers, before anything is sent."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from carbonmatch.client.admin_days import (
    Answer,
    Objection,
    confirm,
    end,
    ids_of,
    in_words,
    read_answer,
    show,
    trading_day,
)
from carbonmatch.client.errors import ClientError
from carbonmatch.matching.messages import (
    AnyReport,
    ClientCommand,
    ConfirmSettlement,
    Done,
    EndDay,
    InstrumentId,
    InstrumentStatus,
    InstrumentStatusRequest,
    Phase,
    Ref,
    Rejected,
    RejectReason,
    SettlementOutcome,
    SettlementStatus,
    SettlementStatusRequest,
    StatusEnd,
)
from carbonmatch.protocol.messages import Role
from tests.client.clock import in_virtual_time
from tests.client.fake_server import FakeServer

FILE = b"""#HEADER,format,trading_day,run
HEADER,1,20210716,2
#TRADE,trade_number,trade_id,mode
TRADE,20210716-LISTED-00000041,41,LISTED
TRADE,20210716-BLOCK-00000042,42,BLOCK
#ADJUSTMENT,trade_number,trade_id,state
ADJUSTMENT,20210715-BLOCK-00000007,7,busted
CHECKSUM,00
"""


@pytest.mark.parametrize(("text", "day"), [("", 0), ("20210716", 20210716), ("2021-07-16", 20210716)])
def test_a_day_is_written_in_two_ways(text: str, day: int) -> None:
    assert trading_day(text) == day


@pytest.mark.parametrize("text", ["2021071", "20210732", "16.07.2021", "2021-07-16T00:00", "0"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(ClientError, match="expected a day like 20210716"):
        trading_day(text)


def test_an_answer_without_objections_confirms(tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    path.write_text(json.dumps({"trading_day": 20210716, "run": 1, "file_sha256": "ab" * 32}))
    answer = read_answer(path)
    assert answer == Answer(20210716, 1, "ab" * 32)
    assert answer.outcome is SettlementOutcome.CONFIRMED


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"trading_day": 20210716, "run": 1}, "missing required field `file_sha256`"),
        ({"trading_day": 20210716, "run": 1, "file_sha256": "ab"}, "1 bytes, expected 32"),
        ({"trading_day": 20210716, "run": 1, "file_sha256": "ab" * 31 + "  "}, "31 bytes, expected 32"),
        ({"trading_day": 20210716, "run": 1, "file_sha256": "zz" * 32}, "non-hexadecimal"),
        ({"trading_day": 20210716, "run": 1, "file_sha256": "ab" * 32, "outcome": "fine"}, "unknown field"),
        ([], "Expected `object`"),
    ],
)
def test_what_is_no_answer_is_refused_in_words(tmp_path: Path, said: Any, problem: str) -> None:
    path = tmp_path / "answer.json"
    path.write_text(json.dumps(said))
    with pytest.raises(ClientError, match=problem):
        read_answer(path)


def answer_to(data: bytes, *trade_numbers: str, trading_day: int = 20210716, run: int = 2) -> Answer:
    objections = [Objection(number) for number in trade_numbers]
    return Answer(trading_day, run, sha256(data).hexdigest(), objections)


def test_trades_that_are_objected_to_are_found_by_their_numbers_in_the_file_that_was_sent() -> None:
    objecting = answer_to(FILE, "20210716-BLOCK-00000042", "20210715-BLOCK-00000007")
    assert ids_of(objecting, FILE) == [42, 7]
    assert ids_of(answer_to(FILE), FILE) == []
    # The same one twice is one.
    twice = answer_to(FILE, *["20210716-BLOCK-00000042"] * 2, "20210715-BLOCK-00000007")
    assert ids_of(twice, FILE) == [42, 7]
    with pytest.raises(ClientError, match="has no trade '4711'"):
        ids_of(answer_to(FILE, "4711"), FILE)
    with pytest.raises(ClientError, match="give the file that was sent"):
        ids_of(objecting, None)


def test_what_was_sent_has_to_be_named_and_be_what_was_answered() -> None:
    answer = answer_to(FILE)
    with pytest.raises(ClientError, match="expected it as --file, or its SHA-256 as --digest"):
        ids_of(answer, None)
    assert ids_of(answer, None, answer.file_sha256.upper()) == []
    with pytest.raises(ClientError, match=f"SHA-256 {answer.file_sha256}, --digest is {'ab' * 32}"):
        ids_of(answer, None, "ab" * 32)
    with pytest.raises(ClientError, match=f"SHA-256 {answer.file_sha256}, --digest is {'ab' * 32}"):
        ids_of(answer, FILE, "ab" * 32)


@pytest.mark.parametrize("about", [{"run": 1}, {"trading_day": 20210717}])
def test_an_answer_that_names_the_file_of_another_run_is_refused(about: dict[str, int]) -> None:
    with pytest.raises(ClientError, match="its file is of 20210716 run 2"):
        ids_of(answer_to(FILE, **about), FILE)


def test_a_digest_may_be_written_in_capitals() -> None:
    answer = Answer(20210716, 2, sha256(FILE).hexdigest().upper())
    assert ids_of(answer, FILE) == []


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe\x00",
        b"\n\n",
        b"",
        b'{"header": {}}',
        b"TRADE,1\n",
        FILE.replace(b",42,BLOCK", b""),
        FILE.replace(b",42,", b",x,"),
        FILE.replace(b"HEADER,1,", b"HEADER,"),
        FILE.replace(b"trading_day", b"day"),
        b'"' + b"x" * 200_000,
    ],
)
def test_a_file_that_is_no_settlement_file_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(ClientError, match="is no settlement file in CSV"):
        ids_of(answer_to(data), data)


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (SettlementOutcome.UNANSWERED, "not answered yet"),
        (SettlementOutcome.CONFIRMED, "confirmed, file abab"),
        (SettlementOutcome.OBJECTED, "3 objections, file abab"),
    ],
)
def test_a_run_is_said_in_one_line(outcome: SettlementOutcome, words: str) -> None:
    run = SettlementStatus(1, Ref(1), 0, 0, 20210716, 2, 99, 10**9, 5, outcome, b"\xab\xab", 3)
    assert in_words(run) == (
        f"20210716 run 2: 5 instruments, ended 1970-01-01T00:00:01.000000000Z at sequence 99; {words}"
    )


class Instrument(NamedTuple):
    phase: Phase
    day: int  # that its schedule has begun last
    ended: int = 0
    is_uncrossing: bool = False


class FakeVenue(FakeServer):
    """Some instruments; a day that ends ends for those in `ends`, or is refused; runs."""

    def __init__(self, **instruments: Instrument) -> None:
        super().__init__()
        self.instruments = instruments
        self.ends: tuple[str, ...] = ()
        self.against = RejectReason.DAY_NOT_OVER
        self.runs: list[SettlementOutcome] = []

    @property
    def access_of_operator(self) -> Any:
        return self.access(role=Role.OPERATOR)

    def answers(self, command: ClientCommand, seq: int) -> list[AnyReport]:
        head = (command.ref, 7, 0)
        found: list[AnyReport] = []
        if type(command) is InstrumentStatusRequest:
            for number, (symbol, one) in enumerate(self.instruments.items(), 1):
                if command.symbol in ("", symbol):
                    found.append(
                        InstrumentStatus(
                            seq + len(found),
                            *head,
                            instrument_id=InstrumentId(number),
                            symbol=symbol,
                            phase=one.phase,
                            is_uncrossing=one.is_uncrossing,
                            block_phase=0,
                            trading_day=one.day,
                            ended_day=one.ended,
                            reference_price_ticks=0,
                            band_low_ticks=0,
                            band_high_ticks=0,
                            price_increment_ticks=1,
                        )
                    )
        elif type(command) is SettlementStatusRequest:
            for run, outcome in enumerate(self.runs, 1):
                if command.confirmed or outcome is not SettlementOutcome.CONFIRMED:
                    found.append(
                        SettlementStatus(seq + len(found), *head, 20210716, run, 9, 0, 1, outcome, b"", 0)
                    )
        else:
            return [self.answer(command, seq)]
        return [*found, StatusEnd(seq + len(found), *head, len(found), False)]

    def answer(self, command: ClientCommand, seq: int) -> AnyReport:
        if type(command) is EndDay and not self.ends:
            return Rejected(seq, command.ref, 7, 0, self.against)
        for symbol in self.ends:
            one = self.instruments[symbol]
            day = (type(command) is EndDay and command.trading_day) or one.day
            self.instruments[symbol] = one._replace(ended=day)
        return Done(seq, command.ref, 7, 0, sequence=4_711)


CLOSED, OPEN = Phase.CLOSED, Phase.CONTINUOUS
DAY = 20210716


@in_virtual_time
async def test_a_day_ends_for_those_that_are_over_and_who_was_left_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with FakeVenue(
        CEA=Instrument(CLOSED, DAY),
        KAU=Instrument(OPEN, 0),
        EUA=Instrument(CLOSED, DAY, DAY),
        HBEA=Instrument(CLOSED, 20210719),
        SHEA=Instrument(CLOSED, DAY, 20210715, is_uncrossing=True),
        GDEA=Instrument(CLOSED, 0),
    ) as venue:
        venue.ends = ("CEA", "GDEA")
        await end(venue.access_of_operator, DAY, (), "over", dry_run=True)
        would, unsure, *left_then = capsys.readouterr().out.splitlines()
        assert would == f"would end trading day {DAY} of CEA, GDEA"
        assert unsure == "unless a schedule has still to begin that day: GDEA"
        await end(venue.access_of_operator, DAY, (), "over", dry_run=False)
        has, *left = capsys.readouterr().out.splitlines()
        assert has == f"trading day {DAY} of CEA, GDEA has ended at sequence 4711"
        assert left == left_then
        assert left == [
            "left KAU: it is CONTINUOUS, expected CLOSED",
            f"left EUA: its day {DAY} has ended before",
            "left HBEA: it is in 20210719",
            "left SHEA: its auction is being carried out",
        ]
        assert [one for one in venue.received if type(one) is EndDay] == [EndDay(Ref(3), DAY, (), "over")]


@pytest.mark.parametrize(
    ("reason", "day", "words"),
    [
        (
            RejectReason.DAY_NOT_OVER,
            DAY,
            "close first, .*: KAU: it is CONTINUOUS, expected CLOSED",
        ),
        (
            RejectReason.DAY_ALREADY_ENDED,
            20210715,
            "EUA: its day 20210715 has ended before",
        ),
        (RejectReason.DAY_ALREADY_ENDED, 0, "trading day 20210715 has ended before"),
        (RejectReason.UNKNOWN_TRADING_DAY, 20210720, "found 20210720, expected a day that has begun"),
        (
            RejectReason.UNKNOWN_TRADING_DAY,
            0,
            "there are 20210716, 20210719, expected one: name",
        ),
    ],
)
@in_virtual_time
async def test_a_day_that_does_not_end_is_refused_with_found_and_expected(
    reason: RejectReason, day: int, words: str
) -> None:
    async with FakeVenue(
        KAU=Instrument(OPEN, DAY), EUA=Instrument(CLOSED, 20210719, 20210715), CEA=Instrument(CLOSED, 0)
    ) as venue:
        venue.against = reason
        with pytest.raises(ClientError, match=f"{reason.name}: .*{words}"):
            await end(venue.access_of_operator, day, (), "", dry_run=False)


@in_virtual_time
async def test_only_those_that_are_named_are_spoken_of() -> None:
    async with FakeVenue(KAU=Instrument(OPEN, DAY), EUA=Instrument(OPEN, DAY)) as venue:
        with pytest.raises(ClientError, match=r"phase`: EUA: it is CONTINUOUS, expected CLOSED$"):
            await end(venue.access_of_operator, DAY, ("EUA",), "", dry_run=False)
        assert EndDay(Ref(3), DAY, (InstrumentId(2),)) in venue.received


@in_virtual_time
async def test_no_schedule_no_day() -> None:
    async with FakeVenue(KAU=Instrument(CLOSED, 0)) as venue:
        venue.against = RejectReason.UNKNOWN_TRADING_DAY
        with pytest.raises(ClientError, match="no schedule has begun a day, expected one: name"):
            await end(venue.access_of_operator, 0, (), "", dry_run=False)


@in_virtual_time
async def test_a_date_that_it_is_not_yet_is_refused_before_anything_is_sent() -> None:
    async with FakeVenue() as venue:
        with pytest.raises(ClientError, match=r"found trading day 29991231, expected \d{8} at most"):
            await end(venue.access_of_operator, 29991231, (), "", dry_run=True)
        assert venue.logons == []


@in_virtual_time
async def test_runs_that_there_are_none_of_are_not_said_to_be_confirmed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with FakeVenue() as venue:
        await show(venue.access_of_operator, confirmed=False)
        await show(venue.access_of_operator, confirmed=True)
        venue.runs.append(SettlementOutcome.CONFIRMED)
        await show(venue.access_of_operator, confirmed=False)
        venue.runs.append(SettlementOutcome.UNANSWERED)
        await show(venue.access_of_operator, confirmed=False)
    none, _, confirmed, waiting = capsys.readouterr().out.splitlines()
    assert none == "no trading day has ended: there are no runs"
    assert confirmed == "the registry has confirmed every run"
    assert waiting.startswith("20210716 run 2: ")


@in_virtual_time
async def test_a_trade_that_is_objected_to_twice_is_counted_and_told_once_and_texts_cannot_steer_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    number = "20210716-BLOCK-00000042"
    reasons = ("frozen\x1b[2J", "", "frozen\x1b[2J", "not the buyer's")
    objections = [Objection(number, reason) for reason in reasons]
    async with FakeVenue() as venue:
        answer = Answer(20210716, 2, sha256(FILE).hexdigest(), objections)
        await confirm(venue.access_of_operator, answer, FILE)
        (command,) = venue.received
    assert type(command) is ConfirmSettlement
    assert (command.objections, command.objection_count) == ((42,), 1)
    assert capsys.readouterr().out.splitlines() == [
        f"objection to {number}: frozen\\x1b[2J; not the buyer's",
        "20210716 run 2 has objections to 1 trades since sequence 4711",
    ]


@in_virtual_time
async def test_a_symbol_that_is_none_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Of a venue that is none of ours."""
    async with FakeVenue(**{"CEA\x1b[2J": Instrument(CLOSED, DAY), "\x9bKAU": Instrument(OPEN, 0)}) as venue:
        await end(venue.access_of_operator, 0, (), "", dry_run=True)
    assert capsys.readouterr().out.splitlines() == [
        f"would end trading day {DAY} of CEA\\x1b[2J",
        "left \\x9bKAU: it is CONTINUOUS, expected CLOSED",
    ]

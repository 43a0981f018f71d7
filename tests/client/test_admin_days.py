"""What the command line makes of days and of the registry's answers, before anything is sent."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from carbonmatch.client.admin_days import Answer, Objection, ids_of, in_words, read_answer, trading_day
from carbonmatch.client.errors import ClientError
from carbonmatch.matching.messages import Ref, SettlementOutcome, SettlementStatus

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
    assert ids_of(answer_to(FILE), None) == []
    with pytest.raises(ClientError, match="has no trade '4711'"):
        ids_of(answer_to(FILE, "4711"), FILE)
    with pytest.raises(ClientError, match="give the file that was sent"):
        ids_of(objecting, None)


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

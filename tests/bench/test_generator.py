"""What the generator counts, and what it finds wrong with answers."""

import asyncio
from typing import cast

import pytest

from bench import market
from bench.generator import Plan
from bench.sessions import Handshake, Session, check
from bench.workload import Workload, session_frames
from carbonmatch.matching.messages import Ref
from carbonmatch.protocol.messages import LogonAccepted, Role


class Wire:
    """A transport that keeps what was written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)


def reports(*heads: tuple[int, int, int]) -> bytes:
    """A frame of reports (tag, seq, ref), which have nothing but that: readers skip the rest."""
    body = b"".join(bytes([0x93, tag, seq, ref]) for tag, seq, ref in heads)
    payload = bytes([0x90 | len(heads)]) + body
    return len(payload).to_bytes(4, "big") + payload


def session_of(commands: int, sent: int) -> tuple[Session, Wire]:
    session = Session("one", frame_commands=1)
    wire = Wire()
    session.connection_made(cast(asyncio.BaseTransport, wire))
    session.load(session_frames(Workload(1, commands, 1), 0), first_ref=1, next_seq=1)
    session.send(sent)
    return session, wire


def test_frames_go_out_in_one_write() -> None:
    session, wire = session_of(commands=5, sent=3)
    assert wire.written == [b"".join(session.frames[:3])]
    session.send(5)
    assert wire.written[1:] == [b"".join(session.frames[3:])]
    assert session.sent_ref == 5


def test_a_session_is_done_when_its_last_ref_is_answered() -> None:
    session, _ = session_of(commands=2, sent=2)
    session.data_received(reports((48, 1, 1)))
    assert not session.is_done
    session.data_received(reports((49, 2, 2)))
    assert session.is_done
    assert check([session]) == []


def test_fills_of_resting_orders_and_of_takers_are_no_answers() -> None:
    session, _ = session_of(commands=2, sent=2)
    session.data_received(reports((50, 1, 0), (48, 2, 1), (50, 3, 1), (51, 4, 1), (51, 5, 2)))
    assert session.is_done
    assert check([session]) == []
    assert {tag: count for tag, count in enumerate(session.tags) if count} == {48: 1, 50: 2, 51: 2}


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        (reports((48, 1, 1)), "one: 1 commands not answered"),
        (reports((48, 1, 1), (48, 2, 1), (48, 3, 2)), "one: 1 commands answered twice"),
        (reports((48, 1, 1), (48, 2, 2), (51, 3, 1)), "one: 1 reports out of ref order"),
        (reports((48, 1, 1), (48, 3, 2)), "one: 1 gaps in seq"),
    ],
)
def test_wrong_answers_are_found(answers: bytes, problem: str) -> None:
    session, _ = session_of(commands=2, sent=2)
    session.data_received(answers)
    assert check([session]) == [problem]


def test_a_skipped_command_stays_unanswered() -> None:
    session, _ = session_of(commands=3, sent=3)
    session.data_received(reports((48, 1, 1), (48, 2, 3)))
    assert check([session]) == ["one: 2 commands not answered", "one: 1 reports out of ref order"]


def test_an_answer_cut_anywhere_counts_once_when_it_is_whole() -> None:
    answer = reports((48, 1, 1), (51, 2, 2))
    for cut in range(1, len(answer)):
        session, _ = session_of(commands=2, sent=2)
        session.data_received(answer[:cut])
        assert session.last_ref == 0
        session.data_received(answer[cut:])
        assert session.last_ref == 2


def test_a_logout_fails_the_session() -> None:
    session, _ = session_of(commands=2, sent=2)
    # LoggedOut [7, SHUTTING_DOWN, "bye"].
    session.data_received(bytes.fromhex("00000008 91 93 07 05 a3 627965"))
    assert "SHUTTING_DOWN" in session.failure


def test_a_refused_command_fails_the_session() -> None:
    session, _ = session_of(commands=2, sent=2)
    # SessionRejected [9, ref 1, THROTTLED, 0, ""].
    session.data_received(bytes.fromhex("00000007 91 95 09 01 05 00 a0"))
    assert "THROTTLED" in session.failure


def test_a_lost_connection_fails_the_session_only_while_it_waits() -> None:
    session, _ = session_of(commands=1, sent=1)
    session.data_received(reports((48, 1, 1)))
    session.connection_lost(None)
    assert session.failure == ""
    session, _ = session_of(commands=1, sent=1)
    session.connection_lost(None)
    assert session.failure == "one: connection lost: None"


@pytest.mark.parametrize(
    ("plan", "problem"),
    [
        (Plan(1, 0), "expected either a window or a rate"),
        (Plan(1, 0, window_commands=1, rate_per_second=1), "expected either a window or a rate"),
        (Plan(64, 0, window_commands=63), "a window of 63 commands admits no frame of 64"),
        (Plan(64, 0, window_commands=64), ""),
    ],
)
def test_a_plan_is_closed_or_open(plan: Plan, problem: str) -> None:
    assert plan.problem() == problem


async def test_a_measurement_that_is_ended_while_it_logs_on_takes_the_answer_without_a_word() -> None:
    handshake = Handshake(market.traders(1)[0], Role.TRADE)
    waiting = asyncio.create_task(handshake.outcome())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert handshake.answer([LogonAccepted(1, "one", 1, 1, Ref(0), 1_000, 0, 0, 0, 0, 0, 1, True)]) == b""

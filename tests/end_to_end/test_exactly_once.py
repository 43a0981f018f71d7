"""A command that comes twice is executed once, and answered twice with the same outcome."""

from pathlib import Path

import pytest
from msgspec import structs

from carbonmatch.matching.messages import (
    Accepted,
    AnyReport,
    Cancel,
    NewOrder,
    Ref,
    Rejected,
    RejectReason,
    ReportFlag,
    Side,
)
from carbonmatch.protocol.messages import LogonAccepted, SessionRejected
from carbonmatch.server import stream as stream_module
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Disk, Process, Venue, running


def buy(ref: int, lots: int = 10, price: int = 7000) -> NewOrder:
    return NewOrder(Ref(ref), EUA, Side.BUY, lots, price)


def sell(ref: int, lots: int = 10, price: int = 7000) -> NewOrder:
    return NewOrder(Ref(ref), EUA, Side.SELL, lots, price)


def again(reports: list[AnyReport]) -> list[AnyReport]:
    """The reports as a repeat has them: everything as it was, the seq too, and one flag."""
    return [structs.replace(one, flags=one.flags | ReportFlag.POSSIBLE_DUPLICATE) for one in reports]


async def test_a_repeat_gets_the_stored_outcome(venue: Venue) -> None:
    async with venue.wire("bob") as bob, venue.wire("alice") as alice:
        bob.send(sell(1, lots=4))
        await bob.reports(1)
        alice.send(buy(1))
        answer = await alice.frame()
        assert [type(report).__name__ for report in answer] == ["Accepted", "Executed"]
        sequence = venue.engine.sequence
        alice.send(buy(1))
        assert await alice.frame() == again(answer)
        assert venue.engine.sequence == sequence
        # The stream goes on where it was: the repeat has used up no seq.
        alice.send(buy(2))
        (accepted,) = await alice.frame()
        assert accepted.seq == 3


async def test_a_repeat_with_other_content_does_nothing_else(venue: Venue) -> None:
    async with venue.wire("alice") as alice:
        alice.send(buy(1))
        answer = await alice.frame()
        digest = venue.digest()
        alice.send(buy(1, lots=999, price=1))
        assert await alice.frame() == again(answer)
        alice.send(Cancel(Ref(1), order_ref=Ref(1)))
        assert await alice.frame() == again(answer)
        assert venue.digest() == digest


async def test_a_repeated_rejection_is_the_same_rejection(venue: Venue) -> None:
    async with venue.wire("alice") as alice:
        alice.send(Cancel(Ref(1), order_ref=Ref(99)))
        answer = await alice.frame()
        assert isinstance(answer[0], Rejected)
        alice.send(Cancel(Ref(1), order_ref=Ref(99)))
        assert await alice.frame() == again(answer)


async def test_repeats_and_new_commands_may_stand_in_one_frame(venue: Venue) -> None:
    async with venue.wire("alice") as alice:
        alice.send(buy(1), buy(2))
        first = await alice.reports(2)
        alice.send(buy(1), buy(2), buy(3))
        assert await alice.frame() == again(first[:1])
        assert await alice.frame() == again(first[1:])
        (accepted,) = await alice.frame()
        assert (accepted.seq, accepted.ref) == (3, 3)
    assert venue.engine.open_order_count == 3


async def test_a_command_twice_in_one_frame_is_executed_once(venue: Venue) -> None:
    async with venue.wire("alice") as alice:
        alice.send(buy(1), buy(1))
        (accepted,) = await alice.frame()
        assert await alice.frame() == again([accepted])
    assert venue.engine.open_order_count == 1


async def test_a_repeat_waits_with_its_original_for_the_disk(venue: Venue, disk: Disk) -> None:
    async with venue.wire("alice") as alice:
        with disk.held():
            alice.send(buy(1))
            alice.send(buy(1))
            alice.send(buy(2))
            alice.send(buy(2))
            # The engine has taken all four, and has said nothing of them.
            assert await alice.settle() == []
        reports = await alice.reports(4)
    firsts = [report for report in reports if not report.flags]
    repeats = [report for report in reports if report.flags]
    assert [(report.seq, report.ref) for report in firsts] == [(1, 1), (2, 2)]
    assert again(firsts) == repeats
    assert venue.engine.open_order_count == 2


async def test_a_repeat_after_a_reconnect_is_a_repeat(venue: Venue) -> None:
    async with venue.wire("alice") as alice:
        alice.send(buy(1))
        answer = await alice.frame()
        alice.abort()
    async with venue.wire("alice") as alice:
        assert (alice.accepted.last_ref, alice.accepted.next_seq) == (1, 2)
        alice.send(buy(1))
        assert await alice.frame() == again(answer)


async def test_a_command_whose_answer_was_lost_is_answered_after_the_reconnect(
    venue: Venue, disk: Disk
) -> None:
    with disk.held():
        async with venue.wire("alice") as alice:
            alice.send(buy(1))
            await alice.settle()
            alice.abort()
        async with venue.wire() as alice:
            # Applied, but not durable: a crash could still take it back, so it is not told yet.
            alice.send(alice.logon("alice"))
            disk.release()
            answer = await alice.next(LogonAccepted)
            assert (answer.last_ref, answer.next_seq) == (1, 1)
            (accepted,) = await alice.frame()
            assert (accepted.seq, accepted.flags) == (1, 0)
            alice.send(buy(1))
            assert await alice.frame() == again([accepted])
    assert venue.engine.open_order_count == 1


async def test_a_repeat_after_a_stop_is_answered_from_the_journal(tmp_path: Path) -> None:
    async with running(tmp_path / "journal") as venue, venue.wire("alice") as alice:
        alice.send(buy(1), buy(2))
        answer = await alice.reports(2)
    async with running(tmp_path / "journal") as venue, venue.wire("alice") as alice:
        assert alice.accepted.last_ref == 2
        for ref in (2, 1):
            alice.send(buy(ref))
            assert await alice.frame() == again(answer[ref - 1 : ref])
        assert venue.engine.open_order_count == 2


async def test_a_repeat_after_a_crash_is_answered_from_memory(process: Process) -> None:
    await process.start()
    async with process.wire("alice") as alice:
        alice.send(buy(1), buy(2))
        answer = await alice.reports(2)
        await process.kill()
    await process.start()
    async with process.wire("alice") as alice:
        assert alice.accepted.last_ref == 2
        alice.send(buy(1))
        assert await alice.frame() == again(answer[:1])
        alice.send(buy(3))
        (accepted,) = await alice.frame()
        assert isinstance(accepted, Accepted)
        assert accepted.seq == 3
    assert await process.stop() == 0


async def test_a_repeat_that_memory_has_let_go_of_is_answered_from_the_journal(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Room for the newest batch and no more.
    monkeypatch.setattr(stream_module, "OUTBOX_BYTES_MAX", 1)
    async with venue.wire("alice") as alice:
        answers = []
        for ref in range(1, 6):
            alice.send(buy(ref))
            answers.append(await alice.frame())
        for ref in (1, 3, 5, 4, 2):
            alice.send(buy(ref))
            assert await alice.frame() == again(answers[ref - 1])


async def test_a_ref_that_was_passed_over_is_not_applied_any_more(venue: Venue) -> None:
    async with venue.wire("alice") as alice:
        alice.send(buy(5))
        await alice.reports(1)
        alice.send(buy(3))
        assert await alice.next(SessionRejected) == SessionRejected(Ref(3), RejectReason.REF_NOT_APPLIED)
    assert venue.engine.open_order_count == 1


async def test_a_throttled_ref_is_not_applied_any_more(tmp_path: Path) -> None:
    throttle = "{ commands_per_second = 1, commands_burst = 2, cancels_per_second = 1, cancels_burst = 2 }"
    async with running(tmp_path / "journal", throttle=throttle) as venue, venue.wire("carol") as carol:
        carol.send(buy(1), buy(2))
        await carol.reports(2)
        carol.send(buy(3))
        refused = await carol.next(SessionRejected)
        assert (refused.ref, refused.reason) == (3, RejectReason.THROTTLED)
        # A cancel has a bucket of its own, and takes the session past the refused ref.
        carol.send(Cancel(Ref(4), order_ref=Ref(1)))
        await carol.reports(1)
        carol.send(buy(3))
        assert await carol.next(SessionRejected) == SessionRejected(Ref(3), RejectReason.REF_NOT_APPLIED)
        assert venue.engine.open_order_count == 1


async def test_an_operator_command_without_a_ref_is_refused(venue: Venue) -> None:
    async with venue.wire("operator") as operator:
        operator.write(b"\x00\x00\x00\x07\x91\x94\xcc\x80\x00\x01\x02")
        assert await operator.next(SessionRejected) == SessionRejected(Ref(0), RejectReason.REF_NOT_APPLIED)


async def test_a_ref_that_is_repeated_while_it_is_looked_up_is_answered_once(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "OUTBOX_BYTES_MAX", 1)
    async with venue.wire("alice") as alice:
        alice.send(buy(1))
        answer = await alice.frame()
        alice.send(buy(2))
        await alice.reports(1)
        alice.send(buy(1), buy(1), buy(1))
        assert await alice.frame() == again(answer)
        alice.send(buy(3))
        (accepted,) = await alice.frame()
        assert accepted.ref == 3

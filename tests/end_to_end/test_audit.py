"""Who did what, when and why: asked of a running venue, and read from its journal."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from carbonmatch.audit_words import in_words
from carbonmatch.client import Access
from carbonmatch.client.admin_audit import show, tag_of
from carbonmatch.client.errors import AuditRefused, ClientError, OrderRejected
from carbonmatch.journal_tools.auditing import NoSuchAudit, audit, audited_by
from carbonmatch.limits import FRAME_SEARCHES_MAX
from carbonmatch.matching.messages import (
    Kill,
    KillScope,
    Phase,
    Ref,
    RejectReason,
    Resume,
    SetBand,
    SetPhase,
    Side,
)
from carbonmatch.protocol.messages import Audited, AuditEnd, AuditRequest
from tests.end_to_end import market
from tests.end_to_end.market import CEA, EUA
from tests.end_to_end.running import Addresses, Process, running


def operator(venue: Addresses) -> Access:
    return venue.session("operator")._access


async def steer(venue: Addresses) -> None:
    """A halt, a resume, a band; a bust of a trade that never was, and a kill of an account that is none."""
    async with venue.session("operator") as session:
        await session.call(SetPhase(Ref(0), EUA, Phase.HALTED, "rumours"))
        await session.call(Resume(Ref(0), EUA, "denied"))
        await session.call(SetBand(Ref(0), CEA, 1_000, 900, 1_100, "rule 4"))
        with pytest.raises(OrderRejected):
            await session.kill(KillScope.ACCOUNT, 99, "a slip")
    async with venue.session("alice") as alice:
        await alice.new_order(EUA, Side.BUY, 1, 100)


def told(lines: list[Audited]) -> list[str]:
    """Without time and place."""
    return [in_words(line).partition("operator: ")[2] for line in lines]


STEERED = [
    "SetPhase instrument_id=1 phase=HALTED; rumours",
    "Resume instrument_id=1; denied",
    "SetBand instrument_id=2 reference_price_ticks=1000 band_low_ticks=900 band_high_ticks=1100; rule 4",
    "Kill scope=ACCOUNT scope_id=99, refused: UNKNOWN_ACCOUNT; a slip",
]


async def test_what_operators_did_is_told_over_crashes_and_the_same_by_the_journal_alone(
    process: Process, capsys: pytest.CaptureFixture[str]
) -> None:
    await process.start()
    await steer(process)
    await process.kill()
    await process.start()
    async with process.session("operator") as session:
        lines = await session.audit()
        assert [(line.session, line.session_id) for line in lines] == [("operator", market.OPERATOR)] * 4
        assert [line.sequence for line in lines] == sorted({line.sequence for line in lines})
        assert told(lines) == STEERED
        # Nothing of it was journaled, and nothing came into the stream.
        assert session.next_seq == 5
        assert told(await session.audit()) == STEERED
        first = lines[0].time_ns
        assert told(await session.audit(from_ns=first, until_ns=first + 1)) == STEERED[:1]
        assert told(await session.audit(kind=tag_of("kill"))) == STEERED[3:]
        assert await session.audit(session_id=market.ALICE) == []
    await show(operator(process), AuditRequest(0))
    printed = capsys.readouterr().out.splitlines()
    assert printed == [in_words(line) for line in lines]
    assert await process.stop() == 0
    assert [*audit(process.directory, kind="kill")] == [
        printed[3].replace(" operator: ", f" session {market.OPERATOR}: ")
    ]
    by_journal = [*audited_by(process.directory, AuditRequest(0))]
    assert [structs.replace(line, token=0, session="") for line in lines] == by_journal


async def test_it_is_read_page_by_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carbonmatch.server.audit_search.AUDIT_LINES", 1)
    async with running(tmp_path, market.config(tmp_path)) as venue:
        await steer(venue)
        async with venue.session("operator") as session:
            page, following = await session.audit_page(AuditRequest(0))
            assert told(page) == STEERED[:1]
            assert following is not None
            assert told(await session.audit()) == STEERED


async def test_nobody_else_is_told(tmp_path: Path) -> None:
    there = market.config(tmp_path)
    sessions = [
        structs.replace(one, permissions=("phases",)) if one.name == "operator" else one
        for one in there.sessions
    ]
    async with running(tmp_path, structs.replace(there, sessions=tuple(sessions))) as venue:
        for name, reason in (("alice", RejectReason.NOT_ENTITLED), ("operator", RejectReason.NOT_PERMITTED)):
            async with venue.session(name) as session:
                with pytest.raises(AuditRefused) as refused:
                    await session.audit()
                assert refused.value.reason is reason


async def test_so_many_questions_wait_and_no_more(tmp_path: Path) -> None:
    async with running(tmp_path, market.config(tmp_path)) as venue:
        async with venue.wire("operator") as wire:
            questions = [AuditRequest(token) for token in range(1, 2 * FRAME_SEARCHES_MAX + 1)]
            wire.send(*questions[:FRAME_SEARCHES_MAX])
            wire.send(*questions[FRAME_SEARCHES_MAX:])
            ends: list[Any] = []
            while len(ends) < len(questions):
                ends += [one for one in await wire.frame() if isinstance(one, AuditEnd)]
        assert {one.token for one in ends} == {one.token for one in questions}
        reasons = {one.token: one.reason for one in ends}
        assert not any(reasons[token] for token in range(1, FRAME_SEARCHES_MAX + 1))
        assert set(reasons.values()) <= {0, RejectReason.BUSY}


async def test_a_question_behind_commands_of_its_frame_is_answered_without_them(tmp_path: Path) -> None:
    """They are not durable when it is asked: what is told is what a crash cannot take back."""
    async with running(tmp_path, market.config(tmp_path)) as venue, venue.wire("operator") as wire:
        wire.send(Kill(Ref(1), KillScope.VENUE), AuditRequest(7))
        answers: list[Any] = []
        while not any(isinstance(one, AuditEnd) for one in answers) or len(answers) < 3:
            answers += await wire.frame()
        assert [one for one in answers if isinstance(one, Audited)] == []


def test_a_kind_that_is_none_is_said_in_words() -> None:
    with pytest.raises(
        ClientError, match="no command 'jump', expected one of: amendments-request, announce-bidding"
    ):
        tag_of("jump")


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ({"kind": "jump"}, "no command 'jump', expected one of: amendments-request, announce"),
        ({"since": "2026-03-02T15:30"}, "expected a time with its offset"),
        ({"until": "noon"}, "expected a time with its offset, like .*, found 'noon'"),
    ],
)
def test_filters_that_are_none_are_refused(tmp_path: Path, filters: dict[str, Any], words: str) -> None:
    with pytest.raises(NoSuchAudit, match=words):
        next(audit(tmp_path, **filters))


async def test_who_asks_on_at_the_end_or_from_anywhere_keeps_its_connection(tmp_path: Path) -> None:
    async with running(tmp_path, market.config(tmp_path)) as venue:
        await steer(venue)
        async with venue.session("operator") as session:
            end = (await session.ask(AuditRequest(0)))[-1]
            assert isinstance(end, AuditEnd)
            for position in (end.position, end.position + 1, end.position - 1, 2**53 - 1):
                again = await session.ask(
                    AuditRequest(0, position=position, after_sequence=end.after_sequence)
                )
                assert again == [AuditEnd(again[-1].token, 0, False, end.position, end.after_sequence)]

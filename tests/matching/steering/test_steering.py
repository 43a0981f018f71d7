"""The engine's part of what operators do to sessions and the process."""

import pytest
from msgspec import structs

from carbonmatch.limits import (
    BAN_SECONDS_MAX,
    OUTCOME_LINE_CHARS_MAX,
    OUTCOME_LINES_MAX,
    SESSION_ROW_BYTES_MAX,
    SESSION_STATUS_ROWS_MAX,
    TIME_NS_MAX,
    WIRE_INT_MAX,
)
from carbonmatch.matching import messages as m
from carbonmatch.matching import state
from carbonmatch.matching.messages import (
    AccountId,
    DefineDropCopy,
    Disconnect,
    FoundSession,
    OnOutcome,
    OnSessions,
    Ref,
    ReloadConfiguration,
    SessionId,
    SessionsRequest,
    SessionStatus,
    TakeSnapshot,
)
from carbonmatch.protocol.codec import encode
from tests.matching.market import ALICE, BOB, OPS, TIME_NS, VENUE, Market, buy

COPY = SessionId(9)
SECOND_NS = 1_000_000_000


def found(session_id: SessionId, role: int = 0, address: str = "") -> FoundSession:
    return FoundSession(session_id, role, int(bool(role)), address, TIME_NS if role else 0, 0, 0, 0, 0, 0, 0)


@pytest.fixture
def market() -> Market:
    one = Market()
    one.send(VENUE, DefineDropCopy(COPY, "copy", (AccountId(11),)))
    return one


def test_a_row_is_what_was_found_and_what_the_engine_knows(market: Market) -> None:
    market.send(ALICE, buy(1, 100), buy(2, 100))
    asked = OnSessions(SessionsRequest(Ref(1)), (found(ALICE, 1, "a:1"), found(OPS), found(COPY)), more=True)
    assert market.send(OPS, asked) == [
        "ops 1: alice as 1 from a:1, 2 open, up to 2",
        "ops 1: ops as 0 from , 0 open, up to 2",
        "ops 1: copy as 0 from , 0 open, up to 2",
        "ops 1: end of 3, more",
    ]


@pytest.mark.parametrize(
    "command",
    [
        OnSessions(SessionsRequest(Ref(1)), (), more=False),
        Disconnect(Ref(1), "bob"),
        OnOutcome(TakeSnapshot(Ref(1)), False, 0),
        OnOutcome(ReloadConfiguration(Ref(1)), False, 0),
    ],
    ids=lambda command: type(command).__name__,
)
def test_only_operators_steer(market: Market, command: m.AnyCommand) -> None:
    outputs = market.outputs(ALICE, command)
    assert [one.reason for one in outputs.streams[0].reports] == [m.RejectReason.NOT_ENTITLED]  # type: ignore[union-attr]
    assert outputs.disconnects == []


def test_an_end_of_connections_is_an_output_with_the_reason_that_was_given(market: Market) -> None:
    outputs = market.outputs(OPS, Disconnect(Ref(1), "bob", 0, "for once"), Disconnect(Ref(2), "copy", 2))
    assert [(one.session_id, one.banned_until_ns, one.text) for one in outputs.disconnects] == [
        (BOB, 0, "for once"),
        (COPY, TIME_NS + 2 * SECOND_NS, ""),
    ]
    assert market.outputs(ALICE, buy(1, 100)).disconnects == []


def test_a_name_that_nobody_has_and_the_own_session_are_refused(market: Market) -> None:
    assert market.send(OPS, Disconnect(Ref(1), "nobody"), Disconnect(Ref(2), "ops", 1)) == [
        "ops 1: rejected UNKNOWN_SESSION",
        "ops 2: rejected OWN_SESSION",
    ]
    assert market.send(OPS, Disconnect(Ref(3), "ops")) == ["ops 3: done"]


def test_the_last_command_on_a_ban_counts_and_one_that_is_over_is_forgotten(market: Market) -> None:
    banned = market.engine.venue.banned
    market.send(OPS, Disconnect(Ref(1), "bob", 10), Disconnect(Ref(2), "alice", 20))
    market.send(OPS, Disconnect(Ref(3), "bob", 5))
    assert banned == {ALICE: TIME_NS + 20 * SECOND_NS, BOB: TIME_NS + 5 * SECOND_NS}
    market.time_ns += 5 * SECOND_NS
    row = OnSessions(SessionsRequest(Ref(4)), (found(BOB), found(ALICE)), more=False)
    assert market.send(OPS, row)[:2] == [
        "ops 4: bob as 0 from , 0 open, up to 0",
        f"ops 4: alice as 0 from , 0 open, up to 0, out until {TIME_NS + 20 * SECOND_NS}",
    ]
    market.send(OPS, Disconnect(Ref(5), "alice"))
    assert banned == {}


def test_bans_are_part_of_the_state(market: Market) -> None:
    before = state.digest(market.engine)
    market.send(OPS, Disconnect(Ref(1), "bob", 10))
    saved = state.snapshot(market.engine)
    again = state.restore(saved)
    again.check()
    assert again.venue.banned == market.engine.venue.banned
    assert state.snapshot(again) == saved
    market.engine.venue.banned.clear()
    assert state.digest_of(saved) not in (before, state.digest(market.engine))


def test_an_outcome_is_told_to_whoever_asked(market: Market) -> None:
    snapshot = OnOutcome(TakeSnapshot(Ref(1)), True, 7)
    reload = OnOutcome(ReloadConfiguration(Ref(2)), False, 0, ("keys[0]: missing", "and more"))
    reports = market.outputs(OPS, snapshot, reload).streams[0].reports
    sequence = market.engine.sequence
    assert [(one.applied, one.at_sequence, one.lines) for one in reports] == [  # type: ignore[union-attr]
        (True, 7, ()),
        (False, sequence, ("keys[0]: missing", "and more")),
    ]


def test_rows_and_outcomes_are_no_larger_than_a_record_allows_for() -> None:
    large, most = 2**40, WIRE_INT_MAX
    throttle = (10**9, 10**9, 10**9, 10**9, large)
    row = FoundSession(SessionId(most), 255, 10**4, "x" * 48, TIME_NS_MAX, large, *throttle)
    report = SessionStatus(
        most,
        Ref(most),
        TIME_NS_MAX,
        1,
        SessionId(most),
        "x" * 32,
        255,
        10**4,
        "x" * 48,
        TIME_NS_MAX,
        large,
        m.ParticipantId(2**32),
        most,
        2**32,
        TIME_NS_MAX,
        *throttle,
    )
    assert len(encode([row])) + len(encode([report])) <= SESSION_ROW_BYTES_MAX
    bare = FoundSession(SessionId(1), 0, 0, "", 0, 0, 0, 0, 0, 0, 0)
    reported = structs.replace(
        report, session_id=SessionId(1), address="", since_ns=0, waiting_bytes=0, role=0, connections=0
    )
    reported = structs.replace(reported, commands_per_second=0, commands_burst=0, cancels_per_second=0)
    reported = structs.replace(reported, cancels_burst=0, throttled=0)
    assert len(encode([reported])) <= 10 * len(encode([bare])) - 1
    lines = OUTCOME_LINES_MAX * OUTCOME_LINE_CHARS_MAX
    assert 2 * lines + 500 < SESSION_STATUS_ROWS_MAX * SESSION_ROW_BYTES_MAX
    assert TIME_NS + BAN_SECONDS_MAX * SECOND_NS < TIME_NS_MAX

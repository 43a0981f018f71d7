"""What operators have the process do, over the wire: sessions, ends of connections, snapshots, the file."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from carbonmatch.client import Session
from carbonmatch.client.admin_process import (
    end_connections,
    keep_snapshot,
    read_again,
    show_sessions,
)
from carbonmatch.client.errors import ClientError, LogonRefused, OrderRejected, SessionRejectedError
from carbonmatch.config import Config, ConfigError
from carbonmatch.journal import snapshots
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.matching.messages import (
    Disconnect,
    NewOrder,
    Ref,
    RejectReason,
    SessionStatus,
    Side,
    TakeSnapshot,
)
from carbonmatch.protocol.messages import LoggedOut, LogonRejected, LogoutReason, Role
from carbonmatch.server import snapshot_now
from tests.end_to_end import market
from tests.end_to_end.market import ALICE, EUA
from tests.end_to_end.running import Addresses, Clock, Disk, Process, Venue, eventually, running


def operator_of(venue: Addresses) -> Session:
    return venue.session("operator")


def by_name(rows: list[SessionStatus]) -> dict[str, SessionStatus]:
    return {row.session: row for row in rows}


# --- sessions ----------------------------------------------------------------------------------------


async def test_the_list_has_every_session_and_who_is_connected(venue: Venue) -> None:
    async with operator_of(venue) as operator, venue.session("alice") as alice, venue.feed_wire():
        await alice.new_order(EUA, Side.BUY, 10, 100)
        async with venue.feed_wire(), venue.copy_wire():
            rows = by_name(await operator.sessions())
    assert list(rows) == [one.name for one in market.config(venue.directory).sessions]
    trading = rows["alice"]
    assert (trading.session_id, trading.role, trading.connections) == (ALICE, Role.TRADE, 1)
    assert (trading.participant_id, trading.last_seq, trading.open_orders) == (1, 1, 1)
    assert trading.address.startswith("127.0.0.1:")
    assert 0 < trading.since_ns < trading.time_ns
    assert (rows["feed"].role, rows["feed"].connections) == (Role.MARKET_DATA, 2)
    assert (rows["alice-copy"].role, rows["alice-copy"].last_seq) == (Role.DROP_COPY, 1)
    assert (rows["bob"].role, rows["bob"].connections, rows["bob"].since_ns) == (0, 0, 0)


async def test_the_list_comes_in_pages_and_one_session_alone(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("carbonmatch.server.steering.SESSION_STATUS_MAX", 3)
    async with operator_of(venue) as operator:
        assert len(await operator.sessions()) == len(market.config(venue.directory).sessions)
        assert [row.session for row in await operator.sessions("carol")] == ["carol"]
        assert await operator.sessions("nobody") == []


async def test_a_throttle_and_what_it_has_refused_are_in_the_list(tmp_path: Path) -> None:
    throttle = "{ commands_per_second = 1, commands_burst = 2, cancels_per_second = 5, cancels_burst = 9 }"
    config = market.config(tmp_path, throttle=throttle)
    async with running(tmp_path, config) as venue, venue.session("carol") as carol:
        for _ in range(2):
            await carol.new_order(EUA, Side.BUY, 1, 100)
        with pytest.raises(SessionRejectedError, match="THROTTLED"):
            await carol.new_order(EUA, Side.BUY, 1, 100)
        async with operator_of(venue) as operator:
            (row,) = await operator.sessions("carol")
    assert (row.commands_per_second, row.commands_burst) == (1, 2)
    assert (row.cancels_per_second, row.cancels_burst, row.throttled) == (5, 9, 1)


# --- the ends of connections ---------------------------------------------------------------------------


async def test_every_connection_of_a_session_is_ended_and_told_why(venue: Venue) -> None:
    async with venue.feed_wire() as first, venue.feed_wire() as second, operator_of(venue) as operator:
        sequence = await operator.disconnect("feed", text="moving the readers")
        assert sequence == venue.engine.sequence
        for wire in (first, second):
            assert await wire.goodbye() == LoggedOut(LogoutReason.DISCONNECTED, "moving the readers")
        async with venue.feed_wire():
            assert venue.counters.disconnects[LogoutReason.DISCONNECTED] == 2


async def test_a_client_that_was_disconnected_comes_back_and_misses_nothing(venue: Venue) -> None:
    lost: list[Any] = []
    access = market.access(venue.order_entry, "alice")
    async with Session(access, on_disconnect=lost.append) as alice, operator_of(venue) as operator:
        await alice.new_order(EUA, Side.BUY, 10, 100)
        await operator.disconnect("alice", text="once")
        await eventually(lambda: bool(lost))
        assert lost[0].reason is LogoutReason.DISCONNECTED
        assert "once" in str(lost[0])
        await alice.new_order(EUA, Side.BUY, 10, 100)
        assert alice.next_seq == 3


async def test_cancel_on_disconnect_holds_for_who_is_disconnected(venue: Venue) -> None:
    async with venue.wire("alice", cancel_on_disconnect=True) as wire, operator_of(venue) as operator:
        wire.send(NewOrder(Ref(1), EUA, Side.BUY, 10, 100))
        await wire.reports(1)
        await operator.disconnect("alice")
        await wire.goodbye()
        await eventually(lambda: venue.engine.open_order_count == 0)


async def refused_logon(venue: Addresses, name: str = "alice") -> LogonRejected:
    with pytest.raises(LogonRefused) as refused:
        async with Session(market.access(venue.order_entry, name), reconnect_seconds=0):
            pass
    return LogonRejected(refused.value.reason, str(refused.value))


async def test_a_ban_is_over_by_itself(clock: Clock, tmp_path: Path) -> None:
    async with running(tmp_path) as venue, operator_of(venue) as operator:
        await operator.disconnect("alice", ban_seconds=60)
        assert (await refused_logon(venue)).reason is RejectReason.SESSION_BANNED
        clock.advance(61)
        async with venue.session("alice"):
            pass


async def test_whoever_has_not_the_key_is_not_told_of_a_ban(venue: Venue) -> None:
    async with operator_of(venue) as operator:
        await operator.disconnect("alice", ban_seconds=60)
    access = structs.replace(market.access(venue.order_entry, "alice"), private_key=bytes(32))
    with pytest.raises(LogonRefused) as refused:
        async with Session(access, reconnect_seconds=0):
            pass
    assert refused.value.reason is RejectReason.LOGON_REFUSED


async def test_nobody_is_disconnected_before_the_disk_has_it(disk: Disk, venue: Venue) -> None:
    async with venue.session("alice"), operator_of(venue) as operator:
        with disk.held():
            operator.send([Disconnect(Ref(0), "alice")])
            await eventually(lambda: bool(venue.engine.sequence > venue.service._pipeline.durable_sequence))
            assert len([one for one in venue.order_entry_peers if one.connected]) == 2
        await eventually(lambda: venue.counters.disconnects[LogoutReason.DISCONNECTED] == 1)


async def test_bad_names_and_the_own_session_are_refused_in_words(
    venue: Venue, capsys: pytest.CaptureFixture[str]
) -> None:
    access = market.access(venue.order_entry, "operator")
    with pytest.raises(ClientError, match="UNKNOWN_SESSION: no session 'nobody'; `admin sessions`"):
        await end_connections(access, "nobody", 0, "")
    with pytest.raises(ClientError, match="OWN_SESSION: 'operator' is the session of this command"):
        await end_connections(access, "operator", 5, "")
    with pytest.raises(ClientError, match="no session 'nobody'"):
        await show_sessions(access, "nobody")
    await end_connections(access, "alice", 90, "for a while")
    await show_sessions(access, "alice")
    said = capsys.readouterr().out
    assert "alice is disconnected since sequence" in said
    assert "and is banned for 90 s" in said
    assert "alice (1), not connected, participant 1, seq 0, banned until 20" in said


async def test_a_member_may_not_steer(venue: Venue) -> None:
    async with venue.session("alice") as alice:
        for call in (
            alice.sessions(),
            alice.disconnect("bob"),
            alice.take_snapshot(),
            alice.reload_configuration(),
        ):
            with pytest.raises(SessionRejectedError, match="NOT_ENTITLED"):
                await call
    assert venue.counters.reloads.total() == 0


async def test_an_operator_without_the_permission_has_nothing_done(tmp_path: Path) -> None:
    there = market.config(tmp_path)
    sessions = tuple(
        structs.replace(one, permissions=("phases",)) if one.operator else one for one in there.sessions
    )
    async with (
        running(tmp_path, structs.replace(there, sessions=sessions)) as venue,
        operator_of(venue) as operator,
    ):
        before = venue.engine.sequence
        for needed, call in (
            ("inspect", operator.sessions()),
            ("sessions", operator.disconnect("bob")),
            ("configuration", operator.take_snapshot()),
            ("configuration", operator.reload_configuration()),
        ):
            with pytest.raises(SessionRejectedError, match=f"NOT_PERMITTED, needs {needed}, has phases"):
                await call
        assert venue.engine.sequence == before
        assert venue.counters.reloads.total() == 0


# --- snapshots ---------------------------------------------------------------------------------------


async def test_a_snapshot_is_the_state_between_two_commands(venue: Venue) -> None:
    async with operator_of(venue) as operator, venue.session("alice") as alice:
        await alice.new_order(EUA, Side.BUY, 10, 100)
        before = venue.engine.sequence
        digest = venue.digest()
        outcome = await operator.take_snapshot("now")
    assert (outcome.applied, outcome.at_sequence, outcome.lines) == (True, before, ())
    storage = DiskStorage(venue.directory)
    try:
        assert snapshots.load(storage, before).state_digest == digest
    finally:
        storage.release()


async def test_several_who_ask_at_once_all_get_one_while_others_trade(venue: Venue) -> None:
    async with operator_of(venue) as operator, venue.session("alice") as alice:
        refs = operator.send([TakeSnapshot(Ref(0)) for _ in range(8)])
        for _ in range(20):
            await alice.new_order(EUA, Side.BUY, 1, 100)
        await operator.drain()
    assert len(refs) == 8
    assert 1 <= len(list(venue.directory.glob("*.cms"))) <= 3
    assert venue.engine.open_order_count == 20


async def test_nobody_is_served_while_a_snapshot_waits_for_the_disk(disk: Disk, venue: Venue) -> None:
    pipeline = venue.service._pipeline
    async with operator_of(venue) as operator, venue.session("alice") as alice:
        with disk.held():
            alice.send([NewOrder(Ref(0), EUA, Side.BUY, 1, 100)])
            await eventually(lambda: venue.engine.open_order_count == 1)
            operator.send([TakeSnapshot(Ref(0))])
            await eventually(lambda: pipeline.is_full)
            alice.send([NewOrder(Ref(0), EUA, Side.BUY, 1, 100)])
            assert (await venue.get("/metrics"))[0] == 200
            assert venue.engine.open_order_count == 1
        await alice.drain()
        await operator.drain()
    assert venue.engine.open_order_count == 2
    assert len(list(venue.directory.glob("*.cms"))) == 1


async def test_a_large_or_relaxed_venue_says_what_keeps_its_snapshots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot_now, "SNAPSHOT_ORDERS_MAX", 1)
    async with running(tmp_path / "one") as venue, operator_of(venue) as operator:
        async with venue.session("alice") as alice:
            await alice.new_order(EUA, Side.BUY, 1, 100)
            assert (await operator.take_snapshot()).applied
            await alice.new_order(EUA, Side.BUY, 1, 100)
        outcome = await operator.take_snapshot()
        assert not outcome.applied
        assert "found 2 open orders, expected 1 at most" in outcome.lines[0]
    relaxed = market.config(tmp_path / "two", sync="relaxed")
    async with running(tmp_path / "two", relaxed) as venue:
        access = market.access(venue.order_entry, "operator")
        with pytest.raises(ClientError, match="no snapshot:\n  the journal is relaxed"):
            await keep_snapshot(access, "")


async def test_a_disk_that_takes_no_snapshot_is_said_and_trading_goes_on(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(snapshots, "write", full)
    async with operator_of(venue) as operator, venue.session("alice") as alice:
        outcome = await operator.take_snapshot()
        assert not outcome.applied
        assert "No space left on device" in outcome.lines[0]
        await alice.new_order(EUA, Side.BUY, 1, 100)
        monkeypatch.undo()
        assert (await operator.take_snapshot()).applied
        audited = [line.reason for line in await operator.audit()]
    assert audited == [RejectReason.NOT_APPLIED, 0]


# --- the file ----------------------------------------------------------------------------------------


def with_throttle(there: Config) -> Config:
    changed = structs.replace(there.throttle, commands_per_second=77, commands_burst=88)
    return structs.replace(there, throttle=changed)


async def test_an_operator_has_the_file_read_and_hears_what_has_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = market.config(tmp_path)
    async with running(tmp_path, there) as venue:
        access = market.access(venue.order_entry, "operator")
        await read_again(access, "nothing yet")
        without_bob = tuple(one for one in there.sessions if one.name != "bob-2")
        instruments = (structs.replace(there.instruments[0], lot_tonnes=5), *there.instruments[1:])
        venue.file = with_throttle(structs.replace(there, sessions=without_bob, instruments=instruments))
        await read_again(access, "bob has gone")
        said = capsys.readouterr().out.splitlines()
    assert said[1] == "  nothing has changed"
    assert "  session bob-2: removed" in said
    assert "  throttle of session alice, from its next logon on" in said
    assert said[-1] == "  changed, and in force at the next start: instruments"


async def test_a_file_with_mistakes_is_refused_in_words_and_changes_nothing(
    venue: Venue, capsys: pytest.CaptureFixture[str]
) -> None:
    access = market.access(venue.order_entry, "operator")
    problems = [f"market.toml: keys[{number}].id: missing" for number in range(20)]
    venue.file = ConfigError(["market.toml: a word that is not ours: \x1b[31m é", *problems])
    before = venue.engine.sequence
    with pytest.raises(ClientError) as refused:
        await read_again(access, "")
    lines = str(refused.value).splitlines()
    assert lines[0] == "the configuration is not taken over:"
    assert lines[1] == "  market.toml: a word that is not ours: ?[31m \\xe9"
    assert lines[-1] == "  ... and 6 more"
    assert len(lines) == 17
    assert venue.engine.sequence == before + 1, "that somebody has asked is journaled, and no more"
    async with venue.session("alice") as alice:
        await alice.new_order(EUA, Side.BUY, 1, 100)


async def test_nothing_is_done_while_the_disk_is_in_trouble(venue: Venue) -> None:
    async with operator_of(venue) as operator:
        venue.service._gateway.accept_orders(False)
        for call in (operator.take_snapshot(), operator.reload_configuration(), operator.sessions()):
            with pytest.raises(SessionRejectedError, match="DEGRADED_STORAGE"):
                await call
        assert venue.counters.reloads.total() == 0
        assert not list(venue.directory.glob("*.cms"))


async def test_a_session_that_is_no_operator_any_more_is_refused_by_the_market(venue: Venue) -> None:
    async with operator_of(venue) as operator:
        venue.engine.sessions[market.OPERATOR].operator = False
        for call in (operator.sessions(), operator.disconnect("bob"), operator.reload_configuration()):
            with pytest.raises(OrderRejected, match="NOT_ENTITLED"):
                await call
        assert venue.counters.reloads.total() == 0
        venue.engine.sessions[market.OPERATOR].operator = True


# --- and all of it after a crash -----------------------------------------------------------------------


async def test_what_operators_did_holds_after_a_crash(
    process: Process, capsys: pytest.CaptureFixture[str]
) -> None:
    await process.start()
    access = market.access(process.order_entry, "operator")
    async with operator_of(process) as operator:
        process._config.write_text(process.text.replace('name = "CAROL"', 'name = "CAROLA"'))
        outcome = await operator.reload_configuration("carol has married")
        assert (outcome.applied, outcome.lines) == (True, ("account 31, CAROLA",))
        rows = await operator.sessions()
        await operator.disconnect("alice", ban_seconds=3600, text="runs wild")
    process.text = process._config.read_text()
    await keep_snapshot(access, "before the upgrade")
    (snapshot,) = snapshots.sequences(DiskStorage(process.directory))
    assert f"snapshot {snapshot} is on the disk" in capsys.readouterr().out
    async with process.session("bob") as bob:
        await bob.new_order(EUA, Side.BUY, 10, 101)
    await process.kill()
    await process.start()
    assert process.events("recovered")[0]["snapshot_sequence"] == snapshot
    # The answers are what they were.
    async with process.wire("operator", 1) as wire:
        again = await wire.reports(1 + len(rows) + 1)
    assert again[: len(rows) + 1] == [outcome, *rows]
    refused = await refused_logon(process)
    assert refused.reason is RejectReason.SESSION_BANNED
    assert "until 20" in refused.text
    async with operator_of(process) as operator, process.session("bob") as bob:
        assert len(await bob.order_status()) == 2
        await operator.disconnect("alice")
        async with process.session("alice") as alice:
            await alice.new_order(EUA, Side.BUY, 10, 100)
        (row,) = await operator.sessions("alice")
        assert row.banned_until_ns == 0

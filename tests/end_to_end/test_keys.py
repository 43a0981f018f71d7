"""Keys change while the venue runs, and nobody who is entitled notices."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from carbonmatch.config import Account, Config, ConfigError, Key
from carbonmatch.matching.messages import (
    Accepted,
    AccountId,
    Canceled,
    CancelReason,
    NewOrder,
    NewOrderLong,
    OrderFlag,
    Phase,
    Ref,
    RejectReason,
    SetPhase,
    Side,
)
from carbonmatch.protocol.auth import public_key_of
from carbonmatch.protocol.messages import LogonAccepted, LogonRejected, LogoutReason, Role, SessionRejected
from tests.end_to_end import market
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Clock, Disk, Process, Venue, eventually, running

OTHER_KEY = b"\x07" * 32


def with_key(config: Config, key_id: str, **changes: Any) -> Config:
    """`config` with one key changed."""
    keys = tuple(structs.replace(key, **changes) if key.id == key_id else key for key in config.keys)
    return structs.replace(config, keys=keys)


def with_session(config: Config, name: str, **changes: Any) -> Config:
    sessions = tuple(structs.replace(one, **changes) if one.name == name else one for one in config.sessions)
    return structs.replace(config, sessions=sessions)


def without_key(config: Config, key_id: str) -> Config:
    """Its sessions go with it, since each names a key that there has to be."""
    return structs.replace(
        config,
        keys=tuple(key for key in config.keys if key.id != key_id),
        sessions=tuple(session for session in config.sessions if session.key != key_id),
    )


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return market.config(tmp_path / "journal")


async def refused(venue: Venue, session: str, **options: Any) -> LogonRejected:
    async with venue.wire() as wire:
        answer = await wire.log_on(session, **options)
        assert isinstance(answer, LogonRejected), answer
        return answer


async def test_a_removed_key_ends_its_connections_and_no_others(venue: Venue, config: Config) -> None:
    async with venue.wire("alice") as alice, venue.wire("alice-2") as second, venue.wire("bob") as bob:
        await venue.reload(without_key(config, "alice"))
        assert (await alice.goodbye()).reason is LogoutReason.NOT_ENTITLED
        assert (await second.goodbye()).reason is LogoutReason.NOT_ENTITLED
        bob.send(NewOrder(Ref(1), EUA, Side.BUY, 1, 5000))
        assert isinstance((await bob.frame())[0], Accepted)
        assert (await refused(venue, "alice")).reason is RejectReason.LOGON_REFUSED
    assert list(venue.engine.keys) == ["bob", "carol", "desk", "feed", "operator", "watcher"]


async def test_a_key_for_the_feed_is_removed_there_as_well(venue: Venue, config: Config) -> None:
    async with venue.feed_wire() as feed:
        await venue.reload(without_key(config, "feed"))
        assert (await feed.goodbye()).reason is LogoutReason.NOT_ENTITLED


async def test_another_public_key_under_the_same_name_is_another_key(venue: Venue, config: Config) -> None:
    async with venue.wire("alice") as alice:
        await venue.reload(with_key(config, "alice", public_key=public_key_of(OTHER_KEY).hex()))
        assert (await alice.goodbye()).reason is LogoutReason.NOT_ENTITLED
    await refused(venue, "alice")
    async with venue.wire("alice", private_key=OTHER_KEY) as alice:
        assert alice.accepted.session == "alice"


async def test_a_key_is_changed_for_another_while_its_session_trades(venue: Venue, config: Config) -> None:
    new = Key(id="alice-new", public_key=public_key_of(OTHER_KEY).hex(), sessions=("alice",))  # type: ignore[arg-type]
    both = structs.replace(config, keys=(*config.keys, new))
    async with venue.wire("alice") as old:
        await venue.reload(both)
        assert await old.settle() == []
        async with venue.wire("alice", key_id="alice-new", private_key=OTHER_KEY) as alice:
            assert (await old.goodbye()).reason is LogoutReason.TAKEN_OVER
            named = with_session(both, "alice", key="alice-new")
            await venue.reload(structs.replace(named, keys=(*config.keys, structs.replace(new, sessions=()))))
            assert await alice.settle() == []
            assert (await refused(venue, "alice")).reason is RejectReason.LOGON_REFUSED


async def test_a_session_that_loses_a_role_is_logged_off_in_that_role(tmp_path: Path) -> None:
    both = with_session(market.config(tmp_path / "journal"), "alice", roles=("trade", "operator"))
    async with running(tmp_path / "journal", both) as venue:
        async with venue.wire("alice", role=Role.OPERATOR) as alice:
            await venue.reload(with_session(both, "alice", roles=("trade",)))
            assert (await alice.goodbye()).reason is LogoutReason.NOT_ENTITLED
        async with venue.wire("alice") as alice:
            assert await alice.settle() == []


async def test_a_new_session_needs_no_restart(venue: Venue, config: Config) -> None:
    alice = config.sessions[0]
    new = structs.replace(alice, id=77, name="alice-3")
    await venue.reload(structs.replace(config, sessions=(*config.sessions, new)))
    async with venue.wire("alice-3") as wire:
        wire.send(NewOrder(Ref(1), EUA, Side.BUY, 1, 5000))
        assert isinstance((await wire.frame())[0], Accepted)


async def test_a_session_that_is_taken_out_is_logged_off_and_its_orders_go(
    venue: Venue, config: Config
) -> None:
    others = tuple(one for one in config.sessions if one.name != "alice")
    keys = tuple(one for one in config.keys if one.id != "alice")
    async with venue.wire("bob") as bob, venue.wire("alice") as alice:
        alice.send(NewOrder(Ref(1), EUA, Side.BUY, 3, 5000, flags=OrderFlag.KEEP_ON_DISCONNECT))
        await alice.reports(1)
        await venue.reload(structs.replace(config, sessions=others, keys=keys))
        (canceled,) = await alice.reports(1)
        assert isinstance(canceled, Canceled)
        assert (canceled.canceled_lots, canceled.reason) == (3, CancelReason.SESSION_REMOVED)
        assert (await alice.goodbye()).reason is LogoutReason.NOT_ENTITLED
        assert await bob.settle() == []
    assert venue.engine.open_order_count == 0
    # Back in the file, it goes on where its stream was.
    await venue.reload(config)
    async with venue.wire("alice", 1) as alice:
        assert [report.seq for report in await alice.reports(2)] == [1, 2]
        alice.send(NewOrder(Ref(2), EUA, Side.BUY, 1, 5000))
        assert isinstance((await alice.frame())[0], Accepted)


async def test_a_throttle_is_another_one_from_the_next_logon_on(venue: Venue, config: Config) -> None:
    throttle = structs.replace(config.throttle, commands_per_second=3, commands_burst=5)
    await venue.reload(structs.replace(config, throttle=throttle))
    async with venue.wire("alice") as alice:
        assert (alice.accepted.commands_per_second, alice.accepted.commands_burst) == (3, 5)


async def test_a_bad_file_changes_nothing_and_names_what_is_wrong(
    venue: Venue, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    before = venue.digest()
    async with venue.wire("alice") as alice:
        with caplog.at_level("ERROR", "carbonmatch"):
            await venue.reload(ConfigError(["market.toml: keys[0].public_key: missing"]))
        assert await alice.settle() == []
    assert venue.digest() == before
    assert venue.counters.reloads == {"refused": 1}
    (record,) = [one for one in caplog.records if one.msg == "reload_refused"]
    assert record.fields["text"] == "market.toml: keys[0].public_key: missing"  # type: ignore[attr-defined]
    await venue.reload(without_key(config, "alice"))
    assert venue.counters.reloads == {"refused": 1, "applied": 1}


async def test_what_needs_a_restart_is_said_and_not_done(
    venue: Venue, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    first, *others = config.instruments
    changed = structs.replace(config, instruments=(structs.replace(first, quantity_min_lots=7), *others))
    sequence = venue.engine.sequence
    with caplog.at_level("WARNING", "carbonmatch"):
        await venue.reload(changed)
    assert venue.engine.sequence == sequence
    (record,) = [one for one in caplog.records if one.msg == "restart_needed"]
    assert "instruments" in record.fields["text"]  # type: ignore[attr-defined]


async def test_a_key_is_not_in_force_before_it_is_durable(tmp_path: Path, disk: Disk, config: Config) -> None:
    async with running(tmp_path / "journal") as venue:
        new = structs.replace(config.sessions[0], id=77, name="alice-3")
        with disk.held():
            reload = asyncio.create_task(
                venue.reload(structs.replace(config, sessions=(*config.sessions, new)))
            )
            await eventually(lambda: len(venue.engine.keys["alice"].sessions) == 3)
            assert (await refused(venue, "alice-3")).reason is RejectReason.LOGON_REFUSED
        await reload
        async with venue.wire("alice-3"):
            pass


async def test_two_requests_to_read_again_end_with_the_last_file(venue: Venue, config: Config) -> None:
    venue.file = without_key(config, "alice")
    venue.service.reload()
    await venue.reload(without_key(config, "bob"))
    await eventually(lambda: venue.counters.reloads["applied"] == 2)
    assert "alice" in venue.engine.keys
    assert "bob" not in venue.engine.keys


@pytest.mark.parametrize("seconds", [0.0, 0.002, 0.005])
async def test_a_stop_while_a_long_file_comes_in_force_is_a_clean_one(
    tmp_path: Path, config: Config, seconds: float
) -> None:
    """The next start defines what was left."""
    *others, carol = config.participants
    many = tuple(Account(id=AccountId(1_000 + n), name=f"A{n}") for n in range(3_000))
    changed = structs.replace(
        config, participants=(*others, structs.replace(carol, accounts=(*carol.accounts, *many)))
    )
    async with running(tmp_path / "journal") as venue:
        venue.file = changed
        venue.service.reload()
        await asyncio.sleep(seconds)
    async with running(tmp_path / "journal", changed) as venue:
        assert set(range(1_000, 4_000)) < venue.engine.accounts.keys()


async def test_a_key_expires_for_logons_and_for_those_who_are_in(
    tmp_path: Path, clock: Clock, config: Config
) -> None:
    expires = datetime.fromtimestamp(clock.time_ns() // 10**9, UTC) + timedelta(hours=1)
    async with (
        running(tmp_path / "journal", with_key(config, "alice", expires=expires)) as venue,
        venue.wire("alice", heartbeat_ms=60_000) as alice,
    ):
        clock.advance_utc(3_601)
        assert (await alice.goodbye()).reason is LogoutReason.NOT_ENTITLED
        assert (await refused(venue, "alice")).reason is RejectReason.LOGON_REFUSED
        async with venue.wire("bob"):
            pass


async def test_a_key_opens_from_its_networks_only(venue: Venue, config: Config) -> None:
    async with venue.wire("alice") as alice:
        await venue.reload(with_key(config, "alice", addresses=("192.0.2.0/24", "2001:db8::/32")))
        assert (await alice.goodbye()).reason is LogoutReason.NOT_ENTITLED
        assert (await refused(venue, "alice")).reason is RejectReason.LOGON_REFUSED
    await venue.reload(with_key(config, "alice", addresses=("192.0.2.0/24", "127.0.0.0/8")))
    async with venue.wire("alice"):
        pass


# --- roles -----------------------------------------------------------------------------------------


async def test_an_operators_session_that_trades_steers_nothing(tmp_path: Path) -> None:
    both = with_session(market.config(tmp_path / "journal"), "alice", roles=("trade", "operator"))
    halt = SetPhase(Ref(2), EUA, Phase.HALTED)
    async with running(tmp_path / "journal", both) as venue:
        async with venue.wire("alice", role=Role.TRADE) as alice:
            alice.send(
                NewOrder(Ref(1), EUA, Side.BUY, 1, 5000), halt, NewOrder(Ref(3), EUA, Side.BUY, 1, 4000)
            )
            assert await alice.next(SessionRejected) == SessionRejected(Ref(2), RejectReason.NOT_ENTITLED)
            assert [type(one) for one in await alice.reports(2)] == [Accepted, Accepted]
        assert venue.counters.rejects[RejectReason.NOT_ENTITLED] == 1
        assert venue.engine.instruments[EUA].phase is Phase.CONTINUOUS
        async with venue.wire("alice", role=Role.OPERATOR) as alice:
            alice.send(structs.replace(halt, ref=Ref(4)))
            await alice.reports(1)
        assert venue.engine.instruments[EUA].phase is Phase.HALTED


@pytest.mark.parametrize("layout", [NewOrder, NewOrderLong])
async def test_a_key_for_operating_does_not_trade(tmp_path: Path, layout: type[NewOrder]) -> None:
    both = with_session(market.config(tmp_path / "journal"), "alice", roles=("trade", "operator"))
    async with (
        running(tmp_path / "journal", with_key(both, "alice", roles=("operator", "trade"))) as venue,
        venue.wire("alice", role=Role.OPERATOR) as alice,
    ):
        alice.send(layout(Ref(1), EUA, Side.BUY, 1, 5000))
        assert await alice.next(SessionRejected) == SessionRejected(Ref(1), RejectReason.NOT_ENTITLED)
        assert venue.engine.open_order_count == 0


# --- the real thing --------------------------------------------------------------------------------


async def test_keys_survive_a_kill_and_a_signal_has_the_file_read_again(process: Process) -> None:
    await process.start()
    text, key = process.text, public_key_of(market.private_key("alice")).hex()
    async with process.wire("alice") as alice:
        assert (
            "keys[0].public_key" in (await process.reload(text.replace(key, "zz"), "reload_refused"))["text"]
        )
        assert await alice.settle() == []
        await process.reload(text.replace(key, public_key_of(OTHER_KEY).hex()), "reloaded")
        assert (await alice.goodbye()).reason is LogoutReason.NOT_ENTITLED
    for _ in range(2):
        async with process.wire("alice", private_key=OTHER_KEY) as alice:
            assert isinstance(alice.accepted, LogonAccepted)
        await process.kill()
        await process.start()

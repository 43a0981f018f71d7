"""What operators change of the configuration while a venue runs, over the wire, and after restarts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from carbonmatch.audit_words import line_of
from carbonmatch.client import Access, Session
from carbonmatch.client.admin import set_phase
from carbonmatch.client.admin_tables import (
    KEY_WORDS,
    change,
    put_tables,
    set_throttle,
    show_amendments,
    tables_of,
)
from carbonmatch.client.errors import ClientError, LogonRefused, OrderRejected, SessionRejectedError
from carbonmatch.config import ConfigError, Key
from carbonmatch.matching.messages import (
    AmendmentsRequest,
    Canceled,
    CancelReason,
    ChangeTable,
    Outcome,
    Phase,
    PutTables,
    Ref,
    RejectReason,
    SetPhase,
    Side,
    TableAction,
    TableKind,
)
from carbonmatch.protocol.auth import public_key_of
from carbonmatch.protocol.messages import (
    Instrument,
    LogoutReason,
    PhaseUpdate,
    SnapshotEnd,
    Subscribe,
    ThrottleChanged,
)
from carbonmatch.server.amending import in_force
from tests.end_to_end import market
from tests.end_to_end.market import ALICE_ACCOUNT, EUA
from tests.end_to_end.running import Addresses, Disk, Process, Venue, eventually
from tests.end_to_end.wire import Wire

KAU = """
[[instruments]]
id = 7
symbol = "KAU"
currency = "KRW"
tick_value_minor = 1
price_decimals = 0
lot_tonnes = 1
"""
DORA = f"""
[[participants]]
id = 4
name = "DORA"
accounts = [{{ id = 41, name = "DORA" }}]

[[sessions]]
id = 20
name = "dora"
roles = ["trade"]
key = "dora"
accounts = [41]
throttle = {{ commands_per_second = 100, commands_burst = 200 }}

[[keys]]
id = "dora"
public_key = "{public_key_of(market.private_key("dora")).hex()}"
"""


def operator_of(venue: Addresses) -> Session:
    return venue.session("operator")


def access_of(venue: Addresses, name: str = "operator") -> Access:
    return market.access(venue.order_entry, name)


async def told(feed: Wire, is_it: Callable[[Any], bool]) -> list[Any]:
    """What a reader hears, up to what is waited for."""
    heard: list[Any] = []
    while not any(map(is_it, heard)):
        heard += await feed.frame()
    return heard


async def refused(venue: Addresses, name: str) -> RejectReason:
    with pytest.raises(LogonRefused) as error:
        async with Session(access_of(venue, name), reconnect_seconds=0):
            pass
    return error.value.reason


# --- instruments ---------------------------------------------------------------------------------------


async def test_an_instrument_is_listed_while_members_and_readers_are_connected(venue: Venue) -> None:
    async with venue.session("alice") as alice, venue.session("bob") as bob, venue.feed_wire() as feed:
        feed.send(Subscribe(Ref(1)))
        await feed.settle()
        with pytest.raises(OrderRejected, match="UNKNOWN_INSTRUMENT"):
            await alice.new_order(7, Side.BUY, 5, 100)
        async with operator_of(venue) as operator:
            outcome = await operator.put_tables(KAU, "a new market")
        assert (outcome.applied, outcome.lines) == (True, ("instrument KAU",))
        await told(feed, lambda one: type(one) is Instrument and one.definition.symbol == "KAU")
        await alice.new_order(7, Side.BUY, 5, 100)
        assert len(await bob.new_order(7, Side.SELL, 5, 100)) == 2
    assert "KAU" in (await venue.get("/metrics"))[1]


async def test_delisting_pulls_orders_refuses_new_ones_and_tells_the_feed(venue: Venue) -> None:
    async with venue.session("alice") as alice, operator_of(venue) as operator, venue.feed_wire() as feed:
        feed.send(Subscribe(Ref(1)))
        await told(feed, lambda one: type(one) is SnapshotEnd and one.instrument_id == market.CEA)
        events = alice.events()
        await alice.new_order(EUA, Side.BUY, 5, 100)
        await anext(events)
        outcome = await operator.change_table(TableKind.INSTRUMENT, "EUA", TableAction.DISABLE, "expired")
        assert outcome.lines == ("instrument EUA: delisted",)
        gone = await anext(events)
        assert isinstance(gone, Canceled)
        assert gone.reason is CancelReason.DELISTED
        heard = await told(feed, lambda one: type(one) is PhaseUpdate and one.phase is Phase.CLOSED)
        assert [one.definition.delisted for one in heard if type(one) is Instrument] == [True]
        with pytest.raises(OrderRejected, match="INSTRUMENT_DELISTED"):
            await alice.new_order(EUA, Side.BUY, 5, 100)
        with pytest.raises(OrderRejected, match="INSTRUMENT_DELISTED"):
            await operator.call(SetPhase(Ref(0), EUA, Phase.CONTINUOUS))
        await operator.change_table(TableKind.INSTRUMENT, "EUA", TableAction.ENABLE)
        await alice.new_order(EUA, Side.BUY, 5, 100)
        assert await operator.amendments() == [], "as in the file again"


# --- who trades ----------------------------------------------------------------------------------------


async def test_a_firm_with_its_session_and_key_comes_at_run_time(
    venue: Venue, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await refused(venue, "dora") is RejectReason.LOGON_REFUSED
    await put_tables(access_of(venue), DORA, "a new member")
    said = capsys.readouterr().out
    for line in ("account 41, DORA", "session dora", "key dora"):
        assert f"  {line}\n" in said
    async with venue.session("dora") as dora:
        assert dora.accepted.commands_per_second == 100
        await dora.new_order(EUA, Side.BUY, 5, 100)
    await show_amendments(access_of(venue))
    said = capsys.readouterr().out
    assert "participant DORA, added by session 6 at sequence" in said
    assert ": a new member\n" in said
    assert '"public_key"' in said


async def test_a_revoked_key_ends_its_connections_and_opens_nothing_till_it_is_enabled(venue: Venue) -> None:
    lost: list[Any] = []
    async with operator_of(venue) as operator:
        async with Session(access_of(venue, "carol"), on_disconnect=lost.append) as carol:
            await carol.new_order(EUA, Side.BUY, 5, 100)
            outcome = await operator.change_table(TableKind.KEY, "carol", TableAction.DISABLE, "lost")
            assert outcome.lines == ("key carol",)
            await eventually(lambda: bool(lost))
        assert lost[0].reason is LogoutReason.NOT_ENTITLED
        assert await refused(venue, "carol") is RejectReason.LOGON_REFUSED
        assert venue.engine.open_order_count == 1
        await operator.change_table(TableKind.KEY, "carol", TableAction.ENABLE)
        async with venue.session("carol"):
            pass


async def test_a_new_key_is_good_beside_the_old_one(venue: Venue) -> None:
    public = public_key_of(market.private_key("spare")).hex()
    tables = f'[[keys]]\nid = "spare"\npublic_key = "{public}"\nsessions = ["carol"]\n'
    spare = structs.replace(
        access_of(venue, "carol"), key_id="spare", private_key=market.private_key("spare")
    )
    async with operator_of(venue) as operator:
        await operator.put_tables(tables)
        async with Session(spare):
            pass
        async with venue.session("carol"):
            pass
        await operator.change_table(TableKind.KEY, "spare", TableAction.REMOVE)
        with pytest.raises(LogonRefused):
            async with Session(spare, reconnect_seconds=0):
                pass


async def test_a_disabled_session_is_out_and_a_removed_one_takes_its_orders_along(venue: Venue) -> None:
    async with operator_of(venue) as operator:
        async with venue.session("carol") as carol:
            await carol.new_order(EUA, Side.BUY, 5, 100)
        await operator.change_table(TableKind.SESSION, "carol", TableAction.DISABLE)
        assert await refused(venue, "carol") is RejectReason.LOGON_REFUSED
        assert venue.engine.open_order_count == 1
        outcome = await operator.change_table(TableKind.SESSION, "carol", TableAction.REMOVE)
        assert "session carol: removed" in outcome.lines
        assert venue.engine.open_order_count == 0
        await operator.change_table(TableKind.SESSION, "carol", TableAction.RESTORE)
        async with venue.session("carol", 1) as carol:
            events = carol.events()
            assert [type(await anext(events)).__name__ for _ in range(2)] == ["Accepted", "Canceled"]


async def test_of_a_disabled_participant_orders_go_and_nothing_is_taken(venue: Venue) -> None:
    async with venue.session("alice") as alice, venue.session("desk") as desk, operator_of(venue) as operator:
        await alice.new_order(EUA, Side.BUY, 5, 100)
        await desk.new_order(EUA, Side.BUY, 5, 99, account_id=ALICE_ACCOUNT)
        await desk.new_order(EUA, Side.BUY, 5, 98)
        await operator.change_table(TableKind.PARTICIPANT, "ALICE", TableAction.DISABLE, "insolvent")
        assert venue.engine.open_order_count == 1
        for session, account in ((alice, 0), (desk, ALICE_ACCOUNT)):
            with pytest.raises(OrderRejected, match="UNKNOWN_ACCOUNT"):
                await session.new_order(EUA, Side.BUY, 5, 100, account_id=account)
        await operator.change_table(TableKind.PARTICIPANT, "ALICE", TableAction.RESTORE)
        await alice.new_order(EUA, Side.BUY, 5, 100)


# --- throttles -----------------------------------------------------------------------------------------


async def test_a_throttle_holds_at_once_and_is_told_to_who_is_connected(venue: Venue) -> None:
    async with (
        venue.session("alice") as alice,
        venue.wire("bob") as bob,
        venue.wire("carol") as carol,
        operator_of(venue) as operator,
    ):
        outcome = await operator.set_throttle("alice", 1, 2, 5, 9, "runs wild")
        assert outcome.lines == ("throttle of session alice",)
        await alice.new_order(EUA, Side.BUY, 5, 100)
        await alice.new_order(EUA, Side.BUY, 5, 100)
        with pytest.raises(SessionRejectedError, match="THROTTLED"):
            await alice.new_order(EUA, Side.BUY, 5, 100)
        await alice.mass_cancel()
        told = alice.accepted
        assert (told.commands_per_second, told.commands_burst) == (1, 2)
        assert (told.cancels_per_second, told.cancels_burst) == (5, 9)
        (row,) = await operator.sessions("alice")
        assert (row.commands_per_second, row.cancels_burst, row.throttled) == (1, 9, 1)
        await operator.set_throttle("bob", 3, 4)
        assert await bob.next(ThrottleChanged) == ThrottleChanged(3, 4, 0, 0)
        assert await carol.settle() == [], "nobody else is told"
        await operator.change_table(TableKind.SESSION, "alice", TableAction.RESTORE)
        for _ in range(5):
            await alice.new_order(EUA, Side.BUY, 5, 100)
        assert alice.accepted.commands_per_second == 0


async def test_a_session_that_is_away_finds_its_throttle_at_its_logon(venue: Venue) -> None:
    async with operator_of(venue) as operator:
        await operator.set_throttle("alice", 7, 8)
    async with venue.wire("alice") as alice:
        assert (alice.accepted.commands_per_second, alice.accepted.commands_burst) == (7, 8)


@pytest.mark.parametrize(
    ("session", "rates", "found"),
    [
        ("nobody", (1, 1), "there is no session 'nobody'"),
        ("alice", (5, 0), "session 'alice': throttle"),
        ("alice", (10**12, 10**12), "Expected `int` <= 1000000000"),
    ],
)
async def test_a_throttle_that_is_none_is_refused_in_words(
    venue: Venue, session: str, rates: tuple[int, int], found: str
) -> None:
    with pytest.raises(ClientError, match="nothing is changed:") as error:
        await set_throttle(access_of(venue), session, (*rates, 0, 0), "")
    assert found in str(error.value)


# --- what is refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tables", "found"),
    [
        ("[[instruments]]\nid = 1", "instruments[0].symbol: missing"),
        (KAU.replace("lot_tonnes = 1", "lot_tons = 1"), "instruments[0].lot_tons: unknown key; did you mean"),
        (KAU.replace("KRW", "won"), "instruments[0].currency: expected three capital letters"),
        (KAU + "band_low_ticks = 9", "instrument 'KAU': "),
        (KAU.replace("id = 7", "id = 1"), "instrument 'KAU': id: 1 is there twice"),
        (KAU.replace("KAU", "EUA"), "found id 7, and 'EUA' has 1; expected a symbol and a number"),
        (KAU + 'schedule = "nowhere"', "instrument 'KAU': schedule: there is no schedule 'nowhere'"),
        ("[venue]\nserver_id = 'x'", "venue: unknown here; known are instruments"),
        ("[[keys", "the tables: "),
        ("# nothing", "found no table; expected one at least"),
        (DORA.replace('key = "dora"', 'key = "x"'), "session 'dora': key: there is no key 'x'"),
        (DORA.replace("id = 20", "id = 1"), "session 'dora': id: 1 is there twice"),
        (DORA.replace('name = "dora"', 'name = "bob"'), "session 'bob': found id 20, and 'bob' has 3"),
        (KAU + KAU, "found two tables of one name, expected each once"),
    ],
)
async def test_tables_that_do_not_fit_are_refused_in_words_and_change_nothing(
    venue: Venue, tables: str, found: str
) -> None:
    async with operator_of(venue) as operator:
        before = venue.engine.venue.amendments.copy(), len(venue.engine.books), len(venue.engine.sessions)
        outcome = await operator.put_tables(tables)
        assert not outcome.applied
        assert found in "\n".join(outcome.lines), outcome.lines
        after = venue.engine.venue.amendments, len(venue.engine.books), len(venue.engine.sessions)
        assert before == after


@pytest.mark.parametrize(
    ("kind", "name", "action", "found"),
    [
        (TableKind.SESSION, "nobody", TableAction.REMOVE, "there is no session 'nobody'; there are alice, "),
        (TableKind.SESSION, "operator", TableAction.DISABLE, "could not log on with 'operator' any more"),
        (TableKind.KEY, "operator", TableAction.DISABLE, "expected another operator to do it"),
        (TableKind.KEY, "bob", TableAction.REMOVE, "session 'bob': key: there is no key 'bob'"),
        (TableKind.PARTICIPANT, "BOB", TableAction.REMOVE, "session 'bob': accounts: there is no account 21"),
        (TableKind.INSTRUMENT, "EUA", TableAction.REMOVE, "it is listed; expected it to be delisted before"),
    ],
)
async def test_changes_that_leave_a_hole_are_refused_in_words(
    venue: Venue, kind: TableKind, name: str, action: TableAction, found: str
) -> None:
    with pytest.raises(ClientError, match="nothing is changed:") as error:
        await change(access_of(venue), kind, name, action, "", "done")
    assert found in str(error.value)
    assert not venue.engine.venue.amendments


async def test_a_private_key_in_the_file_does_not_travel(tmp_path: Path) -> None:
    file = tmp_path / "dora.toml"
    file.write_text(DORA + 'private_key = "00"\n')
    with pytest.raises(ClientError, match=r"is not sent: keys\[0\].private_key: expected id, public_key"):
        tables_of(file)
    file.write_text(DORA)
    assert tables_of(file) == DORA
    assert Key.__struct_fields__ == KEY_WORDS


async def test_an_audit_says_of_which_commands_nothing_came(venue: Venue) -> None:
    async with operator_of(venue) as operator:
        await operator.change_table(TableKind.SESSION, "nobody", TableAction.REMOVE, "by mistake")
        await operator.change_table(TableKind.SESSION, "carol", TableAction.DISABLE, "on leave")
        await operator.amendments()
        told = [line_of(one) for one in await operator.audit()]
    assert [(line.what, line.refused, line.why) for line in told] == [
        ("ChangeTable kind=SESSION name=nobody action=REMOVE", "NOT_APPLIED", "by mistake"),
        ("ChangeTable kind=SESSION name=carol action=DISABLE", "", "on leave"),
    ]


async def test_a_delisted_instrument_is_opened_by_nobody_and_that_is_said(venue: Venue) -> None:
    access = access_of(venue)
    await change(access, TableKind.INSTRUMENT, "EUA", TableAction.DISABLE, "", "delisted")
    with pytest.raises(ClientError, match="INSTRUMENT_DELISTED: EUA is delisted; `admin relist` lets it"):
        await set_phase(access, "EUA", Phase.CONTINUOUS, "")


async def test_one_change_in_a_frame_and_none_by_members_or_who_may_not(venue: Venue) -> None:
    async with venue.wire("operator") as operator, venue.session("alice") as alice:
        operator.send(PutTables(Ref(1), KAU), PutTables(Ref(2), DORA), AmendmentsRequest(Ref(3)))
        answers = await operator.reports(4)
        assert [(one.applied, one.lines) for one in answers if isinstance(one, Outcome)] == [
            (True, ("instrument KAU",)),
            (False, ("expected one change of it in a frame",)),
        ]
        for call in (alice.put_tables(KAU), alice.amendments()):
            with pytest.raises(SessionRejectedError, match="NOT_ENTITLED"):
                await call


async def test_nobody_is_let_in_or_sees_it_before_the_disk_has_it(disk: Disk, venue: Venue) -> None:
    async with operator_of(venue) as operator:
        with disk.held():
            operator.send([PutTables(Ref(0), DORA)])
            await eventually(lambda: bool(venue.engine.venue.amendments))
            # One after the other: what follows from this one is found out when that one is in force.
            operator.send([PutTables(Ref(0), KAU)])
            assert await refused(venue, "dora") is RejectReason.LOGON_REFUSED
            assert 7 not in venue.engine.books
        await operator.drain()
        assert 7 in venue.engine.books
        async with venue.session("dora"):
            pass


# --- restarts ------------------------------------------------------------------------------------------


async def test_changes_survive_a_kill_until_the_file_says_something_else(process: Process) -> None:
    await process.start()
    before = process.text
    async with operator_of(process) as operator:
        for outcome in (
            await operator.put_tables(KAU, "a new market"),
            await operator.put_tables(DORA, "a new member"),
            await operator.change_table(TableKind.INSTRUMENT, "CEA", TableAction.DISABLE, "expired"),
            await operator.change_table(TableKind.KEY, "carol", TableAction.DISABLE, "lost"),
            await operator.set_throttle("bob", 70, 80, text="as agreed"),
        ):
            assert outcome.applied
        kept = [structs.replace(one, ref=Ref(0), seq=0, time_ns=0) for one in await operator.amendments()]
    async with process.session("dora") as dora:
        await dora.new_order(7, Side.BUY, 5, 100)
    await process.kill()
    await process.start()
    async with operator_of(process) as operator, process.session("dora") as dora:
        assert len(await dora.order_status()) == 2
        again = [structs.replace(one, ref=Ref(0), seq=0, time_ns=0) for one in await operator.amendments()]
        assert again == kept
        async with process.session("bob") as bob:
            assert (bob.accepted.commands_per_second, bob.accepted.commands_burst) == (70, 80)
        with pytest.raises(OrderRejected, match="INSTRUMENT_DELISTED"):
            await dora.new_order(2, Side.BUY, 20, 1000)
        assert await refused(process, "carol") is RejectReason.LOGON_REFUSED
    # A clean stop leaves a snapshot; and the file now says something of Carol's key, and of CEA.
    assert await process.stop() == 0
    process.text = before.replace('id = "carol"', 'id = "carol"\nexpires = 2099-01-01T00:00:00Z')
    process.text = process.text.replace("quantity_max_lots = 10000", "quantity_max_lots = 9000")
    await process.start()
    overruled = [(one["kind"], one["name"]) for one in process.events("amendment_overruled")]
    assert overruled == [("instrument", "CEA"), ("key", "carol")]
    async with operator_of(process) as operator, process.session("carol") as carol:
        await carol.new_order(2, Side.BUY, 20, 1000)
        assert [one.name for one in await operator.amendments()] == [
            "KAU",
            "DORA",
            "bob",
            "dora",
            "dora",
        ]


async def test_a_file_that_is_read_again_keeps_what_operators_have_changed(venue: Venue) -> None:
    async with operator_of(venue) as operator:
        await operator.put_tables(DORA)
        await operator.change_table(TableKind.SESSION, "carol", TableAction.DISABLE)
        assert isinstance(venue.file, type(market.config(venue.directory)))
        outcome = await operator.reload_configuration()
        assert outcome.lines == ("nothing has changed",)
        async with venue.session("dora"):
            pass
        assert await refused(venue, "carol") is RejectReason.LOGON_REFUSED
        sessions = tuple(
            structs.replace(one, permissions=("cancel", "read")) if one.name == "carol" else one
            for one in venue.file.sessions
        )
        await venue.reload(structs.replace(venue.file, sessions=sessions))
        assert [one.name for one in await operator.amendments()] == ["DORA", "dora", "dora"]
        async with venue.session("carol") as carol:
            with pytest.raises(SessionRejectedError, match="NOT_PERMITTED"):
                await carol.new_order(EUA, Side.BUY, 5, 100)


async def test_a_file_and_changes_that_do_not_fit_are_no_configuration_in_words(venue: Venue) -> None:
    async with operator_of(venue) as operator:
        await operator.put_tables(DORA)
    there = market.config(venue.directory)
    taken = structs.replace(there.participants[0], name="OTHER", id=4, accounts=())
    with pytest.raises(ConfigError, match=r"with what operators have changed .*participant 'DORA': id: 4"):
        in_force(structs.replace(there, participants=(*there.participants, taken)), venue.engine)


async def test_commands_of_the_wire_have_bounds(venue: Venue) -> None:
    async with venue.wire("operator") as operator:
        operator.send(PutTables(Ref(1), "#" * 9_000))
        assert (await operator.goodbye()).reason is LogoutReason.PROTOCOL_ERROR
    async with venue.wire("operator") as operator:
        operator.send(ChangeTable(Ref(1), TableKind.KEY, "", TableAction.REMOVE))
        assert (await operator.goodbye()).reason is LogoutReason.PROTOCOL_ERROR

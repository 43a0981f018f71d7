"""Who asks for little is served before those who ask for more than a turn has, and keeps nobody waiting."""

from collections.abc import Callable

import pytest

from carbonmatch.limits import BATCH_COMMANDS_SHARED_MAX, CUT_BYTES_MAX, FRAME_MESSAGES_MAX, FRAME_WORK
from carbonmatch.matching.messages import NewOrder, Ref, Side
from carbonmatch.protocol.codec import encode
from carbonmatch.protocol.frames import frame
from carbonmatch.protocol.messages import LogoutReason
from carbonmatch.server import gateway as gateway_module
from carbonmatch.server.gateway import Gateway
from carbonmatch.server.session_peer import SessionPeer
from tests.end_to_end.market import ALICE, BOB, EUA
from tests.end_to_end.running import Disk, Venue, eventually
from tests.end_to_end.wire import Wire

FLOOD_COMMANDS = 20 * FRAME_MESSAGES_MAX
ASKED = 20


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Whom each turn has served, in order."""
    found: list[list[str]] = []
    turn: Callable[[Gateway], None] = Gateway._turn
    serve = SessionPeer.serve

    def noted_turn(gateway: Gateway) -> None:
        found.append([])
        turn(gateway)

    def noted(peer: SessionPeer, work_max: int) -> int:
        assert peer.rules.logon is not None
        found[-1].append(peer.rules.logon.session)
        return serve(peer, work_max)

    monkeypatch.setattr(Gateway, "_turn", noted_turn)
    monkeypatch.setattr(SessionPeer, "serve", noted)
    return found


def order(ref: int) -> NewOrder:
    return NewOrder(Ref(ref), EUA, Side.BUY, 1, 1 + ref % 1_000)


def flood(wire: Wire, first_ref: int = 1) -> None:
    for start in range(first_ref, first_ref + FLOOD_COMMANDS, 64):
        wire.send(*(order(ref) for ref in range(start, min(start + 64, first_ref + FLOOD_COMMANDS))))


async def one_by_one(wire: Wire, first_ref: int) -> None:
    for ref in range(first_ref, first_ref + ASKED):
        wire.send(order(ref))
        await wire.reports(1)


async def test_who_asks_for_little_comes_first_in_each_turn(venue: Venue, turns: list[list[str]]) -> None:
    async with venue.wire("alice") as alice, venue.wire("bob") as bob:
        await one_by_one(bob, 1)
        turns.clear()
        flood(alice)
        await one_by_one(bob, 1 + ASKED)
        await alice.reports(FLOOD_COMMANDS)
    beside = [turn for turn in turns if "bob" in turn and "alice" in turn]
    assert beside, "the test floods"
    assert {turn.index("bob") for turn in beside} == {0}


async def test_who_has_asked_for_much_waits_for_its_place(venue: Venue, turns: list[list[str]]) -> None:
    """Else two that send full frames in turns would keep everybody waiting."""
    async with venue.wire("alice") as alice, venue.wire("bob") as bob:
        flood(alice)
        for first_ref in range(1, 1 + 4 * FRAME_MESSAGES_MAX, FRAME_MESSAGES_MAX):
            bob.send(*(order(ref) for ref in range(first_ref, first_ref + FRAME_MESSAGES_MAX)))
            await bob.reports(FRAME_MESSAGES_MAX)
            assert not any(peer.is_modest for peer in venue.order_entry_peers if peer.state.name == "bob")
        await alice.reports(FLOOD_COMMANDS)


async def test_many_who_ask_for_little_leave_others_their_turn(
    venue: Venue, turns: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They have half of a turn together; here one frame."""
    monkeypatch.setattr(gateway_module, "TURN_WORK_MAX", 2 * FRAME_WORK)
    async with venue.wire("alice") as alice, venue.wire("bob") as bob, venue.wire("carol") as carol:
        for wire in (bob, carol):
            await one_by_one(wire, 1)
        turns.clear()
        flood(alice)
        for ref in range(1 + ASKED, 1 + 2 * ASKED):
            for wire in (bob, carol):
                wire.send(order(ref))
            for wire in (bob, carol):
                await wire.reports(1)
        await alice.reports(FLOOD_COMMANDS)
    beside = [turn for turn in turns if "alice" in turn and len(turn) > 1]
    assert beside, "the test floods"
    assert all(turn.count("bob") + turn.count("carol") <= 1 for turn in beside)


async def test_a_full_batch_has_room_for_who_asks_for_little(
    venue: Venue, disk: Disk, turns: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk is slow, who floods has filled the batch, and everybody would wait for one more."""
    monkeypatch.setattr(gateway_module, "SHORT_TURNS_NS", 3_600 * 10**9)
    pipeline = venue.service._pipeline
    async with venue.wire("alice") as alice, venue.wire("bob") as bob:
        await one_by_one(bob, 1)
        flood(alice)
        await one_by_one(bob, 1 + ASKED)
        await alice.reports(FLOOD_COMMANDS)
        assert any(turn[:1] == ["bob"] and "alice" in turn for turn in turns), "the test floods"
        with disk.held():
            flood(alice, 1 + FLOOD_COMMANDS)
            await eventually(lambda: pipeline.gathered_count >= BATCH_COMMANDS_SHARED_MAX)
            assert not pipeline.is_full
            bob.send(order(1 + 2 * ASKED))
            await eventually(lambda: venue.engine.sessions[BOB].last_ref == 1 + 2 * ASKED)
            assert turns[-1] == ["bob"]
        await bob.reports(1)
        await alice.reports(FLOOD_COMMANDS)


async def test_a_large_chunk_of_small_frames_is_cut_as_it_is_served(venue: Venue) -> None:
    count = 4 * CUT_BYTES_MAX // len(frame(encode([order(1)])))
    async with venue.wire("alice") as alice:
        alice.write(b"".join(frame(encode([order(ref)])) for ref in range(1, count + 1)))
        reports = await alice.reports(count)
        assert [report.ref for report in reports] == list(range(1, count + 1))
        assert (await alice.settle()) == []


async def test_what_is_not_cut_yet_is_among_the_bytes_that_wait(venue: Venue) -> None:
    count = 4 * CUT_BYTES_MAX // len(frame(encode([order(1)])))
    async with venue.wire("alice") as alice:
        (peer,) = venue.order_entry_peers
        peer.data_received(b"".join(frame(encode([order(ref)])) for ref in range(1, count + 1)))
        _, waiting_bytes = venue.service._gateway.waiting()
        assert waiting_bytes == peer.waiting_bytes
        assert waiting_bytes > 3 * CUT_BYTES_MAX
        await alice.reports(count)


async def test_what_was_cut_before_a_wrong_frame_is_answered_and_the_session_ends(venue: Venue) -> None:
    count = 2 * CUT_BYTES_MAX // len(frame(encode([order(1)])))
    async with venue.wire("alice") as alice:
        good = b"".join(frame(encode([order(ref)])) for ref in range(1, count + 1))
        alice.write(good + b"\xff\xff\xff\xff" + bytes(CUT_BYTES_MAX))
        assert (await alice.goodbye()).reason is LogoutReason.PROTOCOL_ERROR
    assert venue.engine.sessions[ALICE].last_ref > count // 2


async def test_nothing_is_read_before_what_was_read_is_cut_and_what_comes_yet_waits_behind_it(
    venue: Venue,
) -> None:
    """With TLS some more may come of what was decrypted already."""
    count = 4 * CUT_BYTES_MAX // len(frame(encode([order(1)])))
    async with venue.wire("alice") as alice:
        (peer,) = venue.order_entry_peers
        peer.data_received(b"".join(frame(encode([order(ref)])) for ref in range(1, count)))
        peer.serve(1)
        assert not peer.transport.is_reading()
        peer.data_received(frame(encode([order(count)])))
        assert [report.ref for report in await alice.reports(count)] == list(range(1, count + 1))
        assert (await alice.settle()) == []

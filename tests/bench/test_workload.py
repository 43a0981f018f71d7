"""The load: the same bytes for the same seed, and only commands that could be meant."""

from itertools import islice

import pytest

from bench.workload import (
    MIDDLE_TICKS,
    OPEN_ORDERS_MAX,
    QUANTITY_LOTS_MAX,
    Mix,
    Workload,
    digest,
    session_commands,
    session_frames,
)
from carbonmatch.matching.messages import Cancel, NewOrder, Replace, SelfTradePrevention, Side, TimeInForce
from carbonmatch.protocol.codec import decode_client_frame
from carbonmatch.protocol.frames import FrameReader

SMALL = Workload(sessions=2, commands=640, frame_commands=16)


def all_frames(workload: Workload) -> list[list[bytes]]:
    return [session_frames(workload, index) for index in range(workload.sessions)]


def test_the_bytes_of_a_seed_never_change() -> None:
    # Results of last year are compared with those of today: another digest is another benchmark.
    assert digest(all_frames(SMALL)) == "a94aee8ac13922c8949b5020493cdf23"


def test_another_seed_or_session_gives_other_bytes() -> None:
    first, second = all_frames(SMALL)
    assert first != second
    other = Workload(sessions=2, commands=640, frame_commands=16, seed=2)
    assert all_frames(other)[0] != first


def test_the_first_frame_is_what_the_protocol_says() -> None:
    lone = Workload(sessions=1, commands=1, frame_commands=1)
    assert session_frames(lone, 0) == [bytes.fromhex("0000000f919b1001020210cd27160001010100")]


def test_a_session_sends_whole_frames_with_dense_refs() -> None:
    frames = session_frames(SMALL, 1, first_ref=1_001)
    payloads = FrameReader(16 * 1024).feed(b"".join(frames))
    commands = [command for payload in payloads for command in decode_client_frame(payload)]
    assert [len(decode_client_frame(payload)) for payload in payloads] == [16] * 20
    refs = [command.ref for command in commands if isinstance(command, NewOrder | Cancel | Replace)]
    assert refs == list(range(1_001, 1_321))


@pytest.mark.parametrize("seed", range(1, 6))
def test_only_orders_that_can_be_open_are_named(seed: int) -> None:
    workload = Workload(sessions=3, commands=60_000, frame_commands=1, seed=seed)
    open_sides: dict[int, Side] = {}
    for command in islice(session_commands(workload, 2), 20_000):
        if type(command) is NewOrder:
            if command.time_in_force is not TimeInForce.IOC:
                open_sides[command.ref] = command.side
        elif type(command) is Cancel:
            del open_sides[command.order_ref]
        else:
            assert type(command) is Replace
            # From its replacement on, an order has the name of the replacement.
            side = open_sides[command.ref] = open_sides.pop(command.order_ref)
            assert (command.price_ticks < MIDDLE_TICKS) == (side is Side.BUY)
        assert len(open_sides) <= OPEN_ORDERS_MAX


def test_only_aggressive_orders_reach_over_the_middle() -> None:
    workload = Workload(sessions=1, commands=10_000, frame_commands=1)
    for command in islice(session_commands(workload, 0), 10_000):
        if type(command) is NewOrder:
            crosses = (command.price_ticks > MIDDLE_TICKS) == (command.side is Side.BUY)
            assert crosses == (command.time_in_force is TimeInForce.IOC)
            assert 1 <= command.quantity_lots <= QUANTITY_LOTS_MAX


def test_the_weights_are_those_of_the_mix() -> None:
    workload = Workload(sessions=1, commands=1, frame_commands=1, mix=Mix(60, 20, 15, 5))
    kinds = {NewOrder: 0, Cancel: 0, Replace: 0}
    for command in islice(session_commands(workload, 0), 2_000):
        kinds[type(command)] += 1
    # 65, 20 and 15 of a hundred until there are enough open orders, within 3.
    assert kinds[NewOrder] == pytest.approx(65 * 20, abs=60)
    assert kinds[Cancel] == pytest.approx(20 * 20, abs=60)


@pytest.mark.parametrize(
    ("sessions", "prevention"),
    [(1, SelfTradePrevention.NONE), (2, SelfTradePrevention.INSTRUMENT_DEFAULT)],
)
def test_a_lone_session_may_trade_with_itself(sessions: int, prevention: SelfTradePrevention) -> None:
    first = next(session_commands(Workload(sessions, 10, 1), 0))
    assert type(first) is NewOrder
    assert first.self_trade_prevention is prevention


@pytest.mark.parametrize(
    ("workload", "problem"),
    [
        (Workload(0, 10, 1), "sessions is 0, expected at least 1"),
        (Workload(1, 10, 129), "frame_commands is 129, expected at most 128"),
        (Workload(8, 100, 64), "100 commands do not fill a frame in each of 8 sessions"),
        (Workload(1, 10, 1, mix=Mix(add=0)), "weights of the mix are at least 0, that of adds at least 1"),
        (Workload(1, 10, 10), ""),
    ],
)
def test_what_cannot_be_made_is_said(workload: Workload, problem: str) -> None:
    assert workload.problem() == problem

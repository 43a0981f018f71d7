"""Everybody's streams, and what a drop copy of Alice's account has to make of them."""

from carbonmatch.matching.messages import AnyReport, Executed, SessionId
from carbonmatch.protocol.messages import Copied
from tests.end_to_end.market import ALICE, ALICE_2, ALICE_ACCOUNT, BOB, DESK
from tests.end_to_end.running import Addresses

NAMES = {ALICE: "alice", ALICE_2: "alice-2", BOB: "bob", DESK: "desk"}
Streams = dict[SessionId, list[AnyReport]]


async def read_streams(engine: Addresses) -> Streams:
    """Every session's stream from its beginning."""
    streams: Streams = {}
    for session_id, name in NAMES.items():
        async with engine.wire(name) as wire:
            end = wire.accepted.next_seq
        async with engine.wire(name, 1) as wire:
            streams[session_id] = await wire.reports(end - 1)
    return streams


async def read_copies(engine: Addresses, next_seq: int = 1) -> list[Copied]:
    """What there is now of Alice's copy, from `next_seq` on."""
    end = await copy_end(engine)
    async with engine.copy_wire(next_seq) as copy:
        copies = await copy.reports(end - next_seq)
        assert await copy.settle() == []
    assert [one.seq for one in copies] == list(range(next_seq, next_seq + len(copies)))
    return copies


def shown(streams: Streams) -> Streams:
    """What a copy of Alice's account has to have, by the rules, of everybody's streams."""
    owners = {order_of(report): account for stream in streams.values() for report in stream
              if (account := getattr(report, "account_id", 0))}  # fmt: skip
    return {
        session_id: [
            report
            for report in stream
            if (
                owners[order_of(report)] == ALICE_ACCOUNT
                if order_of(report)
                else session_id in (ALICE, ALICE_2)
            )
        ]
        for session_id, stream in streams.items()
    }


def order_of(report: AnyReport) -> int:
    """The order that a report names, or 0."""
    order_id: int = getattr(report, "order_id", 0)
    return order_id


def assert_complete(copies: list[Copied], streams: Streams) -> None:
    """Nothing is missing, nothing is there twice, and all of it is in the order of the market."""
    by_session: Streams = {session_id: [] for session_id in streams}
    for copy in copies:
        by_session[copy.session_id].append(copy.report)
    expected = shown(streams)
    for session_id, copied in by_session.items():
        told = expected[session_id]
        at = next((n for n, pair in enumerate(zip(copied, told, strict=False)) if pair[0] != pair[1]), None)
        assert at is None, f"session {session_id}, report {at}: copied {copied[at]}, told {told[at]}"
        assert len(copied) == len(told), (
            f"session {session_id}: {len(copied)} copied, {len(told)} told; {[*copied, *told][-1]}"
        )
    times = [copy.report.time_ns for copy in copies]
    assert times == sorted(times)
    trades = [copy.report.trade_id for copy in copies if isinstance(copy.report, Executed)]
    assert trades == sorted(trades)


async def copy_end(engine: Addresses) -> int:
    """The seq that the next copy will have."""
    async with engine.copy_wire() as copy:
        return copy.accepted.next_seq

"""Two operators in a real venue: proposed by one, confirmed by the other after a crash."""

import pytest

from carbonmatch.client import Access, OrderRejected, Session
from carbonmatch.client.admin import set_band
from carbonmatch.client.admin_confirm import decide, let_go, show
from carbonmatch.client.errors import AwaitsConfirmation, ClientError
from carbonmatch.client.operating import status_of
from carbonmatch.matching.messages import KillScope, Proposed, ProposedState, RejectReason, Side
from carbonmatch.protocol.auth import public_key_of
from carbonmatch.protocol.messages import Role
from tests.end_to_end import market
from tests.end_to_end.market import ALICE, ALICE_ACCOUNT, CEA, EUA
from tests.end_to_end.running import Process

# 2100, when nobody runs this any more.
LATER_NS = 4_102_444_800 * 10**9
SECOND = f"""
[confirmation]
commands = ["kill", "bust_trade", "set_band", "cancel_bidding"]
within_s = 3600

[[sessions]]
id = 60
name = "second"
roles = ["operator"]
key = "second"

[[keys]]
id = "second"
public_key = "{public_key_of(market.private_key("second")).hex()}"
"""


def operator(venue: Process, name: str) -> Access:
    access = market.access(venue.order_entry, name)
    return access if access.role is Role.OPERATOR else _as_operator(access)


def _as_operator(access: Access) -> Access:
    return Access(
        host=access.host,
        port=access.port,
        key_id=access.key_id,
        private_key=access.private_key,
        session=access.session,
        role=Role.OPERATOR,
        heartbeat_ms=access.heartbeat_ms,
    )


def yes(_question: str) -> bool:
    return True


async def test_what_one_operator_proposes_another_one_confirms_whatever_happens_between(
    process: Process, capsys: pytest.CaptureFixture[str]
) -> None:
    process.text = market.text() + SECOND
    await process.start()
    async with process.session("alice") as alice:
        await alice.new_order(EUA, Side.BUY, 5, 100)
    async with Session(operator(process, "operator")) as session:
        with pytest.raises(AwaitsConfirmation, match="carbonmatch admin confirm") as awaits:
            await session.kill(KillScope.VENUE, text="wrong prices")
    number = awaits.value.number
    await process.kill()
    await process.start()
    await show(operator(process, "second"))
    with pytest.raises(ClientError, match="OWN_COMMAND: it was proposed by the same session"):
        await decide(operator(process, "operator"), number, "", yes)
    assert await process.stop() == 0
    # From the snapshot of the stop.
    await process.start()
    await decide(operator(process, "second"), number, "seen", yes)
    await show(operator(process, "second"))
    waiting, shown, proposal, done, nothing = capsys.readouterr().out.splitlines()
    assert f"#{number} operator: Kill scope=VENUE; wrong prices (until 20" in waiting
    assert shown == proposal == waiting.partition(" (until")[0]
    assert done.startswith(f"command {number} is done since sequence ")
    assert nothing == "nothing waits"
    async with Session(operator(process, "operator"), next_seq=1) as session:
        told = [event async for event in _first(session, 2)]
        assert [one.state for one in told] == [ProposedState.WAITING, ProposedState.CONFIRMED]
        (killed,) = await session.killed()
        assert (killed.session_id, killed.text) == (60, "wrong prices")
        lines = await session.audit()
        assert [(line.session, line.reason) for line in lines] == [
            ("operator", RejectReason.AWAITS_CONFIRMATION),
            ("operator", RejectReason.OWN_COMMAND),
            ("second", 0),
        ]


async def test_a_band_and_the_end_of_a_bidding_wait_for_the_second_operator_over_a_crash(
    process: Process, capsys: pytest.CaptureFixture[str]
) -> None:
    cea = f"\n[[instruments]]\nid = {CEA}"
    process.text = (market.text() + SECOND).replace(cea, f"\n[instruments.bidding]\n{cea}")
    await process.start()
    numbers = []
    async with Session(operator(process, "operator")) as session:
        bidding_id = await session.announce_bidding(
            EUA, Side.SELL, 10, session_id=ALICE, account_id=ALICE_ACCOUNT, closes_ns=LATER_NS
        )
        with pytest.raises(AwaitsConfirmation) as awaits:
            await session.cancel_bidding(bidding_id, "drought")
        numbers.append(awaits.value.number)
    with pytest.raises(AwaitsConfirmation) as awaits:
        await set_band(operator(process, "operator"), "EUA", 1_000, 900, 1_100, "news")
    numbers.append(awaits.value.number)
    await process.kill()
    await process.start()
    assert await _band(process) == (0, 0)
    for number in numbers:
        await decide(operator(process, "second"), number, "seen", yes)
    assert await _band(process) == (900, 1_100)
    async with Session(operator(process, "operator")) as session:
        with pytest.raises(OrderRejected, match="UNKNOWN_BIDDING"):
            await session.cancel_bidding(bidding_id)
    cancel, *_, band, _ = capsys.readouterr().out.splitlines()
    assert f"#{numbers[0]} operator: CancelBidding" in cancel
    assert f"#{numbers[1]} operator: SetBand" in band


async def _band(process: Process) -> tuple[int, int]:
    async with Session(operator(process, "operator")) as session:
        status = await status_of(session, EUA)
    assert status is not None
    return status.band_low_ticks, status.band_high_ticks


async def _first(session: Session, count: int):  # type: ignore[no-untyped-def]
    found = 0
    async for event in session.events():
        if isinstance(event, Proposed):
            yield event
            found += 1
        if found == count:
            return


async def test_what_is_rejected_is_never_done(process: Process, capsys: pytest.CaptureFixture[str]) -> None:
    process.text = market.text() + SECOND
    await process.start()
    async with Session(operator(process, "operator")) as session:
        with pytest.raises(AwaitsConfirmation) as awaits:
            await session.kill(KillScope.VENUE, text="a slip")
        # What does not need two is done at once.
        assert await session.killed() == []
    number = awaits.value.number
    await let_go(operator(process, "second"), number, "why would we")
    with pytest.raises(ClientError, match="NOT_WAITING: no command of this number waits"):
        await decide(operator(process, "second"), number, "", yes)
    assert capsys.readouterr().out.splitlines() == [f"command {number} is rejected"]

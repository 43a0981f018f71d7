"""What an operator does from the command line, and what an operator then finds in the log."""

import logging

import pytest

from carbonmatch.client.admin import set_phase
from carbonmatch.client.errors import ClientError
from carbonmatch.config import host_and_port
from carbonmatch.matching.messages import Phase
from carbonmatch.protocol.messages import Logout, LogoutReason
from tests.end_to_end import market
from tests.end_to_end.running import Venue, eventually


async def test_a_key_that_may_only_operate_finds_symbols_and_no_logon_fails(
    venue: Venue, capsys: pytest.CaptureFixture[str]
) -> None:
    operator = market.access(host_and_port(venue.addresses["order_entry"]), "operator")
    await set_phase(operator, "EUA", Phase.HALTED, "")
    assert capsys.readouterr().out.startswith("EUA is HALTED since sequence ")
    assert venue.engine.instruments[market.EUA].phase is Phase.HALTED
    # Five that fail would shut the address out.
    for _ in range(6):
        with pytest.raises(ClientError, match="no instrument 'EUB', expected one of: CEA, EUA"):
            await set_phase(operator, "EUB", Phase.HALTED, "")
    await set_phase(operator, str(market.EUA), Phase.CANCEL_ONLY, "")
    assert venue.engine.instruments[market.EUA].phase is Phase.CANCEL_ONLY


async def test_the_log_says_of_everybody_who_leaves_why(
    venue: Venue, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "carbonmatch")

    def left() -> list[tuple[str, str]]:
        fields = [vars(record)["fields"] for record in caplog.records if record.msg == "logged_off"]
        return [(one["session"], one["reason"]) for one in fields]

    async with venue.wire("alice") as alice:
        alice.send(Logout())
        assert (await alice.goodbye()).reason is LogoutReason.REQUESTED
    await eventually(lambda: left() == [("alice", LogoutReason.REQUESTED.name)])
    async with venue.wire("bob"):
        pass
    await eventually(lambda: left()[1:] == [("bob", "LOST")])


async def test_the_log_says_what_an_operator_has_done_to_the_market_and_why(
    venue: Venue, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "carbonmatch")
    operator = market.access(host_and_port(venue.addresses["order_entry"]), "operator")

    def changes() -> list[dict[str, object]]:
        return [vars(record)["fields"] for record in caplog.records if record.msg == "phase_changed"]

    await set_phase(operator, str(market.EUA), Phase.HALTED, "news")
    await eventually(lambda: len(changes()) > 0)
    assert changes()[-1] == {"instrument": "EUA", "phase": Phase.HALTED, "until": None, "text": "news"}

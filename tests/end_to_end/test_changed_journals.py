"""What operators change while a venue runs is known to whatever reads its journal afterwards."""

from pathlib import Path

import pytest

from carbonmatch.client import Session
from carbonmatch.client.errors import AwaitsConfirmation
from carbonmatch.journal_tools.fills import fills
from carbonmatch.matching.messages import BustTrade, EndDay, InstrumentId, Phase, Ref, SetPhase, Side, TradeId
from carbonmatch.surveillance.survey import Period, survey
from carbonmatch.surveillance.thresholds import Thresholds
from tests.end_to_end.running import Process
from tests.end_to_end.test_amending import DORA, KAU
from tests.end_to_end.test_confirmation import SECOND, operator
from tests.end_to_end.test_days import TODAY_NUMBER, made_again, settling
from tests.test_settlement import rows_of

_KAU = InstrumentId(7)
_ALL = InstrumentId(0)


async def test_what_was_listed_and_what_was_confirmed_later_is_settled_and_surveyed(
    process: Process, tmp_path: Path
) -> None:
    output = tmp_path / "settlement"
    process.text = settling(output) + SECOND
    await process.start()
    async with Session(operator(process, "operator")) as steering:
        await steering.put_tables(KAU + DORA, "a new market, and a new member")
        async with process.session("alice") as alice, process.session("dora") as dora:
            for _ in range(2):
                await alice.new_order(_KAU, Side.BUY, 5, 100)
                await dora.new_order(_KAU, Side.SELL, 5, 100)
        with pytest.raises(AwaitsConfirmation) as awaits:
            await steering.call(BustTrade(Ref(0), TradeId(1), "a slip"))
        async with Session(operator(process, "second")) as second:
            await second.decide(awaits.value.number, confirms=True)
        await steering.call(SetPhase(Ref(0), _ALL, Phase.CLOSED))
        await steering.call(EndDay(Ref(0), TODAY_NUMBER))
    made = await process.said("settlement_made", trading_day=TODAY_NUMBER)
    assert made["trades"] == 1
    again = made_again(process, process.directory, TODAY_NUMBER, tmp_path / "again")
    name = f"settlement-{TODAY_NUMBER}-1.csv"
    assert again[name] == (output / name).read_bytes()
    rows = rows_of(output / name)
    assert [row["trade_number"] for row in rows["TRADE"]] == [f"{TODAY_NUMBER}-CONTINUOUS-00000002"]
    assert await process.stop() == 0
    ratios = survey(process.directory, Period(), Thresholds())["ratios"]
    assert [(row["id"], row["fills"]) for row in ratios["participant"]] == [(1, 2), (4, 2)]
    assert {fill.account for fill in fills(process.directory)} == {"ALICE", "DORA"}

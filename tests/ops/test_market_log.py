"""What of the market is in the log."""

# Tests write ids as plain numbers.
# mypy: disable-error-code="arg-type"

import logging
from typing import Any

import pytest

from carbonmatch.matching.messages import (
    AnyPublicEvent,
    AuctionEnded,
    AuctionIndicated,
    AuctionRule,
    BandChanged,
    BiddingAnnounced,
    BiddingEnded,
    BiddingOutcome,
    BiddingPhaseChanged,
    BiddingPricing,
    BiddingRule,
    BiddingRules,
    BiddingState,
    BlockPhase,
    BlockPhaseChanged,
    DayEnded,
    InstrumentDefinition,
    InstrumentId,
    LimitsChanged,
    Phase,
    PhaseChanged,
    TradeBusted,
    TradeCorrected,
)
from carbonmatch.ops.log_events import EVENTS
from carbonmatch.ops.market_log import log_market

CEA24 = {InstrumentId(4): InstrumentDefinition(4, "CEA24", "CNY", 1, 2, 10)}
NOON_NS = 1_772_452_800_000_000_000
NOON = "2026-03-02T12:00:00.000000000Z"


@pytest.mark.parametrize(
    ("event", "name", "fields"),
    [
        (
            PhaseChanged(4, 7, Phase.VOLATILITY_AUCTION, "volatility interruption", NOON_NS),
            "phase_changed",
            {"phase": Phase.VOLATILITY_AUCTION, "until": NOON, "text": "volatility interruption"},
        ),
        (
            PhaseChanged(4, 7, Phase.HALTED, "news"),
            "phase_changed",
            {"phase": Phase.HALTED, "until": None, "text": "news"},
        ),
        (
            AuctionEnded(4, 7, Phase.OPENING_AUCTION, 4_800, 5, 2, 1, AuctionRule.PRESSURE, 4_700),
            "auction_ended",
            {
                "phase": Phase.OPENING_AUCTION,
                "price_ticks": 4_800,
                "volume_lots": 5,
                "surplus_lots": 2,
                "rule": AuctionRule.PRESSURE,
            },
        ),
        (
            BiddingAnnounced(4, 7, 20, 2, 500, 90, NOON_NS, NOON_NS, BiddingRules(), 1, 0, b"", "spring"),
            "bidding_announced",
            {"bidding_id": 20, "quantity_lots": 500, "opens": NOON, "closes": NOON, "text": "spring"},
        ),
        (
            BlockPhaseChanged(4, 7, BlockPhase.CLOSED, "rumours", NOON_NS),
            "block_phase_changed",
            {"phase": BlockPhase.CLOSED, "until": NOON, "text": "rumours"},
        ),
        (
            BiddingPhaseChanged(4, 7, 20, BiddingState.OPEN),
            "bidding_phase_changed",
            {"bidding_id": 20, "state": BiddingState.OPEN},
        ),
        (
            BiddingEnded(
                4,
                7,
                20,
                BiddingOutcome.SOLD,
                95,
                500,
                500,
                800,
                9,
                7,
                BiddingRule.TIME,
                0,
                b"",
                b"",
                "",
                BiddingPricing.PAY_AS_BID,
            ),
            "bidding_ended",
            {
                "bidding_id": 20,
                "outcome": BiddingOutcome.SOLD,
                "price_ticks": 95,
                "pricing": BiddingPricing.PAY_AS_BID,
                "allotted_lots": 500,
                "rule": BiddingRule.TIME,
                "text": "",
            },
        ),
        (
            BandChanged(4, 7, 5, 1, 9),
            "band_changed",
            {"reference_price_ticks": 5, "band_low_ticks": 1, "band_high_ticks": 9},
        ),
        (
            LimitsChanged(4, 7, 5, 1, 9, NOON_NS),
            "limits_held",
            {"low_ticks": 1, "high_ticks": 9, "until": NOON},
        ),
        (
            TradeBusted(4, 7, 3, 4_800, 5),
            "trade_busted",
            {"trade_id": 3, "price_ticks": 4_800, "quantity_lots": 5},
        ),
        (
            TradeCorrected(4, 7, 3, 4_800, 5, 4_900, 6),
            "trade_corrected",
            {"trade_id": 3, "price_ticks": 4_800, "quantity_lots": 5},
        ),
    ],
)
def test_what_people_have_to_know_of_has_a_line(
    event: AnyPublicEvent, name: str, fields: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    log_market([event], CEA24)
    (line,) = caplog.records
    assert vars(line)["fields"].keys() == set(EVENTS[name].fields)
    assert line.levelno == EVENTS[name].level
    assert (line.msg, vars(line)["fields"]) == (name, {"instrument": "CEA24", **fields})


def test_what_comes_all_the_time_has_none(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log_market([AuctionIndicated(4, 7, 4_800, 5, 2, 1), LimitsChanged(4, 7, 5, 1, 9, 0)], CEA24)
    assert caplog.records == []


def test_a_reference_price_without_trades_for_too_long_has_a_line_of_its_own(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    day = (4, 7, 20210716, 1, 9, 5, 1, 1, 0, 0, 0, 4_800)
    log_market([DayEnded(*day, 19, False), DayEnded(*day, 20, True)], CEA24)
    assert [line.msg for line in caplog.records] == ["day_ended", "reference_stale", "day_ended"]
    fields = vars(caplog.records[1])["fields"]
    assert fields == {"instrument": "CEA24", "days_without_trade": 20}

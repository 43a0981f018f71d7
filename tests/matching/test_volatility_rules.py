"""What rules of volatility may say together: every contradiction is named, and nothing else is one."""

from typing import Any

import pytest

from carbonmatch.matching.messages import VolatilityRules, Width
from carbonmatch.matching.volatility_rules import faults

CORRIDOR: dict[str, Any] = {"static": Width(5), "auction_ns": 60}
SHORT: dict[str, Any] = {"short": Width(5), "short_window_ns": 10}
LONG: dict[str, Any] = {"long": Width(9), "long_window_ns": 20}
EXTENDED: dict[str, Any] = {"extension": Width(7), "extensions_max": 2}
INTERVAL: dict[str, Any] = {
    "interval": Width(5),
    "interval_recalculation_ns": 3,
    "interval_hold_ns": 15,
}


@pytest.mark.parametrize(
    "rules",
    [
        {},
        {"collar": Width(3)},
        CORRIDOR,
        {**SHORT, "auction_ns": 60},
        {**SHORT, **LONG, "auction_ns": 1, "auction_random_ns": 1},
        {**CORRIDOR, **SHORT, **LONG, **EXTENDED, "waits_for_operator": True},
        {**INTERVAL, "collar": Width(3)},
        # As short as a time can be.
        {"short": Width(5), "short_window_ns": 1, "auction_ns": 1},
        {"long": Width(5), "long_window_ns": 1, "auction_ns": 1},
        {"interval": Width(5), "interval_recalculation_ns": 1, "interval_hold_ns": 1},
    ],
)
def test_rules_that_go_together_have_no_fault(rules: dict[str, Any]) -> None:
    assert list(faults(VolatilityRules(**rules))) == []


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"short": Width(5), "auction_ns": 60}, "short: a width and the length"),
        ({**CORRIDOR, "short_window_ns": 10}, "short: a width and the length"),
        ({"long": Width(5), "auction_ns": 60}, "long: a width and the length"),
        ({**CORRIDOR, "long_window_ns": 10}, "long: a width and the length"),
        ({**SHORT, **LONG, "short_window_ns": 20, "auction_ns": 60}, "short: its window is not shorter"),
        ({**SHORT, **LONG, "short_window_ns": 21, "auction_ns": 60}, "short: its window is not shorter"),
        ({"static": Width(5)}, "auction: static, short and long widths begin one"),
        (SHORT, "auction: static, short and long widths begin one"),
        (LONG, "auction: static, short and long widths begin one"),
        ({"auction_ns": 60}, "auction: static, short and long widths begin one"),
        ({"auction_random_ns": 5}, "auction: there is none that could take longer"),
        ({**CORRIDOR, "extension": Width(7)}, "extension: a width and the number"),
        ({**CORRIDOR, "extensions_max": 1}, "extension: a width and the number"),
        (EXTENDED, "extension: there is no auction that could be extended"),
        ({**CORRIDOR, "waits_for_operator": True}, "extension: waiting for an operator comes after the last"),
        ({**CORRIDOR, **INTERVAL}, "interval: a price that interrupts trading and a limit"),
        ({**INTERVAL, "interval_recalculation_ns": 0}, "interval: a width, the time of recalculation"),
        ({**INTERVAL, "interval_hold_ns": 0}, "interval: a width, the time of recalculation"),
        ({"interval_hold_ns": 15}, "interval: a width, the time of recalculation"),
        ({"interval_recalculation_ns": 3}, "interval: a width, the time of recalculation"),
    ],
)
def test_rules_that_do_not_have_just_the_fault_that_is_theirs(rules: dict[str, Any], said: str) -> None:
    [found] = faults(VolatilityRules(**rules))
    assert found.startswith(said)

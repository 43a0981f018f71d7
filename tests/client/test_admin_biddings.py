"""What `carbonmatch admin biddings` says of what a venue tells."""

import pytest

from carbonmatch.client.admin_biddings import in_words, result_in_words
from carbonmatch.matching.messages import (
    BiddingOutcome,
    BiddingPricing,
    BiddingRule,
    BiddingRules,
    BiddingState,
    InstrumentDefinition,
    InstrumentId,
    OrderId,
    Side,
)
from carbonmatch.protocol.messages import BiddingAnnouncement, BiddingResult

EUA = InstrumentId(1)
DEFINITION = InstrumentDefinition(EUA, "EUA", "EUR", 1, 2, 1)
# As of an engine that took texts as they came, or of one that is none of ours.
TEXT = "late\x1b[2J"


def test_a_text_cannot_steer_the_terminal_on_which_a_bidding_is_shown() -> None:
    announced = BiddingAnnouncement(
        EUA, 1, OrderId(7), BiddingState.OPEN, Side.SELL, 5, 0, 0, 0, BiddingRules(), 1, 0, b"", TEXT, 0
    )
    assert in_words(announced, DEFINITION).endswith("; late\\x1b[2J")
    ended = BiddingResult(
        EUA, 1, OrderId(7), BiddingOutcome(1), 0, 5, 0, 0, 0, 0, BiddingRule(0), 0, b"", b"", TEXT, 0
    )
    assert result_in_words(ended, DEFINITION).endswith("; late\\x1b[2J")


@pytest.mark.parametrize(
    ("pricing", "words"),
    [
        (BiddingPricing.UNIFORM, "5 of 5 lots at 103.00, decided by time"),
        (
            BiddingPricing.PAY_AS_BID,
            "5 of 5 lots, each bid at its own price, the last one at 103.00, decided by time",
        ),
        # Of an engine that does not say it.
        (BiddingPricing.DEFAULT, "5 of 5 lots at 103.00, decided by time"),
    ],
)
def test_a_result_says_whether_all_have_paid_one_price(pricing: BiddingPricing, words: str) -> None:
    numbers = (10_300, 5, 5, 8, 3, 2)
    sold = BiddingResult(
        EUA, 1, OrderId(7), BiddingOutcome.SOLD, *numbers, BiddingRule.TIME, 0, b"", b"", "", 0, pricing
    )
    assert result_in_words(sold, DEFINITION) == (
        f"bidding 7 EUA: sold; {words}; 2 of 3 bids, which asked for 8 lots"
    )

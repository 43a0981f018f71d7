"""Inputs of a bidding that somebody has published, and somebody has changed."""

import json
import re
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from carbonmatch import auction_tools
from carbonmatch.auction_tools import (
    BidInput,
    Inputs,
    NothingToRecompute,
    read_inputs,
    recompute,
    write_inputs,
)

SEED = bytes(range(16))


def inputs_of_a_sale() -> Inputs:
    """100 lots; the dearer bid of 60 is filled, 40 are left for the other one."""
    bids = [
        BidInput(
            bid_id=11,
            priority=11,
            price_ticks=105,
            quantity_lots=60,
            allotted_lots=60,
            allotted_price_ticks=100,
            bidder=1,
        ),
        BidInput(
            bid_id=12,
            priority=12,
            price_ticks=100,
            quantity_lots=60,
            allotted_lots=40,
            allotted_price_ticks=100,
            bidder=2,
            account_id=31,
        ),
    ]
    inputs = Inputs(
        bidding_id=10,
        instrument="EUA",
        side="sell",
        quantity_lots=100,
        unit_lots=1,
        reserve_price_ticks=90,
        pricing="uniform",
        tie="time",
        undersubscription="cancel",
        secondary_basis_points=0,
        secondary_price_ticks=0,
        bid_min_lots=10,
        bid_increment_lots=5,
        price_increment_ticks=5,
        share_max_basis_points=6_000,
        bids_max=1,
        revision="none",
        seed=SEED.hex(),
        commitment=blake2b(SEED, digest_size=32).hexdigest(),
        outcome="sold",
        price_ticks=100,
        allotted_lots=100,
        bid_lots=120,
        bid_count=2,
        winner_count=2,
        rule="price",
        inputs_digest="",
        bids=bids,
    )
    return structs.replace(inputs, inputs_digest=auction_tools.digest_of(inputs))


def changed(file: Path, bid: dict[str, Any], **fields: Any) -> Path:
    """A file of the sale, with other values of its first bid and of its own."""
    write_inputs(inputs_of_a_sale(), file, anonymous=True)
    values = json.loads(file.read_text()) | fields
    values["bids"][0] |= bid
    file.write_text(json.dumps(values))
    return file


def test_what_nobody_has_changed_matches(tmp_path: Path) -> None:
    inputs = read_inputs(changed(tmp_path / "inputs.json", {}))
    assert [bid.account_id for bid in inputs.bids] == [None, None]
    assert recompute(inputs) == []


@pytest.mark.parametrize(
    ("bid", "fields", "wrong"),
    [
        ({}, {"unit_lots": 0}, "Expected `int` >= 1 - at `$.unit_lots`"),
        ({}, {"quantity_lots": 0}, "Expected `int` >= 1 - at `$.quantity_lots`"),
        ({}, {"bidding_id": 2**64}, "at `$.bidding_id`"),
        ({}, {"seed": "00" * 65}, "seed of 65 bytes, expected 16"),
        ({}, {"seed": "zz"}, "non-hexadecimal"),
        ({"price_ticks": -1}, {}, "at `$.bids[0].price_ticks`"),
        ({"quantity_lots": -60}, {}, "at `$.bids[0].quantity_lots`"),
        ({"quantity_lots": 0}, {}, "at `$.bids[0].quantity_lots`"),
        ({"bid_id": 12}, {}, "bid 12 is there 2 times, expected once"),
    ],
)
def test_numbers_that_no_bidding_has_are_named(
    bid: dict[str, Any], fields: dict[str, Any], wrong: str, tmp_path: Path
) -> None:
    with pytest.raises(NothingToRecompute, match=f"no inputs of a bidding: .*{re.escape(wrong)}"):
        read_inputs(changed(tmp_path / "inputs.json", bid, **fields))


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("side", "SELL"),
        ("pricing", "Pay_As_Bid"),
        ("tie", "TIME"),
        ("undersubscription", "CANCEL"),
        ("revision", "Free"),
        ("outcome", "By_Operator"),
        ("rule", "nothing"),
    ],
)
def test_a_word_in_other_letters_does_not_pass_for_another_rule(name: str, word: str, tmp_path: Path) -> None:
    """Its digest would be that of the feed, and what it comes to that of a bidding with other rules."""
    with pytest.raises(NothingToRecompute, match=f"{name} is '{word}', expected one of "):
        read_inputs(changed(tmp_path / "inputs.json", {}, **{name: word}))


def test_a_bidding_that_an_operator_has_cancelled_has_told_nothing_of_its_bids(tmp_path: Path) -> None:
    nothing = {"allotted_lots": 0, "allotted_price_ticks": 0}
    fields = {
        "outcome": "by_operator",
        "rule": "none",
        "price_ticks": 0,
        "allotted_lots": 0,
        "winner_count": 0,
    }
    inputs = read_inputs(changed(tmp_path / "inputs.json", nothing, **fields))
    structs.force_setattr(inputs.bids[1], "allotted_lots", 0)
    structs.force_setattr(inputs.bids[1], "allotted_price_ticks", 0)
    told = [difference.partition(":")[0] for difference in recompute(inputs)]
    assert told == ["lots bid for", "bids", "digest of the inputs"]
    assert recompute(structs.replace(inputs, bid_lots=0, bid_count=0, inputs_digest="")) == []


def with_rules(**fields: Any) -> Inputs:
    """The sale by other rules, its digest being theirs."""
    inputs = structs.replace(inputs_of_a_sale(), **fields)
    return structs.replace(inputs, inputs_digest=auction_tools.digest_of(inputs))


@pytest.mark.parametrize(
    ("fields", "faults"),
    [
        ({}, []),
        ({"bidding_id": 11}, ["bid 11: came before the bidding 11"]),
        (
            {"bid_min_lots": 61},
            [f"bid {bid_id}: 60 lots, expected 61 to 100" for bid_id in (11, 12)],
        ),
        (
            {"bid_increment_lots": 7},
            [f"bid {bid_id}: 60 lots, expected a multiple of 7" for bid_id in (11, 12)],
        ),
        ({"price_increment_ticks": 10}, ["bid 11: a price of 105 ticks, expected a multiple of 10"]),
        (
            {"reserve_price_ticks": 105},
            ["bid 12: a price of 100 ticks is worse for the one party than the reserve price, 105"],
        ),
        (
            {"share_max_basis_points": 5_999},
            [f"bidder {bidder}: bids for 60 lots, expected at most 59" for bidder in (1, 2)],
        ),
    ],
)
def test_bids_that_the_announced_rules_do_not_admit_are_named(
    fields: dict[str, Any], faults: list[str]
) -> None:
    assert recompute(with_rules(**fields)) == faults


@pytest.mark.parametrize(
    ("bid", "faults"),
    [
        (
            {"bidder": 1},
            [
                "bidder 1: 2 bids, expected at most 1",
                "bidder 1: bids for 120 lots, expected at most 60",
            ],
        ),
        ({"priority": 14}, ["bid 12: priority 14, expected 12: no bid may be changed"]),
    ],
)
def test_bids_count_together_by_their_bidder_and_keep_their_time(
    bid: dict[str, Any], faults: list[str]
) -> None:
    first, second = inputs_of_a_sale().bids
    assert recompute(with_rules(bids=[first, structs.replace(second, **bid)])) == faults


def test_a_bid_has_no_time_before_it_came_and_a_price() -> None:
    first, second = inputs_of_a_sale().bids
    early = structs.replace(second, priority=11)
    assert recompute(with_rules(revision="free", bids=[first, early])) == [
        "bid 12: priority 11, before the bid came"
    ]
    free = structs.replace(second, price_ticks=0)
    inputs = with_rules(bids=[first, free], reserve_price_ticks=0)
    assert "bid 12: a price of 0 ticks, expected a multiple of 5" in recompute(inputs)


def test_of_one_buyer_a_price_above_the_reserve_is_worse() -> None:
    inputs = with_rules(side="buy", reserve_price_ticks=100)
    assert "bid 11: a price of 105 ticks is worse for the one party than the reserve price, 100" in recompute(
        inputs
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bid_min_lots", 11),
        ("bid_increment_lots", 6),
        ("price_increment_ticks", 1),
        ("share_max_basis_points", 10_000),
        ("bids_max", 2),
        ("revision", "free"),
        ("bidder", 1),
    ],
)
def test_no_rule_and_no_bidder_can_be_another_one_afterwards(name: str, value: Any, tmp_path: Path) -> None:
    """The digest was told with the result."""
    inputs = inputs_of_a_sale()
    if name == "bidder":
        structs.force_setattr(inputs.bids[1], "bidder", value)
    else:
        inputs = structs.replace(inputs, **{name: value})
    assert "digest of the inputs" in [one.partition(":")[0] for one in recompute(inputs)]

"""What `carbonmatch admin` says of accounts."""

from typing import Any

from carbonmatch.client.admin_accounts import in_words, report_of_large_holders, restricted_in_words
from carbonmatch.matching.messages import (
    AccountId,
    Cash,
    Done,
    Holding,
    InstrumentId,
    Pulled,
    Ref,
    Restriction,
)


def holding(account: int, lots: int, told_from: int = 0, **fields: Any) -> Holding:
    values: dict[str, Any] = {
        "available_lots": lots,
        "reserved_lots": 0,
        "unsettled_lots": 0,
        "bought_today_lots": 0,
        "buying_lots": 0,
        "position_max_lots": 0,
        **fields,
    }
    return Holding(
        1,
        Ref(1),
        0,
        0,
        AccountId(account),
        InstrumentId(1),
        lots,
        report_from_lots=told_from,
        **values,
    )


MONEY = Cash(1, Ref(1), 0, 0, AccountId(7), "CNY", 500, 400, 100, 300)


def test_large_holders_are_those_with_their_threshold_or_more_the_largest_first() -> None:
    found: list[Cash | Holding] = [
        MONEY,
        holding(1, 99, 100),
        holding(2, 100, 100),
        holding(3, 701, 50),
        holding(4, 100, 100),
    ]
    assert report_of_large_holders(found) == [
        "account 3: 701 lots, 70.10 % of 1000, a large holder from 50 on",
        "account 2: 100 lots, 10.00 % of 1000, a large holder from 100 on",
        "account 4: 100 lots, 10.00 % of 1000, a large holder from 100 on",
    ]


def test_without_a_threshold_nobody_is_a_large_holder() -> None:
    assert report_of_large_holders([holding(1, 1_000), MONEY]) == []


def test_limits_and_restrictions_are_said_where_there_are_some() -> None:
    words = in_words(holding(1, 10, position_max_lots=50, restriction=Restriction.NO_BUYING), {})
    assert words.endswith("0 ordered to buy; at most 50; NO_BUYING")
    assert in_words(holding(1, 10), {}).endswith("0 ordered to buy")


def test_units_are_said_by_the_symbol_of_their_instrument() -> None:
    one = holding(1, 10)
    assert in_words(one, {one.instrument_id: "CEA24"}).startswith("account 1, CEA24: 10 lots")
    assert in_words(one, {}).startswith(f"account 1, instrument {one.instrument_id}: 10 lots")


def test_money_is_said_with_what_may_leave() -> None:
    assert in_words(MONEY, {}) == (
        "account 7, CNY: 500 minor units; 400 available, 100 reserved, 300 may be withdrawn"
    )


def test_bids_that_a_restriction_had_no_room_for_are_told() -> None:
    done = Done(2, Ref(1), 0, 0, 88)
    since = "account 7 in EUA: NO_BUYING since sequence 88"
    assert restricted_in_words([done], 7, "EUA", Restriction.NO_BUYING) == since
    pulled = Pulled(1, Ref(1), 0, 0, 2, 30, 0, 5_000, 0, more=True)
    assert restricted_in_words([pulled, done], 7, "EUA", Restriction.NO_BUYING) == (
        f"{since}; taken out: 2 orders of 30 lots, 5000 bids; bids are left: give the command again"
    )

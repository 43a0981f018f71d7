"""What settlement files say of net sales: what the engine has counted, from the journal alone."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from carbonmatch.matching import messages as m
from carbonmatch.matching.clearing.changes import hindrance
from carbonmatch.matching.messages import AccountId, CarryOverRules, ClearingRules
from carbonmatch.settlement.carry_over import SalesBook
from carbonmatch.settlement.make import Made
from tests.matching.market import ALICE, BOB, CEA, EUA, VENUE, definition
from tests.test_settlement import FIRST_DAY, LISTED, STEPS, Accounts, World, rows_of

RULE = CarryOverRules("ALL", FIRST_DAY + 1, FIRST_DAY + 3, 100, 15_000)
COUNTED = ClearingRules(lag_days=0, carry_over=RULE)


def test_net_sales_stand_in_the_file_of_each_day_of_the_rule(tmp_path: Path) -> None:
    world = World(tmp_path / "journal", clearing=COUNTED)
    Accounts(world, 1_000, 10**9)
    for lots in (7, 10, 3):
        # The first day is before the rule's.
        world.trade(lots=lots)
        world.trade(lots=lots, instrument=CEA, buyer=BOB, seller=ALICE)
        world.trade(lots=20, instrument=CEA)
        world.end()
        world.next_day()
    world.bust(4)
    world.end()
    world.next_day()
    world.trade(lots=9)
    world.end()
    found = []
    for day in range(5):
        (made,) = world.settle(tmp_path / "out", FIRST_DAY + day)
        found.append([tuple(row.values()) for row in rows_of(made.file).get("CARRY_OVER", [])])
    assert found[0] == []
    assert found[1] == [
        ("1", "11", "alpha", "I1", "-10", "ALL", "-20", "100"),
        ("1", "11", "alpha", "I2", "-10", "ALL", "-20", "100"),
        ("2", "13", "beta", "I1", "10", "ALL", "20", "130"),
        ("2", "13", "beta", "I2", "10", "ALL", "20", "130"),
    ]
    assert [row[4:] for row in found[2]] == [
        ("-13", "ALL", "-40", "100"),
        ("-27", "ALL", "-40", "100"),
        ("13", "ALL", "40", "160"),
        ("27", "ALL", "40", "160"),
    ]
    # The second day's sale of ten.
    assert [row[4:] for row in found[3]] == [("-3", "ALL", "-30", "100"), ("3", "ALL", "30", "145")]
    assert found[4] == []


# --- as the engine counts -----------------------------------------------------------------------------

RULES = st.sampled_from(
    (
        None,
        RULE,
        structs.replace(RULE, group="OTHER", base_lots=5),
        structs.replace(RULE, from_day=FIRST_DAY),
        structs.replace(RULE, until_day=FIRST_DAY + 9),
    )
)
CHANGES = st.tuples(st.just("rule"), RULES, st.sampled_from((0, 0, 0, 2)))


class Counts:
    """A world whose files are held against what its engine has counted."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.world = World(directory / "journal", clearing=COUNTED)
        self.accounts = Accounts(self.world, 1_000, 10**9)

    def rule(self, rules: CarryOverRules | None, reversal_days: int) -> None:
        """Another rule of one of the instruments, unless it may not come now."""
        cleared = ClearingRules(lag_days=0, carry_over=rules, reversal_days=reversal_days)
        wanted = definition(EUA, clearing=cleared)
        if hindrance(self.world.venue.engine.books[EUA], wanted) is None:
            self.world.apply((VENUE, [m.DefineInstrument(wanted)]))

    def step(self, name: str, *given_: Any) -> None:
        world = self.world
        if name == "rule":
            self.rule(*given_)
        elif name == "end":
            world.end(*given_[0])
            world.next_day()
        elif name in ("bust", "correct"):
            if world.trades:
                getattr(world, name)(1 + given_[0] % len(world.trades), *given_[1:])
        else:
            getattr(world, name)(*given_)
        for made in world.settle_missing(self.directory / "out"):
            self.check(made)

    def check(self, made: Made) -> None:
        rows = rows_of(made.file)
        found = {
            (int(row["account_id"]), int(row["instrument"][1:])): (
                int(row["net_sold_lots"]),
                row["group"],
                int(row["group_net_sold_lots"]),
            )
            for row in rows.get("CARRY_OVER", [])
        }
        accounts = {"alpha": 11, "alpha-2": 12, "beta": 13}
        moved = {
            (accounts[row[f"{side}_account"]], int(row["instrument_id"]), day)
            for row, day in [
                *((row, made.trading_day) for row in rows.get("TRADE", [])),
                *((row, int(row["trading_day"])) for row in rows.get("ADJUSTMENT", [])),
            ]
            for side in ("buyer", "seller")
        }
        assert found == {
            (account, number): one
            for account, number, day in moved
            if (one := self.counted(day, account, number))
        }

    def counted(self, day: int, account: int, number: int) -> tuple[int, str, int] | None:
        """By the engine; None: the day does not count."""
        clearings = [self.accounts.clearing(m.InstrumentId(each)) for each in (EUA, CEA, LISTED)]
        sales = self.accounts.clearing(m.InstrumentId(number)).net_sales
        if sales is None or not sales.rules.from_day <= day <= sales.rules.until_day:
            return None
        group = sales.rules.group
        counts = [one.net_sales for one in clearings if one.net_sales is not None]
        of_group = sum(one.sold_lots.get(AccountId(account), 0) for one in counts if one.rules.group == group)
        return sales.sold_lots.get(AccountId(account), 0), group, of_group


@settings(max_examples=40)
@given(
    steps=st.lists(
        st.one_of(STEPS.flatmap(lambda steps: st.just(steps[:4])), st.tuples(CHANGES)), max_size=12
    )
)
def test_net_sales_in_files_are_those_that_the_engine_counts(
    tmp_path_factory: pytest.TempPathFactory, steps: Any
) -> None:
    counts = Counts(tmp_path_factory.mktemp("world"))
    for part in steps:
        for one in part:
            counts.step(*one)
    counts.step("end", ())


TRADE, END, BUST = ("trade",), ("end", ()), ("bust", 0)
AT_ONCE = ("rule", structs.replace(RULE, from_day=FIRST_DAY), 0)


@pytest.mark.parametrize(
    "steps",
    [
        # The rule comes within a day, or a day later; then its first trade is taken back.
        [("rule", None, 0), TRADE, AT_ONCE, TRADE, END, BUST, TRADE, END],
        [("rule", None, 0), TRADE, END, AT_ONCE, TRADE, END, BUST, TRADE, END],
        # What reversals are asked of is known of the whole day, and of no day before.
        [("rule", None, 2), TRADE, END, TRADE, ("rule", AT_ONCE[1], 2), END, BUST, TRADE, END],
        # It ends, and comes again.
        [AT_ONCE, TRADE, ("rule", None, 0), TRADE, AT_ONCE, TRADE, END, BUST, TRADE, END],
    ],
)
def test_what_was_traded_before_the_rule_counts_as_far_as_the_engine_knows_it(
    tmp_path: Path, steps: list[Any]
) -> None:
    counts = Counts(tmp_path)
    for one in steps:
        counts.step(*one)
    assert counts.counted(FIRST_DAY + 3, 13, EUA) is not None


def test_what_is_counted_is_kept_with_what_was_read(tmp_path: Path) -> None:
    """As with `settle_missing`, which reads on from there; against a journal that is read in one go."""
    world = World(tmp_path / "journal", clearing=COUNTED)
    Accounts(world, 1_000, 10**9)
    expected = {}
    for day in range(4):
        world.trade(lots=5)
        world.end()
        world.next_day()
        for made in world.settle_missing(tmp_path / "out"):
            expected[day] = Path(made.file).read_bytes()
    again = {day: world.settle(tmp_path / "again", FIRST_DAY + day)[0].file for day in range(4)}
    assert {day: Path(file).read_bytes() for day, file in again.items()} == expected
    assert b"CARRY_OVER" in expected[3]


@pytest.mark.parametrize("rules", [None, ClearingRules(), ClearingRules(reversal_days=2), COUNTED])
def test_what_is_saved_is_there_again(rules: ClearingRules | None) -> None:
    book = SalesBook()
    book.go_by(rules, m.TradeId(3), m.TradeId(1))
    saved = book.saved()
    assert SalesBook.of(saved).saved() == saved

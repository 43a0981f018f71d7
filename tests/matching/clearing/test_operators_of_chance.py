"""Operators move units and money, set limits and restrict accounts, in a market of chance that goes on.

Whatever they do, units and money are conserved, what is reserved is what open orders need, no forbidden order
stays where it was to be taken out, and what is told of accounts is what there is.
"""

from collections import Counter
from random import Random

import msgspec
import pytest

from carbonmatch.matching import messages as m
from carbonmatch.matching.clearing.clearing import Clearing
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import AccountId, AnyReport, InstrumentId, Ref, Restriction, SessionId
from carbonmatch.matching.state import restore, snapshot
from tests.matching.clearing.test_clearing_in_worlds import ACCOUNTS, RULES
from tests.matching.worlds import SOME, seeded

CHIEF = SessionId(77)
NOTHING = InstrumentId(0)


def command_of(random: Random, ref: Ref, numbers: list[InstrumentId]) -> m.AnyCommand:
    account, where = AccountId(random.choice((*ACCOUNTS, 99))), random.choice(numbers)
    lots, minor = random.choice((0, 1, 10, 40)), random.choice((1, 500, 3_000))
    match random.randrange(6):
        case 0:
            return m.Deposit(ref, account, where, lots)
        case 1:
            return m.Deposit(ref, account, NOTHING, 0, "CNY", minor)
        case 2:
            return m.Withdraw(ref, account, where, lots)
        case 3:
            return m.Withdraw(ref, account, NOTHING, 0, "CNY", minor)
        case 4:
            return m.SetAccountLimits(ref, account, where, random.choice((0, 0, 50)), lots)
        case _:
            restriction = random.choice((Restriction.NONE, *Restriction))
            return m.RestrictAccount(
                ref, account, restriction, random.choice((NOTHING, where)), random.random() < 0.7
            )


def ask(engine: Engine, time_ns: int, command: m.AnyCommand) -> list[AnyReport]:
    engine.apply(m.Entry(engine.sequence + 1, time_ns, CHIEF, [command]))
    for chunk in engine.take_outputs().streams:
        if chunk.session_id == CHIEF:
            return chunk.reports
    raise AssertionError("the operator is answered")


def check_restricted(engine: Engine, command: m.RestrictAccount) -> None:
    """Nothing is left that the account may not do, but what is frozen."""
    for order in engine.accounts[command.account_id].open_orders():
        book = order.ladder.book
        clearing = book.clearing
        assert isinstance(clearing, Clearing)
        if command.instrument_id in (0, book.instrument.instrument_id) and not book.instrument.is_frozen:
            assert not clearing.forbids(order.account, order.ladder.side)


def check_told(engine: Engine, time_ns: int, ref: Ref) -> None:
    """What is told of all accounts together is what the venue holds."""
    told: Counter[InstrumentId] = Counter()
    money = 0
    for report in ask(engine, time_ns, m.InspectHoldings(ref)):
        if isinstance(report, m.Holding):
            told[report.instrument_id] += report.total_lots
            parts = report.available_lots + report.reserved_lots + report.unsettled_lots
            assert report.total_lots == parts
        elif isinstance(report, m.Cash):
            money += report.total_minor
            assert report.total_minor == report.available_minor + report.reserved_minor
            assert 0 <= report.withdrawable_minor <= report.available_minor
    for number, book in engine.books.items():
        assert isinstance(book.clearing, Clearing)
        assert told[number] == book.clearing.deposited_lots
    ledger = engine.venue.cash["CNY"]
    assert money + ledger.fees_minor == ledger.deposited_minor


@pytest.mark.parametrize("seed", [1, 2])
def test_units_and_money_are_conserved_whatever_operators_do(seed: int) -> None:
    random = Random(seed)
    engine = Engine()
    answers: Counter[str] = Counter()
    restricted = ref = 0
    for number, entry in enumerate(seeded(seed, 20_000, SOME)):
        commands: list[m.AnyCommand] = [
            m.DefineInstrument(msgspec.structs.replace(command.definition, clearing=RULES, currency="CNY"))
            if isinstance(command, m.DefineInstrument)
            else command
            for command in entry.commands
            # Trades that are busted there are other ones here.
            if not isinstance(command, m.OnTrade)
        ]
        if not commands:
            continue
        if number == 0:
            commands.append(m.DefineSession(CHIEF, "chief", (), operator=True))
        engine.apply(m.Entry(engine.sequence + 1, entry.time_ns, entry.session_id, commands))
        outputs = engine.take_outputs()
        answers.update(
            report.reason.name
            for chunk in outputs.streams
            for report in chunk.reports
            if isinstance(report, m.Rejected)
        )
        if random.random() < 0.4:
            ref += 1
            command = command_of(random, Ref(ref), sorted(engine.books))
            (answer,) = ask(engine, entry.time_ns, command)
            if isinstance(answer, m.Rejected):
                answers[f"operator {answer.reason.name}"] += 1
            elif isinstance(command, m.RestrictAccount) and command.cancels:
                check_restricted(engine, command)
                restricted += 1
        if number % 100 == 0:
            engine.check()
            ref += 1
            check_told(engine, entry.time_ns, Ref(ref))
            state = snapshot(engine)
            engine = restore(state)
            assert snapshot(engine) == state
    assert restricted > 50
    for reason in (
        "ACCOUNT_RESTRICTED",
        "POSITION_LIMIT",
        "INSUFFICIENT_HOLDINGS",
        "INSUFFICIENT_CASH",
        "operator INSUFFICIENT_HOLDINGS",
        "operator INSUFFICIENT_CASH",
        "operator UNKNOWN_ACCOUNT",
        "operator INVALID_QUANTITY",
    ):
        assert answers[reason], f"the world has to have {reason}"

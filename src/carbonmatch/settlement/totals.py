"""What a run moves, account by account: units and cash, which balance to nothing over all of them."""

from collections.abc import Iterator

from msgspec import Struct

from carbonmatch.matching.messages import AccountId, InstrumentId
from carbonmatch.settlement.trades import Run, Terms


class Units(Struct):
    """Lots of one instrument that an account has bought and sold, after what was taken back."""

    bought_lots: int = 0
    sold_lots: int = 0

    @property
    def net_lots(self) -> int:
        return self.bought_lots - self.sold_lots


class Cash(Struct):
    """Money of one currency that an account has paid and received, after what was taken back."""

    paid_minor: int = 0
    received_minor: int = 0
    fees_minor: int = 0

    @property
    def net_minor(self) -> int:
        return self.received_minor - self.paid_minor - self.fees_minor


class Totals:
    """Invariant: over all accounts, units net to 0 in each instrument; cash and fees do in each currency."""

    def __init__(self, run: Run) -> None:
        self.units: dict[tuple[AccountId, InstrumentId], Units] = {}
        self.cash: dict[tuple[AccountId, str], Cash] = {}
        for trade, terms, sign in _movements(run):
            self._move(run, trade[0], trade[1], trade[2], terms, sign)
        for instrument_id in run.definitions:
            of_it = [units for (_, number), units in self.units.items() if number == instrument_id]
            assert not sum(units.net_lots for units in of_it), "what was bought was sold"
        for currency in self.fees_minor:
            of_it_cash = [cash for (_, each), cash in self.cash.items() if each == currency]
            nets = sum(cash.net_minor for cash in of_it_cash)
            assert nets + self.fees_minor[currency] == 0, "what was paid was received, by accounts or in fees"

    @property
    def fees_minor(self) -> dict[str, int]:
        """What the venue takes, by currency."""
        fees: dict[str, int] = {}
        for (_, currency), cash in sorted(self.cash.items()):
            fees[currency] = fees.get(currency, 0) + cash.fees_minor
        return fees

    def _move(
        self,
        run: Run,
        instrument_id: InstrumentId,
        buyer: AccountId,
        seller: AccountId,
        terms: Terms,
        sign: int,
    ) -> None:
        currency = run.definitions[instrument_id].currency
        lots, amount_minor = sign * terms.quantity_lots, sign * terms.amount_minor
        self.units.setdefault((buyer, instrument_id), Units()).bought_lots += lots
        self.units.setdefault((seller, instrument_id), Units()).sold_lots += lots
        paid = self.cash.setdefault((buyer, currency), Cash())
        paid.paid_minor += amount_minor
        paid.fees_minor += sign * terms.fees_minor[0]
        received = self.cash.setdefault((seller, currency), Cash())
        received.received_minor += amount_minor
        received.fees_minor += sign * terms.fees_minor[1]


def _movements(run: Run) -> Iterator[tuple[tuple[InstrumentId, AccountId, AccountId], Terms, int]]:
    """Each trade as it stands; of each adjustment what is taken back, and what takes its place."""
    for trade in run.standing:
        yield (trade.instrument_id, trade.buyer, trade.seller), trade.stands, 1
    for one in run.adjustments:
        whose = (one.instrument_id, one.buyer, one.seller)
        yield whose, one.before, -1
        yield whose, one.after, 1

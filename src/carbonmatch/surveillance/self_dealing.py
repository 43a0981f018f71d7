"""Trades between accounts of one participant or one group, blocks too; and those that were prevented."""

from collections import defaultdict

from carbonmatch.matching.messages import AccountId, DefineAccount, InstrumentId
from carbonmatch.surveillance.facts import Dealt, Fact, Prevented
from carbonmatch.surveillance.findings import Evidence, Finding, Kept

PATTERN = "self_dealing"


class SelfDealing:
    """Memory: one evidence for each participant or group and instrument."""

    def __init__(self, accounts: dict[AccountId, DefineAccount]) -> None:
        self._accounts = accounts
        self._seen: dict[tuple[str, InstrumentId], Evidence] = defaultdict(Evidence)
        self._lots: dict[tuple[str, InstrumentId], list[int]] = defaultdict(lambda: [0, 0, 0])

    def take(self, fact: Fact) -> None:
        if type(fact) is Dealt:
            owner = self._owner(fact.buyer, fact.seller)
            if owner:
                key = owner, fact.instrument_id
                self._seen[key].note(
                    fact.time_ns,
                    fact.sequence,
                    (fact.buyer, fact.seller),
                    (fact.buy_order_id, fact.sell_order_id),
                    fact.trade_id,
                )
                self._lots[key][0] += fact.quantity_lots
        elif type(fact) is Prevented:
            owner = self._owner(fact.account_id, fact.other_account_id)
            if owner:
                key = owner, fact.instrument_id
                accounts = fact.account_id, fact.other_account_id
                orders = tuple(one for one in (fact.order_id, fact.other_order_id) if one)
                self._seen[key].note(fact.time_ns, fact.sequence, accounts, orders)
                self._lots[key][1] += 1
                self._lots[key][2] += fact.quantity_lots

    def _owner(self, one: AccountId, other: AccountId) -> str:
        """Whose both accounts are; empty: nobody's."""
        first, second = self._accounts[one], self._accounts[other]
        if first.participant_id == second.participant_id:
            return f"participant {first.participant_id}"
        if first.group_id and first.group_id == second.group_id:
            return f"group {first.group_id}"
        return ""

    def findings(self) -> Kept:
        kept = Kept()
        for key, evidence in self._seen.items():
            owner, instrument_id = key
            traded, prevented, prevented_lots = self._lots[key]
            words = (
                f"{owner}: {evidence.trade_count} trades of {traded} lots with itself; "
                f"{prevented} of {prevented_lots} lots were prevented"
            )
            kept.add(Finding(PATTERN, traded + prevented_lots, instrument_id, words, evidence))
        return kept

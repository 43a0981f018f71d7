"""Orders to trades: how many messages of orders came for each fill, by account, participant, instrument."""

from collections import defaultdict

from msgspec import Struct

from carbonmatch.matching.messages import AccountId, DefineAccount, InstrumentId
from carbonmatch.surveillance.facts import Dealt, Fact, Ordered, Withdrawn
from carbonmatch.surveillance.findings import Evidence, Finding, Kept
from carbonmatch.surveillance.thresholds import Thresholds

PATTERN = "order_to_trade"


class Activity(Struct):
    """Messages are orders, amendments, and cancels by the owner; what was refused is not among them."""

    messages: int = 0
    fills: int = 0

    @property
    def ratio(self) -> int:
        """Messages for each fill, rounded down; without any fill, all of them."""
        return self.messages // max(self.fills, 1)


class Ratios:
    """Memory: two numbers for each account and instrument."""

    def __init__(self, thresholds: Thresholds) -> None:
        self._thresholds = thresholds
        self._activity: dict[tuple[AccountId, InstrumentId], Activity] = defaultdict(Activity)
        self._seen: dict[tuple[AccountId, InstrumentId], Evidence] = defaultdict(Evidence)

    def take(self, fact: Fact) -> None:
        if type(fact) is Ordered:
            key = fact.account_id, fact.instrument_id
            self._activity[key].messages += 1
            self._seen[key].note(fact.time_ns, fact.sequence, (fact.account_id,), (fact.order_id,))
        elif type(fact) is Withdrawn:
            self._activity[fact.account_id, fact.instrument_id].messages += 1
        elif type(fact) is Dealt:
            for account_id in (fact.buyer, fact.seller):
                self._activity[account_id, fact.instrument_id].fills += 1

    def by(self, accounts: dict[AccountId, DefineAccount]) -> dict[str, dict[int, Activity]]:
        """All that was done, by account, by participant, and by instrument."""
        table: dict[str, dict[int, Activity]] = {
            whose: defaultdict(Activity) for whose in ("account", "participant", "instrument")
        }
        for (account_id, instrument_id), one in sorted(self._activity.items()):
            whose = {
                "account": account_id,
                "participant": accounts[account_id].participant_id,
                "instrument": instrument_id,
            }
            for name, number in whose.items():
                table[name][number].messages += one.messages
                table[name][number].fills += one.fills
        return table

    def findings(self, accounts: dict[AccountId, DefineAccount]) -> Kept:
        kept, least = Kept(), self._thresholds
        for whose, rows in self.by(accounts).items():
            for number, one in rows.items():
                if one.messages >= least.ratio_messages_min and one.ratio >= least.ratio_min:
                    words = f"{whose} {number}: {one.messages} messages, {one.fills} fills"
                    kept.add(self._finding(whose, number, words, one.ratio, accounts))
        return kept

    def _finding(
        self, whose: str, number: int, words: str, score: int, accounts: dict[AccountId, DefineAccount]
    ) -> Finding:
        evidence = Evidence()
        for (account_id, instrument_id), seen in sorted(self._seen.items()):
            owner = accounts[account_id].participant_id
            if number == {"account": account_id, "participant": owner, "instrument": instrument_id}[whose]:
                evidence.add(seen)
        return Finding(PATTERN, score, InstrumentId(number if whose == "instrument" else 0), words, evidence)

"""How much of its volume an account trades in the last days before a date."""

from collections import defaultdict

from carbonmatch.matching.messages import AccountId, InstrumentId
from carbonmatch.surveillance.facts import Amended, Dealt, Fact
from carbonmatch.surveillance.findings import DAY_NS, Evidence, Finding, Kept
from carbonmatch.surveillance.thresholds import Thresholds

PATTERN = "deadline"


class Deadline:
    """Memory: two numbers and the evidence for each account and instrument. `end_ns`: the day is over."""

    def __init__(self, thresholds: Thresholds, end_ns: int) -> None:
        self._thresholds = thresholds
        self._end_ns = end_ns
        self._since_ns = end_ns - thresholds.deadline_days * DAY_NS
        self._lots: dict[tuple[AccountId, InstrumentId], list[int]] = defaultdict(lambda: [0, 0])
        self._seen: dict[tuple[AccountId, InstrumentId], Evidence] = defaultdict(Evidence)

    def take(self, fact: Fact) -> None:
        if type(fact) is Dealt:
            lots = fact.quantity_lots
        elif type(fact) is Amended:
            lots = fact.change_lots
        else:
            return
        is_late = self._since_ns <= fact.time_ns < self._end_ns
        for account_id in (fact.buyer, fact.seller):
            key = account_id, fact.instrument_id
            self._lots[key][0] += lots
            if is_late:
                self._lots[key][1] += lots
                if type(fact) is Dealt:
                    self._seen[key].note(fact.time_ns, fact.sequence, (account_id,), (), fact.trade_id)

    def findings(self) -> Kept:
        kept, least = Kept(), self._thresholds
        for (account_id, instrument_id), (all_lots, late) in self._lots.items():
            enough = late * 10_000 >= least.deadline_share_basis_points * all_lots
            if late >= max(least.deadline_lots_min, 1) and enough:
                share = late * 10_000 // all_lots
                words = (
                    f"account {account_id}: {late} of {all_lots} lots ({share} basis points) "
                    f"in the last {least.deadline_days} days"
                )
                evidence = self._seen[account_id, instrument_id]
                kept.add(Finding(PATTERN, late, instrument_id, words, evidence))
        return kept

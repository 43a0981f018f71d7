"""A market for blocks: three firms that negotiate, and what clearing would hold for them."""

from typing import Any

from carbonmatch.matching import messages as m
from carbonmatch.matching.accounts import Account
from carbonmatch.matching.messages import (
    AccountId,
    BlockRules,
    OrderId,
    ParticipantId,
    Ref,
    RejectReason,
    SessionId,
    Side,
    TradeKind,
)
from tests.matching.market import ALICE, BOB, EUA, NAMES, VENUE, Market, definition

# Dave acts for account 14 of participant 3 alone. Alice, for 11 of participant 1, has a colleague: Carol.
DAVE = SessionId(5)
NAMES[DAVE] = "dave"
ALPHA, ALPHA_2, BETA, GAMMA = AccountId(11), AccountId(12), AccountId(13), AccountId(14)
BUY, SELL = Side.BUY, Side.SELL
LOTS, PRICE = 100, 50


class Vault:
    """Stands in for clearing: counts what is reserved, and refuses what `refuses` says."""

    def __init__(self) -> None:
        self.reserved: dict[tuple[AccountId, Side], list[tuple[int, int]]] = {}
        self.refuses: dict[AccountId, RejectReason] = {}
        # Of an account that may reserve no more lots than these at a time.
        self.lots_max: dict[AccountId, int] = {}
        self.settled: list[tuple[AccountId, AccountId, int, int]] = []

    def refusal(
        self, account: Account, side: Side, lots: int, price_ticks: int, kind: TradeKind
    ) -> RejectReason | None:
        assert kind is TradeKind.BLOCK
        assert price_ticks > 0
        most = self.lots_max.get(account.account_id)
        held = sum(lots for lots, _ in self.reserved.get((account.account_id, side), []))
        if most is not None and held + lots > most:
            return RejectReason.NO_LIQUIDITY
        return self.refuses.get(account.account_id)

    def reserve(self, account: Account, side: Side, lots: int, price_ticks: int, kind: TradeKind) -> None:
        assert self.refusal(account, side, lots, price_ticks, kind) is None
        self.reserved.setdefault((account.account_id, side), []).append((lots, price_ticks))

    def release(
        self, account: Account, side: Side, lots: int, leaves_lots: int, price_ticks: int, kind: TradeKind
    ) -> None:
        assert kind is TradeKind.BLOCK
        assert leaves_lots == 0, "a block is traded whole"
        held = self.reserved[account.account_id, side]
        held.remove((lots, price_ticks))
        if not held:
            del self.reserved[account.account_id, side]

    def roll(self, _trading_day: int, _last_trade_id: m.TradeId) -> None:
        """Nothing here waits for a day to end."""

    def settle(self, buyer: Account, seller: Account, lots: int, price_ticks: int, kind: TradeKind) -> None:
        assert kind is TradeKind.BLOCK
        self.settled.append((buyer.account_id, seller.account_id, lots, price_ticks))


class Floor(Market):
    """Every command gets the next ref of its session; a proposal is known by the number of its command."""

    def __init__(self, rules: BlockRules | None = None, **fields: Any) -> None:
        super().__init__(blocks=BlockRules() if rules is None else rules, **fields)
        self.outputs(
            VENUE,
            m.DefineAccount(GAMMA, ParticipantId(3), "gamma"),
            m.DefineSession(DAVE, "dave", (GAMMA,)),
        )
        self.setup_commands += 2
        self.vault = Vault()
        if "clearing" not in fields:
            self.engine.books[EUA].clearing = self.vault
        self.public: list[m.AnyPublicEvent] = []

    def outputs(self, session_id: SessionId, *commands: Any) -> m.Outputs:
        outputs = super().outputs(session_id, *commands)
        self.public = outputs.public
        return outputs

    def ref(self, session_id: SessionId) -> Ref:
        return Ref(self.engine.sessions[session_id].last_ref + 1)

    def propose(
        self,
        session_id: SessionId = ALICE,
        side: Side = SELL,
        lots: int = LOTS,
        price: int = PRICE,
        **fields: Any,
    ) -> list[str]:
        return self.send(session_id, m.BlockPropose(self.ref(session_id), EUA, side, lots, price, **fields))

    def offer(self, session_id: SessionId = ALICE, to: AccountId = BETA, **fields: Any) -> list[str]:
        return self.propose(session_id, counterparty_account_id=to, **fields)

    def accept(
        self, session_id: SessionId, number: int, lots: int = LOTS, price: int = PRICE, **fields: Any
    ) -> list[str]:
        ref = self.ref(session_id)
        return self.send(session_id, m.BlockAccept(ref, self.order_id(number), lots, price, **fields))

    def counter(
        self, session_id: SessionId, number: int, lots: int = LOTS, price: int = PRICE + 1, **fields: Any
    ) -> list[str]:
        ref = self.ref(session_id)
        return self.send(session_id, m.BlockCounter(ref, self.order_id(number), lots, price, **fields))

    def decline(self, session_id: SessionId, number: int) -> list[str]:
        return self.send(session_id, m.BlockDecline(self.ref(session_id), self.order_id(number)))

    def withdraw(self, session_id: SessionId, number: int) -> list[str]:
        return self.send(session_id, m.BlockWithdraw(self.ref(session_id), self.order_id(number)))

    def status(self, session_id: SessionId, number: int = 0, after: int = 0) -> list[str]:
        proposal_id = self.order_id(number) if number else OrderId(0)
        after_id = self.order_id(after) if after else OrderId(0)
        return self.send(session_id, m.BlockStatusRequest(self.ref(session_id), proposal_id, after_id))

    def open(self) -> dict[int, m.BlockState]:
        """What is open, by number."""
        return {
            number - self.setup_commands: proposal.state
            for number, proposal in self.engine.venue.negotiations.proposals.items()
        }

    def locks(self) -> list[tuple[AccountId, Side, int, int]]:
        """What is reserved, in the order of accounts."""
        return sorted(
            (account, side, lots, price)
            for (account, side), held in self.vault.reserved.items()
            for lots, price in held
        )


__all__ = ["ALICE", "BOB", "DAVE", "EUA", "Floor", "Vault", "definition"]

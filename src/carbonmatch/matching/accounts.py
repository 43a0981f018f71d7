"""Who trades: accounts of participants, and the sessions that act for them."""

from typing import TYPE_CHECKING, Final

from carbonmatch.matching.messages import (
    NO_REF,
    VENUE_SESSION_ID,
    AccountId,
    AnyReport,
    GroupId,
    OrderId,
    ParticipantId,
    Ref,
    SessionId,
)

if TYPE_CHECKING:
    from carbonmatch.matching.ladder import Order

# In place of an owner: no order belongs to it.
NOBODY: Final = 0


class Account:
    """Belongs to one participant, and keeps its open orders by id, in the order of their ids.

    `owners` says who it belongs to for self-trade prevention, by the number of a `SelfTradeKey`: equal
    numbers at one place are one owner. Groups are negative there, so that none is taken for a participant.
    """

    __slots__ = ("account_id", "group_id", "name", "orders", "owners", "participant_id")

    def __init__(
        self, account_id: AccountId, participant_id: ParticipantId, name: str, group_id: GroupId
    ) -> None:
        self.account_id = account_id
        self.orders: dict[OrderId, Order] = {}
        self.assign(participant_id, name, group_id)

    def assign(self, participant_id: ParticipantId, name: str, group_id: GroupId) -> None:
        """Say whose it is from now on, and what it is called."""
        self.participant_id = participant_id
        self.name = name
        self.group_id = group_id
        self.owners = (NOBODY, participant_id, self.account_id, -group_id or participant_id)


class SessionState:
    """What the engine knows of a session: its powers, its stream, and the orders it has entered.

    `orders` has each open order under the ref it was entered with, and so in the order of their
    ids; `replaced` has those that go by another name now under that name.
    """

    __slots__ = (
        "account_ids",
        "accounts",
        "cancel_on_disconnect",
        "grace_ms",
        "last_ref",
        "name",
        "next_seq",
        "operator",
        "orders",
        "permissions",
        "ref_before",
        "replaced",
        "reports",
        "session_id",
        "touched",
    )

    def __init__(self, session_id: SessionId) -> None:
        self.session_id = session_id
        self.name = ""
        self.operator = session_id == VENUE_SESSION_ID
        # Which commands may be given, 0: all. Nothing in the market depends on it.
        self.permissions = 0
        self.account_ids: tuple[AccountId, ...] = ()
        # By account id, and under 0 the default.
        self.accounts: dict[AccountId, Account] = {}
        self.orders: dict[Ref, Order] = {}
        self.replaced: dict[Ref, Order] = {}
        # The stream: the number of its next report, and the last ref applied.
        self.next_seq = 1
        self.last_ref = NO_REF
        # What its last logon asked for; the server acts on it.
        self.cancel_on_disconnect = False
        self.grace_ms = 0
        # What gathers for `take_outputs`: reports, and the last ref applied before them.
        self.ref_before = NO_REF
        self.reports: list[AnyReport] = []
        self.touched = False

    def entitle(
        self,
        name: str,
        account_ids: tuple[AccountId, ...],
        operator: bool,
        accounts: dict[AccountId, Account],
        permissions: int = 0,
    ) -> None:
        """Say which accounts it may act for; the first is its default."""
        self.name = name
        self.permissions = permissions
        self.operator = operator
        self.account_ids = account_ids
        self.accounts = {account_id: accounts[account_id] for account_id in account_ids}
        if account_ids:
            self.accounts[AccountId(0)] = accounts[account_ids[0]]

    def find(self, order_ref: Ref, order_id: OrderId) -> "Order | None":
        """The open order named by `order_ref`, entered here, or by `order_id`, of an own account.

        Exactly one of the names is not 0.
        """
        if order_ref:
            order = self.orders.get(order_ref)
            if order is None or order.ref != order_ref:
                order = self.replaced.get(order_ref)
            return order
        for account_id in self.account_ids:
            order = self.accounts[account_id].orders.get(order_id)
            if order is not None:
                return order
        return None

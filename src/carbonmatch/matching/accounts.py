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
    """Belongs to one participant, and has an index of its open orders, made for those sessions that need it.

    Nearly every order is only ever named by its ref, for which its session has it. So an order enters the
    index of its account only where its session is `indexed`, which it becomes when somebody first names an
    order of one of its accounts by id, or asks for all of an account. Nothing but speed and memory depends
    on which sessions are: see `docs/decisions/0045`.

    `owners` says who it belongs to for self-trade prevention, by the number of a `SelfTradeKey`: equal
    numbers at one place are one owner. Groups are negative there, so that none is taken for a participant.
    """

    __slots__ = (
        "account_id",
        "group_id",
        "holder_class",
        "indexed_orders",
        "name",
        "owners",
        "participant_id",
        "unindexed",
    )

    def __init__(
        self,
        account_id: AccountId,
        participant_id: ParticipantId,
        name: str,
        group_id: GroupId,
        holder_class: str = "",
    ) -> None:
        self.account_id = account_id
        # Its open orders that indexed sessions have entered.
        self.indexed_orders: dict[OrderId, Order] = {}
        # Sessions that may have entered more of them, as long as these are not indexed.
        self.unindexed: dict[SessionId, SessionState] = {}
        self.assign(participant_id, name, group_id, holder_class)

    def assign(
        self, participant_id: ParticipantId, name: str, group_id: GroupId, holder_class: str = ""
    ) -> None:
        """Say whose it is from now on, what it is called, and by the limits of which class it goes."""
        self.participant_id = participant_id
        self.name = name
        self.group_id = group_id
        self.holder_class = holder_class
        self.owners = (NOBODY, participant_id, self.account_id, -group_id or participant_id)

    def orders_by_id(self) -> "dict[OrderId, Order]":
        """All of its open orders, in no order that may matter."""
        if self.unindexed:
            for session in self.unindexed.values():
                session.index()
            self.unindexed = {}
        return self.indexed_orders

    def open_orders(self) -> "list[Order]":
        """All of its open orders, in the order of entry."""
        orders = self.orders_by_id()
        return [orders[order_id] for order_id in sorted(orders)]


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
        "indexed",
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
        # Whether its orders are in the indices of their accounts.
        self.indexed = False
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
        if not self.indexed:
            for account in self.accounts.values():
                account.unindexed[self.session_id] = self

    def index(self) -> None:
        """Put its orders into the indices of their accounts, from now on and for ever.

        It is paid once for each session: 35 ms for as many orders as one may have. One command may pay it for
        all sessions of its accounts, 0.26 s where these have entered all orders that a venue may have.
        """
        if not self.indexed:
            self.indexed = True
            for order in self.orders.values():
                order.account.indexed_orders[order.order_id] = order

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
            order = self.accounts[account_id].orders_by_id().get(order_id)
            if order is not None:
                return order
        return None

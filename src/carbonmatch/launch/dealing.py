"""How two companies come to a deal, by what its market has: listing and selection, orders that cross, blocks.

Each way is a few steps at given times; the engine's answer to each is looked at before the next.
"""

from collections.abc import Callable
from random import Random
from typing import Any, Final

from carbonmatch.config import Instrument
from carbonmatch.launch.desks import Desk, LaunchFailed
from carbonmatch.launch.plan import Deal
from carbonmatch.launch.turns import NS_PER_SECOND
from carbonmatch.matching.messages import (
    Accepted,
    AccountId,
    BlockAccept,
    BlockCounter,
    BlockPropose,
    BlockState,
    BlockUpdate,
    Cancel,
    Canceled,
    Executed,
    NewOrder,
    OrderId,
    Ref,
    Select,
    Side,
)

# Shares of the blocks: agreed to as they were offered to one side, after a counter, and offered to everyone.
_COUNTERED_SHARE: Final = 0.3
_POSTED_SHARE: Final = 0.2
# Where any order of a level may be selected, so many are behind somebody else's that has come before.
_PASSED_OVER_SHARE: Final = 0.15
_ANSWER_NS: Final = 5 * NS_PER_SECOND
# The earlier offer of a block that is countered is so much off the price that is agreed on.
_HAGGLE: Final = 0.005

At = Callable[[int, Callable[[], object]], None]
Bystanders = Callable[[Deal, Side], list[int]]


class Dealing:
    """Makes deals. Invariant: of the steps of a deal none is taken before the one before it is answered."""

    def __init__(
        self,
        at: At,
        desks: dict[AccountId, Desk],
        instruments: dict[str, Instrument],
        random: Random,
    ) -> None:
        """`at` asks for a step at a time."""
        self.done = 0
        self.passed_over = 0
        self._at = at
        self._desks = desks
        self._instruments = instruments
        self._random = random

    def make(self, deal: Deal, first_ns: int, second_ns: int, bystanders: Bystanders) -> None:
        """Have the deal made between these times; `bystanders` says which accounts could offer the same."""
        if deal.is_block:
            self._negotiate(deal, first_ns, second_ns)
        elif self._instruments[deal.market].screen.mechanism == "listing":
            self._list(deal, first_ns, second_ns, bystanders)
        else:
            self._cross(deal, first_ns, second_ns)

    # --- the screen ------------------------------------------------------------------------------

    def _cross(self, deal: Deal, first_ns: int, second_ns: int) -> None:
        """An order that rests, and one that crosses it."""
        side, maker, taker = self._sides(deal)
        rested: list[OrderId] = []
        self._at(first_ns, lambda: self._rest(deal, side, maker, rested))
        self._at(
            second_ns,
            lambda: self._send(taker, self._order(deal, _other(side), taker), self._taken(deal, rested)),
        )

    def _list(self, deal: Deal, first_ns: int, second_ns: int, bystanders: Bystanders) -> None:
        """An order that is listed, and somebody who selects it; now and then behind an earlier one."""
        side, maker, taker = self._sides(deal)
        listed: list[OrderId] = []
        has_choice = self._instruments[deal.market].screen.order_choice == "any"
        if has_choice and self._random.random() < _PASSED_OVER_SHARE:
            able = [account for account in bystanders(deal, side) if account not in (maker, taker)]
            if able:
                other = self._random.choice(able)
                self.passed_over += 1
                earlier: list[OrderId] = []
                self._at(first_ns, lambda: self._rest(deal, side, other, earlier))
                self._at(second_ns + _ANSWER_NS // 10, lambda: self._cancel(deal, other, earlier))
        self._at(first_ns, lambda: self._rest(deal, side, maker, listed))

        def take() -> None:
            order_id = _only(deal, listed)
            self._send(
                taker,
                lambda ref: Select(
                    ref,
                    self._instruments[deal.market].id,
                    _other(side),
                    deal.tonnes,
                    order_id,
                    deal.price,
                    AccountId(taker),
                ),
                self._taken(deal, listed),
            )

        self._at(second_ns, take)

    def _sides(self, deal: Deal) -> tuple[Side, int, int]:
        """On which side somebody comes first, who that is, and who takes it."""
        if self._random.random() < 0.6:
            return Side.SELL, deal.seller, deal.buyer
        return Side.BUY, deal.buyer, deal.seller

    def _rest(self, deal: Deal, side: Side, account: int, rested: list[OrderId]) -> None:
        def answered(report: Any) -> None:
            if not isinstance(report, Accepted):
                raise LaunchFailed(f"{deal}: {report}")
            rested.append(report.order_id)

        self._send(account, self._order(deal, side, account), answered)

    def _cancel(self, deal: Deal, account: int, rested: list[OrderId]) -> None:
        def answered(report: Any) -> None:
            if not isinstance(report, Canceled):
                raise LaunchFailed(f"{deal}: {report}")

        order_id = _only(deal, rested)
        self._send(account, lambda ref: Cancel(ref, order_id=order_id), answered)

    def _taken(self, deal: Deal, rested: list[OrderId]) -> Callable[[Any], None]:
        """What to do with the answers of whoever takes; nobody should come before the other is there."""

        def answered(report: Any) -> None:
            _only(deal, rested)
            if isinstance(report, Executed):
                self._dealt(deal, report)
            elif not isinstance(report, Accepted):
                raise LaunchFailed(f"{deal}: {report}")

        return answered

    def _dealt(self, deal: Deal, fill: Executed) -> None:
        if (fill.price_ticks, fill.quantity_lots) != (deal.price, deal.tonnes):
            raise LaunchFailed(f"{deal}: {fill}")
        self.done += 1

    # --- blocks ----------------------------------------------------------------------------------

    def _negotiate(self, deal: Deal, first_ns: int, second_ns: int) -> None:
        """Offered to the other side and accepted; countered first; or posted, taken up and confirmed."""
        side, maker, taker = self._sides(deal)
        chance = self._random.random()
        if chance < _POSTED_SHARE:
            self._post(deal, side, (maker, taker), (first_ns, second_ns))
        elif chance < _POSTED_SHARE + _COUNTERED_SHARE:
            self._haggle(deal, side, (maker, taker), (first_ns, second_ns))
        else:
            offered: list[OrderId] = []
            self._at(first_ns, lambda: self._propose(deal, side, maker, taker, deal.price, offered))
            self._at(second_ns, lambda: self._accept(deal, taker, offered, BlockState.TRADED))

    def _haggle(self, deal: Deal, side: Side, who: tuple[int, int], times_ns: tuple[int, int]) -> None:
        maker, taker = who
        tick = self._instruments[deal.market].price_increment_ticks
        off = max(round(deal.price * _HAGGLE / tick), 1) * tick
        worse = deal.price - off if side is Side.BUY else deal.price + off
        offered: list[OrderId] = []
        self._at(times_ns[0], lambda: self._propose(deal, side, maker, taker, worse, offered))

        def counter() -> None:
            proposal_id = _only(deal, offered)
            self._send(
                taker,
                lambda ref: BlockCounter(ref, proposal_id, deal.tonnes, deal.price),
                self._block_answer(deal, BlockState.COUNTERED, []),
            )

        self._at((times_ns[0] + times_ns[1]) // 2, counter)
        self._at(times_ns[1], lambda: self._accept(deal, maker, offered, BlockState.TRADED))

    def _post(self, deal: Deal, side: Side, who: tuple[int, int], times_ns: tuple[int, int]) -> None:
        maker, taker = who
        posted: list[OrderId] = []
        taken_up: list[OrderId] = []
        self._at(times_ns[0], lambda: self._propose(deal, side, maker, 0, deal.price, posted))
        self._at(
            (times_ns[0] + times_ns[1]) // 2,
            lambda: self._accept(deal, taker, posted, BlockState.ACCEPTED, taken_up),
        )
        self._at(times_ns[1], lambda: self._accept(deal, maker, taken_up, BlockState.TRADED))

    def _propose(
        self, deal: Deal, side: Side, account: int, counterparty: int, price: int, proposed: list[OrderId]
    ) -> None:
        state = BlockState.OFFERED if counterparty else BlockState.POSTED
        self._send(
            account,
            lambda ref: BlockPropose(
                ref,
                self._instruments[deal.market].id,
                side,
                deal.tonnes,
                price,
                AccountId(account),
                AccountId(counterparty),
            ),
            self._block_answer(deal, state, proposed),
        )

    def _accept(
        self,
        deal: Deal,
        account: int,
        proposed: list[OrderId],
        state: BlockState,
        replies: list[OrderId] | None = None,
    ) -> None:
        """Accept what was proposed; of a post, the number of the reply goes to `replies`."""
        proposal_id = _only(deal, proposed)
        self._send(
            account,
            lambda ref: BlockAccept(ref, proposal_id, deal.tonnes, deal.price, AccountId(account)),
            self._block_answer(deal, state, [] if replies is None else replies),
        )

    def _block_answer(self, deal: Deal, state: BlockState, proposed: list[OrderId]) -> Callable[[Any], None]:
        def answered(report: Any) -> None:
            if isinstance(report, Executed):
                self._dealt(deal, report)
            elif not isinstance(report, BlockUpdate):
                raise LaunchFailed(f"{deal}: {report}")
            elif report.state is state and not proposed:
                proposed.append(report.proposal_id)

        return answered

    def _order(self, deal: Deal, side: Side, account: int) -> Callable[[Ref], NewOrder]:
        instrument_id = self._instruments[deal.market].id
        return lambda ref: NewOrder(ref, instrument_id, side, deal.tonnes, deal.price, AccountId(account))

    def _send(self, account: int, make: Callable[[Ref], Any], answered: Callable[[Any], None]) -> None:
        self._desks[AccountId(account)].send(make, answered)


def _other(side: Side) -> Side:
    return Side.BUY if side is Side.SELL else Side.SELL


def _only(deal: Deal, ids: list[OrderId]) -> OrderId:
    """What the step before has made; LaunchFailed where it was not answered."""
    if not ids:
        raise LaunchFailed(f"{deal}: no answer to the step before")
    return ids[0]

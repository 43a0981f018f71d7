"""A market as a state machine: any command at any time, in the engine and in the naive reference.

    python -m tests.matching.state_machine --examples 5000 --steps 80

Where `worlds` draws what is likely, this draws what is possible: Hypothesis chooses the next rule by what has
happened, and shrinks what fails to the fewest commands. After every rule everything that can be seen is
compared; the engine may be restored from its snapshot at any time, and nobody may notice.
"""

import argparse
from collections.abc import Sequence
from typing import Final, NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import (
    AnyCommand,
    NewOrderLong,
    OrderId,
    OrderType,
    Ref,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from carbonmatch.matching.state import digest, restore, snapshot
from tests.matching.side_by_side import SideBySide
from tests.matching.worlds import COMMAND_BYTES, OPERATOR, SESSIONS, World

Sessions: Final = st.integers(1, len(SESSIONS) - 1)
Prices: Final = st.integers(94, 108)
Lots: Final = st.sampled_from((4, 6, 8, 10, 20, 2, 5, 0, 30, 32))
Rests: Final = st.sampled_from((TimeInForce.DAY, TimeInForce.GTC))
Modes: Final = st.sampled_from(SelfTradePrevention)
Chosen: Final = st.binary(min_size=COMMAND_BYTES, max_size=COMMAND_BYTES)


class Name(NamedTuple):
    """What may name an order."""

    session: int
    ref: Ref
    order_id: OrderId


def orders(**fields: st.SearchStrategy[object]) -> st.SearchStrategy[NewOrderLong]:
    """Orders of both instruments and sides near the same prices, with these fields otherwise."""
    drawn: dict[str, st.SearchStrategy[object]] = {
        "ref": st.just(Ref(1)),
        "instrument_id": st.sampled_from((1, 2)),
        "side": st.sampled_from(Side),
        "quantity_lots": Lots,
        "price_ticks": Prices,
        "time_in_force": Rests,
        "self_trade_prevention": Modes,
        "flags": st.sampled_from((0, 0, 0, 1, 2)),
    }
    return st.builds(NewOrderLong, **{**drawn, **fields})


# Each of a kind that mostly goes together, and one that need not.
New: Final = st.one_of(
    orders(),
    orders(),
    orders(time_in_force=st.sampled_from(TimeInForce)),
    orders(order_type=st.just(OrderType.MARKET), price_ticks=st.one_of(st.just(0), Prices), flags=st.just(0)),
    orders(
        order_type=st.sampled_from((OrderType.STOP, OrderType.STOP_LIMIT)),
        stop_price_ticks=Prices,
        price_ticks=st.one_of(st.just(0), Prices),
        minimum_lots=st.sampled_from((0, 0, 4)),
        flags=st.just(0),
    ),
    orders(display_lots=st.sampled_from((2, 4, 6)), flags=st.just(0)),
    orders(minimum_lots=st.sampled_from((2, 6, 10)), flags=st.just(0)),
    orders(
        account_id=st.sampled_from((0, 11, 12, 13, 14, 99)),
        order_type=st.sampled_from(OrderType),
        time_in_force=st.sampled_from(TimeInForce),
        flags=st.integers(0, 4),
        stop_price_ticks=st.one_of(st.just(0), Prices),
        display_lots=st.integers(0, 8),
        minimum_lots=st.integers(0, 8),
        expires_ns=st.one_of(st.just(0), st.integers(1_000, 1_300)),
    ),
)


class MarketMachine(RuleBasedStateMachine):
    named = Bundle("named")
    played = 0

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.both = SideBySide()
        self.both.apply(self.world.setup())

    def _ref(self, session: int) -> Ref:
        self.world.last_ref[session] += 1
        return Ref(self.world.last_ref[session])

    def _play(self, session: int, *commands: AnyCommand) -> None:
        self.both.apply(self.world.frame(session, list(commands)))
        MarketMachine.played += len(commands)

    def _new(self, session: int, drawn: NewOrderLong) -> NewOrderLong:
        fields = {name: getattr(drawn, name) for name in drawn.__struct_fields__}
        if drawn.time_in_force is TimeInForce.GTD and not drawn.expires_ns:
            fields["expires_ns"] = 1_010 + self.world.sequence
        return NewOrderLong(**{**fields, "ref": self._ref(session)})

    # --- what gateways do ---

    @rule(target=named, session=Sessions, drawn=New)
    def enter(self, session: int, drawn: NewOrderLong) -> Name:
        order = self._new(session, drawn)
        self._play(session, order)
        return Name(session, order.ref, OrderId(self.both.engine.sequence))

    @rule(target=named, session=Sessions, drawn=st.lists(New, min_size=2, max_size=4))
    def enter_in_one_frame(self, session: int, drawn: list[NewOrderLong]) -> object:
        """The last of them is canceled or reduced by its new name in the same frame."""
        entered = [self._new(session, each) for each in drawn]
        first = self.world.sequence + 1
        names = [Name(session, each.ref, OrderId(first + place)) for place, each in enumerate(entered)]
        self._play(session, *entered, m.Reduce(self._ref(session), names[-1].ref, OrderId(0), 4))
        return multiple(*names)

    @rule(name=named, session=Sessions, by_id=st.booleans())
    def cancel(self, name: Name, session: int, by_id: bool) -> None:
        if by_id:
            self._play(session, m.Cancel(self._ref(session), order_id=name.order_id))
        else:
            self._play(name.session, m.Cancel(self._ref(name.session), name.ref))

    @rule(name=named, lots=st.integers(0, 20))
    def reduce(self, name: Name, lots: int) -> None:
        self._play(name.session, m.Reduce(self._ref(name.session), name.ref, OrderId(0), lots))

    @rule(
        target=named,
        name=named,
        lots=Lots,
        price=st.one_of(st.just(0), Prices),
        stop=st.one_of(st.just(0), st.just(0), Prices),
        display=st.sampled_from((0, 0, 0, 2, 4)),
    )
    def replace(self, name: Name, lots: int, price: int, stop: int, display: int) -> Name:
        ref = self._ref(name.session)
        self._play(name.session, m.Replace(ref, name.ref, OrderId(0), lots, price, stop, display))
        return Name(name.session, ref, name.order_id)

    @rule(name=named, session=Sessions, lots=Lots, price=Prices)
    def replace_as_a_colleague(self, name: Name, session: int, lots: int, price: int) -> None:
        self._play(session, m.Replace(self._ref(session), Ref(0), name.order_id, lots, price))

    @rule(session=Sessions, scope=st.sampled_from(m.MassCancelScope), side=st.integers(0, 2))
    def mass_cancel(self, session: int, scope: m.MassCancelScope, side: int) -> None:
        self._play(session, m.MassCancel(self._ref(session), scope, side=side))

    @rule(session=Sessions)
    def ask(self, session: int) -> None:
        self._play(session, m.OrderStatusRequest(self._ref(session)))

    @rule(chosen=st.lists(Chosen, min_size=1, max_size=4))
    def anything_of_the_worlds(self, chosen: list[bytes]) -> None:
        """Whatever a world may do: what operators and the venue do, most of all."""
        entry = self.world.entry(chosen)
        self.both.apply(entry)
        MarketMachine.played += len(entry.commands)

    # --- what happens to all ---

    @rule(phase=st.sampled_from(m.Phase), instrument=st.sampled_from((0, 1, 2)))
    def change_phase(self, phase: m.Phase, instrument: int) -> None:
        self._play(OPERATOR, m.SetPhase(self._ref(OPERATOR), m.InstrumentId(instrument), phase))

    @rule(
        scope=st.sampled_from(m.KillScope),
        number=st.sampled_from((0, 1, 2, 11, 12, 13)),
        releases=st.booleans(),
    )
    def stop_and_let_go_on(self, scope: m.KillScope, number: int, releases: bool) -> None:
        self._play(OPERATOR, m.Kill(self._ref(OPERATOR), scope, number, "why"))
        if releases:
            self._play(OPERATOR, m.Release(self._ref(OPERATOR), scope, number, "on"))

    @rule(number=st.sampled_from((0, 1, 2, 11, 12, 13)))
    def let_all_go_on(self, number: int) -> None:
        """Whatever is stopped of that number."""
        for scope in m.KillScope:
            self._play(OPERATOR, m.Release(self._ref(OPERATOR), scope, number, "on"))

    @rule()
    def trade_again(self) -> None:
        """More often than phases change, or nothing would trade."""
        self._play(0, m.SetPhase(Ref(0), m.InstrumentId(0), m.Phase.CONTINUOUS))

    @rule(session=Sessions)
    def lose_the_connection(self, session: int) -> None:
        self._play(0, m.SessionLost(m.SessionId(session)))

    @rule()
    def let_time_pass(self) -> None:
        self._play(0, m.TimePassed())

    @rule()
    def restart(self) -> None:
        before = self.both.engine
        self.both.engine = restore(snapshot(before))
        assert digest(self.both.engine) == digest(before)

    @invariant()
    def everything_that_can_be_seen_is_equal(self) -> None:
        self.both.take()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.matching.state_machine",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--examples", type=int, default=5_000)
    parser.add_argument("--steps", type=int, default=80, help="rules of an example, at most")
    options = parser.parse_args(arguments)
    run_state_machine_as_test(
        MarketMachine,
        settings=settings(
            max_examples=options.examples,
            stateful_step_count=options.steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(f"{options.examples:,} examples, {MarketMachine.played:,} commands: no difference")
    return 0


if __name__ == "__main__":
    main()

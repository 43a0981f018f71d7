"""What the clients send: every frame of a run, made and encoded before it starts.

Clients choose their refs and orders are named by ref, so a cancel can be encoded before the order it
names was ever answered. The generator then only moves bytes. The same seed gives the same bytes, on
every machine: integers of one Mersenne Twister per session, no float anywhere.
"""

from collections.abc import Iterator
from hashlib import blake2b
from itertools import islice
from random import Random
from typing import Final

from msgspec import Struct

from carbonmatch.limits import FRAME_MESSAGES_MAX
from carbonmatch.matching.messages import (
    AccountId,
    Cancel,
    ClientCommand,
    InstrumentId,
    NewOrder,
    OrderId,
    OrderType,
    Ref,
    Replace,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from carbonmatch.protocol.codec import encode
from carbonmatch.protocol.frames import frame

# Passive orders never cross this price, so only aggressive ones trade: buys rest below it, sells above.
MIDDLE_TICKS: Final = 10_000
# How far an aggressive order reaches beyond the middle.
REACH_TICKS: Final = 64
QUANTITY_LOTS_MAX: Final = 20
# Orders that a session leaves open. Beyond it adds become cancels, so a long run does not grow the book.
OPEN_ORDERS_MAX: Final = 1_000

_SIDES: Final = (Side.BUY, Side.SELL)


class Mix(Struct, frozen=True):
    """Weights of the kinds of commands; only their ratios count.

    The default is the flow of quote-driven venues: nearly as many cancels as orders, few trades.
    """

    add: int = 48
    cancel: int = 42
    replace: int = 5
    aggressive: int = 5

    @property
    def total(self) -> int:
        return self.add + self.cancel + self.replace + self.aggressive


class Workload(Struct, frozen=True):
    """What decides every byte."""

    sessions: int
    commands: int  # of all sessions together, rounded down to whole frames of each
    frame_commands: int
    seed: int = 1
    instruments: int = 4
    mix: Mix = Mix()

    @property
    def frames_per_session(self) -> int:
        return self.commands // (self.sessions * self.frame_commands)

    def problem(self) -> str:
        """Why this cannot be made; empty where it can."""
        for name in ("sessions", "commands", "frame_commands", "instruments"):
            if getattr(self, name) < 1:
                return f"{name} is {getattr(self, name)}, expected at least 1"
        if self.frame_commands > FRAME_MESSAGES_MAX:
            return f"frame_commands is {self.frame_commands}, expected at most {FRAME_MESSAGES_MAX}"
        if not self.frames_per_session:
            return f"{self.commands} commands do not fill a frame in each of {self.sessions} sessions"
        if min(self.mix.add, self.mix.cancel, self.mix.replace, self.mix.aggressive) < 0 or not self.mix.add:
            return "weights of the mix are at least 0, that of adds at least 1"
        return ""


def session_frames(workload: Workload, session: int, first_ref: int = 1) -> list[bytes]:
    """The frames of one session, with their length prefixes, from `first_ref` on without a gap."""
    count = workload.frame_commands
    commands = session_commands(workload, session, first_ref)
    return [frame(encode(list(islice(commands, count)))) for _ in range(workload.frames_per_session)]


class Flows:
    """The frames of all sessions in portions, each of which goes on where the one before has ended."""

    def __init__(self, workload: Workload) -> None:
        self._frame_commands = workload.frame_commands
        self._flows = [session_commands(workload, session) for session in range(workload.sessions)]

    def take(self, frames_per_session: int) -> list[list[bytes]]:
        count = self._frame_commands
        return [
            [frame(encode(list(islice(flow, count)))) for _ in range(frames_per_session)]
            for flow in self._flows
        ]


def digest(frames: list[list[bytes]]) -> str:
    """Names the exact bytes of a run in its result."""
    whole = blake2b(digest_size=16)
    for session in frames:
        for one in session:
            whole.update(one)
    return whole.hexdigest()


def session_commands(workload: Workload, session: int, first_ref: int = 1) -> Iterator[ClientCommand]:
    """An endless flow that only names orders which it entered and has not cancelled itself.

    The market may have filled them meanwhile: then the refusal is part of the load, as in life.
    """
    mix = workload.mix
    instruments = workload.instruments
    # Alone, a session has only itself to trade with.
    prevention = (
        SelfTradePrevention.NONE if workload.sessions == 1 else SelfTradePrevention.INSTRUMENT_DEFAULT
    )
    draw = Random(f"{workload.seed}:{session}").getrandbits
    open_orders: list[tuple[int, Side]] = []
    ref = first_ref - 1
    while True:
        ref += 1
        # One draw for all choices of a command: 64 bits are cheaper than four calls.
        bits = draw(64)
        kind = (bits & 0xFFFF) * mix.total >> 16
        side = _SIDES[bits >> 16 & 1]
        # The product of two uniform numbers: most orders stand near the touch, some 60 ticks away.
        distance = 1 + ((bits >> 17 & 31) * (bits >> 22 & 31) >> 4)
        lots = 1 + (bits >> 27 & 0xFFFF) % QUANTITY_LOTS_MAX
        instrument_id = InstrumentId(1 + (bits >> 43 & 0xFF) % instruments)
        choice = bits >> 51

        if kind >= mix.total - mix.aggressive:
            reach = REACH_TICKS if side is Side.BUY else -REACH_TICKS
            yield NewOrder(
                Ref(ref),
                instrument_id,
                side,
                lots,
                MIDDLE_TICKS + reach,
                AccountId(0),
                OrderType.LIMIT,
                TimeInForce.IOC,
                prevention,
            )
        elif not open_orders or (kind < mix.add and len(open_orders) < OPEN_ORDERS_MAX):
            open_orders.append((ref, side))
            price = passive_price(side, distance)
            yield NewOrder(
                Ref(ref),
                instrument_id,
                side,
                lots,
                price,
                AccountId(0),
                OrderType.LIMIT,
                TimeInForce.DAY,
                prevention,
            )
        else:
            at = choice % len(open_orders)
            order_ref, order_side = open_orders[at]
            if kind < mix.add + mix.cancel:
                # The last one takes the place: order does not matter here, and a removal from the
                # middle of a list would.
                open_orders[at] = open_orders[-1]
                open_orders.pop()
                yield Cancel(Ref(ref), Ref(order_ref))
            else:
                open_orders[at] = (ref, order_side)
                price = passive_price(order_side, distance)
                yield Replace(Ref(ref), Ref(order_ref), OrderId(0), lots, price)


def passive_price(side: Side, distance_ticks: int) -> int:
    return MIDDLE_TICKS - distance_ticks if side is Side.BUY else MIDDLE_TICKS + distance_ticks

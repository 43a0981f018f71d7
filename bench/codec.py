"""Nanoseconds a message to decode what clients send and to encode what they are sent.

    python -m bench codec

Each frequent message by itself and as one of 64 in a frame, as the engine decodes and encodes them: bounds,
types and unknown fields checked in the same call. Beside it two yardsticks with the same integers, in the
same run: `struct` packs them at a fixed width and checks nothing, `json` is the one of the standard library.
Decoding `json` and `struct` ends with a list or tuple, ours with a message that has been checked.
"""

import argparse
import gc
import json
import struct
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct, structs

from bench.latency import median
from carbonmatch.matching.messages import (
    Accepted,
    AccountId,
    Cancel,
    Canceled,
    CancelReason,
    Executed,
    InstrumentId,
    Liquidity,
    NewOrder,
    OrderId,
    Ref,
    Replace,
    Side,
    TradeId,
)
from carbonmatch.protocol.codec import decode_client_frame, encode
from carbonmatch.protocol.messages import LevelUpdate, Trade

LIST: Final = 64
_TIME_NS: Final = 1_780_000_000_123_456_789
# As they are in the middle of a day: numbers that need four bytes, and the times and prices of a real market.
INBOUND: Final[tuple[Struct, ...]] = (
    NewOrder(Ref(1_234_567), InstrumentId(3), Side.BUY, 120, 9_840),
    Cancel(Ref(1_234_568), Ref(1_234_001)),
    Replace(Ref(1_234_569), Ref(1_234_001), OrderId(0), 80, 9_841),
)
OUTBOUND: Final[tuple[Struct, ...]] = (
    Accepted(
        2_345_678,
        Ref(1_234_567),
        _TIME_NS,
        0,
        OrderId(9_876_543),
        InstrumentId(3),
        AccountId(17),
        Side.BUY,
        9_840,
        120,
    ),
    Executed(
        2_345_679,
        Ref(1_234_567),
        _TIME_NS,
        0,
        OrderId(9_876_543),
        TradeId(765_432),
        InstrumentId(3),
        AccountId(17),
        Side.BUY,
        9_840,
        40,
        80,
        Liquidity.TAKER,
    ),
    Canceled(2_345_680, Ref(1_234_568), _TIME_NS, 0, OrderId(9_876_543), 80, CancelReason.REQUESTED),
    LevelUpdate(InstrumentId(3), 4_567_890, Side.BUY, 9_840, 1_200, 12),
    Trade(InstrumentId(3), 4_567_891, TradeId(765_432), 9_840, 40, Side.BUY, _TIME_NS),
)


class Cost(Struct, frozen=True):
    """Nanoseconds a message; `frame_bytes` of one message and of 64, without the length of the frame."""

    message: str
    what: str  # "decode" or "encode"
    single_ns: float
    list_ns: float
    json_ns: float  # as one of 64
    struct_ns: float  # as one of 64
    frame_bytes: tuple[int, int]


def main(arguments: Sequence[str]) -> int:
    it = argparse.ArgumentParser(
        prog="python -m bench codec",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    it.add_argument("--messages", type=int, default=50_000, help="of each kind, in a round")
    it.add_argument("--rounds", type=int, default=7)
    it.add_argument("--json", type=Path)
    options = it.parse_args(arguments)
    found = [decoding(one, options.messages, options.rounds) for one in INBOUND]
    found += [encoding(one, options.messages, options.rounds) for one in OUTBOUND]
    print("\n".join(as_text(found)))
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(found)))
    return 0


def decoding(message: Struct, messages: int, rounds: int) -> Cost:
    single, listed = encode([message]), encode([message] * LIST)
    numbers = _numbers(message)
    text = json.dumps([numbers] * LIST)
    packer = struct.Struct(f">{len(numbers) * LIST}q")
    packed = packer.pack(*numbers * LIST)
    return _cost(
        message,
        "decode",
        [
            (lambda: decode_client_frame(single), 1),
            (lambda: decode_client_frame(listed), LIST),
            (lambda: json.loads(text), LIST),
            (lambda: packer.unpack(packed), LIST),
        ],
        (len(single), len(listed)),
        messages,
        rounds,
    )


def encoding(message: Struct, messages: int, rounds: int) -> Cost:
    single, listed = [message], [message] * LIST
    numbers = _numbers(message)
    rows = [numbers] * LIST
    flat = numbers * LIST
    packer = struct.Struct(f">{len(flat)}q")
    return _cost(
        message,
        "encode",
        [
            (lambda: encode(single), 1),
            (lambda: encode(listed), LIST),
            (lambda: json.dumps(rows), LIST),
            (lambda: packer.pack(*flat), LIST),
        ],
        (len(encode(single)), len(encode(listed))),
        messages,
        rounds,
    )


def _numbers(message: Struct) -> list[int]:
    """The tag and the fields: what both yardsticks carry."""
    tag = message.__struct_config__.tag
    assert isinstance(tag, int)
    return [tag, *map(int, structs.astuple(message))]


def _cost(
    message: Struct,
    what: str,
    calls: list[tuple[Callable[[], object], int]],
    frame_bytes: tuple[int, int],
    messages: int,
    rounds: int,
) -> Cost:
    """Of all four in turn, so that a slow moment is slow for each."""
    spent: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for index, (call, count) in enumerate(calls):
            spent[index].append(timed(call, max(1, messages // count)) / count)
    single, listed, as_json, as_struct = map(median, spent)
    return Cost(type(message).__name__, what, single, listed, as_json, as_struct, frame_bytes)


def timed(call: Callable[[], object], times: int) -> float:
    """Nanoseconds a call, of the thread's processor time; that of the loop is in it, some 30 ns."""
    gc.disable()
    began_ns = time.thread_time_ns()
    for _ in range(times):
        call()
    spent_ns = time.thread_time_ns() - began_ns
    gc.enable()
    return spent_ns / times


def as_text(found: list[Cost]) -> list[str]:
    lines = [
        f"{'ns a message':<22}{'single':>8}{'of 64':>8}{'json':>8}{'struct':>8}{'/ json':>8}{'/ struct':>10}"
        f"{'bytes':>8}{'of 64':>8}"
    ]
    for one in found:
        name = f"{one.what} {one.message}"
        lines.append(
            f"{name:<22}{one.single_ns:>8,.0f}{one.list_ns:>8,.0f}{one.json_ns:>8,.0f}"
            f"{one.struct_ns:>8,.0f}{one.list_ns / one.json_ns:>8.2f}{one.list_ns / one.struct_ns:>10.2f}"
            f"{one.frame_bytes[0]:>8}{one.frame_bytes[1] / LIST:>8.1f}"
        )
    return lines

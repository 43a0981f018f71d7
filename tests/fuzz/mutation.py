"""Inputs that are nearly right: good bytes with a few things done to them, repeatable from a seed.

What is changed knows a little of the structure: heads and lengths of MessagePack, integers at the edges
of their types, parts of one good input inside of another. Random bytes alone never get past a length.
"""

import copy
import random
from collections.abc import Sequence
from typing import Any, Final

import msgspec

INPUT_BYTES_MAX: Final = 64 * 1024

# Heads of every kind of MessagePack value, and the lengths that ask for most memory.
_HEADS: Final = [bytes((head,)) for head in range(0x80, 0xE0)] + [
    b"\xdd\xff\xff\xff\xff",
    b"\xdb\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff",
    b"\xc9\xff\xff\xff\xff\xff",
    b"\x91" * 200,
    b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",
    b"\xd7\xff" + b"\xff" * 8,
]
# Integers at the edges of types and of our bounds, as MessagePack and as plain bytes of both orders.
_EDGES: Final = [
    0,
    1,
    2,
    3,
    127,
    128,
    255,
    256,
    16_384,
    16_385,
    65_535,
    65_536,
    10**9,
    10**9 + 1,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**53 - 1,
    2**53,
    2**63 - 1,
    2**63,
    2**64 - 1,
]


def _integer_forms(value: int) -> list[bytes]:
    forms = [b"\xcf" + value.to_bytes(8, "big"), value.to_bytes(8, "little")]
    if value < 2**32:
        forms += [b"\xce" + value.to_bytes(4, "big"), value.to_bytes(4, "big"), value.to_bytes(4, "little")]
    if value < 2**16:
        forms += [b"\xcd" + value.to_bytes(2, "big"), value.to_bytes(2, "little")]
    if value < 128:
        forms.append(bytes((value,)))
    return forms


_INTERESTING: Final = [
    *_HEADS,
    *(form for value in _EDGES for form in _integer_forms(value)),
    *(b"\xd3" + value.to_bytes(8, "big", signed=True) for value in (-1, -(2**53), -(2**63))),
    b"\x00" * 32,
    b"\xff" * 8,
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"\xc0\xaf",
]

# Values of every kind that MessagePack has, to stand where another one is expected.
_VALUES: Final[list[Any]] = [
    *_EDGES,
    *(-value for value in _EDGES[1:-2]),
    None,
    True,
    False,
    0.5,
    float("nan"),
    float("inf"),
    "",
    "a",
    "\u00e4" * 16,
    "x" * 33,
    "x" * 65,
    "\n\x00\x1b[2J",
    b"",
    bytes(64),
    [],
    [[]],
    [1] * 20,
    {},
    {1: 2},
    msgspec.msgpack.Ext(5, b"abc"),
]

# Starts no MessagePack value, so it separates the payloads of one input: changes to one leave the others.
SEPARATOR: Final = b"\xc1"

_encode: Final = msgspec.msgpack.Encoder().encode


class _Tree:
    """One input as payloads that decode, each with what stands before it."""

    def __init__(self, pieces: list[tuple[bytes, Any]]) -> None:
        self.pieces = pieces

    @staticmethod
    def of(data: bytes) -> "_Tree | None":
        pieces: list[tuple[bytes, Any]] = []
        for piece in data.split(SEPARATOR):
            for head in (0, 1, 2):
                try:
                    value = msgspec.msgpack.decode(piece[head:])
                except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
                    continue
                if isinstance(value, list):
                    pieces.append((piece[:head], value))
                    break
            else:
                return None
        return _Tree(pieces)


class Mutator:
    """Makes inputs out of `seeds`. The same seeds and random seed give the same inputs."""

    def __init__(self, seeds: Sequence[bytes], seed: int, words: Sequence[bytes] = ()) -> None:
        """`words` mean something where these inputs go, such as the keys of a configuration."""
        assert seeds
        self._random = random.Random(seed)
        self._seeds = list(seeds)
        self._trees = [tree for tree in map(_Tree.of, seeds) if tree is not None]
        self._words = [*_INTERESTING, *words]

    def input(self) -> bytes:
        rng = self._random.random
        if rng() < 0.02:
            return self._random.randbytes(int(rng() * 64))
        if self._trees and rng() < 0.6:
            return self._from_tree(self._trees[int(rng() * len(self._trees))])
        seeds = self._seeds
        data = bytearray(seeds[int(rng() * len(seeds))])
        # Mostly few changes: each one more makes it likelier that only the first is ever looked at.
        for _ in range(1 + int(rng() ** 3 * 8)):
            self.change(data)
        return bytes(data[:INPUT_BYTES_MAX])

    def _from_tree(self, tree: _Tree) -> bytes:
        """Good MessagePack with values that do not belong there, or messages where none were."""
        rng = self._random.random
        pieces = copy.deepcopy(tree.pieces)
        for _ in range(1 + int(rng() ** 2 * 4)):
            values = pieces[int(rng() * len(pieces))][1]
            # Down to some list in it, mostly a message.
            while values and rng() < 0.85:
                inner = values[int(rng() * len(values))]
                if type(inner) is not list:
                    break
                values = inner
            self._change_list(values)
        data = SEPARATOR.join([head + _encode(value) for head, value in pieces])
        return data[:INPUT_BYTES_MAX]

    def _change_list(self, values: list[Any]) -> None:
        rng = self._random.random
        at = int(rng() * len(values))
        choice = int(rng() * 8)
        if not values or choice == 0:
            values.insert(at, self._value())
        elif choice == 1:
            del values[at]
        elif choice == 2:
            values.append(copy.deepcopy(values[at]))
        elif choice == 3 and type(values[at]) is int:
            values[at] = max(-(2**63), min(2**64 - 1, values[at] + int(rng() * 7) - 3))
        elif choice == 4 and type(values[at]) is int:
            # Mostly small, so that one message's numbers are those of another one.
            values[at] = int(rng() * 16)
        else:
            values[at] = self._value()

    def _value(self) -> Any:
        if self._random.random() < 0.2:
            other = self._trees[int(self._random.random() * len(self._trees))].pieces
            return copy.deepcopy(other[int(self._random.random() * len(other))][1])
        return copy.deepcopy(_VALUES[int(self._random.random() * len(_VALUES))])

    def change(self, data: bytearray) -> None:
        """One change, somewhere."""
        rng = self._random.random
        size = len(data)
        start = int(rng() * (size + 1))
        choice = int(rng() * 8)
        if choice == 0 and start < size:
            data[start] ^= 1 << int(rng() * 8)
        elif choice == 1 and start < size:
            data[start] = int(rng() * 256)
        elif choice == 2:
            del data[start : start + 1 + int(rng() ** 2 * 16)]
        elif choice == 3:
            data[start:start] = self._random.randbytes(1 + int(rng() ** 2 * 8))
        elif choice == 4:
            data[start : start + int(rng() * 10)] = self._word()
        elif choice == 5:
            data[start:start] = self._word()
        elif choice == 6:
            part = data[start : start + 1 + int(rng() * 64)]
            at = int(rng() * (size + 1))
            data[at:at] = part * (1 + int(rng() ** 4 * 40))
        else:
            other = self._seeds[int(rng() * len(self._seeds))]
            begin = int(rng() * (len(other) + 1))
            data[start : start + int(rng() * 32)] = other[begin : begin + 1 + int(rng() * 128)]

    def _word(self) -> bytes:
        return self._words[int(self._random.random() * len(self._words))]

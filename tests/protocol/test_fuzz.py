"""Mutated payloads: whatever they are, they are messages or a ProtocolError, never anything else."""

import random
from collections.abc import Callable

import pytest

from carbonmatch.protocol import codec
from carbonmatch.protocol.errors import ProtocolError
from tests.protocol.vectors import load

SEED = 20_260_304
INPUTS_PER_DECODER = 20_000

GOOD = [
    *(
        bytes.fromhex("91" + vector["hex"])
        for file in ("session", "commands", "reports", "feed")
        for vector in load(file)
    ),
    *(bytes.fromhex(payload) for vector in load("frames") for payload in vector["payloads"]),
    *(bytes.fromhex(vector["hex"]) for vector in load("refused")),
]
# Heads of every kind of MessagePack value, and the lengths that reserve most.
HEADS = [bytes([head]) for head in (*range(0x80, 0x98), *range(0xC0, 0xE0))] + [
    b"\xff" * 4,
    b"\xdd\xff\xff\xff\xff",
]


def mutated(rng: random.Random, seeds: list[bytes]) -> bytes:
    payload = bytearray(rng.choice(seeds))
    for _ in range(rng.randint(1, 4)):
        start = rng.randint(0, len(payload))
        end = min(len(payload), start + rng.choice((0, 1, 1, 1, 2, 8)))
        replacement = rng.choice(
            (b"", rng.randbytes(1), rng.randbytes(4), rng.choice(HEADS), bytes(payload[start:end]) * 2)
        )
        payload[start:end] = replacement
    return bytes(payload)


def is_decoded(decode: Callable[[bytes], object], payload: bytes) -> bool:
    try:
        decode(payload)
    except ProtocolError:
        return False
    return True


@pytest.mark.parametrize(
    "decode",
    [
        codec.decode_client_frame,
        codec.decode_logon_frame,
        codec.decode_feed_frame,
        codec.decode_reports,
        codec.decode_feed,
    ],
    ids=lambda decode: str(decode.__name__),
)
def test_mutated_payloads_are_messages_or_a_protocol_error(decode: Callable[[bytes], object]) -> None:
    rng = random.Random(SEED)
    own = [payload for payload in GOOD if is_decoded(decode, payload)]
    decoded = refused = 0
    for number in range(INPUTS_PER_DECODER):
        # Half of them from what it takes: of all there is, that is less with every new kind of message.
        payload = mutated(rng, own if number % 2 else GOOD)
        try:
            decode(payload)
            decoded += 1
        except ProtocolError:
            refused += 1
        except BaseException:
            print(f"seed {SEED}, input {number}: {payload.hex()}")
            raise
    # Both ends of the decoder were reached.
    assert refused > INPUTS_PER_DECODER // 2
    assert decoded > INPUTS_PER_DECODER // 100

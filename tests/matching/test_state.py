"""The same entries give the same bytes and the same state, at once, after a restart, and elsewhere."""

import os
import subprocess
import sys
from hashlib import blake2b
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import (
    VENUE_SESSION_ID,
    AccountId,
    DefineKey,
    DefineSession,
    Entry,
    KeySession,
    NewOrder,
    Permission,
    Reduce,
    RemoveKey,
    Replace,
)
from carbonmatch.matching.state import digest, restore, snapshot
from tests.matching.market import ALICE, BOB, CAROL, Market, buy, cancel, replace, sell
from tests.matching.worlds import COMMAND_BYTES, World, seeded

_encoder = msgspec.msgpack.Encoder()


def play(engine: Engine, entries: list[Entry]) -> bytes:
    """All that comes out, as bytes; outputs are taken after every third entry and at the end."""
    written = []
    for number, entry in enumerate(entries, 1):
        engine.apply(entry)
        if number % 3 == 0 or number == len(entries):
            written.append(_encoder.encode(engine.take_outputs()))
    return b"".join(written)


def fingerprint() -> str:
    engine = Engine()
    written = play(engine, list(seeded(5, 2_000)))
    return blake2b(written).hexdigest() + digest(engine).hex()


def test_a_replay_gives_the_same_bytes_and_the_same_state() -> None:
    assert fingerprint() == fingerprint()


@pytest.mark.parametrize("hash_seed", ["0", "1", "2"])
def test_a_replay_in_another_process_with_other_hashes_is_the_same(hash_seed: str) -> None:
    root = Path(__file__).parents[2]
    found = subprocess.run(
        [sys.executable, "-c", "from tests.matching.test_state import fingerprint; print(fingerprint())"],
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"},
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == fingerprint()


@settings(max_examples=60)
@given(
    st.lists(st.binary(min_size=COMMAND_BYTES, max_size=COMMAND_BYTES), max_size=60),
    st.integers(min_value=0, max_value=60),
)
def test_restored_in_the_middle_equals_uninterrupted(choices: list[bytes], middle: int) -> None:
    world = World()
    entries = [world.setup(), *(world.entry([chosen]) for chosen in choices)]
    compare_restored(entries, middle)


@pytest.mark.parametrize("seed", [20, 21])
def test_a_long_world_restored_in_the_middle_equals_uninterrupted(seed: int) -> None:
    entries = list(seeded(seed, 3_000))
    compare_restored(entries, len(entries) // 2)


def compare_restored(entries: list[Entry], middle: int) -> None:
    uninterrupted = Engine()
    play(uninterrupted, entries[:middle])
    restored = restore(snapshot(uninterrupted))
    restored.check()
    assert digest(restored) == digest(uninterrupted)
    assert play(restored, entries[middle:]) == play(uninterrupted, entries[middle:])
    assert snapshot(restored) == snapshot(uninterrupted)


def test_a_restored_order_keeps_its_name_its_priority_and_what_has_traded() -> None:
    market = Market()
    market.send(ALICE, sell(1, price=100, lots=5), sell(2, price=101, lots=5))
    market.send(CAROL, sell(1, price=100, lots=2))
    market.send(ALICE, replace(3, order_ref=2, price=100, lots=4))
    market.send(BOB, buy(1, price=100, lots=1))
    market.engine = restore(snapshot(market.engine))
    assert market.send(BOB, buy(2, price=100, lots=7)) == [
        "bob 2: accepted #6 buy 7 @ 100",
        "bob 2: executed #6 taker 4 @ 100, 3 left",
        "bob 2: executed #6 taker 2 @ 100, 1 left",
        "bob 2: executed #6 taker 1 @ 100, 0 left",
        "alice 0: executed #1 maker 4 @ 100, 0 left",
        "alice 0: executed #2 maker 1 @ 100, 3 left",
        "carol 0: executed #3 maker 2 @ 100, 0 left",
    ]
    assert market.send(ALICE, cancel(4, order_ref=2)) == ["alice 4: rejected UNKNOWN_ORDER"]
    assert market.send(ALICE, cancel(5, order_ref=3)) == ["alice 5: canceled #2 3 REQUESTED"]


def test_every_part_of_the_state_shows_in_the_digest() -> None:
    def state(*commands: NewOrder | Replace | Reduce) -> bytes:
        market = Market()
        market.send(ALICE, *commands)
        return digest(market.engine)

    states = [
        state(buy(1, price=100, lots=5)),
        state(buy(1, price=100, lots=6)),
        state(buy(1, price=99, lots=5)),
        state(sell(1, price=100, lots=5)),
        state(buy(2, price=100, lots=5)),
        state(buy(1, price=100, lots=5, keep=True)),
        state(buy(1, price=100, lots=5), buy(2, price=0, lots=5)),
        state(buy(1, price=99, lots=5), replace(2, order_ref=1, price=100, lots=5)),
    ]
    assert len(set(states)) == len(states)
    assert state(buy(1, price=100, lots=5)) == states[0]
    assert digest(Market(durable=False).engine) != digest(Market().engine)


def test_keys_are_part_of_the_state_and_nothing_else_depends_on_them() -> None:
    key = DefineKey("alice", bytes(32), (KeySession(ALICE, (1,)),))
    market, other = Market(), Market()
    market.send(VENUE_SESSION_ID, key)
    other.send(VENUE_SESSION_ID, structs.replace(key, sessions=()))
    assert digest(market.engine) != digest(other.engine)
    market.engine = restore(snapshot(market.engine))
    assert market.engine.keys == {"alice": key}
    market.send(VENUE_SESSION_ID, structs.replace(key, expires_ns=1))
    assert market.engine.keys["alice"].expires_ns == 1
    assert market.send(ALICE, buy(1, price=100, lots=5)) == ["alice 1: accepted #3 buy 5 @ 100"]
    market.send(VENUE_SESSION_ID, RemoveKey("alice"))
    assert market.engine.keys == {}


def test_a_digest_has_32_bytes() -> None:
    assert len(digest(Engine())) == 32


def test_a_snapshot_needs_the_outputs_to_be_taken() -> None:
    market = Market()
    market.engine.apply(Entry(market.engine.sequence + 1, 1, ALICE, [buy(1, price=100)]))
    with pytest.raises(AssertionError, match="nobody has taken"):
        snapshot(market.engine)


def test_a_restored_relaxed_engine_still_says_so_in_its_reports() -> None:
    market = Market(durable=False)
    market.engine = restore(snapshot(market.engine))
    [chunk] = market.outputs(ALICE, buy(1, price=100)).streams
    assert [report.flags for report in chunk.reports] == [1]


def test_permissions_are_kept_and_change_nothing_in_the_market() -> None:
    market = Market()
    market.outputs(
        VENUE_SESSION_ID, DefineSession(ALICE, "alice", (AccountId(11),), permissions=Permission.READ)
    )
    before = snapshot(market.engine)
    market.engine = restore(before)
    assert snapshot(market.engine) == before
    assert market.engine.sessions[ALICE].permissions == Permission.READ
    assert "accepted" in market.send(ALICE, buy(1, price=100))[0]

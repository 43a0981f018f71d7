"""What a fan-out does where NATS takes nothing, or is not installed."""

import sys

import pytest

from carbonmatch.fanout import subjects as subjects_module
from carbonmatch.fanout.mirror import MirroredMarket
from carbonmatch.fanout.subjects import FanoutError, Subjects
from carbonmatch.market_data.changes import FeedBatch, changes_of
from carbonmatch.matching.messages import InstrumentId, Side
from carbonmatch.protocol.codec import decode_feed
from carbonmatch.protocol.messages import BatchBegin, LevelUpdate

CEA = InstrumentId(5)


def batch(number: int) -> FeedBatch:
    changes = changes_of([LevelUpdate(CEA, number, Side.BUY, 6_000, number, 1)])
    return FeedBatch(number, 7, {CEA: changes}, len(changes.messages))


async def test_each_batch_names_the_one_before_it_of_its_subject() -> None:
    one = Subjects("nats://127.0.0.1:1", "md.v1")
    for number in (3, 9):
        one.publish(batch(number))
    assert [subject for subject, _ in one._waiting] == [f"feed.{CEA}"] * 2
    heads = [decode_feed(payload)[0] for _, payload in one._waiting]
    assert heads == [BatchBegin(3, 7, 0), BatchBegin(9, 7, 3)]


async def test_what_would_wait_too_long_is_told_anew_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subjects_module, "NATS_BATCHES_MAX", 3)
    one = Subjects("nats://127.0.0.1:1", "md.v1")
    one.begin(MirroredMarket())
    one._is_behind = False
    for number in (1, 2, 3):
        one.publish(batch(number))
    assert len(one._waiting) == 3
    one.publish(batch(4))
    assert (one._is_behind, len(one._waiting)) == (True, 0)
    one.publish(batch(5))
    assert not one._waiting, "the snapshots will have it"


async def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nats", None)
    with pytest.raises(FanoutError, match=r"pip install 'carbonmatch\[nats\]'"):
        Subjects("nats://127.0.0.1:1", "md.v1")

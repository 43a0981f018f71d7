"""Samples of the server's stacks, and the stages they belong to."""

from collections import Counter

from bench.profile import counted_by, stage_of

_LOOP = "Runner.run (asyncio/runners.py:118)"
_TURN = "Gateway._turn (carbonmatch/server/gateway.py:168)"
_SUBMIT = "Pipeline.submit (carbonmatch/server/pipeline.py:208)"
_CUT = "Pipeline._cut (carbonmatch/server/pipeline.py:270)"


def test_a_sample_belongs_to_the_innermost_stage_that_is_on_its_stack() -> None:
    matching = "match (carbonmatch/matching/price_time.py:153)"
    assert stage_of([_LOOP]) == "the loop itself, and reading from sockets"
    assert stage_of([_LOOP, _TURN, _SUBMIT, matching]) == "match"
    assert stage_of([_LOOP, _TURN, _SUBMIT, "cast (typing.py:1)"]) == "gather"
    assert stage_of([_LOOP, _TURN, _CUT]) == "hand over to the journal"


def test_a_function_that_has_a_stage_of_its_own_is_not_that_of_its_directory() -> None:
    taking = "Engine.take_outputs.<locals>.<listcomp> (carbonmatch/matching/engine.py:339)"
    assert stage_of([_LOOP, _CUT, taking]) == "take outputs and check them"
    assert stage_of([_LOOP, _CUT, "check_batch (carbonmatch/matching/invariants.py:20)"]) != "match"


def test_samples_are_counted_for_each_thread_by_itself() -> None:
    lines = [
        f"thread (7): MainThread;{_LOOP};{_TURN} 3",
        f"thread (7): MainThread;{_LOOP} 2",
        "thread (9): journal;JournalThread.take (carbonmatch/server/commit.py:140) 4",
        "thread (7): MainThread 1",
    ]
    assert counted_by(lines, stage_of) == {
        7: Counter({"session rules": 3, "the loop itself, and reading from sockets": 2}),
        9: Counter({"hand over to the journal": 4}),
    }


def test_to_decode_a_frame_is_a_stage_of_its_own_on_both_of_its_ways() -> None:
    together = "take_together (carbonmatch/server/frames_together.py:45)"
    for name in ("decode_if_valid", "decode_client_frame"):
        assert stage_of([_LOOP, _TURN, together, f"{name} (carbonmatch/protocol/codec.py:98)"]) == "decode"
    assert stage_of([_LOOP, _TURN, together]) == "session rules"

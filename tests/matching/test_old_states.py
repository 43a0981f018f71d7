"""States that older versions have written: an upgrade goes on from them, or loses what rests.

`old_states/N.msgpack` holds states of version N, taken from all the tests of that time: between them they
have every field of every part, empty and not. A field that is added in the middle, or without a default,
ends here. The files stay as they are; a version whose states are no longer read loses its file with
STATE_VERSION_MIN.
"""

from pathlib import Path
from typing import Final

import msgspec
import pytest

from carbonmatch.matching import state
from carbonmatch.matching.engine import Engine

FILES: Final = sorted((Path(__file__).parent / "old_states").glob("*.msgpack"))
STATES: Final = [
    pytest.param(data, id=f"{file.stem}-{number}")
    for file in FILES
    for number, data in enumerate(msgspec.msgpack.decode(file.read_bytes()))
]


def test_there_are_states_of_the_oldest_version_that_is_read() -> None:
    assert min(int(file.stem) for file in FILES) == state.STATE_VERSION_MIN


@pytest.mark.parametrize("data", STATES)
def test_a_state_of_an_older_version_is_gone_on_from(data: bytes) -> None:
    engine = state.restore(data)
    engine.check()
    again = state.snapshot(engine)
    assert state.is_of_this_version(again)
    assert not state.is_of_this_version(data)
    # What was there is there, whatever has been appended since.
    assert is_within(msgspec.msgpack.decode(data)[1:], msgspec.msgpack.decode(again)[1:])
    assert state.snapshot(state.restore(again)) == again


def is_within(old: object, new: object) -> bool:
    """Whether `new` is `old` with fields appended to its parts."""
    if isinstance(old, list) and isinstance(new, list):
        return len(old) <= len(new) and all(
            is_within(one, other) for one, other in zip(old, new, strict=False)
        )
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(is_within(value, new[key]) for key, value in old.items())
    return old == new


def test_states_older_and_newer_than_those_are_refused() -> None:
    fields = msgspec.msgpack.decode(state.snapshot(Engine()))
    for version in (state.STATE_VERSION_MIN - 1, state.STATE_VERSION + 1):
        fields[0] = version
        with pytest.raises(ValueError, match=f"state of version {version}, expected"):
            state.restore(msgspec.msgpack.encode(fields))

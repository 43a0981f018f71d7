import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from carbonmatch.ops.logs import (
    EVENT_LINES_PER_SECOND_MAX,
    WARNING,
    JsonFormatter,
    Ours,
    Sampler,
    log,
    start_logging,
    visible,
)
from carbonmatch.protocol.messages import LogoutReason


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    root.handlers = []
    start_logging(stream)
    yield stream
    root.handlers, root.level = handlers, level


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def record(event: str, second: float) -> logging.LogRecord:
    made = logging.LogRecord("carbonmatch", logging.INFO, "", 0, event, (), None)
    made.created = second
    made.fields = {}
    return made


def test_an_event_is_one_line_of_json(stream: io.StringIO) -> None:
    log(
        "session_logged_out", WARNING, session="gateway-01", reason=LogoutReason.TAKEN_OVER, seq=7, clean=True
    )
    (line,) = lines(stream)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "warning",
        "event": "session_logged_out",
        "session": "gateway-01",
        "reason": "taken_over",
        "seq": 7,
        "clean": True,
    }


def test_what_a_peer_sent_cannot_write_lines_or_steer_a_terminal(stream: io.StringIO) -> None:
    log("logon_refused", session='x"}\n{"event":"forged"}\x1b[2J\u202e')
    (line,) = lines(stream)
    assert line["session"] == 'x"}\\n{"event":"forged"}\\x1b[2J\\u202e'
    assert stream.getvalue().isascii()


def test_what_a_peer_sent_is_cut() -> None:
    assert visible("x" * 64) == "x" * 64
    assert visible("x" * 65) == "x" * 64 + "..."


def test_our_own_text_is_not(stream: io.StringIO) -> None:
    log("journal_damaged", what=Ours("y" * 200))
    assert lines(stream)[0]["what"] == "y" * 200


def test_bytes_are_never_shown(stream: io.StringIO) -> None:
    log("frame_refused", payload=b"\x01\x02\x03")
    assert lines(stream)[0]["payload"] == "<3 bytes>"


@pytest.mark.parametrize("name", ["key", "private_key", "signature", "nonce", "password", "event", "time"])
def test_some_names_are_bugs(name: str) -> None:
    with pytest.raises(AssertionError):
        log("logon", **{name: "x"})


def test_a_library_speaks_in_the_same_form(stream: io.StringIO) -> None:
    logging.getLogger("asyncio").error("task %s failed", "x")
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["text"]) == ("asyncio", "error", "task x failed")


def test_a_traceback_stays_on_its_line(stream: io.StringIO) -> None:
    try:
        raise OSError("disk")
    except OSError:
        logging.getLogger("carbonmatch").exception("stopped", extra={"fields": {}})
    (line,) = lines(stream)
    assert line["event"] == "stopped"
    assert line["traceback"].endswith("OSError: disk")


def test_an_event_that_comes_in_floods_is_sampled_and_the_rest_counted() -> None:
    sampler = Sampler()
    flood = [sampler.filter(record("throttled", 100.0 + n / 1000)) for n in range(500)]
    assert flood == [True] * EVENT_LINES_PER_SECOND_MAX + [False] * (500 - EVENT_LINES_PER_SECOND_MAX)
    # Another event has its own count.
    assert sampler.filter(record("logon", 100.6))
    later = record("throttled", 101.0)
    assert sampler.filter(later)
    assert json.loads(JsonFormatter().format(later))["left_out"] == 480
    again = record("throttled", 101.1)
    assert sampler.filter(again)
    assert "left_out" not in json.loads(JsonFormatter().format(again))

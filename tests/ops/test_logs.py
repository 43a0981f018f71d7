import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from carbonmatch.ops.logs import (
    EVENT_LINES_PER_SECOND_MAX,
    OWN_TEXT_CHARS_MAX,
    WARNING,
    JsonFormatter,
    Ours,
    Sampler,
    log,
    start_logging,
    tell_left_out,
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


def test_of_our_own_text_the_end_is_kept_where_it_has_no_bound_of_its_own(stream: io.StringIO) -> None:
    log("bug", trace=Ours("x" * OWN_TEXT_CHARS_MAX + "AssertionError: why"))
    logging.getLogger("asyncio").error("y" * 2 * OWN_TEXT_CHARS_MAX)
    ours, library = lines(stream)
    assert ours["trace"].startswith("...")
    assert ours["trace"].endswith("AssertionError: why")
    assert len(ours["trace"]) == len(library["text"]) == OWN_TEXT_CHARS_MAX + 3


def test_no_text_ends_a_line_or_steers_a_terminal_whoever_wrote_it(stream: io.StringIO) -> None:
    hostile = "x\n\x1b[2J\x85\u2028\u202e\U0001f600"
    log("bug", text=Ours(hostile))
    logging.getLogger("asyncio").error(hostile)
    assert stream.getvalue().isascii()
    assert stream.getvalue().isprintable() or stream.getvalue().replace("\n", "").isprintable()
    assert [line["text"] for line in lines(stream)] == [hostile, hostile]


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


def test_what_a_flood_left_out_is_told_though_the_event_never_comes_again(stream: io.StringIO) -> None:
    for _ in range(EVENT_LINES_PER_SECOND_MAX * 3):
        log("logon_refused", address="192.0.2.7")
    tell_left_out()
    tell_left_out()
    written = lines(stream)
    told = [line for line in written if line["event"] == "lines_left_out"]
    missing = EVENT_LINES_PER_SECOND_MAX * 3 - (len(written) - len(told))
    # In the middle a second may have ended, and its first line tells of the one before.
    in_lines = sum(line.get("left_out", 0) for line in written)
    assert [(line["of"], line["count"]) for line in told] == [("logon_refused", missing - in_lines)]

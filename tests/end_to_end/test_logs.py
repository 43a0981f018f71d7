"""The log of a real engine, with peers that write into it what they can."""

import json
from typing import Final

from carbonmatch.matching.messages import Phase, Ref, SetPhase
from carbonmatch.ops.log_events import EVENTS
from carbonmatch.ops.logs import EVENT_LINES_PER_SECOND_MAX, TEXT_CHARS_MAX
from carbonmatch.protocol.codec import encode
from carbonmatch.protocol.frames import frame
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Process, eventually

# The wire lets no control character through, in a name or a text; but what steers a terminal in UTF-8, and
# what reads as JSON, are none.
FORGED: Final = 'x"},{"event":"forged","level":"error"}\u202e\u2066\ufeff'
CONTROLS: Final = "x\n\x1b[2J\r\x00\x85\u2028"
FLOOD: Final = 5 * EVENT_LINES_PER_SECOND_MAX


async def test_no_words_of_a_peer_write_a_line_or_steer_a_terminal(process: Process) -> None:
    await process.start()
    async with process.wire("operator") as operator:
        operator.send(SetPhase(Ref(1), EUA, Phase.HALTED, FORGED))
        await operator.reports(1)
        changed = await process.said("phase_changed", phase="halted")
    async with process.wire("operator", 2) as operator:
        operator.send(SetPhase(Ref(2), EUA, Phase.CONTINUOUS, CONTROLS))
        await operator.goodbye()
    async with process.wire() as nobody:
        nobody.write(frame(encode([nobody.logon(CONTROLS, key_id=FORGED[:32], private_key=bytes(32))])))
        await nobody.goodbye()
    async with process.wire() as nobody:
        nobody.write(b"\x1b[2J\n{}\r\n" * 1_000)
        await nobody.goodbye()
    assert await process.stop() == 0
    assert process.events("forged") == []
    assert len(process.events("protocol_error")) == 3
    # Escaped once by us, and once more by JSON: whoever decodes the line has no control character either.
    assert changed["text"].isascii()
    assert changed["text"].startswith('x"},{"event":"forged"')
    assert len(changed["text"]) < 6 * TEXT_CHARS_MAX
    for line in process.log.read_bytes().splitlines():
        assert json.loads(line)["event"] in EVENTS
        assert all(32 <= byte < 127 for byte in line)


async def test_a_flood_leaves_few_lines_and_the_number_of_the_others(process: Process) -> None:
    await process.start()
    for _ in range(FLOOD):
        async with process.wire() as nobody:
            nobody.write(bytes(4))
            await nobody.goodbye()

    def told() -> int:
        lines = process.events("protocol_error")
        left_out: int = sum(line.get("left_out", 0) for line in lines)
        of_those_that_ended = process.events("lines_left_out")
        assert all(line["of"] == "protocol_error" for line in of_those_that_ended)
        left_out += sum(line["count"] for line in of_those_that_ended)
        return len(lines) + left_out

    # By the engine itself, without another error.
    await eventually(lambda: told() == FLOOD)
    seconds: dict[str, int] = {}
    for line in process.events("protocol_error"):
        seconds[line["time"][:19]] = seconds.get(line["time"][:19], 0) + 1
    assert max(seconds.values()) <= EVENT_LINES_PER_SECOND_MAX
    assert await process.stop() == 0

"""An engine that has gone wrong stops before anybody hears of it, and comes back right."""

import pytest

from carbonmatch.exit_codes import ExitCode
from carbonmatch.journal_tools import replay, verify
from carbonmatch.matching.messages import Executed, NewOrder, Ref, Side
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Process

# Engines with a fault in what they keep or say: found in the batch that shows it.
PREAMBLE = """
from msgspec import structs
from carbonmatch.cli import main
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import Executed

take_outputs = Engine.take_outputs

def faulty(engine):
    outputs = take_outputs(engine)
    for stream in outputs.streams:
        for at, report in enumerate(stream.reports):
            if isinstance(report, Executed):
                wrong(engine, outputs, stream.reports, at)
                return outputs
    return outputs

Engine.take_outputs = faulty
"""
FAULTS = {
    "a unit made of nothing": """
def wrong(engine, outputs, reports, at):
    reports[at] = structs.replace(reports[at], quantity_lots=reports[at].quantity_lots + 1)
""",
    "a crossed book": """
def wrong(engine, outputs, reports, at):
    for book in engine.books.values():
        book.bids.best_key = 10**9
""",
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
async def test_a_violation_ends_the_process_before_anything_is_told_or_written(
    process: Process, fault: str
) -> None:
    process.program, proper = ["-c", f"{PREAMBLE}{fault}\nmain()"], process.program
    await process.start()
    async with process.wire("alice") as alice, process.wire("bob") as bob:
        alice.send(NewOrder(Ref(1), EUA, Side.SELL, 10, 7000))
        await alice.reports(1)
        bob.send(NewOrder(Ref(1), EUA, Side.BUY, 4, 7000))
        assert await bob.ended(), "told of it"
        assert await alice.ended(), "told of it"
        assert await process.wait() == ExitCode.BUG
    (said,) = process.events("bug")
    assert "AssertionError" in said["text"]
    assert "check_batch" in said["trace"]
    verify(process.directory)

    process.program = proper
    await process.start()
    async with process.wire("alice") as alice, process.wire("bob") as bob:
        assert (alice.accepted.last_ref, bob.accepted.last_ref) == (1, 0)
        bob.send(NewOrder(Ref(1), EUA, Side.BUY, 4, 7000))
        fill = (await bob.reports(2))[1]
        assert isinstance(fill, Executed)
    assert await process.stop() == ExitCode.DONE
    replay(process.directory)

"""The clients in other languages against the running engine: what strangers copy has to work."""

import random
import subprocess
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from carbonmatch.matching.messages import Accepted, Executed, NewOrder, Ref, Side
from carbonmatch.protocol.reference import kinds
from tests.certificates import Authority
from tests.end_to_end.languages import EXAMPLES, LANGUAGES, Program, Proxy, programs
from tests.end_to_end.market import CEA, EUA
from tests.end_to_end.running import Process, Venue, eventually, running
from tests.end_to_end.test_market_data import engine_depth
from tests.end_to_end.test_tls import with_tls
from tests.protocol.vectors import load

WIRE_FILES = ("session", "commands", "reports", "copies", "feed")

# The first test of the programs in C++ builds them.
pytestmark = pytest.mark.timeout(400)
in_every_language = pytest.mark.parametrize("language", LANGUAGES)


def test_all_vectors_are_read_and_written_in_javascript() -> None:
    """Each message of the wire in both directions, frames, and what a later engine may add."""
    programs("javascript")
    ran = subprocess.run(
        ["node", "--test"], cwd=EXAMPLES / "javascript", capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout


def test_all_vectors_are_read_and_written_in_cpp() -> None:
    vectors = [vector for file in WIRE_FILES for vector in load(file)]
    ran = subprocess.run(
        programs("cpp")["vectors"],
        input="".join(f"{vector['hex']}\n" for vector in vectors),
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.splitlines() == [f"{vector['name']} {vector['hex']}" for vector in vectors]
    assert {vector["name"] for vector in vectors} == {kind.__name__ for kind in kinds.on_the_wire()}


def shown(depth: list[list[tuple[int, int, int]]]) -> str:
    """A book as `watch` prints it."""
    bids, asks = (",".join(":".join(map(str, level)) for level in side) for side in depth)
    return f"BUY {bids} SELL {asks}"


@in_every_language
async def test_orders_are_accepted_filled_and_canceled(language: str, venue: Venue, tmp_path: Path) -> None:
    async with (
        Program.running(tmp_path, language, "trade", venue.order_entry, "alice") as alice,
        venue.wire("bob") as bob,
    ):
        await alice.until("ready next_seq=1")
        alice.say("buy 1 10 7000", "buy 1 5 6990")
        assert await alice.until("sent") == "sent 1"
        accepted = await alice.report("Accepted")
        assert (accepted["ref"], accepted["side"], accepted["price_ticks"]) == ("1", "BUY", "7000")
        assert (await alice.report("Accepted"))["ref"] == "2"

        bob.send(NewOrder(Ref(1), EUA, Side.SELL, 4, 7000))
        ours = [report for report in await bob.reports(2) if type(report) is Executed]
        fill = await alice.report("Executed")
        assert (fill["ref"], fill["quantity_lots"], fill["leaves_lots"]) == ("0", "4", "6")
        assert (fill["trade_id"], fill["liquidity"]) == (str(ours[0].trade_id), "MAKER")
        # Nanoseconds are exact, which a double is not at this size.
        assert fill["time_ns"] == str(ours[0].time_ns)

        alice.say("cancel 1")
        canceled = await alice.report("Canceled")
        assert (canceled["canceled_lots"], canceled["reason"]) == ("6", "REQUESTED")
        alice.say("cancel 1")
        assert (await alice.report("Rejected"))["reason"] == "UNKNOWN_ORDER"
        alice.say("quit")
        assert await alice.until("end") == "end REQUESTED"
        assert [report["seq"] for report in alice.reports()] == ["1", "2", "3", "4", "5"]


@in_every_language
async def test_the_book_is_the_engines(language: str, venue: Venue, tmp_path: Path) -> None:
    chance = random.Random(7)
    ref = 0

    def more(count: int) -> list[NewOrder]:
        nonlocal ref
        ref += count
        return [
            NewOrder(
                Ref(number),
                EUA,
                chance.choice(list(Side)),
                chance.randint(1, 30),
                7000 + chance.randint(-9, 9),
            )
            for number in range(ref - count + 1, ref + 1)
        ]

    async with venue.wire("bob") as bob:
        bob.send(*more(60))
        await bob.settle()
        async with Program.running(tmp_path, language, "watch", venue.market_data, "feed") as watch:
            # From a snapshot that has levels, and then by increments.
            await watch.book(shown(engine_depth(venue, EUA)))
            for _ in range(5):
                bob.send(*more(40))
                await bob.settle()
                await watch.book(shown(engine_depth(venue, EUA)))
    assert all(engine_depth(venue, EUA)), "both sides have levels"


@in_every_language
async def test_after_a_kill_of_the_engine_all_goes_on(
    language: str, process: Process, tmp_path: Path
) -> None:
    await process.start()
    async with (
        Program.running(tmp_path, language, "trade", process.order_entry, "alice") as alice,
        Program.running(tmp_path, language, "watch", process.market_data, "feed") as watch,
    ):
        await alice.until("ready")
        alice.say("buy 1 10 7000", "buy 1 5 6990")
        await alice.report("Accepted")
        await alice.report("Accepted")
        await watch.book("BUY 7000:10:1,6990:5:1 SELL ")
        await process.kill()
        await alice.until("lost")
        await watch.until("lost")
        alice.say("buy 1 7 6999", "cancel 1")
        await alice.until("sent 4")
        process.listen_again(process.addresses)
        await process.start()
        assert await alice.until("ready") == "ready next_seq=3"
        assert (await alice.report("Accepted"))["ref"] == "3"
        assert (await alice.report("Canceled"))["ref"] == "4"
        await watch.book("BUY 6999:7:1,6990:5:1 SELL ")
        async with process.wire("bob") as bob:
            bob.send(NewOrder(Ref(1), EUA, Side.SELL, 7, 6999))
            await bob.reports(2)
        assert (await alice.report("Executed"))["leaves_lots"] == "0"
        await watch.book("BUY 6990:5:1 SELL ")
        assert [report["seq"] for report in alice.reports()] == ["1", "2", "3", "4", "5"]
    assert await process.stop() == 0


@in_every_language
async def test_a_command_whose_answer_was_lost_is_executed_once(
    language: str, venue: Venue, tmp_path: Path
) -> None:
    async with (
        Proxy.between(venue.order_entry) as proxy,
        Program.running(tmp_path, language, "trade", proxy.address, "alice") as alice,
    ):
        await alice.until("ready")
        alice.say("buy 1 10 7000")
        await alice.report("Accepted")
        proxy.is_deaf = True
        alice.say("buy 1 5 6990", "buy 1 4 6980")
        await eventually(lambda: len(list(venue.engine.books[EUA].orders())) == 3)
        proxy.is_deaf = False
        proxy.cut()
        await alice.until("lost")
        assert (await alice.report("Accepted"))["ref"] == "2"
        assert (await alice.report("Accepted"))["ref"] == "3"
        assert await alice.until("ready") == "ready next_seq=4"
        alice.say("buy 1 3 6970")
        assert (await alice.report("Accepted"))["seq"] == "4"
    assert len(list(venue.engine.books[EUA].orders())) == 4


@in_every_language
async def test_a_program_that_starts_anew_is_told_all_it_has_forgotten(
    language: str, venue: Venue, tmp_path: Path
) -> None:
    async with venue.wire("alice", next_seq=1) as before:
        before.send(NewOrder(Ref(7), EUA, Side.BUY, 10, 7000))
        assert isinstance((await before.reports(1))[0], Accepted)
    async with Program.running(tmp_path, language, "trade", venue.order_entry, "alice") as alice:
        assert (await alice.report("Accepted"))["ref"] == "7"
        await alice.until("ready next_seq=2")
        alice.say("cancel 7")
        # Its first ref is none that was used.
        assert await alice.until("sent") == "sent 8"
        assert (await alice.report("Canceled"))["ref"] == "8"


@in_every_language
async def test_who_is_silent_sends_heartbeats(language: str, venue: Venue, tmp_path: Path) -> None:
    async with (
        Proxy.between(venue.market_data) as proxy,
        Program.running(tmp_path, language, "watch", proxy.address, "feed", heartbeat_ms=200) as watch,
    ):
        await watch.until("book")
        await eventually(lambda: [message[0] for message in proxy.sent_by_client()].count(3) >= 3)
        assert len(proxy.recorded) == 1, "and so is not cut"


@in_every_language
async def test_an_engine_that_says_nothing_is_left(language: str, venue: Venue, tmp_path: Path) -> None:
    async with (
        Proxy.between(venue.order_entry) as proxy,
        Program.running(tmp_path, language, "trade", proxy.address, "alice", heartbeat_ms=100) as alice,
    ):
        await alice.until("ready")
        proxy.is_deaf = True
        await alice.until("lost")
        proxy.is_deaf = False
        await alice.until("ready")


@in_every_language
async def test_a_logon_that_is_refused_is_the_end(language: str, venue: Venue, tmp_path: Path) -> None:
    async with Program.running(
        tmp_path, language, "trade", venue.order_entry, "alice", private_key=bytes(32)
    ) as alice:
        assert await alice.until("end") == "end LOGON_REFUSED"


async def test_a_connection_may_be_tls_in_javascript(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    (tmp_path / "other").mkdir()
    stranger = Authority(tmp_path / "other")

    def alice(venue: Venue, ca_file: Path) -> AbstractAsyncContextManager[Program]:
        return Program.running(
            tmp_path, "javascript", "trade", venue.order_entry, "alice", more=[str(ca_file)]
        )

    async with running(tmp_path / "journal", with_tls(authority)) as venue:
        async with alice(venue, authority.file) as believing:
            await believing.until("ready")
            believing.say("buy 1 10 7000")
            assert (await believing.report("Accepted"))["seq"] == "1"
        async with alice(venue, stranger.file) as doubting:
            assert await doubting.until("") == "lost"


@in_every_language
async def test_who_is_taken_over_does_not_fight(language: str, venue: Venue, tmp_path: Path) -> None:
    async with Program.running(tmp_path, language, "trade", venue.order_entry, "alice") as alice:
        await alice.until("ready")
        async with venue.wire("alice"):
            assert await alice.until("end") == "end TAKEN_OVER"


# Tags of the wire: what `Proxy.sent_by_client` shows.
SUBSCRIBE, GAP_REQUEST = 80, 81


@in_every_language
async def test_a_batch_that_was_lost_is_seen_by_the_next_one_of_whatever_instrument(
    language: str, venue: Venue, tmp_path: Path
) -> None:
    async with (
        venue.wire("bob") as bob,
        Proxy.between(venue.market_data) as proxy,
        Program.running(tmp_path, language, "watch", proxy.address, "feed", heartbeat_ms=60_000) as watch,
    ):
        bob.send(NewOrder(Ref(1), EUA, Side.BUY, 10, 7000))
        await watch.book("BUY 7000:10:1 SELL ")
        proxy.is_deaf = True
        bob.send(NewOrder(Ref(2), EUA, Side.BUY, 5, 6990))
        await eventually(lambda: proxy.lost > 0)
        proxy.is_deaf = False
        bob.send(NewOrder(Ref(3), CEA, Side.BUY, 20, 1000))
        await watch.until("book 1 ")
        assert watch.lines[-1].endswith("BUY 7000:10:1,6990:5:1 SELL ")
        await watch.book("BUY 1000:20:1 SELL ")
        (request,) = [message for message in proxy.sent_by_client() if message[0] == GAP_REQUEST]
        assert request[2] == 0, "of all instruments"
        assert request[3] > 0, "only what came after"


@in_every_language
async def test_after_a_lost_connection_only_what_was_missed_comes(
    language: str, venue: Venue, tmp_path: Path
) -> None:
    async with (
        venue.wire("bob") as bob,
        Proxy.between(venue.market_data) as proxy,
        Program.running(tmp_path, language, "watch", proxy.address, "feed") as watch,
    ):
        bob.send(NewOrder(Ref(1), EUA, Side.BUY, 10, 7000))
        await watch.book("BUY 7000:10:1 SELL ")
        proxy.cut()
        bob.send(NewOrder(Ref(2), EUA, Side.BUY, 5, 6990))
        await watch.until("lost")
        await watch.until("book 1 ")
        assert watch.lines[-1].endswith("BUY 7000:10:1,6990:5:1 SELL ")
        first, again = [message for message in proxy.sent_by_client() if message[0] == SUBSCRIBE]
        assert first[6] == 0, "with snapshots"
        assert again[6] > 0, "behind the last batch"

"""What an operator sees from outside: metrics that count what happened, health, and small HTTP."""

import gc
import logging
import math
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from carbonmatch.config import ConfigError
from carbonmatch.matching.messages import (
    Cancel,
    Disconnect,
    Kill,
    KillScope,
    NewOrder,
    Phase,
    Ref,
    Release,
    ReportFlag,
    SetPhase,
    Side,
)
from carbonmatch.protocol.messages import Logout, Subscribe
from tests.end_to_end.market import EUA
from tests.end_to_end.running import Addresses, Clock, Disk, Venue, running
from tests.end_to_end.wire import SECONDS_MAX

Samples = dict[tuple[str, str], float]


async def scrape(engine: Addresses) -> Samples:
    """Every sample by its name and the value of its label, if it has one."""
    status, body = await engine.get("/metrics")
    assert status == 200
    return {
        (sample.name.removeprefix("carbonmatch_"), "".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }


async def scraped(engine: Addresses, expected: Samples) -> Samples:
    """Scrape until it says so: gauges are taken ten times a second."""
    deadline = time.monotonic() + SECONDS_MAX
    while True:
        samples = await scrape(engine)
        found = {key: samples.get(key) for key in expected}
        if found == expected:
            return samples
        assert time.monotonic() < deadline, f"found {found}, expected {expected}"


def order(ref: int, side: Side, lots: int) -> NewOrder:
    return NewOrder(Ref(ref), EUA, side, lots, 7000)


async def test_metrics_count_what_happened(venue: Venue) -> None:
    before = time.time()
    async with (
        venue.wire("alice") as alice,
        venue.wire("bob") as bob,
        venue.wire("operator") as operator,
        venue.feed_wire() as feed,
    ):
        feed.send(Subscribe(Ref(1), (EUA,)))
        await feed.settle()
        alice.send(order(1, Side.SELL, 10), order(2, Side.SELL, 5), Cancel(Ref(3), order_ref=Ref(2)))
        await alice.reports(3)
        bob.send(order(1, Side.BUY, 4), order(2, Side.BUY, 0))
        await bob.reports(3)
        bob.send(order(1, Side.BUY, 4))
        bob.send(order(9, Side.BUY, 6))
        bob.send(order(5, Side.BUY, 6))
        await bob.reports(2 + 2 + 1)
        operator.send(SetPhase(Ref(1), EUA, Phase.HALTED))
        await operator.reports(1)
        await feed.settle()
        samples = await scraped(
            venue,
            {
                ("state", ""): 1,
                # Those of the venue itself, which made the market, are among them.
                ("commands_total", ""): venue.engine.sequence,
                ("reports_total", ""): 4 + 4 + 1 + 1 + 1,
                ("rejects_total", "invalid_quantity"): 1,
                # By the session: a ref that was passed over.
                ("rejects_total", "ref_not_applied"): 1,
                ("cancels_total", "requested"): 1,
                ("repeats_total", ""): 2,
                ("trades_total", "EUA"): 2,
                ("traded_tonnes_total", "EUA"): 10,
                ("trades_total", "CEA"): 0,
                ("open_orders", ""): 0,
                ("instrument_phase", "EUA"): 2,
                ("instrument_phase", "CEA"): 1,
                ("connections", ""): 4,
                ("sessions", "trade"): 2,
                ("sessions", "operator"): 1,
                ("sessions", "market_data"): 1,
                ("logons_accepted_total", ""): 4,
                ("logons_rejected_total", ""): 0,
                ("feed_subscribers", ""): 1,
                ("last_sequence", ""): venue.engine.sequence,
                ("journal_durable_sequence", ""): venue.engine.sequence,
                ("slow_readers_cut_total", ""): 0,
                ("durable", ""): 1,
                ("instruments", ""): 2,
                ("feed_sequence", ""): venue.service._publisher.market_data.feed_sequence,
                ("last_price_ticks", "EUA"): 7000,
                ("config_last_reload_successful", ""): 1,
                ("messages_received_total", ""): venue.engine.sequence + 2 + 1,
                ("messages_rejected_total", ""): 2,
            },
        )
        assert before - 60 < samples["start_time_seconds", ""] <= time.time()
        assert samples["order_latency_seconds_count", ""] >= 7
        assert samples["commit_duration_seconds_count", ""] == samples["journal_records_total", ""] > 3
        assert samples["commit_batch_commands_sum", ""] == venue.engine.sequence
        assert samples["feed_batches_total", ""] > 0
        assert samples["feed_sent_bytes_total", ""] > 200
        assert samples["received_bytes_total", ""] > 100
        assert samples["sent_bytes_total", ""] > 400
        assert samples["journal_bytes_total", ""] > 512
        assert samples["disk_size_bytes", ""] >= samples["disk_free_bytes", ""] > 0
        for stage in ("read", "decode", "match", "gather", "journal", "release"):
            assert samples[f"{stage}_seconds_count", ""] == samples["journal_records_total", ""]
        assert 0 < samples["match_seconds_sum", ""] < samples["order_latency_seconds_sum", ""]
        assert 0 < samples["journal_seconds_sum", ""] <= samples["commit_duration_seconds_sum", ""]
        assert samples["feed_messages_total", ""] > samples["feed_batches_total", ""]
        assert samples["process_resident_memory_bytes", ""] > 0


async def test_books_are_told_as_they_were_released(venue: Venue) -> None:
    async with venue.wire("alice") as alice:
        alice.send(order(1, Side.SELL, 10), order(2, Side.SELL, 5))
        await alice.reports(2)
        samples = await scraped(
            venue,
            {
                ("book_orders", "EUAsell"): 2,
                ("book_levels", "EUAsell"): 1,
                ("best_price_ticks", "EUAsell"): 7000,
                ("book_levels", "EUAbuy"): 0,
            },
        )
    assert math.isnan(samples["best_price_ticks", "EUAbuy"])
    assert math.isnan(samples["last_price_ticks", "EUA"])


async def test_a_session_that_is_lost_shows_until_its_orders_are_gone(venue: Venue, clock: Clock) -> None:
    async with venue.wire("alice", cancel_on_disconnect=True, grace_ms=5_000) as alice:
        alice.send(order(1, Side.BUY, 1))
        await alice.reports(1)
        alice.abort()
        await scraped(venue, {("sessions_in_grace", ""): 1, ("open_orders", ""): 1})
        clock.advance(6)
        await scraped(venue, {("sessions_in_grace", ""): 0, ("open_orders", ""): 0})


async def test_a_configuration_that_was_refused_shows_until_one_is_taken(venue: Venue) -> None:
    before = (await scrape(venue))["config_read_time_seconds", ""]
    good = venue.file
    await venue.reload(ConfigError(["venue: unreadable"]))
    samples = await scrape(venue)
    assert samples["config_last_reload_successful", ""] == 0
    assert samples["config_read_time_seconds", ""] == before
    await venue.reload(good)
    samples = await scrape(venue)
    assert samples["config_last_reload_successful", ""] == 1
    assert samples["config_read_time_seconds", ""] > before


async def test_a_clock_that_was_set_back_shows_for_how_long_stamps_stand(clock: Clock, venue: Venue) -> None:
    async with venue.wire("alice") as alice:
        clock.advance_utc(100)
        alice.send(order(1, Side.BUY, 1))
        await alice.reports(1)
        clock.advance_utc(-100)
        deadline = time.monotonic() + SECONDS_MAX
        while not 90 < (await scrape(venue))["clock_held_seconds", ""] <= 100:
            assert time.monotonic() < deadline


async def test_a_disk_that_hangs_shows_before_it_has_answered(disk: Disk, clock: Clock, venue: Venue) -> None:
    async with venue.wire("alice") as alice:
        with disk.held():
            alice.send(order(1, Side.BUY, 1))
            assert await alice.settle() == []
            clock.advance(3)
            deadline = time.monotonic() + SECONDS_MAX
            while (await scrape(venue))["commit_pending_seconds", ""] < 3:
                assert time.monotonic() < deadline
        await alice.reports(1)
        await scraped(venue, {("commit_pending_seconds", ""): 0})


async def test_kills_and_bans_in_force_are_told(clock: Clock, venue: Venue) -> None:
    async with venue.wire("operator") as operator, venue.wire("alice"):
        operator.send(
            Kill(Ref(1), KillScope.INSTRUMENT, EUA, text="fire"),
            Disconnect(Ref(2), "alice", ban_seconds=60, text="fire"),
        )
        await scraped(
            venue,
            {
                ("kills", "instrument"): 1,
                ("kills", "venue"): 0,
                ("sessions_banned", ""): 1,
                ("sessions", "trade"): 0,
            },
        )
        operator.send(Release(Ref(3), KillScope.INSTRUMENT, EUA, text="out"))
        await scraped(venue, {("kills", "instrument"): 0, ("sessions_banned", ""): 1})
        clock.advance_utc(61)
        await scraped(venue, {("sessions_banned", ""): 0})


async def test_sessions_that_are_not_live_yet_are_told(venue: Venue) -> None:
    async with venue.wire("alice"), venue.wire("bob"):
        await scraped(venue, {("sessions", "trade"): 2, ("sessions_catching_up", ""): 0})
        stream = venue.order_entry_peers[0].stream
        receiver, stream.receiver = stream.receiver, None
        await scraped(venue, {("sessions", "trade"): 2, ("sessions_catching_up", ""): 1})
        stream.receiver = receiver


async def test_lines_of_the_log_are_counted_by_level(venue: Venue) -> None:
    vitals = venue.service._vitals
    assert vitals is not None
    vitals._gauge_many()
    before = venue.counters.log_lines[logging.ERROR]
    await venue.reload(ConfigError(["venue: unreadable", "listen: unreadable"]))
    # However often it is looked at.
    vitals._gauge_many()
    vitals._gauge_many()
    assert (await scrape(venue))["log_lines_total", "error"] == before + 2


async def test_time_in_which_nobody_is_served_is_no_decoding(clock: Clock, venue: Venue) -> None:
    async with venue.wire("alice") as alice:
        for ref in (1, 2):
            alice.send(order(ref, Side.BUY, 1))
            await alice.reports(1)
            clock.advance(2)
    assert (await scrape(venue))["decode_seconds_sum", ""] < 2


async def test_what_waits_for_one_connection_to_read_shows(venue: Venue) -> None:
    async with venue.wire("alice") as alice, venue.wire("bob"):
        assert (await scrape(venue))["unread_bytes_max", ""] == 0
        for peer in venue.order_entry_peers:
            if peer.rules.logon.session == "alice":
                # More than kernel and reader take while nobody looks.
                peer.transport.write(bytes(8_000_000))
        deadline = time.monotonic() + SECONDS_MAX
        while (await scrape(venue))["unread_bytes_max", ""] < 1_000_000:
            assert time.monotonic() < deadline
        alice.abort()


async def test_connections_that_end_are_counted_by_their_reason(venue: Venue) -> None:
    async with venue.wire("alice") as alice, venue.wire("bob") as bob, venue.feed_wire() as feed:
        alice.send(Logout())
        await alice.goodbye()
        bob.abort()
        feed.write(bytes(4))
        await feed.goodbye()
    async with venue.wire() as nobody:
        await nobody.log_on("alice", key_id="mallory")
        assert await nobody.ended()
    await scraped(
        venue,
        {
            ("disconnects_total", "requested"): 1,
            ("disconnects_total", "lost"): 1,
            ("disconnects_total", "protocol_error"): 1,
            ("disconnects_total", "logon_refused"): 1,
            ("logons_rejected_total", ""): 1,
            ("connections", ""): 0,
            ("sessions", "trade"): 0,
            ("sessions", "market_data"): 0,
        },
    )


async def test_a_session_that_is_taken_over_is_counted_once(venue: Venue) -> None:
    async with venue.wire("alice") as first, venue.wire("alice"):
        await first.goodbye()
        await scraped(venue, {("sessions", "trade"): 1, ("disconnects_total", "taken_over"): 1})


async def test_pauses_of_the_garbage_collector_are_measured(venue: Venue) -> None:
    before = (await scrape(venue))["gc_pause_seconds_count", ""]
    gc.collect()
    after = await scrape(venue)
    assert after["gc_pause_seconds_count", ""] > before
    assert after["gc_pause_seconds_sum", ""] > 0


async def test_health_of_a_venue_that_is_well(venue: Venue) -> None:
    for path in ("/healthz", "/readyz"):
        status, body = await venue.get(path)
        assert status == 200
        assert body == '{"ok":true,"state":"active","reasons":[]}\n'


async def test_a_disk_that_is_slow_to_answer_refuses_orders_and_takes_cancels(
    disk: Disk, clock: Clock, venue: Venue
) -> None:
    async with venue.wire("alice") as alice, venue.wire("bob") as bob:
        alice.send(order(1, Side.BUY, 1))
        await alice.reports(1)
        with disk.held():
            bob.send(order(1, Side.BUY, 1))
            assert await bob.settle() == []
            clock.advance(2)
            await scraped(venue, {("state", ""): 2})
            status, body = await venue.get("/readyz")
            assert status == 200
            assert '"state":"degraded"' in body
            assert "the disk has not answered" in body
            alice.send(order(2, Side.BUY, 1), Cancel(Ref(3), order_ref=Ref(1)))
            ((refused,),) = await alice.settle()
            assert (refused.ref, refused.reason.name) == (2, "DEGRADED_STORAGE")
        (canceled,) = await alice.reports(1)
        assert canceled.ref == 3
        await scraped(venue, {("state", ""): 1, ("rejects_total", "degraded_storage"): 1})
        alice.send(order(4, Side.BUY, 1))
        await alice.reports(1)


async def test_a_relaxed_venue_says_so_everywhere(tmp_path: Path) -> None:
    async with running(tmp_path / "journal", sync="relaxed") as venue, venue.wire("alice") as alice:
        assert alice.accepted.durable is False
        alice.send(order(1, Side.BUY, 1))
        (accepted,) = await alice.reports(1)
        assert accepted.flags == ReportFlag.NOT_DURABLE
        alice.send(order(1, Side.BUY, 1))
        (repeated,) = await alice.reports(1)
        assert repeated.flags == ReportFlag.NOT_DURABLE | ReportFlag.POSSIBLE_DUPLICATE
        assert "relaxed mode" in (await venue.get("/healthz"))[1]
        assert (await scrape(venue))["durable", ""] == 0


BAD_REQUESTS = {
    "no HTTP": (b"\xc1\xc1\r\n\r\n", 400),
    "no version": (b"GET /metrics\r\n\r\n", 400),
    "a method": (b"POST /metrics HTTP/1.1\r\n\r\n", 405),
    "a path": (b"GET /../etc/passwd HTTP/1.1\r\n\r\n", 404),
    "a long header": (b"GET / HTTP/1.1\r\nX: " + b"x" * 10_000 + b"\r\n\r\n", 431),
}


@pytest.mark.parametrize(("request_bytes", "status"), BAD_REQUESTS.values(), ids=list(BAD_REQUESTS))
async def test_bad_requests_are_answered_and_closed(venue: Venue, request_bytes: bytes, status: int) -> None:
    response = await venue.http(request_bytes)
    assert response.startswith(f"HTTP/1.1 {status} ".encode())
    assert (await venue.get("/healthz"))[0] == 200

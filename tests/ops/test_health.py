import json

from carbonmatch.limits import SPARE_SEGMENTS
from carbonmatch.ops.health import Facts, State, assess, healthz, readyz


def test_a_venue_that_works_is_alive_and_ready() -> None:
    health = assess(Facts(recovered=True))
    assert health.accepts_new_orders
    assert healthz(health) == (200, b'{"ok":true,"state":"active","reasons":[]}\n')
    assert readyz(health) == (200, b'{"ok":true,"state":"active","reasons":[]}\n')


def test_a_venue_that_recovers_is_alive_but_not_ready() -> None:
    health = assess(Facts(recovered=False, spare_segments=0, spares_error="No space left on device"))
    assert health.state is State.RECOVERING
    assert healthz(health)[0] == 200
    assert readyz(health) == (
        503,
        b'{"ok":false,"state":"recovering","reasons":["recovering from the journal"]}\n',
    )


def test_a_venue_that_stops_wants_no_new_gateways() -> None:
    health = assess(Facts(recovered=True, stopping=True))
    assert healthz(health)[0] == 200
    assert readyz(health)[0] == 503
    assert not health.accepts_new_orders


def test_a_slow_disk_stops_new_orders_but_lets_gateways_back_to_their_cancels() -> None:
    assert assess(Facts(recovered=True, commit_pending_seconds=1.0)).state is State.ACTIVE
    health = assess(Facts(recovered=True, commit_pending_seconds=1.25))
    assert health.state is State.DEGRADED
    assert not health.accepts_new_orders
    assert readyz(health)[0] == 200
    assert json.loads(healthz(health)[1])["reasons"] == [
        "the disk has not answered for 1.2 s, expected at most 1.0 s"
    ]


def test_a_full_disk_stops_new_orders() -> None:
    health = assess(Facts(recovered=True, spare_segments=1, spares_error="No space left on device"))
    assert health.state is State.DEGRADED
    assert health.reasons == ("no journal segment can be made (No space left on device), 1 made ahead left",)


def test_a_spare_that_is_still_being_made_stops_nobody() -> None:
    assert assess(Facts(recovered=True, spare_segments=0)).state is State.ACTIVE
    assert (
        assess(
            Facts(recovered=True, spare_segments=SPARE_SEGMENTS, spares_error="No space left on device")
        ).state
        is State.ACTIVE
    )


def test_a_disk_that_does_not_answer_at_all_is_a_reason_to_restart() -> None:
    health = assess(Facts(recovered=True, commit_pending_seconds=10.5))
    assert healthz(health)[0] == 503
    assert readyz(health)[0] == 503


def test_relaxed_mode_is_always_mentioned() -> None:
    health = assess(Facts(recovered=True, durable=False))
    assert health.state is State.ACTIVE
    assert health.reasons == ("relaxed mode: answers do not wait for the disk",)


def test_a_busy_venue_takes_orders_that_are_in_time_and_says_that_it_is_busy() -> None:
    health = assess(Facts(recovered=True, busy=True))
    assert health.state is State.BUSY
    assert health.accepts_new_orders
    assert (healthz(health)[0], readyz(health)[0]) == (200, 200)
    assert health.reasons == ("busy: new orders that have waited too long for their turn are refused",)
    # What is worse is told first.
    assert assess(Facts(recovered=True, busy=True, commit_pending_seconds=2.0)).state is State.DEGRADED

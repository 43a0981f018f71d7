"""Who may come in, the time passed in."""

import pytest

from carbonmatch.limits import (
    ADDRESSES_MAX,
    BLOCK_SECONDS,
    FAILED_LOGONS_MAX,
    FAILED_LOGONS_SECONDS,
    TLS_HANDSHAKES_BURST_PER_ADDRESS,
    TLS_HANDSHAKES_KEPT,
    TLS_HANDSHAKES_MAX,
    TLS_HANDSHAKES_PER_SECOND,
    TLS_HANDSHAKES_PER_SECOND_PER_ADDRESS,
    WAITING_PER_ADDRESS_MAX,
)
from carbonmatch.ops.counters import Counters, TurnedAway
from carbonmatch.server.guard import Bounds, Guard, Visit, source_of

SECOND = 1_000_000_000
START = 7 * SECOND


@pytest.fixture
def guard() -> Guard:
    return Guard(Counters(), START)


def admitted(guard: Guard, host: str, now_ns: int = START) -> Visit:
    visit = guard.admit(host, now_ns)
    assert isinstance(visit, Visit), visit
    return visit


def host(number: int) -> str:
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"


@pytest.mark.parametrize(
    ("one", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", ""),
    ],
)
def test_what_counts_as_one_source(one: str, source: str) -> None:
    assert source_of(one) == source


def test_a_source_has_a_bound_on_those_who_wait_and_others_have_their_own(guard: Guard) -> None:
    visits = [admitted(guard, "10.0.0.1") for _ in range(WAITING_PER_ADDRESS_MAX)]
    assert guard.admit("10.0.0.1", START) is TurnedAway.ADDRESS
    admitted(guard, "10.0.0.2")
    visits[0].is_gone()
    visits[0].is_gone()
    admitted(guard, "10.0.0.1")
    assert guard.admit("10.0.0.1", START) is TurnedAway.ADDRESS


def test_nothing_is_kept_of_who_does_not_wait_any_more(guard: Guard) -> None:
    for number in range(1_000):
        admitted(guard, host(number)).is_gone()
    assert guard.waiting == {}


def test_a_source_is_blocked_for_a_while_after_failures_in_a_minute(guard: Guard) -> None:
    visit = admitted(guard, "10.0.0.1")
    for _ in range(FAILED_LOGONS_MAX):
        assert isinstance(guard.admit("10.0.0.1", START), Visit)
        visit.has_failed("", START)
    assert guard.admit("10.0.0.1", START + BLOCK_SECONDS * SECOND - 1) is TurnedAway.BLOCKED
    admitted(guard, "10.0.0.2")
    assert guard.counters.addresses_blocked == 1
    admitted(guard, "10.0.0.1", START + BLOCK_SECONDS * SECOND)
    # It starts anew then.
    visit.has_failed("", START + BLOCK_SECONDS * SECOND)
    admitted(guard, "10.0.0.1", START + BLOCK_SECONDS * SECOND)


def test_failures_that_are_far_apart_block_nobody(guard: Guard) -> None:
    visit = admitted(guard, "10.0.0.1")
    apart_ns = FAILED_LOGONS_SECONDS * SECOND // (FAILED_LOGONS_MAX - 1)
    for number in range(10 * FAILED_LOGONS_MAX):
        visit.has_failed("", START + number * apart_ns)
    admitted(guard, "10.0.0.1", START + 10 * FAILED_LOGONS_MAX * apart_ns)
    assert guard.counters.addresses_blocked == 0


def test_nobody_is_blocked_where_configuration_says_so() -> None:
    guard = Guard(Counters(), START, Bounds(failed_logons=0))
    visit = admitted(guard, "10.0.0.1")
    for _ in range(100):
        visit.has_failed("", START)
    admitted(guard, "10.0.0.1")


def test_where_somebody_is_logged_on_a_key_is_shut_out_and_not_the_address(guard: Guard) -> None:
    gateway, mistaken = admitted(guard, "10.0.0.1"), admitted(guard, "10.0.0.1")
    gateway.has_logged_on()
    for _ in range(FAILED_LOGONS_MAX):
        assert not mistaken.is_shut_out("old", START)
        mistaken.has_failed("old", START)
    newcomer = admitted(guard, "10.0.0.1")
    assert newcomer.is_shut_out("old", START + BLOCK_SECONDS * SECOND - 1)
    assert not newcomer.is_shut_out("old", START + BLOCK_SECONDS * SECOND)
    assert not newcomer.is_shut_out("other", START)
    # From elsewhere that key is as good as ever.
    assert not admitted(guard, "10.0.0.2").is_shut_out("old", START)
    assert guard.counters.addresses_blocked == 0
    assert guard.counters.keys_blocked == 1


def test_an_address_is_a_members_for_as_long_as_somebody_is_logged_on_there(guard: Guard) -> None:
    gateways = [admitted(guard, "10.0.0.1") for _ in range(2)]
    for gateway in gateways:
        gateway.has_logged_on()
    gateways[0].is_gone()
    guesser = admitted(guard, "10.0.0.1")
    for _ in range(FAILED_LOGONS_MAX):
        guesser.has_failed("", START)
    assert isinstance(guard.admit("10.0.0.1", START), Visit)
    gateways[1].is_gone()
    for _ in range(FAILED_LOGONS_MAX):
        guesser.has_failed("", START)
    assert guard.admit("10.0.0.1", START) is TurnedAway.BLOCKED


def test_an_address_that_a_key_names_is_a_members() -> None:
    guard = Guard(Counters(), START, is_named=lambda host: host == "2001:db8::7")
    stranger, named = admitted(guard, "2001:db8::6"), admitted(guard, "2001:db8::7")
    for _ in range(FAILED_LOGONS_MAX):
        stranger.has_failed("", START)
    # One /64 is one source: what a stranger there has done does not shut out whom a key names.
    assert guard.admit("2001:db8::6", START) is TurnedAway.BLOCKED
    assert isinstance(guard.admit("2001:db8::7", START), Visit)
    for _ in range(FAILED_LOGONS_MAX):
        named.has_failed("old", START)
    assert admitted(guard, "2001:db8::7").is_shut_out("old", START)


def test_what_is_remembered_of_keys_at_a_members_address_is_bounded(guard: Guard) -> None:
    guesser = admitted(guard, "10.0.0.1")
    guesser.has_logged_on()
    for number in range(ADDRESSES_MAX + 100):
        guesser.has_failed(str(number), START)
    assert len(guard._records) == ADDRESSES_MAX


def test_what_is_remembered_of_sources_is_bounded(guard: Guard) -> None:
    for number in range(ADDRESSES_MAX + 100):
        visit = admitted(guard, host(number))
        for _ in range(FAILED_LOGONS_MAX):
            visit.has_failed("", START)
        visit.is_gone()
    assert len(guard._records) == ADDRESSES_MAX
    # The least recently seen is forgotten, and not the newest.
    admitted(guard, host(0))
    assert guard.admit(host(ADDRESSES_MAX), START) is TurnedAway.BLOCKED


def test_handshakes_are_bounded_at_once_and_some_are_kept_for_those_who_are_known(guard: Guard) -> None:
    admitted(guard, "192.0.2.1").has_logged_on()
    late = START + 10 * SECOND
    for number in range(TLS_HANDSHAKES_MAX - TLS_HANDSHAKES_KEPT):
        assert guard.begin_handshake(admitted(guard, host(number)), START)
    assert not guard.begin_handshake(admitted(guard, "192.0.2.2"), late)
    for second in range(TLS_HANDSHAKES_KEPT):
        known = admitted(guard, "192.0.2.1")
        assert guard.begin_handshake(known, late + second * SECOND)
        known.is_gone()
    assert not guard.begin_handshake(admitted(guard, "192.0.2.1"), late + 60 * SECOND)
    for _ in range(TLS_HANDSHAKES_KEPT + 1):
        guard.end_handshake(False)
    assert guard.begin_handshake(admitted(guard, "192.0.2.2"), late)
    assert guard.counters.tls_handshakes == {"failed": TLS_HANDSHAKES_KEPT + 1}


def test_handshakes_are_bounded_in_their_rate(guard: Guard) -> None:
    begun = 0
    for milliseconds in range(10_000):
        now_ns = START + milliseconds * 1_000_000
        if guard.begin_handshake(admitted(guard, host(milliseconds), now_ns), now_ns):
            guard.end_handshake(True)
            begun += 1
    assert begun <= TLS_HANDSHAKES_MAX + 10 * TLS_HANDSHAKES_PER_SECOND // 2
    assert begun > 9 * TLS_HANDSHAKES_PER_SECOND // 2


def test_strangers_leave_handshakes_for_those_who_are_known(guard: Guard) -> None:
    admitted(guard, "192.0.2.1").has_logged_on()
    for milliseconds in range(10_000):
        now_ns = START + milliseconds * 1_000_000
        if guard.begin_handshake(admitted(guard, host(milliseconds), now_ns), now_ns):
            guard.end_handshake(True)
        if milliseconds % 100 == 99:
            known = admitted(guard, "192.0.2.1", now_ns)
            assert guard.begin_handshake(known, now_ns)
            guard.end_handshake(True)
            known.is_gone()


def test_those_who_are_known_are_bounded(guard: Guard) -> None:
    for number in range(ADDRESSES_MAX + 1):
        admitted(guard, host(number)).has_logged_on()
    assert len(guard._known) == ADDRESSES_MAX


def test_one_source_leaves_handshakes_for_the_others(guard: Guard) -> None:
    greedy, modest = admitted(guard, "10.0.0.1"), admitted(guard, "10.0.0.2")
    begun = 0
    for milliseconds in range(10_000):
        now_ns = START + milliseconds * 1_000_000
        if guard.begin_handshake(greedy, now_ns):
            guard.end_handshake(True)
            begun += 1
        if milliseconds % 1_000 == 999:
            assert guard.begin_handshake(modest, now_ns)
            guard.end_handshake(True)
    assert begun <= TLS_HANDSHAKES_BURST_PER_ADDRESS + 10 * TLS_HANDSHAKES_PER_SECOND_PER_ADDRESS


def test_those_turned_away_are_counted_and_told_once_a_second(
    guard: Guard, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("WARNING", "carbonmatch"):
        for number in range(1_000):
            guard.turned_away(TurnedAway.ADDRESS, "10.0.0.1", START + number * SECOND // 500)
    assert guard.counters.turned_away == {TurnedAway.ADDRESS: 1_000}
    assert len(caplog.records) == 2

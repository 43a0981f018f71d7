"""What has to hold between the parts of a configuration: every rule, with the words for its breach."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from ipaddress import ip_address, ip_network
from itertools import chain
from typing import Final, get_args

from carbonmatch.config import bidding, blocks, clearing, composites, prices, volatility
from carbonmatch.config.calendar_checks import calendar_problems, schedule_problems
from carbonmatch.config.calendars import Schedule
from carbonmatch.config.schema import (
    LISTENERS,
    Config,
    Follower,
    Instrument,
    Key,
    Listen,
    OperatorPermissionName,
    PermissionName,
    RoleName,
    Session,
    Throttle,
    Tls,
    TlsFiles,
    TraderPermissionName,
    shown_accounts,
)
from carbonmatch.config.settlement import settlement_problems
from carbonmatch.limits import (
    COMPOSITES_MAX,
    COPIED_STREAMS_MAX,
    COPIES_OF_A_SESSION_MAX,
    KEY_ADDRESSES_MAX,
    KEY_SESSIONS_MAX,
    PRICE_TICKS_MAX,
    TIME_NS_MAX,
)
from carbonmatch.matching.messages import GATHERING
from carbonmatch.matching.screen_rules import faults as screen_faults

_PERMISSIONS_OF: Final[dict[RoleName, tuple[PermissionName, ...]]] = {
    "trade": get_args(TraderPermissionName),
    "operator": get_args(OperatorPermissionName),
}

# The keys of the demo market, of which everyone has the private halves: `demo_market` makes them.
WELL_KNOWN_PUBLIC_KEYS: Final = frozenset(
    {
        "31b981643680cf2151ac4d3c5e1745a63c977a95d2882617a7f54a88ca49f7ce",
        "ffc8f1c4fcd4dd67446a201411a6ad4d9655353a334dcff1561417b4d7007f95",
        "e9e1ddf6b90c6df92d00df9c59ecd9c1facd3e02eba2bbdc1d7d72979584ad3a",
    }
)

# Where there is no band, an order may have any price of the wire.
_PRICE_WITHOUT_BAND: Final = PRICE_TICKS_MAX

# Money is price x quantity x tick value, and readers with 64-bit integers have to hold it.
_MONEY_MAX: Final = 2**63 - 1


def check(config: Config) -> list[str]:
    """Everything that is wrong with `config`, each as `key: words`; empty where it can be used."""
    accounts = [account for participant in config.participants for account in participant.accounts]
    return list(
        chain(
            _listen_problems(config.listen, config.tls, config.keys),
            _tls_problems(config.tls),
            _follower_problems(config.follower, config.listen, config.tls),
            settlement_problems(config.settlement, config.journal.directory),
            _throttle_problems("throttle", config.throttle),
            _repetitions("calendars", "name", [one.name for one in config.calendars]),
            chain.from_iterable(map(calendar_problems, _paths("calendars", config), config.calendars)),
            _repetitions("schedules", "name", [one.name for one in config.schedules]),
            _schedule_problems(config),
            _repetitions("instruments", "id", [one.id for one in config.instruments]),
            _repetitions("instruments", "symbol", [one.symbol for one in config.instruments]),
            chain.from_iterable(map(_instrument_problems, _paths("instruments", config), config.instruments)),
            _composite_problems(config),
            _repetitions("participants", "id", [one.id for one in config.participants]),
            _repetitions("participants", "name", [one.name for one in config.participants]),
            _repetitions("accounts", "id", [one.id for one in accounts]),
            _repetitions("accounts", "name", [one.name for one in accounts]),
            _repetitions("sessions", "id", [one.id for one in config.sessions]),
            _repetitions("sessions", "name", [one.name for one in config.sessions]),
            _session_problems(config, {account.id for account in accounts}),
            _drop_copy_problems(config),
            _repetitions("keys", "id", [one.id for one in config.keys]),
            _repetitions("keys", "public_key", [one.public_key for one in config.keys]),
            _key_problems(config),
        )
    )


def host_and_port(address: str) -> tuple[str, int]:
    """The parts of `host:port`, where an IPv6 host stands in brackets; ValueError says what is wrong."""
    host, colon, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host:
        raise ValueError(f"expected host:port, found {address!r}")
    if not (port.isascii() and port.isdigit() and int(port) <= 65_535):
        raise ValueError(f"expected a port from 0 to 65535, found {port!r}")
    return host, int(port)


def _paths(section: str, config: Config) -> list[str]:
    return [f"{section}[{index}]" for index in range(len(getattr(config, section)))]


def _repetitions(section: str, field: str, values: Iterable[Hashable]) -> Iterator[str]:
    seen = set()
    for index, value in enumerate(values):
        if value in seen:
            yield f"{section}[{index}].{field}: {value!r} is there twice"
        seen.add(value)


# --- where it listens -----------------------------------------------------------------------------


def _listen_problems(listen: Listen, tls: Tls, keys: tuple[Key, ...]) -> Iterator[str]:
    taken: dict[tuple[str, int], str] = {}
    for name in LISTENERS:
        address = getattr(listen, name)
        try:
            host, port = host_and_port(address)
        except ValueError as error:
            yield f"listen.{name}: {error}"
            continue
        if port and (host, port) in taken:
            yield f"listen.{name}: {address} is taken by listen.{taken[host, port]}"
        taken[host, port] = name
        if not _is_loopback(host):
            is_readable = tls.of(name) is None and not listen.insecure_plaintext
            yield from _exposure_problems(f"listen.{name}: {address}", is_readable, keys)


def _follower_problems(follower: Follower, listen: Listen, tls: Tls) -> Iterator[str]:
    try:
        host, port = host_and_port(follower.ops)
    except ValueError as error:
        yield f"follower.ops: {error}"
        return
    for name in LISTENERS:
        if port and getattr(listen, name) == follower.ops:
            yield f"follower.ops: {follower.ops} is taken by listen.{name}"
    if not _is_loopback(host) and tls.of("ops") is None and not listen.insecure_plaintext:
        yield (
            f"follower.ops: {follower.ops} is not a loopback address; give ops a certificate in [tls], or "
            "say listen.insecure_plaintext = true"
        )


def _exposure_problems(what: str, is_readable: bool, keys: tuple[Key, ...]) -> Iterator[str]:
    if is_readable:
        yield (
            f"{what} is not a loopback address, and what is sent there can be read and changed on the "
            "way; give it a certificate in [tls], or say listen.insecure_plaintext = true"
        )
    for key in keys:
        if key.public_key in WELL_KNOWN_PUBLIC_KEYS:
            yield f"{what} is not a loopback address, but everyone has the private half of key {key.id!r}"


def is_exposed(config: Config) -> bool:
    """Whether anything listens where another machine may reach it."""
    addresses = [getattr(config.listen, name) for name in LISTENERS]
    return not all(_is_loopback(host_and_port(address)[0]) for address in addresses)


def _tls_problems(tls: Tls) -> Iterator[str]:
    """What can be said without looking at the files: `certificates` does that."""
    sections: dict[str, Tls | TlsFiles | None] = {"tls": tls}
    sections |= {f"tls.{name}": getattr(tls, name) for name in LISTENERS}
    for at, files in sections.items():
        if files is None:
            continue
        if bool(files.certificate) != bool(files.key):
            yield f"{at}: certificate is {files.certificate!r} and key is {files.key!r}; TLS needs both"
        if files.client_ca and not files.certificate:
            yield f"{at}: client_ca is {files.client_ca!r}, but there is no certificate to speak TLS with"


def _is_loopback(host: str) -> bool:
    """A name other than localhost can come to mean anything, so it does not count."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _throttle_problems(at: str, throttle: Throttle) -> Iterator[str]:
    for what in ("commands", "cancels"):
        rate = getattr(throttle, f"{what}_per_second")
        burst = getattr(throttle, f"{what}_burst")
        if (rate == 0) != (burst == 0):
            yield (
                f"{at}: {what}_per_second is {rate} and {what}_burst is {burst}; a throttle needs both, "
                "none has both 0"
            )


# --- the market -----------------------------------------------------------------------------------


def _schedule_problems(config: Config) -> Iterator[str]:
    calendars = {calendar.name: calendar for calendar in config.calendars}
    for at, schedule in zip(_paths("schedules", config), config.schedules, strict=True):
        yield from schedule_problems(at, schedule, calendars)
    names = {schedule.name for schedule in config.schedules}
    gathering = {schedule.name: phase for schedule in config.schedules for phase in _gathering(schedule)}
    ends: dict[str | None, str | None] = {schedule.name: schedule.end_of_day for schedule in config.schedules}
    for at, instrument in zip(_paths("instruments", config), config.instruments, strict=True):
        has_close = instrument.prices.rules() is not None
        yield from blocks.problems(at, instrument.blocks, names, has_close=has_close)
        if instrument.schedule is not None and instrument.schedule not in names:
            yield f"{at}.schedule: there is no schedule {instrument.schedule!r}"
        yield from _life_problems(at, instrument)
        yield from clearing.end_of_day_problems(at, instrument.clearing, ends.get(instrument.schedule))
        if instrument.screen.mechanism != "continuous" and instrument.schedule in gathering:
            yield (
                f"{at}.schedule: {instrument.screen.mechanism} has no auctions, but "
                f"{instrument.schedule!r} has {gathering[instrument.schedule]}"
            )
        if instrument.schedule is not None and instrument.opening_phase in ("halted", "cancel_only"):
            yield f"{at}.opening_phase: the schedule says it; expected no opening_phase beside a schedule"


def _life_problems(at: str, instrument: Instrument) -> Iterator[str]:
    first, last = instrument.life
    if first is not None and last is not None and first > last:
        yield f"{at}.last_trade_date: {last} is before list_date, which is {first}"
    if instrument.schedule is None:
        for name, day in zip(instrument.life._fields, instrument.life, strict=True):
            if day is not None:
                yield f"{at}.{name}: {day}, but there is no schedule that would keep to it"


def _gathering(schedule: Schedule) -> Iterator[str]:
    """The phases of a schedule in which orders gather for an auction."""
    for steps in (schedule.steps, *(special.steps for special in schedule.special)):
        yield from (step.phase for step in steps if step.entered in GATHERING)


def _instrument_problems(at: str, instrument: Instrument) -> Iterator[str]:
    yield from prices.problems(at, instrument.prices, instrument.band_low_ticks, instrument.band_high_ticks)
    low, high = instrument.band_low_ticks, instrument.band_high_ticks
    reference = instrument.reference_price_ticks
    if bool(low) != bool(high):
        yield f"{at}: band_low_ticks is {low} and band_high_ticks is {high}; a band has both, none has both 0"
    elif high and not low <= reference <= high:
        yield (
            f"{at}: expected band_low_ticks <= reference_price_ticks <= band_high_ticks, "
            f"found {low}, {reference}, {high}"
        )
    for name in ("order_types", "times_in_force"):
        words = getattr(instrument, name)
        if not words:
            yield f"{at}.{name}: empty, so that no order could be entered"
        yield from _repetitions(f"{at}.{name}", "word", words)
    yield from _self_trade_problems(at, instrument)
    for name in ("reference_price_ticks", "band_low_ticks", "band_high_ticks"):
        yield from _increment_problems(at, instrument, name, "price_increment_ticks")
    if instrument.quantity_min_lots > instrument.quantity_max_lots:
        yield (
            f"{at}: quantity_min_lots is {instrument.quantity_min_lots}, "
            f"above quantity_max_lots, which is {instrument.quantity_max_lots}"
        )
    yield from _increment_problems(at, instrument, "quantity_min_lots", "quantity_increment_lots")
    yield from volatility.problems(at, instrument.volatility)
    yield from bidding.problems(at, instrument.definition())
    yield from clearing.problems(at, instrument.clearing, instrument.schedule)
    yield from (f"{at}.{fault}" for fault in screen_faults(instrument.definition()))
    dearest_ticks = instrument.band[1] or _PRICE_WITHOUT_BAND
    money = dearest_ticks * instrument.quantity_max_lots * instrument.tick_value_minor
    if money > _MONEY_MAX:
        yield (
            f"{at}: the dearest order it admits is worth {money} minor units, expected at most {_MONEY_MAX}; "
            "set a band, or lower quantity_max_lots or tick_value_minor"
        )
    money = blocks.dearest(instrument.blocks, instrument.band[1]) * instrument.tick_value_minor
    if money > _MONEY_MAX:
        yield (
            f"{at}.blocks: the dearest block it admits is worth {money} minor units, expected at most "
            f"{_MONEY_MAX}; lower its quantity_max_lots"
        )


def _self_trade_problems(at: str, instrument: Instrument) -> Iterator[str]:
    modes = instrument.self_trade.modes
    yield from _repetitions(f"{at}.self_trade.modes", "word", modes)
    if instrument.self_trade_prevention not in modes:
        yield (
            f"{at}.self_trade.modes: expected {instrument.self_trade_prevention} among them, which "
            f"self_trade_prevention says, found {', '.join(modes) or 'none at all'}"
        )


def _increment_problems(at: str, instrument: Instrument, name: str, increment_name: str) -> Iterator[str]:
    value, increment = getattr(instrument, name), getattr(instrument, increment_name)
    if value % increment:
        yield f"{at}.{name}: {value} is not a multiple of {increment_name}, which is {increment}"


def _composite_problems(config: Config) -> Iterator[str]:
    if len(config.composites) > COMPOSITES_MAX:
        yield f"composites: found {len(config.composites)}; expected at most {COMPOSITES_MAX}"
    yield from _repetitions("composites", "id", [one.id for one in config.composites])
    yield from _repetitions("composites", "symbol", [one.symbol for one in config.composites])
    definitions = {instrument.symbol: instrument.definition() for instrument in config.instruments}
    for at, composite in zip(_paths("composites", config), config.composites, strict=True):
        yield from composites.problems(at, composite, definitions)


# --- who trades -----------------------------------------------------------------------------------


def _session_problems(config: Config, account_ids: set[int]) -> Iterator[str]:
    key_ids = {key.id for key in config.keys}
    for at, session in zip(_paths("sessions", config), config.sessions, strict=True):
        if session.key not in key_ids:
            yield f"{at}.key: there is no key {session.key!r}"
        for account_id in session.accounts:
            if account_id not in account_ids:
                yield f"{at}.accounts: there is no account {account_id}"
        yield from _repetitions(f"{at}.accounts", "id", session.accounts)
        if not session.roles:
            yield f"{at}.roles: a session without a role can do nothing"
        if "trade" in session.roles and not session.accounts:
            yield f"{at}.accounts: a session that may trade needs an account"
        if session.throttle is not None:
            yield from _throttle_problems(f"{at}.throttle", session.throttle)
        yield from _permission_problems(at, session.permissions, session.roles)


def _permission_problems(
    at: str, permissions: Sequence[PermissionName], roles: Sequence[RoleName]
) -> Iterator[str]:
    """`roles` empty: any, of a key."""
    yield from _repetitions(f"{at}.permissions", "word", permissions)
    if "place" in permissions and "cancel" not in permissions:
        yield f"{at}.permissions: place without cancel, expected both: who orders has to get out again"
    for role, words in _PERMISSIONS_OF.items():
        for word in permissions:
            if word in words and roles and role not in roles:
                yield f"{at}.permissions: {word} is for the role {role}, found {', '.join(roles)}"


def _drop_copy_problems(config: Config) -> Iterator[str]:
    participant_ids = {participant.id for participant in config.participants}
    # By account: the copies that show it.
    copies: dict[int, set[int]] = {}
    for at, session in zip(_paths("sessions", config), config.sessions, strict=True):
        for participant_id in session.participants:
            if participant_id not in participant_ids:
                yield f"{at}.participants: there is no participant {participant_id}"
        yield from _repetitions(f"{at}.participants", "id", session.participants)
        if not session.is_drop_copy:
            if session.participants:
                yield f"{at}.participants: only a drop copy shows participants; expected accounts"
            continue
        if len(session.roles) > 1:
            yield f"{at}.roles: a drop copy is a stream of its own; expected no role besides drop_copy"
        shown = shown_accounts(config, session)
        if not shown:
            yield f"{at}: a drop copy shows accounts; expected accounts or participants that have some"
        for account_id in shown:
            copies.setdefault(account_id, set()).add(session.id)
    yield from _copied_stream_problems(config, copies)


def _copied_stream_problems(config: Config, copies: dict[int, set[int]]) -> Iterator[str]:
    total = 0
    for at, session in zip(_paths("sessions", config), config.sessions, strict=True):
        if session.is_drop_copy:
            continue
        count = len(set().union(*(copies.get(account_id, ()) for account_id in session.accounts)))
        total += count
        if count > COPIES_OF_A_SESSION_MAX:
            yield (
                f"{at}.accounts: {count} drop copies show accounts of this session, expected at most "
                f"{COPIES_OF_A_SESSION_MAX}"
            )
    if total > COPIED_STREAMS_MAX:
        yield (
            f"sessions: the drop copies together show the streams of {total} sessions, expected at most "
            f"{COPIED_STREAMS_MAX}"
        )


def _key_problems(config: Config) -> Iterator[str]:
    sessions = {session.name: session for session in config.sessions}
    for at, key in zip(_paths("keys", config), config.keys, strict=True):
        if key.expires is not None and not 0 < key.expires_ns <= TIME_NS_MAX:
            yield f"{at}.expires: expected a time from 1970 to 2262, found {key.expires}"
        for name in key.sessions:
            if name not in sessions:
                yield f"{at}.sessions: there is no session {name!r}"
        users = [one for one in config.sessions if one.key == key.id or one.name in key.sessions]
        if len(users) > KEY_SESSIONS_MAX:
            yield f"{at}: {len(users)} sessions use key {key.id!r}, expected at most {KEY_SESSIONS_MAX}"
        if len(key.addresses) > KEY_ADDRESSES_MAX:
            yield f"{at}.addresses: {len(key.addresses)} networks, expected at most {KEY_ADDRESSES_MAX}"
        for address in key.addresses:
            yield from _network_problems(f"{at}.addresses", address)
        if key.roles:
            yield from _unusable(at, key, users)
        yield from _permission_problems(at, key.permissions, key.roles)


def _network_problems(at: str, address: str) -> Iterator[str]:
    try:
        ip_network(address)
    except ValueError as error:
        yield f"{at}: expected a network like 192.0.2.0/24 or 2001:db8::/48, found {address!r} ({error})"


def _unusable(at: str, key: Key, users: list[Session]) -> Iterator[str]:
    for session in users:
        if not set(key.roles) & set(session.roles):
            yield (
                f"{at}.roles: session {session.name!r} may only {', '.join(session.roles)}, "
                f"which key {key.id!r} may not"
            )

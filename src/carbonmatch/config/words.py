"""A configuration in words: what the machine understood, for the person who wrote it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from carbonmatch.config import (
    bidding,
    blocks,
    clearing,
    composites,
    confirmation,
    prices,
    screen,
    settlement,
    volatility,
)
from carbonmatch.config.calendars import Calendar, Schedule, Step
from carbonmatch.config.profiles import profile_named
from carbonmatch.config.rule_words import doubts
from carbonmatch.config.schema import (
    LISTENERS,
    SELF_TRADE_MODES,
    Config,
    Instrument,
    Session,
    configuration_digest,
    shown_accounts,
)
from carbonmatch.config.timetable import Timetable
from carbonmatch.words import price_text

_NS_PER_SECOND: Final = 1_000_000_000

_SYNC: Final = {
    "always": "nothing is answered before the disk has it",
    "relaxed": "RELAXED: answers do not wait for the disk, and a crash can take them back",
}

_OWNER: Final = {
    "participant": "a participant",
    "account": "an account",
    "group": "a group of accounts",
}


def in_words(config: Config) -> list[str]:
    """Lines for a terminal."""
    listen = config.listen
    accounts = sum(len(participant.accounts) for participant in config.participants)
    return [
        f"venue {config.venue.server_id}",
        *_profiles(config),
        f"orders at {listen.order_entry}, market data at {listen.market_data}, operations at {listen.ops}",
        *_drop_copies(config),
        *_protection(config),
        f"journal in {config.journal.directory}: {_SYNC[config.journal.sync]}",
        *settlement.in_words(config.settlement),
        _throttle(config),
        *confirmation.in_words(config.confirmation),
        *map(_calendar, config.calendars),
        *(_schedule(config, schedule) for schedule in config.schedules),
        f"{len(config.instruments)} instruments",
        *_instruments(config),
        *(f"composite {one.id} {one.symbol}: {composites.in_words(one)}" for one in config.composites),
        *_carried_over(config),
        f"{len(config.participants)} participants, {accounts} accounts",
        *_groups(config),
        f"{len(config.sessions)} sessions",
        *(f"  {_session(config, session)}" for session in config.sessions),
        f"{len(config.keys)} keys",
        *(f"  {key.id}: only {', '.join(key.permissions)}" for key in config.keys if key.permissions),
        *_switched_off(config),
        f"market digest {configuration_digest(config).hex()}",
    ]


def _profiles(config: Config) -> list[str]:
    lines = []
    for name in config.profiles:
        lines.append(f"profile {name}: {profile_named(name).title}")
        lines += [f"  {doubt}" for doubt in doubts(name)]
    return lines


def _switched_off(config: Config) -> list[str]:
    """What is there and does not count."""
    off: dict[str, list[str]] = {
        "delisted": [str(one.symbol) for one in config.instruments if one.delisted],
        "disabled participants": [one.name for one in config.participants if one.disabled],
        "disabled sessions": [one.name for one in config.sessions if one.disabled],
        "disabled keys": [one.id for one in config.keys if one.disabled],
    }
    return [f"{what}: {', '.join(names)}" for what, names in off.items() if names]


def _drop_copies(config: Config) -> list[str]:
    copies = sum(session.is_drop_copy for session in config.sessions)
    return [f"{copies} drop copies at {config.listen.drop_copy}"] if copies else []


def _protection(config: Config) -> list[str]:
    plain = []
    lines = []
    for name in LISTENERS:
        files = config.tls.of(name)
        if files is None:
            plain.append(name)
            continue
        clients = f"clients certified by {files.client_ca}" if files.client_ca else "any client"
        lines.append(f"  {name}: TLS 1.3 with {files.certificate}, for {clients}")
    if plain:
        lines.append(f"  {', '.join(plain)}: not encrypted")
    return lines


def _throttle(config: Config) -> str:
    throttle = config.throttle
    commands, cancels = "any number of commands", "any number of cancels"
    if throttle.commands_per_second:
        commands = f"{throttle.commands_per_second} commands a second ({throttle.commands_burst} at once)"
    if throttle.cancels_per_second:
        cancels = f"{throttle.cancels_per_second} cancels a second ({throttle.cancels_burst} at once)"
    return f"a session may send {commands} and {cancels}"


def _calendar(calendar: Calendar) -> str:
    """Its last holiday too: beyond, somebody still has to enter those of the next notice."""
    days = ", ".join(calendar.weekdays) or "no day of the week"
    holidays = "no holidays"
    if calendar.holidays:
        holidays = f"{len(calendar.holidays)} holidays, the last {max(calendar.holidays)}"
    more = f"{len(calendar.extra_days)} extra days"
    return f"calendar {calendar.name} ({calendar.time_zone}): {days}; {holidays}; {more}"


def _schedule(config: Config, schedule: Schedule) -> str:
    followers = sum(
        schedule.name in (instrument.schedule, instrument.blocks and instrument.blocks.schedule)
        for instrument in config.instruments
    )
    zone = next(one.time_zone for one in config.calendars if one.name == schedule.calendar)
    steps = ", ".join(_step(step) for step in schedule.steps) or "nothing on ordinary days"
    special = sum(len(one.dates) for one in schedule.special)
    return (
        f"schedule {schedule.name} on {schedule.calendar} ({zone}): {steps}; {special} special days; "
        f"{_end_of_day(schedule)}; {followers} {'instrument' if followers == 1 else 'instruments'}"
    )


def _end_of_day(schedule: Schedule) -> str:
    if schedule.end_of_day is None:
        return "operators end its days"
    others = {one.end_of_day for one in schedule.special if one.end_of_day} - {schedule.end_of_day}
    return f"days end at {' or '.join([schedule.end_of_day, *sorted(others)])}"


def _step(step: Step) -> str:
    ends = []
    if step.random_s:
        ends.append(f"ends at random, up to {step.random_s} s after the next step")
    if step.freeze_s:
        ends.append(f"no cancels from {step.freeze_s} s before the next step")
    return f"{step.at} {step.phase}" + (f" ({', '.join(ends)})" if ends else "")


def next_transitions(config: Config, now_ns: int, count: int) -> list[str]:
    """What each schedule does next, in the time of its place and in UTC: lines for a terminal."""
    calendars = {calendar.name: calendar for calendar in config.calendars}
    lines = []
    for schedule in config.schedules:
        timetable = Timetable(schedule, calendars[schedule.calendar])
        phase = timetable.phase_at(now_ns).name.lower()
        lines.append(f"{schedule.name}: {phase} now, {_local(now_ns, timetable)}")
        following = timetable.next_after(now_ns)
        for _ in range(count):
            if following is None:
                lines.append("  nothing is planned after that")
                break
            lines.append(f"  {following.step.phase} at {_local(following.at_ns, timetable)}")
            following = timetable.next_after(following.at_ns)
    return lines


def _local(ns: int, timetable: Timetable) -> str:
    # A close that comes a nanosecond before a day begins is one of that time to people.
    utc = datetime.fromtimestamp(-(-ns // _NS_PER_SECOND), UTC)
    return f"{utc.astimezone(timetable.zone):%a %Y-%m-%d %H:%M:%S %Z} ({utc:%Y-%m-%d %H:%M:%S} UTC)"


def _instruments(config: Config) -> list[str]:
    """What is the same for several, as for the vintages of a market, is told once."""
    lines = []
    told: dict[tuple[str, ...], str] = {}
    for instrument in config.instruments:
        rules = tuple(_rules(instrument))
        first = told.setdefault(rules, instrument.symbol)
        if first != instrument.symbol and len(rules) > 1:
            rules = (f"otherwise as {first}",)
        band = prices.in_words(instrument.prices, instrument.reference_price_ticks)
        lines += [f"  {_instrument(instrument)}", *(f"    {words}" for words in (*band, *rules))]
    return lines


def _rules(instrument: Instrument) -> Iterator[str]:
    restraints = volatility.in_words(instrument.volatility, instrument.price_decimals)
    meeting = screen.in_words(instrument.screen)
    negotiated = blocks.in_words(instrument.blocks, instrument.lot_tonnes)
    cleared = clearing.in_words(instrument.clearing, instrument.lot_tonnes)
    yield from (*meeting, *restraints, *bidding.in_words(instrument.definition()), *negotiated, *cleared)


def _instrument(instrument: Instrument) -> str:
    low, reference, high = (
        price_text(ticks, instrument.price_decimals)
        for ticks in (instrument.band[0], instrument.reference_price_ticks, instrument.band[1])
    )
    band = f"{low} to {high} around {reference}" if instrument.band[1] else "no band"
    sizes = (
        f"{instrument.quantity_min_lots} to {instrument.quantity_max_lots} lots of {instrument.lot_tonnes} t"
    )
    return (
        f"{instrument.id} {instrument.symbol}: {instrument.currency}, {band}; {sizes}; "
        f"{_opening(instrument)}; orders {', '.join(instrument.order_types)}; "
        f"for {', '.join(instrument.times_in_force)}; {_self_trade(instrument)}"
    )


def _opening(instrument: Instrument) -> str:
    if instrument.schedule is None:
        return f"opens {instrument.opening_phase}"
    since = f" from {instrument.list_date} on" if instrument.list_date else ""
    until = f" until {instrument.last_trade_date}" if instrument.last_trade_date else ""
    return f"on schedule {instrument.schedule}{since}{until}"


def _self_trade(instrument: Instrument) -> str:
    default = instrument.self_trade_prevention
    others = [mode for mode in SELF_TRADE_MODES if mode != default and mode in instrument.self_trade.modes]
    if not others:
        asked = "whatever an order asks for"
    elif len(others) == len(SELF_TRADE_MODES) - 1:
        asked = "unless an order asks for another mode"
    else:
        asked = f"unless an order asks for {' or '.join(others)}"
    return f"self-trades of {_OWNER[instrument.self_trade.key]}: {default} {asked}"


def _carried_over(config: Config) -> list[str]:
    """What is counted for it, and in which instruments together."""
    members: dict[str, list[str]] = {}
    for one in config.instruments:
        rules = clearing.in_force(one.clearing)
        if rules is not None and (words := clearing.carry_over_words(rules, one.lot_tonnes)):
            members.setdefault(words, []).append(one.symbol)
    return [
        f"counted for what may be carried over of {words} ({', '.join(symbols)})"
        for words, symbols in members.items()
    ]


def _groups(config: Config) -> list[str]:
    members: dict[int, list[str]] = {}
    for participant in config.participants:
        for account in participant.accounts:
            if account.group:
                members.setdefault(account.group, []).append(f"{account.name} of {participant.name}")
    classes: dict[str, list[str]] = {}
    for participant in config.participants:
        for account in participant.accounts:
            if account.holder_class:
                classes.setdefault(account.holder_class, []).append(f"{account.name} of {participant.name}")
    tables = [table for one in config.instruments if (table := clearing.in_force(one.clearing)) is not None]
    limited = {one.holder_class for table in tables for one in table.holders}
    return [
        *(f"  group {group}: {', '.join(names)}" for group, names in sorted(members.items())),
        *(
            f"  holders of class {name}{'' if name in limited else ' (no instrument has limits of it)'}: "
            f"{', '.join(names)}"
            for name, names in sorted(classes.items())
        ),
    ]


def _session(config: Config, session: Session) -> str:
    accounts = shown_accounts(config, session) if session.is_drop_copy else session.accounts
    may = f"; only {', '.join(session.permissions)}" if session.permissions else ""
    return (
        f"{session.id} {session.name}: {', '.join(session.roles)}{may}; {len(accounts)} accounts; "
        f"key {session.key}"
    )

"""A configuration in words: what the machine understood, for the person who wrote it."""

from typing import Final

from carbonmatch.config import volatility
from carbonmatch.config.schema import (
    LISTENERS,
    SELF_TRADE_MODES,
    Config,
    Instrument,
    Session,
    configuration_digest,
    shown_accounts,
)
from carbonmatch.words import price_text

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
        f"orders at {listen.order_entry}, market data at {listen.market_data}, operations at {listen.ops}",
        *_drop_copies(config),
        *_protection(config),
        f"journal in {config.journal.directory}: {_SYNC[config.journal.sync]}",
        _throttle(config),
        f"{len(config.instruments)} instruments",
        *(line for instrument in config.instruments for line in _instrument_lines(instrument)),
        f"{len(config.participants)} participants, {accounts} accounts",
        *_groups(config),
        f"{len(config.sessions)} sessions",
        *(f"  {_session(config, session)}" for session in config.sessions),
        f"{len(config.keys)} keys",
        f"market digest {configuration_digest(config).hex()}",
    ]


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


def _instrument_lines(instrument: Instrument) -> list[str]:
    restraints = volatility.in_words(instrument.volatility, instrument.price_decimals)
    return [f"  {_instrument(instrument)}", *(f"    {words}" for words in restraints)]


def _instrument(instrument: Instrument) -> str:
    low, reference, high = (
        price_text(ticks, instrument.price_decimals)
        for ticks in (
            instrument.band_low_ticks,
            instrument.reference_price_ticks,
            instrument.band_high_ticks,
        )
    )
    band = f"{low} to {high} around {reference}" if instrument.band_high_ticks else "no band"
    sizes = (
        f"{instrument.quantity_min_lots} to {instrument.quantity_max_lots} lots of {instrument.lot_tonnes} t"
    )
    return (
        f"{instrument.id} {instrument.symbol}: {instrument.currency}, {band}; {sizes}; "
        f"opens {instrument.opening_phase}; orders {', '.join(instrument.order_types)}; "
        f"for {', '.join(instrument.times_in_force)}; {_self_trade(instrument)}"
    )


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


def _groups(config: Config) -> list[str]:
    members: dict[int, list[str]] = {}
    for participant in config.participants:
        for account in participant.accounts:
            if account.group:
                members.setdefault(account.group, []).append(f"{account.name} of {participant.name}")
    return [f"  group {group}: {', '.join(names)}" for group, names in sorted(members.items())]


def _session(config: Config, session: Session) -> str:
    accounts = shown_accounts(config, session) if session.is_drop_copy else session.accounts
    return (
        f"{session.id} {session.name}: {', '.join(session.roles)}; {len(accounts)} accounts; "
        f"key {session.key}"
    )

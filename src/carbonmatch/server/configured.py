"""What configuration means to the server: definitions for the engine, keys and limits for sessions."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_network

import msgspec
from msgspec import structs

from carbonmatch.config import Config, ConfigError, key_commands, venue_commands
from carbonmatch.config.checks import WELL_KNOWN_PUBLIC_KEYS
from carbonmatch.config.schema import LISTENERS, Instrument
from carbonmatch.journal.errors import JournalRefused
from carbonmatch.matching.clearing.changes import hindrance
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import (
    DefineAccount,
    DefineComposite,
    DefineDropCopy,
    DefineInstrument,
    DefineKey,
    DefineSession,
    RemoveKey,
    RemoveSession,
    ScreenMechanism,
    SessionId,
    VenueCommand,
)
from carbonmatch.protocol import session
from carbonmatch.protocol.messages import Role
from carbonmatch.protocol.permissions import both


class SessionSettings:
    """What configuration says of one session."""

    __slots__ = ("cancels_burst", "cancels_per_second", "commands_burst", "commands_per_second", "session_id")

    def __init__(
        self,
        session_id: SessionId,
        commands_per_second: int,
        commands_burst: int,
        cancels_per_second: int,
        cancels_burst: int,
    ) -> None:
        self.session_id = session_id
        self.commands_per_second = commands_per_second
        self.commands_burst = commands_burst
        self.cancels_per_second = cancels_per_second
        self.cancels_burst = cancels_burst

    @property
    def throttle(self) -> tuple[int, int, int, int]:
        return self.commands_per_second, self.commands_burst, self.cancels_per_second, self.cancels_burst


def needs_restart(before: Config, after: Config) -> list[str]:
    """What differs and is only looked at when a venue starts."""
    changed = [
        name
        for name in ("venue", "listen", "connections", "journal", "settlement")
        if getattr(before, name) != getattr(after, name)
    ]
    if _definitions(before) != _definitions(after):
        changed.append("instruments")
    if set(before.composites) != set(after.composites):
        changed.append("composites")
    if any((before.tls.of(name) is None) != (after.tls.of(name) is None) for name in LISTENERS):
        changed.append("tls")
    if drop_copies(after) and not drop_copies(before):
        # The first one opens its listener.
        changed.append("drop copies")
    return changed


def _definitions(config: Config) -> set[bytes]:
    """Of its instruments. Which schedule they follow, and when, is none of it: that is taken over at once."""
    return {msgspec.msgpack.encode(_unscheduled(instrument)) for instrument in config.instruments}


def _unscheduled(instrument: Instrument) -> Instrument:
    blocks = instrument.blocks
    if blocks is not None:
        blocks = structs.replace(blocks, schedule=None)
    return structs.replace(instrument, schedule=None, list_date=None, last_trade_date=None, blocks=blocks)


def refuse_the_demo(config: Config, engine: Engine) -> None:
    """Raise JournalRefused where the demo market would be defined in the journal of a venue of its own.

    It runs where no file is named: forgetting `--config` would open a venue to keys that everyone has.
    """
    is_demo = {key.public_key for key in config.keys} <= WELL_KNOWN_PUBLIC_KEYS
    known = {key.public_key.hex() for key in engine.keys.values()}
    if is_demo and known and known.isdisjoint(WELL_KNOWN_PUBLIC_KEYS):
        raise JournalRefused(
            f"{config.journal.directory}: the journal of another venue than the demo market; "
            "name its configuration with --config"
        )


def changed_definitions(config: Config, engine: Engine) -> list[VenueCommand]:
    """The definitions that the engine lacks or has otherwise. Sessions, copies, composites and keys that are
    gone go.

    Raises ConfigError where a session would have to become a drop copy, an instrument a composite price, or
    the other way round, where orders rest that were entered for another mechanism, and where something is
    held by other rules of clearing.
    """
    if problems := [
        *_changed_kinds(config, engine),
        *_changed_numbers(config, engine),
        *_changed_mechanisms(config, engine),
        *_changed_clearing(config, engine),
    ]:
        raise ConfigError(problems)
    known: set[bytes] = {_key(command) for command in engine_definitions(engine)}
    wanted: list[VenueCommand] = [
        *venue_commands(config),
        *key_commands(config),
        config.confirmation.command(),
    ]
    changed = [command for command in wanted if _key(command) not in known]
    key_ids = {key.id for key in config.keys}
    removed_keys = [RemoveKey(key_id) for key_id in engine.keys if key_id not in key_ids]
    # What is removed makes room first: an account has a bound of drop copies that show it.
    return [*_removals(config, engine), *changed, *_ended_composites(config, engine), *removed_keys]


def _ended_composites(config: Config, engine: Engine) -> Iterator[VenueCommand]:
    """Those which the configuration does not name any more: no orders rest there, unlike in instruments."""
    composite_ids = {one.id for one in config.composites}
    for composite_id, composite in engine.composites.items():
        if composite_id not in composite_ids and composite.definition.members:
            yield DefineComposite(structs.replace(composite.definition, members=()))


def _removals(config: Config, engine: Engine) -> Iterator[VenueCommand]:
    """Of sessions and drop copies which the configuration does not name any more."""
    session_ids = {one.id for one in config.sessions}
    for copy in engine.drop_copies.values():
        if copy.session_id not in session_ids and copy.account_ids:
            yield DefineDropCopy(copy.session_id, copy.name, ())
    for state in engine.sessions.values():
        if state.session_id not in session_ids and (state.account_ids or state.operator or state.orders):
            yield RemoveSession(state.session_id)


def engine_definitions(engine: Engine) -> list[VenueCommand]:
    """What the engine holds, as the commands that would define it."""
    commands: list[VenueCommand] = [
        DefineInstrument(instrument.configured) for instrument in engine.instruments.values()
    ]
    commands += [DefineComposite(composite.definition) for composite in engine.composites.values()]
    commands += [
        DefineAccount(
            account.account_id, account.participant_id, account.name, account.group_id, account.holder_class
        )
        for account in engine.accounts.values()
    ]
    commands += [
        DefineSession(state.session_id, state.name, state.account_ids, state.operator, state.permissions)
        for state in engine.sessions.values()
    ]
    commands += [
        DefineDropCopy(copy.session_id, copy.name, copy.account_ids) for copy in engine.drop_copies.values()
    ]
    commands += engine.keys.values()
    commands.append(engine.venue.confirmation)
    return commands


def _changed_kinds(config: Config, engine: Engine) -> Iterator[str]:
    for one in config.sessions:
        if one.id in (engine.sessions if one.is_drop_copy else engine.drop_copies):
            was, wanted = ("a session", "a drop copy") if one.is_drop_copy else ("a drop copy", "a session")
            yield (
                f"session {one.name!r}: id {one.id} is that of {was} in this journal, expected a new id "
                f"for {wanted}: a stream keeps its meaning"
            )


def _changed_numbers(config: Config, engine: Engine) -> Iterator[str]:
    for one in config.composites:
        if one.id in engine.books:
            yield (
                f"composite {one.symbol!r}: id {one.id} is that of an instrument in this journal; expected a "
                "number that had no other meaning"
            )
    for instrument in config.instruments:
        if instrument.id in engine.composites:
            yield (
                f"instrument {instrument.symbol!r}: id {instrument.id} is that of a composite price in this "
                "journal; expected a number that had no other meaning"
            )


def _changed_mechanisms(config: Config, engine: Engine) -> Iterator[str]:
    """A listing may rest crossed, and what rests is what its owners took for good where they entered it."""
    for instrument in config.instruments:
        book = engine.books.get(instrument.id)
        if book is None:
            continue
        was, wanted = book.instrument.mechanism, instrument.screen.rules().mechanism
        if wanted is was:
            continue
        count = len([*book.orders(), *book.stops(), *book.waiting()])
        if count:
            yield (
                f"instrument {instrument.symbol!r}: {count} orders rest that were entered for "
                f"{was.name.lower()}; expected none where it becomes {wanted.name.lower()}"
            )
        elif book.instrument.is_gathering and wanted is not ScreenMechanism.CONTINUOUS:
            yield (
                f"instrument {instrument.symbol!r}: it is in {book.instrument.phase.name}; expected it to be "
                f"closed where it becomes {wanted.name.lower()}, which has no auctions"
            )


def _changed_clearing(config: Config, engine: Engine) -> Iterator[str]:
    """What is reserved, or pending, goes by the rules that it was made under."""
    for instrument in config.instruments:
        book = engine.books.get(instrument.id)
        found = None if book is None else hindrance(book, instrument.definition())
        if found is not None:
            yield f"instrument {instrument.symbol!r}: {found}"


def _key(command: VenueCommand) -> bytes:
    return msgspec.msgpack.encode(command)


def gone(config: Config, engine: Engine) -> Iterator[tuple[str, int]]:
    """Instruments which the configuration does not name any more, and how many orders each has.

    No instrument is taken out of a market by leaving it out of a file: its orders are its members' money,
    and they can cancel them.
    """
    instrument_ids = {instrument.id for instrument in config.instruments}
    for instrument_id, book in engine.books.items():
        if instrument_id not in instrument_ids:
            yield book.instrument.definition.symbol, sum(1 for _ in book.orders())


def credentials(engine: Engine) -> dict[str, session.Credential]:
    """What each key may log on as. Roles that a later version has journaled open nothing here."""
    names = {session_id: state.name for session_id, state in engine.sessions.items()}
    names |= {session_id: copy.name for session_id, copy in engine.drop_copies.items()}
    powers = {session_id: state.permissions for session_id, state in engine.sessions.items()}
    return _credentials(engine.keys, names, powers)


def configured_credentials(config: Config) -> dict[str, session.Credential]:
    """The same by the file, for a process that has no engine and where nothing can be commanded."""
    keys = {key.key_id: key for key in key_commands(config)}
    return _credentials(keys, {one.id: one.name for one in config.sessions}, {})


def _credentials(
    keys: Mapping[str, DefineKey], names: Mapping[SessionId, str], powers: Mapping[SessionId, int]
) -> dict[str, session.Credential]:
    roles = {int(role): role for role in Role}
    return {
        key_id: session.Credential(
            key.public_key,
            frozenset(
                (names[one.session_id], roles[number])
                for one in key.sessions
                for number in one.roles
                if number in roles
            ),
            key.expires_ns,
            tuple(map(ip_network, key.addresses)),
            {
                names[one.session_id]: permissions
                for one in key.sessions
                if (permissions := both(powers.get(one.session_id, 0), key.permissions))
            },
        )
        for key_id, key in keys.items()
    }


def drop_copies(config: Config) -> dict[str, SessionId]:
    """The ids of drop copies, by the names that they are read under."""
    return {one.name: one.id for one in config.sessions if one.is_drop_copy}


def session_settings(config: Config) -> dict[str, SessionSettings]:
    settings = {}
    for one in config.sessions:
        throttle = config.throttle_of(one)
        settings[one.name] = SessionSettings(
            one.id,
            throttle.commands_per_second,
            throttle.commands_burst,
            throttle.cancels_per_second,
            throttle.cancels_burst,
        )
    return settings

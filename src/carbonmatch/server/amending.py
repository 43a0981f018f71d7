"""Changes of the configuration by operators: held against the whole of it, and turned into definitions.

The engine keeps what was changed (`matching.steering.amendments`), so that a restart goes on with it; here
is what it comes to with the file. Nothing here waits: what is found holds for the entry that follows.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

from msgspec import structs

from carbonmatch.config import Config, ConfigError
from carbonmatch.config.amending import (
    Change,
    TableKey,
    as_json,
    change_of,
    of_file,
    puts,
    table_of,
    tables_in,
    throttled,
    with_amendments,
)
from carbonmatch.config.schema import Instrument, Key, Session, Throttle, may_log_on
from carbonmatch.limits import (
    AMENDMENT_BYTES_MAX,
    AMENDMENT_CHANGES_MAX,
    AMENDMENT_CHARS_MAX,
    AMENDMENT_DEFINITIONS_MAX,
    AMENDMENTS_MAX,
)
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import (
    AmendedTable,
    AmendmentCommand,
    DefineComposite,
    DefineInstrument,
    DropAmendment,
    OnAmendment,
    PutTables,
    SetThrottle,
    TableKind,
    VenueCommand,
)
from carbonmatch.protocol.codec import encode
from carbonmatch.protocol.messages import Logon
from carbonmatch.server.changes import changes
from carbonmatch.server.configured import changed_definitions, drop_copies
from carbonmatch.server.steering import result


def amended_tables(engine: Engine) -> dict[TableKey, str]:
    """What operators have changed and is in force, as JSON."""
    return {key: amended.table for key, amended in engine.venue.amendments.items()}


def in_force(file: Config, engine: Engine) -> Config:
    """The file, and what operators have changed of it. Raises ConfigError where they do not fit together."""
    overruled = {(drop.kind, drop.name) for drop in overruled_amendments(file, engine)}
    kept = {key: table for key, table in amended_tables(engine).items() if key not in overruled}
    try:
        return with_amendments(file, kept)
    except ConfigError as error:
        raise ConfigError(
            "with what operators have changed (`carbonmatch admin amendments`; a table of the same name in "
            f"the file overrules it): {problem}"
            for problem in error.problems
        ) from error


def overruled_amendments(file: Config, engine: Engine) -> list[DropAmendment]:
    """Those of tables of which the file says something else than when they were changed."""
    return [
        DropAmendment(kind, name)
        for (kind, name), amended in sorted(engine.venue.amendments.items())
        if of_file(file, kind, name) != amended.of_file
    ]


class Amending:
    """What a command comes to. `has_drop_copies`: whether anybody could log on to a drop copy."""

    def __init__(self, file: Config, engine: Engine, *, has_drop_copies: bool) -> None:
        self._file = file
        self._engine = engine
        self._has_drop_copies = has_drop_copies

    def found(self, command: AmendmentCommand, now: Config, logon: Logon) -> OnAmendment:
        """The command with all that follows from it; `logon` is that of the operator."""
        try:
            asked = self._asked(command, now)
            config = with_amendments(self._file, self._with(asked))
            if problems := [*self._problems(asked, config, logon)]:
                raise ConfigError(problems)
            definitions = self._definitions(asked, config)
            found = self._made(command, asked, now, config, definitions)
        except ConfigError as error:
            return refused(command, error.problems)
        if len(definitions) > AMENDMENT_DEFINITIONS_MAX or len(encode([found])) > AMENDMENT_BYTES_MAX:
            return refused(command, ["more follows from it than one command does; expected it in the file"])
        return found

    def _asked(self, command: AmendmentCommand, now: Config) -> list[Change]:
        if isinstance(command, PutTables):
            return puts(tables_in(command.tables, self._file), self._file)
        if isinstance(command, SetThrottle):
            throttle = Throttle(
                command.commands_per_second,
                command.commands_burst,
                command.cancels_per_second,
                command.cancels_burst,
            )
            return [throttled(command.session, throttle, self._file, now)]
        return [change_of(command.kind, command.name, command.action, self._file, now)]

    def _with(self, asked: Iterable[Change]) -> dict[TableKey, str]:
        amendments = amended_tables(self._engine)
        for change in asked:
            amendments.pop((change.kind, change.name), None)
            if change.is_amended:
                amendments[change.kind, change.name] = as_json(change.table)
        return amendments

    def _definitions(self, asked: list[Change], config: Config) -> list[VenueCommand]:
        """Instruments of the file that wait for the next start are none of it."""
        symbols = {change.name for change in asked if change.kind is TableKind.INSTRUMENT}
        instruments = tuple(one for one in config.instruments if one.symbol in symbols)
        only = structs.replace(config, instruments=instruments, composites=())
        definitions = changed_definitions(only, self._engine)
        return [one for one in definitions if not isinstance(one, DefineComposite)]

    def _made(
        self,
        command: AmendmentCommand,
        asked: list[Change],
        now: Config,
        config: Config,
        definitions: list[VenueCommand],
    ) -> OnAmendment:
        lines = [
            *_instrument_lines(definitions),
            *changes(now, config, definitions, self._engine, at_once=True),
        ]
        amended = tuple(
            AmendedTable(
                one.kind,
                one.name,
                one.is_amended,
                as_json(one.table) if one.is_amended else "",
                of_file(self._file, one.kind, one.name) if one.is_amended else b"",
            )
            for one in asked
        )
        told = result(applied=True, lines=lines or ["nothing has changed"])
        return OnAmendment(command, True, amended, tuple(definitions), told.lines)  # type: ignore[arg-type]

    # --- what stands against it --------------------------------------------------------------------

    def _problems(self, asked: list[Change], config: Config, logon: Logon) -> Iterator[str]:
        names = [(change.kind, change.name) for change in asked]
        if len(set(names)) < len(names):
            yield "found two tables of one name, expected each once"
        if len(asked) > AMENDMENT_CHANGES_MAX:
            yield f"found {len(asked)} tables, expected {AMENDMENT_CHANGES_MAX} at most"
        if len(self._with(asked)) > AMENDMENTS_MAX:
            yield f"found {AMENDMENTS_MAX} changed tables, expected fewer: take them over into the file"
        if drop_copies(config) and not self._has_drop_copies:
            yield "found the first drop copy; expected one in the file before: its listener opens at a start"
        yield from chain.from_iterable(self._table_problems(change) for change in asked)
        yield from _own_problems(config, logon)

    def _table_problems(self, change: Change) -> Iterator[str]:
        table = change.table
        if change.is_amended and len(as_json(table)) > AMENDMENT_CHARS_MAX:
            yield f"{change.name}: a table of more than {AMENDMENT_CHARS_MAX} characters"
        if change.kind is TableKind.INSTRUMENT:
            counts = table if change.is_amended else table_of(self._file, change.kind, change.name)
            yield from self._instrument_problems(change.name, counts)
        elif isinstance(table, Session):
            yield from self._session_problems(table)

    def _instrument_problems(self, symbol: str, table: object) -> Iterator[str]:
        """A number and a symbol stay with each other, and nothing leaves the market but what is delisted."""
        for number, book in self._engine.books.items():
            definition = book.instrument.definition
            if isinstance(table, Instrument) and (table.id == number) != (symbol == definition.symbol):
                yield (
                    f"instrument {symbol!r}: found id {table.id}, and {definition.symbol!r} has {number}; "
                    "expected a symbol and a number that had no other meaning"
                )
            elif table is None and symbol == definition.symbol and not definition.delisted:
                yield f"instrument {symbol!r}: it is listed; expected it to be delisted before"

    def _session_problems(self, table: Session) -> Iterator[str]:
        engine = self._engine
        names = {number: state.name for number, state in engine.sessions.items()}
        names |= {number: copy.name for number, copy in engine.drop_copies.items()}
        for number, name in names.items():
            if (table.id == number) != (table.name == name):
                yield (
                    f"session {table.name!r}: found id {table.id}, and {name!r} has {number}; expected a "
                    "name and a number that had no other meaning: a stream keeps its own"
                )


def refused(command: AmendmentCommand, problems: Iterable[str]) -> OnAmendment:
    """The command, of which nothing comes."""
    return OnAmendment(command, False, lines=result(applied=False, lines=list(problems)).lines)


def _own_problems(config: Config, logon: Logon) -> Iterator[str]:
    """Whoever shuts himself out cannot undo it."""
    key = table_of(config, TableKind.KEY, logon.key_id)
    session = table_of(config, TableKind.SESSION, logon.session)
    admitted = isinstance(key, Key) and isinstance(session, Session) and may_log_on(key, session, logon.role)
    if not admitted:
        yield (
            f"the session {logon.session!r} of this command could not log on with {logon.key_id!r} any more; "
            "expected another operator to do it"
        )


def _instrument_lines(definitions: list[VenueCommand]) -> Iterator[str]:
    for command in definitions:
        if isinstance(command, DefineInstrument):
            is_out = command.definition.delisted
            yield f"instrument {command.definition.symbol}{': delisted' if is_out else ''}"

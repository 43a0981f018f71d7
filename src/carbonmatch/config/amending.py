"""Tables that operators change while a venue runs: what a file and these changes come to together.

A change is the whole table as it is to count, and holds as long as the file says of it what it said then.
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from re import match
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import structs

from carbonmatch.config.checks import check
from carbonmatch.config.errors import ConfigError
from carbonmatch.config.profiles import taken_into
from carbonmatch.config.reading import read_section, toml_table
from carbonmatch.config.schema import Config, Instrument, Key, Participant, Session, Throttle
from carbonmatch.config.section import Section
from carbonmatch.matching.messages import TableAction, TableKind

Table = Instrument | Participant | Session | Key
TableKey = tuple[TableKind, str]

_DIGEST_BYTES: Final = 16


class _Of(NamedTuple):
    """Where tables of a kind stand in a configuration, and how one is switched off."""

    section: str
    table: type[Section]
    name: str
    switch: str


_OF: Final[Mapping[TableKind, _Of]] = {
    TableKind.INSTRUMENT: _Of("instruments", Instrument, "symbol", "delisted"),
    TableKind.PARTICIPANT: _Of("participants", Participant, "name", "disabled"),
    TableKind.SESSION: _Of("sessions", Session, "name", "disabled"),
    TableKind.KEY: _Of("keys", Key, "id", "disabled"),
}


class Tables(Section, frozen=True):
    """What a file of an operator's may hold."""

    instruments: tuple[Instrument, ...] = ()
    participants: tuple[Participant, ...] = ()
    sessions: tuple[Session, ...] = ()
    keys: tuple[Key, ...] = ()


class Change(NamedTuple):
    """`table` None: there is none; `is_amended` False: as in the file."""

    kind: TableKind
    name: str
    is_amended: bool
    table: Table | None


# --- what is asked for ----------------------------------------------------------------------------


def tables_in(text: str, file: Config) -> list[tuple[TableKind, Table]]:
    """The tables in an operator's TOML. Raises ConfigError with all that is wrong with them by themselves.

    An instrument may be `like` one of the profiles that the venue's own file takes.
    """
    table = toml_table(text, "the tables")
    problems = [
        f"{name}: unknown here; known are {', '.join(one.section for one in _OF.values())}"
        for name in table
        if name not in Tables.__struct_fields__
    ]
    own = table.get("instruments", [])
    if isinstance(own, list) and own:
        taken = taken_into({"profiles": list(file.profiles), "instruments": own})
        problems += taken.problems
        table["instruments"] = taken.table["instruments"][: len(own)]
    tables = None if problems else read_section(Tables, table, problems)
    if tables is None:
        raise ConfigError(problems)
    found = [(kind, one) for kind, of in _OF.items() for one in getattr(tables, of.section)]
    if not found:
        raise ConfigError(["found no table; expected one at least"])
    return found


def puts(tables: Iterable[tuple[TableKind, Table]], file: Config) -> list[Change]:
    """What it is that these tables count from now on."""
    return [_as_it_is(kind, _name_of(kind, one), one, file) for kind, one in tables]


def throttled(name: str, throttle: Throttle, file: Config, now: Config) -> Change:
    """The session with that throttle of its own. Raises ConfigError where there is none of that name."""
    table = _there(TableKind.SESSION, name, now)
    return _as_it_is(TableKind.SESSION, name, structs.replace(table, throttle=throttle), file)


def change_of(kind: TableKind, name: str, action: TableAction, file: Config, now: Config) -> Change:
    """What an action makes of a table, as it is `now`. Raises ConfigError where there is no such table."""
    if action is TableAction.RESTORE:
        return Change(kind, name, False, None)
    table = _there(kind, name, now)
    if action is TableAction.REMOVE:
        return _as_it_is(kind, name, None, file)
    is_off = action is TableAction.DISABLE
    return _as_it_is(kind, name, structs.replace(table, **{_OF[kind].switch: is_off}), file)


# --- what it comes to -----------------------------------------------------------------------------


def with_amendments(file: Config, amendments: Mapping[TableKey, str]) -> Config:
    """The configuration that counts; `amendments` are JSON, empty for what is removed.

    Raises ConfigError where they do not fit together, with names in place of places.
    """
    config = file
    for kind, of in _OF.items():
        changed = {name: text for (one, name), text in sorted(amendments.items()) if one is kind}
        if changed:
            config = structs.replace(
                config, **{of.section: _merged(kind, getattr(file, of.section), changed)}
            )
    if config is not file and (problems := check(config)):
        raise ConfigError(_by_name(config, problem) for problem in problems)
    return config


def as_json(table: Table | None) -> str:
    """What `with_amendments` reads."""
    return "" if table is None else msgspec.json.encode(_said(table)).decode()


def of_file(file: Config, kind: TableKind, name: str) -> bytes:
    """A digest of what the file says of a table; empty where it has none."""
    table = table_of(file, kind, name)
    if table is None:
        return b""
    return blake2b(msgspec.json.encode(_said(table)), digest_size=_DIGEST_BYTES).digest()


def _said(value: Any) -> Any:
    """Without what is as it would be anyway: a later version knows more words, and the file is the same."""
    if isinstance(value, Section):
        fields = structs.fields(value)
        found = {field.name: (getattr(value, field.name), field.default) for field in fields}
        return {name: _said(one) for name, (one, default) in found.items() if one != default}
    return [_said(one) for one in value] if isinstance(value, tuple) else value


def table_of(config: Config, kind: TableKind, name: str) -> Table | None:
    return next((one for one in getattr(config, _OF[kind].section) if _name_of(kind, one) == name), None)


def _there(kind: TableKind, name: str, config: Config) -> Any:
    table = table_of(config, kind, name)
    if table is None:
        there = ", ".join(sorted(_name_of(kind, one) for one in getattr(config, _OF[kind].section))) or "none"
        raise ConfigError([f"there is no {kind.name.lower()} {name!r}; there are {there[:80]}"])
    return table


def _as_it_is(kind: TableKind, name: str, table: Table | None, file: Config) -> Change:
    """Whatever the file says itself is no change of it."""
    return Change(kind, name, table != table_of(file, kind, name), table)


def _name_of(kind: TableKind, table: Table) -> str:
    name: str = getattr(table, _OF[kind].name)
    return name


def _merged(kind: TableKind, tables: Iterable[Table], changed: Mapping[str, str]) -> tuple[Table, ...]:
    """Each in its place, new ones behind them."""
    left = dict(changed)
    merged = []
    for one in tables:
        text = left.pop(_name_of(kind, one), None)
        if text is None:
            merged.append(one)
        elif text:
            merged.append(_decoded(kind, text))
    return (*merged, *(_decoded(kind, text) for text in left.values() if text))


def _decoded(kind: TableKind, text: str) -> Any:
    """What another version has written may have words that this one does not know: ConfigError."""
    try:
        return msgspec.json.decode(text, type=_OF[kind].table)
    except msgspec.ValidationError as error:
        problem = f"a table that an operator has changed: {error}, found {text[:60]!r}"
        raise ConfigError([f"{_OF[kind].section}: {problem}"]) from error


def _by_name(config: Config, problem: str) -> str:
    """`sessions[12].key: ...` says nothing to somebody whose own file has one session."""
    place = match(r"(\w+)\[(\d+)\]\.?", problem)
    for kind, of in _OF.items():
        if place is not None and of.section == place[1]:
            name = _name_of(kind, getattr(config, of.section)[int(place[2])])
            return f"{kind.name.lower()} {name!r}: {problem[place.end() :]}"
    return problem

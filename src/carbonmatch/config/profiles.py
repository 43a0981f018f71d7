"""Market profiles: calendars, schedules and instruments that are shipped, and taken into a file by name.

A profile is a file of `carbonmatch/profiles`, with the tables that a configuration has and a header that
says how surely each of its rules is known. `taken_into` makes one table of them and of a venue's own:
what the venue adjusts in them, and what is like one of theirs, is resolved there and nowhere else.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec
from msgspec import Struct

from carbonmatch.config.errors import ConfigError
from carbonmatch.config.evidence import Evidence, RuleName
from carbonmatch.config.section import Section

_DIRECTORY: Final = files("carbonmatch") / "profiles"

# The tables that a profile may have, and what each of them goes by.
_GOES_BY: Final = {"calendars": "name", "schedules": "name", "composites": "symbol", "instruments": "symbol"}
_Table = dict[str, Any]
_Adjustments = dict[str, dict[str, Any]]
_Tables = dict[str, dict[str, _Table]]


class Adjust(Section, frozen=True):
    """What a venue says otherwise than its profiles: by the word that each of their tables goes by."""

    calendars: _Adjustments = {}
    schedules: _Adjustments = {}
    composites: _Adjustments = {}
    instruments: _Adjustments = {}


class Profile(Struct, frozen=True):
    """One market as shipped."""

    name: str
    title: str
    # First and last of the numbers that its instruments and composites may have, now or in later versions.
    ids: tuple[int, int]
    sources: tuple[str, ...]
    rules: dict[RuleName, Evidence]
    # By the word that each table goes by, in the order of the file.
    tables: _Tables


class _Header(Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    ids: tuple[int, int]
    sources: tuple[str, ...]
    rules: dict[RuleName, Evidence]
    # Of calendars.toml: several markets of a country have one calendar.
    calendars: tuple[str, ...] = ()


class Taken(Struct, frozen=True):
    """A file and its profiles as one table. `origins`: what to adjust, by list and place."""

    table: _Table
    origins: dict[tuple[str, int], str]
    problems: list[str]

    def named(self, problem: str) -> str:
        """The problem, with the key that mends it where it is in a table of a profile."""
        place = re.match(r"(\w+)\[(\d+)\]", problem)
        origin = place and self.origins.get((place[1], int(place[2])))
        return f"{origin}{problem[place.end() :]}" if place and origin else problem


def profile_names() -> list[str]:
    return sorted(
        one.name.removesuffix(".toml")
        for one in _DIRECTORY.iterdir()
        if one.name.endswith(".toml") and one.name != "calendars.toml"
    )


def profile_text(name: str) -> str:
    """The file as shipped, with its comments; ConfigError where there is none of that name."""
    if name not in profile_names():
        raise ConfigError([f"there is no profile {name!r}; there are {', '.join(profile_names())}"])
    return (_DIRECTORY / f"{name}.toml").read_text(encoding="utf-8")


@cache
def profile_named(name: str) -> Profile:
    """As shipped: a mistake in one is ours. ConfigError where there is none of that name."""
    table = tomllib.loads(profile_text(name))
    header = msgspec.convert(table.pop("profile"), _Header)
    common = table.pop("instrument", {})
    calendars = _calendars()
    assert set(table) <= set(_GOES_BY), f"profile {name}: expected {', '.join(_GOES_BY)}, found {set(table)}"
    tables = {kind: {one[word]: one for one in table.get(kind, [])} for kind, word in _GOES_BY.items()}
    for calendar in header.calendars:
        tables["calendars"][calendar] = calendars[calendar]
    tables["instruments"] = {symbol: _over(common, one) for symbol, one in tables["instruments"].items()}
    return Profile(name, header.title, header.ids, header.sources, header.rules, tables)


def taken_into(table: _Table) -> Taken:
    """The tables of a file with those of its `profiles` behind its own, and whatever stands against that."""
    names = table.get("profiles", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        # Whoever reads the key says what is wrong with it.
        return Taken(table, {}, [])
    problems: list[str] = []
    profiles = _profiles(names, problems)
    tables = _adjusted(_tables_of(profiles), table.get("adjust", {}), problems)
    taken = dict(table)
    origins = {}
    for kind, theirs in tables.items():
        ours = table.get(kind, [])
        if not isinstance(ours, list):
            continue
        problems += _clashes(kind, ours, profiles)
        if kind == "instruments":
            ours = _likened(ours, theirs, problems)
        if ours or theirs:
            taken[kind] = [*ours, *theirs.values()]
        for place, key in enumerate(theirs, len(ours)):
            origins[kind, place] = f"adjust.{kind}.{key}"
    return Taken(taken, origins, problems)


@cache
def _calendars() -> dict[str, _Table]:
    text = (_DIRECTORY / "calendars.toml").read_text(encoding="utf-8")
    return {one["name"]: one for one in tomllib.loads(text)["calendars"]}


def _profiles(names: list[str], problems: list[str]) -> list[Profile]:
    profiles = []
    for place, name in enumerate(names):
        if name in names[:place]:
            problems.append(f"profiles[{place}]: {name!r} is there twice")
            continue
        try:
            profiles.append(profile_named(name))
        except ConfigError as error:
            problems += [f"profiles[{place}]: {problem}" for problem in error.problems]
    return profiles


def _tables_of(profiles: Iterable[Profile]) -> _Tables:
    """Together. What several of them have is the same calendar: all else of profiles has names of its own."""
    return {
        kind: {key: one for each in profiles for key, one in each.tables[kind].items()} for kind in _GOES_BY
    }


def _adjusted(tables: _Tables, adjust: Any, problems: list[str]) -> _Tables:
    """The tables of the profiles, with what the venue says otherwise."""
    if not isinstance(adjust, dict):
        return tables
    adjusted = {kind: dict(by_key) for kind, by_key in tables.items()}
    for kind, changes in adjust.items():
        # What is not a table is told where the key is read.
        for key, change in changes.items() if isinstance(changes, dict) and kind in tables else ():
            at = f"adjust.{kind}.{key}"
            if key not in tables[kind]:
                problems.append(f"{at}: {_not_there(kind, key, tables)}")
            elif isinstance(change, dict):
                problems += [
                    f"{at}.{word}: stays as the profile has it; for another one, make one of your own"
                    for word in ("id", "symbol", "name")
                    if word in change
                ]
                adjusted[kind][key] = _over(tables[kind][key], change)
    return adjusted


def _likened(ours: list[Any], theirs: Mapping[str, _Table], problems: list[str]) -> list[Any]:
    """Instruments of the file; one that is like one of a profile has all that it does not say from there."""
    likened = []
    for place, one in enumerate(ours):
        model = one.get("like") if isinstance(one, dict) else None
        if isinstance(model, str):
            if model in theirs:
                own = {key: value for key, value in one.items() if key != "like"}
                one = _over({**theirs[model], "id": None, "symbol": None}, own)
                one = {key: value for key, value in one.items() if value is not None}
            else:
                problems.append(
                    f"instruments[{place}].like: {_not_there('instruments', model, {'instruments': theirs})}"
                )
        likened.append(one)
    return likened


def _not_there(kind: str, key: str, tables: Mapping[str, Mapping[str, _Table]]) -> str:
    there = ", ".join(tables[kind]) or "none"
    return f"the profiles of this file have no {kind.removesuffix('s')} {key!r}; they have {there}"


def _clashes(kind: str, ours: Iterable[Any], profiles: Iterable[Profile]) -> Iterator[str]:
    word = _GOES_BY[kind]
    for place, one in enumerate(ours):
        if not isinstance(one, dict):
            continue
        name, number = one.get(word), one.get("id")
        for profile in profiles:
            if isinstance(name, str) and name in profile.tables[kind]:
                yield (
                    f"{kind}[{place}].{word}: profile {profile.name} has {name!r}; change that in "
                    f"[adjust.{kind}.{name}], or give yours another {word}"
                )
            first, last = profile.ids
            if isinstance(number, int) and first <= number <= last:
                yield f"{kind}[{place}].id: {number}; {first} to {last} belong to profile {profile.name}"


def _over(base: _Table, change: _Table) -> _Table:
    """`base` with what `change` says; tables in them likewise, everything else as a whole."""
    merged = dict(base)
    for key, value in change.items():
        below = base.get(key)
        merged[key] = _over(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged

"""TOML text and environment -> `Config`, or all that is wrong with them in words."""

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar, get_args, get_origin

import msgspec
from msgspec import Meta, structs

from carbonmatch.config.certificates import tls_problems
from carbonmatch.config.checks import check
from carbonmatch.config.errors import ConfigError
from carbonmatch.config.profiles import taken_into
from carbonmatch.config.schema import Config, Tls, TlsFiles
from carbonmatch.config.section import OneOrMore, Section
from carbonmatch.config.settlement import settlement_problems

# The environment moves things about, for containers and tests; it cannot change the market.
CONFIG_VARIABLE: Final = "CARBONMATCH_CONFIG"
DATA_DIRECTORY_VARIABLE: Final = "CARBONMATCH_DATA_DIR"
PORT_VARIABLES: Final = {
    "order_entry": "CARBONMATCH_ORDER_ENTRY_PORT",
    "market_data": "CARBONMATCH_MARKET_DATA_PORT",
    "drop_copy": "CARBONMATCH_DROP_COPY_PORT",
    "ops": "CARBONMATCH_OPS_PORT",
}

_SHOWN_CHARS_MAX: Final = 80


def load(path: Path) -> Config:
    """The checked configuration in the file.

    Relative paths in it are relative to the file, so that a service finds its journal and its
    certificates from wherever it is started. Certificates and keys are looked at.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: not UTF-8 at byte {error.start}"]) from error
    config = parse(text, path.name)
    config = structs.replace(config, tls=_beside(path.parent, config.tls))
    if problems := tls_problems(config):
        raise ConfigError(f"{path.name}: {problem}" for problem in problems)
    if config.settlement.directory:
        directory = str(path.parent / config.settlement.directory)
        config = structs.replace(config, settlement=structs.replace(config.settlement, directory=directory))
    return with_directory(config, path.parent / config.journal.directory)


_Tls = TypeVar("_Tls", Tls, TlsFiles)


def _beside(directory: Path, tls: _Tls) -> _Tls:
    """The same files, named from wherever the process is."""
    changed: dict[str, Any] = {}
    for name in tls.__struct_fields__:
        value = getattr(tls, name)
        if isinstance(value, TlsFiles):
            changed[name] = _beside(directory, value)
        elif value:
            changed[name] = str(directory / value)
    return structs.replace(tls, **changed)


def parse(text: str, file: str) -> Config:
    """The checked configuration in `text`; `file` names it in messages."""
    taken = taken_into(toml_table(text, file))
    problems = list(taken.problems)
    config = _read(Config, taken.table, "", problems)
    if not problems:
        problems = check(config)
    if problems:
        raise ConfigError(f"{file}: {taken.named(problem)}" for problem in problems)
    assert isinstance(config, Config)
    return config


def toml_table(text: str, file: str) -> dict[str, Any]:
    """What TOML says; ConfigError where it is none."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{file}: {str(error)[0].lower()}{str(error)[1:]}"]) from error
    except ValueError as error:
        # A number of more digits than Python converts is no TOMLDecodeError.
        raise ConfigError([f"{file}: {error}"]) from error
    except RecursionError as error:
        raise ConfigError([f"{file}: arrays or tables nested too deeply"]) from error


def read_section(wanted: type[Section], table: dict[str, Any], problems: list[str]) -> Any:
    """The table as that section; where it is none, None, and what is wrong in `problems`."""
    return _read_section(wanted, table, "", problems)


def with_environment(config: Config, environment: Mapping[str, str]) -> Config:
    """`config` with the data directory and the ports that the environment gives."""
    addresses = {}
    for listener, variable in PORT_VARIABLES.items():
        port = environment.get(variable)
        if port:
            host = getattr(config.listen, listener).rpartition(":")[0]
            addresses[listener] = f"{host}:{port}"
    config = structs.replace(config, listen=structs.replace(config.listen, **addresses))
    if problems := check(config):
        raise ConfigError(f"with the environment: {problem}" for problem in problems)
    directory = environment.get(DATA_DIRECTORY_VARIABLE)
    return with_directory(config, Path(directory)) if directory else config


def with_addresses(config: Config, **addresses: str | None) -> Config:
    """`config` with those listeners moved (order_entry, ops, ...) that are given an address."""
    given = {listener: address for listener, address in addresses.items() if address is not None}
    config = structs.replace(config, listen=structs.replace(config.listen, **given))
    if problems := check(config):
        raise ConfigError(problems)
    return config


def with_follower(config: Config, **values: str | int | None) -> Config:
    """`config` with those keys of the follower that are given a value."""
    given = {name: value for name, value in values.items() if value is not None}
    config = structs.replace(config, follower=structs.replace(config.follower, **given))
    if problems := check(config):
        raise ConfigError(problems)
    return config


def with_directory(config: Config, directory: Path) -> Config:
    """The same with its journal there. Raises ConfigError where settlement files go there."""
    if problems := [*settlement_problems(config.settlement, str(directory))]:
        raise ConfigError(problems)
    return structs.replace(config, journal=structs.replace(config.journal, directory=str(directory)))


# --- tables into sections -------------------------------------------------------------------------
# msgspec stops at the first mistake. Here every key is converted by itself, so that people can mend a
# file in one go; and it can say which known key an unknown one is close to.


def _read(wanted: Any, value: Any, at: str, problems: list[str]) -> Any:
    """`value` as `wanted`; where it is not, None, and what is wrong in `problems`."""
    section = _section_in(wanted)
    if section is not None and isinstance(value, dict):
        return _read_section(section, value, at, problems)
    if isinstance(value, list) and OneOrMore in getattr(wanted, "__metadata__", ()):
        wanted = get_args(wanted)[0]
        if not value:
            problems.append(f"{at}: found none, expected one or more; without the key there is no such limit")
            return None
    if get_origin(wanted) is tuple and isinstance(value, list):
        item = get_args(wanted)[0]
        return tuple(_read(item, one, f"{at}[{index}]", problems) for index, one in enumerate(value))
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError as error:
        problems.append(f"{at}: {_in_words(wanted, value, error)}")
        return None


def _read_section(wanted: type[Section], table: dict[str, Any], at: str, problems: list[str]) -> Any:
    before = len(problems)
    fields = structs.fields(wanted)
    values = {}
    for field in fields:
        key = f"{at}.{field.name}" if at else field.name
        if field.name in table:
            values[field.name] = _read(field.type, table[field.name], key, problems)
        elif field.required:
            problems.append(f"{key}: missing")
    known = [field.name for field in fields]
    for name in table:
        if name in known:
            continue
        key = f"{at}.{name}" if at else name
        close = get_close_matches(name, known, n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else f"known here: {', '.join(known)}"
        problems.append(f"{key}: unknown key; {hint}")
    return wanted(**values) if len(problems) == before else None


def _section_in(wanted: Any) -> type[Section] | None:
    """The section in `Section` or `Section | None`."""
    for one in (wanted, *get_args(wanted)):
        if isinstance(one, type) and issubclass(one, Section):
            return one
    return None


def _in_words(wanted: Any, value: Any, error: msgspec.ValidationError) -> str:
    if isinstance(value, str):
        if get_origin(wanted) is Literal:
            return f"expected one of {', '.join(get_args(wanted))}, found {_shown(value)}"
        if get_origin(wanted) is Annotated:
            for meta in wanted.__metadata__:
                if isinstance(meta, Meta) and meta.description:
                    return f"expected {meta.description}, found {_shown(value)}"
    # What msgspec calls an object is a table to people who write TOML.
    text = str(error).partition(" - at `")[0].replace(", got ", ", found ").replace("`object`", "a table")
    found = "" if "found" in text else f", found {_shown(value)}"
    return f"{text[0].lower()}{text[1:]}{found}"


def _shown(value: Any) -> str:
    """As much of a value as a person needs to find it."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return f"a {type(value).__name__} too large to show"
    return text if len(text) <= _SHOWN_CHARS_MAX else f"{text[:_SHOWN_CHARS_MAX]}..."

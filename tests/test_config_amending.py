"""Tables that operators change: what is read, what is kept, and what it comes to with the file."""

import pytest
from msgspec import structs

from carbonmatch.config import Config, ConfigError, key_commands, parse, venue_commands
from carbonmatch.config.amending import (
    as_json,
    change_of,
    of_file,
    puts,
    table_of,
    tables_in,
    with_amendments,
)
from carbonmatch.config.words import in_words
from carbonmatch.demo_market import GATEWAY_KEY_ID, demo_config, gateway_session
from carbonmatch.matching.messages import DefineKey, DefineSession, TableAction, TableKind

FILE = demo_config(gateways=2, companies=4)
NAME = gateway_session(1)
SESSION = (TableKind.SESSION, NAME)
KAU = 'id = 900\nsymbol = "KAU"\ncurrency = "KRW"\ntick_value_minor = 1\nprice_decimals = 0\nlot_tonnes = 1\n'


def problems(text: str, file: Config = FILE) -> list[str]:
    with pytest.raises(ConfigError) as error:
        tables_in(text, file)
    return list(error.value.problems)


def test_a_table_keeps_its_place_and_a_new_one_comes_behind() -> None:
    session = table_of(FILE, *SESSION)
    assert session is not None
    first = FILE.sessions[0]
    other = structs.replace(first, name="zz", id=4000)
    config = with_amendments(
        FILE,
        {
            SESSION: as_json(structs.replace(session, disabled=True)),
            (TableKind.SESSION, "zz"): as_json(other),
        },
    )
    assert [one.name for one in config.sessions] == [*(one.name for one in FILE.sessions), "zz"]
    assert table_of(config, *SESSION) == structs.replace(session, disabled=True)
    assert with_amendments(FILE, {}) is FILE


def test_what_is_removed_is_gone_and_what_then_has_a_hole_is_said_by_name() -> None:
    name = FILE.participants[0].name
    with pytest.raises(ConfigError, match=f"session '{NAME}': accounts: there is no account 1"):
        with_amendments(FILE, {(TableKind.PARTICIPANT, name): ""})
    config = with_amendments(FILE, {SESSION: ""})
    assert table_of(config, *SESSION) is None


def test_a_table_is_kept_in_the_words_that_it_says_and_no_more() -> None:
    key = table_of(FILE, TableKind.KEY, GATEWAY_KEY_ID)
    assert key is not None
    assert "addresses" not in as_json(key)
    assert "disabled" not in as_json(key)
    assert as_json(None) == ""
    assert of_file(FILE, TableKind.KEY, "nobody") == b""
    assert len(of_file(FILE, TableKind.KEY, GATEWAY_KEY_ID)) == 16


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (TableKind.INSTRUMENT, FILE.instruments[0].symbol),
        (TableKind.PARTICIPANT, FILE.participants[0].name),
        (TableKind.SESSION, NAME),
        (TableKind.KEY, GATEWAY_KEY_ID),
    ],
)
def test_every_kind_is_switched_off_and_on_and_is_then_as_in_the_file(kind: TableKind, name: str) -> None:
    off = change_of(kind, name, TableAction.DISABLE, FILE, FILE)
    assert off.is_amended
    there = with_amendments(FILE, {(kind, name): as_json(off.table)})
    assert of_file(there, kind, name) != of_file(FILE, kind, name)
    assert "dis" in "\n".join(in_words(there)) or "delisted: " in "\n".join(in_words(there))
    on = change_of(kind, name, TableAction.ENABLE, FILE, there)
    assert not on.is_amended
    assert on.table == table_of(FILE, kind, name)
    assert change_of(kind, name, TableAction.REMOVE, FILE, there)[2:] == (True, None)
    assert change_of(kind, name, TableAction.RESTORE, FILE, there).is_amended is False


def test_what_is_switched_off_opens_nothing() -> None:
    def opened(config: Config) -> set[int]:
        commands = key_commands(config)
        assert all(isinstance(one, DefineKey) for one in commands)
        return {one.session_id for key in commands if key.key_id == GATEWAY_KEY_ID for one in key.sessions}

    assert 1 in opened(FILE)
    for kind, name in (SESSION, (TableKind.KEY, GATEWAY_KEY_ID)):
        off = change_of(kind, name, TableAction.DISABLE, FILE, FILE)
        assert 1 not in opened(with_amendments(FILE, {(kind, name): as_json(off.table)}))


def test_no_session_acts_for_a_disabled_participant() -> None:
    one = FILE.participants[0]
    off = change_of(TableKind.PARTICIPANT, one.name, TableAction.DISABLE, FILE, FILE)
    config = with_amendments(FILE, {(TableKind.PARTICIPANT, one.name): as_json(off.table)})
    held = {
        number
        for each in venue_commands(config)
        if isinstance(each, DefineSession)
        for number in each.account_ids
    }
    assert {account.id for account in one.accounts}.isdisjoint(held)
    assert {account.id for each in config.participants[1:] for account in each.accounts} == held


def test_tables_are_read_with_the_words_of_the_file() -> None:
    ((kind, table),) = tables_in(f"[[instruments]]\n{KAU}", FILE)
    assert kind is TableKind.INSTRUMENT
    (change,) = puts([(kind, table)], FILE)
    assert (change.name, change.is_amended, change.table) == ("KAU", True, table)
    same = table_of(FILE, *SESSION)
    assert same is not None
    assert not puts([(TableKind.SESSION, same)], FILE)[0].is_amended
    assert problems("[[instruments]]\nid = 1")[0] == "instruments[0].symbol: missing"
    assert problems("x = 1") == [
        "x: unknown here; known are instruments, participants, sessions, keys",
    ]
    assert problems("") == ["found no table; expected one at least"]
    assert problems("instruments = 5")[0].startswith("instruments: expected")
    assert problems("=")[0].startswith("the tables: ")


def test_an_instrument_may_be_like_one_of_the_profiles_of_the_file() -> None:
    file = parse('profiles = ["cea"]', "market.toml")
    model = file.instruments[0].symbol
    ((_, table),) = tables_in(f'[[instruments]]\nid = 60000\nsymbol = "MINE"\nlike = "{model}"', file)
    assert table.currency == "CNY"  # type: ignore[union-attr]
    assert (
        "profiles of this file have no instrument" in problems(f'[[instruments]]\n{KAU}like = "x"', file)[0]
    )


def test_what_another_version_has_written_is_said() -> None:
    with pytest.raises(ConfigError, match=r"sessions: a table that an operator has changed: .*`colour`"):
        with_amendments(FILE, {SESSION: '{"colour":1}'})

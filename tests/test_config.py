"""What a configuration may say, and the words for what it may not."""

# Tests write ids as plain numbers.
# mypy: disable-error-code="arg-type"

from pathlib import Path

import pytest
from msgspec import structs

from carbonmatch.config import (
    Config,
    ConfigError,
    Follower,
    Key,
    check,
    checks,
    configuration_digest,
    host_and_port,
    key_commands,
    load,
    may_log_on,
    parse,
    venue_commands,
    with_directory,
    with_environment,
    with_follower,
)
from carbonmatch.config.calendars import Calendar, Schedule, Step, StepPhaseName
from carbonmatch.config.schema import PhaseName, RoleName, SelfTradeKeyName, SelfTradePreventionName
from carbonmatch.config.settlement import Settlement
from carbonmatch.config.words import in_words
from carbonmatch.limits import KEY_ADDRESSES_MAX, KEY_SESSIONS_MAX
from carbonmatch.matching.messages import (
    AllowedFlag,
    DefineAccount,
    DefineDropCopy,
    DefineInstrument,
    DefineKey,
    DefineSession,
    InstrumentDefinition,
    KeySession,
    Phase,
    SelfTradeFlag,
    SelfTradeKey,
    SelfTradePrevention,
    SelfTradeRules,
)
from carbonmatch.protocol.messages import Role

MARKET = """
[venue]
server_id = "test-venue"

[[instruments]]
id = 2
symbol = "HBEA"
currency = "CNY"
tick_value_minor = 1
price_decimals = 2
lot_tonnes = 1

[[instruments]]
id = 1
symbol = "CEA24"
currency = "CNY"
tick_value_minor = 1
price_decimals = 2
lot_tonnes = 1
quantity_max_lots = 99999
reference_price_ticks = 4800
band_low_ticks = 4320
band_high_ticks = 5280
self_trade_prevention = "cancel_both"
opening_phase = "halted"

[[participants]]
id = 1
name = "Huaneng"
accounts = [{ id = 12, name = "HN-2" }, { id = 11, name = "HN-1" }]

[[participants]]
id = 2
name = "Datang"
accounts = [{ id = 10, name = "DT-1" }]

[[sessions]]
id = 7
name = "gateway"
key = "gateway-key"
roles = ["trade", "market_data"]
accounts = [12, 10]
throttle = { commands_per_second = 100, commands_burst = 200 }

[[sessions]]
id = 3
name = "control-room"
key = "control-key"
roles = ["operator"]

[[keys]]
id = "gateway-key"
public_key = "1111111111111111111111111111111111111111111111111111111111111111"

[[keys]]
id = "control-key"
public_key = "2222222222222222222222222222222222222222222222222222222222222222"
"""


def market(*replacements: tuple[str, str]) -> Config:
    return parse(changed(*replacements), "carbonmatch.toml")


def changed(*replacements: tuple[str, str]) -> str:
    text = MARKET
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "carbonmatch.toml")
    return [problem.removeprefix("carbonmatch.toml: ") for problem in caught.value.problems]


# --- what follows from a good one -----------------------------------------------------------------


def test_the_market_is_defined_in_the_order_of_ids() -> None:
    assert venue_commands(market()) == [
        DefineInstrument(
            InstrumentDefinition(
                instrument_id=1,
                symbol="CEA24",
                currency="CNY",
                tick_value_minor=1,
                price_decimals=2,
                lot_tonnes=1,
                quantity_max_lots=99_999,
                reference_price_ticks=4800,
                band_low_ticks=4320,
                band_high_ticks=5280,
                self_trade_prevention=SelfTradePrevention.CANCEL_BOTH,
                opening_phase=Phase.HALTED,
            )
        ),
        DefineInstrument(
            InstrumentDefinition(
                instrument_id=2,
                symbol="HBEA",
                currency="CNY",
                tick_value_minor=1,
                price_decimals=2,
                lot_tonnes=1,
            )
        ),
        DefineAccount(account_id=10, participant_id=2, name="DT-1"),
        DefineAccount(account_id=11, participant_id=1, name="HN-1"),
        DefineAccount(account_id=12, participant_id=1, name="HN-2"),
        DefineSession(session_id=3, name="control-room", account_ids=(), operator=True),
        DefineSession(session_id=7, name="gateway", account_ids=(12, 10), operator=False),
    ]


def test_what_an_instrument_allows_is_said_in_words() -> None:
    config = market(
        (
            'opening_phase = "halted"',
            'order_types = ["limit", "stop", "iceberg"]\ntimes_in_force = ["day", "gtd"]',
        )
    )
    definitions = [one.definition for one in venue_commands(config) if isinstance(one, DefineInstrument)]
    assert definitions[0].allowed == (
        AllowedFlag.LIMIT | AllowedFlag.STOP | AllowedFlag.ICEBERG | AllowedFlag.DAY | AllowedFlag.GTD
    )
    assert definitions[1].allowed == AllowedFlag.DEFAULT


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("order_types = []", "instruments[1].order_types: empty, so that no order could be entered"),
        ("times_in_force = []", "instruments[1].times_in_force: empty, so that no order could be entered"),
        (
            'times_in_force = ["day", "day"]',
            "instruments[1].times_in_force[1].word: 'day' is there twice",
        ),
    ],
)
def test_what_an_instrument_cannot_allow(words: str, problem: str) -> None:
    assert problems(changed(('opening_phase = "halted"', words))) == [problem]


def test_owners_groups_and_modes_of_self_trade_prevention_are_configured() -> None:
    config = market(
        (
            'opening_phase = "halted"',
            'self_trade = { key = "group", modes = ["cancel_both", "cancel_oldest"] }',
        ),
        ('name = "HN-1" }', 'name = "HN-1", group = 7 }'),
        ('name = "DT-1" }', 'name = "DT-1", group = 7 }'),
    )
    commands = venue_commands(config)
    assert [one.definition.self_trade for one in commands if isinstance(one, DefineInstrument)] == [
        SelfTradeRules(SelfTradeKey.GROUP, SelfTradeFlag.CANCEL_BOTH | SelfTradeFlag.CANCEL_OLDEST),
        SelfTradeRules(SelfTradeKey.PARTICIPANT, SelfTradeFlag.ALL),
    ]
    assert [(one.account_id, one.group_id) for one in commands if isinstance(one, DefineAccount)] == [
        (10, 7),
        (11, 7),
        (12, 0),
    ]
    words = in_words(config)
    assert words[7].endswith(
        "self-trades of a group of accounts: cancel_both unless an order asks for cancel_oldest"
    )
    assert words[8:10] == ["2 participants, 3 accounts", "  group 7: HN-1 of Huaneng, DT-1 of Datang"]


def test_an_instrument_with_one_mode_does_not_ask_orders() -> None:
    words = in_words(market(('opening_phase = "halted"', 'self_trade = { modes = ["cancel_both"] }')))
    assert words[7].endswith("self-trades of a participant: cancel_both whatever an order asks for")


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        (
            '{ modes = ["cancel_oldest", "none"] }',
            "instruments[1].self_trade.modes: expected cancel_both among them, which self_trade_prevention "
            "says, found cancel_oldest, none",
        ),
        (
            "{ modes = [] }",
            "instruments[1].self_trade.modes: expected cancel_both among them, which self_trade_prevention "
            "says, found none at all",
        ),
        (
            '{ modes = ["cancel_both", "cancel_both"] }',
            "instruments[1].self_trade.modes[1].word: 'cancel_both' is there twice",
        ),
        (
            '{ key = "firm" }',
            "instruments[1].self_trade.key: expected one of participant, account, group, found 'firm'",
        ),
    ],
)
def test_what_self_trade_prevention_cannot_be(rules: str, problem: str) -> None:
    assert problems(changed(('opening_phase = "halted"', f"self_trade = {rules}"))) == [problem]


def test_an_order_type_that_there_is_none_of_is_named() -> None:
    [problem] = problems(changed(('opening_phase = "halted"', 'order_types = ["at_open"]')))
    assert "order_types" in problem
    assert "at_open" in problem


def test_defaults_are_durable_and_on_loopback() -> None:
    config = parse("", "empty.toml")
    assert config.journal.sync == "always"
    assert config.listen.order_entry == "127.0.0.1:7400"
    assert config.listen.market_data == "127.0.0.1:7410"
    assert config.listen.ops == "127.0.0.1:7480"


def test_the_digest_is_that_of_the_market_alone() -> None:
    digest = configuration_digest(market())
    assert len(digest) == 32
    same = market(
        ('server_id = "test-venue"', 'server_id = "other"'),
        ("11111111", "99999999"),
        ("commands_burst = 200", "commands_burst = 300"),
    )
    assert configuration_digest(same) == digest
    reordered = structs.replace(market(), instruments=tuple(reversed(market().instruments)))
    assert configuration_digest(reordered) == digest
    other = market(("band_high_ticks = 5280", "band_high_ticks = 5281"))
    assert configuration_digest(other) != digest
    # The first account is the default, so their order counts.
    assert configuration_digest(market(("[12, 10]", "[10, 12]"))) != digest


def test_a_throttle_of_a_session_replaces_that_of_the_venue() -> None:
    config = parse("[throttle]\ncancels_per_second = 5\ncancels_burst = 5\n" + MARKET, "carbonmatch.toml")
    gateway, control_room = config.sessions
    assert config.throttle_of(gateway).commands_per_second == 100
    assert config.throttle_of(gateway).cancels_per_second == 0
    assert config.throttle_of(control_room).cancels_per_second == 5


def test_a_key_admits_what_both_it_and_its_session_may() -> None:
    config = market(("11111111", "33333333"))
    gateway, control_room = config.sessions
    key, control_key = config.keys
    assert may_log_on(key, gateway, Role.TRADE)
    assert not may_log_on(key, gateway, Role.OPERATOR)
    assert not may_log_on(key, control_room, Role.OPERATOR)
    assert not may_log_on(control_key, gateway, Role.TRADE)
    narrowed = structs.replace(key, roles=("market_data",))
    assert not may_log_on(narrowed, gateway, Role.TRADE)
    assert may_log_on(narrowed, gateway, Role.MARKET_DATA)


def test_a_second_key_admits_while_keys_are_changed() -> None:
    gateway = market().sessions[0]
    new_key = Key(id="new", public_key="33" * 32, sessions=("gateway",))
    assert may_log_on(new_key, gateway, Role.TRADE)


def test_a_drop_copy_shows_accounts_and_those_of_its_participants() -> None:
    config = market(('roles = ["operator"]', 'roles = ["drop_copy"]\naccounts = [10]\nparticipants = [1]'))
    assert venue_commands(config)[-2:] == [
        DefineDropCopy(3, "control-room", (10, 11, 12)),
        DefineSession(7, "gateway", (12, 10)),
    ]


def test_a_session_has_so_many_drop_copies_and_no_more() -> None:
    def copies(count: int) -> str:
        return "".join(
            f'[[sessions]]\nid = {id_}\nname = "copy-{id_}"\nkey = "control-key"\n'
            'roles = ["drop_copy"]\naccounts = [10]\n'
            for id_ in range(100, 100 + count)
        )

    assert len(parse(MARKET + copies(4), "carbonmatch.toml").sessions) == 6
    assert problems(MARKET + copies(5)) == [
        "sessions[0].accounts: 5 drop copies show accounts of this session, expected at most 4"
    ]


def test_the_drop_copies_of_a_venue_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "COPIED_STREAMS_MAX", 0)
    copy = ('roles = ["operator"]', 'roles = ["drop_copy"]\naccounts = [10]')
    assert problems(changed(copy)) == [
        "sessions: the drop copies together show the streams of 1 sessions, expected at most 0"
    ]


def test_keys_become_commands_in_the_order_of_their_ids() -> None:
    config = market(
        ('key = "control-key"', 'key = "gateway-key"'),
        ('1111"', '1111"\nexpires = 2026-12-31T23:59:59.5+08:00\naddresses = ["192.0.2.0/24"]'),
    )
    control, gateway = key_commands(config)
    assert control == DefineKey("control-key", bytes.fromhex("22" * 32), ())
    assert gateway == DefineKey(
        "gateway-key",
        bytes.fromhex("11" * 32),
        (KeySession(3, (4,)), KeySession(7, (1, 3))),
        1_798_732_799_500_000_000,
        ("192.0.2.0/24",),
    )


def test_keys_do_not_count_as_the_market() -> None:
    assert configuration_digest(market(("1111", "3333"))) == configuration_digest(market())


def test_a_key_has_bounds() -> None:
    config = market()
    sessions = tuple(
        structs.replace(config.sessions[1], id=number, name=f"s-{number}")
        for number in range(100, 101 + KEY_SESSIONS_MAX)
    )
    networks = tuple(f"10.0.{number}.0/24" for number in range(KEY_ADDRESSES_MAX + 1))
    gateway, control = config.keys
    assert check(
        structs.replace(
            config,
            sessions=(*config.sessions[:1], *sessions),
            keys=(structs.replace(gateway, addresses=networks), control),
        )
    ) == [
        f"keys[0].addresses: {KEY_ADDRESSES_MAX + 1} networks, expected at most {KEY_ADDRESSES_MAX}",
        f"keys[1]: {KEY_SESSIONS_MAX + 1} sessions use key 'control-key', "
        f"expected at most {KEY_SESSIONS_MAX}",
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            'addresses = ["192.0.2.1/24"]',
            "keys[1].addresses: expected a network like 192.0.2.0/24 or 2001:db8::/48, found '192.0.2.1/24' "
            "(192.0.2.1/24 has host bits set)",
        ),
        ("expires = 2026-12-31T23:59:59", "keys[1].expires: expected"),
        ("expires = 2026-12-31", "keys[1].expires: expected"),
        ("expires = 2999-01-01T00:00:00Z", "keys[1].expires: expected a time from 1970 to 2262"),
        ("expires = 1960-01-01T00:00:00Z", "keys[1].expires: expected a time from 1970 to 2262"),
    ],
)
def test_what_a_key_may_not_say(line: str, expected: str) -> None:
    (problem,) = problems(MARKET + line)
    assert problem.startswith(expected), problem


def test_every_name_of_an_enum_can_be_written() -> None:
    def names(literal: object) -> set[str]:
        return set(literal.__args__)  # type: ignore[attr-defined]

    assert names(RoleName) == {role.name.lower() for role in Role}
    # What trades bring an instrument into is nothing that a file can ask for.
    written = names(PhaseName) | names(StepPhaseName)
    assert written == {phase.name.lower() for phase in set(Phase) - {Phase.VOLATILITY_AUCTION}}
    modes = set(SelfTradePrevention) - {SelfTradePrevention.INSTRUMENT_DEFAULT}
    assert names(SelfTradePreventionName) == {mode.name.lower() for mode in modes}
    assert names(SelfTradeKeyName) == {key.name.lower() for key in SelfTradeKey}
    assert all(getattr(SelfTradeFlag, mode.name) == 1 << mode for mode in modes)


# --- every mistake, in words ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "tick_value_minor = 1",
            'tick_value_minor = "1"',
            "instruments[0].tick_value_minor: expected `int`, found `str`",
        ),
        ("id = 2", "id = 0", "instruments[0].id: expected `int` >= 1, found 0"),
        ("id = 2", "id = 65536", "instruments[0].id: expected `int` <= 65535, found 65536"),
        ("lot_tonnes = 1\n", "", "instruments[0].lot_tonnes: missing"),
        (
            '"CNY"',
            '"yuan"',
            "instruments[0].currency: expected three capital letters, like CNY, found 'yuan'",
        ),
        (
            '"HBEA"',
            '"HB EA"',
            "instruments[0].symbol: expected 1 to 32 letters, digits, '_', '.' or '-', found 'HB EA'",
        ),
        (
            '"cancel_both"',
            '"cancel"',
            "instruments[1].self_trade_prevention: expected one of none, cancel_newest, cancel_oldest, "
            "cancel_both, decrement, found 'cancel'",
        ),
        (
            "quantity_max_lots = 99999",
            "max_quantity_lots = 99999",
            "instruments[1].max_quantity_lots: unknown key; did you mean quantity_min_lots or "
            "quantity_max_lots or quantity_increment_lots?",
        ),
        (
            "server_id",
            "q",
            "venue.q: unknown key; known here: server_id, order_wait_ms",
        ),
        ('"operator"]', '"boss"]', "sessions[1].roles[0]: expected one of trade, drop_copy, market_data, "
         "operator, found 'boss'"),
        ("{ id = 10,", "{ id = -1,", "participants[1].accounts[0].id: expected `int` >= 1, found -1"),
        (
            '[{ id = 10, name = "DT-1" }]',
            "[10]",
            "participants[1].accounts[0]: expected a table, found `int`",
        ),
        (
            "commands_burst = 200",
            "commands_burst = true",
            "sessions[0].throttle.commands_burst: expected `int`, found `bool`",
        ),
        (
            "1111111111111111111111111111111111111111111111111111111111111111",
            "1111",
            "keys[0].public_key: expected 32 bytes as 64 hexadecimal digits in lower case, found '1111'",
        ),
        ("[venue]", "[venue", "expected ']' at the end of a table declaration (at line 2, column 7)"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_by_its_key(old: str, new: str, expected: str) -> None:
    assert problems(changed((old, new))) == [expected]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("id = 2", "id = 1", "instruments[1].id: 1 is there twice"),
        ('"HBEA"', '"CEA24"', "instruments[1].symbol: 'CEA24' is there twice"),
        ('"Datang"', '"Huaneng"', "participants[1].name: 'Huaneng' is there twice"),
        ('"DT-1"', '"HN-1"', "accounts[2].name: 'HN-1' is there twice"),
        ("id = 7", "id = 3", "sessions[1].id: 3 is there twice"),
        (
            "2222222222222222222222222222222222222222222222222222222222222222",
            "1111111111111111111111111111111111111111111111111111111111111111",
            "keys[1].public_key: '1111111111111111111111111111111111111111111111111111111111111111' "
            "is there twice",
        ),
        ("[12, 10]", "[12, 13]", "sessions[0].accounts: there is no account 13"),
        ("[12, 10]", "[12, 12]", "sessions[0].accounts[1].id: 12 is there twice"),
        ("[12, 10]", "[]", "sessions[0].accounts: a session that may trade needs an account"),
        (
            'roles = ["trade", "market_data"]',
            'roles = ["trade", "drop_copy"]',
            "sessions[0].roles: a drop copy is a stream of its own; expected no role besides drop_copy",
        ),
        (
            'roles = ["operator"]',
            'roles = ["drop_copy"]',
            "sessions[1]: a drop copy shows accounts; expected accounts or participants that have some",
        ),
        (
            'roles = ["operator"]',
            'roles = ["drop_copy"]\nparticipants = [1, 7]',
            "sessions[1].participants: there is no participant 7",
        ),
        (
            'roles = ["operator"]',
            'roles = ["operator"]\nparticipants = [1]',
            "sessions[1].participants: only a drop copy shows participants; expected accounts",
        ),
        ('roles = ["operator"]', "roles = []", "sessions[1].roles: a session without a role can do nothing"),
        ('key = "control-key"', 'key = "k"', "sessions[1].key: there is no key 'k'"),
        (
            'id = "gateway-key"',
            'id = "gateway-key"\nsessions = ["nobody"]',
            "keys[0].sessions: there is no session 'nobody'",
        ),
        (
            'id = "gateway-key"',
            'id = "gateway-key"\nroles = ["operator"]',
            "keys[0].roles: session 'gateway' may only trade, market_data, which key 'gateway-key' may not",
        ),
        (
            "commands_burst = 200",
            "commands_burst = 0",
            "sessions[0].throttle: commands_per_second is 100 and commands_burst is 0; "
            "a throttle needs both, none has both 0",
        ),
        (
            "band_low_ticks = 4320\n",
            "",
            "instruments[1]: band_low_ticks is 0 and band_high_ticks is 5280; "
            "a band has both, none has both 0",
        ),
        (
            "reference_price_ticks = 4800",
            "reference_price_ticks = 4319",
            "instruments[1]: expected band_low_ticks <= reference_price_ticks <= band_high_ticks, "
            "found 4320, 4319, 5280",
        ),
        (
            "reference_price_ticks = 4800",
            "reference_price_ticks = 4802\nprice_increment_ticks = 5",
            "instruments[1].reference_price_ticks: 4802 is not a multiple of price_increment_ticks, "
            "which is 5",
        ),
        (
            "quantity_max_lots = 99999",
            "quantity_max_lots = 99999\nquantity_increment_lots = 10",
            "instruments[1].quantity_min_lots: 1 is not a multiple of quantity_increment_lots, which is 10",
        ),
        (
            "quantity_max_lots = 99999",
            "quantity_max_lots = 99\nquantity_min_lots = 100",
            "instruments[1]: quantity_min_lots is 100, above quantity_max_lots, which is 99",
        ),
        (
            "tick_value_minor = 1",
            "tick_value_minor = 10",
            "instruments[0]: the dearest order it admits is worth 10000000000000000000 minor units, expected "
            "at most 9223372036854775807; set a band, or lower quantity_max_lots or tick_value_minor",
        ),
    ],
)
def test_what_does_not_hold_between_parts_is_said(old: str, new: str, expected: str) -> None:
    assert problems(changed((old, new))) == [expected]


def test_all_mistakes_are_said_at_once() -> None:
    assert problems(
        "listne = 1\n[journal]\nsync = 'never'\nsegment_mib = 1\n[[instruments]]\nid = 'x'\n"
    ) == [
        "journal.sync: expected one of always, relaxed, found 'never'",
        "journal.segment_mib: expected `int` >= 64, found 1",
        "instruments[0].id: expected `int`, found `str`",
        "instruments[0].symbol: missing",
        "instruments[0].currency: missing",
        "instruments[0].tick_value_minor: missing",
        "instruments[0].price_decimals: missing",
        "instruments[0].lot_tonnes: missing",
        "listne: unknown key; did you mean listen?",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = " + "[" * 3_000, "nested too deeply"),
        ("a = " + "{b = " * 3_000, "nested too deeply"),
        ("[journal]\nsegment_mib = " + "9" * 5_000, "4300 digits"),
        ("[journal]\nsegment_mib = 0x" + "f" * 5_000, "journal.segment_mib: "),
        ("[journal]\nsync = '" + "x" * 5_000 + "'", "found 'xxx"),
    ],
    ids=["deep arrays", "deep tables", "a long number", "a large number", "a long text"],
)
def test_what_is_too_large_to_read_is_a_mistake_like_others(text: str, expected: str) -> None:
    (problem,) = problems(text)
    assert expected in problem
    assert len(problem) < 250


# --- where it listens -----------------------------------------------------------------------------


def test_settlement_files_need_a_directory_and_numbers_of_their_own() -> None:
    settled = structs.replace(market(), settlement=Settlement("data", "{day}"))
    assert [problem for problem in check(settled) if problem.startswith("settlement")] == [
        "settlement.trade_number: '{day}' has no {trade_id}: two trades would have one number",
        "settlement.directory: data is that of the journal (data), expected one of its own",
    ]
    settled = structs.replace(market(), settlement=Settlement("files"))
    assert check(settled) == []
    assert "settlement files in files: trades numbered {day}-{mode}-{trade_id:08}" in in_words(settled)


def test_a_directory_of_settlement_files_is_beside_the_file(tmp_path: Path) -> None:
    file = tmp_path / "venue.toml"
    file.write_text('[settlement]\ndirectory = "registry"\n')
    assert load(file).settlement.directory == str(tmp_path / "registry")


@pytest.mark.parametrize("way", ["./data", "data/", "data/../data", "link", "{tmp_path}/data"])
def test_settlement_files_do_not_go_to_the_journal_whatever_way_leads_there(tmp_path: Path, way: str) -> None:
    (tmp_path / "link").symlink_to("data")
    file = tmp_path / "venue.toml"
    written = way.format(tmp_path=tmp_path)
    file.write_text(f'[settlement]\ndirectory = "{written}"\n[journal]\ndirectory = "data"\n')
    with pytest.raises(ConfigError, match=r"settlement.directory: .* is that of the journal \(.*data\)"):
        load(file)
    file.write_text(f'[settlement]\ndirectory = "{written}"\n[journal]\ndirectory = "journal"\n')
    config = load(file)
    # Nor where the journal was put there by the command line.
    with pytest.raises(ConfigError, match=r"settlement.directory: .* is that of the journal"):
        with_directory(config, tmp_path / "data")


def test_an_open_port_has_to_be_asked_for_in_as_many_words() -> None:
    listen = '[listen]\norder_entry = "0.0.0.0:7400"\n'
    assert problems(listen) == [
        "listen.order_entry: 0.0.0.0:7400 is not a loopback address, and what is sent there can be read and "
        "changed on the way; give it a certificate in [tls], or say listen.insecure_plaintext = true"
    ]
    config = parse(listen + "insecure_plaintext = true", "carbonmatch.toml")
    assert config.listen.order_entry == "0.0.0.0:7400"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "[::1]"])
def test_loopback_needs_no_leave(host: str) -> None:
    assert parse(f'[listen]\nops = "{host}:80"', "carbonmatch.toml").listen.ops == f"{host}:80"


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "[::]", "venue.example", "loopback"])
def test_anything_else_does(host: str) -> None:
    assert len(problems(f'[listen]\nops = "{host}:80"')) == 1


def test_two_listeners_cannot_share_a_port_unless_it_is_any() -> None:
    assert problems('[listen]\nops = "127.0.0.1:7400"') == [
        "listen.ops: 127.0.0.1:7400 is taken by listen.order_entry"
    ]
    assert parse('[listen]\nops = "[::1]:0"\nmarket_data = "[::1]:0"', "any.toml").listen.ops == "[::1]:0"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("7400", "expected host:port, found '7400'"),
        (":7400", "expected host:port, found ':7400'"),
        ("127.0.0.1:", "expected a port from 0 to 65535, found ''"),
        ("127.0.0.1:65536", "expected a port from 0 to 65535, found '65536'"),
        ("127.0.0.1:\u0667", "expected a port from 0 to 65535, found '\u0667'"),
    ],
)
def test_an_address_that_is_none_is_refused(address: str, expected: str) -> None:
    assert problems(f'[listen]\nops = "{address}"') == [f"listen.ops: {expected}"]


def test_an_address_has_its_brackets_taken_off() -> None:
    assert host_and_port("[::1]:7400") == ("::1", 7400)
    assert host_and_port("localhost:0") == ("localhost", 0)


# --- files and environment ------------------------------------------------------------------------


def test_a_relative_journal_is_relative_to_its_file(tmp_path: Path) -> None:
    file = tmp_path / "venue.toml"
    file.write_text('[journal]\ndirectory = "records"\n')
    assert load(file).journal.directory == str(tmp_path / "records")
    file.write_text('[journal]\ndirectory = "/var/lib/carbonmatch"\n')
    assert load(file).journal.directory == "/var/lib/carbonmatch"


def test_a_file_that_cannot_be_read_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"/none\.toml: No such file or directory\Z"):
        load(tmp_path / "none.toml")
    file = tmp_path / "latin.toml"
    file.write_bytes(b'[venue]\nserver_id = "K\xf6ln"\n')
    with pytest.raises(ConfigError, match=r"latin\.toml: not UTF-8 at byte 22\Z"):
        load(file)


def test_the_environment_moves_directory_and_ports() -> None:
    config = with_environment(
        market(),
        {
            "CARBONMATCH_DATA_DIR": "/srv/journal",
            "CARBONMATCH_ORDER_ENTRY_PORT": "0",
            "CARBONMATCH_OPS_PORT": "9480",
            "CARBONMATCH_MARKET_DATA_PORT": "",
            "PATH": "/bin",
        },
    )
    assert config.journal.directory == "/srv/journal"
    assert config.listen.order_entry == "127.0.0.1:0"
    assert config.listen.market_data == "127.0.0.1:7410"
    assert config.listen.ops == "127.0.0.1:9480"
    assert configuration_digest(config) == configuration_digest(market())


def test_the_environment_is_checked_as_the_file_is() -> None:
    with pytest.raises(ConfigError) as caught:
        with_environment(market(), {"CARBONMATCH_OPS_PORT": "x"})
    assert caught.value.problems == (
        "with the environment: listen.ops: expected a port from 0 to 65535, found 'x'",
    )


def test_a_configuration_can_be_said_in_words() -> None:
    assert in_words(market())[:9] == [
        "venue test-venue",
        "orders at 127.0.0.1:7400, market data at 127.0.0.1:7410, operations at 127.0.0.1:7480",
        "  order_entry, market_data, drop_copy, ops: not encrypted",
        "journal in data: nothing is answered before the disk has it",
        "a session may send any number of commands and any number of cancels",
        "2 instruments",
        "  2 HBEA: CNY, no band; 1 to 1000000000 lots of 1 t; opens continuous; "
        "orders limit, market, post_only; for day, gtc, ioc, fok; "
        "self-trades of a participant: cancel_newest unless an order asks for another mode",
        "  1 CEA24: CNY, 43.20 to 52.80 around 48.00; 1 to 99999 lots of 1 t; opens halted; "
        "orders limit, market, post_only; for day, gtc, ioc, fok; "
        "self-trades of a participant: cancel_both unless an order asks for another mode",
        "2 participants, 3 accounts",
    ]


def test_the_auctions_of_a_schedule_are_said_with_their_random_ends_and_freezes() -> None:
    steps = (
        Step("09:00", "opening_auction", random_s=30, freeze_s=60),
        Step("10:00", "continuous"),
        Step("15:00", "closing_auction", freeze_s=5),
        Step("15:10", "closed"),
    )
    config = Config(
        calendars=(Calendar("korea", "Asia/Seoul"),), schedules=(Schedule("kau", "korea", steps),)
    )
    assert in_words(config)[6] == (
        "schedule kau on korea (Asia/Seoul): 09:00 opening_auction (ends at random, "
        "up to 30 s after the next step, no cancels from 60 s before the next step), 10:00 continuous, "
        "15:00 closing_auction (no cancels from 5 s before the next step), 15:10 closed; 0 special days; "
        "operators end its days; 0 instruments"
    )


def test_a_checked_configuration_has_no_problems() -> None:
    assert check(market()) == []


# --- the follower ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('ops = "7481"', "follower.ops: expected host:port, found '7481'"),
        ('ops = "127.0.0.1:7400"', "follower.ops: 127.0.0.1:7400 is taken by listen.order_entry"),
        ('ops = "10.0.0.1:7481"', "follower.ops: 10.0.0.1:7481 is not a loopback address; "),
        ("snapshot_commands = 0", "follower.snapshot_commands: "),
    ],
)
def test_a_follower_that_cannot_run_is_said_before_it_does(text: str, found: str) -> None:
    (problem,) = problems(f"[follower]\n{text}")
    assert problem.startswith(found)


def test_the_command_line_wins_over_what_the_file_says_of_the_follower() -> None:
    config = parse('[follower]\nops = "127.0.0.1:1"\nsnapshot_seconds = 7', "carbonmatch.toml")
    chosen = with_follower(config, ops="127.0.0.1:0", archive=None, snapshot_commands=5)
    assert chosen.follower == Follower("127.0.0.1:0", snapshot_commands=5, snapshot_seconds=7)
    with pytest.raises(ConfigError, match=r"follower\.ops"):
        with_follower(config, ops="nowhere")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (
            "list_date = 2026-03-02",
            "instruments[1].list_date: 2026-03-02, but there is no schedule that would keep to it",
        ),
        (
            "last_trade_date = 2026-03-02",
            "instruments[1].last_trade_date: 2026-03-02, but there is no schedule that would keep to it",
        ),
    ],
)
def test_dates_of_an_instrument_need_a_schedule(words: str, problem: str) -> None:
    assert problems(changed(('opening_phase = "halted"', words))) == [problem]


def test_an_instrument_does_not_leave_before_it_is_listed() -> None:
    text = (
        'profiles = ["cea"]\n[adjust.instruments.CEA24]\nlast_trade_date = 2025-04-28\n'
        "[adjust.instruments.CEA23]\nlist_date = 2024-01-01\nlast_trade_date = 2024-01-01"
    )
    assert problems(text) == [
        "adjust.instruments.CEA24.last_trade_date: 2025-04-28 is before list_date, which is 2025-04-29"
    ]

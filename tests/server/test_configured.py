"""What configuration means to the server."""

import pytest
from msgspec import structs

from carbonmatch.config import Config, ConfigError, Session, key_commands, parse, venue_commands
from carbonmatch.config.calendars import Calendar, Schedule, Step
from carbonmatch.config.clearing import ClearingTable
from carbonmatch.config.screen import Screen
from carbonmatch.demo_market import MARKET_DATA_KEY_ID, MARKET_DATA_SESSION, demo_config, gateway_session
from carbonmatch.journal.errors import JournalRefused
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import (
    AccountId,
    DefineComposite,
    DefineDropCopy,
    DefineKey,
    Deposit,
    Entry,
    InstrumentId,
    KeySession,
    NewOrder,
    Phase,
    Ref,
    RemoveKey,
    RemoveSession,
    SessionId,
    SetBand,
    SetPhase,
    Side,
)
from carbonmatch.protocol.messages import Role
from carbonmatch.server.configured import (
    changed_definitions,
    credentials,
    drop_copies,
    gone,
    needs_restart,
    refuse_the_demo,
    session_settings,
)

CONFIG = demo_config(gateways=2, companies=4)


def engine_of(config: Config) -> Engine:
    engine = Engine()
    engine.apply(Entry(1, 1, SessionId(0), [*venue_commands(config), *key_commands(config)]))
    engine.take_outputs()
    return engine


def test_a_new_venue_is_defined_whole() -> None:
    assert changed_definitions(CONFIG, Engine()) == [*venue_commands(CONFIG), *key_commands(CONFIG)]


def test_what_is_defined_already_is_not_defined_again() -> None:
    assert changed_definitions(CONFIG, engine_of(CONFIG)) == []


def test_a_changed_instrument_is_defined_again_and_nothing_else() -> None:
    first, *others = CONFIG.instruments
    changed = structs.replace(CONFIG, instruments=(structs.replace(first, quantity_min_lots=7), *others))
    (command,) = changed_definitions(changed, engine_of(CONFIG))
    assert command in venue_commands(changed)


def test_a_band_that_an_operator_has_set_stays_while_the_configuration_does() -> None:
    engine = engine_of(CONFIG)
    band = SetBand(Ref(0), InstrumentId(1), 4_700, 4_500, 4_900)
    engine.apply(Entry(engine.sequence + 1, 2, SessionId(0), [band]))
    assert changed_definitions(CONFIG, engine) == []


@pytest.mark.parametrize(("before", "after"), [("trade", "drop_copy"), ("drop_copy", "trade")])
def test_a_session_does_not_become_a_drop_copy_nor_the_other_way_round(before: str, after: str) -> None:
    def with_role(role: str) -> Config:
        first, *others = CONFIG.sessions
        return structs.replace(CONFIG, sessions=(structs.replace(first, roles=(role,)), *others))

    engine = engine_of(with_role(before))
    with pytest.raises(ConfigError, match=r"id 1 is that of a .* in this journal, expected a new id"):
        changed_definitions(with_role(after), engine)


def test_a_drop_copy_is_defined_once_and_again_when_it_shows_other_accounts() -> None:
    copy = Session(SessionId(900), "copy", ("drop_copy",), CONFIG.keys[0].id, (AccountId(1),))
    config = structs.replace(CONFIG, sessions=(*CONFIG.sessions, copy))
    engine = engine_of(config)
    assert changed_definitions(config, engine) == []
    assert drop_copies(config) == {"copy": 900}
    assert ("copy", Role.DROP_COPY) in credentials(engine)[CONFIG.keys[0].id].logons
    wider = structs.replace(copy, accounts=(AccountId(1), AccountId(2)))
    (command,) = changed_definitions(structs.replace(CONFIG, sessions=(*CONFIG.sessions, wider)), engine)
    assert command == DefineDropCopy(SessionId(900), "copy", (AccountId(1), AccountId(2)))
    removal = DefineDropCopy(SessionId(900), "copy", ())
    assert removal in changed_definitions(CONFIG, engine)
    engine.apply(Entry(engine.sequence + 1, 2, SessionId(0), [removal]))
    assert not engine.venue.drop_copies
    assert removal not in changed_definitions(CONFIG, engine)
    # It is there again when the configuration names it again.
    assert DefineDropCopy(SessionId(900), "copy", (AccountId(1),)) in changed_definitions(config, engine)
    assert needs_restart(CONFIG, config) == ["drop copies"]
    assert needs_restart(config, structs.replace(config, sessions=(*CONFIG.sessions, wider))) == []


def test_schedules_and_who_follows_them_need_no_restart_and_all_else_of_instruments_does() -> None:
    calendar = Calendar("one", "UTC")
    schedule = Schedule("one", "one", (Step("09:00", "continuous"), Step("17:00", "closed")))
    first, *others = CONFIG.instruments
    follows = structs.replace(first, schedule="one")
    scheduled = structs.replace(
        CONFIG, calendars=(calendar,), schedules=(schedule,), instruments=(follows, *others)
    )
    assert needs_restart(CONFIG, scheduled) == []
    other = structs.replace(follows, quantity_max_lots=7)
    assert needs_restart(CONFIG, structs.replace(scheduled, instruments=(other, *others))) == ["instruments"]


def test_a_key_that_is_gone_is_removed_and_a_changed_one_defined_again() -> None:
    gateway, *others = CONFIG.keys
    engine = engine_of(CONFIG)
    assert changed_definitions(structs.replace(CONFIG, keys=tuple(others)), engine) == [RemoveKey(gateway.id)]
    narrowed = structs.replace(CONFIG, keys=(structs.replace(gateway, roles=("drop_copy",)), *others))
    (command,) = changed_definitions(narrowed, engine)
    assert command in key_commands(narrowed)


def test_a_role_of_a_later_version_opens_nothing() -> None:
    engine = engine_of(CONFIG)
    key = DefineKey("later", bytes(32), (KeySession(SessionId(1), (1, 200)),))
    engine.apply(Entry(engine.sequence + 1, 2, SessionId(0), [key]))
    assert credentials(engine)["later"].logons == {(gateway_session(1), Role.TRADE)}


def test_a_session_that_is_gone_is_removed_once_and_defined_again_when_it_is_back() -> None:
    engine = engine_of(CONFIG)
    less = structs.replace(CONFIG, sessions=CONFIG.sessions[1:])
    removal = RemoveSession(SessionId(1))
    assert changed_definitions(less, engine)[0] == removal
    engine.apply(Entry(engine.sequence + 1, 2, SessionId(0), [removal]))
    assert removal not in changed_definitions(less, engine)
    definition = next(one for one in venue_commands(CONFIG) if getattr(one, "session_id", 0) == 1)
    assert definition in changed_definitions(CONFIG, engine)


def test_what_never_could_trade_is_not_removed() -> None:
    engine = engine_of(CONFIG)
    traders = tuple(one for one in CONFIG.sessions if one.accounts or one.operator)
    assert len(traders) < len(CONFIG.sessions)
    removals = changed_definitions(structs.replace(CONFIG, sessions=traders), engine)
    assert not any(isinstance(one, RemoveSession) for one in removals)


def test_an_instrument_that_the_configuration_no_longer_names_is_told_with_its_open_orders() -> None:
    engine = engine_of(CONFIG)
    order = NewOrder(Ref(1), InstrumentId(1), Side.BUY, 5, 4_800)
    engine.apply(Entry(engine.sequence + 1, 2, SessionId(1), [order]))
    less = structs.replace(CONFIG, instruments=CONFIG.instruments[1:])
    assert list(gone(less, engine)) == [("CEA19-20", 1)]
    assert list(gone(CONFIG, engine)) == []


def test_a_key_opens_its_sessions_in_their_roles_only() -> None:
    found = credentials(engine_of(CONFIG))[MARKET_DATA_KEY_ID]
    assert (MARKET_DATA_SESSION, Role.MARKET_DATA) in found.logons
    assert (MARKET_DATA_SESSION, Role.TRADE) not in found.logons
    assert (gateway_session(1), Role.TRADE) not in found.logons


def test_each_session_has_its_settings() -> None:
    assert session_settings(CONFIG)[gateway_session(2)].session_id == 2


def test_the_demo_market_is_not_defined_in_the_journal_of_another_venue() -> None:
    refuse_the_demo(CONFIG, Engine())
    refuse_the_demo(CONFIG, engine_of(CONFIG))
    keys = tuple(structs.replace(key, public_key=f"{number:064x}") for number, key in enumerate(CONFIG.keys))
    own = structs.replace(CONFIG, keys=keys)
    refuse_the_demo(own, engine_of(CONFIG))
    with pytest.raises(JournalRefused, match="name its configuration with --config"):
        refuse_the_demo(CONFIG, engine_of(own))


def test_no_order_comes_to_rest_under_another_mechanism_than_it_was_entered_for() -> None:
    first, *others = CONFIG.instruments
    listing = structs.replace(
        first, order_types=("limit",), times_in_force=("day",), screen=Screen(mechanism="listing")
    )
    changed = structs.replace(CONFIG, instruments=(listing, *others))
    engine = engine_of(CONFIG)
    assert len(changed_definitions(changed, engine)) == 1
    session = next(one for one in CONFIG.sessions if one.accounts)
    price = first.reference_price_ticks
    order = NewOrder(Ref(1), first.id, Side.BUY, first.quantity_min_lots, price)
    engine.apply(Entry(engine.sequence + 1, 2, session.id, [order]))
    with pytest.raises(ConfigError, match=r"1 orders rest that were entered for continuous; expected none"):
        changed_definitions(changed, engine)


def test_an_instrument_does_not_lose_its_auctions_while_orders_gather_for_one() -> None:
    first, *others = CONFIG.instruments
    listing = structs.replace(
        first, order_types=("limit",), times_in_force=("day",), screen=Screen(mechanism="listing")
    )
    changed = structs.replace(CONFIG, instruments=(listing, *others))
    engine = engine_of(CONFIG)
    engine.apply(Entry(engine.sequence + 1, 2, SessionId(0), [SetPhase(Ref(0), first.id, Phase.PRE_OPEN)]))
    with pytest.raises(ConfigError, match=r"it is in PRE_OPEN; expected it to be closed"):
        changed_definitions(changed, engine)


def test_what_is_held_is_held_by_the_rules_that_it_was_reserved_by() -> None:
    first, *others = CONFIG.instruments
    cleared = structs.replace(first, clearing=ClearingTable())
    with_clearing = structs.replace(CONFIG, instruments=(cleared, *others))
    session = next(one for one in CONFIG.sessions if one.accounts)
    operator = next(one for one in CONFIG.sessions if one.operator)
    price = first.reference_price_ticks
    engine = engine_of(CONFIG)
    assert len(changed_definitions(with_clearing, engine)) == 1
    order = NewOrder(Ref(1), first.id, Side.BUY, first.quantity_min_lots, price)
    engine.apply(Entry(engine.sequence + 1, 2, session.id, [order]))
    with pytest.raises(ConfigError, match=r"1 orders, blocks and biddings are open .* expected none"):
        changed_definitions(with_clearing, engine)

    engine = engine_of(with_clearing)
    dearer = structs.replace(cleared, tick_value_minor=first.tick_value_minor + 1)
    others_to_be = [CONFIG, structs.replace(CONFIG, instruments=(dearer, *others))]
    assert [len(changed_definitions(config, engine)) for config in others_to_be] == [1, 1]
    money = Deposit(Ref(1), session.accounts[0], currency=first.currency, amount_minor=10**12)
    units = Deposit(Ref(2), session.accounts[0], first.id, 5)
    engine.apply(Entry(engine.sequence + 1, 2, operator.id, [money, units]))
    engine.apply(Entry(engine.sequence + 1, 2, session.id, [order]))
    assert changed_definitions(with_clearing, engine) == []
    lots = first.quantity_min_lots
    for config in others_to_be:
        with pytest.raises(ConfigError, match=rf"'{first.symbol}': {lots} lots are ordered to be bought"):
            changed_definitions(config, engine)


COMPOSED = """
[[instruments]]
id = 1
symbol = "A"
currency = "CNY"
tick_value_minor = 1
price_decimals = 2
lot_tonnes = 1
prices = { close = "last" }
reference_price_ticks = 5000
[[composites]]
id = 90
symbol = "COM"
members = [{ symbol = "A" }]
"""


def test_a_composite_is_defined_once_and_again_when_it_is_another() -> None:
    config = parse(COMPOSED, "venue.toml")
    engine = engine_of(config)
    assert engine.composites[InstrumentId(90)].told_ticks == 5_000
    assert changed_definitions(config, engine) == []
    weighted = parse(COMPOSED.replace('{ symbol = "A" }', '{ symbol = "A", weight = 2 }'), "venue.toml")
    (command,) = changed_definitions(weighted, engine)
    assert command in venue_commands(weighted)
    assert needs_restart(config, weighted) == ["composites"]


def test_a_composite_that_the_configuration_no_longer_names_ends_once_and_may_come_back() -> None:
    config = parse(COMPOSED, "venue.toml")
    without = parse(COMPOSED.partition("[[composites]]")[0], "venue.toml")
    engine = engine_of(config)
    (command,) = changed_definitions(without, engine)
    assert isinstance(command, DefineComposite)
    assert command.composite.members == ()
    engine.apply(Entry(engine.sequence + 1, 2, SessionId(0), [command]))
    engine.take_outputs()
    assert changed_definitions(without, engine) == []
    assert [type(one) for one in changed_definitions(config, engine)] == [DefineComposite]


@pytest.mark.parametrize("composite_first", [False, True])
def test_a_number_of_an_instrument_does_not_become_that_of_a_composite_nor_the_other_way_round(
    composite_first: bool,
) -> None:
    config = parse(COMPOSED, "venue.toml")
    other = COMPOSED.replace("id = 1\n", "id = 90\n", 1).replace(
        'id = 90\nsymbol = "COM"', 'id = 1\nsymbol = "COM"'
    )
    swapped = parse(other, "venue.toml")
    before, after = (config, swapped) if composite_first else (swapped, config)
    with pytest.raises(ConfigError) as caught:
        changed_definitions(after, engine_of(before))
    composite, instrument = caught.value.problems
    number = after.composites[0].id
    assert composite == (
        f"composite 'COM': id {number} is that of an instrument in this journal; expected a number that had "
        "no other meaning"
    )
    number = after.instruments[0].id
    assert instrument == (
        f"instrument 'A': id {number} is that of a composite price in this journal; expected a number that "
        "had no other meaning"
    )

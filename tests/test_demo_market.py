from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import structs

from carbonmatch.config import check, may_log_on, venue_commands
from carbonmatch.config.checks import WELL_KNOWN_PUBLIC_KEYS
from carbonmatch.demo_market import (
    INSTRUMENTS,
    demo_config,
    gateway_session,
    percent_half_up,
    private_key_bytes,
)
from carbonmatch.protocol.messages import Role


def test_the_demo_market_is_a_good_configuration() -> None:
    config = demo_config()
    assert check(config) == []
    assert [one.symbol for one in config.instruments] == [
        "CEA19-20", "CEA21", "CEA22", "CEA23", "CEA24", "CEA25",
        "SHEA", "HBEA", "GDEA", "SZEA", "BEA", "TJEA", "CQEA", "FJEA",
    ]  # fmt: skip
    assert len(venue_commands(config)) == 14 + 2_225 + 18


def test_the_first_allowance_opens_as_it_did_in_2021() -> None:
    # 48.00 CNY, from 43.20 to 52.80.
    first = INSTRUMENTS[0]
    assert (first.reference_price_ticks, first.band_low_ticks, first.band_high_ticks) == (4800, 4320, 5280)
    # Listed orders are of less than 100,000 t.
    assert first.quantity_max_lots == 99_999


def test_limits_are_rounded_half_up_to_the_tick() -> None:
    assert percent_half_up(5325, 110) == 5858  # 58.575 CNY
    assert percent_half_up(5325, 90) == 4793  # 47.925 CNY
    assert percent_half_up(5124, 110) == 5636  # 56.364 CNY


def test_the_gateways_divide_the_companies_among_them() -> None:
    for gateways in (1, 7, 16, 2_225):
        sessions = [one for one in demo_config(gateways).sessions if "trade" in one.roles]
        assert len(sessions) == gateways
        assert [account for one in sessions for account in one.accounts] == list(range(1, 2_226))
        sizes = {len(one.accounts) for one in sessions}
        assert max(sizes) - min(sizes) <= 1


def test_each_kind_of_client_can_log_on_with_its_key_and_no_other() -> None:
    config = demo_config(gateways=2)
    sessions = {session.name: session for session in config.sessions}
    keys = {key.id: key for key in config.keys}
    kinds = {
        ("demo-gateway", gateway_session(1), Role.TRADE),
        ("demo-gateway", gateway_session(2), Role.TRADE),
        ("demo-market-data", "market-data", Role.MARKET_DATA),
        ("demo-operator", "operator", Role.OPERATOR),
    }
    admitted = {
        (key_id, name, role)
        for key_id, key in keys.items()
        for name, session in sessions.items()
        for role in Role
        if may_log_on(key, session, role)
    }
    assert admitted == kinds


def test_demo_keys_are_those_that_configurations_refuse_off_loopback() -> None:
    config = demo_config()
    for key in config.keys:
        private_key = Ed25519PrivateKey.from_private_bytes(private_key_bytes(key.id))
        assert private_key.public_key().public_bytes_raw() == key.public_key_bytes
    assert {key.public_key for key in config.keys} == WELL_KNOWN_PUBLIC_KEYS

    # Not even the words that open a port without TLS open it to keys which everyone has.
    listen = structs.replace(config.listen, market_data="0.0.0.0:7410", insecure_plaintext=True)
    renamed = tuple(structs.replace(key, id=f"my-{key.id}") for key in config.keys)
    sessions = tuple(structs.replace(one, key=f"my-{one.key}") for one in config.sessions)
    exposed = structs.replace(config, listen=listen, keys=renamed, sessions=sessions)
    assert check(exposed) == [
        "listen.market_data: 0.0.0.0:7410 is not a loopback address, but everyone has the private half of "
        f"key '{key.id}'"
        for key in renamed
    ]

"""The configuration of the demo market: China's national allowances and the regional ones.

Configuration only; who trades on it is in `demo`. Sizes, ticks and bands follow the published rules;
reference prices are plausible values of recent years, for show, except where a comment says more.
"""

from hashlib import blake2b
from typing import Final

from carbonmatch.config import (
    Account,
    Config,
    Connections,
    Instrument,
    Key,
    KeyId,
    Participant,
    Session,
)
from carbonmatch.limits import SESSION_ID_MAX
from carbonmatch.matching.messages import AccountId, InstrumentId, ParticipantId, SessionId

# The national market opened on 16 July 2021 with this many power companies.
COMPANIES: Final = 2_225
GATEWAYS: Final = 16

# A key for each kind of client. Their private halves follow from a text that stands in this file, so
# everyone has them: `config.checks` refuses them on anything but loopback.
GATEWAY_KEY_ID: Final = KeyId("demo-gateway")
MARKET_DATA_KEY_ID: Final = KeyId("demo-market-data")
OPERATOR_KEY_ID: Final = KeyId("demo-operator")
_KEY_SEED: Final = b"carbonmatch demo, known to everyone: "
_PUBLIC_KEYS: Final = {
    GATEWAY_KEY_ID: "31b981643680cf2151ac4d3c5e1745a63c977a95d2882617a7f54a88ca49f7ce",
    MARKET_DATA_KEY_ID: "e9e1ddf6b90c6df92d00df9c59ecd9c1facd3e02eba2bbdc1d7d72979584ad3a",
    OPERATOR_KEY_ID: "ffc8f1c4fcd4dd67446a201411a6ad4d9655353a334dcff1561417b4d7007f95",
}

# Above every possible gateway, so that their number can change without renaming these two.
MARKET_DATA_SESSION: Final = "market-data"
OPERATOR_SESSION: Final = "operator"
_MARKET_DATA_SESSION_ID: Final = SessionId(SESSION_ID_MAX - 1)
_OPERATOR_SESSION_ID: Final = SessionId(SESSION_ID_MAX)

_WAITING_PER_ADDRESS: Final = 256

# The listed section admits less than 100,000 t an order; from there on it is a block trade.
_LISTED_MAX_LOTS: Final = 99_999


def _allowance(number: int, symbol: str, reference_price_ticks: int, band_percent: int = 10) -> Instrument:
    """Quoted in CNY a tonne with a tick of 0.01 CNY, so that a tick on a lot of 1 t is one fen."""
    return Instrument(
        id=InstrumentId(number),
        symbol=symbol,
        currency="CNY",
        tick_value_minor=1,
        price_decimals=2,
        lot_tonnes=1,
        quantity_max_lots=_LISTED_MAX_LOTS,
        reference_price_ticks=reference_price_ticks,
        band_low_ticks=percent_half_up(reference_price_ticks, 100 - band_percent),
        band_high_ticks=percent_half_up(reference_price_ticks, 100 + band_percent),
    )


def percent_half_up(price_ticks: int, percent: int) -> int:
    """`percent` of a price to the nearest tick, halves up, as Hubei and Shenzhen write it."""
    return (price_ticks * percent + 50) // 100


# Numbers are permanent: a new instrument gets the next one.
INSTRUMENTS: Final = (
    # National, one a vintage, +/-10 %. 48.00 is the reference of the first trading day.
    _allowance(1, "CEA19-20", 48_00),
    _allowance(2, "CEA21", 51_23),
    _allowance(3, "CEA22", 55_30),
    _allowance(4, "CEA23", 58_00),
    _allowance(5, "CEA24", 60_50),
    _allowance(6, "CEA25", 62_00),
    # Regional: Shanghai, Hubei, Guangdong, Shenzhen, Beijing, Tianjin, Chongqing, Fujian.
    _allowance(7, "SHEA", 62_50),
    _allowance(8, "HBEA", 41_20),
    _allowance(9, "GDEA", 43_85),
    _allowance(10, "SZEA", 48_60),
    _allowance(11, "BEA", 102_40, band_percent=20),
    _allowance(12, "TJEA", 33_75),
    _allowance(13, "CQEA", 40_15, band_percent=20),
    _allowance(14, "FJEA", 26_90),
)


def demo_config(gateways: int = GATEWAYS, companies: int = COMPANIES) -> Config:
    """The demo market with its companies divided over `gateways` sessions."""
    assert 1 <= gateways <= companies
    return Config(
        # All gateways of the demo come from one address, and at once.
        connections=Connections(waiting_per_address=_WAITING_PER_ADDRESS),
        instruments=INSTRUMENTS,
        participants=tuple(map(_company, range(1, companies + 1))),
        sessions=(
            *(_gateway(number, gateways, companies) for number in range(1, gateways + 1)),
            Session(
                id=_MARKET_DATA_SESSION_ID,
                name=MARKET_DATA_SESSION,
                roles=("market_data",),
                key=MARKET_DATA_KEY_ID,
            ),
            Session(
                id=_OPERATOR_SESSION_ID,
                name=OPERATOR_SESSION,
                roles=("operator",),
                key=OPERATOR_KEY_ID,
            ),
        ),
        keys=tuple(Key(id=key_id, public_key=public) for key_id, public in _PUBLIC_KEYS.items()),
    )


def gateway_session(number: int) -> str:
    """The name of the gateway session with this number, counted from 1."""
    return f"gateway-{number:02d}"


def private_key_bytes(key_id: str) -> bytes:
    """The 32 bytes of a demo key's private half."""
    assert key_id in _PUBLIC_KEYS
    return blake2b(_KEY_SEED + key_id.encode(), digest_size=32).digest()


def _company(number: int) -> Participant:
    name = f"POWER-{number:04d}"
    account = Account(id=AccountId(number), name=name)
    return Participant(id=ParticipantId(number), name=name, accounts=(account,))


def _gateway(number: int, gateways: int, companies: int) -> Session:
    """Neighbouring companies share a gateway; the sizes of two gateways differ by one at most."""
    first = (number - 1) * companies // gateways + 1
    last = number * companies // gateways
    return Session(
        id=SessionId(number),
        name=gateway_session(number),
        roles=("trade",),
        key=GATEWAY_KEY_ID,
        accounts=tuple(AccountId(account) for account in range(first, last + 1)),
    )

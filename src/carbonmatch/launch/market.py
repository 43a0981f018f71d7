"""The venue of the replay as a configuration: the profiles of eight markets, their companies and gateways."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

from msgspec import structs

from carbonmatch.config import (
    Account,
    Config,
    ConfigError,
    Instrument,
    Key,
    KeyId,
    Participant,
    Session,
    check,
    parse,
)
from carbonmatch.launch import assumptions
from carbonmatch.launch.firms import Firm
from carbonmatch.launch.plan import NATIONAL
from carbonmatch.limits import SESSION_ID_MAX
from carbonmatch.matching.clearing.amounts import Amounts
from carbonmatch.matching.messages import AccountId, ParticipantId, SessionId
from carbonmatch.protocol.auth import public_key_of

ZONE: Final = "Asia/Shanghai"
# Of all eight markets.
CURRENCY: Final = "CNY"
PLACES: Final = {NATIONAL: "national", **{pilot.symbol: pilot.place for pilot in assumptions.PILOTS}}
OPERATOR: Final = "operator"
WATCHER: Final = "watcher"
_OPERATOR_ID: Final = SessionId(SESSION_ID_MAX)
_WATCHER_ID: Final = SessionId(SESSION_ID_MAX - 1)
# Neighbouring companies share a gateway.
_ACCOUNTS_OF_A_GATEWAY: Final = 140
# Whoever has to surrender allowances; some markets limit what these may hold in another way than the others.
_HOLDER_CLASS: Final = "compliance"
# One key opens everything: it is all one process, and nobody else can connect.
KEY_ID: Final = KeyId("launch")
PRIVATE_KEY: Final = blake2b(b"carbonmatch launch, known to everyone", digest_size=32).digest()


def launch_config(firms: Mapping[str, list[Firm]], references: Mapping[str, int]) -> Config:
    """The markets as they are shipped, from these reference prices on. Raises ConfigError."""
    markets = _markets(references)
    config = structs.replace(
        markets,
        participants=tuple(_participant(firm) for those in firms.values() for firm in those),
        sessions=(
            *_gateways(firms),
            Session(id=_WATCHER_ID, name=WATCHER, roles=("market_data",), key=KEY_ID),
            Session(id=_OPERATOR_ID, name=OPERATOR, roles=("operator",), key=KEY_ID),
        ),
        keys=(Key(id=KEY_ID, public_key=public_key_of(PRIVATE_KEY).hex()),),
    )
    if problems := list(check(config)):
        raise ConfigError(problems)
    return config


def instrument_of(config: Config, symbol: str) -> Instrument:
    return next(one for one in config.instruments if one.symbol == symbol)


def amounts_of(references: Mapping[str, int]) -> dict[str, Amounts]:
    """What trades of each market cost, by its symbol."""
    made = {}
    for one in _markets(references).instruments:
        rules = one.definition().clearing
        assert rules is not None, "every market of the launch holds units and money"
        made[one.symbol] = Amounts(rules.fees, one.tick_value_minor)
    return made


def _markets(references: Mapping[str, int]) -> Config:
    """What the profiles say of the eight instruments; what has not yet been there in 2021 is left out."""
    lines = [f"profiles = {[symbol.lower() for symbol in PLACES]}"]
    for symbol, reference in references.items():
        lines += [f"[adjust.instruments.{symbol}]", f"reference_price_ticks = {reference}"]
    markets = parse("\n".join(lines), "launch")
    listed = tuple(one for one in markets.instruments if one.symbol in references)
    return structs.replace(markets, instruments=listed, composites=())


def _participant(firm: Firm) -> Participant:
    account = Account(id=AccountId(firm.account), name=firm.name, holder_class=_HOLDER_CLASS)
    return Participant(id=ParticipantId(firm.account), name=firm.name, accounts=(account,))


def _gateways(firms: Mapping[str, list[Firm]]) -> list[Session]:
    """No gateway serves two markets."""
    made: list[Session] = []
    for symbol, those in firms.items():
        for first in range(0, len(those), _ACCOUNTS_OF_A_GATEWAY):
            served = those[first : first + _ACCOUNTS_OF_A_GATEWAY]
            made.append(
                Session(
                    id=SessionId(len(made) + 1),
                    name=f"{symbol}-{first // _ACCOUNTS_OF_A_GATEWAY + 1:02d}",
                    roles=("trade",),
                    key=KEY_ID,
                    accounts=tuple(AccountId(firm.account) for firm in served),
                )
            )
    return made

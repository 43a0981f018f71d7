"""A small venue for the torture: its configuration, its keys, and where it listens."""

import socket
from random import Random
from typing import Final

from msgspec import Struct

from carbonmatch.client import Access
from carbonmatch.matching.messages import InstrumentId, SessionId
from carbonmatch.protocol.auth import public_key_of
from carbonmatch.protocol.messages import Role

INSTRUMENTS: Final = (InstrumentId(1), InstrumentId(2))
# Where accounts need units and money; a tick of a lot is a minor unit.
CLEARED: Final = InstrumentId(2)
CURRENCY: Final = "CNY"
MIDDLE_TICKS: Final = 5_000
# The first two sessions act for the same account, so that they cancel each other's orders.
ACCOUNT_OF: Final = {SessionId(1): 1, SessionId(2): 1, SessionId(3): 2, SessionId(4): 3}
TRADERS: Final = tuple(ACCOUNT_OF)
# Whose orders go when they lose their connection, and after how long: here a race with coming back.
_GRACE_MS: Final = {SessionId(3): 0, SessionId(4): 100}
TREASURER: Final = SessionId(7)
_COPYIST: Final = SessionId(8)
_SPECTATOR: Final = SessionId(9)

_CLEARING: Final = """
[instruments.clearing]
lag_days = 0"""

_KEY_ID: Final = "torture"
_PRIVATE_KEY: Final = bytes(range(32))


class Ports(Struct, frozen=True):
    """Where the venue listens, over all its lives: clients come back to the same address."""

    order_entry: int
    market_data: int
    drop_copy: int
    ops: int


def free_ports(random: Random) -> Ports:
    """Four that nobody has now, below those which the kernel gives to connections that go out.

    From among those, a client that comes back while the engine is away could be given the engine's port
    itself, and be connected with nobody but itself.
    """
    found: list[int] = []
    while len(found) < 4:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
    return Ports(*found)


def configuration() -> str:
    """The TOML: two instruments, four traders, an operator, one who watches, one with a copy, no throttle."""
    # A machine that is busy killing engines makes orders wait, and a refusal is none of what is tested.
    parts = ["[venue]\norder_wait_ms = 0"]
    parts += [_instrument(number) for number in INSTRUMENTS]
    parts += [_participant(number) for number in sorted(set(ACCOUNT_OF.values()))]
    parts += [_session(number, "trade", f"accounts = [{account}]") for number, account in ACCOUNT_OF.items()]
    parts.append(_session(TREASURER, "operator", ""))
    everybody = f"participants = {sorted(set(ACCOUNT_OF.values()))}"
    parts.append(_session(_COPYIST, "drop_copy", everybody))
    parts.append(_session(_SPECTATOR, "market_data", ""))
    parts.append(f'[[keys]]\nid = "{_KEY_ID}"\npublic_key = "{public_key_of(_PRIVATE_KEY).hex()}"')
    return "\n\n".join(parts) + "\n"


def _instrument(number: int) -> str:
    return f"""\
[[instruments]]
id = {number}
symbol = "T-{number}"
currency = "{CURRENCY}"
tick_value_minor = 1
price_decimals = 2
lot_tonnes = 1
quantity_max_lots = 1000
reference_price_ticks = {MIDDLE_TICKS}
band_low_ticks = {MIDDLE_TICKS * 9 // 10}
band_high_ticks = {MIDDLE_TICKS * 11 // 10}
order_types = ["limit", "market", "post_only", "stop", "stop_limit", "iceberg", "minimum_quantity"]
times_in_force = ["day", "gtc", "ioc", "fok", "gtd"]
{_CLEARING if number == CLEARED else ""}""".rstrip()


def _participant(number: int) -> str:
    return f"""\
[[participants]]
id = {number}
name = "P-{number}"
accounts = [{{ id = {number}, name = "A-{number}" }}]"""


def _session(number: int, role: str, rest: str) -> str:
    return f"""\
[[sessions]]
id = {number}
name = "S-{number}"
roles = ["{role}"]
key = "{_KEY_ID}"
{rest}""".rstrip()


def trader_access(ports: Ports, session_id: SessionId) -> Access:
    return Access(
        host="127.0.0.1",
        port=ports.order_entry,
        key_id=_KEY_ID,
        private_key=_PRIVATE_KEY,
        session=f"S-{session_id}",
        cancel_on_disconnect=session_id in _GRACE_MS,
        grace_ms=_GRACE_MS.get(session_id, 0),
    )


def treasurer_access(ports: Ports) -> Access:
    return _access_as(ports.order_entry, TREASURER, Role.OPERATOR)


def spectator_access(ports: Ports) -> Access:
    return _access_as(ports.market_data, _SPECTATOR, Role.MARKET_DATA)


def copyist_access(ports: Ports) -> Access:
    return _access_as(ports.drop_copy, _COPYIST, Role.DROP_COPY)


def _access_as(port: int, session_id: SessionId, role: Role) -> Access:
    return Access(
        host="127.0.0.1",
        port=port,
        key_id=_KEY_ID,
        private_key=_PRIVATE_KEY,
        session=f"S-{session_id}",
        role=role,
    )

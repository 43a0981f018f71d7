"""A tiny venue: two instruments, three firms, and everybody's keys.

The desk acts for Alice and for Bob. Alice has a drop copy.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Literal

from msgspec import structs

from carbonmatch.client import Access
from carbonmatch.config import Config
from carbonmatch.config.reading import parse
from carbonmatch.matching.messages import AccountId, InstrumentId, SessionId
from carbonmatch.protocol.auth import public_key_of
from carbonmatch.protocol.messages import Role

SERVER_ID = "e2e"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

# Any price, any quantity, any type.
EUA = InstrumentId(1)
# Steps of 5 ticks and 10 lots, from 20 lots on, between 900 and 1,100.
CEA = InstrumentId(2)

ALICE, ALICE_2, BOB, BOB_2, CAROL, OPERATOR, FEED, WATCHER, DESK, ALICE_COPY = map(SessionId, range(1, 11))
ALICE_ACCOUNT, BOB_ACCOUNT, CAROL_ACCOUNT = (AccountId(number) for number in (11, 21, 31))

# A segment of this size is made in a millisecond; a configuration file may not ask for one as small.
_SEGMENT_MIB = 1


def private_key(key_id: str) -> bytes:
    return blake2b(f"end-to-end tests: {key_id}".encode(), digest_size=32).digest()


def text(throttle: str = "") -> str:
    """The configuration as a file; `throttle` is Carol's."""
    return f"""\
[venue]
server_id = "{SERVER_ID}"
# How long an order waits says more of the machine that runs the tests than of the engine.
order_wait_ms = 0

[listen]
order_entry = "127.0.0.1:0"
market_data = "127.0.0.1:0"
drop_copy = "127.0.0.1:0"
ops = "127.0.0.1:0"

[[instruments]]
id = {EUA}
symbol = "EUA"
currency = "EUR"
tick_value_minor = 1
price_decimals = 2
lot_tonnes = 1
order_types = ["limit", "market", "stop", "stop_limit", "iceberg", "minimum_quantity", "post_only"]
times_in_force = ["day", "gtc", "ioc", "fok", "gtd"]

[[instruments]]
id = {CEA}
symbol = "CEA"
currency = "CNY"
tick_value_minor = 100
price_decimals = 2
lot_tonnes = 100
price_increment_ticks = 5
quantity_increment_lots = 10
quantity_min_lots = 20
quantity_max_lots = 10000
reference_price_ticks = 1000
band_low_ticks = 900
band_high_ticks = 1100

[[participants]]
id = 1
name = "ALICE"
accounts = [{{ id = {ALICE_ACCOUNT}, name = "ALICE" }}]

[[participants]]
id = 2
name = "BOB"
accounts = [{{ id = {BOB_ACCOUNT}, name = "BOB" }}]

[[participants]]
id = 3
name = "CAROL"
accounts = [{{ id = {CAROL_ACCOUNT}, name = "CAROL" }}]

{_session(ALICE, "alice", "trade", "alice", f"accounts = [{ALICE_ACCOUNT}]")}
{_session(ALICE_2, "alice-2", "trade", "alice", f"accounts = [{ALICE_ACCOUNT}]")}
{_session(BOB, "bob", "trade", "bob", f"accounts = [{BOB_ACCOUNT}]")}
{_session(BOB_2, "bob-2", "trade", "bob", f"accounts = [{BOB_ACCOUNT}]")}
{_session(CAROL, "carol", "trade", "carol", f"accounts = [{CAROL_ACCOUNT}]", throttle)}
{_session(OPERATOR, "operator", "operator", "operator")}
{_session(FEED, "feed", "market_data", "feed")}
{_session(WATCHER, "watcher", "market_data", "watcher")}
{_session(DESK, "desk", "trade", "desk", f"accounts = [{BOB_ACCOUNT}, {ALICE_ACCOUNT}]")}
{_session(ALICE_COPY, "alice-copy", "drop_copy", "alice", "participants = [1]")}
{"".join(_key(name) for name in ("alice", "bob", "carol", "operator", "feed", "watcher", "desk"))}"""


def _session(number: int, name: str, role: str, key: str, accounts: str = "", throttle: str = "") -> str:
    return f"""\
[[sessions]]
id = {number}
name = "{name}"
roles = ["{role}"]
key = "{key}"
{accounts}
{f"throttle = {throttle}" if throttle else ""}"""


def _key(key_id: str) -> str:
    return f"""
[[keys]]
id = "{key_id}"
public_key = "{public_key_of(private_key(key_id)).hex()}"
"""


def config(
    directory: Path,
    *,
    throttle: str = "",
    sync: Literal["always", "relaxed"] = "always",
    without: Sequence[str] = (),
) -> Config:
    """For an engine in this process, `without` these sessions."""
    parsed = parse(text(throttle), "market.toml")
    sessions = tuple(session for session in parsed.sessions if session.name not in without)
    parsed = structs.replace(parsed, sessions=sessions)
    journal = structs.replace(parsed.journal, directory=str(directory), segment_mib=_SEGMENT_MIB, sync=sync)
    return structs.replace(parsed, journal=journal)


def key_of(session: str) -> str:
    """Which key a session logs on with: Alice and Bob have two sessions each, and one key."""
    return session.partition("-")[0]


def role_of(session: str) -> Role:
    roles = {
        "feed": Role.MARKET_DATA,
        "watcher": Role.MARKET_DATA,
        "operator": Role.OPERATOR,
        "alice-copy": Role.DROP_COPY,
    }
    return roles.get(session, Role.TRADE)


def access(
    address: tuple[str, int],
    session: str,
    *,
    heartbeat_ms: int = 60_000,
    cancel_on_disconnect: bool = False,
    grace_ms: int = 0,
) -> Access:
    """As a client logs on. Heartbeats are a minute apart where a test is not about them."""
    return Access(
        host=address[0],
        port=address[1],
        key_id=key_of(session),
        private_key=private_key(key_of(session)),
        session=session,
        role=role_of(session),
        heartbeat_ms=heartbeat_ms,
        cancel_on_disconnect=cancel_on_disconnect,
        grace_ms=grace_ms,
    )

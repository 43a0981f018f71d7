"""The market that the bench trades on: its configuration, and the keys of its clients."""

from hashlib import blake2b
from typing import Final

from msgspec import Struct

from bench.workload import MIDDLE_TICKS
from carbonmatch.protocol.auth import public_key_of

_KEY_ID: Final = "bench"
# Known to everyone: such an engine trades with nobody else.
_PRIVATE_KEY: Final = blake2b(b"carbonmatch bench, known to everyone", digest_size=32).digest()

# The engine's own bounds on names and ids leave room for many more; a laptop does not.
SESSIONS_MAX: Final = 256


class Member(Struct, frozen=True):
    """Who logs on."""

    session: str
    key_id: str
    private_key: bytes


def traders(count: int) -> list[Member]:
    return [Member(f"bench-{index + 1}", _KEY_ID, _PRIVATE_KEY) for index in range(count)]


def key_text(member: Member) -> str:
    """The private half as `--key-file` takes it."""
    return member.private_key.hex()


def operator() -> Member:
    return Member("bench-operator", _KEY_ID, _PRIVATE_KEY)


def subscribers(count: int) -> list[Member]:
    return [Member(f"bench-feed-{index + 1}", _KEY_ID, _PRIVATE_KEY) for index in range(count)]


def configuration(
    sessions: int, subscriber_count: int, instruments: int, sync: str = "always", order_wait_ms: int = 0
) -> str:
    """The TOML of an engine for this load: every session another participant, nobody throttled.

    Nor is an order refused that has waited, unless it is asked for: a closed loop waits as it likes.
    """
    assert sync in ("always", "relaxed")
    # All of them come from one address, and at once.
    parts = [
        f"[venue]\norder_wait_ms = {order_wait_ms}",
        f'[journal]\nsync = "{sync}"',
        f"[connections]\nwaiting_per_address = {2 * SESSIONS_MAX}",
    ]
    parts += [_instrument(number + 1) for number in range(instruments)]
    for number, member in enumerate(traders(sessions), start=1):
        parts.append(_participant(number))
        parts.append(_session(number, member.session, "trade", f"accounts = [{number}]"))
    for number, member in enumerate(subscribers(subscriber_count), start=sessions + 1):
        parts.append(_session(number, member.session, "market_data", ""))
    parts.append(_session(sessions + subscriber_count + 1, operator().session, "operator", ""))
    parts.append(f'[[keys]]\nid = "{_KEY_ID}"\npublic_key = "{public_key_of(_PRIVATE_KEY).hex()}"')
    return "\n\n".join(parts) + "\n"


def _instrument(number: int) -> str:
    return f"""\
[[instruments]]
id = {number}
symbol = "BENCH-{number}"
currency = "CNY"
tick_value_minor = 1
price_decimals = 2
lot_tonnes = 1
quantity_max_lots = 99999
reference_price_ticks = {MIDDLE_TICKS}
band_low_ticks = {MIDDLE_TICKS * 9 // 10}
band_high_ticks = {MIDDLE_TICKS * 11 // 10}"""


def _participant(number: int) -> str:
    return f"""\
[[participants]]
id = {number}
name = "BENCH-{number}"
accounts = [{{ id = {number}, name = "BENCH-{number}" }}]"""


def _session(number: int, name: str, role: str, rest: str) -> str:
    return f"""\
[[sessions]]
id = {number}
name = "{name}"
roles = ["{role}"]
key = "{_KEY_ID}"
{rest}""".rstrip()

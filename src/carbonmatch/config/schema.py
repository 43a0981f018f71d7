"""The shape of the configuration, and what follows from it for the engine. No file, no network."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from typing import Annotated, Any, Final, Literal, NewType, get_args

import msgspec
from msgspec import Meta, structs

from carbonmatch.config.bidding import Bidding, rules_of
from carbonmatch.config.blocks import Blocks
from carbonmatch.config.calendars import Calendar, Life, Schedule
from carbonmatch.config.clearing import ClearingTable
from carbonmatch.config.composites import Composite
from carbonmatch.config.confirmation import Confirmation
from carbonmatch.config.prices import Prices
from carbonmatch.config.profiles import Adjust
from carbonmatch.config.screen import Screen
from carbonmatch.config.section import Name, OneOrMore, OptionalName, Section
from carbonmatch.config.settlement import Settlement
from carbonmatch.config.volatility import Volatility
from carbonmatch.limits import (
    ACCOUNT_ID_MAX,
    CONNECTIONS_MAX,
    FAILED_LOGONS_MAX,
    FOLLOWER_SNAPSHOT_COMMANDS,
    FOLLOWER_SNAPSHOT_SECONDS,
    INSTRUMENT_ID_MAX,
    ORDER_WAIT_MS,
    ORDER_WAIT_MS_MAX,
    PRICE_TICKS_MAX,
    QUANTITY_LOTS_MAX,
    SEGMENT_BYTES,
    SESSION_ID_MAX,
    WAITING_PER_ADDRESS_MAX,
)
from carbonmatch.matching.messages import (
    AccountId,
    AllowedFlag,
    DefineAccount,
    DefineComposite,
    DefineDropCopy,
    DefineInstrument,
    DefineKey,
    DefineSession,
    GroupId,
    InstrumentDefinition,
    InstrumentId,
    KeySession,
    ParticipantId,
    Permission,
    Phase,
    SelfTradeFlag,
    SelfTradeKey,
    SelfTradePrevention,
    SelfTradeRules,
    SessionId,
    VenueCommand,
)
from carbonmatch.protocol.messages import Role

# A record has to fit a segment, so segments do not get smaller; 1 GiB takes a second to fill with zeros.
_SEGMENT_MIB_MIN: Final = SEGMENT_BYTES // 2**20
_SEGMENT_MIB_MAX: Final = 1024

_Positive = Annotated[int, Meta(ge=1)]
_Count = Annotated[int, Meta(ge=0, le=10**9)]
_Ticks = Annotated[int, Meta(ge=0, le=PRICE_TICKS_MAX)]
_Lots = Annotated[int, Meta(ge=1, le=QUANTITY_LOTS_MAX)]
# Ids start at 1: on the wire 0 means "any", and session 0 is the venue itself.
_InstrumentId = Annotated[InstrumentId, Meta(ge=1, le=INSTRUMENT_ID_MAX)]
_ParticipantId = Annotated[ParticipantId, Meta(ge=1, le=ACCOUNT_ID_MAX)]
_AccountId = Annotated[AccountId, Meta(ge=1, le=ACCOUNT_ID_MAX)]
_GroupId = Annotated[GroupId, Meta(ge=0, le=ACCOUNT_ID_MAX)]
_SessionId = Annotated[SessionId, Meta(ge=1, le=SESSION_ID_MAX)]
# Goes over the wire as a name.
KeyId = NewType("KeyId", str)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_KeyId = Annotated[
    KeyId,
    Meta(pattern=r"\A[A-Za-z0-9_.\-]{1,32}\Z", description="1 to 32 letters, digits, '_', '.' or '-'"),
]

# How people write the enums of `messages`: the same words in lower case.
RoleName = Literal["trade", "drop_copy", "market_data", "operator"]
TraderPermissionName = Literal["place", "cancel", "read"]
OperatorPermissionName = Literal[
    "phases",
    "prices",
    "trades",
    "accounts",
    "biddings",
    "settlement",
    "inspect",
    "kill",
    "decide",
    "sessions",
    "configuration",
]
PermissionName = TraderPermissionName | OperatorPermissionName
PhaseName = Literal["continuous", "halted", "cancel_only", "closed"]
OrderTypeName = Literal["limit", "market", "stop", "stop_limit", "iceberg", "minimum_quantity", "post_only"]
TimeInForceName = Literal["day", "gtc", "ioc", "fok", "gtd", "at_open", "at_close", "good_for_auction"]
SelfTradePreventionName = Literal["none", "cancel_newest", "cancel_oldest", "cancel_both", "decrement"]
SELF_TRADE_MODES: Final[tuple[SelfTradePreventionName, ...]] = get_args(SelfTradePreventionName)
SelfTradeKeyName = Literal["participant", "account", "group"]

ListenerName = Literal["order_entry", "market_data", "drop_copy", "ops"]
LISTENERS: Final[tuple[ListenerName, ...]] = ("order_entry", "market_data", "drop_copy", "ops")


class Venue(Section, frozen=True):
    # Part of what a client signs at logon, so that its answer to one venue is of no use at another.
    server_id: Name = "carbonmatch"
    # A new order that has waited longer for its turn is refused; 0: none is.
    order_wait_ms: Annotated[int, Meta(ge=0, le=ORDER_WAIT_MS_MAX)] = ORDER_WAIT_MS


class Listen(Section, frozen=True):
    """Where the listeners bind, as `host:port`. Port 0: any free one.

    That of drop copies is opened where a session has the role.
    """

    order_entry: str = "127.0.0.1:7400"
    market_data: str = "127.0.0.1:7410"
    drop_copy: str = "127.0.0.1:7420"
    ops: str = "127.0.0.1:7480"
    # Orders would cross the network readable for everyone on the way: nobody gets that by accident.
    insecure_plaintext: bool = False


class TlsFiles(Section, frozen=True):
    """PEM files. An empty `certificate`: this listener speaks no TLS."""

    certificate: str = ""  # the listener's own first, then those that have signed it
    key: str = ""
    client_ca: str = ""  # who has to have certified a client; empty: clients need no certificate


class Tls(Section, frozen=True):
    """Files for all listeners; a table of a listener's own replaces them as a whole."""

    certificate: str = ""
    key: str = ""
    client_ca: str = ""
    order_entry: TlsFiles | None = None
    market_data: TlsFiles | None = None
    drop_copy: TlsFiles | None = None
    ops: TlsFiles | None = None

    def of(self, listener: ListenerName) -> TlsFiles | None:
        """What a listener speaks TLS with; None where it does not."""
        files: TlsFiles | None = getattr(self, listener)
        if files is None:
            files = TlsFiles(self.certificate, self.key, self.client_ca)
        return files if files.certificate else None

    def place_of(self, listener: ListenerName) -> str:
        """Where in the file its certificates are named."""
        return "tls" if getattr(self, listener) is None else f"tls.{listener}"


class Connections(Section, frozen=True):
    """How many may be there, and what an address may do before it has logged on."""

    max: Annotated[int, Meta(ge=1, le=CONNECTIONS_MAX)] = CONNECTIONS_MAX
    waiting_per_address: Annotated[int, Meta(ge=1, le=CONNECTIONS_MAX)] = WAITING_PER_ADDRESS_MAX
    failed_logons: Annotated[int, Meta(ge=0, le=1_000)] = FAILED_LOGONS_MAX


class Journal(Section, frozen=True):
    directory: str = "data"
    # "relaxed" answers before the disk has it, and flags every report.
    sync: Literal["always", "relaxed"] = "always"
    segment_mib: Annotated[int, Meta(ge=_SEGMENT_MIB_MIN, le=_SEGMENT_MIB_MAX)] = _SEGMENT_MIB_MIN


class Follower(Section, frozen=True):
    """`carbonmatch follow`: a process beside the venue's, on the same journal."""

    ops: str = "127.0.0.1:7481"
    snapshot_commands: _Positive = FOLLOWER_SNAPSHOT_COMMANDS
    snapshot_seconds: _Positive = FOLLOWER_SNAPSHOT_SECONDS
    # Where segments go that no start needs any more; none: they stay where they are.
    archive: str = ""


class Throttle(Section, frozen=True):
    """Token buckets of one session: a rate, and how much may come at once. 0 and 0: none."""

    commands_per_second: _Count = 0
    commands_burst: _Count = 0
    cancels_per_second: _Count = 0
    cancels_burst: _Count = 0


class SelfTrade(Section, frozen=True):
    """Whose orders do not trade with each other, and what an order may ask for."""

    key: SelfTradeKeyName = "participant"
    modes: tuple[SelfTradePreventionName, ...] = SELF_TRADE_MODES

    def rules(self) -> SelfTradeRules:
        return SelfTradeRules(SelfTradeKey[self.key.upper()], _bits(SelfTradeFlag, self.modes))


class Instrument(Section, frozen=True):
    """As `InstrumentDefinition`, field by field: prices in ticks, quantities in lots."""

    id: _InstrumentId
    symbol: Name
    currency: Annotated[str, Meta(pattern=r"\A[A-Z]{3}\Z", description="three capital letters, like CNY")]
    tick_value_minor: _Positive
    price_decimals: Annotated[int, Meta(ge=0, le=9)]
    lot_tonnes: _Positive
    price_increment_ticks: Annotated[int, Meta(ge=1, le=PRICE_TICKS_MAX)] = 1
    quantity_increment_lots: _Lots = 1
    quantity_min_lots: _Lots = 1
    quantity_max_lots: _Lots = QUANTITY_LOTS_MAX
    reference_price_ticks: _Ticks = 0
    band_low_ticks: _Ticks = 0
    band_high_ticks: _Ticks = 0
    market_protection_ticks: _Ticks = 0
    self_trade_prevention: SelfTradePreventionName = "cancel_newest"
    opening_phase: PhaseName = "continuous"
    order_types: tuple[OrderTypeName, ...] = ("limit", "market", "post_only")
    times_in_force: tuple[TimeInForceName, ...] = ("day", "gtc", "ioc", "fok")
    self_trade: SelfTrade = SelfTrade()
    schedule: Name | None = None  # none: operators alone change its phase
    # First and last day on which it follows the schedule, on the calendar of that.
    list_date: date | None = None
    last_trade_date: date | None = None
    volatility: Volatility = Volatility()
    bidding: Bidding | None = None  # none: it has no biddings
    screen: Screen = Screen()
    blocks: Blocks | None = None  # none: no blocks are negotiated
    prices: Prices = Prices()
    clearing: ClearingTable | None = None  # none: its orders need neither units nor money
    delisted: bool = False  # out of the market: nothing is taken, what accounts have of it stays

    @property
    def life(self) -> Life:
        return Life(self.list_date, self.last_trade_date)

    @property
    def band(self) -> tuple[int, int]:
        """Lowest and highest price in ticks; 0 and 0: none, or none yet."""
        if self.prices.has_band:
            return self.prices.band(self.reference_price_ticks, self.price_increment_ticks)
        return self.band_low_ticks, self.band_high_ticks

    def definition(self) -> InstrumentDefinition:
        values = structs.asdict(self)
        values["instrument_id"] = values.pop("id")
        values["self_trade_prevention"] = SelfTradePrevention[self.self_trade_prevention.upper()]
        # Where there is a schedule, nothing is open before it has said so.
        is_scheduled = values.pop("schedule") is not None
        del values["list_date"], values["last_trade_date"]
        values["prices"] = self.prices.rules()
        values["band_low_ticks"], values["band_high_ticks"] = self.band
        values["opening_phase"] = Phase.CLOSED if is_scheduled else Phase[self.opening_phase.upper()]
        values["allowed"] = _bits(AllowedFlag, (*values.pop("order_types"), *values.pop("times_in_force")))
        values["self_trade"] = self.self_trade.rules()
        values["volatility"] = self.volatility.rules()
        values["bidding"] = rules_of(self.bidding)
        values["screen"] = self.screen.rules()
        values["blocks"] = None if self.blocks is None else self.blocks.rules()
        values["clearing"] = None if self.clearing is None else self.clearing.rules()
        return InstrumentDefinition(**values)


class Account(Section, frozen=True):
    id: _AccountId
    name: Name
    # Whose it really is, where an instrument's self-trade prevention goes by groups; 0: its participant's.
    group: _GroupId = GroupId(0)
    # By whose limits it goes in instruments that have some for its class; none: by those for everybody.
    holder_class: OptionalName = ""


class Participant(Section, frozen=True):
    """A firm."""

    id: _ParticipantId
    name: Name
    accounts: tuple[Account, ...]
    disabled: bool = False  # no session acts for any of its accounts


class Session(Section, frozen=True):
    """The identity of one gateway connection, with a stream of reports of its own."""

    id: _SessionId
    name: Name
    roles: tuple[RoleName, ...]
    key: _KeyId
    accounts: tuple[_AccountId, ...] = ()  # the first is the default
    throttle: Throttle | None = None  # in place of the venue's, as a whole
    participants: tuple[_ParticipantId, ...] = ()  # of a drop copy: it shows all their accounts
    # Empty, as without the key: every command of its roles.
    permissions: Annotated[tuple[PermissionName, ...], OneOrMore] = ()
    disabled: bool = False  # no key opens it

    @property
    def operator(self) -> bool:
        return "operator" in self.roles

    @property
    def is_drop_copy(self) -> bool:
        return "drop_copy" in self.roles


class Key(Section, frozen=True):
    """An Ed25519 public key. Its private half never comes near the venue."""

    id: _KeyId
    public_key: Annotated[
        str, Meta(pattern=r"\A[0-9a-f]{64}\Z", description="32 bytes as 64 hexadecimal digits in lower case")
    ]
    # Empty: whatever its session may do.
    roles: Annotated[tuple[RoleName, ...], OneOrMore] = ()
    # Names of sessions beside those that name this key: while keys are changed, both are good.
    sessions: tuple[Name, ...] = ()
    expires: Annotated[datetime, Meta(tz=True)] | None = None
    # Networks it may be used from; empty: any.
    addresses: Annotated[tuple[str, ...], OneOrMore] = ()
    # Empty: whatever its session may do.
    permissions: Annotated[tuple[PermissionName, ...], OneOrMore] = ()
    disabled: bool = False  # it opens nothing

    @property
    def public_key_bytes(self) -> bytes:
        return bytes.fromhex(self.public_key)

    @property
    def expires_ns(self) -> int:
        """UTC, exactly: a float of today's nanoseconds would be some hundred of them off."""
        if self.expires is None:
            return 0
        return (self.expires - _EPOCH) // timedelta(microseconds=1) * 1_000


class Config(Section, frozen=True):
    # Shipped markets, whose tables stand below behind the file's own, and what it says otherwise of them.
    profiles: tuple[str, ...] = ()
    adjust: Adjust = Adjust()
    venue: Venue = Venue()
    listen: Listen = Listen()
    tls: Tls = Tls()
    connections: Connections = Connections()
    journal: Journal = Journal()
    follower: Follower = Follower()
    settlement: Settlement = Settlement()
    throttle: Throttle = Throttle()
    calendars: tuple[Calendar, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    instruments: tuple[Instrument, ...] = ()
    composites: tuple[Composite, ...] = ()
    confirmation: Confirmation = Confirmation()
    participants: tuple[Participant, ...] = ()
    sessions: tuple[Session, ...] = ()
    keys: tuple[Key, ...] = ()

    def throttle_of(self, session: Session) -> Throttle:
        return self.throttle if session.throttle is None else session.throttle

    def accounts_of(self, session: Session) -> tuple[AccountId, ...]:
        """Those that the session acts for now: without those of disabled participants."""
        disabled = {
            account.id
            for participant in self.participants
            if participant.disabled
            for account in participant.accounts
        }
        return tuple(number for number in session.accounts if number not in disabled)


def may_log_on(key: Key, session: Session, role: Role) -> bool:
    """Whether `key` admits a connection of `session` in `role`: the only place that decides it."""
    name = role.name.lower()
    return (
        (session.key == key.id or session.name in key.sessions)
        and not (session.disabled or key.disabled)
        and name in session.roles
        and (not key.roles or name in key.roles)
    )


# --- what follows for the engine ------------------------------------------------------------------


def venue_commands(config: Config) -> list[VenueCommand]:
    """All that makes the market, in an order that follows from the ids and not from the file."""
    definitions = [instrument.definition() for instrument in sorted(config.instruments, key=_id)]
    commands: list[VenueCommand] = [DefineInstrument(definition) for definition in definitions]
    by_symbol = {definition.symbol: definition for definition in definitions}
    commands += [
        DefineComposite(composite.definition(by_symbol)) for composite in sorted(config.composites, key=_id)
    ]
    holders = [
        (account, participant) for participant in config.participants for account in participant.accounts
    ]
    commands += [
        DefineAccount(account.id, participant.id, account.name, account.group, account.holder_class)
        for account, participant in sorted(holders, key=lambda holder: holder[0].id)
    ]
    commands += [
        DefineDropCopy(session.id, session.name, shown_accounts(config, session))
        if session.is_drop_copy
        else DefineSession(
            session.id,
            session.name,
            config.accounts_of(session),
            session.operator,
            _bits(Permission, session.permissions),
        )
        for session in sorted(config.sessions, key=_id)
    ]
    return commands


def shown_accounts(config: Config, copy: Session) -> tuple[AccountId, ...]:
    """The accounts whose reports a drop copy holds, in the order of their ids."""
    of_participants = (
        account.id
        for participant in config.participants
        if participant.id in copy.participants
        for account in participant.accounts
    )
    return tuple(sorted({*copy.accounts, *of_participants}))


def key_commands(config: Config) -> list[DefineKey]:
    """Who may log on, and as what, in the order of the key ids."""
    return [
        DefineKey(
            key.id,
            key.public_key_bytes,
            tuple(
                KeySession(session.id, roles)
                for session in sorted(config.sessions, key=_id)
                if (roles := tuple(int(role) for role in Role if may_log_on(key, session, role)))
            ),
            key.expires_ns,
            key.addresses,
            _bits(Permission, key.permissions),
        )
        for key in sorted(config.keys, key=_id)
    ]


def configuration_digest(config: Config) -> bytes:
    """32 bytes that are equal where the market is: addresses, keys, throttles and order do not count."""
    return blake2b(msgspec.msgpack.encode(venue_commands(config)), digest_size=32).digest()


def _bits(flags: type, words: Iterable[str]) -> int:
    """The bits of `flags` that are written as these words."""
    bits = 0
    for word in words:
        bits |= getattr(flags, word.upper())
    return bits


def _id(item: Instrument | Composite | Session | Key) -> Any:
    return item.id

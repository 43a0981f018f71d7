"""The small venue that inputs are given to: its definitions, its journal, its snapshot, its disk."""

from typing import Any, Final

from msgspec import Raw

from carbonmatch.journal.record import (
    CHECKED_BYTES,
    HEADER,
    HEADER_BYTES,
    pack,
)
from carbonmatch.journal.recovery import recover
from carbonmatch.journal.segments import Anchor
from carbonmatch.journal.storage import Storage
from carbonmatch.journal.writer import JournalWriter
from carbonmatch.market_data.feed import MarketData
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import (
    VENUE_SESSION_ID,
    AccountId,
    AllowedFlag,
    AnyCommand,
    Cancel,
    ClearingRules,
    DefineAccount,
    DefineInstrument,
    DefineSession,
    Entry,
    Fees,
    InstrumentDefinition,
    InstrumentId,
    NewOrder,
    NewOrderLong,
    OrderType,
    ParticipantId,
    Ref,
    ScreenMechanism,
    ScreenRules,
    SessionId,
    Side,
    TimeInForce,
    TradeKind,
)
from carbonmatch.protocol.batch import EntryRecord, encode_record, stream_records
from carbonmatch.protocol.codec import encode
from carbonmatch.server.recovery import identity
from tests.journal.model_disk import ModelDisk, _File

TIME_NS: Final = 1_700_000_000_000_000_000
ALICE, BOB, CAROL, OPERATOR = SessionId(1), SessionId(2), SessionId(3), SessionId(4)
SESSIONS: Final = (ALICE, BOB, CAROL, OPERATOR)
EUA, CEA, LISTING, CLEARED = (InstrumentId(number) for number in range(1, 5))
SEGMENT_BYTES: Final = 2048


def definitions() -> list[AnyCommand]:
    """Two instruments, the first of which has every type of order; an operator.

    Alice and Carol are of one participant, Bob is of another.
    """
    return [
        DefineInstrument(
            InstrumentDefinition(
                EUA, "EUA", "EUR", 1, 2, 1, band_low_ticks=1, band_high_ticks=10**9, allowed=AllowedFlag.ALL
            )
        ),
        DefineInstrument(InstrumentDefinition(CEA, "CEA", "CNY", 1, 2, 1)),
        DefineAccount(AccountId(11), ParticipantId(1), "alpha"),
        DefineAccount(AccountId(12), ParticipantId(1), "alpha-2"),
        DefineAccount(AccountId(13), ParticipantId(2), "beta"),
        DefineSession(ALICE, "alice", (AccountId(11),)),
        DefineSession(BOB, "bob", (AccountId(13),)),
        DefineSession(CAROL, "carol", (AccountId(11), AccountId(12))),
        DefineSession(OPERATOR, "ops", (), operator=True),
    ]


def listing() -> DefineInstrument:
    """An instrument whose orders are selected, for those inputs that are about it."""
    screen = ScreenRules(ScreenMechanism.LISTING, levels_max=2, strict_level_order=False, order_list=True)
    allowed = AllowedFlag.LIMIT | AllowedFlag.DAY | AllowedFlag.GTC
    definition = InstrumentDefinition(LISTING, "LIST", "CNY", 1, 2, 1, allowed=allowed, screen=screen)
    return DefineInstrument(definition)


def cleared() -> DefineInstrument:
    """An instrument whose orders need units and money, for those inputs that are about accounts."""
    fees = (Fees(TradeKind.CONTINUOUS, 30, 30, 1, 1),)
    rules = ClearingRules(0, fees=fees, position_max_lots=10**6)
    definition = InstrumentDefinition(CLEARED, "CLEARED", "CNY", 1, 2, 1, clearing=rules)
    return DefineInstrument(definition)


def venue() -> tuple[Engine, MarketData]:
    """As it is after its definitions."""
    engine, market_data = Engine(durable=True), MarketData()
    engine.apply(Entry(1, TIME_NS, VENUE_SESSION_ID, definitions()))
    market_data.apply(engine.take_outputs(), TIME_NS)
    return engine, market_data


def entries() -> list[tuple[SessionId, list[AnyCommand]]]:
    """A little trading, an entry to a batch."""
    return [
        (VENUE_SESSION_ID, definitions()),
        (
            ALICE,
            [NewOrder(Ref(1), EUA, Side.SELL, 10, 100), NewOrder(Ref(2), EUA, Side.SELL, 5, 101)],
        ),
        (BOB, [NewOrder(Ref(1), EUA, Side.BUY, 12, 101)]),
        (
            ALICE,
            [
                Cancel(Ref(3), Ref(2)),
                NewOrder(Ref(4), CEA, Side.BUY, 7, 50),
                long(5, Side.SELL, 10, 100, display_lots=2, time_in_force=TimeInForce.GTC),
                long(
                    6, Side.BUY, 8, 90, order_type=OrderType.STOP_LIMIT, stop_price_ticks=110, display_lots=3
                ),
                long(7, Side.SELL, 4, 0, order_type=OrderType.STOP, stop_price_ticks=90, minimum_lots=2),
                long(8, Side.BUY, 3, 80, time_in_force=TimeInForce.GTD, expires_ns=TIME_NS + 60),
            ],
        ),
    ]


def long(ref: int, side: Side, lots: int, price: int, **fields: Any) -> NewOrderLong:
    """An order of the instrument that has every type, with more to it."""
    return NewOrderLong(Ref(ref), EUA, side, lots, price, **fields)


def record_payloads() -> list[tuple[bytes, int]]:
    """Each batch of `entries` as the journal keeps it, and its number of commands."""
    engine = Engine(durable=True)
    found = []
    for number, (session_id, commands) in enumerate(entries()):
        engine.apply(Entry(engine.sequence + 1, TIME_NS + number, session_id, commands))
        outputs = engine.take_outputs()
        entry = EntryRecord(TIME_NS + number, session_id, Raw(encode(commands)))
        found.append((encode_record([entry], stream_records(outputs), outputs.public), len(commands)))
    return found


def traded() -> tuple[Engine, MarketData]:
    """As it is after `entries`."""
    engine, market_data = Engine(durable=True), MarketData()
    for number, (session_id, commands) in enumerate(entries()):
        engine.apply(Entry(engine.sequence + 1, TIME_NS + number, session_id, commands))
        market_data.apply(engine.take_outputs(), TIME_NS + number)
    return engine, market_data


def write_journal(storage: Storage, *, closed: bool) -> Anchor:
    """The batches of `entries`, and an end; return its place."""
    writer = JournalWriter(
        storage, recover(storage, identity(durable=True), segment_bytes=SEGMENT_BYTES), spare_segments=1
    )
    writer.prepare_next()
    for payload, count in record_payloads():
        writer.append(payload, writer.durable_sequence + 1, count)
    writer.prepare_next()
    writer.seal()
    if closed:
        writer.close()
    return writer.anchor


# --- disks as bytes ----------------------------------------------------------------------------------


def disk_of(files: dict[str, bytes]) -> ModelDisk:
    """A disk with these files, as if they had been there for ever."""
    disk = ModelDisk()
    for name, data in files.items():
        file = _File()
        file.durable = bytearray(data)
        file.cached = bytearray(data)
        disk.names[name] = disk.durable_names[name] = file
    return disk


def contents(disk: ModelDisk) -> dict[str, bytes]:
    return {name: bytes(file.cached) for name, file in disk.names.items()}


def mended(segments: list[bytes]) -> list[bytes]:
    """The segments with every checksum and link made right again, as far as lengths lead.

    What is then wrong stands in contents that somebody wrote with care, or another version.
    """
    chain = 0
    found = []
    for segment in segments:
        data = bytearray(segment)
        offset = 0
        while offset + HEADER_BYTES <= len(data):
            _, length, first, _, count, kind, _, _, _ = HEADER.unpack_from(data, offset)
            if not any(data[offset : offset + CHECKED_BYTES]) or offset + HEADER_BYTES + length > len(data):
                break
            payload = bytes(data[offset + HEADER_BYTES : offset + HEADER_BYTES + length])
            record, chain = pack(kind, first, count, payload, previous_crc=chain, offset=offset)
            data[offset : offset + len(record)] = record
            offset += len(record)
        found.append(bytes(data[: len(segment)]))
    return found

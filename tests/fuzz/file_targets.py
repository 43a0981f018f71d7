"""What is read from files: journals, batches in them, snapshots, configurations."""

from functools import cache
from hashlib import blake2b
from typing import Final
from zlib import crc32

from carbonmatch.config import ConfigError, parse, venue_commands
from carbonmatch.config.words import in_words
from carbonmatch.journal import snapshots
from carbonmatch.journal.errors import JournalDamaged, JournalRefused
from carbonmatch.journal.reader import verify
from carbonmatch.journal.segments import segment_name
from carbonmatch.protocol.batch import (
    decode_outline,
    decode_public,
    decode_record,
    decode_stream,
    find_stream,
)
from carbonmatch.protocol.errors import ProtocolError
from carbonmatch.server import recovery
from carbonmatch.server.history import History
from carbonmatch.server.marks import Marks
from carbonmatch.server.venue_snapshot import VenueState, take_snapshot
from tests.fuzz import worlds
from tests.journal.model_disk import ModelDisk
from tests.server.turns import Turns

# --- journals --------------------------------------------------------------------------------------

_MENDED: Final = 0x80


def journal(data: bytes) -> str:
    """Segments one after the other; the first byte says whether their checksums are put right first."""
    flags = data[0] if data else 0
    body = data[1:]
    size = worlds.SEGMENT_BYTES
    segments = [body[at : at + size] for at in range(0, len(body), size)][:8]
    if flags & _MENDED:
        segments = worlds.mended(segments)
    disk = worlds.disk_of({segment_name(number): one for number, one in enumerate(segments, 1)})
    before = worlds.contents(disk)
    try:
        verify(disk)
    except (JournalDamaged, JournalRefused):
        pass
    try:
        recovered = _recover(disk)
    except (JournalDamaged, JournalRefused, recovery.Diverged) as refusal:
        assert worlds.contents(disk) == before, "a journal that is refused is left as it was"
        return type(refusal).__name__
    assert recovered.engine.sequence == recovered.journal.next_sequence - 1
    return f"recovered {min(recovered.commands, 1)}"


def _recover(disk: ModelDisk) -> recovery.Recovered:
    return recovery.recover_venue(
        disk, History(disk, Turns()), durable=True, segment_bytes=worlds.SEGMENT_BYTES
    )


def _image(*, closed: bool) -> bytes:
    disk = ModelDisk()
    worlds.write_journal(disk, closed=closed)
    return b"".join(data for _, data in sorted(worlds.contents(disk).items()))


@cache
def journal_seeds() -> list[bytes]:
    images = [_image(closed=closed) for closed in (False, True)]
    return [bytes((flags,)) + image for image in images for flags in (0, _MENDED, _MENDED)]


# --- a batch in a journal ----------------------------------------------------------------------------


def batch(data: bytes) -> str:
    """A payload whose checksums are right: it decodes whole, or is malformed."""
    try:
        find_stream(decode_outline(data), worlds.ALICE)
        record = decode_record(data, 1)
        for stream in record.streams:
            decode_stream(stream.reports)
        decode_public(record.public)
    except ProtocolError as error:
        return error.reason.name
    return "decoded"


def batch_seeds() -> list[bytes]:
    return [payload for payload, _ in worlds.record_payloads()]


# --- snapshots ---------------------------------------------------------------------------------------


def snapshot(data: bytes) -> str:
    """The only snapshot of a venue whose journal is whole: good, or passed over for a longer replay.

    The first byte says whether checksums are put right first.
    """
    files = dict(_journal_files())
    body = data[1:]
    if data and data[0] & _MENDED:
        body = _resealed(body)
    files[snapshots.snapshot_name(_SNAPSHOT_SEQUENCE)] = body
    disk = worlds.disk_of(files)
    try:
        recovered = _recover(disk)
    except (JournalDamaged, JournalRefused, recovery.Diverged) as refusal:
        return type(refusal).__name__
    return "taken" if recovered.snapshot_sequence else "passed over"


_SNAPSHOT_SEQUENCE: Final = sum(len(commands) for _, commands in worlds.entries())


@cache
def _journal_files() -> dict[str, bytes]:
    disk = ModelDisk()
    worlds.write_journal(disk, closed=True)
    return worlds.contents(disk)


@cache
def _good_snapshot() -> bytes:
    anchor = worlds.write_journal(ModelDisk(), closed=True)
    engine, market_data = worlds.traded()
    state = VenueState(engine, market_data, Marks())
    taken = take_snapshot(state, recovery.identity(durable=True), 1, anchor)
    assert taken.sequence == _SNAPSHOT_SEQUENCE
    return b"".join(snapshots._pack(taken))


def _resealed(body: bytes) -> bytes:
    """`body` with the checksums and the digest that its parts should have, as far as lengths lead."""
    header_bytes = snapshots._HEADER.size
    if len(body) < header_bytes:
        return body
    _, _, _, _, _, chunks, version_bytes, *_ = snapshots._HEADER.unpack_from(body)
    at = header_bytes + version_bytes
    parts = [body[:at], crc32(body[:at]).to_bytes(4, "little")]
    at += 4
    for _ in range(min(chunks, 4)):
        length = int.from_bytes(body[at : at + 4], "little")
        data = body[at + 8 : at + 8 + length]
        parts += [snapshots._CHUNK_HEADER.pack(len(data), crc32(data)), data]
        at += 8 + length
    parts.append(body[at : at + 36])
    sealed = b"".join(parts)
    return sealed + blake2b(sealed, digest_size=32).digest()


@cache
def snapshot_seeds() -> list[bytes]:
    return [bytes((flags,)) + _good_snapshot() for flags in (0, _MENDED, _MENDED)]


# --- configurations ----------------------------------------------------------------------------------


def configuration(data: bytes) -> str:
    """A file is a configuration that can be said in words, or every mistake in it is."""
    try:
        config = parse(data.decode(errors="replace"), "fuzz.toml")
    except ConfigError as error:
        return "refused" if error.problems else "refused without a reason"
    assert in_words(config)
    venue_commands(config)
    return "taken"


def configuration_seeds() -> list[bytes]:
    return [
        _CONFIGURATION.encode(),
        _REFUSED.encode(),
        _PROFILES.encode(),
        b"a = [[1, 2], {b = 1979-05-27T07:32:00Z}]\n",
    ]


CONFIGURATION_WORDS: Final = [
    word.encode()
    for word in (
        "[",
        "]",
        "[[",
        "{",
        "= 1\n",
        "[" * 2000,
        "{a=" * 1000,
        "a." * 200,
        "id = 0x" + "f" * 40,
        "id = 0x" + "f" * 5000,
        "id = " + "9" * 5000,
        "id = " + "9" * 40,
        "1e400",
        "nan",
        "inf",
        "true",
        '"""',
        "'''",
        "\\u0000",
        "\\U0010ffff",
        "9999-12-31",
        "00:00:60",
        "[venue]\n",
        "[listen]\n",
        "[[instruments]]\n",
        "[[sessions]]\n",
        "roles = []\n",
        "id = 0\n",
        "band_low_ticks = 1\n",
        'profiles = ["cea"]\n',
        "profiles = [[]]\n",
        "[adjust.instruments.CEA24.prices]\n",
        "[adjust.calendars]\n",
        'like = "CEA25"\n',
        "list_date = 2021-07-16\n",
    )
]

_PROFILES: Final = """\
profiles = ["kau", "cea"]

[adjust.calendars.korea]
holidays = [2026-01-01]

[adjust.schedules.kau-screen]
steps = [{ at = "09:00", phase = "continuous" }, { at = "12:00", phase = "closed" }]

[adjust.instruments.KAU]
reference_price_ticks = 7800
prices = { band_up_basis_points = 1000 }

[[instruments]]
like = "CEA25"
id = 26
symbol = "CEA26"
list_date = 2027-01-04
"""
_CONFIGURATION: Final = """\
[venue]
server_id = "fuzz"

[listen]
order_entry = "127.0.0.1:0"
market_data = "[::1]:0"
ops = "localhost:0"

[journal]
directory = "data"

[throttle]
commands_per_second = 10
commands_burst = 20

[[instruments]]
id = 1
symbol = "EUA"
currency = "EUR"
tick_value_minor = 1
price_decimals = 2
lot_tonnes = 1
reference_price_ticks = 100
band_low_ticks = 90
band_high_ticks = 110
quantity_max_lots = 1000

[[participants]]
id = 1
name = "ALICE"
accounts = [{ id = 11, name = "ALICE" }]

[[sessions]]
id = 1
name = "alice"
roles = ["trade"]
key = "alice"
accounts = [11]

[[keys]]
id = "alice"
public_key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
"""
_REFUSED: Final = """\
[listen]
order_entry = "0.0.0.0:99999"
insecure_plaintext = 1
[instruments]
id = 0xfffffffffffffffffffffffffffffffff
[[keys]]
id = "a\\u00e4"
"""

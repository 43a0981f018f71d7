"""What peers send to an engine: frames, messages, whole connections, commands in a market, requests."""

from collections.abc import Callable
from typing import Any, Final

from msgspec import structs

from carbonmatch.limits import FRAME_BYTES_MAX
from carbonmatch.market_data.feed import MarketData
from carbonmatch.market_data.subscriptions import Subscriptions
from carbonmatch.matching import state
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import (
    AmendmentCommand,
    AnyCommand,
    BustTrade,
    CorrectTrade,
    Entry,
    FoundTrade,
    OnAmendment,
    OnOutcome,
    OnSessions,
    OnTrade,
    OrderType,
    ProcessCommand,
    Ref,
    SessionId,
    SessionsRequest,
    Side,
    TimeInForce,
    TradeCommand,
    TradeId,
)
from carbonmatch.protocol import auth, codec, session
from carbonmatch.protocol.batch import encode_record, stream_records
from carbonmatch.protocol.errors import ProtocolError
from carbonmatch.protocol.frames import LENGTH_BYTES, FrameReader, frame
from carbonmatch.protocol.messages import GapRequest, Logon, LogonRejected, Role, Subscribe
from tests.fuzz import worlds
from tests.fuzz.mutation import SEPARATOR
from tests.matching.worlds import trades_of
from tests.protocol.vectors import load

# What goes back to a peer in a goodbye: a text of ours, and never what it has sent.
_ERROR_CHARS_MAX: Final = 256


def payloads(*files: str) -> list[bytes]:
    """Each golden message of these files as a payload of its own."""
    return [bytes.fromhex("91" + vector["hex"]) for file in files for vector in load(file)]


def refusal(error: ProtocolError) -> str:
    text = str(error)
    assert text.isascii(), text
    assert len(text) <= _ERROR_CHARS_MAX, text
    return error.reason.name


# --- frames --------------------------------------------------------------------------------------


def frames(data: bytes) -> str:
    """The first byte says how the rest is cut into chunks: cuts must make no difference."""
    stream = data[1:]
    whole = _cut([stream])
    step = 1 + (data[0] if data else 0)
    pieces = _cut([stream[at : at + step] for at in range(0, len(stream), step)])
    # An error in the first chunk hides the frames before it, so only what was refused is compared then.
    assert whole[1] == pieces[1], "cuts change what is refused"
    if whole[1] is None:
        assert whole[0] == pieces[0], "cuts change the frames"
    return "refused" if whole[1] else f"{min(len(whole[0]), 3)} frames"


def _cut(chunks: list[bytes]) -> tuple[list[bytes], str | None]:
    reader = FrameReader(FRAME_BYTES_MAX)
    found: list[bytes] = []
    for chunk in chunks:
        try:
            found += reader.feed(chunk)
        except ProtocolError as error:
            refusal(error)
            return found, str(error)
        assert len(reader._partial) <= FRAME_BYTES_MAX + LENGTH_BYTES, "more is kept than a frame"
    return found, None


def frame_seeds() -> list[bytes]:
    good = [bytes.fromhex(vector["hex"]) for vector in load("frames")]
    return [bytes((step,)) + b"".join(good) for step in (0, 2, 12, 255)] + [b"\x04" + one for one in good]


# --- messages ------------------------------------------------------------------------------------


def _decoding(decode: Callable[[bytes], Any]) -> Callable[[bytes], str]:
    def run(data: bytes) -> str:
        try:
            messages = decode(data)
        except ProtocolError as error:
            return refusal(error)
        again = codec.encode(messages if isinstance(messages, list) else [messages])
        assert decode(again) == messages, "what was decoded is not what it means"
        return "decoded"

    return run


commands: Final = _decoding(codec.decode_client_frame)
logon: Final = _decoding(codec.decode_logon_frame)
control: Final = _decoding(codec.decode_control_frame)
feed_requests: Final = _decoding(codec.decode_feed_frame)


def message_seeds() -> list[bytes]:
    return [
        *payloads("session", "commands", "short_forms", "venue_commands", "reports", "feed"),
        *(bytes.fromhex(payload) for vector in load("frames") for payload in vector["payloads"]),
        *(bytes.fromhex(vector["hex"]) for vector in load("refused")),
    ]


# --- a connection ----------------------------------------------------------------------------------

_PRIVATE_KEY: Final = bytes(range(32))
_NONCE: Final = b"\x5a" * 32
_SERVER_ID: Final = "fuzz"


def _honest_logon() -> Logon:
    unsigned = Logon(1, 1, "key", "alice", Role.TRADE, 1, 1_000, False, 0, bytes(64))
    return structs.replace(unsigned, signature=auth.sign(_PRIVATE_KEY, _SERVER_ID, _NONCE, unsigned))


_HONEST: Final = _honest_logon()
_LISTENER: Final = session.Listener(
    _SERVER_ID,
    frozenset({Role.TRADE, Role.MARKET_DATA, Role.DROP_COPY}),
    {"key": session.Credential(auth.public_key_of(_PRIVATE_KEY), frozenset({("alice", Role.TRADE)}))},
)
_RECEIVERS: Final = (
    session.Connection.receive_commands,
    session.Connection.receive_feed_requests,
    session.Connection.receive_nothing,
)
_MS: Final = 1_000_000


def connection(data: bytes) -> str:
    """Steps of a connection, each headed by its kind: a payload in a frame, raw bytes, time that passes."""
    rules = session.Connection(_LISTENER, _NONCE, 0)
    receive = _RECEIVERS[(data[0] if data else 0) % len(_RECEIVERS)]
    now_ns = 0
    try:
        for step in data[1:].split(SEPARATOR):
            kind = step[0] % 8 if step else 0
            if rules.closed:
                break
            if kind < 4 and len(step) > 1:
                _receive(rules, receive, frame(step[1:]), now_ns)
            elif kind == 4:
                _receive(rules, receive, step[1:], now_ns)
            elif kind == 5:
                now_ns += len(step) ** 4 * _MS
                _poll(rules, now_ns)
            elif kind == 6:
                rules.pause()
            elif kind == 7:
                rules.resume(now_ns)
    except ProtocolError as error:
        reason = refusal(error)
        rules.fail(error)
        assert rules.closed
        return reason
    return rules.state.name.lower()


def _receive(rules: session.Connection, receive: Callable[..., Any], chunk: bytes, now_ns: int) -> None:
    for payload in rules.feed(chunk, now_ns):
        if rules.state is session.State.AWAITING_LOGON:
            answer = rules.log_on(payload, now_ns, now_ns, "127.0.0.1")
            if isinstance(answer, LogonRejected):
                assert rules.closed
                return
            # Nobody gets in with a logon that its owner has not signed, whatever else stands in it.
            assert answer == _HONEST, answer
            assert rules.logon is answer
            assert rules.still_entitled(now_ns, "127.0.0.1")
        elif not rules.closed:
            receive(rules, payload, now_ns)


def _poll(rules: session.Connection, now_ns: int) -> None:
    deadline_ns = rules.deadline_ns
    assert deadline_ns is not None
    message = rules.poll(now_ns, now_ns)
    assert (message is not None) == (now_ns >= deadline_ns), "a deadline is when there is something to do"


def connection_seeds() -> list[bytes]:
    logged_on = b"\0" + codec.encode([_HONEST])
    assert SEPARATOR not in logged_on
    after = [
        b"\0" + payload for payload in payloads("session", "commands", "feed") if SEPARATOR not in payload
    ]
    raw = b"\4" + frame(logged_on[1:])
    pause, resume, wait = b"\6", b"\7", b"\5" * 7
    seeds = [[logged_on, *after[first : first + 3]] for first in range(0, len(after), 3)]
    seeds += [
        [raw[:40], wait, b"\4" + raw[40:], pause, wait, resume, wait],
        [logged_on, b"\4" + frame(after[0][1:])[:5], *[wait] * 9],
    ]
    return [
        bytes((receiver,)) + SEPARATOR.join(steps) for steps in seeds for receiver in range(len(_RECEIVERS))
    ]


# --- commands in a market ----------------------------------------------------------------------------

_WORLD: Final = state.snapshot(worlds.venue()[0])
_FEED: Final = worlds.venue()[1].state()


def market(data: bytes) -> str:
    """Payloads, each of the session that its first byte says, on a real engine: all are answered."""
    engine = state.restore(_WORLD)
    market_data = MarketData()
    market_data.restore(_FEED)
    answered = 0
    trades: list[FoundTrade] = []
    for number, payload in enumerate(data.split(SEPARATOR), 1):
        if not payload:
            continue
        session_id = worlds.SESSIONS[payload[0] % len(worlds.SESSIONS)]
        applied = _apply(engine, session_id, payload[1:], worlds.TIME_NS + number, trades)
        if applied:
            outputs = engine.take_outputs()
            trades += trades_of(outputs)
            # What a batch caused must have a form for the journal and for the wire.
            encode_record([], stream_records(outputs), outputs.public)
            market_data.apply(outputs, worlds.TIME_NS + number)
            answered += 1
    state.restore(state.snapshot(engine))
    return "applied" if answered else "nothing applied"


def _apply(
    engine: Engine, session_id: SessionId, payload: bytes, time_ns: int, trades: list[FoundTrade]
) -> bool:
    try:
        received = codec.decode_client_frame(payload)
    except ProtocolError:
        return False
    commands: list[AnyCommand] = []
    last_ref: int = engine.sessions[session_id].last_ref
    for message in received:
        # As the gateway does: what is for the session itself or asks beside the market, and refs used before,
        # never get here; what is about a trade or the process comes with what was found.
        ref = getattr(message, "ref", 0)
        if ref > last_ref and type(message) not in session.QUESTIONS:
            commands.append(_looked_up(message, trades))
            last_ref = ref
    if commands:
        engine.apply(Entry(engine.sequence + 1, time_ns, session_id, commands))
    return bool(commands)


def _looked_up(command: Any, trades: list[FoundTrade]) -> AnyCommand:
    if isinstance(command, TradeCommand):
        place = command.trade_id - 1
        return OnTrade(command, trades[place] if 0 <= place < len(trades) else None)
    if isinstance(command, SessionsRequest):
        return OnSessions(command, (), more=False)
    if isinstance(command, AmendmentCommand):
        return OnAmendment(command, applied=False)
    if isinstance(command, ProcessCommand):
        return OnOutcome(command, applied=False, at_sequence=0)
    found: AnyCommand = command
    return found


# Stops on both sides of where `rest` and `take` trade, an iceberg, a minimum, an order with a time.
_LONG: Final = [
    worlds.long(11, Side.BUY, 5, 0x66, order_type=OrderType.STOP_LIMIT, stop_price_ticks=0x65),
    worlds.long(12, Side.SELL, 6, 0, order_type=OrderType.STOP, stop_price_ticks=0x64),
    worlds.long(13, Side.SELL, 20, 0x65, display_lots=3),
    worlds.long(14, Side.BUY, 9, 0x65, minimum_lots=4),
    worlds.long(15, Side.SELL, 2, 0x66, time_in_force=TimeInForce.GTD, expires_ns=worlds.TIME_NS + 6),
    worlds.long(16, Side.BUY, 30, 0x66, order_type=OrderType.MARKET, time_in_force=TimeInForce.IOC),
]


def market_seeds() -> list[bytes]:
    def of(session_number: int, *payload: str) -> bytes:
        return bytes((session_number,)) + bytes.fromhex("".join(payload)) + SEPARATOR

    # NewOrder: ref, instrument, side, lots, price, account, type, time in force, prevention, flags.
    rest = of(0, "93", "9610010101 0a64", "9610020101 0a65", "9610030102 0acc80")
    take = of(1, "92", "9610010102 0564", "9b1002010214000002030000")
    amend = of(0, "94", "951204010005", "96130501000f66", "9411060200", "93150700")
    sweep = of(2, "92", "9b1001010219640b01030103", "93140201")
    operate = of(3, "92", "95cc80010102a0", "96cc8202010a0514")
    amend_trades = bytes((3,)) + codec.encode(
        [CorrectTrade(Ref(3), TradeId(1), 99, 2, "wrong"), BustTrade(Ref(4), TradeId(1), "wrong")]
    )
    special = b"".join(
        bytes((number % 2,)) + codec.encode([one]) + SEPARATOR for number, one in enumerate(_LONG)
    )
    return [
        rest,
        special,
        rest + special + take,
        rest + take,
        rest + take + amend,
        rest + take + amend_trades,
        rest + take + amend + sweep + rest + operate,
        operate + rest,
        *(bytes((number % 4,)) + one for number, one in enumerate(payloads("commands"))),
    ]


# --- requests of subscribers -------------------------------------------------------------------------


_RELEASED: Final = worlds.venue()[1]


def subscriptions(data: bytes) -> str:
    """Payloads of one subscriber: every request is answered with something that a client can read."""
    feed = Subscriptions(_RELEASED)
    subscriber = feed.join()
    outcome = "nothing asked"
    for number, payload in enumerate(data.split(SEPARATOR)):
        try:
            messages = codec.decode_feed_frame(payload)
        except ProtocolError:
            continue
        for message in messages:
            if isinstance(message, Subscribe):
                answers = feed.subscribe(subscriber, message, number)
            elif isinstance(message, GapRequest):
                answers = feed.request_gap(subscriber, message, number)
            else:
                continue
            outcome = "answered"
            for answer in answers:
                assert codec.decode_feed(answer)
        for sent in feed.drained(subscriber, number):
            assert codec.decode_feed(sent)
        assert not subscriber.is_waiting
    feed.leave(subscriber)
    assert not feed.group_count
    return outcome


def subscription_seeds() -> list[bytes]:
    # Subscribe: ref, instruments, kinds, levels, interval, batch; GapRequest: ref, instrument, batch.
    messages = ("91925001", "91945002910107", "9194500392010203", "9193510401", "9197500590073203cd012c01")
    own = [bytes.fromhex(one) for one in (*messages, "919451060001")]
    return [*payloads("feed", "session"), SEPARATOR.join(own), *own]

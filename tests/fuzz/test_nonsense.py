"""Commands that are right in form and senseless in content: the engine answers each of them.

Bytes that were mutated seldom decode; here every field has a value that its type allows, chosen by
Hypothesis, so that what is tried lies behind the decoder.
"""

from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from carbonmatch.limits import (
    ACCOUNT_ID_MAX,
    FRAME_MESSAGES_MAX,
    INSTRUMENT_ID_MAX,
    WIRE_INT_MAX,
)
from carbonmatch.matching import messages as m
from carbonmatch.matching.messages import Entry
from carbonmatch.protocol import codec
from carbonmatch.protocol.batch import encode_record, stream_records
from carbonmatch.protocol.messages import Heartbeat, Logout
from tests.fuzz import worlds

# Small numbers are those of orders, instruments and accounts that exist; large ones are the edges.
NUMBERS: Final = st.one_of(
    st.integers(0, 20),
    st.sampled_from([10**9, 10**9 + 1, 2**31, 2**32, 2**53 - 2, WIRE_INT_MAX]),
    st.integers(0, WIRE_INT_MAX),
)


def numbers(high: int) -> st.SearchStrategy[int]:
    return NUMBERS.filter(lambda value: value <= high)


REFS, ORDER_IDS = NUMBERS, NUMBERS
# Also, and mostly, ones that there are.
INSTRUMENTS = st.one_of(st.sampled_from([worlds.EUA, worlds.CLEARED, 0]), numbers(INSTRUMENT_ID_MAX))
ACCOUNTS = st.one_of(st.sampled_from([11, 12, 13, 0]), numbers(ACCOUNT_ID_MAX))
CURRENCIES: Final = st.sampled_from(["", "EUR", "CNY", "€€€"])
TEXTS: Final = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=64)
# Also, and mostly, one that there is.
LISTINGS: Final = st.one_of(st.sampled_from([worlds.LISTING, worlds.LISTING, worlds.EUA]), INSTRUMENTS)
COMMANDS: Final[st.SearchStrategy[Any]] = st.one_of(
    st.builds(
        m.NewOrder,
        st.just(0),
        INSTRUMENTS,
        st.sampled_from(m.Side),
        NUMBERS,
        NUMBERS,
        ACCOUNTS,
        st.sampled_from(m.OrderType),
        st.sampled_from(m.TimeInForce),
        st.sampled_from(m.SelfTradePrevention),
        NUMBERS,
    ),
    st.builds(m.Cancel, st.just(0), REFS, ORDER_IDS),
    st.builds(m.Reduce, st.just(0), REFS, ORDER_IDS, NUMBERS),
    st.builds(m.Replace, st.just(0), REFS, ORDER_IDS, NUMBERS, NUMBERS),
    st.builds(
        m.MassCancel,
        st.just(0),
        st.sampled_from(m.MassCancelScope),
        ACCOUNTS,
        INSTRUMENTS,
        st.integers(0, 2),
    ),
    st.builds(m.OrderStatusRequest, st.just(0), REFS, ORDER_IDS, ORDER_IDS),
    st.builds(m.Select, st.just(0), LISTINGS, st.sampled_from(m.Side), NUMBERS, ORDER_IDS, NUMBERS, ACCOUNTS),
    st.builds(m.SetPhase, st.just(0), INSTRUMENTS, st.sampled_from(m.Phase), TEXTS),
    st.builds(m.SetBand, st.just(0), INSTRUMENTS, NUMBERS, NUMBERS, NUMBERS),
    st.builds(
        m.EndDay,
        st.just(0),
        st.sampled_from((0, 20231114, 20231115, 20231231, 20231399, 99991231)),
        st.lists(INSTRUMENTS, max_size=3).map(tuple),
        TEXTS,
    ),
    st.builds(
        m.ConfirmSettlement,
        st.just(0),
        st.sampled_from((0, 20231114, 20231115)),
        st.integers(0, 3),
        st.just(bytes(32)),
        st.sampled_from(m.SettlementOutcome),
        st.lists(st.integers(0, 5), max_size=3).map(tuple),
        st.integers(0, 5),
    ),
    st.builds(m.SettlementStatusRequest, st.just(0), NUMBERS, st.booleans()),
    st.builds(m.InstrumentStatusRequest, st.just(0), st.sampled_from(("", "EUA", "\x1b[2J")), INSTRUMENTS),
    *(
        st.builds(kind, st.just(0), ACCOUNTS, INSTRUMENTS, NUMBERS, CURRENCIES, NUMBERS, TEXTS)
        for kind in (m.Deposit, m.Withdraw)
    ),
    *(
        st.builds(kind, st.just(0), ACCOUNTS, INSTRUMENTS, ACCOUNTS, INSTRUMENTS, CURRENCIES)
        for kind in (m.HoldingsRequest, m.InspectHoldings)
    ),
    st.builds(m.SetAccountLimits, st.just(0), ACCOUNTS, INSTRUMENTS, NUMBERS, NUMBERS, TEXTS),
    st.builds(
        m.RestrictAccount,
        st.just(0),
        ACCOUNTS,
        st.sampled_from(m.Restriction),
        INSTRUMENTS,
        st.booleans(),
        TEXTS,
    ),
)


@settings(max_examples=150)
@given(st.lists(st.tuples(st.sampled_from(worlds.SESSIONS), COMMANDS), min_size=1, max_size=30))
def test_every_command_that_decodes_is_answered(asked: list[tuple[m.SessionId, Any]]) -> None:
    engine, market_data = worlds.venue()
    first = engine.sequence + 1
    engine.apply(Entry(first, worlds.TIME_NS, m.VENUE_SESSION_ID, [worlds.listing(), worlds.cleared()]))
    first = engine.sequence
    listed: list[m.AnyCommand] = [
        m.NewOrder(m.Ref(number), worlds.LISTING, side, 1 + number, 99 + number % 3)
        for side in m.Side
        for number in range(side * 10, side * 10 + 5)
    ]
    engine.apply(Entry(first + 1, worlds.TIME_NS, worlds.BOB, listed))
    funds: list[m.AnyCommand] = [
        m.Deposit(m.Ref(1), m.AccountId(11), worlds.CLEARED, 10**10),
        m.Deposit(m.Ref(2), m.AccountId(13), m.InstrumentId(0), 0, "CNY", 10**15),
    ]
    engine.apply(Entry(engine.sequence + 1, worlds.TIME_NS, worlds.OPERATOR, funds))
    market_data.apply(engine.take_outputs(), worlds.TIME_NS)
    for number, (session_id, command) in enumerate(asked, 100):
        message = _with_ref(command, number)
        (received,) = codec.decode_client_frame(codec.encode([message]))
        engine.apply(Entry(engine.sequence + 1, worlds.TIME_NS + number, session_id, [received]))  # type: ignore[list-item]
        outputs = engine.take_outputs()
        assert any(report.ref == number for stream in outputs.streams for report in stream.reports)
        encode_record([], stream_records(outputs), outputs.public)
        market_data.apply(outputs, worlds.TIME_NS + number)
    engine.check()


def _with_ref(command: Any, ref: int) -> Any:
    return structs.replace(command, ref=ref)


@given(
    st.lists(
        st.one_of(
            COMMANDS.map(lambda command: _with_ref(command, 1)),
            st.builds(Heartbeat, NUMBERS),
            st.builds(Logout, TEXTS),
        ),
        min_size=1,
        max_size=FRAME_MESSAGES_MAX // 4,
    )
)
def test_what_is_right_in_form_means_the_same_behind_the_decoder(sent: list[Any]) -> None:
    assert codec.decode_client_frame(codec.encode(sent)) == sent

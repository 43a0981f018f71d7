"""An order of another account can be neither seen nor touched: it is as unknown as one that never was."""

import msgspec
import pytest

from carbonmatch.matching import messages as m
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import AnyCommand, AnyReport, Entry, OrderId, Ref, SessionId
from carbonmatch.matching.state import snapshot
from tests.matching.worlds import SESSIONS, seeded


def naming(order_id: OrderId, ref: Ref) -> list[AnyCommand]:
    """Every command that can name an order, naming this one."""
    none = Ref(0)
    return [
        m.Cancel(ref, none, order_id),
        m.Reduce(Ref(ref + 1), none, order_id, 1),
        m.Replace(Ref(ref + 2), none, order_id, 7, 100),
        m.OrderStatusRequest(Ref(ref + 3), none, order_id),
    ]


def answers(engine: Engine, session_id: SessionId, order_id: OrderId) -> list[AnyReport]:
    """What the session is told of the order; nobody is told anything besides."""
    ref = Ref(engine.sessions[session_id].last_ref + 1)
    commands = naming(order_id, ref)
    engine.apply(Entry(engine.sequence + 1, engine.time_ns, session_id, commands))
    outputs = engine.take_outputs()
    assert (outputs.public, outputs.levels) == ([], [])
    (stream,) = outputs.streams
    assert stream.session_id == session_id
    return stream.reports


@pytest.mark.parametrize("seed", [4, 6, 12])
def test_every_order_of_another_account_is_as_unknown_as_one_that_never_was(seed: int) -> None:
    engine = Engine()
    for entry in seeded(seed, 1_500):
        engine.apply(entry)
    engine.take_outputs()
    tried = 0
    books = resting(engine)
    for session_id in (SessionId(number) for number in range(1, len(SESSIONS) + 1)):
        own = engine.sessions[session_id].account_ids
        foreign = [
            order_id
            for account_id, account in engine.accounts.items()
            if account_id not in own
            for order_id in account.orders_by_id()
        ]
        never = OrderId(10**9)
        expected = [type(report) for report in answers(engine, session_id, never)]
        for order_id in foreign:
            reports = answers(engine, session_id, order_id)
            assert [type(report) for report in reports] == expected
            reasons = [report.reason for report in reports if isinstance(report, m.Rejected)]
            assert reasons == [m.RejectReason.UNKNOWN_ORDER] * 4
            tried += 1
    assert tried > 50
    assert resting(engine) == books


def resting(engine: Engine) -> list[list[object]]:
    """Every resting order of the venue, with all that is known of it."""
    fields: list[list[list[object]]] = msgspec.msgpack.decode(snapshot(engine))
    return fields[7]

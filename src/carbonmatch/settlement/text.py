"""A run as its file: CSV for the registry, and the same as JSON. Every field is in docs/settlement.md.

The bytes follow from the run and from what the venue calls itself and its trades: no clock, no version, no
place of the machine that makes them.
"""

import csv
import io
from collections.abc import Iterable
from hashlib import sha256
from typing import Any, Final

import msgspec
from msgspec import Struct

from carbonmatch.config.trade_numbers import DEFAULT_FORMAT, trade_number
from carbonmatch.matching.messages import AccountId
from carbonmatch.settlement.totals import Totals
from carbonmatch.settlement.trades import Adjustment, CarriedOver, Run, SettledTrade, Terms
from carbonmatch.words import price_text, utc_text

FORMAT_VERSION: Final = 1


class Naming(Struct, frozen=True):
    """What a venue calls itself and its trades."""

    venue: str = "carbonmatch"
    trade_number: str = DEFAULT_FORMAT


Row = dict[str, Any]


class Content(Struct, frozen=True):
    """The rows of a file, by their kind, in the order in which they stand in it."""

    header: Row
    instruments: list[Row]
    trades: list[Row]
    adjustments: list[Row]
    units: list[Row]
    cash: list[Row]
    fees: list[Row]
    carry_over: list[Row]
    footer: Row


_KINDS: Final = (
    ("INSTRUMENT", "instruments"),
    ("TRADE", "trades"),
    ("ADJUSTMENT", "adjustments"),
    ("UNITS", "units"),
    ("CASH", "cash"),
    ("FEES", "fees"),
    ("CARRY_OVER", "carry_over"),
)


def content_of(run: Run, naming: Naming) -> Content:
    """What the file of a run says."""
    totals = Totals(run)
    trades = [_trade_row(run, trade, naming) for trade in run.standing]
    adjustments = [_adjustment_row(run, one, naming) for one in run.adjustments]
    units = [
        {
            **_account(run, account_id, ""),
            "instrument": run.definitions[instrument_id].symbol,
            "bought_lots": one.bought_lots,
            "sold_lots": one.sold_lots,
            "net_lots": one.net_lots,
        }
        for (account_id, instrument_id), one in sorted(totals.units.items())
    ]
    cash = [
        {
            **_account(run, account_id, ""),
            "currency": currency,
            "paid_minor": one.paid_minor,
            "received_minor": one.received_minor,
            "fees_minor": one.fees_minor,
            "net_minor": one.net_minor,
        }
        for (account_id, currency), one in sorted(totals.cash.items())
    ]
    return Content(
        _header(run, naming),
        [_instrument_row(run, index) for index in range(len(run.ends))],
        trades,
        adjustments,
        units,
        cash,
        [{"currency": currency, "fees_minor": fees} for currency, fees in totals.fees_minor.items()],
        [_carry_over_row(run, one) for one in run.carried_over],
        {
            "trades": len(trades),
            "adjustments": len(adjustments),
            "busted": len(run.trades) - len(trades),
            "accounts": len({account for account, _ in totals.cash}),
            "quantity_lots": sum(row["quantity_lots"] for row in trades),
            "amount_minor": sum(row["amount_minor"] for row in trades),
            "fees_minor": sum(row["buyer_fee_minor"] + row["seller_fee_minor"] for row in trades),
        },
    )


def csv_of(content: Content) -> bytes:
    """Each kind of row with a row of its field names before the first; last the checksum of all before it."""
    lines = [*_csv_rows("HEADER", [content.header])]
    for kind, name in _KINDS:
        lines += _csv_rows(kind, getattr(content, name))
    lines += _csv_rows("FOOTER", [content.footer])
    body = _csv_text(lines)
    return body + _csv_text([["CHECKSUM", sha256(body).hexdigest()]])


def json_of(content: Content) -> bytes:
    """The same rows, as one object; last the checksum of the CSV file, which is that of the run."""
    values = {name: getattr(content, name) for name in Content.__struct_fields__}
    values["csv_sha256"] = sha256(csv_of(content)).hexdigest()
    return msgspec.json.format(msgspec.json.encode(values), indent=1) + b"\n"


def _csv_rows(kind: str, rows: list[Row]) -> Iterable[list[Any]]:
    if rows:
        yield [f"#{kind}", *rows[0]]
    for row in rows:
        yield [kind, *row.values()]


def _csv_text(lines: Iterable[list[Any]]) -> bytes:
    output = io.StringIO()
    csv.writer(output, lineterminator="\n").writerows(lines)
    return output.getvalue().encode()


# --- rows -----------------------------------------------------------------------------------------


def _header(run: Run, naming: Naming) -> Row:
    return {
        "format": FORMAT_VERSION,
        "venue": naming.venue,
        "trading_day": run.trading_day,
        "run": run.number,
        "ended": utc_text(run.ends[0].time_ns),
        "first_sequence": run.first_sequence,
        "last_sequence": run.sequence,
        "segment": run.place.segment,
        "offset": run.place.offset,
        "chain": f"{run.place.chain:08x}",
        "previous_segment_digest": run.place.previous_digest.hex(),
    }


def _instrument_row(run: Run, index: int) -> Row:
    end = run.ends[index]
    definition = run.definitions[end.instrument_id]
    prices = {
        "open": end.open_price_ticks,
        "high": end.high_price_ticks,
        "low": end.low_price_ticks,
        "close": end.close_price_ticks,
    }
    return {
        "instrument_id": end.instrument_id,
        "instrument": definition.symbol,
        "currency": definition.currency,
        "lot_tonnes": definition.lot_tonnes,
        "tick_value_minor": definition.tick_value_minor,
        **{name: price_text(ticks, definition.price_decimals) for name, ticks in prices.items()},
    }


def _trade_row(run: Run, trade: SettledTrade, naming: Naming) -> Row:
    return {
        "trade_number": trade_number(naming.trade_number, run.trading_day, trade.kind, trade.trade_id),
        "trade_id": trade.trade_id,
        "mode": trade.kind.name,
        "time": utc_text(trade.time_ns),
        **_worth(run, trade, trade.stands),
        **_account(run, trade.buyer, "buyer_"),
        "buyer_fee_minor": trade.stands.fees_minor[0],
        **_account(run, trade.seller, "seller_"),
        "seller_fee_minor": trade.stands.fees_minor[1],
        "state": "corrected" if trade.is_corrected else "",
    }


def _adjustment_row(run: Run, one: Adjustment, naming: Naming) -> Row:
    before, after = one.before, one.after
    return {
        "trade_number": trade_number(naming.trade_number, one.trading_day, one.kind, one.trade_id),
        "trade_id": one.trade_id,
        "mode": one.kind.name,
        "time": utc_text(one.time_ns),
        "trading_day": one.trading_day,
        "state": "busted" if one.is_bust else "corrected",
        **_worth(run, one, after),
        **_account(run, one.buyer, "buyer_"),
        **_account(run, one.seller, "seller_"),
        "quantity_change_lots": after.quantity_lots - before.quantity_lots,
        "amount_change_minor": after.amount_minor - before.amount_minor,
        "buyer_fee_change_minor": after.fees_minor[0] - before.fees_minor[0],
        "seller_fee_change_minor": after.fees_minor[1] - before.fees_minor[1],
    }


def _carry_over_row(run: Run, one: CarriedOver) -> Row:
    return {
        **_account(run, one.account_id, ""),
        "instrument": run.definitions[one.instrument_id].symbol,
        "net_sold_lots": one.sold_lots,
        "group": one.group,
        "group_net_sold_lots": one.group_sold_lots,
        "carry_over_max_lots": one.max_lots,
    }


def _worth(run: Run, trade: SettledTrade | Adjustment, terms: Terms) -> Row:
    definition = run.definitions[trade.instrument_id]
    return {
        "instrument_id": trade.instrument_id,
        "instrument": definition.symbol,
        "price": price_text(terms.price_ticks, definition.price_decimals),
        "quantity_lots": terms.quantity_lots,
        "tonnes": terms.quantity_lots * definition.lot_tonnes,
        "amount_minor": terms.amount_minor,
        "currency": definition.currency,
    }


def _account(run: Run, account_id: AccountId, side: str) -> Row:
    account = run.accounts[account_id]
    return {
        f"{side}participant_id": account.participant_id,
        f"{side}account_id": account_id,
        f"{side}account": account.name,
    }

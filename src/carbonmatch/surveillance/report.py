"""A report's content as a page: self-contained, without a script, the same bytes for the same content."""

from collections.abc import Iterable
from html import escape
from typing import Any, Final

_TITLES: Final = {
    "order_to_trade": "Orders to trades",
    "self_dealing": "Dealing with oneself",
    "closing_mark": "Outlier quotes near the close",
    "block_then_screen": "Block, then screen",
    "deadline": "Concentration before the deadline",
}
_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:96rem;padding:0 1rem;color:#1b2a2f}"
    "table{border-collapse:collapse;width:100%;margin:.5rem 0 2rem}"
    "th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid #d5dde0;"
    "overflow-wrap:break-word}th:first-child{min-width:12rem}"
    "th{background:#eef3f4}.note{background:#fff6dd;padding:.8rem 1rem}"
)
_HEADINGS: Final = ("finding", "instrument", "accounts", "orders", "trades", "from, to", "sequences")


def page(content: dict[str, Any]) -> str:
    """The whole page."""
    period = content["period"]
    days = f"{period['first'] or 'the first day'} to {period['last'] or 'the last day'}"
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Surveillance</title>',
        f"<style>{_STYLE}</style><h1>Surveillance</h1>",
        f"<p>{escape(days)}, UTC{period['utc_offset_hours']:+d}</p>",
        f'<p class="note">{escape(content["note"])}</p>',
    ]
    for name, title in _TITLES.items():
        parts.append(f"<h2>{title}</h2>")
        rows = content["findings"][name]
        if name == "deadline" and not content["deadline"]:
            parts.append("<p>No deadline was given.</p>")
        elif not rows:
            parts.append("<p>Nothing beyond the thresholds.</p>")
        else:
            parts.append(_table(_HEADINGS, (_cells(row) for row in rows)))
        if content["left_out"][name]:
            parts.append(f"<p>{content['left_out'][name]} findings of lower rank are left out.</p>")
    for whose, rows in content["ratios"].items():
        cells = ([row["id"], row["messages"], row["fills"], row["ratio"]] for row in rows)
        parts.append(f"<h2>Messages and fills by {whose}</h2>")
        parts.append(_table((whose, "messages", "fills", "ratio"), cells))
    parts.append("<h2>Thresholds</h2>")
    parts.append(_table(("threshold", "value"), content["thresholds"].items()))
    return "".join([*parts, "</html>\n"])


def _cells(row: dict[str, Any]) -> list[str]:
    accounts = [f"{one['account_id']} {one['account']}" for one in row["accounts"]]
    trades = [f"{one['trade_id']} {one['state']}".strip() for one in row["trades"]]
    more = row["trade_count"] - len(trades)
    return [
        row["words"],
        row["instrument"],
        ", ".join(accounts),
        ", ".join(map(str, row["orders"])),
        ", ".join([*trades, *([f"and {more} more"] if more else [])]),
        f"{row['first']} {row['last']}",
        ", ".join(map(str, row["sequences"])),
    ]


def _table(headings: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in headings)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(one))}</td>" for one in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"

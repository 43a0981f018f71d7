"""The report as one page of HTML: plots, every figure beside its source, and what is made up.

Reads an `Outcome` and nothing else, so that it says what the journal said.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from html import escape
from typing import Final

from carbonmatch.launch import assumptions, figures
from carbonmatch.launch.charts import Bar, Line, Note, Share, daily_bars, price_line, shares
from carbonmatch.launch.checks import Check
from carbonmatch.launch.outcome import Day, Market, Outcome
from carbonmatch.launch.style import STYLE
from carbonmatch.words import price_text

_MILLION: Final = 1_000_000
_GROUPS: Final = {
    "published": "Published figures, and what the journal adds up to",
    "conserved": "Conservation: what was bought was sold, what was paid was received",
    "held": "Accounts: what the venue says they have, and what came in and was traded",
    "plan": "What only the plan has",
    "journal": "The journal itself",
}


def report(outcome: Outcome) -> str:
    """The whole page."""
    body = [
        _head(outcome),
        _tiles(outcome),
        _tide(outcome),
        _two_columns(_block_share(outcome), _quarter(outcome)),
        _prices(outcome),
        _pilots(outcome),
        _accounts(outcome),
        _rules(outcome),
        _matched(outcome),
        _made_up(outcome),
        _machine(outcome),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>carbonmatch: the launch, replayed</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(body)}</main></body></html>\n"
    )


# --- at one glance --------------------------------------------------------------------------------


def _head(outcome: Outcome) -> str:
    days = outcome.national.days
    good = sum(check.ok for check in outcome.checks)
    verdict = "good" if outcome.ok else "bad"
    if outcome.ok:
        words = f"{good} of {len(outcome.checks)} figures match, to the tonne and the fen"
    else:
        words = f"{len(outcome.checks) - good} of {len(outcome.checks)} figures do NOT match"
    whole = "" if outcome.is_whole else " This run was cut short: the cycle has 114 days."
    return (
        '<header><p class="kicker">carbonmatch</p><h1>The launch, replayed</h1>'
        f"<p>China's national carbon market and the seven pilots, side by side through one engine: the first "
        f"compliance cycle, {_day(days[0].day)} to {_day(days[-1].day)}, {len(days)} trading days.{whole} "
        "Volumes, prices and sums were added up from the records of the journal.</p>"
        f'<p class="verdict {verdict}">{"✓" if outcome.ok else "✗"} {words}</p></header>'
    )


def _tiles(outcome: Outcome) -> str:
    national = outcome.national
    pilots = outcome.markets[1:]
    machine = outcome.machine
    pace = machine.simulated_seconds / max(machine.trading_seconds, 1e-9)
    tiles = (
        (f"{national.tonnes / _MILLION:,.2f} Mt", "national market", f"{_yuan(national.fen)} CNY"),
        (
            f"{sum(one.tonnes for one in pilots) / _MILLION:,.2f} Mt",
            "seven pilots",
            f"{_yuan(sum(one.fen for one in pilots))} CNY",
        ),
        (
            f"{national.companies_that_dealt:,}",
            "power companies dealt",
            f"of {national.companies:,} on the national list",
        ),
        (
            f"{sum(one.trades for one in outcome.markets):,}",
            "trades",
            f"{machine.commands:,} commands, each journaled and synced",
        ),
        (
            f"{machine.trading_seconds:,.0f} s",
            "for all of it",
            f"{pace:,.0f} times faster than it happened",
        ),
    )
    return (
        '<section class="tiles">'
        + "".join(
            f"<div><b>{escape(value)}</b><span>{escape(name)}</span><small>{escape(detail)}</small></div>"
            for value, name, detail in tiles
        )
        + "</section>"
    )


# --- plots ----------------------------------------------------------------------------------------


def _tide(outcome: Outcome) -> str:
    national = outcome.national
    share = outcome.fourth_quarter_basis_points()
    notes = [
        Note(figures.FIRST_DAY, date(2021, 9, 30), f"third quarter {_percent(10_000 - share)}"),
        Note(date(2021, 10, 1), figures.LAST_DAY, f"fourth quarter {_percent(share)}"),
        Note(date(2021, 12, 27), figures.LAST_DAY, _last_week(national), level=1),
    ]
    pilot_bars = [
        Bar(
            days[0].day,
            (sum(d.screen_tonnes for d in days) / _MILLION, sum(d.block_tonnes for d in days) / _MILLION),
            f"{_day(days[0].day)}: {sum(d.screen_tonnes + d.block_tonnes for d in days):,} t",
        )
        for days in zip(*(one.days for one in outcome.markets[1:]), strict=True)
    ]
    return (
        "<section><h2>The tide</h2>"
        "<p>Companies trade when they must: little after the opening, most of it in the weeks before the "
        "deadline of 31 December.</p>"
        f"<h3>National market {_legend()}</h3>"
        f"{daily_bars([_bar(day) for day in national.days], ('listed', 'block'), 'Mt a day', notes)}"
        f"<h3>Seven pilots together {_legend('screen')} <em>days and portions assumed</em></h3>"
        f"{daily_bars(pilot_bars, ('listed', 'block'), 'Mt a day', height=190)}</section>"
    )


def _bar(day: Day) -> Bar:
    return Bar(
        day.day,
        (day.screen_tonnes / _MILLION, day.block_tonnes / _MILLION),
        f"{_day(day.day)}: listed {day.screen_tonnes:,} t, blocks {day.block_tonnes:,} t, "
        f"close {price_text(day.close, 2)}",
    )


def _last_week(national: Market) -> str:
    last = [day for day in national.days if day.day >= date(2021, 12, 27)]
    return f"last week {sum(day.screen_tonnes + day.block_tonnes for day in last):,} t"


def _block_share(outcome: Outcome) -> str:
    rows = [
        Share(
            market.place if index else "National",
            market.block_share_basis_points,
            f"{_percent(market.block_share_basis_points)}" + ("" if index else " of volume"),
            strong=not index,
        )
        for index, market in enumerate(outcome.markets)
    ]
    return (
        "<h2>Blocks</h2><p>Most of the volume is negotiated in blocks of 100,000 t and more, outside of the "
        "close. National: from published totals; pilots: assumed.</p>"
        + shares(rows, figures.BLOCK_SHARE, f"over the years {_percent(figures.BLOCK_SHARE)}")
    )


def _quarter(outcome: Outcome) -> str:
    replayed = outcome.fourth_quarter_basis_points()
    rows = [
        Share(
            "2021 (replayed)",
            replayed,
            _percent(replayed) + (" of the cycle" if outcome.is_whole else " so far"),
            strong=True,
        ),
        *(
            Share(str(year), share, _percent(share) + " of the year")
            for year, share in figures.FOURTH_QUARTER_SHARES.items()
        ),
    ]
    return (
        "<h2>Last quarter</h2><p>The share of the national volume in its last quarter: this cycle, of which "
        "cumulated totals are published, beside the years after it.</p>" + shares(rows)
    )


def _prices(outcome: Outcome) -> str:
    marks = [
        (price.day, price.fen / 100, f"{price.name} {price_text(price.fen, 2)}, published")
        for price in figures.PRICES
        if price.name == "close"
    ]
    marks += [
        (day, fen / 100, f"{price_text(fen, 2)}, a published extreme")
        for day, fen in assumptions.EXTREME_TRADES
    ]
    national, *pilots = outcome.markets
    plots = "".join(
        f"<figure>{price_line(_line(market))}</figure>" for market in pilots if market.screen_tonnes
    )
    return (
        "<section><h2>Prices of eight markets</h2>"
        "<p>Closes in CNY a tonne by each market's own rule, the day's lowest and highest trade as a bar, "
        "its band behind them. Points are published prices; everything between them is made up, and all of "
        "the pilots' is.</p>"
        f"{price_line(_line(national), marks, wide=True)}"
        f'<div class="grid2">{plots}</div></section>'
    )


def _line(market: Market) -> Line:
    days = market.days
    return Line(
        f"{market.symbol} {market.place}",
        f"{market.tonnes / _MILLION:,.1f} Mt at {_average(market)}",
        [day.day for day in days],
        [day.close / 100 for day in days],
        [day.low / 100 for day in days],
        [day.high / 100 for day in days],
        [day.band_low / 100 for day in days],
        [day.band_high / 100 for day in days],
    )


def _pilots(outcome: Outcome) -> str:
    rows = [
        (
            f"{market.place} ({market.symbol})",
            f"{market.tonnes:,}",
            _yuan(market.fen),
            _average(market),
            _percent(market.block_share_basis_points),
            f"{market.trades:,}",
            f"{market.companies_that_dealt:,} of {market.companies:,}",
            ", ".join(f"{kind.lower()} {count:,}" for kind, count in outcome.kinds[market.symbol].items()),
        )
        for market in outcome.markets
    ]
    pilots = outcome.markets[1:]
    tonnes, fen = sum(one.tonnes for one in pilots), sum(one.fen for one in pilots)
    rows.append(
        (
            "Seven pilots",
            f"{tonnes:,}",
            _yuan(fen),
            price_text(round(fen / tonnes), 2) if tonnes else "",
            "",
            f"{sum(one.trades for one in pilots):,}",
            "",
            "",
        )
    )
    head = ("market", "tonnes", "CNY", "CNY/t", "blocks", "trades", "companies that dealt", "trades by kind")
    return (
        "<section><h2>Eight markets</h2><p>Each by the rules of its profile, and all on one calendar. "
        "Published of the pilots is their sum.</p>" + _table(head, rows, "numbers") + "</section>"
    )


def _accounts(outcome: Outcome) -> str:
    rows = [
        (
            f"{market.place} ({market.symbol})",
            f"{one.deposited_tonnes:,}",
            f"{one.moved_tonnes:,}",
            f"{one.companies_with_more:,}",
            f"{one.companies_with_less:,}",
            f"{one.held_tonnes:,}",
            _yuan(one.deposited_fen),
            _yuan(one.fees_fen),
            _yuan(one.held_fen),
        )
        for market in outcome.markets
        for one in [market.accounts]
    ]
    head = (
        "market", "tonnes brought", "net moved", "with more", "with less", "tonnes in the end", "CNY brought",
        "fees, CNY", "CNY in the end",
    )  # fmt: skip
    return (
        "<section><h2>Accounts</h2><p>Registry and banks bring allowances and money before the first day, "
        "both made up; from there on every order needs what it sells or pays, and what was bought is sold on "
        "a later day. In the end the venue was asked what each account has. Fees are those of Hubei of 2014; "
        "of the other markets none are known.</p>" + _table(head, rows, "numbers") + "</section>"
    )


def _rules(outcome: Outcome) -> str:
    return (
        "<section><h2>Rules at work</h2><p>What companies asked for beside the deals, which the engine "
        "refuses: prices outside of the band, orders above their size, a tonne more than they have or have "
        "had since yesterday, and purchases beyond their money. Offers that nobody takes expire with "
        "the day; orders that a taker has passed over are cancelled on request.</p>"
        + _two_columns(
            "<h3>Refused, by reason</h3>" + _counts(outcome.rejects),
            "<h3>Cancelled, by reason</h3>" + _counts(outcome.cancels),
        )
        + "</section>"
    )


def _counts(counts: dict[str, int]) -> str:
    rows = [(name.lower().replace("_", " "), f"{count:,}") for name, count in sorted(counts.items())]
    return _table(("reason", "times"), rows, "numbers") if rows else "<p>None.</p>"


# --- figures --------------------------------------------------------------------------------------


def _matched(outcome: Outcome) -> str:
    parts = ["<section><h2>Totals, matched</h2>"]
    for group, title in _GROUPS.items():
        checks = [check for check in outcome.checks if check.group == group]
        if not checks:
            continue
        bad = sum(not check.ok for check in checks)
        words = f"{bad} differ" if bad else f"all {len(checks)} match"
        table = _table(
            ("", "figure", "expected", "in the journal", "unit", "source"),
            [
                (
                    "✓" if check.ok else "✗",
                    check.name,
                    _value(check, check.expected),
                    _value(check, check.found),
                    check.unit,
                    check.source,
                )
                for check in checks
            ],
            "figures",
        )
        is_open = " open" if group == "published" or bad else ""
        name = "bad" if bad else "good"
        parts.append(
            f"<details{is_open}><summary>{escape(title)} <b class='{name}'>{words}</b></summary>"
            f"{table}</details>"
        )
    return "".join([*parts, "</section>"])


def _value(check: Check, value: int | str) -> str:
    if isinstance(value, str):
        return value
    return _yuan(value) if check.unit in ("CNY", "CNY/t") else f"{value:,}"


def _made_up(outcome: Outcome) -> str:
    sources = "".join(
        f"<li><code>{escape(source.key)}</code> {escape(source.title)}"
        + (f" <span>{escape(source.address)}</span>" if source.address else "")
        + "</li>"
        for source in figures.SOURCES
    )
    made_up = "".join(f"<li>{text}</li>" for text in assumptions.texts())
    return (
        '<section id="sources"><h2>What is sourced, what is derived, what is made up</h2>'
        f"<h3>Sources</h3><ul>{sources}</ul>"
        "<h3>Derived</h3><ul><li>Stretches between two published cumulated totals are their differences. "
        "Closes of the days before a published change follow from it. Shares are quotients of what is "
        "on this page.</li></ul>"
        f"<h3>Made up, from seed {outcome.seed}</h3><ul>{made_up}</ul></section>"
    )


def _machine(outcome: Outcome) -> str:
    machine = outcome.machine
    rows = [
        ("trading", f"{machine.trading_seconds:,.1f} s"),
        ("with planning, verification and second execution", f"{machine.seconds:,.1f} s"),
        ("commands", f"{machine.commands:,}"),
        ("batches, each one write and one sync", f"{machine.records:,}"),
        ("reports to sessions", f"{machine.reports:,}"),
        ("messages of the feed", f"{machine.feed_messages:,}"),
        ("bytes of journal", f"{machine.journal_bytes:,}"),
        ("restarts on the way", f"{machine.restarts}"),
        ("digest of the state", f"{machine.state_digest[:32]}"),
        ("version", outcome.version),
    ]
    return "<section><h2>The run</h2>" + _table(("", ""), rows, "numbers") + "</section>"


# --- pieces ---------------------------------------------------------------------------------------


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], name: str) -> str:
    def lines() -> Iterator[str]:
        if any(head):
            yield "<tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in head) + "</tr>"
        for row in rows:
            bad = ' class="bad"' if row[0] == "✗" else ""
            yield f"<tr{bad}>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"

    return f'<div class="scroll"><table class="{name}">{"".join(lines())}</table></div>'


def _two_columns(left: str, right: str) -> str:
    return f'<section class="grid2"><div>{left}</div><div>{right}</div></section>'


def _legend(screen: str = "listed") -> str:
    return f'<i class="key listed"></i> {screen} <i class="key block"></i> blocks'


def _percent(basis_points: int) -> str:
    return f"{basis_points / 100:.2f} %"


def _average(market: Market) -> str:
    return price_text(round(market.fen / market.tonnes), 2) if market.tonnes else ""


def _yuan(fen: int) -> str:
    whole, rest = divmod(fen, figures.FEN)
    return f"{whole:,}.{rest:02d}"


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"

"""What a run of the demo comes to, for people and as JSON, and whether everything is consistent."""

import msgspec
from msgspec import Struct
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from carbonmatch.config import Instrument
from carbonmatch.demo.day import Day
from carbonmatch.demo.tally import Totals, percentile_ns
from carbonmatch.demo_market import COMPANIES, INSTRUMENTS
from carbonmatch.words import price_text

# The demo's instruments are all in CNY with a tick of 0.01 and lots of a tonne: a tick on a lot is a fen.
_DECIMALS = 2
assert all(one.tick_value_minor == 1 and one.lot_tonnes == 1 for one in INSTRUMENTS)


class InstrumentSummary(Struct):
    """Money and prices as decimal text: JSON numbers are floats to most who read them."""

    symbol: str
    trades: int
    tonnes: int
    turnover_cny: str
    vwap_cny: str
    low_cny: str
    high_cny: str
    last_cny: str


class Latency(Struct):
    """From sending an order to its durable answer, in microseconds, each rounded up by at most 12.5 %."""

    p50: int
    p99: int
    p999: int


class Summary(Struct):
    ok: bool
    seed: int
    seconds: float
    companies: int
    gateways: int
    commands: int
    answered: int
    held_back: int
    orders: int
    rejects: dict[str, int]
    cancels: dict[str, int]
    trades: int
    tonnes: int
    turnover_cny: str
    commands_per_second: int
    latency_us: Latency
    instruments: list[InstrumentSummary]
    feed_batches_left_out: int
    journal_sequence: int
    journal_bytes: int
    proofs: dict[str, str]
    checks: dict[str, bool]


def latency(counts: list[int]) -> Latency:
    p50, p99, p999 = (-(-percentile_ns(counts, one) // 1_000) for one in (0.5, 0.99, 0.999))
    return Latency(p50, p99, p999)


def summarize(
    day: Day, seed: int, seconds: float, metrics: dict[str, float], proofs: dict[str, str]
) -> Summary:
    """`seconds` is how long was traded; `metrics` are the engine's last before it was stopped."""
    totals = day.tally.totals
    checks = checks_of(day)
    commands = day.total("commands")
    lots = sum(one.lots for one in totals.values())
    return Summary(
        ok=all(checks.values()),
        seed=seed,
        seconds=round(seconds, 3),
        companies=COMPANIES,
        gateways=len(day.desks),
        commands=commands,
        answered=day.total("answered"),
        held_back=day.total("held_back"),
        orders=day.total("accepted"),
        rejects={reason.name.lower(): count for reason, count in sorted(day.rejects().items())},
        cancels={reason.name.lower(): count for reason, count in sorted(day.cancels().items())},
        trades=len(day.tally.fills),
        tonnes=lots,
        turnover_cny=price_text(sum(one.ticks_lots for one in totals.values()), _DECIMALS),
        commands_per_second=round(commands / seconds) if seconds else 0,
        latency_us=latency(day.latency_ns.counts),
        instruments=[_instrument(one, totals[one.id]) for one in INSTRUMENTS if one.id in totals],
        feed_batches_left_out=day.feed.batches_left_out,
        journal_sequence=int(metrics.get("carbonmatch_journal_durable_sequence", 0)),
        journal_bytes=int(metrics.get("carbonmatch_journal_bytes_total", 0)),
        proofs=proofs,
        checks=checks,
    )


def checks_of(day: Day) -> dict[str, bool]:
    """By what is claimed. A feed that was too slow has left trades out, and said so: its volumes count."""
    tally = day.tally
    return {
        "every command was answered": day.total("answered") == day.total("commands"),
        "every trade has one buyer and one seller who heard the same": not tally.half_fills(),
        "every trade on the feed equals the fills at the gateways": (
            not tally.doubled_trades and (not tally.disagreements() or bool(day.feed.batches_left_out))
        ),
        "volume, turnover and trade count on the feed add up to the fills": not day.statistics_differ(),
        "every order ended once, with every tonne traded or cancelled": (
            not day.total("wrong_ends") and not day.open_order_count
        ),
    }


def _instrument(instrument: Instrument, totals: Totals) -> InstrumentSummary:
    vwap_ticks = (2 * totals.ticks_lots + totals.lots) // (2 * totals.lots)
    low, high, last, vwap = (
        price_text(ticks, _DECIMALS)
        for ticks in (totals.low_ticks, totals.high_ticks, totals.last_ticks, vwap_ticks)
    )
    turnover = price_text(totals.ticks_lots, _DECIMALS)
    return InstrumentSummary(instrument.symbol, totals.trades, totals.lots, turnover, vwap, low, high, last)


def as_json(summary: Summary) -> str:
    return msgspec.json.format(msgspec.json.encode(summary), indent=2).decode()


def view(summary: Summary) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("")
    for name in ("trades", "tonnes", "turnover CNY", "VWAP", "low", "high", "last"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in summary.instruments:
        turnover = _whole(one.turnover_cny)
        prices = (one.vwap_cny, one.low_cny, one.high_cny, one.last_cny)
        table.add_row(one.symbol, f"{one.trades:,}", f"{one.tonnes:,}", turnover, *prices)
    table.add_section()
    table.add_row("all", f"{summary.trades:,}", f"{summary.tonnes:,}", _whole(summary.turnover_cny))
    found = summary.latency_us
    lines = [
        f"{summary.companies:,} companies behind {summary.gateways} gateways, seed {summary.seed}, "
        f"{summary.seconds:.1f} s",
        f"{summary.commands:,} commands ({summary.commands_per_second:,} a second), "
        f"{summary.orders:,} orders, {summary.trades:,} trades",
        f"refused: {_counts(summary.rejects)}",
        f"cancelled: {_counts(summary.cancels)}",
        f"order to durable answer: p50 {_ms(found.p50)}, p99 {_ms(found.p99)}, p99.9 {_ms(found.p999)}",
        f"journal: sequence {summary.journal_sequence:,}, {summary.journal_bytes:,} bytes",
    ]
    return Group(
        table,
        Text("\n".join(lines)),
        Text("\n".join(["", *(f"{name}: {said}" for name, said in summary.proofs.items())])),
        *[
            Text.assemble(("good  " if holds else "WRONG ", "green" if holds else "bold red"), claim)
            for claim, holds in summary.checks.items()
        ],
    )


def _whole(money: str) -> str:
    """Without the fen, which nobody reads in a table; they are in the JSON."""
    return f"{int(money.partition('.')[0]):,}"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items()) or "none"


def _ms(microseconds: int) -> str:
    return f"{microseconds / 1_000:.2f} ms"

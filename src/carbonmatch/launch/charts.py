"""Plots as inline SVG. Colours are classes, so that the page's style sheet decides them in light and dark."""

from collections.abc import Sequence
from datetime import date
from html import escape
from itertools import pairwise

from msgspec import Struct


class Bar(Struct, frozen=True):
    """One day: what is stacked in it from below, and what is said of it."""

    day: date
    parts: tuple[float, ...]
    title: str


class Note(Struct, frozen=True):
    """Days with a bracket above them, and a text on it; a lower one on a higher level."""

    first: date
    last: date
    text: str
    level: int = 0


_LEFT = 52
_BOTTOM = 26
_NOTE = 24


def daily_bars(
    bars: Sequence[Bar], classes: Sequence[str], unit: str, notes: Sequence[Note] = (), height: int = 300
) -> str:
    """Stacked bars of trading days on a common axis, with months below and brackets above."""
    width = 1040
    top = 20 + _NOTE * (max(note.level for note in notes) + 1) if notes else 20
    plot_width, plot_height = width - _LEFT - 8, height - top - _BOTTOM
    highest = max((sum(bar.parts) for bar in bars), default=0) or 1
    step, ticks = _ticks(highest)
    scale = plot_height / (step * ticks)
    slot = plot_width / max(len(bars), 1)
    out = [_open(width, height)]
    for tick in range(ticks + 1):
        y = height - _BOTTOM - tick * step * scale
        out.append(f'<line class="grid" x1="{_LEFT}" x2="{width - 8}" y1="{y:.1f}" y2="{y:.1f}"/>')
        out.append(
            f'<text class="axis" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick * step:g}</text>'
        )
    out.append(f'<text class="axis" x="4" y="{top - 9}">{escape(unit)}</text>')
    at = {bar.day: _LEFT + index * slot for index, bar in enumerate(bars)}
    for bar in bars:
        y = float(height - _BOTTOM)
        out.append(f"<g><title>{escape(bar.title)}</title>")
        for part, name in zip(bar.parts, classes, strict=True):
            y -= part * scale
            out.append(
                f'<rect class="{name}" x="{at[bar.day] + slot * 0.12:.2f}" y="{y:.2f}" '
                f'width="{slot * 0.76:.2f}" height="{part * scale:.2f}"/>'
            )
        # What is too small to be pointed at can be pointed at all the same.
        out.append(
            f'<rect class="hit" x="{at[bar.day]:.2f}" y="{top}" width="{slot:.2f}" '
            f'height="{plot_height}"/></g>'
        )
    out += _months([bar.day for bar in bars], at, height)
    for note in notes:
        days = [day for day in at if note.first <= day <= note.last]
        if days:
            out += _bracket(at[days[0]], at[days[-1]] + slot, 13 + _NOTE * note.level, note.text)
    return "".join([*out, "</svg>"])


def _bracket(left: float, right: float, y: float, text: str) -> list[str]:
    anchor, x = "middle", (left + right) / 2
    if right - left < 160:
        anchor, x = ("end", right) if right > 600 else ("start", left)
    return [
        f'<path class="bracket" d="M{left + 1:.1f} {y + 10} v-5 H{right - 1:.1f} v5"/>',
        f'<text class="note" x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>',
    ]


def _months(days: Sequence[date], at: dict[date, float], height: int) -> list[str]:
    out = []
    for before, day in pairwise([date.min, *days]):
        if (before.year, before.month) != (day.year, day.month):
            out.append(
                f'<line class="month" x1="{at[day]:.1f}" x2="{at[day]:.1f}" y1="{height - _BOTTOM}" '
                f'y2="{height - _BOTTOM + 6}"/>'
                f'<text class="axis" x="{at[day] + 4:.1f}" y="{height - 8}">{day:%b}</text>'
            )
    return out


class Line(Struct, frozen=True):
    """A price through the days, inside its band."""

    name: str
    detail: str
    days: list[date]
    closes: list[float]
    lows: list[float]
    highs: list[float]
    band_lows: list[float]
    band_highs: list[float]


def price_line(line: Line, marks: Sequence[tuple[date, float, str]] = (), *, wide: bool = False) -> str:
    """A small plot of closes: the day's band behind them, its lowest and highest trade as a bar."""
    width, height = (1040, 260) if wide else (512, 170)
    left, right, top, bottom = 44, 54, 30, 24
    shown = [value for value in (*line.lows, *line.highs, *line.closes) if value]
    if not shown:
        return ""
    lowest, highest = min(shown), max(shown)
    room = (highest - lowest) * 0.12 or 1
    lowest, highest = lowest - room, highest + room
    plot_width, plot_height = width - left - right, height - top - bottom
    at = {day: left + plot_width * (index + 0.5) / len(line.days) for index, day in enumerate(line.days)}

    def y(value: float) -> float:
        value = min(max(value, lowest), highest)
        return top + plot_height * (1 - (value - lowest) / (highest - lowest))

    out = [_open(width, height)]
    out.append(f'<text class="name" x="{left - 40}" y="15">{escape(line.name)}</text>')
    out.append(
        f'<text class="axis" x="{width - right + 50}" y="15" text-anchor="end">{escape(line.detail)}</text>'
    )
    band = [f"{at[day]:.1f},{y(value):.1f}" for day, value in zip(line.days, line.band_highs, strict=True)]
    band += [
        f"{at[day]:.1f},{y(value):.1f}"
        for day, value in reversed(list(zip(line.days, line.band_lows, strict=True)))
    ]
    out.append(f'<polygon class="band" points="{" ".join(band)}"/>')
    step, _ = _ticks(highest - lowest, 4)
    tick = -(-lowest // step) * step
    while tick <= highest:
        out.append(
            f'<line class="grid" x1="{left}" x2="{width - right}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>'
        )
        out.append(
            f'<text class="axis" x="{left - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>'
        )
        tick += step
    for day, low, high in zip(line.days, line.lows, line.highs, strict=True):
        if high:
            out.append(
                f'<line class="range" x1="{at[day]:.1f}" x2="{at[day]:.1f}" '
                f'y1="{y(low) + 0.5:.1f}" y2="{y(high) - 0.5:.1f}"/>'
            )
    points = [
        f"{at[day]:.1f},{y(value):.1f}" for day, value in zip(line.days, line.closes, strict=True) if value
    ]
    out.append(f'<polyline class="line" points="{" ".join(points)}"/>')
    last = line.closes[-1]
    out.append(f'<text class="value" x="{width - right + 4}" y="{y(last) + 4:.1f}">{last:.2f}</text>')
    for day, value, text in marks:
        if day in at:
            out.append(
                f"<g><title>{escape(text)}</title>"
                f'<circle class="mark" cx="{at[day]:.1f}" cy="{y(value):.1f}" r="4"/></g>'
            )
    out += _months(line.days, at, height)
    return "".join([*out, "</svg>"])


class Share(Struct, frozen=True):
    """A row of a plot of shares, in basis points of the whole."""

    name: str
    basis_points: int
    detail: str
    strong: bool = False


def shares(rows: Sequence[Share], mark: int = 0, mark_text: str = "", width: int = 512) -> str:
    """Horizontal bars of up to 100 %, with a mark across all of them."""
    left, right, row_height, top = 104, 138, 24, 20 if mark else 4
    plot_width = width - left - right
    height = top + row_height * len(rows) + 4
    out = [_open(width, height)]
    for index, row in enumerate(rows):
        y = top + index * row_height
        name = "block" if row.strong else "block soft"
        out.append(
            f'<text class="label" x="{left - 8}" y="{y + 15}" text-anchor="end">{escape(row.name)}</text>'
        )
        out.append(f'<rect class="whole" x="{left}" y="{y + 3}" width="{plot_width}" height="16" rx="2"/>')
        out.append(
            f'<rect class="{name}" x="{left}" y="{y + 3}" height="16" rx="2" '
            f'width="{plot_width * row.basis_points / 10_000:.1f}"/>'
        )
        out.append(
            f'<text class="label" x="{left + plot_width + 8}" y="{y + 15}">{escape(row.detail)}</text>'
        )
    if mark:
        x = left + plot_width * mark / 10_000
        out.append(f'<line class="across" x1="{x:.1f}" x2="{x:.1f}" y1="{top - 4}" y2="{height - 2}"/>')
        out.append(
            f'<text class="note" x="{x:.1f}" y="{top - 8}" text-anchor="middle">{escape(mark_text)}</text>'
        )
    return "".join([*out, "</svg>"])


def _open(width: int, height: int) -> str:
    return f'<svg viewBox="0 0 {width} {height}" role="img" xmlns="http://www.w3.org/2000/svg">'


def _ticks(highest: float, wanted: int = 5) -> tuple[float, int]:
    """A round step, and how many of them reach `highest`."""
    step = 1e-9
    while True:
        for factor in (1, 2, 5):
            if step * factor * wanted >= highest:
                found = step * factor
                return found, max(1, int(-(-highest // found)))
        step *= 10

"""Plots as SVG text: they stand in a page, or in a file of their own, and need nothing from elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

from sage_local.bench.results import Spread
from sage_local.bench.units import number

_WIDTH = 760
_LABELS = 150
_VALUES = 150
"""Room for what is written left (at least) and right of the bars."""
_LETTER = 7.2
"""The mean width of a letter, of the wider fonts that may be drawn with."""
_ROW = 26
_BAR = 16
_HEAD = 34
_INK, _FAINT, _PAPER = "#1f2328", "#8c959f", "#ffffff"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar with its whisker from the least to the greatest value."""

    label: str
    spread: Spread
    colour: str


def bars(heading: str, rows: Sequence[Bar], *, unit: str = "") -> str:
    """Horizontal bars from zero, one scale for all, the median written behind each."""
    height = _HEAD + _ROW * len(rows) + 8
    most = max(row.spread.high for row in rows) or 1.0
    left = max(_LABELS, 16 + _LETTER * max(len(row.label) for row in rows))
    stretch = (_WIDTH - left - _VALUES) / most
    drawn = [_bar(row, left, _HEAD + place * _ROW, stretch, unit) for place, row in enumerate(rows)]
    return _svg(heading, height, drawn)


def _bar(row: Bar, left: float, top: float, stretch: float, unit: str) -> str:
    middle, spread = top + _BAR / 2, row.spread
    end = left + spread.median * stretch
    low, high = left + spread.low * stretch, left + spread.high * stretch
    return "".join(
        (
            _text(left - 8, middle + 4, row.label, anchor="end"),
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{max(end - left, 1):.1f}" height="{_BAR}" rx="2"'
            f' fill="{row.colour}"/>',
            _whisker(low, high, middle) if len(spread.values) > 1 else "",
            _text(max(end, high) + 8, middle + 4, f"{number(spread.median)}{unit and ' ' + unit}"),
        )
    )


def _whisker(low: float, high: float, middle: float) -> str:
    path = f"M{low:.1f} {middle:.1f}H{high:.1f}M{low:.1f} {middle - 4:.1f}v8M{high:.1f} {middle - 4:.1f}v8"
    return f'<path d="{path}" stroke="{_INK}" fill="none"/>'


_PLOT_HEIGHT = 160
_LEFT, _RIGHT, _BOTTOM = 80, 20, 30
_MOST_TICKS = 5


def points(heading: str, ticks: Sequence[str], values: Sequence[Spread | None], colour: str) -> str:
    """A point with its whisker over each tick, from zero up; a value may be missing."""
    highest = max((value.high for value in values if value is not None), default=0.0) or 1.0
    step = _round_step(highest)
    steps = ceil(highest / step)
    bottom = _HEAD + _PLOT_HEIGHT

    def y(value: float) -> float:
        return bottom - value / (steps * step) * _PLOT_HEIGHT

    drawn = [_gridline(y(mark * step), number(mark * step)) for mark in range(steps + 1)]
    width = (_WIDTH - _LEFT - _RIGHT) / len(ticks)
    for place, (tick, value) in enumerate(zip(ticks, values, strict=True)):
        x = _LEFT + width * (place + 0.5)
        drawn.append(_text(x, bottom + 20, tick, anchor="middle"))
        if value is not None:
            drawn.append(_point(x, y(value.low), y(value.median), y(value.high), colour))
    return _svg(heading, bottom + _BOTTOM, drawn)


def _round_step(most: float) -> float:
    """1, 2 or 5 times a power of ten, so that at most ``_MOST_TICKS`` of them reach ``most``."""
    rough = most / _MOST_TICKS
    power = 10.0 ** floor(log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)


def _gridline(y: float, label: str) -> str:
    line = f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="{_FAINT}" stroke-opacity="0.35"/>'
    return line + _text(_LEFT - 8, y + 4, label, anchor="end", colour=_FAINT)


def _point(x: float, low: float, middle: float, high: float, colour: str) -> str:
    path = f"M{x:.1f} {low:.1f}V{high:.1f}M{x - 5:.1f} {low:.1f}h10M{x - 5:.1f} {high:.1f}h10"
    return (
        f'<path d="{path}" stroke="{colour}" fill="none"/>'
        f'<circle cx="{x:.1f}" cy="{middle:.1f}" r="4" fill="{colour}"/>'
    )


def _text(x: float, y: float, text: str, *, anchor: str = "start", colour: str = _INK, weight: str = "") -> str:
    bold = f' font-weight="{weight}"' if weight else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"{bold}>{escape(text)}</text>'


def _svg(heading: str, height: float, drawn: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" width="{_WIDTH}"'
        f' height="{height:.0f}" font-family="system-ui, sans-serif" font-size="13" role="img">'
        f"<title>{escape(heading)}</title>"
        f'<rect width="100%" height="100%" fill="{_PAPER}"/>'
        f"{_text(8, 20, heading, weight='600')}{''.join(drawn)}</svg>\n"
    )

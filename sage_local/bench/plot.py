"""Plots as SVG text: they stand in a page, or in a file of their own, and need nothing from elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from sage_local.bench.results import Spread
from sage_local.bench.units import number

_WIDTH = 760
_LABELS = 150
_VALUES = 150
"""Room for what is written left and right of the bars."""
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
    stretch = (_WIDTH - _LABELS - _VALUES) / most
    drawn = [_bar(row, _HEAD + place * _ROW, stretch, unit) for place, row in enumerate(rows)]
    return _svg(heading, height, drawn)


def _bar(row: Bar, top: float, stretch: float, unit: str) -> str:
    middle, spread = top + _BAR / 2, row.spread
    end = _LABELS + spread.median * stretch
    low, high = _LABELS + spread.low * stretch, _LABELS + spread.high * stretch
    return "".join(
        (
            _text(_LABELS - 8, middle + 4, row.label, anchor="end"),
            f'<rect x="{_LABELS}" y="{top:.1f}" width="{max(end - _LABELS, 1):.1f}" height="{_BAR}" rx="2"'
            f' fill="{row.colour}"/>',
            _whisker(low, high, middle) if len(spread.values) > 1 else "",
            _text(max(end, high) + 8, middle + 4, f"{number(spread.median)}{unit and ' ' + unit}"),
        )
    )


def _whisker(low: float, high: float, middle: float) -> str:
    path = f"M{low:.1f} {middle:.1f}H{high:.1f}M{low:.1f} {middle - 4:.1f}v8M{high:.1f} {middle - 4:.1f}v8"
    return f'<path d="{path}" stroke="{_INK}" fill="none"/>'


_PLOT_HEIGHT = 240
_LEFT, _RIGHT, _BOTTOM = 70, 20, 46


def lines(heading: str, ticks: Sequence[str], series: Mapping[str, tuple[str, Sequence[Spread | None]]]) -> str:
    """Values over settings that are not on a scale: one place per tick, from zero up, a point and whisker at each.

    ``series`` is colour and points by name. A point may be missing.
    """
    most = max(point.high for _, points in series.values() for point in points if point is not None) or 1.0
    bottom = _HEAD + _PLOT_HEIGHT
    step = (_WIDTH - _LEFT - _RIGHT) / len(ticks)
    places = [_LEFT + step * (number + 0.5) for number in range(len(ticks))]
    drawn = [_axis(most, bottom)]
    drawn += [_text(x, bottom + 18, tick, anchor="middle") for x, tick in zip(places, ticks, strict=True)]
    for order, (name, (colour, points)) in enumerate(series.items()):
        shift = 5 * (order - (len(series) - 1) / 2)  # whiskers beside each other, not on top
        drawn.append(_series([x + shift for x in places], points, bottom, most, colour))
        drawn.append(_text(_LEFT + 160 * order, bottom + 38, f"● {name}", colour=colour))
    return _svg(heading, bottom + _BOTTOM, drawn)


def _axis(most: float, bottom: float) -> str:
    drawn = []
    for part in (0, 0.25, 0.5, 0.75, 1):
        y = bottom - part * _PLOT_HEIGHT
        drawn.append(f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="{_FAINT}" stroke-opacity="0.35"/>')
        drawn.append(_text(_LEFT - 8, y + 4, number(part * most), anchor="end", colour=_FAINT))
    return "".join(drawn)


def _series(places: Sequence[float], points: Sequence[Spread | None], bottom: float, most: float, colour: str) -> str:
    def y(value: float) -> float:
        return bottom - value / most * _PLOT_HEIGHT

    there = [(x, point) for x, point in zip(places, points, strict=True) if point is not None]
    path = " ".join(f"{x:.1f},{y(point.median):.1f}" for x, point in there)
    drawn = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>']
    for x, point in there:
        drawn.append(f'<path d="M{x:.1f} {y(point.low):.1f}V{y(point.high):.1f}" stroke="{colour}"/>')
        drawn.append(f'<circle cx="{x:.1f}" cy="{y(point.median):.1f}" r="3.5" fill="{colour}"/>')
    return "".join(drawn)


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

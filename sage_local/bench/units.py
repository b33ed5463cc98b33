"""Measures and figures in words: what a name means, and a value with as many digits as it deserves."""

from collections.abc import Iterable

_TITLES = {
    "seconds": "time, s",
    "cpu_s": "CPU, s",
    "cpu_s_per_million": "CPU s / million",
    "records_per_s": "records / s",
    "start_up_s": "start-up, s",
    "peak_bytes": "peak, MB",
}
_UNITS = ("_per_s", "_bytes", "_ms", "_us", "_ns", "_s")
_SHOWN_FIRST = ("seconds", "cpu_s", "cpu_s_per_million", "records_per_s", "start_up_s", "peak_bytes")
_FOR_FIGURES = ("records", "start_up_bytes")


def title(measure: str) -> str:
    """The head of its column: of those that contestants name themselves, the name with its unit apart."""
    if measure in _TITLES:
        return _TITLES[measure]
    for unit in _UNITS:
        if measure.endswith(unit):
            words = measure.removesuffix(unit).replace("_", " ")
            return (
                f"{words}, {'MB' if unit == '_bytes' else unit.strip('_').replace('per_s', '1/s').replace('us', 'µs')}"
            )
    return measure.replace("_", " ")


def shown(measure: str, value: float) -> str:
    """A value of a measure, without its unit; bytes as megabytes."""
    return number(value / 1e6 if measure.endswith("_bytes") else value)


def number(value: float) -> str:
    """Three digits that count, all before the point."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"


def amount(records: int) -> str:
    """The work of a contestant."""
    return f"{records:,} record{'' if records == 1 else 's'}"


def in_order(measures: Iterable[str]) -> list[str]:
    """The measures that are shown, those that every workload has first; of CPU time that per record where there is."""
    found = dict.fromkeys(measures)
    if "cpu_s_per_million" in found:
        found.pop("cpu_s", None)
    common = [measure for measure in _SHOWN_FIRST if measure in found]
    return [*common, *(measure for measure in found if measure not in _SHOWN_FIRST and measure not in _FOR_FIGURES)]

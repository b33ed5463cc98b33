"""The rows of the speed table: what runs, and which figures are made of it."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sage_local.bench.harness import Summary

HERE = Path(__file__).parent
LIMITS = "{limits}"
"""Stands for the program made of native/limits.c."""

Summaries = Mapping[str, Summary]


@dataclass(frozen=True)
class Figure:
    """One number of a row; ``goal`` is the least (or with ``at_most`` the most) that is good enough."""

    name: str
    value: float
    goal: float | None = None
    at_most: bool = False

    @property
    def is_reached(self) -> bool | None:
        if self.goal is None:
            return None
        return self.value <= self.goal if self.at_most else self.value >= self.goal


@dataclass(frozen=True)
class Row:
    """``contestants`` are commands by name; ``figures`` is asked once all have run."""

    name: str
    title: str
    contestants: Mapping[str, Sequence[str]]
    figures: Callable[[Summaries], list[Figure]]


def _script(name: str, *arguments: str) -> list[str]:
    return [sys.executable, str(HERE / name), *arguments]


def _amounts(script: str, *contestants: str) -> dict[str, list[str]]:
    return {f"{name} {amount}": _script(script, name, amount) for name in contestants for amount in ("many", "few")}


def _steady_s(runs: Summaries, name: str) -> float:
    return runs[f"{name} many"].seconds - runs[f"{name} few"].seconds


def _steady_cpu_s(runs: Summaries, name: str) -> float:
    return runs[f"{name} many"].cpu_s - runs[f"{name} few"].cpu_s


def _speed(runs: Summaries, floor: str, subject: str, goal: float) -> list[Figure]:
    """Against the floor: without start-up (the goal's), with it, and in CPU time."""
    whole = runs[f"{floor} many"].seconds / runs[f"{subject} many"].seconds
    return [
        Figure("speed / floor", _steady_s(runs, floor) / _steady_s(runs, subject), goal),
        Figure("speed / floor, start-up included", whole),
        Figure("CPU floor / CPU", _steady_cpu_s(runs, floor) / _steady_cpu_s(runs, subject)),
    ]


def _chain(runs: Summaries) -> list[Figure]:
    records = runs["sage many"].records
    overhead_ns = (_steady_cpu_s(runs, "sage") - _steady_cpu_s(runs, "loop")) / records * 1e9
    return [*_speed(runs, "loop", "sage", 0.95), Figure("overhead ns/record (CPU)", overhead_ns, 20, at_most=True)]


def _exchange(runs: Summaries) -> list[Figure]:
    making = _steady_cpu_s(runs, "make")
    records = runs["sage many"].records
    pipe, sage = ((_steady_cpu_s(runs, name) - making) / records * 1e9 for name in ("pipe", "sage"))
    return [Figure("CPU pipe / CPU", pipe / sage, 2), Figure("pipe ns/record", pipe), Figure("ns/record", sage)]


def _hello(runs: Summaries) -> list[Figure]:
    floor = runs["pyarrow"].seconds
    return [
        Figure("first line / import pyarrow", runs["hello"].report["first"] / floor, 2, at_most=True),
        Figure("exit / import pyarrow", runs["hello"].seconds / floor, 3, at_most=True),
        Figure("CPU / import pyarrow", runs["hello"].cpu_s / runs["pyarrow"].cpu_s),
        Figure("exit ms", runs["hello"].seconds * 1e3),
    ]


def _ring(runs: Summaries) -> list[Figure]:
    def ratio(size: int) -> float:
        return float(runs[f"ring {size}"].report["bytes_per_s"] / runs[f"copy {size}"].report["bytes_per_s"])

    records_per_us = 1e3 / runs["ring 64"].report["ns_per_record"]
    return [
        Figure("64 B: M records/s", records_per_us, 40),
        *(Figure(f"{size >> 10} KiB / copy limit", ratio(size), 0.8) for size in (64 << 10, 256 << 10)),
        Figure("64 KiB: GB/s", runs[f"ring {64 << 10}"].report["bytes_per_s"] / 1e9),
    ]


def _native_round_trip(runs: Summaries) -> list[Figure]:
    ns = {name: run.report["ns_per_record"] for name, run in runs.items()}
    return [
        Figure("spinning / cache-line ping-pong", ns["ring-spin"] / ns["pingpong"], 1.25, at_most=True),
        Figure("parked / futex", ns["ring-park"] / ns["futex"], 1.2, at_most=True),
        Figure("spinning ns", ns["ring-spin"]),
        Figure("parked µs", ns["ring-park"] / 1e3),
    ]


def _round_trip(runs: Summaries) -> list[Figure]:
    rounds = runs["rings many"].records
    rings_us = _steady_s(runs, "rings") / rounds * 1e6
    return [
        Figure("Pipe / rings", _steady_s(runs, "pipe") / _steady_s(runs, "rings"), 20),
        Figure("rings µs", rings_us),
    ]


def _latency(runs: Summaries) -> list[Figure]:
    figures: list[Figure] = []
    for rate in ("1000", "10000"):
        floor, sage = runs[f"futex {rate}"].report, runs[f"sage {rate}"].report
        figures += [
            Figure(f"p50 / futex at {rate}/s", sage["p50_us"] / floor["p50_us"], 3, at_most=True),
            Figure(f"p99 ms at {rate}/s", sage["p99_us"] / 1e3, 2, at_most=True),
            Figure(f"p50 µs at {rate}/s", sage["p50_us"]),
        ]
    return figures


def _state(runs: Summaries) -> list[Figure]:
    def per_key(name: str) -> float:
        many, few = runs[f"{name} many"], runs[f"{name} few"]
        return (many.peak_bytes - few.peak_bytes) / (many.records - few.records)

    names = ("reduce-dict", "reduce-sage", "window-dict", "window-sage")
    return [Figure(f"{name}: bytes per key", per_key(name)) for name in names]


def _idle(runs: Summaries) -> list[Figure]:
    report = runs["sage"].report
    return [
        Figure("CPU share of a core", report["cpu_share"], 0.01, at_most=True),
        Figure("Ctrl-C to exit, s", report["interrupt_s"], 1, at_most=True),
    ]


def _deaths(runs: Summaries) -> list[Figure]:
    """From the kernel's event."""
    ring, job = runs["ring"].report, runs["job"].report
    return [
        Figure("peer of a ring: max ms", ring["told_max_us"] / 1e3, 100, at_most=True),
        Figure("peer of a ring: p99 ms", ring["told_p99_us"] / 1e3),
        Figure("peer of a ring: p50 ms", ring["told_p50_us"] / 1e3),
        Figure("worker of a job: max ms", job["told_max_ms"], 100, at_most=True),
        Figure("worker of a job: p99 ms", job["told_p99_ms"]),
        Figure("worker of a job: p50 ms", job["told_p50_ms"]),
    ]


def _sizes(*sizes: int) -> dict[str, list[str]]:
    return {f"{what} {size}": [LIMITS, what, str(size)] for size in sizes for what in ("copy", "ring")}


_ROUND_TRIPS = {name: [LIMITS, name] for name in ("pingpong", "ring-spin", "futex", "ring-park")}
_RATES = {
    f"{what} {rate}": [LIMITS, "handover", rate] if what == "futex" else _script("latency.py", rate)
    for rate in ("1000", "10000")
    for what in ("futex", "sage")
}


def _against(name: str, title: str, floor: str, subject: str, goal: float) -> Row:
    """One of the rows of windows and keyed state: a contestant of ``windows.py`` against another."""
    contestants = _amounts("windows.py", floor, subject)
    return Row(name, title, contestants, lambda runs: _speed(runs, floor, subject, goal))


_WINDOWS = (
    _against("tumbling_1", "tumbling windows, 1 worker", "tumbling-loop", "tumbling-sage1", 0.8),
    _against("tumbling_2", "tumbling windows, 2 workers against 2 processes", "tumbling-two", "tumbling-sage2", 0.8),
    _against("sliding", "sliding windows against tumbling ones", "tumbling-sage1", "sliding-sage1", 0.5),
    _against("session", "session windows against tumbling ones", "tumbling-sage1", "session-sage1", 0.5),
    _against("session_bursts", "many short sessions against tumbling", "tumbling-sage1", "session-bursts-sage1", 0.5),
    _against("reduce", "keyed reduce by a lambda, 1 worker", "reduce-loop", "reduce-sage1", 0.7),
)

ROWS = (
    Row("ring", "C ring against the copy limit of two processes", _sizes(64, 64 << 10, 256 << 10), _ring),
    Row("native_round_trip", "C round trip, spinning and parked", _ROUND_TRIPS, _native_round_trip),
    Row("round_trip", "Python round trip against Pipe", _amounts("round_trip.py", "pipe", "rings"), _round_trip),
    Row("chain", "map → filter → map of lambdas, 1 worker", _amounts("chain.py", "loop", "sage"), _chain),
    Row(
        "wordcount_1",
        "word count (batch), 1 worker",
        _amounts("wordcount.py", "loop", "sage1"),
        lambda runs: _speed(runs, "loop", "sage1", 0.9),
    ),
    Row(
        "wordcount_2",
        "word count (batch), 2 workers against 2 processes",
        _amounts("wordcount.py", "two", "sage2"),
        lambda runs: _speed(runs, "two", "sage2", 0.8),
    ),
    Row(
        "cpu_bound",
        "CPU-bound function, 2 workers against 2 processes",
        _amounts("cpu_bound.py", "two", "sage2"),
        lambda runs: _speed(runs, "two", "sage2", 0.95),
    ),
    Row(
        "exchange",
        "exchange of 3-field dicts against pickle 5 over Pipe",
        _amounts("exchange.py", "pipe", "sage", "make"),
        _exchange,
    ),
    Row(
        "hello",
        "start-up against importing pyarrow",
        {name: _script("hello.py", name) for name in ("pyarrow", "hello")},
        _hello,
    ),
    Row("latency", "open-loop latency to a sink in another worker", _RATES, _latency),
    Row(
        "deaths",
        "from a SIGKILL to its peers' knowing",
        {"ring": _script("ring_kills.py", "--kills", "1000"), "job": _script("deaths.py", "50")},
        _deaths,
    ),
    *_WINDOWS,
    Row(
        "state",
        "memory of state per key beside a bare dict's",
        _amounts("state.py", "reduce-dict", "reduce-sage", "window-dict", "window-sage"),
        _state,
    ),
    Row("idle", "an idle job, and Ctrl-C", {"sage": _script("idle.py")}, _idle),
)

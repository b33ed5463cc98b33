"""The tutorial's programs in examples/: on both engines, against what plain Python makes of the same data."""

import importlib
import os
import subprocess
import sys
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from types import ModuleType
from typing import Any

import pytest

from sage_local.testing import check_equivalent

EXAMPLES = Path(__file__).parents[1] / "examples"
Run = Callable[..., list[str]]
NAMES = [
    "custom_functions",
    "log_processing",
    "moving_averages",
    "sensor_windows",
    "simple_streaming",
    "user_sessions",
]


@pytest.fixture(params=["--inline", "--parallelism=2"])
def run(request: pytest.FixtureRequest) -> Run:
    """The lines that an example prints on an engine."""

    def run(name: str, *arguments: str) -> list[str]:
        command = [sys.executable, "-m", "sage_local", "run", "local", request.param, EXAMPLES / f"{name}.py"]
        done = subprocess.run(
            [*command, "--", *arguments],
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            encoding="utf-8",
            timeout=50,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in workers, which look where their caller does."""
    monkeypatch.syspath_prepend(str(EXAMPLES))


def example(name: str) -> ModuleType:
    return importlib.import_module(name)


def promised(name: str) -> list[str]:
    """The lines of output that the docstring shows."""
    shown = (example(name).__doc__ or "").split("::\n\n", 1)[1].split("\n\n")[0]
    return [line.strip() for line in shown.splitlines() if line.strip() != "..."]


@pytest.mark.parametrize("name", NAMES)
def test_an_example_prints_what_its_docstring_shows(name: str, run: Run) -> None:
    printed = run(name)
    for line in promised(name):
        start, dots, _ = line.partition("...")
        assert any(found.startswith(start) if dots else found == line for found in printed), (line, printed)


def test_simple_streaming_keeps_the_order_of_the_characters(run: Run) -> None:
    signs = [chr(code) for code in range(70_000) if unicodedata.category(chr(code)) == "Sc"]
    assert [line.split()[1] for line in run("simple_streaming")] == signs


def test_custom_functions_takes_packages_and_counts_their_functions(run: Run) -> None:
    # What does not change from one Python to the next: bisect is no package, json.tool has main() without a docstring.
    lines = run("custom_functions", "json")
    assert "json.tool: 0 of 1 public functions are documented" in lines
    shares = [int(line.split(": ")[1].split()[0]) / int(line.split(" of ")[1].split()[0]) for line in lines]
    assert shares == sorted(shares, reverse=True)


def test_sensor_windows_are_those_of_a_loop_over_the_recording(run: Run) -> None:
    rates: dict[tuple[str, int], list[int]] = defaultdict(list)
    for row in (EXAMPLES / "data/machine.csv").read_text().splitlines()[1:]:
        time_ms, sensor, rate = row.split(",")
        rates[sensor, int(time_ms) // 5_000 * 5].append(int(rate))
    expected = [
        f"{datetime.fromtimestamp(start, UTC):%H:%M:%S}  {sensor:16}  {len(found):3} readings,"
        f" mean {fmean(found):8,.1f}/s, peak {max(found):8,}/s"
        for (sensor, start), found in rates.items()
    ]
    assert sorted(run("sensor_windows")) == sorted(expected)


def test_sensor_windows_measures_this_machine(run: Run) -> None:
    """The number of windows depends on when it starts."""
    sensors = Counter(line[10:26].strip() for line in run("sensor_windows", "0.5"))
    assert sensors.keys() == {"context switches", "interrupts", "new processes"}


def test_log_processing_tells_of_every_line_it_could_not_read(run: Run, tmp_path: Path) -> None:
    log = tmp_path / "dpkg.log"
    log.write_text(
        "2024-01-01 10:00:00 install a <none> 1\n2024-01-02 10:00:00 install b <none> 1\ngarbage\n"
        "2024-01-02 11:00:00 install c <none> 1\n2024-01-02 11:00:00 status installed c 1\nnever at all x\n"
    )
    *done, first, second = sorted(run("log_processing", str(log)))
    assert done == ["3 x install, most on 2024-01-02 (2)"]
    assert first.startswith("not understood: 'garbage' (ValueError: ")
    assert second.startswith("not understood: 'never at all x' (ValueError: Invalid isoformat string")


def test_moving_averages_are_those_of_a_loop_over_the_days(run: Run) -> None:
    module = example("moving_averages")
    noons = list(module.noons(["Europe/Lisbon"]))
    averages = [
        (f"{fmean(noon.hours for noon in noons[end - 365 : end]):+.2f} h", noons[end - 1].day)
        for end in range(365, len(noons) + 1, 73)
    ]
    changes = [averages[0], *(after for before, after in pairwise(averages) if after[0] != before[0])]
    expected = [f"Europe/Lisbon: {average} in the year to {day}" for average, day in changes]
    assert run("moving_averages", "Europe/Lisbon") == expected


def test_user_sessions_hold_every_view_but_the_late_ones_apart_by_the_gap(run: Run) -> None:
    module = example("user_sessions")
    printed = run("user_sessions")
    late = [line.removeprefix("too late: ").split() for line in printed if line.startswith("too late: ")]
    views = sorted(module.page_views(), key=lambda view: (view.user, view.time))
    views = [view for view in views if [view.user, f"{view.time:%H:%M}", view.page] not in late]
    visits: list[list[Any]] = []
    for view in views:
        if visits and visits[-1][-1].user == view.user and view.time - visits[-1][-1].time < module.GAP:
            visits[-1].append(view)
        else:
            visits.append([view])
    expected = [
        f"{visit[0].user:6} {visit[0].time:%H:%M}, {(visit[-1].time - visit[0].time) // timedelta(minutes=1)} min,"
        f" {len(visit)} page{'s' * (len(visit) > 1)}: {', '.join(view.page for view in visit)}"
        for visit in visits
    ]
    assert len(late) > 0
    assert sorted(set(printed) - {line for line in printed if line.startswith("too late")}) == sorted(expected)


def test_user_sessions_are_the_same_in_every_shape() -> None:
    module = example("user_sessions")

    def build(env: Any) -> dict[str, Any]:
        visits = module.visits(env.from_collection(module.page_views(), name="views"))
        return {"visits": visits, "late": visits.side_output(module.LATE)}

    assert len(check_equivalent(build, workers=[1, 3])["visits"]) == 15

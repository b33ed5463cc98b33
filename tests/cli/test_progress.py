import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

import pytest

from sage_local.cli.progress import ProgressLine, duration_text, status_text
from sage_local.runtime.protocol.progress import LongCall, OperatorProgress, Progress

LOOK = Progress(
    elapsed_s=12.4,
    operators=(
        OperatorProgress("lines", 2, records_in=0, records_out=900, in_per_s=0, out_per_s=1_234_567),
        OperatorProgress("words", 2, records_in=900, records_out=9000, in_per_s=999, out_per_s=9990),
    ),
    long_calls=(LongCall("parse", subtask=1, duration_s=75),),
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("NO_COLOR", "1")


@contextmanager
def progress_line() -> Iterator[tuple[Terminal, ProgressLine]]:
    """A progress line on a terminal behind standard output and error, which are as before afterwards."""
    screen = Terminal()
    with redirect_stdout(screen), redirect_stderr(screen), ProgressLine() as line:
        yield screen, line


def test_the_line_names_elapsed_time_long_calls_and_rates() -> None:
    assert status_text(LOOK) == "12s · parse (subtask 2) in one call for 1m 15s · lines 1.23M/s · words 999/s"


@pytest.mark.parametrize(("seconds", "text"), [(0.9, "0s"), (59.9, "59s"), (60, "1m 00s"), (7384, "2h 03m")])
def test_durations_are_short(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_the_line_is_cut_to_the_width_of_the_terminal() -> None:
    with progress_line() as (screen, line):
        line.show(LOOK)
        shown = screen.getvalue()
    plain = re.sub(r"\x1b\[\d+m", "", shown)
    assert plain == "12s · parse (subtask 2) in one call for 1m 15s · lines 1.23…"


def test_output_goes_above_the_line() -> None:
    with progress_line() as (screen, line):
        line.show(LOOK)
        shown = screen.getvalue()
        print("record")
        assert screen.getvalue() == f"{shown}\r\x1b[2Krecord\n{shown}"


def test_nothing_of_the_line_is_left_at_the_end() -> None:
    with progress_line() as (screen, line):
        line.show(LOOK)
    assert screen.getvalue().endswith("\r\x1b[2K")


def test_a_dumb_terminal_gets_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with progress_line() as (screen, line):
        line.show(LOOK)
    assert screen.getvalue() == ""

"""One run of a user's program under certain settings."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sage_local.bench.process import Run, run_process

Settings = Mapping[str, str]
"""What is set on top of what the program has."""


class TrialFailed(Exception):
    """The program failed, or did nothing that can be measured."""


@dataclass(frozen=True, slots=True)
class Trial:
    """``records`` were read by the sources of all the program's jobs, in ``seconds`` altogether.

    ``was_stopped``: it was stopped at its limit and had not read all there is.
    """

    seconds: float
    records: int
    cpu_s: float
    peak_bytes: int
    was_stopped: bool

    @property
    def records_per_s(self) -> float:
        """What is to be large."""
        return self.records / self.seconds

    @property
    def cpu_s_per_million(self) -> float:
        """Start-up included."""
        return self.cpu_s / self.records * 1e6


def options(settings: Settings) -> list[str]:
    """The words for ``sage run local``."""
    return [
        word
        for key, value in settings.items()
        for word in ((f"--parallelism={value}",) if key == "parallelism" else ("--set", f"{key}={value}"))
    ]


def run_trial(
    file: Path, arguments: Sequence[str], settings: Settings, limit_s: float, fixed: Sequence[str] = ()
) -> Trial:
    """Run ``file`` as ``sage run local`` does, with the words ``fixed`` before the settings. Raises ``TrialFailed``.

    A run that takes longer than ``limit_s`` is stopped in order, as Ctrl-C does: what it did until then counts.
    """
    with tempfile.TemporaryDirectory(prefix="sage-tune-") as folder:
        result = Path(folder, "result.json")
        words = [*fixed, *options(settings), "--result", str(result), str(file), "--", *arguments]
        # What the program prints goes nowhere: reading it would cost this process, and so the program's cores.
        run = run_process(
            [sys.executable, "-m", "sage_local", "run", "local", *words], stdout=subprocess.DEVNULL, limit_s=limit_s
        )
        if run.exit_code != 0 and not run.was_interrupted:
            raise TrialFailed(f"{file} failed with exit code {run.exit_code}:\n{run.stderr.rstrip()}")
        if not result.exists():
            raise TrialFailed(f"{file} ran for {run.wall_s:.0f} s and could not be stopped:\n{run.stderr.rstrip()}")
        return _trial(file, run, json.loads(result.read_text(encoding="utf-8")))


def _trial(file: Path, run: Run, jobs: list[dict[str, Any]]) -> Trial:
    records = sum(_read(job) for job in jobs)
    if records == 0:
        raise TrialFailed(
            f"{file} finished no job that read a record"
            + (f" within {run.wall_s:.0f} s; give it longer with --seconds" if run.was_interrupted else "")
        )
    seconds = sum(job["duration_s"] for job in jobs)
    return Trial(seconds, records, run.cpu_s, run.peak_bytes, run.was_interrupted)


def _read(job: dict[str, Any]) -> int:
    """By its sources: whatever else had no input has no output."""
    return sum(operator["records_out"] for operator in job["operators"] if operator["records_in"] == 0)

"""What came of a search, as JSON for other programs."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sage_local.bench.tuning.search import Candidate, Outcome

FORMAT = "sage-bench-tune/1"


def write_outcome(outcome: Outcome, advice: Sequence[str], machine: Mapping[str, Any], path: Path) -> None:
    """Every run of every candidate, and what is recommended; ``advice`` says it in words."""
    told = {
        "format": FORMAT,
        "machine": dict(machine),
        "recommended": dict(outcome.recommended),
        "advice": list(advice),
        "sweeps": [
            {"setting": sweep.key, "candidates": [_plain(each) for each in sweep.candidates]}
            for sweep in outcome.sweeps
        ],
        "all_together": [_plain(each) for each in (outcome.before, outcome.after) if each is not None],
    }
    path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def _plain(candidate: Candidate) -> dict[str, Any]:
    trials = [
        {
            "seconds": trial.seconds,
            "records": trial.records,
            "records_per_s": trial.records_per_s,
            "cpu_s": trial.cpu_s,
            "cpu_s_per_million": trial.cpu_s_per_million,
            "peak_bytes": trial.peak_bytes,
            "was_stopped": trial.was_stopped,
        }
        for trial in candidate.trials
    ]
    return {"settings": dict(candidate.settings), "failure": candidate.failure, "trials": trials}

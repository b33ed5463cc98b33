"""Every workload that comes with the package, with next to nothing to do: its contestants satisfy its oracle."""

from dataclasses import replace

import pytest

from sage_local.bench.catalog import Found, built_in
from sage_local.bench.measuring import measure

FEW = 1000
"""Of what is not compared with a run of few: at a given rate, these are a second at most."""


@pytest.mark.slow
@pytest.mark.parametrize("found", built_in(), ids=lambda found: found.workload.name)
def test_every_contestant_satisfies_the_oracle(found: Found) -> None:
    workload = found.workload
    little = replace(workload, records=workload.few or min(workload.records, FEW), few=None)
    result = measure(Found(little, found.program), 1, 1, lambda text: None)
    assert {name for name, each in result.contestants.items() if each.skipped} == set()

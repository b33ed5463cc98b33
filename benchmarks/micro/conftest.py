"""Single functions of the codec and the C extension: ``pytest benchmarks/micro``, with pytest-benchmark's options.

Each result is checked, and times are per call over a batch of ``ROWS``. ``--benchmark-autosave`` and
``--benchmark-compare`` tell one run from another.
"""

from typing import Any

import pytest

ROWS = 4096
"""A full frame."""


def _rows() -> dict[str, list[Any]]:
    return {
        "ints": list(range(ROWS)),
        "floats": [number * 0.5 for number in range(ROWS)],
        "texts": [f"user-{number}" for number in range(ROWS)],
        "tuples": [(number, number * 0.5, f"user-{number % 100}") for number in range(ROWS)],
        "dicts": [{"id": number, "name": "sensor", "value": number * 0.5} for number in range(ROWS)],
        "pickled": [{number} for number in range(ROWS)],
    }


@pytest.fixture(params=_rows())
def values(request: pytest.FixtureRequest) -> list[Any]:
    """A frame of values of one kind; ``pickled`` are those that the C codec leaves to pickle."""
    return _rows()[request.param]

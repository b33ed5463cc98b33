"""Copies of records for the further branches of a fan-out."""

import pickle
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sage_local.core.elements import Columns, Rows

_IMMUTABLE = frozenset(
    {int, float, complex, bool, str, bytes, type(None), range, date, datetime, time, timedelta, Decimal}
)
"""Exact types whose objects can not change: sharing them is no sharing.

A datetime may hold a tzinfo, which nobody changes.
"""


def copied(rows: Rows) -> Rows:
    """``rows`` with records of its own: what would arrive if they had gone to another worker.

    A record that can not be pickled raises here as it would there.
    """
    if isinstance(rows, Columns):
        return rows
    keys = None if rows.keys is None else list(rows.keys)
    timestamps = None if rows.timestamps is None else list(rows.timestamps)
    return Rows(_copied_values(rows.values), keys, timestamps)


def shared(rows: Rows) -> Rows:
    """``rows`` with lists of its own around the same records (``object.reuse``)."""
    if isinstance(rows, Columns):
        return rows
    keys = None if rows.keys is None else list(rows.keys)
    timestamps = None if rows.timestamps is None else list(rows.timestamps)
    return Rows(list(rows.values), keys, timestamps)


def _copied_values(values: list[Any]) -> list[Any]:
    if _IMMUTABLE.issuperset(map(type, values)):
        return list(values)
    # One pickle for each record: in a common one, an object in two records would be one object in both copies.
    return [value if type(value) in _IMMUTABLE else pickle.loads(pickle.dumps(value, protocol=5)) for value in values]

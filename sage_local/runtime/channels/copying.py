"""Copies of records for the further branches of a fan-out."""

import pickle
from typing import Any

from sage_local.core.elements import Columns, Rows
from sage_local.core.immutable import IMMUTABLE


def copied(rows: Rows) -> Rows:
    """``rows`` with records of its own: what would arrive if they had gone to another worker.

    A record that can not be pickled raises here as it would there.
    """
    return rows if isinstance(rows, Columns) else _with_values(_copied_values(rows.values), rows)


def shared(rows: Rows) -> Rows:
    """``rows`` with lists of its own around the same records (``object.reuse``)."""
    return rows if isinstance(rows, Columns) else _with_values(list(rows.values), rows)


def _with_values(values: list[Any], rows: Rows) -> Rows:
    keys = None if rows.keys is None else list(rows.keys)
    timestamps = None if rows.timestamps is None else list(rows.timestamps)
    return Rows(values, keys, timestamps)


def _copied_values(values: list[Any]) -> list[Any]:
    if IMMUTABLE.issuperset(map(type, values)):
        return list(values)
    # One pickle for each record: in a common one, an object in two records would be one object in both copies.
    return [value if type(value) in IMMUTABLE else pickle.loads(pickle.dumps(value, protocol=5)) for value in values]

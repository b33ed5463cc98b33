"""Batches of rows as bytes, where a frame leaves its process."""

import pickle
import reprlib
from typing import Any

from sage_local.core.elements import Rows
from sage_local.errors import SerializationError
from sage_local.runtime.native import pack_rows, unpack_rows


def encode(rows: Rows) -> bytes:
    """One self-describing block; type and value of every element survive.

    Columns of plain values are converted in C. The others go by pickle, or by cloudpickle where pickle can not
    (instances of classes local to a function, lambdas). Raises ``SerializationError`` naming the value neither can.
    """
    return pack_rows((rows.values, rows.keys, rows.timestamps), _pickle)


def decode(block: bytes | bytearray | memoryview) -> Rows:
    """The batch in ``block``, which is not referred to afterwards.

    ``ValueError`` when it is not such a block, ``SerializationError`` where a record can not be put together again.
    """
    columns = unpack_rows(block, _unpickle)
    if len(columns) != 3 or columns[0] is None:
        raise ValueError(f"expected a block of values, keys and timestamps, found {len(columns)} columns")
    return Rows(columns[0], columns[1], columns[2])


def _unpickle(body: memoryview) -> list[Any]:
    try:
        values: list[Any] = pickle.loads(body)
    except Exception as error:  # whatever the constructors of the user's classes raise
        raise SerializationError(
            f"a record that came from another process can not be unpickled: {type(error).__name__}: {error}"
        ) from error
    return values


_NOT_BY_REFERENCE = (pickle.PicklingError, AttributeError, TypeError)
"""What pickle raises where an object's class or code can not be found by name; which one depends on the version."""


def _pickle(values: list[Any]) -> bytes:
    try:
        return pickle.dumps(values, protocol=5)
    except _NOT_BY_REFERENCE:
        return _cloudpickle(values)


def _cloudpickle(values: list[Any]) -> bytes:
    import cloudpickle  # not needed by most jobs, and not cheap to load

    try:
        pickled: bytes = cloudpickle.dumps(values, protocol=5)
    except Exception as error:  # whatever the user's __reduce__ raises: it becomes the cause
        raise _refusal(values, error) from error
    return pickled


def _refusal(values: list[Any], error: Exception) -> SerializationError:
    culprit = next((value for value in values if not _is_picklable(value)), values)
    return SerializationError(
        f"expected a record that can be pickled on its way to another worker, found {type(culprit).__qualname__} "
        f"{reprlib.repr(culprit)}: {type(error).__name__}: {error}"
    )


def _is_picklable(value: Any) -> bool:
    import cloudpickle

    try:
        cloudpickle.dumps(value, protocol=5)
    except Exception:  # the question is whether it raises
        return False
    return True

"""Keys in columns: a record goes where the same key of a row would go."""

from collections.abc import Sequence
from typing import Any

from sage_local.errors import InvalidKeyError
from sage_local.functions.taking import taken
from sage_local.runtime.codec.keys import key_groups


def column_key_groups(batch: Any, columns: Sequence[str], max_parallelism: int) -> Any:
    """The key group of each record, as an array of numpy. Only different keys are looked at as Python values."""
    import numpy as np

    codes, distinct = distinct_keys(batch, columns)
    return np.asarray(key_groups(distinct, max_parallelism), dtype=np.int64)[codes]


def partition_columns(batch: Any, columns: Sequence[str], targets: int, max_parallelism: int) -> list[tuple[int, Any]]:
    """The records of ``batch`` by the target of their key (see ``codec.keys.partition``), in order; no empty ones."""
    import numpy as np

    target = column_key_groups(batch, columns, max_parallelism) * targets // max_parallelism
    counts = np.bincount(target, minlength=targets)
    if counts.max(initial=0) == len(batch):
        return [(int(target[0]), batch)] if len(batch) else []
    order = np.argsort(target, kind="stable")
    sorted_batch = taken(batch, order)
    stops = np.cumsum(counts)
    return [
        (index, sorted_batch.slice(int(stop - count), int(count)))
        for index, (stop, count) in enumerate(zip(stops, counts, strict=True))
        if count
    ]


def distinct_keys(batch: Any, columns: Sequence[str]) -> tuple[Any, list[Any]]:
    """For each record the place of its key among the different ones, and those as Python values."""
    import numpy as np

    codes, distinct = _encoded(batch.column(columns[0]), columns[0])
    if len(columns) == 1:
        return codes, distinct
    columns_of = [distinct]
    places = [codes]
    every = codes
    for name in columns[1:]:
        more, values = _encoded(batch.column(name), name)
        columns_of.append(values)
        places.append(more)
        # Numbered anew for each column: products of the numbers of values would soon be more than a number holds.
        _, every = np.unique(every * max(len(values), 1) + more, return_inverse=True)
    _, first = np.unique(every, return_index=True)
    parts = [
        [values[place] for place in found[first].tolist()] for values, found in zip(columns_of, places, strict=True)
    ]
    return every, list(zip(*parts, strict=True))


def _encoded(column: Any, name: str) -> tuple[Any, list[Any]]:
    import pyarrow as pa

    if not isinstance(column, pa.DictionaryArray):
        if pa.types.is_string_view(column.type):
            column = column.cast(pa.string())
        elif pa.types.is_binary_view(column.type):
            column = column.cast(pa.binary())
        column = column.dictionary_encode(null_encoding="encode")
    indices = column.indices
    try:
        values = _python_values(column.dictionary)
    except (OverflowError, ValueError) as error:
        raise InvalidKeyError(f"key column {name!r} of type {column.dictionary.type}: {error}") from error
    if indices.null_count:
        indices = indices.fill_null(len(values))
        values.append(None)
    return indices.to_numpy(zero_copy_only=False).astype("int64"), values


def _python_values(distinct: Any) -> list[Any]:
    """``distinct`` as keys of rows. An instant between two microseconds, of which no row has a key, is its number."""
    import pyarrow as pa

    kind = distinct.type
    if not pa.types.is_timestamp(kind) or kind.unit != "ns":
        values: list[Any] = distinct.to_pylist()
        return values
    # Not to_pylist(): that makes objects of pandas, or fails where there is none.
    numbers = distinct.cast(pa.int64()).to_pylist()
    instants = distinct.cast(pa.timestamp("us", kind.tz), safe=False).to_pylist()
    return [
        number if number is not None and number % 1000 else instant
        for number, instant in zip(numbers, instants, strict=True)
    ]

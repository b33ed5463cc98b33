"""Sessions, found by sorting: of a batch of records, and of the sessions of several batches."""

from collections.abc import Mapping
from typing import Any, Final

from sage_local.functions.expressions import column_index
from sage_local.functions.grouping import Grouping
from sage_local.functions.times import milliseconds, time_type
from sage_local.runtime.codec.column_keys import distinct_keys

FIRST: Final = "\0first"
LAST: Final = "\0last"
"""The columns with the times of a session's first and last record."""
_NUMBER: Final = "\0number"


def session_parts(groups: Mapping[str, Any], batch: Any, time_column: str, gap_ms: int, grouping: Grouping) -> Any:
    """The sessions that the records of ``batch`` make by themselves, as a partial with ``FIRST`` and ``LAST``."""
    import numpy as np
    import pyarrow as pa

    column = batch.column(column_index(batch.schema, time_column))
    times = milliseconds(column, time_column)
    keys = pa.RecordBatch.from_pydict(dict(groups))
    order, codes, times = _sorted(keys, times)
    numbers = _numbers(codes, times, times, gap_ms)
    whole = dict(groups) | {_NUMBER: pa.array(_back(order, numbers))}
    partial = grouping.combined(whole, batch)
    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    stops = np.append(starts[1:], len(numbers)) - 1
    number = partial.column(_NUMBER).to_numpy()
    kind = time_type(column.type)
    return _with_times(partial, times[starts][number], times[stops][number], kind)


def merged_sessions(partial: Any, keys: list[str], gap_ms: int, grouping: Grouping) -> Any:
    """``partial`` with those of its sessions joined that touch each other."""
    import numpy as np
    import pyarrow as pa

    firsts, lasts = session_times(partial)
    order, codes, firsts = _sorted(partial.select(keys), firsts)
    lasts = lasts[order]
    numbers = _numbers(codes, firsts, _running_latest(codes, lasts), gap_ms)
    number = pa.array(_back(order, numbers))
    kind = partial.schema.field(FIRST).type
    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    if len(starts) == len(numbers):
        return partial
    merged = grouping.merged([*keys, _NUMBER], [partial.append_column(_NUMBER, number)])
    places = merged.column(_NUMBER).to_numpy()
    return _with_times(merged, firsts[starts][places], np.maximum.reduceat(lasts, starts)[places], kind)


def session_times(partial: Any) -> tuple[Any, Any]:
    """The first and the last time of each session, as arrays of numpy."""
    import pyarrow as pa

    first, last = (partial.column(name).cast(pa.int64()).to_numpy() for name in (FIRST, LAST))
    return first, last


def _with_times(partial: Any, firsts: Any, lasts: Any, kind: Any) -> Any:
    import pyarrow as pa

    partial = partial.drop_columns([_NUMBER])
    for name, times in ((FIRST, firsts), (LAST, lasts)):
        partial = partial.append_column(name, pa.array(times, pa.int64()).cast(kind))
    return partial


def _sorted(keys: Any, times: Any) -> tuple[Any, Any, Any]:
    """The order by key and time, and both in it; keys as numbers."""
    import numpy as np

    # Without a key all records are of one.
    codes = distinct_keys(keys, keys.schema.names)[0] if keys.num_columns else np.zeros(len(times), np.int64)
    order = np.lexsort((times, codes))
    return order, codes[order], times[order]


def _numbers(codes: Any, firsts: Any, latest: Any, gap_ms: int) -> Any:
    """For each in order the number of its session: a new one where the key changes, or after a gap."""
    import numpy as np

    starts = np.ones(len(codes), bool)
    starts[1:] = (codes[1:] != codes[:-1]) | (firsts[1:] - latest[:-1] > gap_ms)
    return np.cumsum(starts) - 1


def _running_latest(codes: Any, lasts: Any) -> Any:
    """For each in order the latest of its key so far: one session may lie within another."""
    import numpy as np

    if not len(lasts):
        return lasts
    least, most = int(lasts.min()), int(lasts.max())
    span = most - least + 1
    if int(codes[-1]) * span < 2**62:
        # Each key in a range of numbers of its own, above those before: one running maximum does for all.
        lifted = codes * span + (lasts - least)
        return np.maximum.accumulate(lifted) - codes * span + least
    latest = lasts.copy()
    for index in range(1, len(latest)):
        if codes[index] == codes[index - 1]:
            latest[index] = max(latest[index], latest[index - 1])
    return latest


def _back(order: Any, values: Any) -> Any:
    import numpy as np

    result = np.empty_like(values)
    result[order] = values
    return result

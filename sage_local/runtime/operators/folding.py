"""The inner loops of aggregation: a batch of keys and values folded into a dictionary of accumulators.

For the built-in aggregates the loop does by itself what their methods say, without a call per record. A subclass, which
may say something else, takes the general loop: hence the comparison of exact types.
"""

from collections import _count_elements  # type: ignore[attr-defined]  # Counter.update is made of it; takes any dict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sage_local.functions import AggregateFunction
from sage_local.functions.aggregates import Count, Max, Mean, Min, Sum
from sage_local.functions.multi import Multi
from sage_local.runtime.state.apart import apart

State = dict[Any, Any]
Fold = Callable[[State, Iterable[Any], Iterator[Any]], None]
"""Folds the records of the iterator, each with its key.

The records are taken first, one by one: so whoever knows the iterator knows how far it came.
"""

_MISSING = object()


def fold_of(function: AggregateFunction[Any, Any, Any]) -> Fold:
    """The loop that adds records."""
    getter = getattr(function, "value", None)
    if type(function) is Sum:
        return lambda state, keys, records: _sum(state, keys, _selected(getter, records))
    if type(function) is Min:
        return lambda state, keys, records: _min(state, keys, _selected(getter, records))
    if type(function) is Max:
        return lambda state, keys, records: _max(state, keys, _selected(getter, records))
    if type(function) is Count:
        return _count
    return lambda state, keys, records: _add(function, state, keys, records)


def merge_of(function: AggregateFunction[Any, Any, Any]) -> Fold:
    """The loop that merges accumulators."""
    if type(function) in (Count, Sum):
        return _sum
    return lambda state, keys, records: _merge(function, state, keys, records)


def result_is_accumulator(function: AggregateFunction[Any, Any, Any]) -> bool:
    """Whether ``get_result`` is known to return what it is given."""
    return type(function) in (Count, Sum, Min, Max)


def results_apart(function: AggregateFunction[Any, Any, Any]) -> Callable[[Any], Any]:
    """``get_result``, and what it returns is no part of an accumulator that goes on being changed in place."""
    get = function.get_result
    if type(function) in (Count, Sum, Min, Max, Mean):
        return get
    if type(function) is Multi:
        each = [(name, results_apart(aggregate)) for name, aggregate in function.aggregates.items()]
        return lambda parts: {name: result(part) for (name, result), part in zip(each, parts, strict=True)}
    return lambda accumulator: apart(get(accumulator))


def _selected(getter: Callable[[Any], Any] | None, records: Iterator[Any]) -> Iterable[Any]:
    # A generator expression, not map(): map() would take a StopIteration out of the selector for the end of the
    # records.
    return records if getter is None else (getter(record) for record in records)


def _count(state: State, keys: Iterable[Any], records: Iterator[Any]) -> None:
    _count_elements(state, keys)


def _sum(state: State, keys: Iterable[Any], values: Iterable[Any]) -> None:
    for value, key in zip(values, keys, strict=True):
        state[key] = state[key] + value if key in state else value


def _min(state: State, keys: Iterable[Any], values: Iterable[Any]) -> None:
    for value, key in zip(values, keys, strict=True):
        if key not in state or value < state[key]:
            state[key] = value


def _max(state: State, keys: Iterable[Any], values: Iterable[Any]) -> None:
    for value, key in zip(values, keys, strict=True):
        if key not in state or value > state[key]:
            state[key] = value


def _add(function: AggregateFunction[Any, Any, Any], state: State, keys: Iterable[Any], records: Iterable[Any]) -> None:
    add, create, get = function.add, function.create_accumulator, state.get
    for record, key in zip(records, keys, strict=True):
        accumulator = get(key, _MISSING)
        state[key] = add(create() if accumulator is _MISSING else accumulator, record)


def _merge(
    function: AggregateFunction[Any, Any, Any], state: State, keys: Iterable[Any], records: Iterable[Any]
) -> None:
    merge = function.merge
    for accumulator, key in zip(records, keys, strict=True):
        state[key] = merge(state[key], accumulator) if key in state else accumulator

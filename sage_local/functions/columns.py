"""What column streams are keyed and aggregated by, as data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sage_local.errors import FunctionError

FUNCTIONS: Final = ("sum", "min", "max", "mean", "count", "size", "first", "last")
"""As in pandas: all but ``size`` pass over nulls."""
WINDOW_START: Final = "window_start"
WINDOW_END: Final = "window_end"


@dataclass(frozen=True, slots=True)
class ColumnKey:
    """The key of a record is the value of a column, or the tuple of the values of several.

    Called with a dictionary where the records have become rows.
    """

    columns: tuple[str, ...]

    def __call__(self, record: Mapping[str, Any]) -> Any:
        """The key of one record."""
        if len(self.columns) == 1:
            return record[self.columns[0]]
        return tuple(record[column] for column in self.columns)


@dataclass(frozen=True, slots=True)
class NamedAggregate:
    """Column ``name`` of the result is ``function`` of ``column``."""

    name: str
    column: str
    function: str


def named_aggregates(given: Mapping[str, Any], taken: Iterable[str]) -> tuple[NamedAggregate, ...]:
    """What ``aggregate(total=("value", "sum"))`` says. ``taken``: the names of the other columns of the result."""
    if not given:
        raise FunctionError('aggregate() takes its results by name, such as total=("value", "sum"); found none')
    taken = set(taken)
    aggregates = []
    for name, what in given.items():
        if name in taken:
            raise FunctionError(f"aggregate({name}=...): the result has a column {name!r} already; name it otherwise")
        if not isinstance(what, tuple | list) or len(what) != 2 or not all(isinstance(part, str) for part in what):
            raise FunctionError(
                f'aggregate({name}=...) takes a column and a function, such as ("value", "sum"); found {what!r}'
            )
        column, function = what
        if function not in FUNCTIONS:
            raise FunctionError(
                f"aggregate({name}=({column!r}, {function!r})): the functions are {', '.join(FUNCTIONS)};"
                f" found {function!r}"
            )
        aggregates.append(NamedAggregate(name, column, function))
    return tuple(aggregates)

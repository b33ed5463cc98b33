"""The single aggregates of keyed and windowed column streams."""

from abc import ABC, abstractmethod
from typing import Any

from sage_local.functions.output_tag import OnError


class ColumnAggregates(ABC):
    """Before a stream of rows among the bases: aggregates of columns by name, all others as of rows."""

    __slots__ = ()

    @abstractmethod
    def _aggregated(
        self, aggregates: dict[str, Any], name: str | None, parallelism: int | None, on_error: OnError
    ) -> Any: ...

    def count(self, *, name: str = "count", parallelism: int | None = None, on_error: OnError = "fail") -> Any:
        """The number of records: column ``count``."""
        return self._aggregated({"count": ("", "size")}, name, parallelism, on_error)

    def sum(self, value: Any = None, **options: Any) -> Any:
        """The sum of a column, under its name; of anything else, as of rows."""
        return self._one("sum", value, **options)

    def min(self, value: Any = None, **options: Any) -> Any:
        """The least value of a column, under its name; of anything else, as of rows."""
        return self._one("min", value, **options)

    def max(self, value: Any = None, **options: Any) -> Any:
        """The greatest value of a column, under its name; of anything else, as of rows."""
        return self._one("max", value, **options)

    def mean(self, value: Any = None, **options: Any) -> Any:
        """The mean of a column, under its name; of anything else, as of rows."""
        return self._one("mean", value, **options)

    def first(self, column: str, **options: Any) -> Any:
        """The first value of a column that came, under its name."""
        return self._one("first", column, **options)

    def last(self, column: str, **options: Any) -> Any:
        """The last value of a column that came, under its name."""
        return self._one("last", column, **options)

    def _one(
        self,
        function: str,
        value: Any,
        *,
        name: str | None = None,
        parallelism: int | None = None,
        on_error: OnError = "fail",
    ) -> Any:
        name = function if name is None else name
        if isinstance(value, str):
            return self._aggregated({value: (value, function)}, name, parallelism, on_error)
        of_rows = getattr(super(), function)
        return of_rows(value, name=name, parallelism=parallelism, on_error=on_error)

"""Several aggregates of the same records at once."""

from typing import Any

from sage_local.errors import FunctionError
from sage_local.functions.context import FunctionContext
from sage_local.functions.folds import AggregateFunction


class Multi(AggregateFunction[Any, list[Any], dict[str, Any]]):
    """``Multi(total=Sum("price"), n=Count())``: the result is a ``dict`` of those names.

    The accumulator is the list of theirs, in order.
    """

    def __init__(self, **aggregates: AggregateFunction[Any, Any, Any]) -> None:
        if not aggregates:
            raise FunctionError("Multi() takes at least one aggregate by name, such as n=Count()")
        for name, aggregate in aggregates.items():
            if not isinstance(aggregate, AggregateFunction):
                raise FunctionError(f"Multi() takes instances of AggregateFunction; found {name}={aggregate!r}")
        self.aggregates = aggregates

    def open(self, context: FunctionContext, /) -> None:
        """Open each."""
        for aggregate in self.aggregates.values():
            aggregate.open(context)

    def close(self) -> None:
        """Close each."""
        for aggregate in self.aggregates.values():
            aggregate.close()

    def create_accumulator(self) -> list[Any]:
        """The accumulator of each."""
        return [aggregate.create_accumulator() for aggregate in self.aggregates.values()]

    def add(self, accumulator: list[Any], value: Any, /) -> list[Any]:
        """``value`` added to each. A new list: where one of them fails, none of the others has changed."""
        return [
            aggregate.add(part, value) for aggregate, part in zip(self.aggregates.values(), accumulator, strict=True)
        ]

    def get_result(self, accumulator: list[Any], /) -> dict[str, Any]:
        """The result of each, by name."""
        return {
            name: aggregate.get_result(part)
            for (name, aggregate), part in zip(self.aggregates.items(), accumulator, strict=True)
        }

    def merge(self, first: list[Any], second: list[Any], /) -> list[Any]:
        """Each merged."""
        return [
            aggregate.merge(*parts) for aggregate, *parts in zip(self.aggregates.values(), first, second, strict=True)
        ]


def can_merge(function: AggregateFunction[Any, Any, Any]) -> bool:
    """Whether accumulators of ``function`` can be merged: it overrides ``merge``, and so do all of a ``Multi``."""
    if isinstance(function, Multi):
        return all(can_merge(part) for part in function.aggregates.values())
    return type(function).merge is not AggregateFunction.merge

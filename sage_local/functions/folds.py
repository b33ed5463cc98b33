"""Functions that fold the records of a key into one value."""

from typing import Generic, TypeVar

from sage_local.functions.function import Function

T = TypeVar("T")
IN_contra = TypeVar("IN_contra", contravariant=True)
ACC = TypeVar("ACC")
OUT_co = TypeVar("OUT_co", covariant=True)


class ReduceFunction(Function, Generic[T]):
    """Folds two values of a key into one of the same type."""

    def reduce(self, first: T, second: T, /) -> T:
        """``first`` is what the fold has so far, ``second`` the next record. Must be associative."""
        raise NotImplementedError(f"{type(self).__name__} does not override reduce()")


class AggregateFunction(Function, Generic[IN_contra, ACC, OUT_co]):
    """Folds the records of a key into an accumulator, from which a result can be read at any time.

    With ``merge`` the engine may build accumulators in several places and merge them, as it does before an exchange in
    batch mode; without it every record travels. An accumulator may be changed in place or replaced.
    """

    def create_accumulator(self) -> ACC:
        """The accumulator of a key without records; a fresh one at each call."""
        raise NotImplementedError(f"{type(self).__name__} does not override create_accumulator()")

    def add(self, accumulator: ACC, value: IN_contra, /) -> ACC:
        """``accumulator`` with ``value`` in it: the same object or a new one."""
        raise NotImplementedError(f"{type(self).__name__} does not override add()")

    def get_result(self, accumulator: ACC, /) -> OUT_co:
        """The result so far; must leave the accumulator as it is."""
        raise NotImplementedError(f"{type(self).__name__} does not override get_result()")

    def merge(self, first: ACC, second: ACC, /) -> ACC:
        """One accumulator of both; either may be used up. Override it where that is possible."""
        raise NotImplementedError(f"{type(self).__name__} does not override merge()")

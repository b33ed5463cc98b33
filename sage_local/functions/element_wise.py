"""Functions of one record: map, filter, flat_map, key_by."""

from collections.abc import Iterable
from typing import Generic, TypeVar

from sage_local.functions.function import Function

T_contra = TypeVar("T_contra", contravariant=True)
U_co = TypeVar("U_co", covariant=True)
K_co = TypeVar("K_co", covariant=True)


class MapFunction(Function, Generic[T_contra, U_co]):
    """One record out for each record in. Override ``map`` or ``process``."""

    def map(self, value: T_contra, /) -> U_co:
        """The record that takes the place of ``value``."""
        raise NotImplementedError(f"{type(self).__name__} overrides neither map() nor process()")

    def process(self, value: T_contra, /) -> U_co:
        """Another spelling of ``map``."""
        raise NotImplementedError(f"{type(self).__name__} overrides neither map() nor process()")


class FilterFunction(Function, Generic[T_contra]):
    """Keeps some of the records. Override ``filter`` or ``process``."""

    def filter(self, value: T_contra, /) -> bool:
        """Whether ``value`` stays."""
        raise NotImplementedError(f"{type(self).__name__} overrides neither filter() nor process()")

    def process(self, value: T_contra, /) -> bool:
        """Another spelling of ``filter``."""
        raise NotImplementedError(f"{type(self).__name__} overrides neither filter() nor process()")


class FlatMapFunction(Function, Generic[T_contra, U_co]):
    """Any number of records out for each record in. Override ``flat_map`` or ``process``; either may be a generator."""

    def flat_map(self, value: T_contra, /) -> Iterable[U_co]:
        """The records that take the place of ``value``; taken one by one, so they may be many."""
        raise NotImplementedError(f"{type(self).__name__} overrides neither flat_map() nor process()")

    def process(self, value: T_contra, /) -> Iterable[U_co]:
        """Another spelling of ``flat_map``."""
        raise NotImplementedError(f"{type(self).__name__} overrides neither flat_map() nor process()")


class KeySelector(Function, Generic[T_contra, K_co]):
    """Names the key of a record. Must give the same key for the same record wherever and whenever it is asked."""

    def get_key(self, value: T_contra, /) -> K_co:
        """The key of ``value``: of the types that the Keys guarantee lists."""
        raise NotImplementedError(f"{type(self).__name__} does not override get_key()")

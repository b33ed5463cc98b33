"""Sinks: the end of a stream."""

from typing import Generic, TypeVar

from sage_local.functions.function import Function

T_contra = TypeVar("T_contra", contravariant=True)


class SinkFunction(Function, Generic[T_contra]):
    """Takes records out of the job. Override ``write`` or ``invoke``. At-least-once: a restart may repeat records."""

    def write(self, value: T_contra, /) -> None:
        """Called with each record, in order. The job has not finished before the last call has returned."""
        raise NotImplementedError(f"{type(self).__name__} overrides neither write() nor invoke()")

    def invoke(self, value: T_contra, /) -> None:
        """Another spelling of ``write``."""
        raise NotImplementedError(f"{type(self).__name__} overrides neither write() nor invoke()")

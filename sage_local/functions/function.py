"""The roots of the function classes."""

from typing import Any

from sage_local.functions.context import FunctionContext


class Function:
    """What all function classes share. Subclasses need not call ``super().__init__()``.

    An instance reaches each worker by value, as it was at ``submit``. ``open`` runs once per subtask, in its worker,
    before the first record: the place for what can not travel (a model, a connection). ``close`` always runs, once,
    after the last record, after an error and on cancel, also when ``open`` raised.

    Hooks that have to be overridden raise ``NotImplementedError`` and are not abstract: of many, one of two will do
    (``map`` or ``process``), and what is missing is told where the function is given to its operator, by both names
    (``binding``), not by Python where the instance is made.
    """

    def open(self, context: FunctionContext, /) -> None:
        """Acquire resources. What it raises fails the job."""

    def close(self) -> None:
        """Release resources."""


class BaseFunction(Function):
    """A function that fits wherever a plain callable of one record fits: override ``process``."""

    def process(self, value: Any, /) -> Any:
        """Called with each record; what the result means is said by the operator it was given to."""
        raise NotImplementedError(f"{type(self).__name__} does not override process()")

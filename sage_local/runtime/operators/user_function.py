"""A user's function in the hands of an operator: bound, opened and closed with the operator's name on every failure."""

from collections.abc import Callable, Iterable
from typing import Any

from sage_local.functions import FunctionContext, Role, bind, close_function, open_function
from sage_local.functions.managed import Managed
from sage_local.runtime.operators.protocol import TaskContext
from sage_local.runtime.protocol.blame import NO_RECORD, blame


class UserFunction:
    """One function of one operator. ``call`` is what to call with each record."""

    def __init__(self, operator: str, function: Any, role: Role | None = None) -> None:
        self.operator = operator
        self.function = function
        self.call: Callable[..., Any] = function if role is None else bind(function, role)
        self._is_open = False

    def open(self, context: TaskContext, managed: Managed | None = None) -> None:
        """Run its ``open``. ``managed``: the state and timers of its operator, if that has any."""
        self._is_open = True  # also when it raises: what it acquired until then is for ``close`` to release
        place = FunctionContext(
            job_name=context.job_name,
            operator_name=self.operator,
            subtask_index=context.task.subtask,
            parallelism=context.parallelism,
            managed=managed,
            shared_objects=context.shared,
        )
        try:
            open_function(self.function, place)
        except BaseException as error:
            blame(self.operator, NO_RECORD, error)

    def close(self) -> None:
        """Run its ``close``, once, if ``open`` was called."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            close_function(self.function)
        except BaseException as error:
            blame(self.operator, NO_RECORD, error)


def close_all(functions: Iterable[UserFunction]) -> None:
    """Close each of ``functions``, also when closing another raised; then raise the first failure."""
    first: BaseException | None = None
    for function in functions:
        try:
            function.close()
        except BaseException as error:
            first = first or error
    if first is not None:
        raise first

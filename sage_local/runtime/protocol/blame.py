"""Whose fault an exception is: carried from where user code was called to where the task fails."""

from typing import Any, Final, NoReturn


class _NoRecord:
    def __repr__(self) -> str:
        return "<no record>"


NO_RECORD: Final = _NoRecord()
"""Stands for the record where none was at hand; ``None`` is a record like any other."""


class OperatorFailed(Exception):
    """User code raised: which operator's, on which record, and what. Never leaves the process."""

    def __init__(self, operator: str, record: Any, error: BaseException) -> None:
        super().__init__(operator, record, error)
        self.operator = operator
        self.record = record
        self.error = error


class KeyFailed(OperatorFailed):
    """A key selector raised, or what it gave is no key. Whatever ``on_error`` says, the job fails.

    Most often an exchange finds out, in front of the operator and away from its side outputs; what the program does
    must not depend on whether there is one.
    """


def blame(operator: str, record: Any, error: BaseException, as_: type[OperatorFailed] = OperatorFailed) -> NoReturn:
    """Raise ``error`` as the failure of ``operator`` on ``record`` (or ``NO_RECORD``).

    Callers catch ``BaseException``, since user code may well call ``sys.exit``. What is addressed to the process or to
    a suspended generator passes untouched.
    """
    if isinstance(error, GeneratorExit | OperatorFailed):
        raise error
    raise as_(operator, record, error) from error


def record_at(values: list[Any], iterator: Any) -> Any:
    """The record last taken from ``iterator``, a list iterator over ``values``: found without having counted."""
    index = len(values) - iterator.__length_hint__() - 1
    return values[index] if index >= 0 else NO_RECORD

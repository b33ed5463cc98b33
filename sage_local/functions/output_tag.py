"""Side outputs: a further stream out of an operator, told apart by its tag."""

from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from sage_local.core.data import data
from sage_local.errors import PlanError

T = TypeVar("T")


@dataclass(
    frozen=True
)  # without slots: OutputTag[str](...) sets an attribute, and expects AttributeError if it can not
class OutputTag(Generic[T]):
    """Names a side output: write to it with ``yield tag, value``, read it with ``stream.side_output(tag)``.

    Tags of the same name are the same tag. ``OutputTag[str]("late")`` gives the stream its type.
    """

    name: str

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise PlanError(f"the name of an OutputTag must be a str that is not empty, found {self.name!r}")


@data
class FailedRecord:
    """What an operator with ``on_error=tag`` sends to that tag in place of a record that it failed on.

    ``traceback`` is the text that a failing job would have shown; ``time_ms`` the wall clock, in ms since the epoch.
    """

    record: Any
    operator: str
    subtask_index: int
    error: str
    traceback: str
    time_ms: int


OnError = Literal["fail", "skip"] | OutputTag[FailedRecord]
"""What an operator does with a record that its function fails on: the job fails, the record is counted and dropped, or
it goes to a side output as a ``FailedRecord``."""


def check_on_error(on_error: Any) -> OnError:
    """``on_error`` if it is one. Raises ``PlanError``."""
    if isinstance(on_error, OutputTag) or on_error in ("fail", "skip"):
        return on_error  # type: ignore[no-any-return]  # just seen to be one
    raise PlanError(f"on_error must be 'fail', 'skip' or an OutputTag, found {on_error!r}")

"""What a function's context takes managed state from; the runtime provides it."""

from typing import Any, NoReturn, Protocol, TypeVar

from sage_local.errors import StateError
from sage_local.functions.state import ListState, ListStateDescriptor, StateDescriptor
from sage_local.functions.timers import TimerService

T = TypeVar("T")
S = TypeVar("S")


class Managed(Protocol):
    """State and timers of one operator in one subtask."""

    @property
    def key(self) -> Any:
        """The key at hand."""

    @property
    def timers(self) -> TimerService:
        """The operator's timers."""

    def state(self, descriptor: StateDescriptor[S], /) -> S:
        """Keyed state."""

    def operator_state(self, descriptor: ListStateDescriptor[T], /) -> ListState[T]:
        """State of the subtask."""


class Unmanaged:
    """Stands where an operator has no managed state: says so when it is asked for some."""

    def __init__(self, operator_name: str) -> None:
        self._operator_name = operator_name

    @property
    def key(self) -> Any:
        """Refused."""
        self._refuse("a key")

    @property
    def timers(self) -> TimerService:
        """Refused."""
        self._refuse("timers")

    def state(self, descriptor: StateDescriptor[S], /) -> S:
        """Refused."""
        self._refuse(
            f"keyed state ({descriptor!r})",
            "functions called record by record have it, behind stream.key_by(...); what reduce() and aggregate() fold"
            " is all the state that theirs have",
        )

    def operator_state(self, descriptor: ListStateDescriptor[T], /) -> ListState[T]:
        """Refused."""
        self._refuse(f"operator state ({descriptor!r})", "sources, sinks and process functions have it")

    def _refuse(self, what: str, where: str = "apply it to a keyed stream: stream.key_by(...)") -> NoReturn:
        raise StateError(f"operator {self._operator_name!r} asks for {what}, and there is none here; {where}")

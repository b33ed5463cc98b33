"""What a function can know about the place it runs in."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sage_local.functions.managed import Managed, Unmanaged
from sage_local.functions.shared import SharedObjects
from sage_local.functions.state import ListState, ListStateDescriptor, StateDescriptor
from sage_local.functions.timers import TimerService

S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionContext:
    """Given to ``open``. ``subtask_index`` counts from 0 to ``parallelism - 1``."""

    job_name: str
    operator_name: str
    subtask_index: int
    parallelism: int
    managed: Managed | None = field(default=None, repr=False)
    """Where ``state`` and the like come from; ``None`` where the operator has no managed state."""
    shared_objects: SharedObjects = field(default_factory=SharedObjects, repr=False)
    """Where ``shared`` keeps what it loads; a context of its own has its own."""

    @property
    def key(self) -> Any:
        """The key of the record at hand; there is one on keyed streams only, and none in ``open`` and ``close``."""
        return self._managed.key

    @property
    def timers(self) -> TimerService:
        """The timers of a process function on a keyed stream."""
        return self._managed.timers

    def state(self, descriptor: StateDescriptor[S], /) -> S:
        """Keyed state: to be asked for in ``open``, to be used while a record is processed.

        Raises ``StateError`` where the stream is not keyed, and for a second, different descriptor of one name.
        """
        return self._managed.state(descriptor)

    def operator_state(self, descriptor: ListStateDescriptor[T], /) -> ListState[T]:
        """State of this subtask, without keys; a restore deals its elements to the subtasks there are then."""
        return self._managed.operator_state(descriptor)

    def shared(self, name: str, load: Callable[[], T], /) -> T:
        """The object called ``name`` in this worker process: made by ``load`` the first time, the same one ever after.

        For what takes long to load and has no records in it: models, tables, clients. All functions that run in the
        process get the same object, also those of another operator that ask for the same name. It outlives a restart of
        the job, unlike function instances and their attributes, and ends with the process: do not close it in
        ``close``. What ``load`` raises comes out here, and the next to ask tries again.
        """
        return self.shared_objects.get(name, load)

    @property
    def _managed(self) -> Managed:
        return self.managed or Unmanaged(self.operator_name)

    @property
    def logger(self) -> Any:
        """A loguru logger bound to this job, operator and subtask."""
        # Imported here: a pipeline that logs nothing should not pay for it at every worker's start.
        from loguru import logger

        return logger.bind(job=self.job_name, operator=self.operator_name, subtask=self.subtask_index)

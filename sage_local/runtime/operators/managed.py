"""State and timers of one running operator: made when it opens, handed to its function, taken into snapshots."""

from dataclasses import replace
from typing import Any, TypeVar

from sage_local.config import INCREMENTAL, MAX_PARALLELISM, Checkpointing, checkpointing_of
from sage_local.errors import StateError
from sage_local.functions.managed import Unmanaged
from sage_local.functions.state import (
    BroadcastStateDescriptor,
    ListState,
    ListStateDescriptor,
    MapState,
    StateDescriptor,
)
from sage_local.functions.timers import TimerService
from sage_local.runtime.codec.keys import key_groups
from sage_local.runtime.operators.protocol import TaskContext
from sage_local.runtime.operators.timer_service import OperatorTimers
from sage_local.runtime.state.cursor import NO_KEY, Cursor
from sage_local.runtime.state.keyed import KeyedState
from sage_local.runtime.state.memory import MemoryBackend
from sage_local.runtime.state.operator_state import OperatorState
from sage_local.runtime.state.snapshot import StateSnapshot

S = TypeVar("S")
T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


def new_backend(context: TaskContext) -> MemoryBackend:
    """The state backend of an operator in this task."""
    max_parallelism = context.settings[MAX_PARALLELISM]
    captures = checkpointing_of(context.settings) is not Checkpointing.NONE
    track = captures and context.settings[INCREMENTAL]
    return MemoryBackend(lambda keys: key_groups(keys, max_parallelism), track_changes=track, captures=captures)


class ManagedState:
    """``functions.managed.Managed`` for one operator.

    ``keyed``: the stream has keys; ``timed``: the function has timers.
    """

    def __init__(self, operator: str, context: TaskContext, *, keyed: bool, timed: bool) -> None:
        self._owned = context.key_groups
        self._context = context
        self._operator = operator
        self._refusal = Unmanaged(operator)
        self.is_settled = False
        """Set once it is too late to ask for keyed state: nobody turns to the keys of records."""
        self._unkeyed = OperatorState(operator)
        self._backend = new_backend(context) if keyed else None
        self.cursor = Cursor(NO_KEY) if self._backend is None else self._backend.cursor
        self._keyed = None if self._backend is None else KeyedState(operator, self._backend, context.clock)
        self._timed = timed
        event = processing = None
        if self._backend is not None and timed:
            event, processing = self._backend.timers("event"), self._backend.timers("processing")
        self.operator_timers = OperatorTimers(operator, self.cursor, context.clock, event, processing)

    @property
    def key(self) -> Any:
        """The key at hand."""
        if self._backend is None:
            return self._refusal.key
        if self.cursor.key is NO_KEY:
            raise StateError(
                "there is a key only while a record or a timer is being processed, not in open() or close()"
            )
        return self.cursor.key

    @property
    def backend(self) -> MemoryBackend | None:
        """Where the state and timers of keys live; operators may have tables of their own there."""
        return self._backend

    @property
    def keyed(self) -> KeyedState | None:
        """The keyed state."""
        return self._keyed

    @property
    def timers(self) -> TimerService:
        """The operator's timers."""
        return self.operator_timers if self._timed else self._refusal.timers

    @property
    def uses_keyed_state(self) -> bool:
        """Whether the function has asked for any."""
        return self._keyed is not None and self._keyed.is_used

    def state(self, descriptor: StateDescriptor[S], /) -> S:
        """Keyed state."""
        if self.is_settled and self._keyed is not None:
            raise StateError(
                f"operator {self._operator!r} asks for keyed state ({descriptor!r}) while it processes records: ask for"
                " it in open()"
            )
        return (self._refusal if self._keyed is None else self._keyed).state(descriptor)

    def operator_state(self, descriptor: ListStateDescriptor[T], /) -> ListState[T]:
        """State of this subtask."""
        return self._unkeyed.operator_state(descriptor)

    def broadcast_state(self, descriptor: BroadcastStateDescriptor[K, V]) -> MapState[K, V]:
        """Broadcast state, to be changed."""
        return self._unkeyed.broadcast_state(descriptor)

    def read_only(self, descriptor: BroadcastStateDescriptor[K, V]) -> MapState[K, V]:
        """Broadcast state, to be looked at."""
        return self._unkeyed.read_only(descriptor)

    def next_time_ms(self) -> int | None:
        """When a timer or expired state has to be looked at."""
        waiting = [self.operator_timers.next_processing_ms(), None if self._keyed is None else self._keyed.next_sweep()]
        return min((each for each in waiting if each is not None), default=None)

    def sweep(self) -> None:
        """Remove some of what has expired; called after each batch."""
        if self._keyed is not None:
            self._keyed.sweep()

    def snapshot(self) -> StateSnapshot:
        """All of it."""
        return self._snapshot({} if self._backend is None else self._backend.snapshot(self._owned))

    def capture(self, *, changes_only: bool) -> StateSnapshot:
        """As ``snapshot``, or what changed since the last one; what takes time is left to be done in pieces."""
        whole = self._snapshot({})
        if self._backend is None:
            return whole
        capture = self._backend.capture(self._owned, changes_only=changes_only)
        return replace(whole, capture=capture, is_delta=changes_only)

    def _snapshot(self, chunks: dict[int, list[bytes]]) -> StateSnapshot:
        entries = {} if self._backend is None else self._backend.entries()
        return StateSnapshot(chunks, [self._unkeyed.snapshot()], entries=entries)

    def restore(self, snapshot: StateSnapshot) -> None:
        """Put back this subtask's part; before the function asks for any state."""
        if self._backend is not None:
            owned = (snapshot.key_groups.get(group, []) for group in self._owned)
            self._backend.restore(chunk for chunks in owned for chunk in chunks)
        if snapshot.is_of_one_subtask:
            self._unkeyed.restore(snapshot.subtasks, subtask=0, parallelism=1)
            return
        task = self._context.task
        self._unkeyed.restore(snapshot.subtasks, subtask=task.subtask, parallelism=self._context.parallelism)


class Managing:
    """Base of the operators whose state is managed: there from ``_manage`` on, which ``open`` calls."""

    name: str
    _managed: ManagedState
    _restored: StateSnapshot | None = None

    def _manage(self, context: TaskContext, *, keyed: bool, timed: bool) -> ManagedState:
        """The state as it was in the snapshot, if there was one."""
        managed = self._managed = ManagedState(self.name, context, keyed=keyed, timed=timed)
        if self._restored is not None:
            managed.restore(self._restored)
        return managed

    def snapshot(self) -> StateSnapshot:
        """See ``Stateful``."""
        return self._managed.snapshot()

    def capture(self, *, changes_only: bool) -> StateSnapshot:
        """See ``Sliced``."""
        return self._managed.capture(changes_only=changes_only)

    def restore(self, snapshot: StateSnapshot) -> None:
        """See ``Stateful``."""
        self._restored = snapshot

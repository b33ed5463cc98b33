"""Where a simulated job's records go: a store with transactions that outlives every process, and the sink for it."""

from dataclasses import dataclass, field
from typing import Any

from sage_local.functions.context import FunctionContext
from sage_local.functions.sink import TwoPhaseCommitSink
from sage_local.runtime.launcher.simulation.faults import Fault
from sage_local.runtime.launcher.simulation.world import World

Handle = tuple[int, int]
"""A subtask and the number of its transaction."""


@dataclass(slots=True)
class Store:
    """``committed`` in order; ``prepared`` transactions by handle; ``done`` those that were committed."""

    world: World
    committed: list[Any] = field(default_factory=list)
    prepared: dict[Handle, list[Any]] = field(default_factory=dict)
    done: set[Handle] = field(default_factory=set)


class Stores:
    """Finds the store of a sink: a pickled sink knows its number only."""

    _all: dict[int, Store] = {}  # noqa: RUF012  # the stores of this process

    @classmethod
    def new(cls, world: World) -> int:
        """The number of a new store."""
        number = max(cls._all, default=0) + 1
        cls._all[number] = Store(world)
        return number

    @classmethod
    def of(cls, number: int) -> Store:
        """The store of that number."""
        return cls._all[number]

    @classmethod
    def forget(cls, number: int) -> None:
        """It is not needed any more."""
        del cls._all[number]


class StoreSink(TwoPhaseCommitSink[Any, Handle]):
    """Keeps all rules; the process may die around every call."""

    def __init__(self, store: int) -> None:
        self._number = store
        self._next = 0
        self._rows: list[Any] = []

    def open(self, context: FunctionContext) -> None:
        """Find the store."""
        self._store = Stores.of(self._number)
        self._subtask = context.subtask_index

    def write(self, value: Any) -> None:
        """Into the transaction at hand."""
        self._rows.append(value)

    def prepare(self, checkpoint: int) -> Handle | None:
        """Move it into the store."""
        world = self._store.world
        world.may_crash(Fault.SINK_DIES_BEFORE_PREPARE, f"sink {self._subtask}")
        handle = None
        if self._rows:
            handle = (self._subtask, self._next)
            self._next += 1
            self._store.prepared[handle] = self._rows
            self._rows = []
        world.may_crash(Fault.SINK_DIES_AFTER_PREPARE, f"sink {self._subtask}")
        return handle

    def commit(self, handle: Handle) -> None:
        """Once."""
        world = self._store.world
        world.may_crash(Fault.SINK_DIES_BEFORE_COMMIT, f"sink {self._subtask}")
        if handle not in self._store.done:
            rows = self._store.prepared.pop(handle)
            self._store.committed += rows
            self._store.done.add(handle)
            world.tell(f"sink {self._subtask} commits transaction {handle[1]}: {len(rows)} records")
        world.may_crash(Fault.SINK_DIES_AFTER_COMMIT, f"sink {self._subtask}")

    def abort(self, handle: Handle) -> None:
        """Forget it."""
        self._store.prepared.pop(handle, None)

    def snapshot(self) -> int:
        """The next number."""
        return self._next

    def recover(self, state: Any) -> None:
        """Remove what the dead had prepared."""
        self._next = state or 0
        for handle in [each for each in self._store.prepared if each[0] == self._subtask]:
            del self._store.prepared[handle]

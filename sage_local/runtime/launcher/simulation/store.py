"""Where a simulated job's records go: a store with transactions that outlives every process, and the sink for it."""

from dataclasses import dataclass, field
from typing import Any

from sage_local.functions.context import FunctionContext
from sage_local.functions.sink import TwoPhaseCommitSink
from sage_local.runtime.launcher.simulation.faults import Fault
from sage_local.runtime.launcher.simulation.world import World

Handle = tuple[int, int]
"""A subtask and the number of the transaction among all there ever were: what is repeated is another transaction."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """``checkpoint``: the first that holds it."""

    checkpoint: int
    rows: list[Any]


@dataclass(slots=True)
class Store:
    """Transactions by handle; the ``committed`` in the order of their commits. ``breaches``: of the sink's contract."""

    world: World
    begun: int = 0
    breaches: list[str] = field(default_factory=list)
    committed: dict[Handle, Transaction] = field(default_factory=dict)
    prepared: dict[Handle, Transaction] = field(default_factory=dict)

    @property
    def records(self) -> list[Any]:
        """What readers see."""
        return [row for transaction in self.committed.values() for row in transaction.rows]

    def take_back(self, checkpoint: int) -> None:
        """Checkpoints behind this one are damaged, and what they held comes again.

        No store can do that. Without it nobody could tell what comes again rightly from what does not.
        """
        self.committed = {handle: each for handle, each in self.committed.items() if each.checkpoint <= checkpoint}


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
        self._rows: list[Any] = []
        self._has_ended = False

    def open(self, context: FunctionContext) -> None:
        """Find the store."""
        self._store = Stores.of(self._number)
        self._subtask = context.subtask_index

    def write(self, value: Any) -> None:
        """Into the transaction at hand."""
        if self._has_ended:
            self._store.breaches.append(f"sink {self._subtask} was given {value!r} after its end")
        self._rows.append(value)

    def end(self) -> None:
        """No record follows."""
        self._has_ended = True

    def prepare(self, checkpoint: int) -> Handle | None:
        """Move it into the store."""
        world = self._store.world
        world.may_crash(Fault.SINK_DIES_BEFORE_PREPARE, f"sink {self._subtask}")
        self._may_fail(Fault.PREPARE_FAILS)
        handle = None
        if self._rows:
            handle = (self._subtask, self._store.begun)
            self._store.begun += 1
            self._store.prepared[handle] = Transaction(checkpoint, self._rows)
            self._rows = []
        world.may_crash(Fault.SINK_DIES_AFTER_PREPARE, f"sink {self._subtask}")
        return handle

    def commit(self, handle: Handle) -> None:
        """Once."""
        world = self._store.world
        world.may_crash(Fault.SINK_DIES_BEFORE_COMMIT, f"sink {self._subtask}")
        self._may_fail(Fault.COMMIT_FAILS)
        if handle in self._store.prepared:
            transaction = self._store.committed[handle] = self._store.prepared.pop(handle)
            world.tell(f"sink {self._subtask} commits transaction {handle[1]}: {len(transaction.rows)} records")
        elif handle not in self._store.committed:
            self._store.breaches.append(f"sink {self._subtask} was told to commit {handle}, which is nowhere prepared")
        world.may_crash(Fault.SINK_DIES_AFTER_COMMIT, f"sink {self._subtask}")

    def abort(self, handle: Handle) -> None:
        """Forget it."""
        self._store.prepared.pop(handle, None)

    def recover(self, state: Any) -> None:
        """Remove what the dead had prepared."""
        for handle in [each for each in self._store.prepared if each[0] == self._subtask]:
            del self._store.prepared[handle]

    def _may_fail(self, kind: Fault) -> None:
        if self._store.world.strikes(kind, f"sink {self._subtask}"):
            raise ConnectionError(kind.value)

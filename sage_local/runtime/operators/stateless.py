"""Compiled map, filter, flat_map and sink in a running chain."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NoReturn

from sage_local.core.data import data
from sage_local.core.elements import Element, Rows
from sage_local.functions import Role
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.compiler import CHANGES_NUMBER, Kind, Stage, Stamps
from sage_local.runtime.operators.explosion import Explosion
from sage_local.runtime.operators.protocol import TaskContext
from sage_local.runtime.operators.user_function import UserFunction, close_all
from sage_local.runtime.protocol.blame import blame

MOST_STEPS = 50
"""Clauses of a comprehension nest in CPython's compiler, whose stack has an end."""


@data
class Step:
    """One operator of a stage."""

    kind: Kind
    function: UserFunction
    counters: OperatorCounters
    keeps_keys: bool = False

    @staticmethod
    def of(kind: Kind, name: str, function: Any, counters: OperatorCounters, *, keeps_keys: bool = False) -> "Step":
        """The step of operator ``name``. ``keeps_keys``: its results carry the keys of their records."""
        return Step(kind, UserFunction(name, function, Role(kind.value)), counters, keeps_keys)


def stages(steps: Sequence[Step]) -> list["Stateless"]:
    """``steps`` in as few operators as allow to count the records between them."""
    groups: list[list[Step]] = []
    changes_number = True
    for step in steps:
        is_full = bool(groups) and (groups[-1][-1].kind is Kind.FLAT_MAP or len(groups[-1]) == MOST_STEPS)
        if not groups or is_full or (changes_number and step.kind in CHANGES_NUMBER):
            groups.append([])
            changes_number = False
        groups[-1].append(step)
        changes_number = changes_number or step.kind in CHANGES_NUMBER
    return [FlatMapping(group) if group[-1].kind is Kind.FLAT_MAP else Mapping(group) for group in groups]


class Stateless(ABC):
    """What both kinds of stages share. Keys go no further, unless the last of the steps keeps them.

    Keys and timestamps ride beside the records: the compiled loop has one column for what does so, pairs where it is
    both.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        self.name = " → ".join(step.function.operator for step in steps)
        self.place = steps[0].counters.place
        self._steps = steps
        self._keeps_keys = steps[-1].keeps_keys
        steps[0].counters.fused(len(steps) - 1)
        # Bound once: they are called for every batch.
        changing = [index for index, step in enumerate(steps) if step.kind in CHANGES_NUMBER]
        behind = changing[0] if changing else len(steps)
        self._counts_taken = [each.counters.took for each in steps[: behind + 1]]
        self._counts_taken += [each.counters.gave for each in steps[:behind] if each.kind is not Kind.SINK]
        self._counts_given = [each.counters.took for each in steps[behind + 1 :]]
        self._counts_given += [each.counters.gave for each in steps[behind:] if each.kind is not Kind.SINK]
        self._stage = self._compile(Stamps.NONE)
        self._stamped: Stage | None = None  # compiled when the first timestamps come

    def open(self, context: TaskContext) -> None:
        """Open the functions in order."""
        for step in self._steps:
            step.function.open(context)

    @abstractmethod
    def process(self, rows: Rows) -> Iterable[Element]:
        """See ``Operator``."""

    def end(self) -> Iterable[Element]:
        """Nothing is kept."""
        return ()

    def close(self) -> None:
        """Close every function."""
        self._stage.forget()
        close_all(step.function for step in self._steps)

    def _compile(self, stamps: Stamps) -> Stage:
        return Stage(
            self.name, [step.kind for step in self._steps], [step.function.call for step in self._steps], stamps
        )

    def _riders(self, rows: Rows) -> list[Any] | None:
        """What rides beside each record; ``None``: nothing does."""
        keys = rows.keys if self._keeps_keys else None
        if keys is None or rows.timestamps is None:
            return rows.timestamps if keys is None else keys
        return list(zip(keys, rows.timestamps, strict=True))

    def _with_riders(self, values: list[Any], riders: list[Any], rows: Rows) -> Rows:
        """Results of ``rows`` and what rode beside them."""
        if not self._keeps_keys or rows.keys is None:
            return Rows(values, None, riders)
        if rows.timestamps is None:
            return Rows(values, riders)
        return Rows(values, [key for key, _ in riders], [stamp for _, stamp in riders])

    def _stage_for(self, riders: list[Any] | None) -> Stage:
        if riders is None:
            return self._stage
        self._stamped = self._stamped or self._compile(Stamps.KEPT)
        return self._stamped

    def _count(self, taken: int, given: int) -> None:
        for count in self._counts_taken:
            count(taken)
        for count in self._counts_given:
            count(given)

    def _blame(self, stage: Stage, rows: Rows, iterator: Iterator[Any], made: object, error: BaseException) -> NoReturn:
        if isinstance(error, GeneratorExit):
            raise error
        fault = stage.fault(rows.values, iterator, made, error)
        blame(self._steps[fault.index].function.operator, fault.record, error)


class Mapping(Stateless):
    """Maps, perhaps a filter among them and a sink behind."""

    def __init__(self, steps: Sequence[Step]) -> None:
        super().__init__(steps)
        # Without one there is a result for every record, in order: what rides beside them stays as it is.
        self._filters = any(step.kind is Kind.FILTER for step in steps)
        self._sinks = steps[-1].kind is Kind.SINK

    def process(self, rows: Rows) -> Iterable[Element]:
        """One batch for a batch, none for an empty result."""
        riders = self._riders(rows) if self._filters and not self._sinks else None
        stage = self._stage_for(riders)
        iterator = iter(rows.values)
        try:
            made = stage.run(iterator, riders)
        except BaseException as error:
            self._blame(stage, rows, iterator, None, error)
        self._count(len(rows.values), len(made))
        if not made or self._sinks:
            return ()
        if riders is None:
            return (Rows(made, rows.keys if self._keeps_keys else None, rows.timestamps),)
        return (self._with_riders([value for value, _ in made], [rider for _, rider in made], rows),)


class FlatMapping(Stateless):
    """Maps, and a flat_map behind them."""

    def __init__(self, steps: Sequence[Step]) -> None:
        super().__init__(steps)
        self._explosion = Explosion()

    def process(self, rows: Rows) -> Iterator[Element]:
        """As many batches as the results need, each made when it is asked for."""
        riders = self._riders(rows)
        stage = self._stage_for(riders)
        iterator = iter(rows.values)
        calls = stage.run(iterator, riders)
        self._count(len(rows.values), 0)
        given = self._steps[-1].counters
        batches = self._batches(calls, rows, riders)
        while True:
            try:
                made = next(batches, None)
            except BaseException as error:
                self._blame(stage, rows, iterator, calls, error)
            if made is None:
                return
            given.gave(len(made.values))
            yield made

    def _batches(self, calls: Iterable[Any], rows: Rows, riders: list[Any] | None) -> Iterator[Rows]:
        if riders is None:
            return map(Rows, self._explosion.pieces(calls))
        return (self._with_riders(values, along, rows) for values, along in self._explosion.ridden(calls))

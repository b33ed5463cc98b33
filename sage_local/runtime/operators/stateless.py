"""Compiled map, filter and flat_map in a running chain."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from sage_local.core.elements import Element, Rows
from sage_local.functions import Role
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.compiler import Kind, Stage, Stamps
from sage_local.runtime.operators.protocol import TaskContext
from sage_local.runtime.operators.user_function import UserFunction, close_all
from sage_local.runtime.protocol.blame import blame


@dataclass(frozen=True, slots=True)
class Step:
    """One operator of a stage."""

    kind: Kind
    function: UserFunction
    counters: OperatorCounters

    @staticmethod
    def of(kind: Kind, name: str, function: Any, counters: OperatorCounters) -> "Step":
        """The step of operator ``name``."""
        return Step(kind, UserFunction(name, function, Role(kind.value)), counters)


def stages(steps: Sequence[Step]) -> list["Stateless"]:
    """``steps`` in as few operators as allow to count the records between them."""
    groups: list[list[Step]] = []
    changes_number = True
    for step in steps:
        if not groups or groups[-1][-1].kind is Kind.FLAT_MAP or (changes_number and step.kind is not Kind.MAP):
            groups.append([])
            changes_number = False
        groups[-1].append(step)
        changes_number = changes_number or step.kind is not Kind.MAP
    return [FlatMapping(group) if group[-1].kind is Kind.FLAT_MAP else Mapping(group) for group in groups]


class Stateless:
    """What both kinds of stages share. Keys are dropped: they belong to the operator right after the exchange."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.name = " → ".join(step.function.operator for step in steps)
        self.place = steps[0].counters.place
        self._steps = steps
        self._stage = self._compile(Stamps.NONE)
        self._stamped: Stage | None = None  # compiled when the first timestamps come

    def open(self, context: TaskContext) -> None:
        """Open the functions in order."""
        for step in self._steps:
            step.function.open(context)

    def end(self) -> Iterable[Element]:
        """Nothing is kept."""
        return ()

    def close(self) -> None:
        """Close every function."""
        self._stage.forget()
        close_all(step.function for step in self._steps)

    def _compile(self, stamps: Stamps) -> Stage:
        return Stage(self.name, [step.kind for step in self._steps], [step.function.call for step in self._steps], stamps)

    def _stage_for(self, rows: Rows) -> Stage:
        if rows.timestamps is None:
            return self._stage
        self._stamped = self._stamped or self._compile(Stamps.KEPT)
        return self._stamped

    def _count(self, taken: int, given: int) -> None:
        here = taken
        for step in self._steps:
            step.counters.took(here)
            here = taken if step.kind is Kind.MAP and here == taken else given
            step.counters.gave(here)

    def _blame(self, stage: Stage, rows: Rows, iterator: Iterator[Any], error: BaseException) -> NoReturn:
        if isinstance(error, KeyboardInterrupt | GeneratorExit):
            raise error
        fault = stage.fault(rows.values, iterator, error)
        blame(self._steps[fault.index].function.operator, fault.record, error)


class Mapping(Stateless):
    """Maps, and perhaps a filter behind them."""

    def process(self, rows: Rows) -> Iterable[Element]:
        """One batch for a batch, none for an empty result."""
        stage = self._stage_for(rows)
        iterator = iter(rows.values)
        try:
            made = stage.run(iterator, rows.timestamps)
        except BaseException as error:
            self._blame(stage, rows, iterator, error)
        self._count(len(rows.values), len(made))
        if not made:
            return ()
        if rows.timestamps is None:
            return (Rows(made),)
        return (Rows([value for value, _ in made], None, [stamp for _, stamp in made]),)


class FlatMapping(Stateless):
    """Maps, and a flat_map behind them."""

    def process(self, rows: Rows) -> Iterator[Element]:
        """As many batches as the results need, each made when it is asked for."""
        stage = self._stage_for(rows)
        iterator = iter(rows.values)
        chunks = stage.run(iterator, rows.timestamps)
        self._count(len(rows.values), 0)
        given = self._steps[-1].counters
        while True:
            try:
                chunk = next(chunks, None)
            except BaseException as error:
                self._blame(stage, rows, iterator, error)
            if chunk is None:
                return
            made = Rows(chunk) if rows.timestamps is None else _stamped(*chunk)
            given.gave(len(made.values))
            yield made


def _stamped(values: list[Any], stamp: int) -> Rows:
    return Rows(values, None, [stamp] * len(values))

"""``aggregate`` and the built-in aggregates, whole or split in two around an exchange."""

from collections.abc import Iterable, Iterator
from typing import Any

from sage_local.config import RuntimeMode
from sage_local.core.elements import Element, Idleness, Rows, Side, Watermark
from sage_local.plan import operators as specs
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.operators.folding import Fold, fold_of, merge_of, result_is_accumulator, results_apart
from sage_local.runtime.operators.keyed import ROWS_AT_END, Keyed
from sage_local.runtime.operators.timed import Divert
from sage_local.runtime.operators.user_function import UserFunction
from sage_local.runtime.protocol.blame import NO_RECORD, OperatorFailed, blame
from sage_local.runtime.state.snapshot import StateSnapshot
from sage_local.windowing.windows import GLOBAL_WINDOW

MAX_PARTIAL_KEYS = 100_000
"""Of a combiner: it holds a part of the state a second time, so it must stay small beside the rest."""


class _Folding(Keyed):
    """An accumulator per key, filled a batch at a time."""

    def __init__(
        self,
        spec: specs.Aggregate | specs.PartialAggregate | specs.MergeAggregate,
        fold: Fold,
        mode: RuntimeMode,
        counters: OperatorCounters,
    ) -> None:
        super().__init__(spec, UserFunction(spec.name, spec.function), mode, counters)
        self._fold = fold
        self._aggregate = spec.function
        self.divert: Divert | None = None
        """See ``Diverting``."""

    def _fold_in(self, rows: Rows) -> None:
        keys, values = self.keys(rows), rows.values
        self.announce(keys)
        known = len(self.state)
        records = iter(values)
        try:
            self._fold(self.state, keys, records)
        except BaseException as error:
            self.blame(keys, values, records, error)
        self.check_new_keys(known, keys, values)

    def _results(self) -> Iterator[Element]:
        sides: list[Side] = []
        items = self.state.items()
        made = iter(items) if result_is_accumulator(self._aggregate) else self._made(items, sides)
        for rows in self._in_batches(made):
            yield rows
            yield from sides
            sides.clear()
        yield from sides

    def _made(self, items: Iterable[tuple[Any, Any]], sides: list[Side]) -> Iterator[tuple[Any, Any]]:
        get_result = self._aggregate.get_result
        for key, accumulator in items:
            try:
                made = key, get_result(accumulator)
            except BaseException as error:
                sides += self._diverted(key, error)
            else:
                yield made

    def _diverted(self, key: Any, error: BaseException) -> list[Side]:
        if self.divert is None:
            blame(self.name, NO_RECORD, error)
        side = self.divert(OperatorFailed(self.name, (key, GLOBAL_WINDOW), error), None)
        return [] if side is None else [side]


class Aggregate(_Folding):
    """Streaming: emits ``(key, result)`` after each record; batch: once per key, at the end."""

    def __init__(self, spec: specs.Aggregate, mode: RuntimeMode, counters: OperatorCounters) -> None:
        super().__init__(spec, fold_of(spec.function), mode, counters)

    def process(self, rows: Rows) -> Iterable[Element]:
        """Fold the batch."""
        self._counters.took(len(rows.values))
        if self._mode is RuntimeMode.BATCH:
            self._fold_in(rows)
            return ()
        updates = self._updates(rows)
        self._counters.gave(len(updates))
        return (Rows(updates, None, rows.timestamps),)

    def end(self) -> Iterable[Element]:
        """In batch mode the result of every key."""
        return self._results() if self._mode is RuntimeMode.BATCH else ()

    def _updates(self, rows: Rows) -> list[tuple[Any, Any]]:
        keys, values = self.keys(rows), rows.values
        self.announce(keys)
        known = len(self.state)
        records = iter(values)
        updates: list[tuple[Any, Any]] = []
        try:
            self._fold_each(keys, records, updates)
        except BaseException as error:
            self.blame(keys, values, records, error)
        self.check_new_keys(known, keys, values)
        return updates

    def _fold_each(self, keys: list[Any], records: Iterator[Any], updates: list[tuple[Any, Any]]) -> None:
        state, function = self.state, self._aggregate
        add, create = function.add, function.create_accumulator
        result = results_apart(function) if self._copies else function.get_result
        for record, key in zip(records, keys, strict=True):
            accumulator = state[key] = add(state[key] if key in state else create(), record)
            updates.append((key, result(accumulator)))


class PartialAggregate(_Folding):
    """The combiner: emits accumulators, with their keys, when there are too many, before a barrier and at the end."""

    def __init__(self, spec: specs.PartialAggregate, mode: RuntimeMode, counters: OperatorCounters) -> None:
        super().__init__(spec, fold_of(spec.function), mode, counters)

    def process(self, rows: Rows) -> Iterable[Element]:
        """Fold the batch; nothing comes out as long as there is space."""
        self._counters.took(len(rows.values))
        self._fold_in(rows)
        return self._flush() if len(self.state) > MAX_PARTIAL_KEYS else ()

    def end(self) -> Iterable[Element]:
        """What is left."""
        return self._flush()

    def watermark(self, watermark: Watermark) -> Iterable[Element]:
        """Nothing here goes by time."""
        yield watermark

    def idleness(self, idleness: Idleness) -> Iterable[Element]:
        """As with watermarks."""
        yield idleness

    def let_go(self) -> Iterable[Element]:
        """See ``Holding``."""
        return self._flush()

    def snapshot(self) -> StateSnapshot:
        """See ``Stateful``: all was sent before the barrier."""
        return StateSnapshot()

    def capture(self, *, changes_only: bool) -> StateSnapshot:
        """As ``snapshot``."""
        return self.snapshot()

    def announce(self, keys: list[Any]) -> None:
        """Nobody asks for what has changed."""

    def _put_back(self) -> None:
        """There is nothing, and ``state`` is no backend's."""

    def _flush(self) -> Iterable[Element]:
        state, self.state = self.state, {}
        keys = list(state)
        accumulators = list(state.values())
        self._counters.gave(len(keys))
        for start in range(0, len(keys), ROWS_AT_END):
            stop = start + ROWS_AT_END
            yield Rows(accumulators[start:stop], keys[start:stop])


class MergeAggregate(_Folding):
    """Merges what the combiners sent; emits ``(key, result)`` at the end of input."""

    def __init__(self, spec: specs.MergeAggregate, mode: RuntimeMode, counters: OperatorCounters) -> None:
        super().__init__(spec, merge_of(spec.function), mode, counters)

    def keys(self, rows: Rows) -> list[Any]:
        """They come with the accumulators; the key selector is for records."""
        assert rows.keys is not None
        return rows.keys

    def process(self, rows: Rows) -> Iterable[Element]:
        """Merge the batch."""
        self._counters.took(len(rows.values))
        self._fold_in(rows)
        return ()

    def end(self) -> Iterable[Element]:
        """The result of every key."""
        return self._results()

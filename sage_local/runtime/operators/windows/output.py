"""From a window that fires to records: results, or what the user's window function makes of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

from sage_local.core.clock import Clock
from sage_local.core.elements import MAX_TIMESTAMP, Element, Rows, Side
from sage_local.errors import StateError
from sage_local.functions.output_tag import OutputTag
from sage_local.functions.state import StateDescriptor
from sage_local.functions.window import ProcessWindowFunction
from sage_local.plan import operators as specs
from sage_local.runtime.operators.returned import results_of
from sage_local.runtime.operators.timed import Divert
from sage_local.runtime.operators.windows.fold import Fold
from sage_local.runtime.protocol.blame import NO_RECORD, OperatorFailed, blame
from sage_local.runtime.state.apart import apart
from sage_local.runtime.state.backend import KeyedBackend
from sage_local.runtime.state.keyed import KeyedState
from sage_local.windowing.windows import TimeWindow, Window

S = TypeVar("S")
ROWS = 4096
"""Results in one batch: as many as a frame has at most by default."""

Fired = tuple[Window, Any, Any]
"""Window, key and accumulator."""

Ended = tuple[int, Any, Any, int]
"""A session: its end, key, accumulator and start."""


class Context:
    """The ``WindowContext``; one for all windows of an operator, moved from one to the next."""

    has_window_state = True

    def __init__(self, state: KeyedState, backend: KeyedBackend, clock: Clock, watermark: Callable[[], int]) -> None:
        self.window: Any = None
        self._state = state
        self._backend = backend
        self._clock = clock
        self._watermark_of = watermark

    @property
    def current_watermark(self) -> int:
        """See ``WindowContext``."""
        return self._watermark_of()

    @property
    def current_processing_time(self) -> int:
        """See ``WindowContext``."""
        return self._clock.now_ms()

    def window_state(self, descriptor: StateDescriptor[S], /) -> S:
        """See ``WindowContext``."""
        if not self.has_window_state:
            raise StateError("windows that merge have no state of their own: use global_state()")
        return self._state.window_state(descriptor, self.window)

    def global_state(self, descriptor: StateDescriptor[S], /) -> S:
        """See ``WindowContext``."""
        return self._state.state(descriptor)

    def move(self, key: Any, window: Window) -> None:
        """To another key and window."""
        self._backend.cursor.key = key
        self.window = window

    def forget(self) -> None:
        """The window is over: so is its state."""
        if self._state.is_used:
            self._state.drop_window_state(self.window)


class Output:
    """Makes records of what windows hold."""

    def __init__(
        self,
        spec: specs.Windowed,
        fold: Fold,
        backend: KeyedBackend,
        keyed: KeyedState,
        clock: Clock,
        watermark: Callable[[], int],
        *,
        copies: bool,
    ) -> None:
        self.fold = fold
        self._copies = copies
        self._name = spec.name
        self._function = spec.function
        self._is_keyed = spec.is_keyed
        self._is_folded = spec.reduce is not None or spec.aggregate is not None
        self.emits_key = spec.aggregate is not None and spec.function is None and spec.is_keyed
        self._results = fold.results(with_key=self.emits_key)
        self._values: list[Any] = []
        self._stamps: list[int] = []
        self.divert: Divert | None = None
        """See ``Diverting``."""
        self.context = Context(keyed, backend, clock, watermark)

    def of_window(
        self, window: Window, accumulators: Mapping[Any, Any], timestamp: int | None = None
    ) -> Iterator[Element]:
        """The results of all keys of one window, which is over."""
        if self._function is not None:
            yield from self.of_each((window, key, accumulator) for key, accumulator in accumulators.items())
            return
        stamp = window.max_timestamp if timestamp is None else timestamp
        all_keys, values = iter(accumulators), iter(accumulators.values())
        while keys := tuple(islice(all_keys, ROWS)):
            chunk = tuple(islice(values, ROWS))
            try:
                results = self._results(keys, chunk)
            except BaseException as error:
                self._go_on_behind(error)
                for key, accumulator in zip(keys, chunk, strict=True):
                    yield from self.add(window, key, accumulator, stamp)
                yield from self.flush()
            else:
                yield Rows(results, None, [stamp] * len(keys))

    def _go_on_behind(self, error: BaseException) -> None:
        """Of many results one has failed: they are made once more, one by one, to know whose it is."""
        if not isinstance(error, Exception):
            blame(self._name, NO_RECORD, error)

    def of_results(self, window: Window, results: Iterable[list[Any]]) -> Iterator[Element]:
        """The results of a window that have been made elsewhere, where there is no window function."""
        stamp = window.max_timestamp
        for chunk in results:
            yield Rows(chunk, None, [stamp] * len(chunk))

    def of_each(self, fired: Iterable[Fired]) -> Iterator[Element]:
        """The results of windows that differ from key to key, and are over."""
        for window, key, accumulator in fired:
            yield from self.add(window, key, accumulator)
            yield from self.clear(key, window)
        yield from self.flush()

    def of_sessions(self, ended: list[Ended]) -> Iterator[Element]:
        """As ``of_each``."""
        if self._function is not None:
            yield from self.of_each(map(_fired, ended))
            return
        for start in range(0, len(ended), ROWS):
            chunk = ended[start : start + ROWS]
            try:
                # Not zip(*chunk): an iterator for each session is four times as dear.
                results = self._results(tuple([each[1] for each in chunk]), tuple([each[2] for each in chunk]))
            except BaseException as error:
                self._go_on_behind(error)
                yield from self.of_each(map(_fired, chunk))
            else:
                ends = [each[0] for each in chunk]
                yield Rows(results, None, [end - 1 if end <= MAX_TIMESTAMP else MAX_TIMESTAMP for end in ends])

    def add(self, window: Window, key: Any, accumulator: Any, timestamp: int | None = None) -> Iterator[Element]:
        """The results of one key and window; what does not fill a batch stays here until ``flush``.

        Accumulators are read at once, so they may change afterwards.
        """
        stamp = window.max_timestamp if timestamp is None else timestamp
        try:
            yield from self._made(window, key, accumulator, stamp)
        except OperatorFailed as failed:
            yield from self.diverted(failed.error, key, window, stamp)
        if len(self._values) >= ROWS:
            yield from self.flush()

    def _made(self, window: Window, key: Any, accumulator: Any, stamp: int) -> Iterator[Element]:
        contents = self._result_of(key, accumulator) if self._is_folded else list(accumulator)
        if self._function is None:
            # Without being folded there is always a function: this is one result.
            self._values += contents
            self._stamps.append(stamp)
            return
        self.context.move(key, window)
        for made in self._call(key, window, contents):
            # What a function makes may be, or hold, what it keeps as state or what is in a window that goes on.
            if self._copies:
                made = apart(made)
            if isinstance(made, tuple) and len(made) == 2 and isinstance(made[0], OutputTag):
                yield Side(made[0].name, Rows([made[1]], None, [stamp]))
                continue
            self._values.append(made)
            self._stamps.append(stamp)
            if len(self._values) >= ROWS:
                yield from self.flush()

    def diverted(
        self, error: BaseException, key: Any, window: Window, timestamp: int | None = None
    ) -> Iterator[Element]:
        """What is emitted in place of (the rest of) a window that the user's code failed on.

        Raises where nothing is: the job is to fail.
        """
        if self.divert is None:
            blame(self._name, (key, window), error)
        stamp = window.max_timestamp if timestamp is None else timestamp
        side = self.divert(OperatorFailed(self._name, (key, window), error), stamp)
        if side is not None:
            yield side

    def flush(self) -> Iterator[Element]:
        """The results that ``add`` has kept."""
        if self._values:
            rows = Rows(self._values, None, self._stamps)
            self._values, self._stamps = [], []
            yield rows

    def _result_of(self, key: Any, accumulator: Any) -> list[Any]:
        try:
            return self._results((key,), (accumulator,))
        except BaseException as error:
            blame(self._name, NO_RECORD, error)

    def clear(self, key: Any, window: Window) -> Iterator[Element]:
        """The window of that key is over. What its function fails on here may be diverted, so this emits."""
        if not isinstance(self._function, ProcessWindowFunction):
            return
        self.context.move(key, window)
        try:
            self._function.clear(self.context)
        except BaseException as error:
            yield from self.diverted(error, key, window)
        self.context.forget()

    def _call(self, key: Any, window: Window, contents: list[Any]) -> Iterator[Any]:
        function = self._function
        try:
            if isinstance(function, ProcessWindowFunction):
                made = function.process(key, self.context, contents)
            else:
                made = function(key, window, contents) if self._is_keyed else function(window, contents)
            yield from results_of(made)
        except GeneratorExit:
            raise
        except BaseException as error:
            blame(self._name, NO_RECORD, error)


def _fired(ended: Ended) -> Fired:
    end, key, accumulator, start = ended
    return TimeWindow(start, end), key, accumulator

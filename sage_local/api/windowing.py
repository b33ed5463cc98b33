"""How windows are declared: what was asked for, and the checks on it. The typed streams are in ``datastream``."""

from dataclasses import dataclass, replace
from typing import Any

from sage_local.api.names import operator_name
from sage_local.api.upstream import Upstream
from sage_local.core.time_domain import TimeDomain
from sage_local.errors import FunctionError, PlanError
from sage_local.functions import AggregateFunction, OutputTag, Role, bind
from sage_local.functions.binding import refuse_class
from sage_local.functions.multi import Multi, can_merge
from sage_local.functions.output_tag import OnError
from sage_local.functions.window import ProcessWindowFunction
from sage_local.plan.operators import AssignTimestamps, CountWindow, Window, Windowed
from sage_local.windowing.assigner import WindowAssigner
from sage_local.windowing.assigners import (
    EventTimeSessionWindows,
    GlobalWindows,
    SlidingEventTimeWindows,
    TumblingEventTimeWindows,
)
from sage_local.windowing.duration import not_negative_ms, positive_count
from sage_local.windowing.trigger import Trigger
from sage_local.windowing.watermarks import WatermarkStrategy


@dataclass(frozen=True, slots=True, kw_only=True)
class Windowing:
    """Windows over ``end``, not yet with what is to be done with them. ``count`` is set for count windows."""

    end: Upstream
    is_keyed: bool
    assigner: WindowAssigner | None = None
    count: tuple[int, int] | None = None
    trigger: Trigger | None = None
    lateness_ms: int = 0
    late_tag: str | None = None

    def with_trigger(self, trigger: Any) -> "Windowing":
        """Fire by ``trigger``."""
        if isinstance(trigger, type) or not isinstance(trigger, Trigger):
            raise FunctionError(f"trigger() takes an instance of a Trigger, found {trigger!r}")
        assigner = self._assigner("trigger()")
        if assigner.merges and not trigger.can_merge:
            raise PlanError(
                f"{type(assigner).__name__} merges windows, and {type(trigger).__name__} can not merge: override its"
                " on_merge() and set can_merge = True"
            )
        return replace(self, trigger=trigger)

    def with_lateness(self, lateness: Any) -> "Windowing":
        """Keep windows of event time for ``lateness`` after they fired."""
        lateness_ms = not_negative_ms(lateness, "allowed lateness")
        if self._assigner("allowed_lateness()").domain is not TimeDomain.EVENT:
            raise PlanError("allowed_lateness() is for windows of event time: by the machine's clock nothing is late")
        return replace(self, lateness_ms=lateness_ms)

    def with_late_tag(self, tag: Any) -> "Windowing":
        """Send what is too late to ``tag``."""
        if not isinstance(tag, OutputTag):
            raise FunctionError(f"side_output_late_data() takes an OutputTag, found {tag!r}")
        if self._assigner("side_output_late_data()").domain is not TimeDomain.EVENT:
            raise PlanError(
                "side_output_late_data() is for windows of event time: by the machine's clock nothing is late"
            )
        return replace(self, late_tag=tag.name)

    def _assigner(self, method: str) -> WindowAssigner:
        if self.assigner is None:
            raise PlanError(f"{method} does not apply to count windows: use window(GlobalWindows()) with a trigger")
        return self.assigner

    def on(self, on_error: OnError) -> "Windowing":
        """The same; what the windows become has ``on_error``."""
        return replace(self, end=self.end.on(on_error))

    def reduce(self, function: Any, finish: Any, name: str | None, parallelism: int | None) -> Upstream:
        """Fold with a reduce function."""
        bind(function, Role.REDUCE)
        return self._attach(operator_name(name, function, "reduce"), parallelism, reduce=function, finish=finish)

    def aggregate(self, function: Any, finish: Any, name: str | None, parallelism: int | None) -> Upstream:
        """Fold with an aggregate function."""
        refuse_class(function, "aggregate", AggregateFunction)
        if self.assigner is not None and self.assigner.merges and not can_merge(function):
            raise PlanError(
                f"{type(self.assigner).__name__} merges windows, and {type(function).__name__} can not merge"
                " accumulators: override its merge()"
            )
        return self._attach(operator_name(name, function, "aggregate"), parallelism, aggregate=function, finish=finish)

    def process(self, function: Any, name: str | None, parallelism: int | None) -> Upstream:
        """Keep the records and show them to a ``ProcessWindowFunction``."""
        refuse_class(function, "process", ProcessWindowFunction)
        return self._attach(operator_name(name, function, "process"), parallelism, finish=function)

    def apply(self, function: Any, name: str | None, parallelism: int | None) -> Upstream:
        """Keep the records and show them to a plain function."""
        if isinstance(function, ProcessWindowFunction):
            raise FunctionError("apply() takes a plain function; a ProcessWindowFunction is for process()")
        return self._attach(operator_name(name, function, "apply"), parallelism, finish=function)

    def _attach(
        self, name: str, parallelism: int | None, *, reduce: Any = None, aggregate: Any = None, finish: Any = None
    ) -> Upstream:
        if finish is not None:
            self._check_finish(finish)
        operator = self._operator(name, reduce, aggregate, finish)
        if not self.is_keyed:
            parallelism = self._one(name, parallelism)
        return self.end.attach(operator, parallelism).unkeyed()

    def _check_finish(self, finish: Any) -> None:
        if isinstance(finish, type) and issubclass(finish, ProcessWindowFunction):
            refuse_class(finish, "process", ProcessWindowFunction)
        if isinstance(finish, ProcessWindowFunction):
            return
        arguments = "key, window and values" if self.is_keyed else "window and values"
        if not callable(finish):
            raise FunctionError(f"a window function is a function of {arguments}, found {finish!r}")
        _refuse_arity(finish, 3 if self.is_keyed else 2, arguments)

    def _one(self, name: str, parallelism: int | None) -> int:
        if parallelism not in (None, 1):
            raise PlanError(
                f"operator {name!r} has all records in one window, so its parallelism is 1, found {parallelism}:"
                " call key_by() and window() for more"
            )
        return 1

    def _operator(self, name: str, reduce: Any, aggregate: Any, finish: Any) -> Windowed:
        if self.count is not None:
            size, slide = self.count
            return CountWindow(
                name=name,
                key_selector=self.end.key_selector,
                reduce=reduce,
                aggregate=aggregate,
                function=finish,
                is_keyed=self.is_keyed,
                size=size,
                slide=slide,
            )
        assigner = self._assigner(name)
        if isinstance(assigner, GlobalWindows) and self.trigger is None:
            raise PlanError("a global window never ends, so it needs a trigger: window(GlobalWindows()).trigger(...)")
        return Window(
            name=name,
            key_selector=self.end.key_selector,
            reduce=reduce,
            aggregate=aggregate,
            function=finish,
            is_keyed=self.is_keyed,
            assigner=assigner,
            trigger=self.trigger,
            lateness_ms=self.lateness_ms,
            late_tag=self.late_tag,
        )


def time_windows(end: Upstream, assigner: Any, *, is_keyed: bool) -> Windowing:
    """Windows by ``assigner``. Raises ``PlanError`` for event time where no timestamps were assigned."""
    check_assigner(assigner)
    if assigner.domain is TimeDomain.EVENT and not end.program.has(AssignTimestamps, end.inputs):
        raise PlanError(
            f"{type(assigner).__name__} needs records with timestamps: call assign_timestamps_and_watermarks() before,"
            " on every stream that leads here, or use windows of processing time"
        )
    return Windowing(end=end, is_keyed=is_keyed, assigner=assigner)


def check_assigner(assigner: Any) -> None:
    """Raise ``FunctionError`` for anything but an instance of a ``WindowAssigner``."""
    if isinstance(assigner, type) or not isinstance(assigner, WindowAssigner):
        raise FunctionError(
            "window() takes a window assigner such as TumblingEventTimeWindows.of('10s'), found"
            f" {assigner.__name__ if isinstance(assigner, type) else repr(assigner)}"
        )


def check_vectorised(assigner: WindowAssigner) -> None:
    """Raise ``PlanError`` for windows that can not be computed on columns."""
    kinds = (TumblingEventTimeWindows, SlidingEventTimeWindows, EventTimeSessionWindows)
    if not isinstance(assigner, kinds) or getattr(assigner, "gap_of", None) is not None:
        raise PlanError(
            "aggregates of columns are for tumbling, sliding and session windows of event time, with a fixed gap; found"
            f" {assigner!r}: aggregate rows by an AggregateFunction for others"
        )


def check_strategy(strategy: Any) -> None:
    """Raise ``FunctionError`` for anything but a ``WatermarkStrategy``."""
    if isinstance(strategy, type) or not isinstance(strategy, WatermarkStrategy):
        raise FunctionError(
            "assign_timestamps_and_watermarks() takes a WatermarkStrategy such as"
            f" WatermarkStrategy.for_bounded_out_of_orderness('5s'), found {strategy!r}"
        )


def count_windows(end: Upstream, size: int, slide: int | None) -> Windowing:
    """Windows of the latest ``size`` records, one after every ``slide``."""
    positive_count(size, "size of count_window")
    slide = size if slide is None else positive_count(slide, "slide of count_window")
    if slide > size:
        raise PlanError(
            f"the slide of count_window must not be more than its size; found slide {slide} and size {size}: records"
            " between two windows would belong to none"
        )
    return Windowing(end=end, is_keyed=True, count=(size, slide))


def named_aggregates(function: Any, aggregates: dict[str, Any]) -> Any:
    """The one function that ``aggregate(function)`` or ``aggregate(total=..., n=...)`` means."""
    if (function is None) is (not aggregates):
        raise FunctionError("aggregate() takes one AggregateFunction, or several by name such as n=Count()")
    return Multi(**aggregates) if aggregates else function


def assign_timestamps(end: Upstream, strategy: Any, name: str | None, parallelism: int | None) -> Upstream:
    """Give the records event time."""
    check_strategy(strategy)
    if strategy.assigner is None and not end.program.has(AssignTimestamps, end.inputs):
        raise PlanError(
            "the records have no timestamps yet: tell the strategy where they are by with_timestamp_assigner(...)"
        )
    operator = AssignTimestamps(
        name=operator_name(name, None, "timestamps"), key_selector=end.key_selector, strategy=strategy
    )
    return end.attach(operator, parallelism)


def _refuse_arity(function: Any, arguments: int, wanted: str) -> None:
    from inspect import signature

    try:
        found = signature(function)
    except (TypeError, ValueError):
        return  # some callables written in C do not tell
    try:
        found.bind(*[None] * arguments)
    except TypeError as error:
        shown = getattr(function, "__qualname__", repr(function))
        raise FunctionError(f"a window function is called with {wanted}, found {shown}{found}: {error}") from None

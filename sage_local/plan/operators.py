"""What each operator of a program is, as data: the user's functions and nothing that runs.

The runtime has one implementation for each class here (``sage_local.runtime.operators``).
"""

from collections.abc import Callable
from typing import Any

from sage_local.core.data import keyword_data
from sage_local.functions.co_shape import CoShape
from sage_local.functions.output_tag import OnError


@keyword_data
class Operator:
    """One step of a program.

    ``name`` is what users read in errors, metrics and plans; it is unique within a graph.
    ``key_selector`` is set when the operator was applied to a keyed stream. ``read_tags`` names the side outputs that
    the program reads, in this run or another. The planner sets ``keeps_keys`` where results travel with the keys of
    their records, and ``assigns_keys`` where a ``key_by`` is right before the operator and its keys are needed.
    ``is_columnar``: it is one of ``plan.columns``, which only programs with column streams load. ``gives_columns``: its
    results are columns.
    """

    is_columnar = False
    gives_columns = False

    name: str
    key_selector: Callable[[Any], Any] | None = None
    on_error: OnError = "fail"
    read_tags: frozenset[str] = frozenset()
    keeps_keys: bool = False
    assigns_keys: bool = False


@keyword_data
class Source(Operator):
    """Emits records. ``splits`` holds what its ``splits()`` named; ``None`` for a push source (``run(ctx)``)."""

    source: Any
    splits: tuple[Any, ...] | None

    @property
    def gives_columns(self) -> bool:  # type: ignore[override]  # of this class an instance knows
        """Whether the source's splits are read as columns."""
        return getattr(self.source, "columnar", False)


@keyword_data
class Map(Operator):
    """One record out for each record in."""

    function: Any


@keyword_data
class Filter(Operator):
    """Keeps the records for which the function is true."""

    function: Any


@keyword_data
class FlatMap(Operator):
    """Any number of records out for each record in."""

    function: Any


@keyword_data
class Reduce(Operator):
    """Keeps one value per key, folded by ``reduce(a, b)``; emits that value."""

    function: Any


@keyword_data
class Aggregate(Operator):
    """Keeps one accumulator per key; emits ``(key, result)``."""

    function: Any


@keyword_data
class PartialAggregate(Operator):
    """The local combiner: accumulators per key of what passed here, sent on in place of the records."""

    function: Any


@keyword_data
class MergeAggregate(Operator):
    """Merges what ``PartialAggregate`` sent; emits ``(key, result)``."""

    function: Any


@keyword_data
class Sink(Operator):
    """Hands each record to a callable or a ``SinkFunction``."""

    function: Any


@keyword_data
class Print(Operator):
    """Writes ``prefix + str(record)`` as a line to the caller's standard output."""

    prefix: str


@keyword_data
class Collect(Operator):
    """Returns the records to the caller."""


@keyword_data
class AssignTimestamps(Operator):
    """Gives records their event time and tells how far it has come. Chained to a source, it does so for each split.

    ``strategy`` is a ``WatermarkStrategy``. Here and below the classes of ``sage_local.windowing`` are not named as
    types: importing them would cost every program without windows its share of the start-up time.
    """

    strategy: Any


@keyword_data
class Windowed(Operator):
    """What all windows share: how their records are folded and what becomes of the result.

    At most one of ``reduce`` and ``aggregate`` is set; without, the records are kept. ``function`` (a
    ``ProcessWindowFunction`` or a callable of key, window and values) sees what there is when the window fires;
    without, the result is emitted, an aggregate's behind its key. ``is_keyed`` is false for ``window_all``, whose
    results have no keys.
    """

    reduce: Any = None
    aggregate: Any = None
    function: Any = None
    is_keyed: bool = True


@keyword_data
class Window(Windowed):
    """Windows by a ``WindowAssigner``.

    ``trigger`` is ``None`` for the assigner's own; what came too late goes to the side output ``late_tag``.
    """

    assigner: Any
    trigger: Any = None
    lateness_ms: int = 0
    late_tag: str | None = None

    @property
    def fires_once(self) -> bool:
        """Whether every window fires at its end and never again."""
        default = self.trigger is None or self.trigger == self.assigner.default_trigger()
        return default and self.lateness_ms == 0


@keyword_data
class PartialWindow(Operator):
    """The local combiner of ``window``: panes of what passed here, sent on in place of the records where that pays.

    It ``holds`` them until its watermark ends them, but not where receivers go by the place of watermarks in the turns.
    """

    window: Window
    holds: bool


@keyword_data
class CountWindow(Windowed):
    """Windows of the latest ``size`` records of a key, one after every ``slide`` of them."""

    size: int
    slide: int


@keyword_data
class Process(Operator):
    """Calls a process function with each record; with state and timers where there is a ``key_selector``."""

    function: Any


@keyword_data
class Connected(Operator):
    """Calls a function of several inputs. ``key_selectors`` has one per input, ``None`` where that is not keyed."""

    function: Any
    shape: CoShape
    key_selectors: tuple[Callable[[Any], Any] | None, ...]

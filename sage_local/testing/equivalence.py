"""One program in many shapes: whatever engine, parallelism and size of batches, the results are the same."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from sage_local.api.datastream import DataStream
from sage_local.api.environment import LocalEnvironment
from sage_local.api.overrides import Overrides, current_overrides, overriding
from sage_local.config import parse_layer
from sage_local.testing.collecting import CollectingSink
from sage_local.testing.differences import Order, differences

T = TypeVar("T")

Build = Callable[[LocalEnvironment], Any]
Results = dict[str | None, list[Any]]
"""Records by the name of their stream; ``None`` where there is one stream, without a name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """How a program is run."""

    engine: str
    parallelism: int
    frame_rows: int = 4096
    timeout_ms: int = 100

    def __str__(self) -> str:
        workers = f"{self.parallelism} worker{'s' if self.parallelism > 1 else ''}"
        where = workers if self.engine == "processes" else f"inline at parallelism {self.parallelism}"
        return f"{where}, frame.max-rows={self.frame_rows}, buffer.timeout={self.timeout_ms}"

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Every job in the block is run so, whatever its program and the environment say."""
        layer = {
            "execution.engine": self.engine,
            "parallelism": self.parallelism,
            "frame.max-rows": self.frame_rows,
            "buffer.timeout": self.timeout_ms,
        }
        outer = current_overrides().layers
        with overriding(Overrides(layers=(*outer, parse_layer(layer, "check_equivalent")))):
            yield


@overload
def check_equivalent(
    pipeline: DataStream[T] | Callable[[LocalEnvironment], DataStream[T]],
    *,
    order: Order = "any",
    view: Callable[[T], Any] | None = None,
    workers: Sequence[int] = (1, 2, 3, 4),
    rounds: int = 1,
    seed: int = 0,
    config: Mapping[str, object] | None = None,
) -> list[T]: ...
@overload
def check_equivalent(
    pipeline: Callable[[LocalEnvironment], Mapping[str, DataStream[Any]]],
    *,
    order: Order = "any",
    view: Callable[[Any], Any] | None = None,
    workers: Sequence[int] = (1, 2, 3, 4),
    rounds: int = 1,
    seed: int = 0,
    config: Mapping[str, object] | None = None,
) -> dict[str, list[Any]]: ...
def check_equivalent(
    pipeline: Any,
    *,
    order: Order = "any",
    view: Callable[[Any], Any] | None = None,
    workers: Sequence[int] = (1, 2, 3, 4),
    rounds: int = 1,
    seed: int = 0,
    config: Mapping[str, object] | None = None,
) -> Any:
    """Run ``pipeline`` inline and with each number of ``workers``, in batches of random sizes, and compare the results.

    ``pipeline`` is a stream, or a function that builds one (or several by name, a side output for instance) in the
    environment it is given, which has ``config``. The first run is inline at parallelism 1; its records are what the
    others are held against, and what is returned, so that the test can go on to look at them. ``order`` says which
    order must be kept; ``view`` what of a record is compared (round a sum of floats: how it is added up depends on the
    batches). ``rounds``: how many random shapes for each number of workers, chosen by ``seed``.

    Raises ``AssertionError`` that shows the differences and how to run just that again.
    """
    _refuse_what_checks_nothing(order, workers, rounds)
    expected = _run(pipeline, _Shape(engine="inline", parallelism=1), config)
    for shape in _shapes(workers, rounds, seed):
        try:
            found = _run(pipeline, shape, config)
        except Exception as error:
            # Whatever it raises: inline the same program raised nothing.
            raise AssertionError(f"{shape}: failed, and inline it did not: {error}") from error
        told = [line for name in expected for line in _told(name, expected[name], found[name], order, view)]
        if told:
            raise AssertionError(_report(shape, told, f"workers=[{shape.parallelism}], rounds={rounds}, seed={seed}"))
    return expected.get(None, expected)  # the records, where there is one stream without a name


def _refuse_what_checks_nothing(order: Any, workers: Sequence[int], rounds: int) -> None:
    if not workers or min(workers) < 1 or rounds < 1:
        raise ValueError(
            f"workers and rounds: expected numbers of at least 1, and one of workers at least; found {workers!r} and"
            f" {rounds!r}"
        )
    if order not in ("any", "total") and not callable(order):
        raise ValueError(f"order: expected 'any', 'total' or a function of a record; found {order!r}")


def _shapes(workers: Sequence[int], rounds: int, seed: int) -> Iterator[_Shape]:
    for parallelism in workers:
        # A generator for each number of workers: so one of them, run again alone, has the same shapes.
        chance = random.Random(f"{seed}/{parallelism}")
        for _ in range(rounds):
            for engine in ("inline", "processes"):
                yield _Shape(
                    engine=engine,
                    parallelism=parallelism,
                    # As many sizes between 1 and 10 as between 100 and 1000: small batches have more seams.
                    frame_rows=round(4096 ** chance.random()),
                    timeout_ms=chance.choice((0, 1, 10, 100)),
                )


def _run(pipeline: Any, shape: _Shape, config: Mapping[str, object] | None) -> Results:
    with shape.applied():
        if isinstance(pipeline, DataStream):
            return {None: pipeline.collect()}
        env = LocalEnvironment("check-equivalent", config)
        built = pipeline(env) if callable(pipeline) else pipeline
        if isinstance(built, DataStream):
            return {None: built.collect()}
        if not callable(pipeline) or not isinstance(built, Mapping) or not built:
            raise TypeError(
                "pipeline: expected a stream, or a function of an environment that returns one, or several by name;"
                f" found {built!r}"
            )
        return _collected(env, built)


def _collected(env: LocalEnvironment, streams: Mapping[str, DataStream[Any]]) -> Results:
    """All of them from one run."""
    sinks: dict[str, CollectingSink[Any]] = {name: CollectingSink() for name in streams}
    for name, stream in streams.items():
        stream.sink(sinks[name], name=f"collect {name}", parallelism=1)
    env.submit()
    return {name: sink.records for name, sink in sinks.items()}


def _told(
    name: str | None, expected: list[Any], found: list[Any], order: Order, view: Callable[[Any], Any] | None
) -> Iterator[str]:
    if view is not None:
        expected, found = [view(record) for record in expected], [view(record) for record in found]
    lines = differences(expected, found, order)
    if lines:
        yield f"{name or 'the stream'}: {len(expected)} records inline, {len(found)} here"
        yield from (f"  {line}" for line in lines)


def _report(shape: _Shape, told: Sequence[str], again: str) -> str:
    lines = "\n".join(f"  {line}" for line in told)
    return f"not the same results with {shape}\n{lines}\n  run it again: check_equivalent(..., {again})"

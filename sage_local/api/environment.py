"""Environments: where a program begins, and what runs it."""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from sage_local.api import submission
from sage_local.api.datastream import DataStream, DataStreamSink
from sage_local.api.names import operator_name
from sage_local.api.program import Program, StaysHere
from sage_local.api.upstream import Upstream, check_parallelism
from sage_local.config import parse_layer
from sage_local.core.ids import NodeId
from sage_local.errors import PlanError
from sage_local.functions import SourceFunction
from sage_local.functions.binding import refuse_class, refuse_unreadable
from sage_local.plan.graph import Input
from sage_local.plan.operators import Source
from sage_local.runtime.job import JobResult
from sage_local.runtime.launcher import JobHandle

if TYPE_CHECKING:
    # Not at run time: programs of rows start without what column streams need.
    from sage_local.api.columns import ColumnStream

T = TypeVar("T")
Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
"""A path, a glob, or several of them."""
Pipeline = DataStream[Any] | DataStreamSink
"""A part of a program."""


class LocalEnvironment(StaysHere):
    """Builds programs and runs them on this machine.

    Streams and sinks are declared here and run by ``submit``, which leaves the program as it is: another ``submit``
    runs it again, together with what was declared since. ``config`` is checked at once; see the settings reference for
    its keys, and for what takes precedence over it.
    """

    def __init__(self, name: str = "sage-job", config: Mapping[str, object] | None = None) -> None:
        if not isinstance(name, str) or not name.strip():
            raise PlanError(f"name: expected the job's name as text that is not empty, found {name!r}")
        # A subclass of str would have to be importable in every process.
        self._program = Program(str.__str__(name), parse_layer({} if config is None else config, "config"))

    @property
    def name(self) -> str:
        """The name of its jobs."""
        return self._program.job_name

    def from_collection(
        self, values: Iterable[T], *, name: str | None = None, parallelism: int | None = None
    ) -> DataStream[T]:
        """The values of a finite iterable, in order."""
        from sage_local.connectors.collection import CollectionSource

        return self._source(CollectionSource(values), operator_name(name, None, "from_collection"), parallelism)

    def from_batch(
        self, values: Iterable[T], *, name: str | None = None, parallelism: int | None = None
    ) -> DataStream[T]:
        """The values of a finite iterable, in order."""
        from sage_local.connectors.collection import CollectionSource

        return self._source(CollectionSource(values), operator_name(name, None, "from_batch"), parallelism)

    def from_source(
        self, source: SourceFunction[T], *, name: str | None = None, parallelism: int | None = None
    ) -> DataStream[T]:
        """The records of a source of one's own."""
        refuse_class(source, "from_source", SourceFunction)
        refuse_unreadable(source)
        return self._source(source, operator_name(name, source, "from_source"), parallelism)

    def from_text(
        self,
        paths: Paths,
        *,
        encoding: str = "utf-8",
        errors: str = "strict",
        name: str | None = None,
        parallelism: int | None = None,
    ) -> DataStream[str]:
        """The lines of text files, without their line ends. Files are read in parallel, large ones in pieces."""
        from sage_local.connectors.text import TextSource

        source = TextSource(paths, encoding=encoding, errors=errors)
        return self._source(source, operator_name(name, None, "from_text"), parallelism)

    @overload
    def from_json_lines(
        self, paths: Paths, *, name: str | None = None, parallelism: int | None = None
    ) -> DataStream[Any]: ...
    @overload
    def from_json_lines(
        self,
        paths: Paths,
        *,
        columns: Literal[True],
        schema: Any = None,
        name: str | None = None,
        parallelism: int | None = None,
    ) -> "ColumnStream": ...
    def from_json_lines(
        self,
        paths: Paths,
        *,
        columns: bool = False,
        schema: Any = None,
        name: str | None = None,
        parallelism: int | None = None,
    ) -> "DataStream[Any] | ColumnStream":
        """The JSON value in each line of text files. Blank lines are passed over; one that is no JSON fails the job.

        ``from_text(paths).map(json.loads, on_error=tag)`` goes on without such lines.

        ``columns``: the objects as columns, of ``schema`` or of the types that the files begin with.
        """
        if columns:
            from sage_local.connectors.text_columns import JsonColumnsSource

            source = JsonColumnsSource(paths, _declared(schema))
            return self._column_source(source, operator_name(name, None, "from_json_lines"), parallelism)
        from sage_local.connectors.json_lines import JsonLinesSource

        return self._source(JsonLinesSource(paths), operator_name(name, None, "from_json_lines"), parallelism)

    @overload
    def from_csv(
        self, paths: Paths, *, delimiter: str = ",", name: str | None = None, parallelism: int | None = None
    ) -> DataStream[dict[str, str]]: ...
    @overload
    def from_csv(
        self,
        paths: Paths,
        *,
        columns: Literal[True],
        schema: Any = None,
        delimiter: str = ",",
        name: str | None = None,
        parallelism: int | None = None,
    ) -> "ColumnStream": ...
    def from_csv(
        self,
        paths: Paths,
        *,
        columns: bool = False,
        schema: Any = None,
        delimiter: str = ",",
        name: str | None = None,
        parallelism: int | None = None,
    ) -> "DataStream[dict[str, str]] | ColumnStream":
        """The rows of CSV files as ``{column: text}``; the first row of each file names its columns.

        ``columns``: as columns, of ``schema`` or of the types that the files begin with.
        """
        if columns:
            from sage_local.connectors.text_columns import CsvColumnsSource

            typed = CsvColumnsSource(paths, _declared(schema), delimiter=delimiter)
            return self._column_source(typed, operator_name(name, None, "from_csv"), parallelism)
        from sage_local.connectors.csv import CsvSource

        source = CsvSource(paths, delimiter=delimiter)
        return self._source(source, operator_name(name, None, "from_csv"), parallelism)

    def from_parquet(
        self, paths: Paths, *, batch_rows: int | None = None, name: str | None = None, parallelism: int | None = None
    ) -> "ColumnStream":
        """The columns of Parquet files, ``batch_rows`` records at a time; large files are read in pieces, in parallel.

        Filters by expressions and projections that follow directly are done by the scan.
        """
        from sage_local.connectors.parquet import BATCH_ROWS, ParquetSource

        source = ParquetSource(paths, batch_rows=BATCH_ROWS if batch_rows is None else batch_rows)
        return self._column_source(source, operator_name(name, None, "from_parquet"), parallelism)

    def from_arrow(
        self, data: Any, *, batch_rows: int | None = None, name: str | None = None, parallelism: int | None = None
    ) -> "ColumnStream":
        """Record batches, a table, a reader, or what has the Arrow PyCapsule interface, in order; or a dataset.

        A dataset's fragments are read in parallel, by the job; everything else is read here, once.
        """
        from sage_local.connectors.arrow import arrow_source
        from sage_local.connectors.parquet import BATCH_ROWS

        source = arrow_source(data, batch_rows=BATCH_ROWS if batch_rows is None else batch_rows)
        return self._column_source(source, operator_name(name, None, "from_arrow"), parallelism)

    def from_socket(
        self, host: str, port: int, *, name: str | None = None, parallelism: int | None = None
    ) -> DataStream[str]:
        """The lines that a TCP server sends, until it closes the connection."""
        from sage_local.connectors.socket import SocketSource

        return self._source(SocketSource(host, port), operator_name(name, None, "from_socket"), parallelism)

    def from_generator(
        self,
        fn: Callable[[], Iterable[T]],
        rate: float | None = None,
        *,
        name: str | None = None,
        parallelism: int | None = None,
    ) -> DataStream[T]:
        """What ``fn()`` yields in a worker; it may block and need not end. ``rate``: at most so many per second."""
        from sage_local.connectors.generator import GeneratorSource

        return self._source(GeneratorSource(fn, rate=rate), operator_name(name, fn, "from_generator"), parallelism)

    @overload
    def submit(self, pipeline: Pipeline | None = None, *, detach: Literal[False] = False) -> JobResult: ...
    @overload
    def submit(self, pipeline: Pipeline | None = None, *, detach: Literal[True]) -> JobHandle: ...
    @overload
    def submit(self, pipeline: Pipeline | None = None, *, detach: bool) -> JobResult | JobHandle: ...
    def submit(self, pipeline: Pipeline | None = None, *, detach: bool = False) -> JobResult | JobHandle:
        """Run every sink declared so far, or with ``pipeline`` only those that it is or leads to.

        Blocks until every record has reached its sink and every sink is closed. With ``detach`` it returns as soon as
        the job runs, and the job goes on without its caller. Raises ``PlanError`` or ``ConfigError`` before any process
        starts, and ``JobError`` when the job fails. May be called again, and from any thread.
        """
        sinks = self._sinks(pipeline)
        return submission.start(self._program, sinks) if detach else submission.run(self._program, sinks)

    def configure_debug(
        self,
        *,
        enable_tracing: bool | None = None,
        metrics_interval: str | int | None = None,
        log_level: str | None = None,
    ) -> None:
        """Set ``tracing``, ``metrics.interval`` and ``log.level`` as ``config=`` would."""
        written = {"tracing": enable_tracing, "metrics.interval": metrics_interval, "log.level": log_level}
        layer = {key: value for key, value in written.items() if value is not None}
        self._program.configure(parse_layer(layer, "configure_debug"))

    def explain(self, pipeline: Pipeline | None = None, *, syntax: Literal["text", "mermaid"] = "text") -> str:
        """How ``submit`` would run the program: chains, tasks, edges, rings, placement. Starts nothing."""
        return submission.explain(self._program, self._sinks(pipeline), mermaid=syntax == "mermaid")

    def _source(self, source: SourceFunction[T], name: str, parallelism: int | None) -> DataStream[T]:
        check_parallelism(parallelism)
        node = self._program.add(Source(name=name, source=source, splits=None), parallelism=parallelism)
        return DataStream(Upstream(self._program, (Input(node.id),)))

    def _column_source(self, source: Any, name: str, parallelism: int | None) -> "ColumnStream":
        from sage_local.api.columns import ColumnStream

        return ColumnStream(self._source(source, name, parallelism)._end, source.schema)

    def _sinks(self, pipeline: Pipeline | None) -> set[NodeId]:
        if pipeline is None:
            return self._program.sinks()
        if not isinstance(pipeline, DataStream | DataStreamSink):
            raise PlanError(f"pipeline: expected a stream of this environment, found {pipeline!r}")
        end = pipeline._origin
        if end.program is not self._program:
            raise PlanError(f"pipeline: expected a stream of environment {self.name!r}, found one of another")
        return self._program.sinks_of(source.node for source in end.inputs)


def _declared(schema: Any) -> Any:
    from sage_local.functions.record_schemas import declared_schema

    return declared_schema(schema)

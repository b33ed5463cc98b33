"""PyFlink's DataStream API, as in its own examples ``word_count.py`` and ``state_access.py``.

``FLINK_EXECUTION_MODE`` is Flink's ``python.execution-mode``: ``process`` (its default) or ``thread``.
"""

import os
import site
import sys
from collections.abc import Iterator
from pathlib import Path

from _events import is_milestone, kind_of, main
from pyflink.common import Configuration, Encoder, Types, WatermarkStrategy
from pyflink.datastream import DataStream, RuntimeExecutionMode, StreamExecutionEnvironment
from pyflink.datastream.connectors.file_system import FileSink, FileSource, StreamFormat
from pyflink.datastream.functions import KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import ValueStateDescriptor

COUNTED = Types.TUPLE([Types.STRING(), Types.LONG()])


def count(source: Path, out: Path, workers: int) -> None:
    env = _environment(workers)
    env.set_runtime_mode(RuntimeExecutionMode.BATCH)
    counts = (
        _lines(env, source)
        .map(lambda line: (kind_of(line), 1), output_type=COUNTED)
        .key_by(lambda counted: counted[0], key_type=Types.STRING())
        .reduce(lambda a, b: (a[0], a[1] + b[1]))
    )
    _write(counts, out)
    env.execute("count")


class RunningCount(KeyedProcessFunction):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.count = runtime_context.get_state(ValueStateDescriptor("count", Types.LONG()))

    def process_element(self, value: str, ctx: KeyedProcessFunction.Context) -> Iterator[tuple[str, int]]:
        reached = (self.count.value() or 0) + 1
        self.count.update(reached)
        yield value, reached


def running(source: Path, out: Path, workers: int) -> None:
    env = _environment(workers)
    env.set_runtime_mode(RuntimeExecutionMode.STREAMING)
    counts = _lines(env, source).key_by(lambda key: key, key_type=Types.STRING()).process(RunningCount(), COUNTED)
    _write(counts.filter(lambda counted: is_milestone(counted[1])), out)
    env.execute("running")


def _environment(workers: int) -> StreamExecutionEnvironment:
    # An interpreter inside the JVM does not know of virtual environments.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), *site.getsitepackages()])
    configuration = Configuration()
    configuration.set_string("python.execution-mode", os.environ["FLINK_EXECUTION_MODE"])
    configuration.set_string("python.executable", sys.executable)
    configuration.set_string("python.client.executable", sys.executable)
    env = StreamExecutionEnvironment.get_execution_environment(configuration)
    env.set_parallelism(workers)
    return env


def _lines(env: StreamExecutionEnvironment, source: Path) -> DataStream:
    lines = FileSource.for_record_stream_format(StreamFormat.text_line_format(), str(source))
    return env.from_source(
        lines.process_static_file_set().build(), WatermarkStrategy.for_monotonous_timestamps(), "lines"
    )


def _write(counts: DataStream, out: Path) -> None:
    rows = counts.map(lambda counted: f"{counted[0]},{counted[1]}", output_type=Types.STRING())
    rows.sink_to(FileSink.for_row_format(str(out), Encoder.simple_string_encoder()).build())


if __name__ == "__main__":
    main({"count": count, "running": running})

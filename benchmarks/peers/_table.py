"""The workloads, who takes part in each and with how many workers, and the figures that are made of their measures."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace

from sage_local.bench.workload import Figure, NotMeasured, Role, Round, ratio


@dataclass(frozen=True)
class Contestant:
    """``program`` of ``programs/`` under the Python of ``environment`` (None: that of this engine)."""

    role: Role
    program: str
    workers: int
    environment: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    task: str | None = None
    """What the program is asked to do, where that is not what the workload is named."""
    emits: bool = True
    """False: the right result is none."""


@dataclass(frozen=True)
class Workload:
    """``input`` is one of ``_inputs.MAKERS``."""

    name: str
    title: str
    input: str
    records: int
    contestants: Mapping[str, Contestant]
    figures: tuple[Figure, ...] = ()
    few: int = 1_000

    @property
    def environments(self) -> set[str]:
        named = {each.environment for each in self.contestants.values()}
        return {name for name in named if name is not None}


def without(workload: Workload, environments: Container[str]) -> Workload:
    """The same for all but those of ``environments``."""
    kept = {name: each for name, each in workload.contestants.items() if each.environment not in environments}
    return replace(workload, contestants=kept)


_FLOOR, _SAGE, _PEER = Role.FLOOR, Role.SAGE, Role.PEER
_LOOP = Contestant(_FLOOR, "loop", 1)


def _processes(workers: int) -> Contestant:
    return Contestant(_PEER, "processes", workers)


def _sage(workers: int) -> Contestant:
    return Contestant(_SAGE, "sage", workers)


def _bytewax(workers: int) -> Contestant:
    return Contestant(_PEER, "bytewax_run", workers, "bytewax")


def _flink(workers: int, mode: str) -> Contestant:
    return Contestant(_PEER, "flink_stream", workers, "flink", {"FLINK_EXECUTION_MODE": mode})


def _flink_sql(workers: int, mode: str) -> Contestant:
    return Contestant(_PEER, "flink_sql", workers, "flink", {"FLINK_RUNTIME_MODE": mode})


def _reading_only(contestant: Contestant) -> Contestant:
    return replace(contestant, task="read_csv", emits=False)


def _ray(workers: int) -> Contestant:
    return Contestant(_PEER, "ray_data", workers, "ray", {"RAY_DATA_DISABLE_PROGRESS_BARS": "1"})


def _polars(workers: int) -> Contestant:
    return Contestant(_PEER, "polars_frame", workers, "polars", {"POLARS_MAX_THREADS": str(workers)})


def _duckdb(workers: int) -> Contestant:
    return Contestant(_PEER, "duckdb_sql", workers, "duckdb")


def _transport(name: str) -> Contestant:
    return Contestant(_PEER, "transport", 2, "transport", task=name)


_PYTHON_ENGINES = ("bytewax", "PyFlink", "PyFlink, threads", "Ray Data")


def _cpu_per_record(the: Round, contestant: str) -> float:
    return the(contestant, "cpu_s_per_million")


def _best_engine_s(the: Round, workers: str) -> float:
    names = [f"{name}, {workers}" for name in _PYTHON_ENGINES if f"{name}, {workers}" in the.measures]
    if not names:
        raise NotMeasured(f"another Python engine with {workers}")
    return min(_cpu_per_record(the, name) for name in names)


def _against_engines(workers: str, goal: float) -> Figure:
    return Figure(
        f"CPU of the best other Python engine / CPU of sage, {workers}",
        lambda the: _best_engine_s(the, workers) / _cpu_per_record(the, f"sage, {workers}"),
        goal,
    )


def _beyond_the_loop(workers: str) -> Figure:
    return Figure(
        f"CPU ns per record beyond the loop's, {workers}",
        lambda the: (_cpu_per_record(the, f"sage, {workers}") - _cpu_per_record(the, "plain loop")) * 1e3,
        500,
        at_most=True,
    )


def _beyond_reading(the: Round, mode: str) -> float:
    """What the windows cost Flink SQL beside reading the same files, against what they cost us."""

    def windows(name: str) -> float:
        return _cpu_per_record(the, name) - _cpu_per_record(the, f"{name}, reading only")

    return windows(f"Flink SQL {mode}, 2 workers") / windows("sage, 2 workers")


ONE, TWO = "1 worker", "2 workers"

WORKLOADS = (
    Workload(
        "count",
        "JSON line → Python function → count by key",
        "json_lines",
        500_000,
        {
            "plain loop": _LOOP,
            "multiprocessing, 2 workers": _processes(2),
            "sage, 1 worker": _sage(1),
            "sage, 2 workers": _sage(2),
            "bytewax, 1 worker": _bytewax(1),
            "bytewax, 2 workers": _bytewax(2),
            "PyFlink, 1 worker": _flink(1, "process"),
            "PyFlink, threads, 1 worker": _flink(1, "thread"),
            "Ray Data, 2 workers": _ray(2),
            "polars, 1 thread": _polars(1),
            "DuckDB, 1 thread": _duckdb(1),
        },
        (
            ratio("cpu_s", "sage, 1 worker", "plain loop", goal=1.05, at_most=True),
            _against_engines(ONE, 1),
            _against_engines(TWO, 1),
        ),
    ),
    Workload(
        "running",
        "running count by key, every hundredth to the sink",
        "keys",
        1_000_000,
        {
            "plain loop": _LOOP,
            "multiprocessing, 1 worker": _processes(1),
            "multiprocessing, 2 workers": _processes(2),
            "sage, 1 worker": _sage(1),
            "sage, 2 workers": _sage(2),
            "bytewax, 1 worker": _bytewax(1),
            "bytewax, 2 workers": _bytewax(2),
            "PyFlink, 1 worker": _flink(1, "process"),
            "PyFlink, 2 workers": _flink(2, "process"),
            "PyFlink, threads, 1 worker": _flink(1, "thread"),
            "polars, 1 thread": _polars(1),
            "DuckDB, 1 thread": _duckdb(1),
        },
        (_beyond_the_loop(ONE), _beyond_the_loop(TWO), _against_engines(ONE, 4), _against_engines(TWO, 4)),
    ),
    Workload(
        "windows",
        "tumbling sum, count and maximum by key, from Parquet",
        "events_parquet",
        20_000_000,
        {
            "sage, 1 worker": _sage(1),
            "sage, 2 workers": _sage(2),
            "polars, 1 thread": _polars(1),
            "polars, 2 threads": _polars(2),
            "DuckDB, 1 thread": _duckdb(1),
            "DuckDB, 2 threads": _duckdb(2),
            "Ray Data, 2 workers": _ray(2),
        },
        (
            ratio("seconds", "polars, 1 thread", "sage, 1 worker", goal=0.5),
            ratio("cpu_s", "polars, 1 thread", "sage, 1 worker"),
        ),
    ),
    Workload(
        "windows_csv",
        "tumbling sum, count and maximum by key, from CSV",
        "events_csv",
        5_000_000,
        {
            "sage, 2 workers": _sage(2),
            "sage, 2 workers, reading only": _reading_only(_sage(2)),
            "Flink SQL streaming, 2 workers": _flink_sql(2, "streaming"),
            "Flink SQL batch, 2 workers": _flink_sql(2, "batch"),
            "Flink SQL streaming, 2 workers, reading only": _reading_only(_flink_sql(2, "streaming")),
            "Flink SQL batch, 2 workers, reading only": _reading_only(_flink_sql(2, "batch")),
        },
        (
            ratio("cpu_s", "Flink SQL streaming, 2 workers", "sage, 2 workers", goal=3),
            ratio("cpu_s", "Flink SQL batch, 2 workers", "sage, 2 workers", goal=3),
            *(
                Figure(
                    f"the same beyond reading, {mode}",
                    lambda the, mode=mode: _beyond_reading(the, mode),  # bound now
                    3,
                )
                for mode in ("streaming", "batch")
            ),
        ),
    ),
    Workload(
        "transport",
        "record batches of 10,000 rows (240 kB) from one process to another",
        "batch",
        500_000_000,
        {
            "copy limit": Contestant(_FLOOR, "copy_limit", 2, emits=False),
            "sage, worker to worker": Contestant(_SAGE, "transport_sage", 2),
            "iceoryx2": _transport("iceoryx2"),
            "zmq": _transport("zmq"),
            "Pipe": _transport("pipe"),
        },
        (
            ratio("seconds", "copy limit", "sage, worker to worker", goal=0.7),
            *(ratio("seconds", peer, "sage, worker to worker", goal=1) for peer in ("iceoryx2", "zmq", "Pipe")),
        ),
        few=100_000,
    ),
)

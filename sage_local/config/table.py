"""Every setting there is. The reference in the docs and ``sage check-env --config`` are generated from this table."""

import os
from typing import Any

from sage_local.config.enums import Checkpointing, Engine, LogLevel, RestartStrategy, RuntimeMode, StateBackend
from sage_local.config.kinds import boolean, choice, duration_ms, fraction, integer, size_bytes, text
from sage_local.config.setting import Setting


def _allowed_cpus() -> int:
    return len(os.sched_getaffinity(0))


PARALLELISM = Setting(
    "parallelism",
    integer(at_least=1),
    _allowed_cpus,
    "Subtasks of an operator that names no parallelism of its own, and worker processes of the job.",
    default_text="the CPUs this process may use",
)
MAX_PARALLELISM = Setting(
    "max-parallelism",
    integer(at_least=1, at_most=32_768),
    128,
    "Key groups of keyed state: the most subtasks that a job can ever be restored with.",
)
BUFFER_TIMEOUT_MS = Setting(
    "buffer.timeout",
    duration_ms(),
    100,
    "The longest a record may wait for its batch to fill before it travels on.",
)
OBJECT_REUSE = Setting(
    "object.reuse",
    boolean(),
    False,
    "Whether branches of a fan-out inside a worker share a record; without it every further branch gets a copy.",
)
ENGINE = Setting(
    "execution.engine",
    choice(Engine),
    Engine.PROCESSES,
    "Where operators run: in pinned worker processes, or all in the calling process, for a debugger.",
)
RUNTIME_MODE = Setting(
    "execution.runtime-mode",
    choice(RuntimeMode),
    RuntimeMode.STREAMING,
    "Whether a rolling aggregate emits every update, or once per key at the end of bounded input.",
)
STATE_BACKEND = Setting(
    "state.backend",
    choice(StateBackend),
    StateBackend.MEMORY,
    "Where keyed state lives.",
    unbuilt="the RocksDB state backend",
    built=(StateBackend.MEMORY,),
)
_RING_SIZE = size_bytes(at_least=4 * 2**10, at_most=64 * 2**20)
"""Below, headers would take a tenth of a ring; a ring above 16 MiB is slower already, as it leaves the caches."""
RING_MAX_BYTES = Setting("ring.max-size", _RING_SIZE, 4 * 2**20, "The largest ring between two workers.")
RING_MIN_BYTES = Setting("ring.min-size", _RING_SIZE, 64 * 2**10, "The smallest ring between two workers.")
FRAME_ROWS = Setting("frame.max-rows", integer(at_least=1), 4096, "The most records in one batch between two workers.")
MEMORY_BYTES: Setting[int | None] = Setting(
    "taskmanager.memory.process.size",
    size_bytes(),
    None,
    "The memory budget of the whole job, from which the rings get their share.",
    default_text="from the machine and its container",
)
CPU_CORES: Setting[int | None] = Setting(
    "taskmanager.cpu.cores",
    integer(at_least=1),
    None,
    "The most CPUs that workers are pinned to.",
    default_text="all the CPUs this process may use",
)
CHECKPOINTING: Setting[Checkpointing | None] = Setting(
    "checkpointing",
    choice(Checkpointing),
    None,
    "What a restart may do to a record: lose or repeat it (none), repeat it, or neither.",
    default_text="exactly_once with a checkpoint.interval or restore, else none",
)
CHECKPOINT_INTERVAL_MS = Setting(
    "checkpoint.interval",
    duration_ms(at_least=1),
    10_000,
    "The time from the start of one checkpoint to the start of the next.",
)
CHECKPOINT_TIMEOUT_MS = Setting(
    "checkpoint.timeout",
    duration_ms(at_least=1),
    600_000,
    "A checkpoint that takes longer is given up.",
)
CHECKPOINT_MIN_PAUSE_MS = Setting(
    "checkpoint.min-pause",
    duration_ms(),
    0,
    "The least time from the end of one checkpoint to the start of the next.",
)
CHECKPOINT_RETAINED = Setting(
    "checkpoint.retained",
    integer(at_least=1),
    2,
    "Complete checkpoints that are kept; older ones are deleted.",
)
CHECKPOINT_DIR: Setting[str | None] = Setting(
    "checkpoint.dir",
    text("a directory, or a URI that pyarrow.fs understands"),
    None,
    "Where checkpoints are stored, each job's in a directory of its name.",
    default_text="`$XDG_STATE_HOME/sage/checkpoints`",
)
LATEST = "latest"
"""The value of ``restore`` that means the job's own newest checkpoint."""
INCREMENTAL = Setting(
    "incremental",
    boolean(),
    False,
    "Whether a checkpoint holds only what changed since the one before.",
)
RESTORE: Setting[str | None] = Setting(
    "restore",
    text("a job's checkpoint directory, one chk-N in it, or latest"),
    None,
    "The checkpoint to begin with: a job's checkpoint directory, one `chk-N` in it, or `latest` of this job.",
    default_text="none",
)
ALLOW_NON_RESTORED_STATE = Setting(
    "allow-non-restored-state",
    boolean(),
    False,
    "Whether state of operators that the program no longer has may be left behind.",
)
RESTART_STRATEGY = Setting(
    "restart.strategy",
    choice(RestartStrategy),
    RestartStrategy.NONE,
    "What follows a failure: the end of the job, or another start after a delay.",
)
RESTART_ATTEMPTS = Setting(
    "restart.attempts",
    integer(at_least=0),
    10,
    "Restarts before the job is given up; with failure-rate, within one restart.failure_interval.",
)
RESTART_DELAY_MS = Setting(
    "restart.delay",
    duration_ms(),
    1000,
    "The wait before a restart; the first one of an exponential delay.",
)
RESTART_MAX_DELAY_MS = Setting(
    "restart.max_delay",
    duration_ms(),
    60_000,
    "The longest wait of an exponential delay.",
)
RESTART_JITTER = Setting(
    "restart.jitter",
    fraction(),
    0.1,
    "The part of an exponential delay by which it is shortened or lengthened at random.",
)
RESTART_RESET_AFTER_MS = Setting(
    "restart.reset_after",
    duration_ms(),
    600_000,
    "After so long without a failure, an exponential delay begins anew and all attempts are back.",
)
RESTART_FAILURE_INTERVAL_MS = Setting(
    "restart.failure_interval",
    duration_ms(),
    60_000,
    "The time within which failure-rate counts failures.",
)
METRICS_INTERVAL_MS = Setting(
    "metrics.interval",
    duration_ms(),
    1000,
    "The time between two readings of the running job's counters.",
)
LOG_LEVEL = Setting(
    "log.level",
    choice(LogLevel),
    LogLevel.INFO,
    "The least severe message that reaches the job's log files.",
)
TRACING = Setting(
    "tracing",
    boolean(),
    False,
    "Whether single records are followed through the operators.",
    unbuilt="the tracing of records",
    built=(False,),
)

GROUPS = ("execution", "state", "resources")
"""Optional groups around keys, as in ``{"resources": {"taskmanager.cpu.cores": 4}}``."""

TABLE: dict[str, Setting[Any]] = {
    setting.key: setting for setting in list(globals().values()) if isinstance(setting, Setting)
}
"""Every setting by its key, in the order of this file."""

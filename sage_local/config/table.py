"""Every setting there is. The reference in the docs and ``sage check-env --config`` are generated from this table."""

import os
from typing import Any

from sage_local.config.enums import Checkpointing, Engine, LogLevel, RestartStrategy, RuntimeMode, StateBackend
from sage_local.config.kinds import boolean, choice, duration_ms, integer, size_bytes
from sage_local.config.setting import Setting


def _allowed_cpus() -> int:
    return len(os.sched_getaffinity(0))


_CHECKPOINTS = "checkpoints"
_RESTARTS = "restarts after a failure"

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
RING_MAX_BYTES = Setting("ring.max-size", size_bytes(), 4 * 2**20, "The largest ring between two workers.")
RING_MIN_BYTES = Setting("ring.min-size", size_bytes(), 64 * 2**10, "The smallest ring between two workers.")
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
CHECKPOINTING = Setting(
    "checkpointing",
    choice(Checkpointing),
    Checkpointing.NONE,
    "What a restart may do to a record: lose it, repeat it, or neither.",
    unbuilt=_CHECKPOINTS,
    built=(Checkpointing.NONE,),
)
CHECKPOINT_INTERVAL_MS: Setting[int | None] = Setting(
    "checkpoint.interval",
    duration_ms(),
    None,
    "The time from the start of one checkpoint to the start of the next.",
    default_text="no checkpoints",
    unbuilt=_CHECKPOINTS,
)
CHECKPOINT_TIMEOUT_MS = Setting(
    "checkpoint.timeout",
    duration_ms(),
    600_000,
    "A checkpoint that takes longer is given up.",
    unbuilt=_CHECKPOINTS,
)
INCREMENTAL = Setting(
    "incremental",
    boolean(),
    False,
    "Whether a checkpoint holds only what changed since the one before.",
    unbuilt="incremental checkpoints",
    built=(False,),
)
RESTART_STRATEGY = Setting(
    "restart.strategy",
    choice(RestartStrategy),
    RestartStrategy.NONE,
    "What follows a failure: the end of the job, or another start after a delay.",
    unbuilt=_RESTARTS,
    built=(RestartStrategy.NONE,),
)
RESTART_ATTEMPTS = Setting(
    "restart.attempts",
    integer(at_least=0),
    10,
    "Restarts before the job is given up.",
    unbuilt=_RESTARTS,
)
RESTART_DELAY_MS = Setting(
    "restart.delay",
    duration_ms(),
    1000,
    "The wait before a restart; the first one of an exponential delay.",
    unbuilt=_RESTARTS,
)
RESTART_MAX_DELAY_MS = Setting(
    "restart.max_delay",
    duration_ms(),
    60_000,
    "The longest wait of an exponential delay.",
    unbuilt=_RESTARTS,
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

"""The settings of a job: the table of all keys, and how written values become settings.

Does not hold: what a setting does; that is where it is read. May import ``sage_local.errors``.
"""

from sage_local.config.enums import Checkpointing, Engine, LogLevel, RestartStrategy, RuntimeMode, StateBackend
from sage_local.config.layer import Layer, parse_layer
from sage_local.config.reference import settings_reference
from sage_local.config.setting import Setting
from sage_local.config.settings import Settings, load_settings
from sage_local.config.table import (
    BUFFER_TIMEOUT_MS,
    CHECKPOINT_INTERVAL_MS,
    CHECKPOINT_TIMEOUT_MS,
    CHECKPOINTING,
    CPU_CORES,
    ENGINE,
    FRAME_ROWS,
    INCREMENTAL,
    LOG_LEVEL,
    MAX_PARALLELISM,
    MEMORY_BYTES,
    METRICS_INTERVAL_MS,
    OBJECT_REUSE,
    PARALLELISM,
    RESTART_ATTEMPTS,
    RESTART_DELAY_MS,
    RESTART_MAX_DELAY_MS,
    RESTART_STRATEGY,
    RING_MAX_BYTES,
    RING_MIN_BYTES,
    RUNTIME_MODE,
    STATE_BACKEND,
    TABLE,
    TRACING,
)

__all__ = [
    "BUFFER_TIMEOUT_MS",
    "CHECKPOINTING",
    "CHECKPOINT_INTERVAL_MS",
    "CHECKPOINT_TIMEOUT_MS",
    "CPU_CORES",
    "ENGINE",
    "FRAME_ROWS",
    "INCREMENTAL",
    "LOG_LEVEL",
    "MAX_PARALLELISM",
    "MEMORY_BYTES",
    "METRICS_INTERVAL_MS",
    "OBJECT_REUSE",
    "PARALLELISM",
    "RESTART_ATTEMPTS",
    "RESTART_DELAY_MS",
    "RESTART_MAX_DELAY_MS",
    "RESTART_STRATEGY",
    "RING_MAX_BYTES",
    "RING_MIN_BYTES",
    "RUNTIME_MODE",
    "STATE_BACKEND",
    "TABLE",
    "TRACING",
    "Checkpointing",
    "Engine",
    "Layer",
    "LogLevel",
    "RestartStrategy",
    "RuntimeMode",
    "Setting",
    "Settings",
    "StateBackend",
    "load_settings",
    "parse_layer",
    "settings_reference",
]

"""Settings that can not both be meant."""

from enum import Enum
from typing import Any

from sage_local.config.enums import Checkpointing, RestartStrategy
from sage_local.config.kinds import as_written
from sage_local.config.layer import Entry, Layer
from sage_local.config.setting import Setting
from sage_local.config.table import (
    CHECKPOINT_DIR,
    CHECKPOINT_INTERVAL_MS,
    CHECKPOINT_MIN_PAUSE_MS,
    CHECKPOINT_RETAINED,
    CHECKPOINT_TIMEOUT_MS,
    CHECKPOINTING,
    INCREMENTAL,
    MAX_PARALLELISM,
    PARALLELISM,
    RESTART_ATTEMPTS,
    RESTART_DELAY_MS,
    RESTART_FAILURE_INTERVAL_MS,
    RESTART_JITTER,
    RESTART_MAX_DELAY_MS,
    RESTART_RESET_AFTER_MS,
    RESTART_STRATEGY,
    RESTORE,
    RING_MAX_BYTES,
    RING_MIN_BYTES,
)
from sage_local.errors import ConfigError

_ORDERED: tuple[tuple[Setting[Any], Setting[Any]], ...] = (
    (PARALLELISM, MAX_PARALLELISM),
    (RING_MIN_BYTES, RING_MAX_BYTES),
    (RESTART_DELAY_MS, RESTART_MAX_DELAY_MS),
)
"""The first may not be more than the second."""

_OF_CHECKPOINTS = (
    CHECKPOINT_INTERVAL_MS,
    CHECKPOINT_TIMEOUT_MS,
    CHECKPOINT_MIN_PAUSE_MS,
    CHECKPOINT_RETAINED,
    CHECKPOINT_DIR,
    INCREMENTAL,
    RESTORE,
)
_OF_RESTARTS = (
    RESTART_ATTEMPTS,
    RESTART_DELAY_MS,
    RESTART_MAX_DELAY_MS,
    RESTART_JITTER,
    RESTART_RESET_AFTER_MS,
    RESTART_FAILURE_INTERVAL_MS,
)

_IDLE_WITHOUT: tuple[tuple[Setting[Any], Enum, tuple[Setting[Any], ...]], ...] = (
    (CHECKPOINTING, Checkpointing.NONE, _OF_CHECKPOINTS),
    (RESTART_STRATEGY, RestartStrategy.NONE, _OF_RESTARTS),
)
"""Where the first is the second, the others would do nothing."""


def refuse_contradictions(written: Layer) -> None:
    """Raise ``ConfigError`` naming both settings."""
    for low, high in _ORDERED:
        # Two defaults can not contradict, whatever the machine makes of them: only what somebody wrote can.
        if (low.key in written or high.key in written) and _value(low, written) > _value(high, written):
            raise ConfigError(f"{_told(low, written)} is more than {_told(high, written)}")
    for switch, none, idle in _IDLE_WITHOUT:
        if _value(switch, written) is none:
            _refuse_idle(switch, idle, written)


def _refuse_idle(switch: Setting[Any], idle: tuple[Setting[Any], ...], written: Layer) -> None:
    for setting in idle:
        if setting.key in written and written[setting.key].value != setting.default:
            raise ConfigError(f"{_told(setting, written)} has no effect with {_told(switch, written)}")


def _value(setting: Setting[Any], written: Layer) -> Any:
    return written[setting.key].value if setting.key in written else setting.resolve_default()


def _told(setting: Setting[Any], written: Layer) -> str:
    entry = written.get(setting.key) or Entry(setting.resolve_default(), "its default")
    return f"{setting.key} = {as_written(setting.kind, entry.value)} ({entry.origin})"

"""What a program must be for its job to be recovered."""

from sage_local.config import (
    ENGINE,
    RESTART_STRATEGY,
    Checkpointing,
    Engine,
    RestartStrategy,
    Settings,
    checkpointing_of,
)
from sage_local.errors import ConfigError, PlanError
from sage_local.plan.graph import LogicalGraph
from sage_local.plan.operators import Source


def check_recovery(graph: LogicalGraph, settings: Settings) -> None:
    """Raise where checkpoints or restarts are asked for and can not keep their promise.

    ``PlanError`` names a source whose records are gone once they were read; ``ConfigError`` an engine without recovery.
    """
    checkpointing = checkpointing_of(settings)
    takes_checkpoints = checkpointing is not Checkpointing.NONE
    if settings[ENGINE] is Engine.INLINE:
        _refuse_inline(settings, takes_checkpoints)
    if not takes_checkpoints:
        return
    for node in graph.nodes:
        if isinstance(node.operator, Source) and not _is_replayable(node.operator):
            raise PlanError(
                f"checkpointing = {checkpointing.value} needs sources that can be read again after a restart;"
                f" {node.operator.name!r} can not: give it splits, or override seek() and set replayable = True"
            )


def _is_replayable(source: Source) -> bool:
    return source.splits is not None or bool(source.source.replayable)


def _refuse_inline(settings: Settings, takes_checkpoints: bool) -> None:
    if takes_checkpoints:
        raise ConfigError("execution.engine = inline takes no checkpoints: they are for jobs in processes")
    if settings[RESTART_STRATEGY] is not RestartStrategy.NONE:
        raise ConfigError("execution.engine = inline does not restart: an exception goes to the debugger at once")

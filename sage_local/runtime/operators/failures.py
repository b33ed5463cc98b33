"""What becomes of a record that user code failed on: the job fails, or goes on without it."""

from sage_local.core.clock import Clock
from sage_local.core.elements import Rows, Side
from sage_local.functions.output_tag import FailedRecord, OnError, OutputTag
from sage_local.runtime.metrics.table import OperatorCounters
from sage_local.runtime.protocol.blame import NO_RECORD, KeyFailed, OperatorFailed


class Diversion:
    """``on_error`` other than ``"fail"``: counts failed records, and sends them to a side output or nowhere."""

    def __init__(self, on_error: OnError, counters: OperatorCounters, clock: Clock, subtask: int) -> None:
        self._tag = on_error.name if isinstance(on_error, OutputTag) else None
        self._counters = counters
        self._clock = clock
        self._subtask = subtask

    def divert(self, failed: OperatorFailed, stamp: int | None = None) -> Side | None:
        """What to emit in place of the record. Raises again what can not be left out: a key, ``sys.exit()``."""
        if isinstance(failed, KeyFailed) or not isinstance(failed.error, Exception):
            raise failed
        self._counters.failed(1)
        if self._tag is None:
            return None
        return Side(self._tag, Rows([self._described(failed)], None, None if stamp is None else [stamp]))

    def _described(self, failed: OperatorFailed) -> FailedRecord:
        # Here and not above: only a job with a failure needs it.
        from sage_local.runtime.operators.tracebacks import user_traceback

        error = failed.error
        return FailedRecord(
            record=None if failed.record is NO_RECORD else failed.record,
            operator=failed.operator,
            subtask_index=self._subtask,
            error=f"{type(error).__name__}: {error}",
            traceback=user_traceback(error),
            time_ms=self._clock.now_ms(),
        )

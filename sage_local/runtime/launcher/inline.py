"""The other engine: the whole job in the calling process."""

from sage_local.plan.physical import Plan
from sage_local.runtime.job import Deployment, JobResult, left_out
from sage_local.runtime.launcher.receiver import OnCollected, OnProgress, write_output
from sage_local.runtime.launcher.serialization import pickle_deployment


def run_inline(plan: Plan, *, on_collected: OnCollected, on_progress: OnProgress | None = None) -> JobResult:
    """Run ``plan`` to its end in this thread: same operators, same results, same errors as ``launch``, no processes.

    Functions make the same way as to a worker, so what can not be sent there raises ``SerializationError`` here too.
    """
    from sage_local.runtime.worker import inline  # a job in processes should not pay for loading it

    pickled = pickle_deployment(Deployment(plan))
    result = inline.run_inline(
        plan, pickled=pickled, on_collected=on_collected, on_warning=_warn, on_progress=on_progress
    )
    for line in left_out(result.operators):
        _warn(line)
    return result


def _warn(text: str) -> None:
    write_output(2, f"sage: {text}\n")

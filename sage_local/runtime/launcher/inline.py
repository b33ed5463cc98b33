"""Running a job in the calling process."""

from sage_local.plan.physical import Plan
from sage_local.runtime.job import JobResult
from sage_local.runtime.launcher.receiver import OnCollected, OnProgress
from sage_local.runtime.protocol.progress import OperatorProgress, Progress


def run_inline(plan: Plan, *, on_collected: OnCollected, on_progress: OnProgress | None = None) -> JobResult:
    """Run ``plan`` to its end without another process; raises what ``JobHandle.wait`` raises.

    ``on_progress`` is called once, at the end: this thread has nothing to look at the job from while it runs it.
    """
    # Loads every operator and channel, which a job in processes of its own does not need here.
    from sage_local.runtime.worker.inline import run_inline

    result = run_inline(plan, on_collected=on_collected)
    if on_progress is not None:
        on_progress(_final(result))
    return result


def _final(result: JobResult) -> Progress:
    elapsed_s = max(result.duration_s, 1e-6)
    return Progress(
        result.duration_s,
        tuple(
            OperatorProgress(
                each.name,
                each.parallelism,
                each.records_in,
                each.records_out,
                each.records_in / elapsed_s,
                each.records_out / elapsed_s,
            )
            for each in result.operators
        ),
    )

"""Starting a job."""

import os
import re

from sage_local.errors import JobError
from sage_local.plan.physical import Plan
from sage_local.runtime.control import run_directory
from sage_local.runtime.launcher.handle import JobHandle
from sage_local.runtime.launcher.link import Link
from sage_local.runtime.launcher.processes import start_processes
from sage_local.runtime.launcher.receiver import OnCollected, OnOutput, OnProgress, Receiver
from sage_local.runtime.launcher.submission import submission_of
from sage_local.runtime.memory.fit import refuse_impossible


def launch(
    plan: Plan,
    *,
    attached: bool,
    on_output: OnOutput | None = None,
    on_collected: OnCollected | None = None,
    on_progress: OnProgress | None = None,
) -> JobHandle:
    """Start ``plan`` in processes of its own and return at once.

    ``on_output(stream, text)`` gets whole lines that workers wrote (stream 1 or 2; the default writes them to
    ``sys.stdout`` and ``sys.stderr``), ``on_collected(operator, values)`` the records of ``Collect`` operators (a
    plan that has some needs it), ``on_progress`` a look at the job a few times a second. They are called in the thread
    that receives: see ``JobHandle``. Raises ``SerializationError`` where something can not be sent to a worker,
    ``ConfigError`` where this machine can not hold the job, ``SageError`` where its run directory can not be made,
    ``JobError`` where its processes can not be started.
    """
    refuse_impossible(plan)
    root = run_directory.run_root(os.environ)
    directory, lock = run_directory.make(root, _job_id(plan.job_name))
    # Before the plan is pickled, which takes about as long as these need to be ready for it.
    try:
        processes, descriptor = start_processes(directory, lock)
    except OSError as error:
        directory.remove()
        raise JobError(f"the processes of the job could not be started: {error}") from error
    link = Link(descriptor)
    try:
        run_directory.sweep(root)
        link.send(submission_of(plan, attached=attached, wants_progress=on_progress is not None))
    except BaseException:
        # Without a submission both leave, and the coordinator removes the run directory.
        link.close()
        processes.reap()
        raise
    return JobHandle(
        plan.job_name, directory, processes, link, Receiver(on_output, on_collected, on_progress), attached=attached
    )


def _job_id(name: str) -> str:
    """Readable, fit for a file name, and no other job's."""
    readable = re.sub(r"[^A-Za-z0-9_.]+", "-", name).strip("-.")[:40] or "job"
    return f"{readable}-{os.urandom(4).hex()}"

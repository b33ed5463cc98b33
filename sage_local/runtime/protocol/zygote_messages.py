"""What the coordinator and the zygote say to each other over their socket. One message is one packet."""

from sage_local.core.data import data
from sage_local.core.ids import WorkerId


@data
class Adopt:
    """To the zygote, before the first fork: what every worker will find in ``sys.path`` and ``sys.argv``."""

    sys_path: tuple[str, ...]
    argv: tuple[str, ...]
    log_dir: str


@data
class Segments:
    """To the zygote, with one descriptor for each of ``owners``: the segments that workers inherit.

    Sent in several packets where the job has more workers than one packet may carry descriptors.
    """

    owners: tuple[WorkerId, ...]


@data
class Fork:
    """To the zygote, with three descriptors: the coordinator's eventfd, and the worker's standard output and error."""

    worker: WorkerId
    cpus: frozenset[int]
    may_spin: bool
    generation: int


ZygoteRequest = Adopt | Segments | Fork


@data
class Forked:
    """From the zygote, with a pidfd: the worker exists."""

    worker: WorkerId
    pid: int


@data
class Exited:
    """From the zygote: the worker's process is gone and reaped.

    ``status`` as from ``os.waitstatus_to_exitcode``: negative for a signal.
    """

    worker: WorkerId
    generation: int
    status: int

"""The zygote: a process with one thread that has imported what workers need and forks when asked.

It reports every worker's exit status (a pidfd tells it to a parent alone) and dies with the coordinator: when their
socket closes it kills every worker. Workers die with it in turn (``PR_SET_PDEATHSIG``), so whichever of the three is
killed, nothing outlives it.
"""

import ctypes
import faulthandler
import fcntl
import gc
import io
import os
import resource
import select
import signal
import socket
import sys
from contextlib import suppress

from sage_local.core.data import data
from sage_local.core.ids import WorkerId
from sage_local.errors import InternalError
from sage_local.runtime.control import passing
from sage_local.runtime.control.processes import close_unknown_descriptors
from sage_local.runtime.job import WorkerBoot
from sage_local.runtime.protocol.zygote_messages import Adopt, Exited, Fork, Forked, Segments, ZygoteRequest
from sage_local.runtime.scheduler.pinning import pin

_PR_SET_PDEATHSIG = 1
_OUT_OF_THE_WAY = 10
"""Descriptors below are what shells, and habits, take for free."""
_libc = ctypes.CDLL(None, use_errno=True)
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of <malloc.h>


@data
class _Child:
    worker: WorkerId
    generation: int
    pid: int


def main(descriptor: int) -> None:
    """Serve the coordinator at the other end of ``descriptor``. In a forked child: run the worker. Never returns."""
    close_unknown_descriptors(passed=1)
    # Every segment of the job passes through here, and the limit that user code sees is its own.
    open_files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for number in (signal.SIGINT, signal.SIGTERM):
        # A handler and not SIG_IGN, which programs started by user code would inherit.
        signal.signal(number, _told_by_the_coordinator)
    _keep_freed_memory()
    _preload()
    boot = Zygote(socket.socket(fileno=descriptor), open_files).serve()
    if boot is None:
        os._exit(0)
    _run_worker(boot)


class Zygote:
    """Forks workers and waits for what happens to them."""

    def __init__(self, connection: socket.socket, open_files: int) -> None:
        self._connection = connection
        self._open_files = open_files
        self._children: dict[int, _Child] = {}
        self._segments: dict[WorkerId, int] = {}
        self._adopted = Adopt((), (), "")
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)

    def serve(self) -> WorkerBoot | None:
        """Until the coordinator is gone (``None``, no worker is left), or in a child what it was born with."""
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor in self._children:
                    self._report_exit(descriptor)
                    continue
                packet = passing.receive(self._connection)
                if packet is None:
                    self._kill_all()
                    self._connection.close()
                    return None
                boot = self._obey(*packet)
                if boot is not None:
                    return boot

    def _obey(self, request: ZygoteRequest, descriptors: list[int]) -> WorkerBoot | None:
        match request:
            case Adopt():
                self._adopted = request
            case Segments(owners):
                self._segments.update(zip(owners, descriptors, strict=True))
            case Fork():
                return self._fork(request, *descriptors)
        return None

    def _fork(self, request: Fork, eventfd: int, stdout: int, stderr: int) -> WorkerBoot | None:
        refuse_threads()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            return self._in_child(request, parent, eventfd, stdout, stderr)
        for descriptor in (eventfd, stdout, stderr):
            os.close(descriptor)
        pidfd = os.pidfd_open(pid)
        self._children[pidfd] = _Child(request.worker, request.generation, pid)
        self._poll.register(pidfd, select.POLLIN)
        passing.send(self._connection, Forked(request.worker, pid), [pidfd])
        return None

    def _in_child(self, request: Fork, parent: int, eventfd: int, stdout: int, stderr: int) -> WorkerBoot:
        _die_with(parent)
        # A group of its own, so that what user code starts can be ended with it.
        os.setpgid(0, 0)
        self._connection.close()
        for pidfd in self._children:
            os.close(pidfd)
        _redirect(stdout, 1)
        _redirect(stderr, 2)
        sys.stdout = _text_stream(1, line_buffering=False)
        sys.stderr = _text_stream(2, line_buffering=True)
        pin(request.cpus)
        # A crash in a C library shows the Python stack it happened under.
        faulthandler.enable()
        sys.path[:] = self._adopted.sys_path
        sys.argv[:] = self._adopted.argv
        return WorkerBoot(
            worker=request.worker,
            cpus=request.cpus,
            segment_fds=self._segments,
            coordinator_eventfd=eventfd,
            log_dir=self._adopted.log_dir,
            generation=request.generation,
            open_files=self._open_files,
            may_spin=request.may_spin,
        )

    def _report_exit(self, pidfd: int) -> None:
        child = self._forget(pidfd)
        # Before it is reaped: until then its pid, and so the group's, can not be another's.
        _kill_group(child.pid)
        _, status = os.waitpid(child.pid, 0)
        passing.send(self._connection, Exited(child.worker, child.generation, os.waitstatus_to_exitcode(status)))

    def _forget(self, pidfd: int) -> _Child:
        self._poll.unregister(pidfd)
        os.close(pidfd)
        return self._children.pop(pidfd)

    def _kill_all(self) -> None:
        for child in self._children.values():
            os.kill(child.pid, signal.SIGKILL)
        for child in self._children.values():
            _kill_group(child.pid)
            os.waitpid(child.pid, 0)


def refuse_threads() -> None:
    """Raise where this process has several threads: a lock that another one holds would never open in the child."""
    threads = os.listdir("/proc/self/task")
    if len(threads) != 1:
        names = [_thread_name(thread) for thread in threads]
        raise InternalError(
            f"the zygote must have one thread before it forks; it has {len(threads)}: {', '.join(names)}"
        )


def _thread_name(thread: str) -> str:
    with open(f"/proc/self/task/{thread}/comm") as file:
        return file.read().strip()


def _keep_freed_memory() -> None:
    """Have the C library keep what one batch needed for the next, else it is mapped and zeroed anew, page by page.

    glibc maps and unmaps each buffer of 128 KiB and more, until it has seen one of them freed, and returns what is free
    at the end of the heap from twice the size of that one on.
    """
    if hasattr(_libc, "mallopt"):  # musl has none
        _libc.mallopt(_M_MMAP_THRESHOLD, 8 << 20)
        _libc.mallopt(_M_TRIM_THRESHOLD, 16 << 20)


def _preload() -> None:
    """Import what every worker of rows needs, before any is asked for; the collector was off until here."""
    import cloudpickle

    import sage_local.runtime.worker.main

    del cloudpickle, sage_local
    # What exists now lives for ever: the collector of a child must not touch, and so copy, the pages it shares with us.
    gc.freeze()
    # State is millions of small lists and tuples that live long. With CPython's default of 700 the collector walks over
    # them so often that sliding windows take nearly twice the time; garbage in cycles is rare, and waits a little.
    gc.set_threshold(50_000, 20, 20)
    gc.enable()


def _run_worker(boot: WorkerBoot) -> None:
    import atexit
    import traceback

    from sage_local.runtime.worker.main import run

    status = 1
    try:
        run(boot)
        atexit._run_exitfuncs()
        status = 0
    except BaseException:  # The edge of the process: whatever it is, it is shown and becomes the exit status.
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            # User code may have put anything in their place.
            with suppress(OSError, ValueError, AttributeError):
                stream.flush()
        # Without finalisation: it frees, object by object, what the kernel takes back at once.
        os._exit(status)


def _die_with(parent: int) -> None:
    if _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        os._exit(1)


def _text_stream(descriptor: int, *, line_buffering: bool) -> io.TextIOWrapper:
    """What the coordinator and the caller read is UTF-8, whatever the locale.

    A new stream: that of the zygote may remember a file that its descriptor was, and seek in what is a pipe now. On a
    descriptor of its own: where user code closes 1, the next file it opens is 1.
    """
    raw = io.FileIO(fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _OUT_OF_THE_WAY), "w")
    buffer = io.BufferedWriter(raw)
    return io.TextIOWrapper(buffer, "utf-8", "backslashreplace", line_buffering=line_buffering)


def _redirect(source: int, target: int) -> None:
    os.dup2(source, target)
    os.close(source)


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _told_by_the_coordinator(_signal: int, _frame: object) -> None:
    """Ctrl-C and a service manager's SIGTERM reach every process; what they mean is decided in one."""
